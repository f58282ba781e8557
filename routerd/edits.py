"""Edits of router.yaml as values: who asks for one, what it did, why it was not made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from routerd.config.difference import Difference
from routerd.config.problem import Problem
from routerd.state.generations import Source

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig


class Refused(Exception):
    """An edit that is not made; the file is as it was. `kind` says why for programs, the text for people."""

    def __init__(self, kind: str, detail: str, problems: Sequence[Problem] = (), diff: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.problems = tuple(problems)
        self.diff = diff


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants an edit, of which version of the file (None: of whatever is there), and whether only to see it."""

    actor: str
    source: Source
    if_match: Callable[[str], bool] | None = None
    dry_run: bool = False
    may_refer: bool = False  # bring in references: what served before may serve again


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of the commit of an edit: its name, or the reason why there is none."""

    name: str | None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        return {"commit": self.name, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did, or would do: the lines, the changes, what is worth saying of the new text, what that means."""

    diff: str
    changes: tuple[Difference, ...]
    problems: tuple[Problem, ...]
    digest: str
    generation: int
    config: RouterConfig | None = field(default=None, repr=False)
    commit: Commit | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        return {
            "diff": self.diff,
            "changes": [change.as_json() for change in self.changes],
            "problems": [problem.as_json() for problem in self.problems],
        }
