"""A connection on real sockets, TLS among them: who reads slowly loses nothing, and who is not listened to is left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.connection import Connection
from tests.support.certificates import Certificates
from tests.support.gate import PATIENCE, SOON, Gate

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"
Does = Callable[[socket.socket], None]


class Taker:
    """A sink that pauses its connection at all that comes, and goes on when it is told to, or after some turns."""

    def __init__(self, turns: int | None = None) -> None:
        self.body = b""
        self.paused = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.line: Connection
        self.turns = turns

    def on_head(self, status: int, headers: Headers) -> None: ...

    def on_data(self, data: bytes) -> None:
        self.body += data
        self.line.pause_reading()
        self.paused.set()
        if self.turns is not None:
            self._resume_after(self.turns)

    def _resume_after(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._resume_after, turns - 1)
        else:
            self.line.resume_reading()

    def on_end(self) -> None:
        self.done.set_result(None)

    def on_failure(self, error: RouterError | None) -> None:
        self.done.set_exception(error or EOFError("a kept connection was gone"))


@contextmanager
def provider(does: Does, tls: ssl.SSLContext | None) -> Iterator[int]:
    """A server of one connection, in a thread of its own; the port it listens on."""

    def serve() -> None:
        accepted, _ = listening.accept()
        with contextlib.suppress(OSError), accepted if tls is None else tls.wrap_socket(accepted, True) as line:
            does(line)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(PATIENCE)
        assert not thread.is_alive()


async def ask(port: int, tls: ssl.SSLContext | None, taker: Taker, body: bytes = b"") -> list[Connection]:
    """Send a request; the list that its connection is put into when it is free."""
    kept: list[Connection] = []
    _, taker.line = await asyncio.get_running_loop().create_connection(
        lambda: Connection(kept.append), "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    taker.line.send(HEAD, body, taker)
    return kept


def run(loop: str, story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(story, PATIENCE))


def head(length: int, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status.encode(), length)


def close_with_notice(line: ssl.SSLSocket) -> None:
    """Send close_notify, and wait for nobody's."""
    line.setblocking(False)
    with contextlib.suppress(ssl.SSLWantReadError):
        line.unwrap()


@pytest.mark.parametrize("has_notice", [False, True], ids=["cut", "close_notify"])
@pytest.mark.parametrize("loop", LOOPS)
def test_what_came_before_a_provider_closed_is_not_lost_on_a_slow_reader(
    loop: str, has_notice: bool, certificates: Certificates
) -> None:
    size, is_slow, has_closed = 150_000, Gate(), Gate()

    def does(line: socket.socket) -> None:
        assert isinstance(line, ssl.SSLSocket)
        line.recv(1000)
        line.sendall(head(size) + b"x")
        is_slow.wait()
        line.sendall(b"y" * (size - 1))
        if has_notice:
            close_with_notice(line)
        line.close()
        has_closed.open()

    async def story() -> None:
        taker = Taker()
        await ask(port, certificates.caller(), taker)
        await taker.paused.wait()
        is_slow.open()
        await has_closed.pass_through()
        for _ in range(50):  # turns, in each of which the loop looks at its sockets
            await asyncio.sleep(0)
        taker.turns = 0
        taker.line.resume_reading()
        await taker.done
        assert len(taker.body) == size

    with provider(does, certificates.server()) as port:
        run(loop, story())


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_record_that_comes_in_parts_holds_nothing_up(loop: str, piece: int, certificates: Certificates) -> None:
    """Pieces of a record arrive while the connection is paused, and when it goes on."""
    records = [bytes([65 + number]) * 400 for number in range(8)]
    size = sum(map(len, records))

    def does(line: socket.socket) -> None:
        line.recv(1000)
        line.sendall(head(size))
        for record in records:
            line.sendall(record)

    async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", port)
        onward = asyncio.create_task(pump(reader, to, 65536))
        await pump(there, writer, piece)
        onward.cancel()
        to.close()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, most: int) -> None:
        while data := await source.read(most):
            sink.write(data)
            await asyncio.sleep(0)
        sink.close()

    async def story() -> None:
        between = await asyncio.start_server(in_pieces, "127.0.0.1", 0)
        taker = Taker(turns=5)
        await ask(between.sockets[0].getsockname()[1], certificates.caller(), taker)
        try:
            await asyncio.wait_for(taker.done, SOON)
        finally:
            taker.line.discard()
            between.close()
        assert taker.body == b"".join(records)

    with provider(does, certificates.server()) as port:
        run(loop, story())


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_provider_that_answers_and_does_not_take_the_rest_is_left(
    loop: str, is_tls: bool, certificates: Certificates
) -> None:
    prompt, taken, is_left, has_heard = b"y" * 24_000_000, [], Gate(), Gate()

    def does(line: socket.socket) -> None:
        line.recv(1000)
        line.sendall(head(2, "400 Bad Request") + b"{}")
        is_left.wait()
        with contextlib.suppress(OSError):
            while data := line.recv(1_000_000):
                taken.append(len(data))
        has_heard.open()

    async def story() -> None:
        taker = Taker()
        kept = await ask(port, certificates.caller() if is_tls else None, taker, prompt)
        await taker.done
        assert (taker.body, kept, taker.line.is_closing) == (b"{}", [], True)
        is_left.open()
        await has_heard.pass_through()

    with provider(does, certificates.server() if is_tls else None) as port:
        run(loop, story())
    assert sum(taken) < len(prompt) / 2, "what the kernel held is all that may come after"
