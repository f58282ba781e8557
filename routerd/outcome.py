"""What came of a look at router.yaml, and how the file is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from routerd.config.difference import Difference, summary
from routerd.config.problem import Problem
from routerd.state.generations import Record, Source, stamp

Result = Literal["adopted", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a look at the file. `generation` and `digest` are of what serves after it, `at` is in seconds.

    `about` is the digest of a text that was rejected; `problems` has warnings, too.
    """

    at: float
    result: Result
    source: Source
    actor: str | None
    generation: int
    digest: str
    about: str | None = None
    problems: tuple[Problem, ...] = ()
    reason: str | None = None
    changes: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        return {
            "at": stamp(self.at),
            "result": self.result,
            "source": self.source,
            "actor": self.actor,
            "generation": self.generation,
            "digest": self.digest,
            "reason": self.reason,
            "problems": [problem.as_json() for problem in self.problems],
            "changes": [change.as_json() for change in self.changes],
        }


@dataclass(frozen=True, slots=True)
class FileState:
    """How the file is: `ok`, or what is wrong with it and what to do. `is_served`: its text is what serves."""

    word: str
    cure: str | None
    is_served: bool


def record(outcome: Outcome) -> Record:
    """What the history keeps of it."""
    is_accepted = outcome.result == "adopted"
    return Record(
        outcome.generation if is_accepted else None,
        outcome.at,
        outcome.source,
        outcome.actor,
        outcome.digest if is_accepted else outcome.about,
        summary(outcome.changes) if outcome.changes else "",
        "accepted" if is_accepted else "problems",
        [problem.as_json() for problem in outcome.problems]
        or ([{"severity": "error", "message": outcome.reason}] if outcome.reason else []),
    )
