"""ASGI apps behind the edge's own parser: what they are told, what they may answer, and what becomes of bad ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from routerd.edge.bridge import App, BrokenApp, Receive, Send
from tests.edge.stub import StubGateway
from tests.support.caller import Response
from tests.support.doors import LOOPS, EdgeDoor, hours
from tests.support.gate import PATIENCE, Gate, eventually

KIB = 1024
Scope = Any


async def read_all(receive: Receive) -> bytes:
    """The body, as far as it comes."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += bytes(message["body"])
        if not message["more_body"]:
            break
    return body


async def start(send: Send, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    """The head of an answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def body(send: Send, data: bytes, *, more: bool = False) -> None:
    """A piece of it."""
    await send({"type": "http.response.body", "body": data, "more_body": more})


def ask(app: App, sent: bytes, *, errors: int = 0, loop: str = "uvloop") -> Response:
    """One raw request to an app."""
    with EdgeDoor(StubGateway(), app=app, loop=loop) as door:
        with door.caller() as caller:
            caller.send(sent)
            answer = caller.read(caller.head())
        eventually(lambda: len(door.errors) == errors, f"{errors} errors are told of, not {door.errors}")
        assert all(isinstance(context["exception"], BrokenApp | ZeroDivisionError) for context in door.errors)
        door.errors.clear()
        return answer


GET = b"GET /a%20b?c=%20 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


def test_the_scope() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        await start(send)
        await body(send, b"ok")
        assert await receive() == {"type": "http.disconnect"}

    assert ask(app, GET).body == b"ok"
    assert seen.pop("client")[0] == "127.0.0.1"
    assert seen.pop("server")[0] == "127.0.0.1"
    assert seen == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"c=%20",
        "root_path": "",
        "headers": [(b"host", b"a"), (b"x", b"y")],
        "state": {"listener_is_loopback": True},
        "extensions": {},
    }


@pytest.mark.parametrize("loop", LOOPS)
def test_a_body_streams_in_while_the_answer_streams_out(loop: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        while (message := await receive())["more_body"]:
            await body(send, message["body"].upper(), more=True)
        await body(send, message["body"].upper())

    with EdgeDoor(StubGateway(), app=app, loop=loop) as door, door.caller() as caller:
        caller.request("POST", "/", headers={"Content-Length": "6"})
        for piece in (b"ab", b"cd", b"ef"):
            caller.send(piece)
            if piece == b"ab":
                head = caller.head()
                pieces = caller.pieces(head)
            assert next(pieces) == piece.upper()
        assert list(pieces) == []
        assert caller.exchange("GET", "/ping").status == 200


def test_a_body_that_nobody_takes_pauses_its_caller() -> None:
    may_read = Gate()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await may_read.pass_through()
        size = len(await read_all(receive))
        await start(send)
        await body(send, b"%d" % size)

    with EdgeDoor(StubGateway(), app=app) as door, door.caller() as caller:
        caller.request("POST", "/", headers={"Content-Length": str(16 * KIB * KIB)})
        caller.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 16 * KIB * KIB:
                sent += caller.socket.send(b"x" * min(65_536, 16 * KIB * KIB - sent))
        caller.socket.settimeout(PATIENCE)
        may_read.open()
        caller.send(b"x" * (16 * KIB * KIB - sent))
        assert caller.read(caller.head()).body == b"%d" % (16 * KIB * KIB)


@pytest.mark.parametrize(("size", "pieces"), [(65_536, 300), (1_000, 20_000)])
def test_an_app_waits_for_a_caller_who_reads_slowly(size: int, pieces: int) -> None:
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        for _ in range(pieces):
            await body(send, b"x" * size, more=True)
            sent.append(size)
        await body(send, b"")

    with EdgeDoor(StubGateway(), app=app) as door, door.caller() as caller:
        caller.request("GET", "/")
        head = caller.head()
        eventually(lambda: bool(sent), "it sends")
        assert door.do(_settled(sent)) < pieces
        assert len(caller.read(head).body) == pieces * size


async def _settled(sent: list[int]) -> int:
    """How many have been sent once no more are."""
    while True:
        before = len(sent)
        await asyncio.sleep(0.05)
        if len(sent) == before:
            return before


def answers(*messages: dict[str, Any]) -> App:
    """An app that sends these."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_all(receive)
        for message in messages:
            await send(message)

    return app


def head(status: Any = 200, **headers: str) -> dict[str, Any]:
    """A start."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def piece(data: bytes, *, more: bool = False) -> dict[str, Any]:
    """A piece of body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


AB = [piece(b"a", more=True), piece(b"b")]
COUNTED = {"content-length": "2"}
FRAMING: dict[str, tuple[list[dict[str, Any]], bytes, dict[str, str], bytes]] = {
    "one piece gets a length": ([head(), piece(b"ab")], GET, COUNTED, b"ab"),
    "a known length is kept": ([head(content_length="2"), *AB], GET, COUNTED, b"ab"),
    "an empty end": ([head(content_length="2"), piece(b"ab", more=True), piece(b"")], GET, COUNTED, b"ab"),
    "else chunks": ([head(), *AB], GET, {"transfer-encoding": "chunked"}, b"ab"),
    "framing is ours": ([head(transfer_encoding="gzip", keep_alive="x"), piece(b"ab")], GET, COUNTED, b"ab"),
    "nothing in a 204": ([head(204), piece(b"")], GET, {}, b""),
    "close": ([head(connection="close"), piece(b"ab")], GET, {"connection": "close", **COUNTED}, b"ab"),
    "the body is read": ([head(x="y"), piece(b"ab")], POST, {"x": "y", **COUNTED}, b"ab"),
}


@pytest.mark.parametrize("name", FRAMING)
def test_framing(name: str) -> None:
    messages, sent, headers, expected = FRAMING[name]

    with EdgeDoor(StubGateway(), app=answers(*messages)) as door, door.caller() as caller:
        caller.send(sent)
        answer = caller.head()
        if expected:
            caller.read(answer)
        assert answer.headers.pop("date")
        assert (answer.headers, answer.body) == (headers, expected)
        if "connection" not in headers:
            assert caller.exchange("GET", "/ping").status == 200


def test_a_head_request_keeps_the_length_and_loses_the_body() -> None:
    app = answers(head(content_length="2"), piece(b"ab"))
    with EdgeDoor(StubGateway(), app=app) as door, door.caller() as caller:
        caller.send(GET.replace(b"GET", b"HEAD"))
        assert caller.head().headers["content-length"] == "2"
        assert caller.exchange("GET", "/ping").status == 200


async def _crashes(scope: Scope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError


BROKEN: dict[str, tuple[App, int]] = {
    "crashes": (_crashes, 1),
    "says nothing": (answers(), 0),
    "begins and says nothing": (answers(head()), 0),
    "begins with a body": (answers(piece(b"ab")), 1),
    "begins twice": (answers(head(), head()), 1),
    "says 99": (answers(head(99), piece(b"")), 1),
    "says 103": (answers(head(103), piece(b"")), 1),
    "says a word": (answers(head("OK"), piece(b"")), 1),
    "CR in a header": (answers(head(x="a\rb"), piece(b"")), 1),
    "LF in a header": (answers(head(x="a\nb: c"), piece(b"")), 1),
    "a space in a name": (answers({**head(), "headers": [(b"a b", b"c")]}, piece(b"")), 1),
    "too long at once": (answers(head(content_length="1"), piece(b"ab")), 1),
    "too short at once": (answers(head(content_length="3"), piece(b"ab")), 1),
    "another protocol": (answers({"type": "websocket.accept"}), 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_app_that_breaks_before_its_answer_is_an_internal_error(name: str) -> None:
    app, errors = BROKEN[name]
    answer = ask(app, GET, errors=errors)
    assert (answer.status, answer.json()["error"]["code"]) == (500, "internal")


BROKEN_OFF: dict[str, tuple[App, int]] = {
    "stops in between": (answers(head(), piece(b"ab", more=True)), 0),
    "too long": (answers(head(content_length="3"), piece(b"ab", more=True), piece(b"cd")), 1),
    "too short": (answers(head(content_length="5"), piece(b"ab", more=True), piece(b"cd")), 1),
    "begins again": (answers(head(), piece(b"ab", more=True), head()), 1),
}


@pytest.mark.parametrize("name", BROKEN_OFF)
def test_an_app_that_breaks_in_its_answer_is_cut(name: str) -> None:
    app, errors = BROKEN_OFF[name]
    answer = ask(app, GET, errors=errors)
    assert (answer.body[:2], answer.complete) in {(b"ab", False), (b"", False)}


def test_the_app_hears_that_its_caller_has_gone() -> None:
    begun, heard, ended = Gate(), Gate(), Gate()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_all(receive)
        await start(send)
        await body(send, b"x", more=True)
        begun.open()
        assert await receive() == {"type": "http.disconnect"}
        heard.open()
        await body(send, b"nobody reads this", more=True)
        await asyncio.sleep(0)  # it is not cancelled: half a change would be worse than a late one
        ended.open()

    with EdgeDoor(StubGateway(), app=app) as door:
        with door.caller() as caller:
            caller.request("GET", "/")
            begun.wait()
        heard.wait()
        ended.wait()


def late_reader(app_answers_first: bool, gate: Gate) -> App:
    """An app that answers before or after it has read."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not app_answers_first:
            await read_all(receive)
        await start(send)
        await body(send, b"early")
        gate.open()

    return app


@pytest.mark.parametrize(("size", "kept"), [(5, True), (60_000, True), (70_000, False), (10_000_000, False)])
def test_a_body_left_over_is_dropped_or_the_connection_is(size: int, kept: bool) -> None:
    answered = Gate()
    with EdgeDoor(StubGateway(), app=late_reader(True, answered)) as door, door.caller() as caller:
        caller.request("POST", "/", headers={"Content-Length": str(size)})
        answer = caller.read(caller.head())
        assert ("connection" not in answer.headers) is kept
        caller.send(b"x" * size)
        if kept:
            assert caller.exchange("GET", "/ping").status == 200
        else:
            assert caller.rest() == b""


TOO_LARGE = [b"Content-Length: 16777217\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1000001\r\n" + b"x" * 0x1000001]


@pytest.mark.parametrize("rest", TOO_LARGE)
def test_a_body_may_have_16_mib(rest: bytes) -> None:
    with EdgeDoor(StubGateway(), app=late_reader(False, Gate())) as door, door.caller() as caller:
        caller.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + rest)
        assert caller.read(caller.head()).status == 413
        assert caller.rest() == b""


BAD_BODIES = {
    "malformed": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd", 400),
    "slow": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 408),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("begun", [False, True])
def test_a_body_that_does_not_come_takes_the_answer_from_the_app(name: str, begun: bool) -> None:
    sent, status = BAD_BODIES[name]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await start(send)
            await body(send, b"begun", more=True)
        await read_all(receive)

    with EdgeDoor(StubGateway(), app=app, limits=hours(body=3)) as door, door.caller() as caller:
        first, blank, rest = sent.partition(b"\r\n\r\n")
        caller.send(first + blank)
        answer = caller.head() if begun else None
        caller.send(rest)
        door.hear(caller)
        door.sweep(5)
        if answer is not None:
            assert not caller.read(answer).complete
        else:
            assert caller.read(caller.head()).status == status
            assert caller.rest() == b""
        eventually(lambda: not door.do(_tasks()), "the app has ended")


async def _tasks() -> list[str]:
    return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def test_100_continue_for_an_app() -> None:
    with EdgeDoor(StubGateway(), app=answers(head(), piece(b"ok"))) as door, door.caller() as caller:
        caller.request("POST", "/", headers={"Expect": "100-continue", "Content-Length": "2"})
        assert caller.interim() == 100
        caller.send(b"{}")
        assert caller.read(caller.head()).body == b"ok"
