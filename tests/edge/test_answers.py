"""What the edge answers, and how it is framed: one connection, both planes, both event loops."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.edge.stub import StubGateway
from tests.support.doors import EdgeDoor


def test_one_connection_carries_every_plane(door: EdgeDoor) -> None:
    with door.caller() as caller:
        assert caller.exchange("GET", "/ping").json() == {"status": "ok"}
        assert caller.exchange("POST", "/v1/echo", {"a": 1}).json() == {"a": 1}
        assert caller.exchange("GET", "/schemas/router.schema.json").json()["type"] == "object"
        assert caller.exchange("POST", "/v1/stream?chunks=2&size=3", {}).body == b"000111end"
        assert caller.exchange("GET", "/nowhere").status == 404
        assert caller.exchange("GET", "/health/live").json() == {"status": "live"}
        assert caller.exchange("POST", "/v1/echo", {"a": 2}).json() == {"a": 2}


def test_readiness(door: EdgeDoor) -> None:
    with door.caller() as caller:
        assert caller.exchange("GET", "/health/ready").json() == {"status": "ready"}
        door.is_ready = False
        answer = caller.exchange("GET", "/health/ready")
    assert (answer.status, answer.json()) == (503, {"status": "not_ready"})


def test_a_whole_answer_has_a_length_and_a_date(door: EdgeDoor) -> None:
    with door.caller() as caller:
        answer = caller.exchange("POST", "/v1/echo", b"{}")
    assert answer.headers["content-length"] == "2"
    assert answer.headers["date"].endswith(" GMT")
    assert "connection" not in answer.headers


def test_a_stream_comes_in_chunks_as_they_were_written(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/stream?chunks=3&size=2", {})
        head = caller.head()
        assert head.headers["transfer-encoding"] == "chunked"
        assert list(caller.pieces(head)) == [b"00", b"11", b"22", b"end"]


@pytest.mark.parametrize("size", [0, 1, 5_000, 16_384, 65_536, 70_000, 200_000, 1_048_576, 3_000_001])
def test_bodies_arrive_whole(door: EdgeDoor, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with door.caller() as caller:
        for _ in range(2):
            told = caller.exchange("POST", "/v1/size", body).json()
            assert told == {"size": size, "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("size", [1, 3_000, 64_000, 1_000_000])
def test_chunked_bodies_arrive_whole(door: EdgeDoor, size: int) -> None:
    chunk = bytes(range(256)) * (size // 256) + b"y" * (size % 256)
    with door.caller() as caller:
        caller.request("POST", "/v1/size", headers={"Transfer-Encoding": "chunked"})
        for _ in range(3):
            caller.send(b"%x;ext=1\r\n%b\r\n" % (size, chunk))
        caller.send(b"0\r\nTrailer: ignored\r\n\r\n")
        told = caller.read(caller.head()).json()
        assert told == {"size": 3 * size, "sha256": hashlib.sha256(chunk * 3).hexdigest()}
        assert caller.exchange("GET", "/ping").status == 200


def test_a_large_answer(door: EdgeDoor) -> None:
    body = b"z" * 2_000_000
    with door.caller() as caller:
        assert caller.exchange("POST", "/v1/echo", body).body == body


def test_the_gateway_sees_the_head_as_it_was_sent(door: EdgeDoor) -> None:
    with door.caller() as caller:
        answer = caller.exchange("POST", "/v1/head?a=%41&b", b"{}", {"X-Two": " v ", "x-TWO": "w\t"})
        told = answer.json()
    assert (told["method"], told["path"], told["query"]) == ("POST", "/v1/head", "a=%41&b")
    assert [value for name, value in told["headers"] if name == "x-two"] == ["v", "w"]
    assert told["loopback"] == [True, True]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/v1/models/a%2Fb%20c", "/v1/models/a/b c"),
        ("/v1/models/%C3%A9", "/v1/models/é"),
        ("/%76%31/nothing", "/v1/nothing"),
        ("/v1", "/v1"),
        ("/v1/", "/v1/"),
        ("/v1//x", "/v1//x"),
        ("/v1beta/models", "/v1beta/models"),
    ],
)
def test_paths_are_decoded_and_all_of_v1_is_the_gateways(
    door: EdgeDoor, gateway: StubGateway, target: str, path: str
) -> None:
    with door.caller() as caller:
        caller.exchange("GET", target)
    assert [head.path for head in gateway.seen] == [path]


def test_refusals_keep_the_connection_when_the_body_is_small(door: EdgeDoor) -> None:
    with door.caller() as caller:
        for _ in range(2):
            assert caller.exchange("POST", "/v1/nothing", b"x" * 60_000).status == 404
            assert caller.exchange("GET", "/v1/echo").status == 405
            assert caller.exchange("POST", "/v1/echo", b"{}", {"X-Key": "wrong"}).status == 401
        assert caller.exchange("POST", "/v1/echo", b"{}").status == 200


def test_a_refusal_speaks_the_dialect_of_its_path(door: EdgeDoor) -> None:
    with door.caller() as caller:
        assert caller.exchange("GET", "/v1/messages").json()["type"] == "error"
        assert "type" not in caller.exchange("GET", "/v1/echo").json()


def test_head_requests_have_no_body(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.send(
            b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
            b"HEAD /ping HTTP/1.1\r\nHost: a\r\n\r\n"
            b"HEAD /v1/echo HTTP/1.1\r\nHost: a\r\n\r\n"
            b"HEAD /v1/stream HTTP/1.1\r\nHost: a\r\n\r\n"
            b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        assert [caller.head().status for _ in range(4)] == [200] * 4
        assert caller.read(caller.head()).json() == {"status": "ok"}


def test_options_of_everything(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = caller.head()
        assert (answer.status, "POST" in answer.headers["allow"]) == (204, True)
        assert "content-length" not in answer.headers
        assert caller.exchange("GET", "/ping").status == 200


@pytest.mark.parametrize("connection", ["close", "Close", "keep-alive, close"])
def test_connection_close_is_honoured(door: EdgeDoor, connection: str) -> None:
    with door.caller() as caller:
        answer = caller.exchange("POST", "/v1/echo", b"{}", {"Connection": connection})
        assert answer.headers["connection"] == "close"
        assert caller.is_closed()


@pytest.mark.parametrize("headers", [b"", b"Connection: keep-alive\r\n"])
def test_http_1_0_is_not_chunked_and_closes(door: EdgeDoor, headers: bytes) -> None:
    with door.caller() as caller:
        caller.send(b"POST /v1/stream?chunks=2 HTTP/1.0\r\n%bContent-Length: 2\r\n\r\n{}" % headers)
        answer = caller.head()
        assert answer.headers["connection"] == "close"
        assert "transfer-encoding" not in answer.headers
        assert caller.rest() == b"0000011111end"


def test_pipelined_requests_are_answered_in_order(door: EdgeDoor) -> None:
    asked = [b'{"n": %d}' % number for number in range(300)]
    requests = [b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(one), one) for one in asked]
    mixed = b"".join(one + b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n" for one in requests)
    with door.caller() as caller:
        caller.send(mixed)
        for number in range(300):
            assert caller.read(caller.head()).json() == {"n": number}
            assert caller.read(caller.head()).json() == {"status": "ok"}


def test_a_pipelined_request_waits_for_the_answer_before_it(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/begin", b"{}")
        caller.request("GET", "/ping")
        caller.request("GET", "/schemas/router.schema.json")
        caller.request("POST", "/v1/echo", b"{}")
        begun = caller.head()
        gateway.begun.wait()
        gateway.may_answer.open()
        assert caller.read(begun).body == b"begundone"
        assert caller.read(caller.head()).json() == {"status": "ok"}
        assert caller.read(caller.head()).json()["type"] == "object"
        assert caller.read(caller.head()).body == b"{}"


def test_many_that_waited_behind_one_are_answered_in_order(door: EdgeDoor, gateway: StubGateway) -> None:
    one = b"POST /v1/%b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%03d"
    with door.caller() as caller:
        caller.send(one % (b"begin", 0) + b"".join(one % (b"echo", number) for number in range(1, 900)))
        begun = caller.head()
        gateway.begun.wait()
        gateway.may_answer.open()
        assert caller.read(begun).body == b"begundone"
        for number in range(1, 900):
            assert caller.read(caller.head()).body == b"%03d" % number


def test_what_follows_the_last_request_is_ignored(door: EdgeDoor) -> None:
    last = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    with door.caller() as caller:
        caller.send(last + b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert caller.read(caller.head()).body == b"{}"
        assert caller.rest() == b""


def test_an_answer_may_close_the_connection(door: EdgeDoor) -> None:
    with door.caller() as caller:
        assert caller.exchange("POST", "/v1/close", b"{}").body == b"something"
        assert caller.is_closed()


EXPECTING = {"Expect": "100-continue", "Content-Length": "2"}


def test_100_continue_after_the_head_was_judged(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/echo", headers=EXPECTING)
        assert caller.interim() == 100
        caller.send(b"{}")
        assert caller.read(caller.head()).body == b"{}"
        caller.request("POST", "/v1/nothing", headers=EXPECTING)
        assert caller.rest().startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(("path", "status"), [("/v1/echo", 200), ("/ping", 405)])
def test_100_continue_behind_another_request(door: EdgeDoor, gateway: StubGateway, path: str, status: int) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        caller.request("POST", path, headers=EXPECTING)
        gateway.begun.wait()
        door.hear(caller)
        assert caller.has_heard_nothing(), "it would be taken for the first answer"
        gateway.may_answer.open()
        assert caller.read(caller.head()).json() == {"waited": True}
        assert caller.interim() == 100
        caller.send(b"{}")
        assert caller.read(caller.head()).status == status
        assert caller.exchange("GET", "/health/live").status == 200


def test_nobody_is_told_to_continue_who_has_sent_everything(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.request("POST", "/v1/wait", b"{}")
        for path in ("/v1/echo", "/ping"):
            caller.request("POST", path, b"{}", EXPECTING)
        gateway.begun.wait()
        door.hear(caller)
        gateway.may_answer.open()
        caller.request("GET", "/ping", headers={"Connection": "close"})
        assert b"100 Continue" not in caller.rest()


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("size", [2, 100_000])
def test_an_upgrade_is_ignored(door: EdgeDoor, upgrade: str, size: int) -> None:
    asks = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": upgrade, "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
    body = json.dumps("x" * size).encode()
    with door.caller() as caller:
        assert caller.exchange("POST", "/v1/echo", body, asks).body == body
        assert caller.exchange("GET", "/ping", None, asks).json() == {"status": "ok"}
        told = caller.exchange("POST", "/v1/head", body, asks).json()
        assert "upgrade" not in {name for name, _ in told["headers"]}


@pytest.mark.parametrize("path", ["/v1/silent", "/v1/crash"])
def test_a_gateway_that_does_not_answer_is_an_internal_error(door: EdgeDoor, path: str) -> None:
    with door.caller() as caller:
        answer = caller.exchange("POST", path, b"{}")
        assert (answer.status, answer.json()["error"]["code"]) == (500, "internal")
        assert caller.is_closed()
    assert [type(context["exception"]) for context in door.errors] == [ZeroDivisionError] * (path == "/v1/crash")
    door.errors.clear()


def test_a_broken_stream_is_seen_to_be_broken(door: EdgeDoor) -> None:
    with door.caller() as caller:
        answer = caller.exchange("POST", "/v1/halfway", b"{}")
    assert (answer.body, answer.complete) == (b"half", False)
