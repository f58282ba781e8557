"""Both doors give the same answers: whatever goes in by HTTP/1.1, HTTP/2, TLS or another ASGI server."""

from __future__ import annotations

import hashlib
import threading
import time

import httpx
import pytest

from tests.edge.stub import StubGateway
from tests.support.gate import PATIENCE, SOON, eventually
from tests.web.conftest import Way

MIB = 1024 * 1024


def test_open_paths(way: Way) -> None:
    assert way.client.get("/ping").json() == {"status": "ok"}
    assert way.client.get("/health/live").json() == {"status": "live"}
    assert way.client.get("/health/ready").json() == {"status": "ready"}
    head = way.client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert way.client.get("/").status_code == 200  # the pages, or, where nobody has built them, what answers here


def test_whole(way: Way) -> None:
    answer = way.client.post("/v1/echo", content=b'{"a": 1}')
    assert (answer.status_code, answer.content) == (200, b'{"a": 1}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == "8"
    assert "server" not in answer.headers or way.name == "Hypercorn alone"


def test_streamed(way: Way) -> None:
    with way.client.stream("POST", "/v1/stream?chunks=3&size=4", content=b"{}") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert "content-length" not in answer.headers
        assert b"".join(answer.iter_raw()) == b"000011112222end"


def test_the_first_bytes_leave_at_once(way: Way, gateway: StubGateway) -> None:
    with way.client.stream("POST", "/v1/begin", content=b"{}") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"begun"
        gateway.may_answer.open()
        assert b"".join(pieces) == b"done"


@pytest.mark.parametrize("size", [0, 1, 70_000, MIB])
def test_bodies_arrive_whole(way: Way, size: int) -> None:
    body = b"z" * size
    told = way.client.post("/v1/size", content=body).json()
    assert told == {"size": size, "sha256": hashlib.sha256(body).hexdigest()}


def test_bodies_without_a_length(way: Way) -> None:
    told = way.client.post("/v1/size", content=iter([b"a" * 10_000, b"b" * 100_000])).json()
    assert told["size"] == 110_000


@pytest.mark.parametrize("size", [MIB + 1, 33 * MIB])
def test_too_large(way: Way, size: int) -> None:
    if way.name.startswith("HTTP/2"):
        size = min(size, 4 * MIB)  # its client takes ten seconds for more
    answer = way.client.post("/v1/echo", content=b"x" * size)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_too_large_without_a_length(way: Way) -> None:
    answer = way.client.post("/v1/echo", content=iter([b"x" * 65_536] * 40))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


REFUSALS = [
    ("GET", "/v1/nothing", {}, 404, "not_found"),
    ("POST", "/v1", {}, 404, "not_found"),
    ("DELETE", "/v1/echo", {}, 405, "method_not_allowed"),
    ("OPTIONS", "/v1/echo", {}, 405, "method_not_allowed"),
    ("POST", "/v1/echo", {"x-key": "wrong"}, 401, "invalid_api_key"),
    ("POST", "/v1//echo", {}, 404, "not_found"),
    ("POST", "/v1/echo/", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status", "code"), REFUSALS)
def test_refusals(way: Way, method: str, path: str, headers: dict[str, str], status: int, code: str) -> None:
    for body in (b"", b"{}", b"x" * 200_000):
        answer = way.client.request(method, path, headers=headers, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_refusals_in_another_dialect(way: Way) -> None:
    assert way.client.get("/v1/messages").json()["type"] == "error"


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/v2", "/v1x"])
def test_problems(way: Way, path: str) -> None:
    answer = way.client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["kind"]) == (404, 404, "not_found")
    assert path in problem["detail"]


def test_a_method_that_is_not_allowed(way: Way) -> None:
    answer = way.client.post("/ping")
    assert (answer.status_code, answer.json()["kind"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def test_what_the_gateway_sees(way: Way) -> None:
    told = way.client.post("/v1/head?a=%41", headers=[("x-two", "v"), ("x-two", "w")], content=b"{}").json()
    assert (told["method"], told["path"], told["query"]) == ("POST", "/v1/head", "a=%41")
    assert [value for name, value in told["headers"] if name == "x-two"] == ["v", "w"]
    assert len([value for name, value in told["headers"] if name == "host"]) == 1
    assert told["loopback"] == [True, True]


@pytest.mark.parametrize(
    ("target", "path"), [("/v1/models/a%2Fb%20c", "/v1/models/a/b c"), ("/v1/models/%C3%A9", "/v1/models/é")]
)
def test_paths_are_decoded(way: Way, gateway: StubGateway, target: str, path: str) -> None:
    way.client.get(target)
    assert gateway.seen[0].path == path


def test_gemini_has_its_own_prefix(way: Way) -> None:
    assert way.client.get("/v1beta/models").json()["path"] == "/v1beta/models"


@pytest.mark.parametrize("host", ["a/b", "a@b", "a b", "a?b", "a,b"])
def test_hosts(way: Way, gateway: StubGateway, host: str) -> None:
    try:
        answer = way.client.post("/v1/echo", headers={"host": host}, content=b"{}")
    except httpx.RemoteProtocolError:
        assert way.name.startswith("HTTP/2")  # refused with the connection
    else:
        assert answer.status_code == 400
    assert not gateway.seen


@pytest.mark.parametrize("path", ["/v1/models/a%00b", "/v1/models/a%0Db", "/a%0Ab"])
def test_control_characters(way: Way, gateway: StubGateway, path: str) -> None:
    assert way.client.get(path).status_code == 400
    assert not gateway.seen


def test_a_head_that_is_too_large(way: Way) -> None:
    answer = way.client.post("/v1/echo", headers={"x-large": "x" * 20_000}, content=b"{}")
    assert answer.status_code in {431, 400 if way.name == "Hypercorn alone" else 431}


@pytest.mark.parametrize("path", ["/v1/silent", "/v1/crash"])
def test_a_gateway_that_does_not_answer(way: Way, path: str) -> None:
    answer = way.client.post(path, content=b"{}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    way.door.errors.clear()


def test_an_answer_without_an_end(way: Way) -> None:
    with pytest.raises(httpx.HTTPError), way.client.stream("POST", "/v1/halfway", content=b"{}") as answer:
        answer.read()
    if way.name.startswith("HTTP/2"):
        eventually(lambda: bool(way.door.errors), "it is told of")
        way.door.errors.clear()


@pytest.mark.parametrize("path", ["/v1/wait", "/v1/begin", "/v1/endless"])
def test_a_caller_who_goes(way: Way, gateway: StubGateway, path: str) -> None:
    def ask() -> None:
        try:
            way.client.post(path, content=b"{}")
        except httpx.HTTPError:
            pass

    asking = threading.Thread(target=ask)
    asking.start()
    gateway.begun.wait()
    gone = time.monotonic()
    way.cut()
    assert gateway.cancelled.opened_at - gone < SOON
    asking.join(PATIENCE)
    assert not asking.is_alive()


def test_a_slow_reader(way: Way, gateway: StubGateway) -> None:
    with way.client.stream("POST", "/v1/endless", content=b"{}") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        source = gateway.endless[0]
        eventually(lambda: source.pauses > source.resumes, "the source is paused")
        paused_at = source.written
        assert paused_at < 32 * MIB
        taken = 0
        while taken < paused_at + MIB:
            taken += len(next(pieces))
        assert source.resumes > 0


def test_two_at_once(way: Way, gateway: StubGateway) -> None:
    slow = threading.Thread(target=way.client.post, args=("/v1/wait",), kwargs={"content": b"{}"})
    slow.start()
    gateway.begun.wait()
    with way.another() as client:
        assert client.post("/v1/echo", content=b"{}").content == b"{}"
    gateway.may_answer.open()
    slow.join(PATIENCE)
    assert not slow.is_alive()


def test_quick_answers_one_after_the_other(way: Way) -> None:
    for number in range(50):
        assert way.client.post("/v1/echo", content=b"%d" % number).content == b"%d" % number
