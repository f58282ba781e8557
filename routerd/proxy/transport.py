"""The pools as an httpx transport: for whatever speaks httpx and is not the hot path.

Our own small requests go by `proxy.fetch`, over the same pools: httpx takes 100 ms and 10 MB to import.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import httpx

from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.connection import Connection
from routerd.proxy.pool import Origin, Pools

MAX_QUEUED = 256 * 1024  # bytes that wait for a slow reader before the upstream is paused

_FAILURES: dict[str, type[httpx.TransportError]] = {
    "upstream_timeout": httpx.ConnectTimeout,
    "upstream_unreachable": httpx.ConnectError,
}


class PoolTransport(httpx.AsyncBaseTransport):
    """httpx over our pools, several times faster than httpx over its own at many connections."""

    def __init__(self, pools: Pools, *, allow_private: bool = False) -> None:
        self._pools = pools
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it over a kept connection. Raises httpx's own exceptions."""
        url, body = request.url, await request.aread()
        is_tls = url.scheme == "https"
        pool = self._pools.at(Origin(is_tls, url.host, url.port or (443 if is_tls else 80), self._allow_private))
        timeout = request.extensions.get("timeout", {})
        while True:
            reply = _Reply(request, timeout.get("read"))
            try:
                connection = pool.take() or await pool.connect(timeout.get("connect") or 5.0)
            except RouterError as error:
                raise _as_httpx(error, request) from None
            reply.connection = connection
            connection.send(_head(request, len(body)), body, reply)
            try:
                await reply.head()
            except _Stale:
                continue
            except BaseException:
                connection.abort(reply)
                raise
            return httpx.Response(reply.status, headers=reply.headers, stream=reply)


class _Stale(Exception):
    """A kept connection was gone before a byte of the reply came."""


class _Reply(httpx.AsyncByteStream):
    """One reply: what the connection delivers on one side, what httpx reads on the other."""

    def __init__(self, request: httpx.Request, read_timeout: float | None) -> None:
        self._request = request
        self._read_timeout = read_timeout
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._news = asyncio.Event()
        self._ended = self._is_stale = False
        self._error: RouterError | None = None
        self.connection: Connection | None = None
        self.status = 0
        self.headers: Headers = []

    async def head(self) -> None:
        """Until the reply's head has come."""
        while not self.status:
            await self._wait()
            if self._is_stale:
                raise _Stale
            if self._error is not None:
                raise _as_httpx(self._error, self._request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._queue:
                data = self._queue.popleft()
                self._queued -= len(data)
                if self._queued < MAX_QUEUED and self.connection is not None and not self._ended:
                    self.connection.resume_reading()
                yield data
            if self._error is not None:
                raise _as_httpx(self._error, self._request)
            if self._ended:
                return
            await self._wait()

    async def aclose(self) -> None:
        """Give up what has not been read: the connection can't be kept then."""
        if not self._ended and self._error is None and self.connection is not None:
            self.connection.abort(self)

    async def _wait(self) -> None:
        self._news.clear()
        if self._ended or self._queue or self._error or self._is_stale:
            return
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._news.wait()
        except TimeoutError:
            await self.aclose()
            raise httpx.ReadTimeout("timed out waiting for the reply", request=self._request) from None

    # Sink

    def on_head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        self._news.set()

    def on_data(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)
        if self._queued >= MAX_QUEUED and self.connection is not None:
            self.connection.pause_reading()
        self._news.set()

    def on_end(self) -> None:
        self._ended = True
        self._news.set()

    def on_failure(self, error: RouterError | None) -> None:
        self._error = error
        self._is_stale = error is None
        self._news.set()


def _head(request: httpx.Request, length: int) -> bytes:
    # framing is ours; identity encoding, so that what is counted is what is read
    skipped = (b"content-length", b"transfer-encoding", b"connection", b"accept-encoding")
    lines = [b"%b: %b\r\n" % (name, value) for name, value in request.headers.raw if name.lower() not in skipped]
    target = request.url.raw_path
    framing = b"content-length: %d\r\naccept-encoding: identity\r\n\r\n" % length
    return b"%b %b HTTP/1.1\r\n%b%b" % (request.method.encode(), target, b"".join(lines), framing)


def _as_httpx(error: RouterError, request: httpx.Request) -> httpx.TransportError:
    return _FAILURES.get(error.kind, httpx.RemoteProtocolError)(error.message, request=request)
