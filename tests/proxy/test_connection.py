"""One connection to an upstream, fed with bytes: when it is kept, whose it is, and what it never believes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.connection import JOIN_BELOW, Connection
from routerd.proxy.cork import NO_CORK, Cork

REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


class Transport:
    """What a connection does to its socket."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.is_open = True
        self.was_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.written += b"".join(pieces)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return not self.is_open

    def close(self) -> None:
        self.is_open = False

    def abort(self) -> None:
        self.is_open, self.was_aborted = False, True


@dataclass(eq=False)
class Taker:
    """A sink that remembers."""

    status: int | None = None
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    failures: list[RouterError | None] = field(default_factory=list)

    def on_head(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers

    def on_data(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        self.ended = True

    def on_failure(self, error: RouterError | None) -> None:
        self.failures.append(error)


def connected(cork: Cork = NO_CORK) -> tuple[Connection, Transport, list[Connection]]:
    """A connection, its transport, and the list that it is put into each time it is free."""
    kept: list[Connection] = []
    connection, transport = Connection(kept.append, cork), Transport()
    connection.connection_made(cast("asyncio.Transport", cast("Any", transport)))
    return connection, transport, kept


def asked() -> tuple[Connection, Transport, list[Connection], Taker]:
    """The same, with a request under way."""
    connection, transport, kept = connected()
    taker = Taker()
    connection.send(b"POST / HTTP/1.1\r\n\r\n", b"{}", taker)
    return connection, transport, kept, taker


def test_a_whole_reply_frees_it() -> None:
    connection, _, kept, taker = asked()
    connection.data_received(REPLY)
    assert (taker.status, taker.body, taker.ended, kept) == (200, b"{}", True, [connection])


def test_only_its_owner_can_abort_it() -> None:
    connection, transport, kept, first = asked()
    connection.data_received(REPLY)
    second = Taker()
    kept.pop().send(b"POST / HTTP/1.1\r\n\r\n", b"{}", second)
    connection.abort(first)
    assert transport.is_open
    connection.data_received(REPLY)
    assert second.ended


def test_an_early_answer_to_a_request_that_has_not_left_is_the_last() -> None:
    connection, transport, kept, taker = asked()
    transport.unsent = 1_000_000
    connection.data_received(REPLY)
    assert (taker.ended, kept, transport.was_aborted) == (True, [], True)


LARGE = b"y" * JOIN_BELOW


@pytest.mark.parametrize(
    ("requests", "is_kept"),
    [
        ([(LARGE, 200)], True),
        ([(LARGE, 400)], False),
        ([(LARGE, 429)], False),
        ([(LARGE, 302)], False),
        ([(LARGE[1:], 400)], True),
        ([(LARGE, 200), (b"{}", 400)], True),
        ([(b"{}", 400), (LARGE, 400)], False),
    ],
)
def test_after_a_large_request_that_was_refused_it_is_not_kept(
    requests: list[tuple[bytes, int]], is_kept: bool
) -> None:
    connection, transport, kept = connected()
    for body, status in requests:
        taker = Taker()
        connection.send(b"POST / HTTP/1.1\r\n\r\n", body, taker)
        connection.data_received(REPLY.replace(b"200 OK", b"%d X" % status))
        assert (taker.status, taker.body, taker.ended) == (status, b"{}", True)
    assert (kept[len(requests) - 1 :], transport.was_aborted) == ([connection] if is_kept else [], not is_kept)


def test_one_that_the_provider_closes_is_closed_in_good_order() -> None:
    connection, transport, kept, taker = asked()
    connection.data_received(REPLY.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert (taker.ended, kept, transport.is_open, transport.was_aborted) == (True, [], False, False)


class Corked:
    """A connection whose requests are held until the loop's turn ends, with one under way."""

    def __init__(self) -> None:
        self.cork = Cork(few=-1)
        self.connection, self.transport, self.kept = connected(self.cork)
        self.taker = self.ask()

    def ask(self) -> Taker:
        taker = Taker()
        self.connection.send(b"POST / HTTP/1.1\r\n\r\n", b"{}", taker)
        return taker


def test_a_held_request_leaves_when_it_is_let_go() -> None:
    async def story() -> None:
        held = Corked()
        assert held.transport.written == b""
        await asyncio.sleep(0)
        assert held.transport.written == b"POST / HTTP/1.1\r\n\r\n{}"
        held.connection.data_received(REPLY)
        assert (held.taker.ended, held.kept) == (True, [held.connection])

    asyncio.run(story())


def test_a_held_request_that_nobody_wants_any_more_never_leaves() -> None:
    async def story() -> None:
        held = Corked()
        held.connection.abort(held.taker)
        await asyncio.sleep(0)
        assert (held.transport.written, held.transport.is_open) == (b"", False)

    asyncio.run(story())


def test_an_answer_before_a_held_request_is_the_last() -> None:
    async def story() -> None:
        held = Corked()
        held.connection.data_received(REPLY)
        await asyncio.sleep(0)
        assert (held.taker.ended, held.kept) == (True, [])
        assert (held.transport.is_open, held.transport.written) == (False, b"")

    asyncio.run(story())


def test_a_connection_that_is_lost_with_a_held_request_says_that_it_was_not_asked() -> None:
    async def story() -> None:
        held = Corked()
        await asyncio.sleep(0)
        held.connection.data_received(REPLY)
        second = held.ask()
        held.connection.connection_lost(None)
        await asyncio.sleep(0)
        assert (second.failures, held.transport.written.count(b"POST")) == ([None], 1)

    asyncio.run(story())


@pytest.mark.parametrize("extra", [REPLY, b"more", b"\x00\x01"])
def test_what_follows_a_reply_is_nobodys(extra: bytes) -> None:
    connection, transport, kept, taker = asked()
    connection.data_received(REPLY + extra)
    assert (taker.status, taker.body, taker.ended) == (200, b"{}", True)
    assert (kept, transport.is_open) == ([], False)


def test_a_cut_inside_the_head_is_no_reply() -> None:
    connection, _, _, taker = asked()
    connection.data_received(b"HTTP/1.1 200 OK\r\nx-one: 1\r\nx-two: 2")
    connection.connection_lost(None)
    assert not taker.ended
    assert [error.kind for error in taker.failures if error] == ["upstream_garbled"]


def test_a_reply_without_length_ends_with_the_connection() -> None:
    connection, _, kept, taker = asked()
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello")
    connection.connection_lost(None)
    assert (taker.body, taker.ended, kept) == (b"hello", True, [])


def test_trailers_are_not_collected() -> None:
    connection, _, kept, taker = asked()
    connection.data_received(CHUNKED)
    for number in range(100):
        connection.data_received(b"x-trailer-%d: value\r\n" % number)
    connection.data_received(b"\r\n")
    assert (taker.headers, taker.ended, kept) == ([(b"transfer-encoding", b"chunked")], True, [connection])


def test_an_interim_answer_is_no_end() -> None:
    connection, _, _, taker = asked()
    connection.data_received(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
    assert not taker.ended
    connection.data_received(REPLY)
    assert (taker.status, taker.ended) == (200, True)


def test_a_kept_connection_that_is_gone_says_so() -> None:
    connection, _, kept, _ = asked()
    connection.data_received(REPLY)
    second = Taker()
    kept.pop().send(b"POST / HTTP/1.1\r\n\r\n", b"{}", second)
    connection.connection_lost(None)
    assert second.failures == [None]
