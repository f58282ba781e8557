"""Capacity: what a CPU-second of the proxy's process group brings, under load from 32 connections."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from driver.bench import Bench
from driver.figures import Figure, ratio_figure
from driver.load import Plan
from driver.mock import STREAM_EVENTS
from driver.samples import Samples, interleave
from driver.subjects import Subject

_CONNECTIONS = 32
_WARM_UP = 0.3


def per_cpu_second(
    bench: Bench, subjects: list[Subject], upstream: str = "fast", size: int = 1000, stream: bool = False
) -> Samples:
    """Requests, or the events of paced streams, for each CPU-second of each subject, in interleaved rounds."""

    busy: dict[str, list[float]] = {subject.name: [] for subject in subjects}

    def load(subject: Subject, seconds: float) -> float:
        door = subject.door(upstream, stream)
        body = bench.bodies.chat(door.model, size, stream)
        plan = Plan(body, _CONNECTIONS, seconds, events=STREAM_EVENTS if stream else None)
        before = subject.process.cpu_seconds()
        outcome = bench.load.run(door, plan).must_be_clean()
        used = subject.process.cpu_seconds() - before
        busy[subject.name].append(used / outcome.seconds)
        return (outcome.events if stream else outcome.ok) / used

    for subject in subjects:
        load(subject, _WARM_UP)
    samples = interleave(subjects, bench.length.rounds, lambda subject: load(subject, bench.length.seconds))
    return replace(samples, busy={name: median(shares[1:]) for name, shares in busy.items()})


def _busy(samples: Samples) -> str:
    """A proxy far from 100 % was not the bottleneck: the machine was shared, or load and mock were."""
    return "core busy " + ", ".join(f"{name} {share:.0%}" for name, share in samples.busy.items())


def whole(bench: Bench) -> list[Figure]:
    """Whole replies of 1.1 kB to requests of 1 kB."""
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies)
    return [ratio_figure("whole", "requests/CPU-s, 1 kB replies, 32 connections", samples, _busy(samples))]


def tls(bench: Bench) -> list[Figure]:
    """The same with TLS 1.3 between the proxy and the upstream."""
    if not bench.mock.has_tls:
        bench.progress("tls: skipped, the mock was built without OpenSSL (apt-get install libssl-dev openssl)")
        return []
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies, "tls")
    return [ratio_figure("tls", "the same, TLS to the upstream", samples, _busy(samples))]


def prompts(bench: Bench) -> list[Figure]:
    """Large prompts: 50 kB, 200 kB and, when there is time, 1 MB; whole replies."""
    sizes = {"prompt-50k": (50_000, "50 kB"), "prompt-200k": (200_000, "200 kB")}
    if bench.length.is_thorough:
        sizes["prompt-1m"] = (1_000_000, "1 MB")
    figures = []
    with bench.proxies() as proxies:
        for key, (size, name) in sizes.items():
            samples = per_cpu_second(bench, proxies, size=size)
            figures.append(ratio_figure(key, f"requests/CPU-s, {name} prompts", samples, _busy(samples)))
    return figures


def streams(bench: Bench) -> list[Figure]:
    """Streams of 202 events that the mock paces at 2 ms."""
    with bench.proxies() as proxies:
        samples = per_cpu_second(bench, proxies, stream=True)
    return [ratio_figure("streams", "stream events/CPU-s, 32 paced streams", samples, _busy(samples))]
