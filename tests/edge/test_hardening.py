"""What the edge lets in and what it refuses, byte for byte: every row is what one caller sends."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.edge.stub import StubGateway
from tests.support.doors import EdgeDoor

KIB = 1024
PING = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"


def get(*lines: bytes, first: bytes = b"GET /ping HTTP/1.1") -> bytes:
    """A request without a body, with a Host."""
    return b"\r\n".join((first, b"Host: a", *lines, b"", b""))


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A request to /v1/echo with exactly these headers."""
    return b"\r\n".join((b"POST /v1/echo HTTP/1.1", b"Host: a", *lines, b"", b"")) + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A chunked request to /v1/echo."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


REFUSED: dict[str, tuple[int, bytes]] = {
    # Two stories about where a message ends
    "length and chunked": (400, chunked(b"0\r\n\r\n", b"Content-Length: 5")),
    "chunked and length": (400, post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "two lengths": (400, post(b"Content-Length: 2", b"Content-Length: 3", body=b"{}x")),
    "the same length twice": (400, post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}")),
    "a list of lengths": (400, post(b"Content-Length: 2, 2", body=b"{}")),
    "a signed length": (400, post(b"Content-Length: +2", body=b"{}")),
    "a negative length": (400, post(b"Content-Length: -2", body=b"{}")),
    "a hexadecimal length": (400, post(b"Content-Length: 0x2", body=b"{}")),
    "an empty length": (400, post(b"Content-Length:", body=b"{}")),
    "a length in two words": (400, post(b"Content-Length: 2 2", body=b"{}")),
    "a length beyond 64 bits": (400, post(b"Content-Length: 99999999999999999999", body=b"{}")),
    "gzip, chunked": (400, post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "chunked, gzip": (400, post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n")),
    "chunked twice": (400, post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")),
    "chunked in two lines": (400, chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked")),
    "chunked, then identity": (400, chunked(b"0\r\n\r\n", b"Transfer-Encoding: identity")),
    "identity": (400, post(b"Transfer-Encoding: identity", body=b"{}")),
    "xchunked": (400, post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    "a tab before chunked": (400, post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n")),
    "an empty transfer encoding": (400, post(b"Transfer-Encoding:", body=b"{}")),
    "chunked in HTTP/1.0": (400, b"POST /v1/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a space before the colon": (400, post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    # Chunks
    "a chunk size beyond 64 bits": (400, chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\n")),
    "a chunk size with 0x": (400, chunked(b"0x2\r\n{}\r\n0\r\n\r\n")),
    "a negative chunk": (400, chunked(b"-2\r\n{}\r\n0\r\n\r\n")),
    "a space after the chunk size": (400, chunked(b"2 \r\n{}\r\n0\r\n\r\n")),
    "no chunk size": (400, chunked(b"\r\n{}\r\n0\r\n\r\n")),
    "bare LF after a chunk size": (400, chunked(b"2\n{}\r\n0\r\n\r\n")),
    "bare LF after a chunk": (400, chunked(b"2\r\n{}\n0\r\n\r\n")),
    "nothing after a chunk": (400, chunked(b"2\r\n{}0\r\n\r\n")),
    "a chunk longer than it says": (400, chunked(b"2\r\n{} \r\n0\r\n\r\n")),
    "bare LF in a chunk extension": (400, chunked(b"2;a\n=b\r\n{}\r\n0\r\n\r\n")),
    "NUL in a chunk extension": (400, chunked(b"2;a\0\r\n{}\r\n0\r\n\r\n")),
    "NUL in a trailer": (400, chunked(b"2\r\n{}\r\n0\r\nX: \0\r\n\r\n")),
    "bare LF after a trailer": (400, chunked(b"2\r\n{}\r\n0\r\nX: y\n\r\n")),
    "a length as a trailer": (400, chunked(b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n")),
    # Lines
    "bare LF everywhere": (400, b"GET /ping HTTP/1.1\nHost: a\n\n"),
    "bare LF after a header": (400, b"GET /ping HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    "bare LF at the end of the head": (400, b"GET /ping HTTP/1.1\r\nHost: a\r\n\n"),
    "CR in a value": (400, get(b"X: a\rb")),
    "CR CR LF": (400, b"GET /ping HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    "a folded header": (400, get(b"X: a", b" b")),
    "a header folded with a tab": (400, get(b"X: a", b"\tb")),
    "a folded first line": (400, b"GET /ping HTTP/1.1\r\n Host: a\r\n\r\n"),
    "NUL in a value": (400, get(b"X: a\0b")),
    "a control character in a value": (400, get(b"X: a\x01b")),
    "DEL in a value": (400, get(b"X: a\x7fb")),
    "NUL in a name": (400, get(b"X\0Y: a")),
    "a space in a name": (400, get(b"X Y: a")),
    "a space after a name": (400, get(b"X : a")),
    "a parenthesis in a name": (400, get(b"X(Y: a")),
    "a Latin letter in a name": (400, get(b"X\xe9: a")),
    "no name": (400, get(b": a")),
    "no colon": (400, get(b"nonsense")),
    # Hosts
    "no Host": (400, b"GET /ping HTTP/1.1\r\n\r\n"),
    "an empty Host": (400, b"GET /ping HTTP/1.1\r\nHost:\r\n\r\n"),
    "two Hosts": (400, get(b"Host: b")),
    "the same Host twice": (400, get(b"hOST: a")),
    "two Hosts in one": (400, b"GET /ping HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    "a path in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "a query in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    "a user in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    "a fragment in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a#b\r\n\r\n"),
    "a backslash in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
    "a space in the Host": (400, b"GET /ping HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a port that is none": (400, b"GET /ping HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    "half an IPv6 address": (400, b"GET /ping HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    # Targets
    "a URI of another host": (400, get(first=b"GET http://b/ping HTTP/1.1")),
    "a URI of another port": (400, get(first=b"GET http://a:81/ping HTTP/1.1")),
    "a URI with a user": (400, get(first=b"GET http://a@a/ping HTTP/1.1")),
    "a URI of another scheme": (400, get(first=b"GET ftp://a/ping HTTP/1.1")),
    "a fragment": (400, get(first=b"GET /ping#x HTTP/1.1")),
    "a target without a slash": (400, get(first=b"GET ping HTTP/1.1")),
    "an asterisk for GET": (400, get(first=b"GET * HTTP/1.1")),
    "an asterisk and more": (400, get(first=b"OPTIONS *x HTTP/1.1")),
    "NUL in the path": (400, get(first=b"GET /a\0b HTTP/1.1")),
    "NUL in the path, encoded": (400, get(first=b"GET /a%00b HTTP/1.1")),
    "CR in the path": (400, get(first=b"GET /a\rb HTTP/1.1")),
    "CR in the path, encoded": (400, get(first=b"GET /a%0db HTTP/1.1")),
    "LF in the path, encoded": (400, get(first=b"GET /v1/models/a%0Ab HTTP/1.1")),
    "a tab in the path": (400, get(first=b"GET /a\tb HTTP/1.1")),
    "a Latin letter in the path": (400, get(first=b"GET /\xe9 HTTP/1.1")),
    "a space in the path": (400, get(first=b"GET /a b HTTP/1.1")),
    # Methods and versions
    "CONNECT": (405, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    "CONNECT with a path": (405, get(first=b"CONNECT /v1/echo HTTP/1.1")),
    "an unknown method": (405, get(first=b"BREW /v1/echo HTTP/1.1")),
    "a method in small letters": (405, get(first=b"get /ping HTTP/1.1")),
    "HTTP/0.9": (400, b"GET /ping\r\n\r\n"),
    "HTTP/1.2": (400, get(first=b"GET /ping HTTP/1.2")),
    "HTTP/2.0 without its preface": (400, get(first=b"GET /ping HTTP/2.0")),
    "http in small letters": (400, get(first=b"GET /ping http/1.1")),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "half of HTTP/2's preface": (400, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    "another expectation": (417, post(b"Expect: miracles", b"Content-Length: 2", body=b"{}")),
    # Sizes
    "a head of more than 16 KiB": (431, get(b"X: " + b"x" * 17 * KIB)),
    "many small headers": (431, get(*[b"x%d: y" % number for number in range(2_000)])),
    "a long target": (431, get(first=b"GET /" + b"x" * 17 * KIB + b" HTTP/1.1")),
    "a head without an end": (431, b"GET /ping HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100 * KIB),
    "endless chunk extensions": (431, chunked(b"2;" + b"x" * 200 * KIB)),
    "endless trailers": (431, chunked(b"2\r\n{}\r\n0\r\nX: " + b"x" * 200 * KIB)),
    "a declared body that is too large": (413, post(b"Content-Length: 33554433", body=b"x" * 100)),
    "a body of 2^64 - 1 bytes": (413, post(b"Content-Length: 18446744073709551615", body=b"x")),
    "a large body for nobody": (404, b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99),
    "a chunked body for nobody": (404, b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a large body for a check": (413, b"GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"),
}

ACCEPTED: dict[str, tuple[int, bytes]] = {
    "lengths with zeros in front": (200, post(b"Content-Length: 0002", body=b"{}")),
    "spaces around a length": (200, post(b"Content-Length: \t 2 ", body=b"{}")),
    "CHUNKED": (200, post(b"Transfer-Encoding: CHUNKED", body=b"2\r\n{}\r\n0\r\n\r\n")),
    "chunks with zeros in front": (200, chunked(b"0000000002\r\n{}\r\n000\r\n\r\n")),
    "an extension and a trailer": (200, chunked(b'2;a="b c"\r\n{}\r\n0\r\nHost: b\r\n\r\n')),
    "many tiny chunks": (200, chunked(b'1\r\n"\r\n' + b"1\r\na\r\n" * 30_000 + b'1\r\n"\r\n0\r\n\r\n')),
    "empty lines before a request": (200, b"\r\n\r\n" + PING),
    "a Latin letter in a value": (200, get(b"X: \xe9")),
    "an empty value": (200, get(b"X:")),
    "an underscore in a name": (200, get(b"Content_Length: 7")),
    "the same header twice": (200, get(b"Accept: a", b"Accept: b")),
    "a name and a port": (200, b"GET /ping HTTP/1.1\r\nHost: my_host-1.example.com:8000\r\n\r\n"),
    "an IPv6 address": (200, b"GET /ping HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n"),
    "a port without digits": (200, b"GET /ping HTTP/1.1\r\nHost: a:\r\n\r\n"),
    "spaces around the Host": (200, b"GET /ping HTTP/1.1\r\nHost:  a \t\r\n\r\n"),
    "our own URI": (200, get(first=b"GET http://a/ping?x HTTP/1.1")),
    "our own URI in capitals": (200, get(first=b"GET HTTP://A/ping HTTP/1.1")),
    "our own URI without a path": (200, get(first=b"HEAD http://a HTTP/1.1")),
    "HTTP/1.0 without a Host": (200, b"GET /ping HTTP/1.0\r\n\r\n"),
    "a head of almost 16 KiB": (200, get(b"X: " + b"x" * 16_200)),
    "h2c without Connection": (200, get(b"Upgrade: h2c")),
    "a method that nobody takes": (405, get(first=b"PROPFIND /v1/echo HTTP/1.1")),
    "an unknown path": (404, get(first=b"GET /v1/x HTTP/1.1")),
}


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    status: int
    is_open: bool


def outcome(door: EdgeDoor, sent: bytes) -> Outcome:
    """Send, read the answer, and see whether the connection is still good for another."""
    with door.caller() as caller:
        caller.send(sent)
        answer = caller.head()
        if not sent.startswith(b"HEAD"):
            caller.read(answer)
            assert answer.complete
            json.loads(answer.body)
        if answer.headers.get("connection") == "close":
            assert caller.rest() == b""
            return Outcome(answer.status, False)
        return Outcome(answer.status, caller.exchange("GET", "/ping").status == 200)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(door: EdgeDoor, gateway: StubGateway, name: str) -> None:
    status, sent = REFUSED[name]
    assert outcome(door, sent) == Outcome(status, is_open=False)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_after_a_good_request(uv_door: EdgeDoor, name: str) -> None:
    status, sent = REFUSED[name]
    if name in {"an unknown method", "a method in small letters"}:
        status = 400  # in the middle of what came, the parser does not say where it began
    with uv_door.caller() as caller:
        caller.send(PING + sent)
        assert caller.read(caller.head()).status == 200
        assert caller.read(caller.head()).status == status
        assert caller.rest() == b""


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(door: EdgeDoor, name: str) -> None:
    status, sent = ACCEPTED[name]
    assert outcome(door, sent) == Outcome(status, is_open=b"HTTP/1.0" not in sent)


@pytest.mark.parametrize("name", [name for name, (_, sent) in REFUSED.items() if len(sent) < 300])
def test_refused_whichever_way_it_comes(uv_door: EdgeDoor, name: str) -> None:
    """Byte by byte: the refusal is the same, but nothing is known of a request line that has not come."""
    status, sent = REFUSED[name]
    with uv_door.caller() as caller:
        try:
            caller.trickle(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the end
        assert caller.read(caller.head()).status in {status, 400 if status == 405 else status}


def test_a_refusal_in_the_dialect_of_the_path(door: EdgeDoor) -> None:
    for sent in (b"POST /v1/messages HTTP/1.1\r\nHost: a@b\r\n\r\n", get(first=b"BREW /v1/messages HTTP/1.1")):
        with door.caller() as caller:
            caller.send(sent)
            assert caller.read(caller.head()).json()["type"] == "error"


def test_nothing_of_a_refused_request_reaches_the_gateway(door: EdgeDoor, gateway: StubGateway) -> None:
    smuggled = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nX-Smuggled: yes\r\nContent-Length: 2\r\n\r\n{}"
    for _, sent in REFUSED.values():
        with door.caller() as caller:
            caller.send(sent + smuggled)
            caller.rest()
    assert not [head for head in gateway.seen if head.get(b"x-smuggled")]


@pytest.mark.parametrize("declared", [True, False])
def test_33_mib_are_refused_while_they_are_sent(door: EdgeDoor, declared: bool) -> None:
    body = b"x" * 33 * KIB * KIB
    with door.caller() as caller:
        if declared:
            caller.send(post(b"Content-Length: %d" % len(body)) + body)
        else:
            caller.send(chunked(b"%x\r\n" % len(body)) + body + b"\r\n0\r\n\r\n")
        answer = caller.read(caller.head())
        assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert caller.rest() == b""
