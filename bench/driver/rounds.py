"""Rounds, and which of them count: one in which the hypervisor took much of the machine is taken again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Generic, TypeVar

from driver.machine import Neighbours

MOST_STOLEN = 0.03  # of the machine; a round that lost more is taken again
_LEAST_REPEATS = 3

Value = TypeVar("Value")


@dataclass(frozen=True)
class Census:
    """Rounds that count, how many more were taken, and how many count though more than MOST_STOLEN was stolen."""

    counted: int = 0
    repeated: int = 0
    disturbed: int = 0

    def __add__(self, other: Census) -> Census:
        counts = zip(astuple(self), astuple(other), strict=True)
        return Census(*(one + more for one, more in counts))

    def __sub__(self, before: Census) -> Census:
        counts = zip(astuple(self), astuple(before), strict=True)
        return Census(*(now - then for now, then in counts))

    def __str__(self) -> str:
        disturbed = f", {self.disturbed} of them disturbed" if self.disturbed else ""
        return f"{self.repeated} beside {self.counted} that count{disturbed}"


@dataclass(frozen=True)
class _Round(Generic[Value]):
    found: Value
    stolen: float

    @property
    def is_calm(self) -> bool:
        return self.stolen <= MOST_STOLEN


class Rounds:
    """Takes rounds, each of all subjects, and counts them. What was measured has no say in which of them count."""

    def __init__(self, watch: Callable[[], Neighbours] = Neighbours) -> None:
        self.census = Census()
        self._watch = watch

    def take(self, count: int, measure: Callable[[int], Value]) -> list[Value]:
        """What `count` rounds found, each given its number: calm ones, or the calmest of twice as many."""
        taken: list[_Round[Value]] = []
        most = count + max(count, _LEAST_REPEATS)
        while (calm := _calm(taken)) < count and len(taken) < most:
            taken.append(self._one(measure, calm))
        kept = sorted(sorted(range(len(taken)), key=lambda at: taken[at].stolen)[:count])
        chosen = [taken[at] for at in kept]
        self.census += Census(count, len(taken) - count, count - _calm(chosen))
        return [one.found for one in chosen]

    def _one(self, measure: Callable[[int], Value], number: int) -> _Round[Value]:
        neighbours = self._watch()
        found = measure(number)
        return _Round(found, neighbours.stolen())


def _calm(rounds: Iterable[_Round[Value]]) -> int:
    return sum(one.is_calm for one in rounds)
