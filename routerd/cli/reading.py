"""router.yaml as verbs read it: what is wrong, and what to do where there is none yet."""

from __future__ import annotations

from pathlib import Path

from routerd.cli.trouble import Trouble
from routerd.config.file import ConfigFileError, Read, read


def read_config(path: Path) -> Read:
    """The file at `path`. Raises Trouble."""
    try:
        return read(path)
    except ConfigFileError as error:
        raise unusable(error) from None


def unusable(error: ConfigFileError) -> Trouble:
    """What to say of a file that can't be read or written."""
    return Trouble(str(error), cure_of(error.trouble))


def cure_of(trouble: str) -> str | None:
    """What to do about it; `trouble` is that of a `ConfigFileError` or of a `Rejected`."""
    return "`routerd init` writes a first one" if trouble == "missing" else None
