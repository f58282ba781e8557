"""How long the edge waits: for heads, for bodies, for the next request, for callers who never stop or never read.

No clock runs here: time is what the tests let pass, in hours, and a limit of three is met by the fifth, not the fourth.
"""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from routerd.errors import RouterError
from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import LOOPS, QUICK, EdgeDoor, hours
from tests.support.gate import PATIENCE, eventually
from tests.support.raw import RawCaller

HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n"
SLOW_HEADS = [b"P", b"PRI * HT", b"POST /v1/messages HTTP/1.1\r\nHo", HEAD]
SLOW_BODIES = [
    HEAD + b"\r\n",
    HEAD + b"\r\n" + b"x" * 70_000,
    b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
    b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


def comes_too_late(door: EdgeDoor, caller: RawCaller) -> None:
    """What `caller` has sent is waited for, for three hours and no longer."""
    door.hear(caller)
    door.sweep(4)
    assert caller.has_heard_nothing()
    door.sweep()
    answer = caller.read(caller.head())
    assert (answer.status, "error" in answer.json()) == (408, True)
    assert caller.rest() == b""


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sent", SLOW_HEADS)
def test_a_slow_head(gateway: StubGateway, sent: bytes, loop: str) -> None:
    with EdgeDoor(gateway, limits=hours(head=3), loop=loop) as door, door.caller() as caller:
        caller.send(sent)
        comes_too_late(door, caller)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("sent", SLOW_BODIES)
def test_a_slow_body(gateway: StubGateway, sent: bytes, loop: str) -> None:
    with EdgeDoor(gateway, limits=hours(body=3), loop=loop) as door, door.caller() as caller:
        caller.send(sent)
        comes_too_late(door, caller)


def test_a_slow_head_behind_an_answer(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(head=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        caller.send(b"GET /ping HTTP/1.1\r\n")
        gateway.begun.wait()
        door.hear(caller)
        door.sweep(100)
        gateway.may_answer.open()
        assert caller.read(caller.head()).json() == {"waited": True}
        comes_too_late(door, caller)


def test_a_head_that_comes_in_drops_has_no_more_time(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(head=3)) as door, door.caller() as caller:
        caller.send(b"GET /ping HTTP/1.1\r\n")
        for _ in range(4):
            door.hear(caller)
            door.sweep()
            assert caller.has_heard_nothing()
            caller.send(b"X: y\r\n")
        door.hear(caller)
        door.sweep()
        assert caller.head().status == 408


def test_a_body_that_keeps_coming_is_waited_for(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(body=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/size", headers={"Content-Length": "20"})
        for _ in range(20):
            door.hear(caller)
            door.sweep(4)
            assert caller.has_heard_nothing()
            caller.send(b"x")
        assert caller.read(caller.head()).json()["size"] == 20


@pytest.mark.parametrize("first", [b"", b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_an_idle_connection_is_closed_without_a_word(gateway: StubGateway, first: bytes) -> None:
    with EdgeDoor(gateway, limits=hours(idle=3)) as door, door.caller() as caller:
        caller.send(first)
        if first:
            assert caller.read(caller.head()).status == 200
        door.hear(caller)
        door.sweep(4)
        assert caller.has_heard_nothing()
        door.sweep()
        assert caller.rest() == b""


def test_nothing_limits_an_answer(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(head=3, body=3, idle=3, stall=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        gateway.begun.wait()
        door.sweep(1_000)
        assert caller.has_heard_nothing()
        gateway.may_answer.open()
        assert caller.read(caller.head()).json() == {"waited": True}


def test_while_we_are_held_up_nobodys_time_runs(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(head=3)) as door, door.caller() as caller:
        caller.send(b"GET /ping HTTP/1.1\r\n")
        door.hear(caller)
        before = door.edge.now
        door.sweep()
        assert door.edge.now - before == door.edge.limits.tick, "however long ago the last sweep was"


class Mistaken(StubGateway):
    """A gateway that can't say that a caller is too late."""

    def refusal(self, error: RouterError, path: str) -> tuple[int, bytes, bytes]:
        if error.kind == "request_timeout":
            raise ZeroDivisionError("a mistake of our own")
        return super().refusal(error, path)


def test_a_mistake_in_a_sweep_costs_one_connection() -> None:
    with EdgeDoor(Mistaken(), limits=hours(head=3, idle=3)) as door, door.caller() as slow, door.caller() as idle:
        slow.send(b"GET /ping HTTP/1.1\r\n")
        for caller in (slow, idle):
            door.hear(caller)
        door.sweep(5)
        assert slow.rest_or_reset() == idle.rest() == b""
        assert [type(context["exception"]) for context in door.errors] == [ZeroDivisionError]
        door.errors.clear()


# Callers who go on sending


def sends_on(caller: RawCaller) -> None:
    """Send until it is cut."""
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1_000):
            caller.send(b"x" * 65_536)


def test_a_refused_caller_who_goes_on_sending_is_cut(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(linger=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": str(1 << 40)})
        assert caller.read(caller.head()).status == 413
        for _ in range(4):
            caller.send(b"x" * 1024)
            door.hear(caller)
            door.sweep()
        assert door.edge.connections
        door.sweep()
        sends_on(caller)


def test_a_refused_caller_who_sends_too_much_is_cut(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=replace(QUICK, discard=1 << 20)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": str(1 << 40)})
        sends_on(caller)


# Callers who do not read

LARGE = b"x" * 30_000_000
CLOSE = {"Connection": "close"}
UNREAD = {  # the limit that ends it, and the request
    "a whole answer": ("stall", "/v1/echo", LARGE, {}),
    "the last answer": ("flush", "/v1/echo", LARGE, CLOSE),
    "a stream": ("stall", "/v1/endless", b"{}", {}),
}


def is_cut_as_time_passes(door: EdgeDoor) -> None:
    """Let time pass until the only connection is gone."""

    def is_cut() -> bool:
        door.sweep()
        return not door.edge.connections

    eventually(is_cut, "it is cut")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", UNREAD)
def test_a_caller_who_never_reads_is_cut(gateway: StubGateway, name: str, loop: str) -> None:
    limit, path, body, headers = UNREAD[name]
    with EdgeDoor(gateway, limits=hours(**{limit: 3}), loop=loop) as door, door.caller() as caller:
        caller.request("POST", path, body, headers)
        door.hear(caller)
        eventually(lambda: door.untaken() > 0, "an answer waits")
        door.sweep(4)
        assert door.edge.connections, "there was still time"
        is_cut_as_time_passes(door)
        if path == "/v1/endless":
            gateway.cancelled.wait()
        assert len(caller.rest_or_reset()) < len(LARGE)


def takes_some(door: EdgeDoor, caller: RawCaller) -> None:
    """Read until it shows at the other end."""
    eventually(lambda: door.untaken() > 0, "an answer waits")
    before = door.untaken()
    while door.untaken() >= before:
        assert caller.take() > 0


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["a whole answer", "the last answer"])
def test_a_caller_who_reads_slowly_is_waited_for(gateway: StubGateway, name: str, loop: str) -> None:
    limit, path, body, headers = UNREAD[name]
    with EdgeDoor(gateway, limits=hours(**{limit: 3}), loop=loop) as door, door.caller() as caller:
        caller.request("POST", path, body, headers)
        answer = caller.head()
        for _ in range(5):
            takes_some(door, caller)
            door.sweep(5)
        assert caller.read(answer).body == LARGE


@pytest.mark.parametrize("loop", LOOPS)
def test_a_caller_over_tls_may_take_its_time_with_the_last_answer(
    gateway: StubGateway, certificates: Certificates, loop: str
) -> None:
    """The timers of TLS itself know no progress; none of them is ours."""
    limits = replace(QUICK, linger=0.05)
    with EdgeDoor(gateway, limits=limits, loop=loop, certificates=certificates) as door:
        plain = socket.create_connection(("127.0.0.1", door.tls_port), PATIENCE)
        with certificates.caller().wrap_socket(plain, server_hostname="localhost") as caller:
            head = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            caller.sendall(head % len(LARGE) + LARGE)
            eventually(lambda: door.do(is_leaving(door)), "the answer is written")
            began = door.edge.now
            eventually(lambda: door.edge.now - began > 1, "time passes")
            taken = 0
            while piece := caller.recv(1 << 20):
                taken += len(piece)
        assert taken > len(LARGE)


async def is_leaving(door: EdgeDoor) -> bool:
    """Whether nothing more will be answered to the only caller there is."""
    [connection] = door.edge.connections
    return connection._is_leaving


def test_a_slow_reader_of_a_stream_is_waited_for(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(stall=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/endless", b"{}")
        gateway.begun.wait()
        source = gateway.endless[0]
        for _ in range(5):
            eventually(lambda: source.pauses > source.resumes, "the source is paused")
            door.sweep(4)
            resumed = source.resumes
            while source.resumes == resumed:
                assert caller.take() > 0
        assert door.edge.connections


def test_what_a_caller_sends_meanwhile_gives_it_no_time(gateway: StubGateway) -> None:
    with EdgeDoor(gateway, limits=hours(stall=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/endless", b"{}")
        gateway.begun.wait()
        caller.send(b"GET /ping HTTP/1.1\r\nX: ")

        def is_cut() -> bool:
            caller.send(b"y")
            door.hear(caller)
            door.sweep()
            return not door.edge.connections

        eventually(is_cut, "it is cut")
