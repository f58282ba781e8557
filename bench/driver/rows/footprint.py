"""What routerd takes before it does anything: time to start, memory, and what loading the control plane disturbs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from driver.ask import get, seconds_to_first_answer
from driver.bench import Bench
from driver.figures import Figure
from driver.load import Outcome, Plan
from driver.mock import STEADY_DELAY_MS, STEADY_EVENTS
from driver.samples import Samples
from driver.subjects import Subject

_SETTLE = 1.0
_STEADY_STREAMS = 8
# An event is late when it comes so long after its due time.
LATE_MS = 20


def cold_start(bench: Bench) -> list[Figure]:
    """From spawning the process to its first 200 on /v1; files in the page cache, `.pyc` files written."""
    _start_each(bench, 0)  # warms the page cache
    taken = bench.rounds.take(bench.length.starts, partial(_start_each, bench))
    samples = Samples({name: [found[name] for found in taken] for name in taken[0]})
    medians = samples.medians()
    return [Figure("cold-start", "cold start to the first /v1 200, s", medians, medians["routerd"], samples.rounds)]


def _start_each(bench: Bench, number: int) -> dict[str, float]:
    seconds = {}
    for start in bench.starters():
        subject = start()
        with subject.process:
            door = subject.door("fast")
            body = bench.bodies.chat(door.model)
            seconds[subject.name] = seconds_to_first_answer(subject.process, door, body)
    return seconds


def memory(bench: Bench) -> list[Figure]:
    """Resident memory after the first answer, and after a load from 32 connections."""
    idle, loaded, proportional = {}, {}, {}
    for start in bench.starters():
        subject = start()
        with subject.process:
            idle[subject.name], loaded[subject.name], proportional[subject.name] = memory_of(bench, subject)
    return [
        Figure("memory-idle", "data plane: memory idle, MB (RSS)", idle, idle["routerd"]),
        Figure("memory-idle-pss", "data plane: memory idle, MB (PSS)", proportional, proportional["routerd"]),
        Figure("memory-loaded", "data plane: memory after load, MB (RSS)", loaded, loaded["routerd"]),
    ]


def memory_of(bench: Bench, subject: Subject) -> tuple[float, float, float]:
    """Megabytes: RSS idle, RSS after load, PSS idle."""
    door = subject.door("fast")
    body = bench.bodies.chat(door.model)
    seconds_to_first_answer(subject.process, door, body)
    time.sleep(_SETTLE)
    idle = subject.process.memory()
    bench.load.run(door, Plan(body, seconds=2.0)).must_be_clean()
    return idle.rss, subject.process.memory().rss, idle.pss


@dataclass(frozen=True)
class Disturbance:
    """What a control-plane request did: seconds until its answer, MB afterwards, and the streams that ran meanwhile."""

    seconds: float
    memory: float
    streams: Outcome


def control_plane(bench: Bench) -> list[Figure]:
    """GET / loads the control plane while eight streams run: are their events late, and what does memory grow to?"""
    [(calm, asked)] = bench.rounds.take(1, lambda _: (_disturb(bench, is_asked=False), _disturb(bench, is_asked=True)))
    lateness = {
        "calm": calm.streams.gap_max / 1000 - STEADY_DELAY_MS,
        "routerd": asked.streams.gap_max / 1000 - STEADY_DELAY_MS,
    }
    late = {"calm": float(calm.streams.late), "routerd": float(asked.streams.late)}
    return [
        Figure("control-memory", "with the control plane loaded: memory, MB (RSS)", {"routerd": asked.memory},
               asked.memory),
        Figure("control-late", f"stream events late by it (> {LATE_MS} ms)", late, late["routerd"],
               note="calm: the same streams without it"),
        Figure("control-lateness", "the latest of them, ms after its time", lateness, lateness["routerd"]),
        Figure("control-seconds", "GET / that loads it, s", {"routerd": asked.seconds}, asked.seconds),
    ]  # fmt: skip


def _disturb(bench: Bench, *, is_asked: bool) -> Disturbance:
    routerd = bench.spawn_routerd()
    with routerd.process:
        door = routerd.door("steady", stream=True)
        seconds_to_first_answer(routerd.process, routerd.door("fast"), bench.bodies.chat("fast"))
        plan = Plan(
            bench.bodies.chat(door.model, stream=True), _STEADY_STREAMS, seconds=30, requests=_STEADY_STREAMS,
            events=STEADY_EVENTS, late_ms=STEADY_DELAY_MS + LATE_MS,
        )  # fmt: skip
        running = bench.load.begin(door, plan)
        time.sleep(1.0)
        begun = time.monotonic()
        if is_asked:
            get(routerd.port, "/")
        seconds = time.monotonic() - begun
        streams = bench.load.end(running).must_be_clean()
        return Disturbance(seconds, routerd.process.memory().rss, streams)
