"""How long the edge waits: for heads, for bodies, for the next request, for callers who never stop or never read."""

from __future__ import annotations

import time

import pytest

from routerd.edge.limits import Limits
from tests.edge.stub import StubGateway
from tests.support.doors import LOOPS, EdgeDoor
from tests.support.gate import eventually

SHORT = 0.2  # seconds
LONG = 60.0


def limits(**seconds: float) -> Limits:
    """Long, but for those given."""
    known = {"head": LONG, "body": LONG, "idle": LONG, "linger": LONG, "flush": LONG, **seconds}
    return Limits(
        tick=0.02,
        head=known["head"],
        body=known["body"],
        idle=known["idle"],
        linger=known["linger"],
        flush=known["flush"],
    )


HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n"
SLOW_HEADS = [b"P", b"PRI * HT", b"POST /v1/messages HTTP/1.1\r\nHo", HEAD]
SLOW_BODIES = [
    HEAD + b"\r\n",
    HEAD + b"\r\n" + b"x" * 70_000,
    b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
    b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sent", SLOW_HEADS)
def test_a_slow_head(gateway: StubGateway, sent: bytes, loop: str) -> None:
    with EdgeDoor(gateway, limits=limits(head=SHORT), loop=loop) as door, door.caller() as caller:
        start = time.monotonic()
        caller.send(sent)
        assert caller.read(caller.head()).status == 408
        assert time.monotonic() - start >= SHORT
        assert caller.rest() == b""


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sent", SLOW_BODIES)
def test_a_slow_body(gateway: StubGateway, sent: bytes, loop: str) -> None:
    with EdgeDoor(gateway, limits=limits(body=SHORT), loop=loop) as door, door.caller() as caller:
        caller.send(sent)
        answer = caller.read(caller.head())
        assert (answer.status, "error" in answer.json()) == (408, True)
        assert caller.rest() == b""


def test_a_head_that_comes_in_drops_has_no_more_time(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=limits(head=SHORT)) as door, door.caller() as caller:
        caller.send(b"GET /ping HTTP/1.1\r\n")
        caller.socket.settimeout(0.02)
        sent = 0
        while sent < 1_000:
            try:
                assert caller.head().status == 408
                return
            except TimeoutError:
                caller.send(b"X: y\r\n")
                sent += 1
        pytest.fail("it could go on for ever")


def test_a_body_that_keeps_coming_is_waited_for(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=limits(body=0.5)) as door, door.caller() as caller:
        caller.request("POST", "/v1/size", headers={"Content-Length": "20"})
        caller.socket.settimeout(0.05)
        for _ in range(20):  # a second in all
            with pytest.raises(TimeoutError):
                caller.head()
            caller.send(b"x")
        caller.socket.settimeout(10)
        assert caller.read(caller.head()).json()["size"] == 20


@pytest.mark.parametrize("first", [b"", b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_an_idle_connection_is_closed_without_a_word(gateway: StubGateway, first: bytes) -> None:
    with EdgeDoor(gateway, limits=limits(idle=SHORT)) as door, door.caller() as caller:
        if first:
            caller.send(first)
            assert caller.read(caller.head()).status == 200
        assert caller.rest() == b""


def test_nothing_limits_an_answer(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=limits(head=SHORT, body=SHORT, idle=SHORT)) as door, door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        gateway.begun.wait()
        caller.socket.settimeout(3 * SHORT)
        with pytest.raises(TimeoutError):
            caller.head()
        caller.socket.settimeout(10)
        gateway.may_answer.open()
        assert caller.read(caller.head()).json() == {"waited": True}


def test_a_refused_caller_who_goes_on_sending_is_cut(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=limits(linger=SHORT)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": str(1 << 40)})
        assert caller.read(caller.head()).status == 413
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                caller.send(b"x" * 1024)
                time.sleep(0.001)


def test_a_refused_caller_who_sends_too_much_is_cut(gateway: StubGateway) -> None:
    short = Limits(tick=0.02, linger=LONG, discard=1 << 20)
    with EdgeDoor(gateway, limits=short) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": str(1 << 40)})
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1_000):
                caller.send(b"x" * 65_536)


def test_a_caller_who_never_reads_the_last_answer_is_cut(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=limits(flush=SHORT)) as door, door.caller() as caller:
        body = b"x" * 30_000_000
        caller.request("POST", "/v1/echo", body, {"Connection": "close"})
        eventually(lambda: not door.edge.connections, "the connection is cut")
        assert len(caller.rest_or_reset()) < len(body)
