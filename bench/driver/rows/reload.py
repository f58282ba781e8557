"""What a save of router.yaml costs: until it serves, and for whoever is served meanwhile."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from driver.ask import config_of, seconds_to_first_answer
from driver.bench import Bench
from driver.figures import Figure
from driver.load import LoadFailed, Outcome, Plan
from driver.mock import STEADY_DELAY_MS, STEADY_EVENTS
from driver.rows.footprint import LATE_MS
from driver.subjects import Routerd, router_config

_ROUTES = 200
_LARGE_ROUTES = 3_000
_LARGE_BYTES = 1_000_000
_STREAMS = 8
_RATE = 100
_PATIENCE = 30.0
_BETWEEN = 0.3  # seconds between two saves: a little more than the wait for the editor
_RELOADS_PER_SAVE = 2  # of the row `saves`
_MARK = "# saved at"


class NotServed(LoadFailed):
    """A config that was saved did not serve in time."""


@dataclass(frozen=True)
class _Times:
    """How long requests took, in milliseconds: the median over the rounds of each figure."""

    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.p50:.2f} ms (p99 {self.p99:.2f})"


def saves(bench: Bench) -> list[Figure]:
    """From the save of a file of 200 routes, by a rename, until an answer on /v1 is given by it."""
    seconds = []
    with _started(bench, _ROUTES) as routerd:
        for _ in range(bench.length.saves):
            seconds.append(_save_and_wait(bench, routerd) * 1000)
    seconds.sort()
    p99 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    note = f"{len(seconds)} saves, median {seconds[len(seconds) // 2]:.0f} ms, with 200 ms for the editor to finish"
    return [Figure("save-serving", f"save → serving, {_ROUTES} routes, p99, ms", {"routerd": p99}, p99, note=note)]


def large(bench: Bench) -> list[Figure]:
    """Eight streams run while a file of 1 MB is saved: are their events late?"""
    calm, saved = (_streams(bench, is_saved=is_saved) for is_saved in (False, True))
    late = {"calm": float(calm.late), "routerd": float(saved.late)}
    lateness = {name: one.gap_max / 1000 - STEADY_DELAY_MS for name, one in (("calm", calm), ("routerd", saved))}
    return [
        Figure("reload-late", f"stream events late by a reload of 1 MB (> {LATE_MS} ms)", late, late["routerd"],
               note="calm: the same streams without it"),
        Figure("reload-lateness", "the latest of them, ms after its time", lateness, lateness["routerd"]),
    ]  # fmt: skip


def latency(bench: Bench) -> list[Figure]:
    """What requests at a steady rate pay for one reload after the other."""
    reloads = _RELOADS_PER_SAVE * bench.length.saves
    with _started(bench, _ROUTES) as routerd:
        _save_and_wait(bench, routerd)
        calm = _times(bench, routerd, 0)
        reloading = _times(bench, routerd, reloads)
    ratio = reloading.p50 / calm.p50
    what = f"latency during {reloads} reloads, median, as a multiple"
    note = f"{calm} without, {reloading} with them, one each {_BETWEEN} s, at {_RATE} requests/s"
    return [Figure("reload-latency", what, {"routerd": ratio}, ratio, note=note)]


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
    """Another config: what a comment says counts as well."""
    return text.partition(_MARK)[0] + f"{_MARK} {time.monotonic_ns()}\n"


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


def _times(bench: Bench, routerd: Routerd, reloads: int) -> _Times:
    """What requests at a steady rate take while so many saves are taken up."""
    door = routerd.door("fast")
    seconds = bench.length.failover_seconds
    plan = Plan(bench.bodies.chat(door.model), connections=16, seconds=seconds, rate=_RATE)
    saver = threading.Thread(target=_save_often, args=(routerd, reloads), daemon=True)
    saver.start()
    rounds: list[Outcome] = []
    while saver.is_alive() or not rounds:
        rounds.append(bench.load.run(door, plan).must_be_clean())
    return _Times(median(one.p50 for one in rounds) / 1000, median(one.p99 for one in rounds) / 1000)


def _save_often(routerd: Routerd, reloads: int) -> None:
    """Save until so many saves were taken up, as the log tells: nobody has to ask, which would be a load of its own."""
    wanted = _adopted(routerd) + reloads
    deadline = time.monotonic() + reloads * _PATIENCE / 10
    while _adopted(routerd) < wanted and time.monotonic() < deadline:
        _save(routerd.config, _changed(routerd.config.read_text()))
        time.sleep(_BETWEEN)


def _adopted(routerd: Routerd) -> int:
    return routerd.process.log.read_bytes().count(b"config_adopted")
