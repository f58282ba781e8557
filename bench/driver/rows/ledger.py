"""Whether the ledger keeps up at a thousand attempts a second, and what callers notice of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Plan
from driver.subjects import Direct, router_config

_RATE = 1_000
_CONNECTIONS = 64
_LEARNING = 1.0
_TIMES = 3  # the seconds of the failover rows: a minute in a full run


def thousand_attempts(bench: Bench) -> list[Figure]:
    """At 1,000 requests/s, open loop: rows of state.db for the requests that were answered, and the p99 beside it."""
    seconds = _TIMES * bench.length.failover_seconds
    routerd = bench.start_routerd(config=router_config(bench.mock.ports))
    door, direct = routerd.door("fast"), Direct(bench.mock.ports).door("fast")
    answered = 0
    with routerd.process:
        for run in (_LEARNING, seconds):
            plan = Plan(bench.bodies.chat(door.model), _CONNECTIONS, seconds=run, rate=_RATE)
            outcome = bench.load.run(door, plan).must_be_clean()
            answered += outcome.ok
        routerd.process.stop()
    plain = bench.load.run(direct, Plan(bench.bodies.chat(direct.model), _CONNECTIONS, seconds=_LEARNING, rate=_RATE))
    with closing(sqlite3.connect(routerd.config.parent / "data" / "state.db")) as database:
        [rows] = database.execute("SELECT count(*) FROM attempts").fetchone()
    what = f"attempts that the ledger lacks after {seconds:.0f} s at {_RATE}/s"
    latencies = {"direct": plain.p99 / 1000, "routerd": outcome.p99 / 1000}
    return [
        Figure("ledger-lost", what, {"routerd": float(answered - rows)}, float(answered - rows), note=f"of {answered}"),
        Figure("ledger-p99", f"p99 at {_RATE} requests/s, ms", latencies, latencies["routerd"]),
    ]  # fmt: skip
