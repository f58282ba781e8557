"""A question to the database, asked on the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeAlias

from routerd.state.database import Database, Value

Rows: TypeAlias = list[tuple[Any, ...]]


class Unanswered(Exception):
    """It would take too long to find out."""


def ask(database: Database, statement: str, *values: Value) -> asyncio.Future[Rows]:
    """All rows, once they are read; none when the database can't be used. Whoever waits says for how long.

    When the rows come, all that was submitted before the question has been written, if it could be.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Rows] = loop.create_future()
    gathered: Rows = []

    def take(rows: Rows) -> None:
        gathered.extend(rows)
        if not rows:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, answer, gathered)

    database.read(statement, *values, take=take)
    return answer


def _settle(answer: asyncio.Future[Rows], rows: Rows) -> None:
    if not answer.done():  # else nobody waits for it any more
        answer.set_result(rows)
