"""Capacity: what a CPU-second of the proxy's process group brings, under load from 32 connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from driver.bench import Bench
from driver.figures import Figure, ratio_figure
from driver.load import Plan
from driver.mock import STREAM_EVENTS
from driver.process import Effort
from driver.samples import Samples, interleave
from driver.subjects import Door, Subject

CONNECTIONS = 32
_WARM_UP = 0.3


def per_cpu_second(
    bench: Bench, subjects: list[Subject], upstream: str = "fast", size: int = 1000, stream: bool = False
) -> Samples:
    """Requests, or the events of paced streams, for each CPU-second of each subject."""

    def ask(subject: Subject) -> tuple[Door, Plan]:
        door = subject.door(upstream, stream)
        body = bench.bodies.chat(door.model, size, stream)
        return door, Plan(body, CONNECTIONS, events=STREAM_EVENTS if stream else None)

    return work_per_cpu_second(bench, subjects, ask)


@dataclass(frozen=True)
class _Round:
    """One load on one subject: how much work it was, in how many seconds, and what it took."""

    work: int
    seconds: float
    effort: Effort


def work_per_cpu_second(bench: Bench, subjects: list[Subject], ask: Callable[[Subject], tuple[Door, Plan]]) -> Samples:
    """Requests, or events where the plan counts them, for each CPU-second of each subject, in interleaved rounds."""

    def load(subject: Subject) -> _Round:
        return _load(bench, subject, *ask(subject), bench.length.seconds)

    for subject in subjects:
        _load(bench, subject, *ask(subject), _WARM_UP)
    rounds = interleave(bench.rounds, subjects, bench.length.rounds, load)

    def medians(of: Callable[[_Round], float]) -> dict[str, float]:
        return {name: median(map(of, taken)) for name, taken in rounds.items()}

    return Samples(
        {name: [one.work / one.effort.cpu for one in taken] for name, taken in rounds.items()},
        busy=medians(lambda one: one.effort.cpu / one.seconds),
        work_per_read=medians(lambda one: one.work / max(1, one.effort.reads)),
        writes_per_read=medians(lambda one: one.effort.writes / max(1, one.effort.reads)),
    )


def _load(bench: Bench, subject: Subject, door: Door, plan: Plan, seconds: float) -> _Round:
    before = subject.process.effort()
    outcome = bench.load.run(door, replace(plan, seconds=seconds)).must_be_clean()
    work = outcome.ok if plan.events is None else outcome.events
    return _Round(work, outcome.seconds, subject.process.effort() - before)


def core_busy(samples: Samples) -> str:
    """A proxy far from 100 % was not the bottleneck: the machine was shared, or load and mock were."""
    return "core busy " + ", ".join(f"{name} {share:.0%}" for name, share in samples.busy.items())


def whole(bench: Bench) -> list[Figure]:
    """Whole replies of 1.1 kB to requests of 1 kB."""
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies)
    return [ratio_figure("whole", "requests/CPU-s, 1 kB replies, 32 connections", samples, core_busy(samples))]


def tls(bench: Bench) -> list[Figure]:
    """The same with TLS 1.3 between the proxy and the upstream."""
    if not bench.mock.has_tls:
        bench.progress("tls: skipped, the mock was built without OpenSSL (apt-get install libssl-dev openssl)")
        return []
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies, "tls")
    return [ratio_figure("tls", "the same, TLS to the upstream", samples, core_busy(samples))]


def prompts(bench: Bench) -> list[Figure]:
    """Large prompts: 50 kB, 200 kB and, when there is time, 1 MB; whole replies."""
    sizes = {"prompt-50k": (50_000, "50 kB"), "prompt-200k": (200_000, "200 kB")}
    if bench.length.is_thorough:
        sizes["prompt-1m"] = (1_000_000, "1 MB")
    figures = []
    with bench.proxies() as proxies:
        for key, (size, name) in sizes.items():
            samples = per_cpu_second(bench, proxies, size=size)
            figures.append(ratio_figure(key, f"requests/CPU-s, {name} prompts", samples, core_busy(samples)))
    return figures


def streams(bench: Bench) -> list[Figure]:
    """Streams of 202 events that the mock paces at 2 ms."""
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies, stream=True)
    return [ratio_figure("streams", "stream events/CPU-s, 32 paced streams", samples, core_busy(samples))]
