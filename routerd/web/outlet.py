"""An answer between the gateway that writes it and an ASGI server that fetches it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from routerd.proxy.door import Source

_HIGH = 256 * 1024  # bytes waiting, then the source pauses


class Unfinished(Exception):
    """Whoever had to answer did not, or not to the end."""


class QueueOutlet:
    """A `proxy.door.Outlet` that holds what the server has not fetched yet."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._pieces: deque[bytes] = deque()
        self._size = 0  # bytes in them
        self._is_paused = False
        self._has_ended = False
        self._is_broken = False
        self._news = asyncio.Event()
        self.status = 0
        self.head = b""
        self.is_whole = False

    # Outlet

    @property
    def source(self) -> Source | None:
        """Where the bytes come from; paused while nobody fetches them."""
        return self._source

    @source.setter
    def source(self, source: Source | None) -> None:
        self._source = source
        if source is not None and self._is_paused:
            source.pause_reading()

    def whole(self, status: int, head: bytes, body: bytes) -> None:
        """The whole answer."""
        self.is_whole = True
        self.start(status, head, body)
        self.end()

    def start(self, status: int, head: bytes, data: bytes = b"") -> None:
        """Begin a streamed answer."""
        self.status, self.head = status, head
        self.write(data)

    def write(self, data: bytes) -> None:
        """More of it."""
        if data:
            self._pieces.append(data)
            self._size += len(data)
            if self._size > _HIGH and not self._is_paused:
                self._is_paused = True
                if self._source is not None:
                    self._source.pause_reading()
        self._news.set()

    def end(self, data: bytes = b"", *, close: bool = False) -> None:
        """The last of it. `close` is the server's business, which may carry others on the same connection."""
        self._has_ended = True
        self.write(data)

    # The server's side

    def abandon(self, answering: asyncio.Task[None]) -> None:
        """`answering` is done: nobody will write any more."""
        error = None if answering.cancelled() else answering.exception()
        if error is not None:
            context = {"message": "an answer failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        self._is_broken = not self._has_ended
        self._news.set()

    async def opened(self) -> None:
        """Return when status and head are known. Raises Unfinished."""
        while not self.status:
            await self._wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, what has gathered in one piece. Raises Unfinished."""
        while not self._has_ended or self._pieces:
            if self._pieces:
                yield self.take()
            else:
                await self._wait()

    def take(self) -> bytes:
        """Everything that waits, in one piece."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._is_paused:
            self._is_paused = False
            if self._source is not None:
                self._source.resume_reading()
        return data

    async def _wait(self) -> None:
        if self._is_broken:
            raise Unfinished
        self._news.clear()
        await self._news.wait()
