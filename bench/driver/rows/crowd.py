"""A thousand streams at once."""

from __future__ import annotations

import time

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Outcome, Plan
from driver.mock import STREAM_EVENTS
from driver.subjects import Subject

_STREAMS = 1000
_POLL = 0.1


def crowd(bench: Bench, subject: Subject) -> tuple[Outcome, float]:
    """What became of the streams, and the peak of resident memory that each added, in kB."""
    _warm(bench, subject)
    idle = subject.process.memory().rss
    door = subject.door("slow", stream=True)
    body = bench.bodies.chat(door.model, stream=True)
    running = bench.load.begin(door, Plan(body, _STREAMS, 60, requests=_STREAMS, events=STREAM_EVENTS))
    peak = idle
    while running.poll() is None:
        peak = max(peak, subject.process.memory().rss)
        time.sleep(_POLL)
    return bench.load.end(running), (peak - idle) * 1000 / _STREAMS


def _warm(bench: Bench, subject: Subject) -> None:
    door = subject.door("fast", stream=True)
    plan = Plan(bench.bodies.chat(door.model, stream=True), connections=2, seconds=0.1)
    bench.load.run(door, plan).must_be_clean()


def thousand_streams(bench: Bench) -> list[Figure]:
    """1,000 paced streams at once: how many arrive whole, and what each costs in memory."""
    complete, memory, first_byte = {}, {}, {}
    with bench.proxies() as proxies:
        for subject in proxies if bench.length.is_thorough else proxies[1:]:
            outcome, memory[subject.name] = crowd(bench, subject)
            complete[subject.name] = float(outcome.ok - outcome.incomplete)
            first_byte[subject.name] = outcome.first_byte_p99 / 1000
    return [
        Figure("crowd-complete", "1,000 paced streams: complete", complete, complete["routerd"]),
        Figure("crowd-memory", "1,000 paced streams: kB each (RSS)", memory, memory["routerd"]),
        Figure("crowd-first-byte", "1,000 streams begun at once: first byte, p99, ms", first_byte,
               first_byte["routerd"]),
    ]  # fmt: skip
