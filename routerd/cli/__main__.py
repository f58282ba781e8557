"""python -m routerd.cli: as `routerd`, and with `--export` and `--restore` as the system before this one had them."""

from __future__ import annotations

import sys

from routerd.cli.main import main

_OF_OLD = {"--export": "backup", "--restore": "restore"}

if __name__ == "__main__":
    main([_OF_OLD.get(word, word) if at == 0 else word for at, word in enumerate(sys.argv[1:])])
