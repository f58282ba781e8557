"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that `word` most likely stands for, or None."""
    return _closest(word, tuple(choices))


@lru_cache(maxsize=256)  # the same slip is often made all over a file, and a look costs a millisecond
def _closest(word: str, choices: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches  # 3 ms that only a file with problems pays

    folded = {_fold(choice): choice for choice in choices}
    found = get_close_matches(_fold(word), list(folded), n=1, cutoff=0.65)
    return folded[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The hint for a misspelt `word`, or None when nothing comes near."""
    found = closest(word, choices)
    return f"did you mean `{found}`?" if found is not None else None


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
