"""Writes of one turn of the loop, handed over together at its end: to wake many readers at once costs the system less
than to wake one after the other, each of which has gone back to sleep while we worked for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Protocol

FEW = 4  # requests under way: whoever is nearly alone is better off with writes that leave while we go on working
MOST = 32  # writers; the first to be held shall not wait for a whole crowd


class Held(Protocol):
    """Who has written something that has not left."""

    def flush(self) -> None:
        """Hand it over to the transport."""


class Cork:
    """Holds what is written while more than `few` of a `crowd` are under way; one for every loop."""

    __slots__ = ("_crowd", "_held", "few")

    def __init__(self, crowd: Sized = (), few: int = FEW) -> None:
        self._crowd = crowd
        self.few = few
        self._held: list[Held] = []

    @property
    def is_in(self) -> bool:
        """Whether to hold what is written now."""
        return len(self._crowd) > self.few

    def hold(self, writer: Held) -> None:
        """Flush it when this turn of the loop ends, if not before."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self.pull)
        self._held.append(writer)
        if len(self._held) >= MOST:
            self.pull()

    def pull(self) -> None:
        """Flush everything that is held."""
        held, self._held = self._held, []
        for writer in held:
            try:
                writer.flush()
            except Exception as error:  # one writer's mistake must not keep the others' bytes
                asyncio.get_running_loop().call_exception_handler({"message": "a write failed", "exception": error})


NO_CORK = Cork()
"""Holds nothing, ever."""
