"""Numbers taken in turn, and what is left of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol, TypeVar

from driver.rounds import Rounds, Value


class Named(Protocol):
    """Whatever is measured."""

    @property
    def name(self) -> str: ...


Measured = TypeVar("Measured", bound=Named)


@dataclass(frozen=True)
class Samples:
    """One number per round for each subject."""

    rounds: dict[str, list[float]]
    # Of each subject, where they were taken: the share of its core that it used; work, and writes, for each read.
    busy: dict[str, float] = field(default_factory=dict)
    work_per_read: dict[str, float] = field(default_factory=dict)
    writes_per_read: dict[str, float] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        return {name: median(values) for name, values in self.rounds.items()}

    def ratio(self, name: str, base: str) -> float:
        """The median of the rounds' own ratios, so that whatever slows a whole round down falls out."""
        return median(one / other for one, other in zip(self.rounds[name], self.rounds[base], strict=True))


def interleave(
    rounds: Rounds, subjects: list[Measured], count: int, measure: Callable[[Measured], Value]
) -> dict[str, list[Value]]:
    """Measure every subject once per round, every other round in reverse order, so that drift hits all alike."""

    def one(number: int) -> dict[str, Value]:
        return {subject.name: measure(subject) for subject in _in_turn(subjects, number)}

    taken = rounds.take(count, one)
    return {subject.name: [found[subject.name] for found in taken] for subject in subjects}


def _in_turn(subjects: list[Measured], number: int) -> Iterable[Measured]:
    return subjects if number % 2 == 0 else reversed(subjects)
