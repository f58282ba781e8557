"""What is refused before anybody answers: in the words of the path that was asked for, and under the caller's id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.caller import Response
from tests.support.daemon import Daemon

KEY = "sk-somebody-0123456789abcdef"
TEXT = f"""\
server: {{max_body: 1000}}
clients: {{somebody: {{key_sha256: "{hashlib.sha256(KEY.encode()).hexdigest()}"}}}}
providers:
  demo: {{adapter: echo, models: [echo]}}
routes:
  chat: [demo/echo]
"""
CHAT, MESSAGES, GEMINI = "/v1/chat/completions", "/v1/messages", "/v1beta/models/chat:generateContent"
OWN = {"X-Request-Id": "mine", "Authorization": f"Bearer {KEY}"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("refusals"), TEXT) as daemon:
        yield daemon


# Method, path, headers, body, and the status that refuses it
REFUSED = {
    "no such path": ("POST", "/v1/none", JSON, b"{}", 404),
    "a method": ("PUT", CHAT, JSON, b"{}", 405),
    "an encoding": ("POST", CHAT, {**JSON, "Content-Encoding": "gzip"}, b"{}", 415),
    "a key": ("POST", MESSAGES, {**JSON, "Authorization": "Bearer sk-none"}, b"{}", 401),
    "a length": ("POST", GEMINI, JSON, b"x" * 1001, 413),
    "a length that is more than we forget": ("POST", CHAT, JSON, b"x" * 100_000, 413),
    "a body that grew too long": ("POST", CHAT, {**JSON, "Transfer-Encoding": "chunked"}, b"x" * 1001, 413),
    "its content": ("POST", CHAT, JSON, b"{", 400),
}


@pytest.mark.parametrize("is_two", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_the_callers_id(daemon: Daemon, name: str, is_two: bool) -> None:
    method, path, headers, body, status = REFUSED[name]
    if is_two:
        headers = {key: value for key, value in headers.items() if key != "Transfer-Encoding"}
    with httpx.Client(http1=not is_two, http2=is_two, base_url=daemon.url, trust_env=False) as client:
        content = iter([body]) if "chunk" in headers.get("Transfer-Encoding", "") else body
        answer = client.request(method, path, headers={**OWN, **headers}, content=content)
    assert answer.status_code == status
    assert (answer.headers["x-routerd-request-id"], answer.headers["x-request-id"]) == ("mine", "mine")


def test_who_names_none_gets_one_of_ours(daemon: Daemon) -> None:
    ids = {daemon.post({}, path="/v1/none").headers["x-routerd-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(one.startswith("req_") for one in ids)


def ask(daemon: Daemon, head: bytes) -> Response:
    with daemon.caller() as caller:
        caller.send(head.replace(b"\n", b"\r\n"))
        return caller.read(caller.head())


API = {
    "a length": (b"PUT /api/config HTTP/1.1\nHost: localhost\nContent-Length: 99999999\n\n", 413, "too_large"),
    "a host": (b"GET /api/status HTTP/1.1\nHost: a/b\n\n", 400, "invalid_request"),
    "a header": (b"GET /api/status HTTP/1.1\nHost: localhost\nX: %b\n\n" % (b"y" * 70_000), 431, "head_too_large"),
    "a method": (b"BREW /api/status HTTP/1.1\nHost: localhost\n\n", 405, "method_not_allowed"),
}


@pytest.mark.parametrize("name", API)
def test_api_refuses_in_its_own_words(daemon: Daemon, name: str) -> None:
    head, status, kind = API[name]
    answer = ask(daemon, head)
    told = json.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert set(told) == {"type", "title", "status", "detail", "kind"}
    assert (answer.status, told["status"], told["kind"]) == (status, status, kind)


def test_v1_refuses_in_the_callers_dialect(daemon: Daemon) -> None:
    answer = ask(daemon, b"POST /v1/messages HTTP/1.1\nHost: a/b\nContent-Length: 2\n\n{}")
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "error")
