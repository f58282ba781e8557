"""What the ledger knows, for those who ask: on a connection of their own, so that nobody who asks holds up the writer.

While the file can't be read the answers are of what waits to be written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

from msgspec import Struct

from routerd.state.asking import Unanswered, ask
from routerd.state.database import Database
from routerd.state.generations import stamp
from routerd.state.ledger import Ledger, dropped_of
from routerd.state.migrations import migrate
from routerd.state.series import BOUNDS, Line, Series, series_of, width_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database as Tables

ANSWER = 3.0  # seconds that a question may take
PATIENCE = 2.0  # seconds to wait for what was just noted

Found = dict[str, Any]
_Result = TypeVar("_Result")

_IS_ERROR = "error IS NOT NULL AND error <> 'cancelled'"
_STATUSES = {"ok": "error IS NULL", "error": _IS_ERROR}
_WELL = "error IS NULL AND attempt > 0"
_SERIES = f"""
SELECT CAST((at - :since) / :width AS INTEGER) AS bucket, route, provider,
  sum(attempts IS NOT NULL) AS requests, sum(attempts IS NOT NULL AND {_IS_ERROR}) AS errors,
  sum(attempt > 0) AS attempts, sum(attempt > 0 AND {_IS_ERROR}) AS failures,
  sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens, sum(cost) AS cost,
  {", ".join(f"sum({_WELL} AND duration_ms <= {bound}) AS at_{bound}" for bound in BOUNDS)},
  sum({_WELL} AND duration_ms IS NOT NULL) AS at_all
FROM attempts WHERE id >= :first AND at >= :since GROUP BY 1, 2, 3
"""
_FIRST = "SELECT id, at FROM attempts WHERE id >= ? ORDER BY id LIMIT 1"
_LAST = "SELECT max(id) AS id FROM attempts"
_NEWEST = "SELECT id FROM attempts WHERE request_id = ? ORDER BY id DESC LIMIT 1"
_NEAR = "SELECT * FROM attempts WHERE request_id = ? AND id BETWEEN ? AND ? ORDER BY id DESC LIMIT 200"
_NEARBY = 50_000  # rows that may lie between the first attempt of a request and its end


class Asked(Struct, frozen=True):
    """Which requests: the latest `limit` before the row `before`; a status is a number, `4xx`, `ok` or `error`."""

    limit: int
    before: int | None = None
    route: str | None = None
    provider: str | None = None
    client: str | None = None
    status: str | None = None


def prepare() -> None:
    """Import what answers need: a tenth of a second that nobody on the event loop should wait for. Blocks."""
    import sqlite_utils  # noqa: F401


class OneRequest(NamedTuple):
    """How it ended, and its attempts in order."""

    end: Found
    attempts: list[Found]


class Requests:
    """For the event loop's thread. Every question raises Unanswered."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._ledger = ledger
        self._database = database

    async def latest(self, asked: Asked) -> list[Found]:
        """The rows that ended requests, the newest first."""
        conditions, values = _conditions(asked)
        statement = f"SELECT * FROM attempts WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"
        return await self._ask(lambda tables: list(map(_public, tables.query(statement, values))))

    async def one(self, request_id: str) -> OneRequest | None:
        """The latest request of that id; None: there is none. A caller may have sent the same id before."""
        rows = await self._ask(partial(_of_request, request_id))
        if not rows:
            return None
        later = next((at for at, row in enumerate(rows[1:], 1) if row["attempts"] is not None), len(rows))
        own = list(map(_public, reversed(rows[:later])))
        attempts = [row for row in own if row["attempt"]]
        end = own[-1] if own[-1]["attempts"] is not None else own[-1] | {"status": None, "error": None}
        return OneRequest(end, attempts)

    async def series(self, minutes: int) -> Series:
        """How it went, over the last minutes."""
        width = width_of(minutes * 60)
        end = (int(time.time()) // width + 1) * width
        since = end - -(-minutes * 60 // width) * width
        rows = await self._ask(partial(_counted, since, width))
        return series_of(rows, width, [stamp(at) for at in range(since, end, width)])

    async def _ask(self, question: Callable[[Tables], _Result]) -> _Result:
        await self._written()
        return await asyncio.to_thread(partial(self._answer, question))

    async def _written(self) -> None:
        """Until what was noted before is written, if that can be done soon."""
        if not self._ledger.is_kept or self._database.condition().state == "unusable":
            return
        await asyncio.wait([ask(self._database, "SELECT 1")], timeout=PATIENCE)

    def _answer(self, question: Callable[[Tables], _Result]) -> _Result:
        import sqlite3

        if self._ledger.is_kept and self._database.condition().state == "ok":
            try:
                with self._of_file() as tables:
                    return question(tables)
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                    raise Unanswered("the ledger does not answer in time: ask for less") from None
            except sqlite3.Error:
                pass
        with self._of_memory() as tables:
            return question(tables)

    @contextmanager
    def _of_file(self) -> Iterator[Tables]:
        import sqlite3

        from sqlite_utils import Database as Tables

        connection = sqlite3.connect(f"file:{quote(str(self._database.path))}?mode=ro", uri=True, timeout=1.0)
        try:
            deadline = time.monotonic() + ANSWER
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
            yield Tables(connection, execute_plugins=False)
        finally:
            connection.close()

    @contextmanager
    def _of_memory(self) -> Iterator[Tables]:
        import sqlite3

        from sqlite_utils import Database as Tables

        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            migrate(connection)
            for statement, rows in self._ledger.pending():
                connection.executemany(statement, rows)
            yield Tables(connection, execute_plugins=False)
        finally:
            connection.close()


def _of_request(request_id: str, tables: Tables) -> list[Found]:
    for row in tables.query(_NEWEST, [request_id]):
        return list(tables.query(_NEAR, [request_id, row["id"] - _NEARBY, row["id"]]))
    return []


def _counted(since: int, width: int, tables: Tables) -> list[Line]:
    values = {"since": since, "width": width, "first": _first(since, tables)}
    return [_line(row) for row in tables.query(_SERIES, values)]


def _first(since: float, tables: Tables) -> int:
    """About the first row of a time: rows are in the order of time, but where a clock was set."""
    low, high = 0, next(iter(tables.query(_LAST)))["id"] or 0
    while low < high:
        middle = (low + high) // 2
        row = next(iter(tables.query(_FIRST, [middle])))
        low, high = (row["id"] + 1, high) if row["at"] < since else (low, middle)
    return low


def _conditions(asked: Asked) -> tuple[list[str], Found]:
    conditions, values = ["attempts IS NOT NULL"], {"limit": asked.limit}
    for name, test in (("before", "id < :before"), *((name, f"{name} = :{name}") for name in _NAMES)):
        if (value := getattr(asked, name)) is not None:
            conditions.append(test)
            values[name] = value
    if asked.status in _STATUSES:
        conditions.append(_STATUSES[asked.status])
    elif asked.status is not None:
        values["least"] = int(asked.status.replace("x", "0"))
        values["most"] = int(asked.status.replace("x", "9"))
        conditions.append("status BETWEEN :least AND :most")
    return conditions, values


_NAMES = ("route", "provider", "client")


def _public(row: Found) -> Found:
    return row | {"at": stamp(row["at"]), "stream": bool(row["stream"]), "dropped": dropped_of(row)}


def _line(row: Found) -> Line:
    counts = [row[f"at_{bound}"] or 0 for bound in (*BOUNDS, "all")]
    named = {name: row[name] for name in Line.__struct_fields__ if name != "counts"}
    return Line(counts=counts, **named)
