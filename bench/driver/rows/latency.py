"""Latency of one connection that asks again and again."""

from __future__ import annotations

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Plan
from driver.samples import Samples, interleave
from driver.subjects import Direct, Passage

_SECONDS = 0.5


def medians_of_one(bench: Bench, passages: list[Passage]) -> Samples:
    """The p50 in microseconds at one connection, for each way to the mock, in interleaved rounds."""

    def p50(passage: Passage) -> float:
        door = passage.door("fast")
        plan = Plan(bench.bodies.chat(door.model), connections=1, seconds=_SECONDS)
        return bench.load.run(door, plan).must_be_clean().p50

    for passage in passages:
        p50(passage)
    return Samples(interleave(bench.rounds, passages, bench.length.latency_rounds, p50))


def added(samples: Samples) -> Samples:
    """What each proxy adds to the direct way, round by round."""
    direct = samples.rounds["direct"]
    return Samples({
        name: [max(one - base, 1.0) for one, base in zip(values, direct, strict=True)]
        for name, values in samples.rounds.items()
        if name != "direct"
    })  # fmt: skip


def one_connection(bench: Bench) -> list[Figure]:
    """p50 at one connection: direct, through nginx, through routerd."""
    with bench.proxies() as proxies:
        samples = medians_of_one(bench, [Direct(bench.mock.ports), *proxies])
    more = added(samples)
    return [
        Figure("latency-added", "added latency at c=1, p50, µs", more.medians(), more.ratio("routerd", "nginx"),
               more.rounds),
        Figure("latency", "latency at c=1, p50, µs", samples.medians(), samples.ratio("routerd", "nginx"),
               samples.rounds),
    ]  # fmt: skip
