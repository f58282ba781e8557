"""The end: nothing new comes in, what is under way finishes, and then everything is gone."""

from __future__ import annotations

import asyncio
import socket
import time
from asyncio import Future
from dataclasses import replace

import httpx
import pytest

from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import QUICK, EdgeDoor
from tests.support.gate import PATIENCE, eventually
from tests.support.raw import RawCaller

# Hypercorn says farewell to TLS, and waits so long for the same from a client that does not listen meanwhile.
QUICK_END = replace(QUICK, linger=0.2)


def refuses(door: EdgeDoor) -> bool:
    """Whether no new connection is accepted any more."""
    if not door.edge.is_draining:
        return False
    try:
        socket.create_connection(("127.0.0.1", door.port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stream_finishes_and_nothing_new_begins(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as busy, door.caller() as idle, door.caller() as silent:
        assert idle.exchange("GET", "/ping").status == 200
        busy.request("POST", "/v1/begin", b"{}")
        gateway.begun.wait()
        draining = door.begin(door.edge.drain(2 * PATIENCE))
        assert idle.rest() == b""
        assert silent.rest() == b""
        eventually(lambda: refuses(door), "no connection is accepted")
        assert not draining.done()
        gateway.may_answer.open()
        assert busy.read(busy.head()).body == b"begundone"
        assert busy.rest() == b""
        draining.result(PATIENCE)


def test_a_request_on_its_way_is_answered_with_close(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": "4"})
        eventually(lambda: bool(gateway.seen), "the head has come")
        draining = door.begin(door.edge.drain(2 * PATIENCE))
        eventually(lambda: refuses(door), "no connection is accepted")
        caller.send(b"late")
        answer = caller.read(caller.head())
        assert (answer.body, answer.headers["connection"]) == (b"late", "close")
        assert caller.rest() == b""
        draining.result(PATIENCE)


def test_not_ready_while_draining(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as busy, door.caller() as asking:
        asking.send(b"GET /health/ready HTTP/1.1\r\n")
        busy.request("POST", "/v1/wait", b"{}")
        eventually(lambda: sum(not one.is_idle for one in list(door.edge.connections)) == 2, "both have begun")
        door.begin(door.edge.drain(2 * PATIENCE))
        eventually(lambda: refuses(door), "no connection is accepted")
        asking.send(b"Host: a\r\n\r\n")
        assert asking.read(asking.head()).status == 503
        gateway.may_answer.open()


def test_what_has_been_sent_already_is_answered(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as first, door.caller() as last:

        async def drain() -> None:
            last.request("GET", "/ping")
            last.wait_delivered()
            await door.edge.drain(2 * PATIENCE)

        assert first.exchange("GET", "/ping").status == 200
        draining = door.begin(drain())
        answer = last.read(last.head())
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        draining.result(PATIENCE)


def test_who_connects_and_asks_while_it_begins_is_answered(door: EdgeDoor) -> None:
    """As when the kernel has taken a connection and a request that nobody here has looked at yet."""

    async def connect_and_drain() -> tuple[RawCaller, Future[None]]:
        caller = door.caller()
        caller.request("GET", "/ping")
        caller.wait_delivered()
        return caller, asyncio.ensure_future(door.edge.drain(2 * PATIENCE))

    caller, draining = door.do(connect_and_drain())
    with caller:
        answer = caller.read(caller.head())
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        eventually(draining.done, "it is over")


def test_what_does_not_finish_is_cut(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/begin", b"{}")
        answer = caller.head()
        start = time.monotonic()
        door.do(door.edge.drain(0.2))
        assert time.monotonic() - start > 0.19
        door.do(door.edge.close())
        assert not caller.read(answer).complete
        gateway.cancelled.wait()
    assert not door.edge.connections


def test_what_waits_behind_an_answer_is_answered_too(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/begin", b"{}")
        gateway.begun.wait()
        for number in range(2):
            caller.request("POST", "/v1/echo", b"%d" % number)
        door.hear(caller)
        draining = door.begin(door.edge.drain(2 * PATIENCE))
        eventually(lambda: refuses(door), "no connection is accepted")
        gateway.may_answer.open()
        answers = [caller.read(caller.head()) for _ in range(3)]
        assert [answer.body for answer in answers] == [b"begundone", b"0", b"1"]
        assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
        assert caller.rest() == b""
        draining.result(PATIENCE)


def test_draining_nothing_takes_no_time(door: EdgeDoor) -> None:
    door.do(door.edge.drain(2 * PATIENCE))


def test_closing_ends_what_is_under_way(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller, door.caller() as web:
        caller.request("POST", "/v1/begin", b"{}")
        assert caller.head().status == 200
        assert web.exchange("GET", "/").status == 200
        door.do(door.edge.close())
        gateway.cancelled.wait()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_http_2_drains_too(certificates: Certificates, gateway: StubGateway, loop: str) -> None:
    with EdgeDoor(gateway, loop=loop, certificates=certificates, limits=QUICK_END) as door:
        client = httpx.Client(http2=True, verify=certificates.caller(), base_url=f"https://127.0.0.1:{door.tls_port}")
        with client, client.stream("POST", "/v1/begin", json={}) as answer:
            draining = door.begin(door.edge.drain(2 * PATIENCE))
            eventually(lambda: refuses(door), "no connection is accepted")
            assert not draining.done()
            gateway.may_answer.open()
            assert answer.read() == b"begundone"
            draining.result(PATIENCE)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_http_2_is_cut_too(certificates: Certificates, gateway: StubGateway, loop: str) -> None:
    with EdgeDoor(gateway, loop=loop, certificates=certificates) as door:
        client = httpx.Client(http2=True, verify=certificates.caller(), base_url=f"https://127.0.0.1:{door.tls_port}")
        with client, client.stream("POST", "/v1/begin", json={}) as answer:
            door.do(door.edge.drain(0.2))
            door.do(door.edge.close())
            with pytest.raises(httpx.HTTPError):
                answer.read()
            gateway.cancelled.wait()
