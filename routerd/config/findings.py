"""Where the cross-checks put what they find."""

from __future__ import annotations

from collections.abc import Iterable

from routerd.config.document import Document
from routerd.config.problem import Path, Problem, Severity, path_text
from routerd.config.shape import Shaped, written


class Findings:
    """Collects problems, each with its place in the document."""

    def __init__(self, document: Document, shaped: Shaped) -> None:
        self._document = document
        self._shaped = shaped
        self._entries = frozenset(hole[:2] for hole in shaped.broken)
        self.problems: list[Problem] = []

    def error(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        """The config can't be used. `key`: the fault is in the key at `path`, not in its value."""
        self._add("error", path, message, hint, key)

    def warning(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        """The config can be used, but hardly does what is meant."""
        self._add("warning", path, message, hint, key)

    def _add(self, severity: Severity, path: Path, message: str, hint: str | None, key: bool) -> None:
        if path in self._shaped.assumed:
            return  # nobody wrote that, and what was written there has been told
        path = written(path, self._shaped.renamed)
        line, column = self._document.position(path, key)
        self.problems.append(Problem(severity, line, column, path_text(self._document.find(path).path), message, hint))

    def is_whole(self, entry: Path) -> bool:
        """Whether all of an entry, such as `("routes", NAME)`, was understood: what a broken one lacks is no news."""
        return self._entries.isdisjoint((entry, entry[:1], ()))

    def is_clear(self, entry: Path, *keys: str) -> bool:
        """Whether an entry was understood as far as these keys go, and has none that could be one of them misspelt."""
        return self._shaped.broken.isdisjoint(((), entry[:1], entry, *((*entry, key) for key in keys)))

    def names(self, section: str, understood: Iterable[str]) -> list[str]:
        """All names in a section of the document, those of broken entries included."""
        found = self._document.find((section,))
        entries = found.value.value if found.path else None
        return list(dict.fromkeys([*understood, *(entries if isinstance(entries, dict) else ())]))
