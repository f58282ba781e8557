"""Counters since the start, and what the log said last."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from quart import Response

from routerd.management import Management
from routerd.observe import KEPT
from routerd.web.answers import answer, number_in_query
from routerd.web.operations import Operation, Query

_USUAL = 100
_LIMIT = Query("limit", f"How many at most, up to {KEPT}; {_USUAL} when left out.", int, least=1, most=KEPT)

Line = dict[str, Any]


class Stats(msgspec.Struct):
    """What there was since the start."""

    total_requests: int
    total_errors: Annotated[int, Meta(description="Requests that ended with an error; callers who left are none.")]
    total_attempts: Annotated[int, Meta(description="Requests that were sent to providers.")]
    uptime_seconds: float
    by_provider: Annotated[dict[str, int], Meta(description="Attempts.")]
    by_route: Annotated[dict[str, int], Meta(description="Requests; `other` are those of no route in the config.")]
    by_status: Annotated[dict[str, int], Meta(description="Requests, by what their callers got.")]


class AdminStats:
    """The handlers; they run behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def operations(self) -> Sequence[Operation]:
        """One row for each path."""
        return (
            Operation("GET", "/api/admin/stats", self.stats, "Counters since the start.", gives=Stats),
            Operation(
                "GET", "/api/admin/logs", self.logs, "What the log said last, newest first, without any secret.",
                gives=list[Line], query=(_LIMIT,), problems=("invalid_request",),
            ),
        )  # fmt: skip

    async def stats(self) -> Response:
        """Counters since the start."""
        return answer(await asyncio.to_thread(self._stats))

    async def logs(self) -> Response:
        """What the log said last."""
        limit = number_in_query("limit", _USUAL, KEPT)
        return answer(await asyncio.to_thread(self._management.log.latest, limit))

    def _stats(self) -> Stats:
        ledger = self._management.ledger
        requests = ledger.requests()
        with ledger.lock:
            attempts = [(name, sum(each.outcomes.values())) for (name, _), each in ledger.tally.targets.items()]
        by_provider: Counter[str] = Counter()
        by_route: Counter[str] = Counter()
        by_status: Counter[str] = Counter()
        for (route, status, _), count in requests.items():
            by_route[route] += count
            by_status[str(status)] += count
        for name, count in attempts:
            by_provider[name] += count
        return Stats(
            total_requests=sum(requests.values()),
            total_errors=sum(
                count for (_, _, kind), count in requests.items() if kind is not None and kind != "cancelled"
            ),
            total_attempts=sum(by_provider.values()),
            uptime_seconds=round(time.time() - self._management.started_at, 3),
            by_provider=dict(by_provider),
            by_route=dict(by_route),
            by_status=dict(by_status),
        )
