"""Callers who read slowly, and callers who go away."""

from __future__ import annotations

import resource
import socket
import time

import pytest

from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import EdgeDoor, hours
from tests.support.gate import PATIENCE, SOON, eventually

MIB = 1024 * 1024


def test_a_slow_reader_pauses_the_source(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/endless", b"{}")
        gateway.begun.wait()
        source = gateway.endless[0]
        eventually(lambda: source.pauses > source.resumes, "the source is paused")
        written = source.written
        assert written < 16 * MIB  # the system's own buffers are a few MiB
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pieces = caller.pieces(caller.head())
        for _ in range(10 * written // 16_384):
            next(pieces)
        assert source.resumes >= 1
        assert door.do(source.balance()) in {0, 1}
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # kilobytes


@pytest.mark.parametrize("path", ["/v1/wait", "/v1/begin", "/v1/endless"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_caller_who_goes_cancels_the_answer(door: EdgeDoor, gateway: StubGateway, path: str, reset: bool) -> None:
    with door.caller() as caller:
        caller.request("POST", path, b"{}")
        gateway.begun.wait()
        gone = time.monotonic()
        if reset:
            caller.reset()
        else:
            caller.close()
        assert gateway.cancelled.opened_at - gone < SOON
    eventually(lambda: not door.edge.connections, "the connection is forgotten")


def test_a_caller_who_goes_while_another_request_waits(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        caller.request("POST", "/v1/echo", b"{}")
        gateway.begun.wait()
    gateway.cancelled.wait()


@pytest.mark.parametrize("is_half", [False, True])
def test_a_caller_who_goes_while_we_do_not_read(door: EdgeDoor, gateway: StubGateway, is_half: bool) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        gateway.begun.wait()
        asked = b"POST /v1/size HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
        caller.send(asked * 2000)
        eventually(lambda: door.do(is_held(door)), "reading stopped")
        if is_half:
            caller.socket.shutdown(socket.SHUT_WR)
        else:
            caller.close()
        gateway.cancelled.wait()
    eventually(lambda: not door.edge.connections, "the connection is forgotten")


async def is_held(door: EdgeDoor) -> bool:
    """Whether nothing is read from the only caller there is."""
    [connection] = door.edge.connections
    return not connection.transport.is_reading()


def test_a_caller_who_goes_without_a_goodbye(
    tls_door: EdgeDoor, gateway: StubGateway, certificates: Certificates
) -> None:
    """While an answer waits for it: TLS does not pass that on, and what is on its way is never taken."""
    plain = socket.create_connection(("127.0.0.1", tls_door.tls_port), PATIENCE)
    with certificates.caller().wrap_socket(plain, server_hostname="localhost") as caller:
        caller.sendall(b"POST /v1/endless HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        gateway.begun.wait()
        source = gateway.endless[0]
        eventually(lambda: source.pauses > source.resumes, "the source is paused")
        socket.socket.shutdown(caller, socket.SHUT_WR)  # not SSLSocket's own
        gateway.cancelled.wait()
        eventually(lambda: not tls_door.edge.connections, "the connection is forgotten")


def test_reading_stops_while_too_much_waits(door: EdgeDoor, gateway: StubGateway) -> None:
    one = b"POST /v1/size HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000
    with door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        gateway.begun.wait()
        caller.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200 * MIB:
                sent += caller.socket.send(one[sent % len(one) :])
        caller.socket.settimeout(PATIENCE)
        assert len(gateway.seen) < 100
        gateway.may_answer.open()
        assert caller.read(caller.head()).json() == {"waited": True}
        for _ in range(sent // len(one)):
            assert caller.read(caller.head()).json()["size"] == 10_000


def test_answers_wait_for_a_caller_who_only_asks(door: EdgeDoor, gateway: StubGateway) -> None:
    body = b"y" * MIB
    one = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with door.caller() as caller:
        caller.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 300 * len(one):
                sent += caller.socket.send(one[sent % len(one) :])
        caller.socket.settimeout(PATIENCE)
        for _ in range(sent // len(one)):
            assert caller.read(caller.head()).body == body


def test_a_refusal_waits_for_a_caller_who_does_not_read(gateway: StubGateway) -> None:
    large = b"z" * 20_000_000
    with EdgeDoor(gateway, limits=hours(idle=3)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", large)
        caller.send(b"GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n")
        door.hear(caller)
        eventually(lambda: door.untaken() > 0, "the answer before it waits")
        door.sweep(100)
        assert caller.read(caller.head()).body == large
        assert caller.read(caller.head()).status == 400
        assert caller.rest() == b""
