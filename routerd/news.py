"""What happens, told to those who follow it: generations and problems of the config."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MOST_WAITING = 256  # events for one follower; the oldest go first


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `number` counts from 1 in this process."""

    number: int
    kind: str
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class _Follower:
    waiting: deque[Event] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    some: asyncio.Event = field(default_factory=asyncio.Event)


class News:
    """For the event loop's thread. Publishing never waits; who follows slowly loses the oldest events."""

    def __init__(self) -> None:
        self._followers: set[_Follower] = set()
        self._count = 0
        self._is_closed = False

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Tell everyone who follows."""
        self._count += 1
        event = Event(self._count, kind, data)
        for follower in self._followers:
            follower.waiting.append(event)
            follower.some.set()

    @property
    def is_followed(self) -> bool:
        """Whether anybody is told. For any thread."""
        return bool(self._followers)

    def close(self) -> None:
        """Nobody is told anything any more: every follower comes to its end."""
        self._is_closed = True
        for follower in self._followers:
            follower.some.set()

    @contextmanager
    def following(self, pause: float) -> Iterator[AsyncIterator[Event | None]]:
        """Every event from now on; None after each `pause` seconds without any. Ends when the news are closed."""
        follower = _Follower()
        self._followers.add(follower)
        try:
            yield self._events(follower, pause)
        finally:
            self._followers.discard(follower)

    async def _events(self, follower: _Follower, pause: float) -> AsyncIterator[Event | None]:
        while True:
            while follower.waiting:
                yield follower.waiting.popleft()
            if self._is_closed:
                return
            follower.some.clear()
            try:
                async with asyncio.timeout(pause):
                    await follower.some.wait()
            except TimeoutError:
                yield None
