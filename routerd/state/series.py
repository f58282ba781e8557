"""Numbers over time, as charts want them: one list for each, with one number for each bucket of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

BOUNDS = (
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000,
    60_000, 120_000, 300_000, 600_000, 1_800_000,
)  # fmt: skip
"""Milliseconds up to which durations are counted, before all of them: percentiles are told from these."""

MOST_NAMES = 20  # of routes; callers make some up
OTHER = "other"
_WIDTHS = (10, 60, 300, 900, 3_600, 21_600, 86_400)
_MOST_BUCKETS = 120


class Line(Struct):
    """What was counted of one bucket, route and provider.

    `counts` are those of `BOUNDS`, each with all before it, and last of all.
    """

    bucket: int
    route: str | None
    provider: str | None
    requests: int
    errors: int
    attempts: int
    failures: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    counts: list[int]


class Numbers(Struct):
    """A number for each bucket. Percentiles are of answers that went well, in milliseconds; null: there were none.

    A cost is in US dollars, as far as prices are known; null: none is.
    """

    requests: list[int]
    errors: list[int]
    prompt_tokens: list[int]
    completion_tokens: list[int]
    cost: list[float | None]
    p50_ms: list[float | None]
    p95_ms: list[float | None]


class Series(Struct):
    """How it went over time. `buckets` are when each begins; of providers attempts are counted, else requests."""

    bucket_seconds: int
    buckets: list[str]
    total: Numbers
    by_provider: dict[str, Numbers]
    by_route: dict[str, Numbers]


def width_of(seconds: int) -> int:
    """How many seconds a bucket is wide, of so many in all."""
    return next((width for width in _WIDTHS if seconds <= width * _MOST_BUCKETS), _WIDTHS[-1])


def series_of(lines: list[Line], width: int, buckets: list[str]) -> Series:
    """The lines, put together in each way."""
    many = len(buckets)
    routes = _largest(lines)
    by_provider = [(line.provider, line) for line in lines if line.provider is not None and line.attempts]
    by_route = [(line.route if line.route in routes else OTHER, line) for line in lines if line.route is not None]
    return Series(
        width,
        buckets,
        _numbers(lines, many),
        _grouped(by_provider, many, is_attempts=True),
        _grouped(by_route, many),
    )


def _largest(lines: list[Line]) -> set[str]:
    counted: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        if line.route is not None:
            counted[line.route] += line.requests
    return set(sorted(counted, key=lambda name: -counted[name])[:MOST_NAMES])


def _grouped(
    named: Iterable[tuple[str | None, Line]], buckets: int, *, is_attempts: bool = False
) -> dict[str, Numbers]:
    groups: defaultdict[str, list[Line]] = defaultdict(list)
    for name, line in named:
        groups[name or OTHER].append(line)
    return {name: _numbers(lines, buckets, is_attempts=is_attempts) for name, lines in groups.items()}


def _numbers(lines: list[Line], buckets: int, *, is_attempts: bool = False) -> Numbers:
    none = [0] * buckets
    numbers = Numbers([*none], [*none], [*none], [*none], [None] * buckets, [], [])
    counts = [[0] * (len(BOUNDS) + 1) for _ in range(buckets)]
    for line in lines:
        at = line.bucket
        if not 0 <= at < buckets:
            continue
        numbers.requests[at] += line.attempts if is_attempts else line.requests
        numbers.errors[at] += line.failures if is_attempts else line.errors
        numbers.prompt_tokens[at] += line.prompt_tokens or 0
        numbers.completion_tokens[at] += line.completion_tokens or 0
        if line.cost is not None:
            numbers.cost[at] = (numbers.cost[at] or 0.0) + line.cost
        counts[at] = [one + other for one, other in zip(counts[at], line.counts, strict=True)]
    numbers.p50_ms = [percentile(of_bucket, 0.50) for of_bucket in counts]
    numbers.p95_ms = [percentile(of_bucket, 0.95) for of_bucket in counts]
    return numbers


def percentile(counts: list[int], share: float) -> float | None:
    """About the duration that a share of the answers did not exceed, in milliseconds; None: there were none.

    Of what took longer than the last bound no more is known than that.
    """
    wanted = counts[-1] * share
    if not counts[-1]:
        return None
    for (low, below), (high, count) in pairwise(zip((0, *BOUNDS), (0, *counts[:-1]), strict=True)):
        if count >= wanted:
            return round(low + (high - low) * (wanted - below) / (count - below), 1)
    return float(BOUNDS[-1])
