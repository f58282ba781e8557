"""A provider on a real loopback port that answers from a script and remembers everything it was asked."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.support.gate import PATIENCE, Gate
from tests.support.reply import Reply, whole
from tests.support.wire import Request, RequestReader

Answer = Callable[[Request], Reply]
Result = TypeVar("Result")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop that all upstreams of a test run share, in its own thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="upstreams", daemon=True).start()
    return loop


def _on_loop(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result(PATIENCE)


class Upstream:
    """Listens while it is entered as a context manager.

    Each request takes the next reply of the script; when it is used up, `answer` is asked. A request that has neither,
    or that a strict server would refuse, is answered with 500 and makes `check` fail.
    """

    def __init__(
        self, answer: Answer | None = None, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.host = host
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.port = 0
        self._tls = tls
        self._script: deque[Reply] = deque()
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """What goes into a provider's `base_url`."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}/v1"

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        with self._changed:
            return len({request.connection for request in self.requests})

    def script(self, *replies: Reply) -> None:
        """Answer the next requests with these, in this order."""
        self._script.extend(replies)

    def wait_for(self, count: int, timeout: float = PATIENCE) -> Request:
        """Wait until `count` requests have come; returns the last of them. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {timeout} s")
            return self.requests[count - 1]

    def check(self) -> None:
        """Fail when a request was malformed or found no reply."""
        assert not self.faults, self.faults

    def drop_connections(self) -> None:
        """Close every open connection with FIN, as a provider does with idle ones."""
        _on_loop(self._drop())

    async def _drop(self) -> None:
        for connection in list(self._open):
            connection.close()

    def reply_to(self, request: Request) -> Reply:
        """Remember the request and choose its reply."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self._script:
            return self._script.popleft()
        if self.answer:
            return self.answer(request)
        return self.refuse(f"no reply is left for request {len(self.requests)}: {request.method} {request.target}")

    def refuse(self, fault: str) -> Reply:
        """Note what should not have happened, and say so to the caller."""
        self.faults.append(fault)
        return whole({"error": {"message": fault, "type": "server_error", "param": None, "code": None}}, 500)

    def accepted(self, connection: Connection) -> int:
        """The number of a new connection."""
        self._open.add(connection)
        return next(self._numbers)

    def lost(self, connection: Connection) -> None:
        """Forget a closed connection."""
        self._open.discard(connection)

    async def _start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), self.host, 0, ssl=self._tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in list(self._open):
            connection.abort()

    def __enter__(self) -> Self:
        _on_loop(self._start())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _on_loop(self._stop())
        if kind is None:
            self.check()


class Connection(asyncio.Protocol):
    """One accepted connection; it plays one reply after the other."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._reader = RequestReader()
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._current: Request | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = Gate()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._number = self._upstream.accepted(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._reader.feed(data))
        except ValueError as error:
            self._upstream.refuse(str(error))
            self._transport.abort()
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._play())

    async def _play(self) -> None:
        while self._waiting and not self._transport.is_closing():
            request = self._current = self._waiting.popleft()
            request.connection, request.gone = self._number, self._gone
            for step in self._upstream.reply_to(request).steps:
                await step.play(self)
            request.answered.open()
        self._task = None

    async def send(self, data: bytes) -> None:
        assert self._current is not None
        self._transport.write(data)
        self._current.sent += len(data)
        await self._writable.wait()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def reset(self) -> None:
        # Linger of zero seconds makes the close an RST, which also throws away what the peer has not read yet.
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._transport.abort()

    def pause_writing(self) -> None:
        self._writable.clear()
        if self._current:
            self._current.is_held = True

    def resume_writing(self) -> None:
        self._writable.set()
        if self._current:
            self._current.is_held = False

    def connection_lost(self, error: Exception | None) -> None:
        self._upstream.lost(self)
        self._gone.open()
        if self._task:
            self._task.cancel()


class Refusing:
    """A port on which nobody listens, kept for as long as it is entered: connecting is refused."""

    def __enter__(self) -> Self:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        return self

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Unreachable(Refusing):
    """A port that answers no SYN: connecting hangs until the caller's own timeout."""

    def __enter__(self) -> Self:
        super().__enter__()
        # Linux drops further SYNs once the accept queue of a listener with backlog 0 holds one connection.
        self._socket.listen(0)
        self._filling = [socket.socket() for _ in range(2)]
        for filling in self._filling:
            filling.setblocking(False)
            filling.connect_ex(self._socket.getsockname())
        return self

    def __exit__(self, *_: object) -> None:
        for filling in self._filling:
            filling.close()
        super().__exit__()
