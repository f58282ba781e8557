"""The pages have words for every kind of error, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

from routerd.errors import KINDS

WORDS = Path(__file__).parents[2] / "frontend/src/api/kinds.ts"


def test_every_kind_has_words() -> None:
    told = re.findall(r'^  (\w+): \{ words: "', WORDS.read_text(), re.MULTILINE)
    assert sorted(told) == sorted([*KINDS, "cancelled"])
