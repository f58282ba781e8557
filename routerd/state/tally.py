"""Counts since the start: what /metrics and the statistics say. Bounded, whatever callers make up."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TypeVar

MOST_SERIES = 2_000  # targets; configs come and go while the process stays
OTHER = "other"

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
PER_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0)
OVERHEAD = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5)
KINDS_OF_TOKENS = ("prompt", "completion", "cached", "cache_write", "reasoning")


_Name = TypeVar("_Name")


def one_more(counts: dict[_Name, int], name: _Name) -> None:
    """Count one. (`+=` on a `collections.Counter` takes three times as long.)"""
    counts[name] = counts.get(name, 0) + 1


class Histogram:
    """How often a value was at most each of `bounds`; the last count is of what was more."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def __bool__(self) -> bool:
        """Whether there was any."""
        return any(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: upper bound and how many were at most that, ending with `+Inf`."""
        told: list[tuple[str, float]] = []
        count = 0
        for bound, more in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            count += more
            told.append((str(bound), count))
        return told


@dataclass(slots=True)
class OfTarget:
    """What attempts at one model of one provider came to. `outcomes` by error kind, `ok` without one."""

    outcomes: dict[str, int] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=lambda: [0] * len(KINDS_OF_TOKENS))  # in that order
    cost: float | None = None  # US dollars; None: of no attempt is it known
    unpriced: int = 0  # attempts with tokens, and no known price
    duration: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    ttft: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    per_token: Histogram = field(default_factory=lambda: Histogram(PER_TOKEN))


@dataclass(slots=True)
class Tally:
    """Everything that is counted. `requests` by route, status and error kind (None: none)."""

    requests: dict[tuple[str, int, str | None], int] = field(default_factory=dict)
    targets: dict[tuple[str, str], OfTarget] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)  # by provider
    failovers: dict[str, int] = field(default_factory=dict)  # by route
    overhead: Histogram = field(default_factory=lambda: Histogram(OVERHEAD))

    def target(self, provider: str, model: str) -> OfTarget:
        """The counts of a target; those beyond `MOST_SERIES` share one."""
        key = (provider, model)
        if key not in self.targets and len(self.targets) >= MOST_SERIES:
            key = (OTHER, OTHER)
        found = self.targets.get(key)
        if found is None:
            found = self.targets[key] = OfTarget()
        return found
