"""What a save of router.yaml costs: until it serves, and for whoever is served meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from statistics import median

from driver.ask import Manager, config_of, seconds_to_first_answer
from driver.bench import Bench
from driver.figures import Figure
from driver.load import LoadFailed, Outcome, Plan
from driver.mock import STEADY_DELAY_MS, STEADY_EVENTS
from driver.rows.footprint import LATE_MS
from driver.samples import Samples, interleave
from driver.subjects import Routerd, router_config

_ROUTES = 200
_LARGE_ROUTES = 3_000
_LARGE_BYTES = 1_000_000
_STREAMS = 8
_RATE = 100
_PATIENCE = 30.0
_SAVES_PER_ROUND = 5
_BETWEEN = 0.125  # seconds from one reload to the next, if it takes no longer
_CALM = 1.5  # seconds of a stretch without reloads
_SETTLE = 0.5  # seconds before a stretch: the watcher looks at the latest save once more
_LONGEST = 600.0
_NOTE = re.compile(r"note: [^}]+")


@dataclass(frozen=True)
class _Kind:
    """A stretch of load with so many reloads in it."""

    name: str
    reloads: int


@dataclass(frozen=True)
class _Stretch:
    """What the requests of a stretch took, how long it was, and routerd's CPU-seconds."""

    requests: Outcome
    seconds: float
    cpu: float


class NotServed(LoadFailed):
    """A config that was saved did not serve in time."""


def saves(bench: Bench) -> list[Figure]:
    """From the save of a file of 200 routes, by a rename, until an answer on /v1 is given by it."""
    with _started(bench, _ROUTES) as routerd:

        def one(number: int) -> list[float]:
            return [_save_and_wait(bench, routerd) * 1000 for _ in range(_SAVES_PER_ROUND)]

        rounds = bench.rounds.take(bench.length.saves // _SAVES_PER_ROUND, one)
    seconds = sorted(chain.from_iterable(rounds))
    p99 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    note = f"{len(seconds)} saves, median {seconds[len(seconds) // 2]:.0f} ms, with 200 ms for the editor to finish"
    return [Figure("save-serving", f"save → serving, {_ROUTES} routes, p99, ms", {"routerd": p99}, p99, note=note)]


def large(bench: Bench) -> list[Figure]:
    """Eight streams run while a file of 1 MB is saved: are their events late?"""
    [(calm, saved)] = bench.rounds.take(1, lambda _: (_streams(bench, is_saved=False), _streams(bench, is_saved=True)))
    late = {"calm": float(calm.late), "routerd": float(saved.late)}
    lateness = {name: one.gap_max / 1000 - STEADY_DELAY_MS for name, one in (("calm", calm), ("routerd", saved))}
    return [
        Figure("reload-late", f"stream events late by a reload of 1 MB (> {LATE_MS} ms)", late, late["routerd"],
               note="calm: the same streams without it"),
        Figure("reload-lateness", "the latest of them, ms after its time", lateness, lateness["routerd"]),
    ]  # fmt: skip


def latency(bench: Bench) -> list[Figure]:
    """What requests at a steady rate pay for one reload after the other, in turn with stretches without any."""
    rounds = bench.length.reload_rounds
    kinds = [_Kind("calm", 0), _Kind("reloading", bench.length.reloads // rounds)]
    with _started(bench, _ROUTES) as routerd, closing(Manager(routerd.port)) as manager:
        for kind in kinds:
            _stretch(bench, routerd, manager, replace(kind, reloads=min(kind.reloads, 10)))
        stretches = interleave(bench.rounds, kinds, rounds, lambda kind: _stretch(bench, routerd, manager, kind))
    middle, tail = (_samples(stretches, of) for of in (lambda one: one.p50, lambda one: one.p99))
    what = f"latency during {rounds * kinds[1].reloads:,} reloads, {_ROUTES} routes"
    ratio, tail_ratio = (samples.ratio("reloading", "calm") for samples in (middle, tail))
    return [
        Figure("reload-latency", f"{what}, median, as a multiple", {"routerd": ratio}, ratio, middle.rounds,
               _told(stretches, middle, kinds[1].reloads)),
        Figure("reload-tail", f"{what}, p99, as a multiple", {"routerd": tail_ratio}, tail_ratio, tail.rounds,
               _shown(tail)),
    ]  # fmt: skip


def _samples(stretches: Mapping[str, list[_Stretch]], of: Callable[[Outcome], int]) -> Samples:
    """Milliseconds."""
    return Samples({name: [of(one.requests) / 1000 for one in taken] for name, taken in stretches.items()})


def _shown(samples: Samples) -> str:
    medians = samples.medians()
    return f"{medians['calm']:.2f} ms without, {medians['reloading']:.2f} ms with them"


def _told(stretches: Mapping[str, list[_Stretch]], middle: Samples, reloads: int) -> str:
    """The medians, and how dense the reloads were: they and the requests share a core."""
    between = median(one.seconds for one in stretches["reloading"]) / reloads
    busy = {name: median(one.cpu / one.seconds for one in taken) for name, taken in stretches.items()}
    shares = ", ".join(f"{name} {share:.0%}" for name, share in busy.items())
    return f"{_shown(middle)}, one each {between * 1000:.0f} ms, at {_RATE} requests/s; core busy {shares}"


def _started(bench: Bench, routes: int) -> _Running:
    return _Running(bench, bench.start_routerd(config=_config(bench, routes)))


class _Running:
    """A routerd that has answered once."""

    def __init__(self, bench: Bench, routerd: Routerd) -> None:
        self._bench = bench
        self._routerd = routerd

    def __enter__(self) -> Routerd:
        door = self._routerd.door("fast")
        seconds_to_first_answer(self._routerd.process, door, self._bench.bodies.chat(door.model))
        return self._routerd

    def __exit__(self, *_: object) -> None:
        self._routerd.process.stop()


def _config(bench: Bench, routes: int, size: int = 0) -> str:
    """The main config with so many routes more, each so long that the file has about `size` bytes."""
    note = "x" * max(8, size // routes - 110)
    nodes = "[fast-one/mock-model, slow-one/mock-model]"
    more = "".join(f"  filler-{at}: {{nodes: {nodes}, config: {{note: {note}}}}}\n" for at in range(routes))
    return router_config(bench.mock.ports).replace("clients:\n", f"{more}clients:\n")


def _save(path: Path, text: str) -> None:
    """As most editors do it: beside, and then over it."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    os.replace(beside, path)


def _changed(text: str) -> str:
    """The same with another note at the first route that has one."""
    return _NOTE.sub(f"note: saved-at-{time.monotonic_ns()}", text, count=1)


def _save_and_wait(bench: Bench, routerd: Routerd, text: str | None = None) -> float:
    """Seconds from a save until it serves. Raises NotServed."""
    door = routerd.door("fast")
    body = bench.bodies.chat(door.model)
    before = config_of(door, body)
    text = _changed(routerd.config.read_text()) if text is None else text
    begun = time.monotonic()
    _save(routerd.config, text)
    while config_of(door, body) == before:
        if time.monotonic() - begun > _PATIENCE:
            raise NotServed(f"a save was not taken up within {_PATIENCE:.0f} s\n{routerd.process.log_end()}")
        time.sleep(0.002)
    return time.monotonic() - begun


def _streams(bench: Bench, *, is_saved: bool) -> Outcome:
    with _started(bench, 1) as routerd:
        door = routerd.door("steady", stream=True)
        plan = Plan(
            bench.bodies.chat(door.model, stream=True), _STREAMS, seconds=30, requests=_STREAMS,
            events=STEADY_EVENTS, late_ms=STEADY_DELAY_MS + LATE_MS,
        )  # fmt: skip
        running = bench.load.begin(door, plan)
        time.sleep(0.7)
        if is_saved:
            _save(routerd.config, _config(bench, _LARGE_ROUTES, _LARGE_BYTES))
        outcome = bench.load.end(running).must_be_clean()
        if is_saved:
            _wait_for_digest(bench, routerd)
        return outcome


def _wait_for_digest(bench: Bench, routerd: Routerd) -> None:
    """Whether the large file really serves. Raises NotServed."""
    digest = subprocess.run(["sha256sum", routerd.config], capture_output=True, text=True, check=True).stdout[:12]
    door = routerd.door("fast")
    if config_of(door, bench.bodies.chat(door.model)) != digest:
        raise NotServed(f"1 MB was not taken up while the streams ran\n{routerd.process.log_end()}")


def _stretch(bench: Bench, routerd: Routerd, manager: Manager, kind: _Kind) -> _Stretch:
    """Load at a steady rate during so many reloads. Raises NotServed unless every one of them was adopted."""
    door = routerd.door("fast")
    plan = Plan(bench.bodies.chat(door.model), connections=16, seconds=_LONGEST, rate=_RATE)
    time.sleep(_SETTLE)
    before, cpu, begun = manager.adopted(), routerd.process.cpu_seconds(), time.monotonic()
    running = bench.load.begin(door, plan)
    try:
        if kind.reloads:
            _reload_often(routerd.config, manager, kind.reloads)
        else:
            time.sleep(_CALM)
        requests = bench.load.stop(running).must_be_clean()
    finally:
        running.kill()
    stretch = _Stretch(requests, time.monotonic() - begun, routerd.process.cpu_seconds() - cpu)
    if manager.adopted() - before != kind.reloads:
        raise NotServed(f"{manager.adopted() - before} of {kind.reloads} changed files were adopted")
    return stretch


def _reload_often(config: Path, manager: Manager, reloads: int) -> None:
    """Save a changed file and have it taken up, again and again. Raises NotServed."""
    text, due = config.read_text(), time.monotonic()
    for _ in range(reloads):
        text = _changed(text)
        _save(config, text)
        if manager.reload() != sha256(text.encode()).hexdigest():
            raise NotServed("another text serves than the one that was saved")
        due = max(due + _BETWEEN, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
