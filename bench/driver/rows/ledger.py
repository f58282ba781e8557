"""Whether the ledger keeps up at a thousand attempts a second, and what callers notice of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from statistics import median

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Outcome, Plan
from driver.samples import Samples, interleave
from driver.subjects import Direct, Passage, Routerd

_RATE = 1_000
_CONNECTIONS = 64
_LEARNING = 1.0
_SECONDS = 2.0  # of a round


def thousand_attempts(bench: Bench) -> list[Figure]:
    """At 1,000 requests/s, open loop: rows of state.db for the requests that were answered, and p99 beside nginx's."""
    seconds = bench.length.ledger_seconds
    nginx, routerd = bench.start_nginx(), bench.start_routerd()
    passages: list[Passage] = [Direct(bench.mock.ports), nginx, routerd]
    with nginx.process, routerd.process:
        answered = sum(_load(bench, routerd, run).ok for run in (_LEARNING, seconds))
        _load(bench, nginx, _LEARNING)
        outcomes = interleave(bench.rounds, passages, bench.length.rounds, lambda one: _load(bench, one, _SECONDS))
        routerd.process.stop()
    answered += sum(outcome.ok for outcome in outcomes["routerd"])
    lost = float(answered - _rows(routerd))
    what = f"attempts that the ledger lacks after {seconds:.0f} s at {_RATE:,}/s"
    return [Figure("ledger-lost", what, {"routerd": lost}, lost, note=f"of {answered}"), _latency(outcomes)]


def _load(bench: Bench, passage: Passage, seconds: float) -> Outcome:
    door = passage.door("fast")
    plan = Plan(bench.bodies.chat(door.model), _CONNECTIONS, seconds=seconds, rate=_RATE)
    return bench.load.run(door, plan).must_be_clean()


def _latency(outcomes: dict[str, list[Outcome]]) -> Figure:
    samples = Samples({name: [one.p99 / 1000 for one in taken] for name, taken in outcomes.items()})
    typical = ", ".join(f"{name} {median(one.p50 for one in taken) / 1000:.2f}" for name, taken in outcomes.items())
    what = f"p99 at {_RATE:,} requests/s, ms"
    return Figure("ledger-p99", what, samples.medians(), samples.ratio("routerd", "nginx"), samples.rounds,
                  note=f"p50 {typical}")  # fmt: skip


def _rows(routerd: Routerd) -> int:
    with closing(sqlite3.connect(routerd.config.parent / "data" / "state.db")) as database:
        [rows] = database.execute("SELECT count(*) FROM attempts").fetchone()
    return int(rows)
