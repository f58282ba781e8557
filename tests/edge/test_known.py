"""A head that comes again is not parsed again, and nothing that a caller can see tells the difference."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest

from routerd.edge import reader
from tests.edge.stub import StubGateway
from tests.support.doors import EdgeDoor


def post(body: bytes, *lines: bytes, path: bytes = b"/v1/echo") -> bytes:
    """The head of an SDK, and a body."""
    head = (b"POST %b HTTP/1.1" % path, b"Host: a", b"Content-Length: %d" % len(body), *lines, b"", b"")
    return b"\r\n".join(head) + body


BODIES = [b"{}", b"", b'{"a": 1}', b"x" * 9_999, b"[]", b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n", b"y" * 200_000, b"1"]


def test_bodies_are_told_apart(door: EdgeDoor) -> None:
    with door.caller() as caller:
        for body in BODIES * 2:
            caller.send(post(body))
            assert caller.read(caller.head()).body == body


def test_many_at_once(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.send(b"".join(map(post, BODIES * 3)))
        for body in BODIES * 3:
            assert caller.read(caller.head()).body == body


@pytest.mark.parametrize("seed", range(20))
def test_cut_anywhere(uv_door: EdgeDoor, seed: int) -> None:
    rng = random.Random(seed)
    bodies = rng.choices(BODIES, k=10)
    sent = b"".join(map(post, bodies))
    with uv_door.caller() as caller:
        for start, end in pairwise(sorted({0, len(sent), *rng.sample(range(len(sent)), 12)})):
            caller.send(sent[start:end])
        for body in bodies:
            assert caller.read(caller.head()).body == body


def test_it_is_not_parsed_again(uv_door: EdgeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    original = reader.Reader.on_url

    def on_url(self: reader.Reader, piece: bytes) -> None:
        parsed.append(piece)
        original(self, piece)

    monkeypatch.setattr(reader.Reader, "on_url", on_url)
    with uv_door.caller() as caller:
        for _ in range(5):
            caller.send(post(b"{}"))
            assert caller.read(caller.head()).body == b"{}"
    assert parsed == [b"/v1/echo"]


OTHERS = {
    "another path": post(b"{}", path=b"/v1/head"),
    "one header more": post(b"{}", b"X: y"),
    "a length with a space": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length:  2\r\n\r\n{}",
    "a check": b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n",
    "another plane": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunked": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_come_in_between(door: EdgeDoor, name: str) -> None:
    with door.caller() as caller:
        for sent in [post(b"{}"), post(b"[]"), OTHERS[name], post(b"{1}"), OTHERS[name], OTHERS[name], post(b"{2}")]:
            caller.send(sent)
            answer = caller.read(caller.head())
            assert answer.status == 200
            if sent.startswith(b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: "):
                assert answer.body == sent.partition(b"\r\n\r\n")[2]


BAD = {
    "two lengths": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a signed length": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
    "bare LF": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\n\r\n{}",
    "digits that are none": "POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: ²\r\n\r\n{}".encode("latin-1"),
    "a length that is no end": b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\rX\r\n\r\n{}",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_heads_are_still_refused(door: EdgeDoor, name: str) -> None:
    with door.caller() as caller:
        caller.send(post(b"{}"))
        assert caller.read(caller.head()).status == 200
        caller.send(BAD[name])
        assert caller.read(caller.head()).status == 400
        assert caller.rest() == b""


def test_too_large_is_still_too_large(door: EdgeDoor, gateway: StubGateway) -> None:
    with door.caller() as caller:
        caller.send(post(b"{}", path=b"/v1/messages"))
        assert caller.read(caller.head()).status == 200
        caller.send(post(b"", path=b"/v1/messages").replace(b"Length: 0", b"Length: 33554433"))
        answer = caller.read(caller.head())
        assert (answer.status, answer.json()["type"]) == (413, "error")
        assert caller.rest() == b""


def test_who_may_is_asked_every_time(door: EdgeDoor, gateway: StubGateway) -> None:
    smuggled = b"POST /v1/head?smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    with door.caller() as caller:
        caller.send(post(b"{}"))
        assert caller.read(caller.head()).status == 200
        gateway.is_open = False
        sent = post(smuggled)
        caller.send(sent[: -len(smuggled)])
        caller.trickle(smuggled)
        assert caller.read(caller.head()).status == 401
        gateway.is_open = True
        caller.send(post(b"[]"))
        assert json.loads(caller.read(caller.head()).body) == []
    assert {head.query for head in gateway.seen} == {b""}
