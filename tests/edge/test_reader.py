"""The reader without a socket: however a caller's bytes are cut, the same requests come of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from routerd.edge.landing import Landing
from routerd.edge.reader import DONE, Reader
from routerd.edge.requests import Proxied, Request
from routerd.errors import RouterError
from routerd.proxy import heads

KIB = 1024


class Kept(Request):
    """A request that keeps its body, landed or not."""

    def __init__(self, is_head: bool, is_old: bool, keep_alive: bool) -> None:
        super().__init__(is_head, is_old, keep_alive)
        self.body = bytearray()
        self.limit = 1024 * KIB

    def max_body(self) -> int:
        return self.limit

    def take(self, piece: bytes) -> None:
        self.body += piece

    def landing(self, length: int) -> Landing:
        landing = Landing(self.body, length)
        self.body = landing.body
        return landing


@dataclass
class Story:
    """What a reader told, in order."""

    events: list[object] = field(default_factory=list)

    def received_head(
        self, method: str, version: str, outline: heads.Outline, headers: heads.Headers, keep_alive: bool
    ) -> Request:
        self.events.append((method, version, outline, headers, keep_alive))
        return Kept(is_head=False, is_old=False, keep_alive=keep_alive)

    def received_again(self, request: Proxied, length: int) -> Request:
        raise AssertionError("nothing here is told by its bytes")

    def received(self, request: Request) -> None:
        assert isinstance(request, Kept)
        self.events.append(bytes(request.body))

    def refuse(self, error: RouterError, path: str) -> None:
        self.events.append((error.status, path))

    def report(self, error: BaseException) -> None:
        raise error


def read(pieces: list[bytes]) -> list[object]:
    """What comes of these pieces, as a connection would feed them."""
    story = Story()
    reader = Reader(story, 64 * KIB)
    for piece in pieces:
        left = memoryview(piece)
        while left and reader.phase != DONE:
            if reader.landing is None:
                reader.feed(left)
                break
            room = reader.landing.room()
            size = min(len(room), len(left))
            room[:size] = left[:size]
            del room
            reader.land(size)
            left = left[size:]
    return story.events


PLAIN = b"POST /v1/echo?a=b HTTP/1.1\r\nHost: example.com:8000\r\nX-One:  two \t\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n"
)
UPGRADE = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
STREAMS = {
    "one": PLAIN,
    "chunked": CHUNKED,
    "upgrade": UPGRADE,
    "all": PLAIN + CHUNKED + UPGRADE + b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n" + PLAIN,
    "close": PLAIN + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + PLAIN,
    "bad": PLAIN + b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" + PLAIN,
    "treacherous": PLAIN + b"GET /v1/messages?x HTTP/1.1\r\nHost: a/b\r\n\r\n" + PLAIN,
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_cut_in_two_at_every_byte(stream: bytes) -> None:
    whole = read([stream])
    for index in range(1, len(stream)):
        assert read([stream[:index], stream[index:]]) == whole, stream[:index]


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_byte_by_byte(stream: bytes) -> None:
    assert read([stream[index : index + 1] for index in range(len(stream))]) == read([stream])


@pytest.mark.parametrize("size", [4 * KIB, 5 * KIB, 70_000, 300_000])
def test_large_bodies_cut_anywhere(size: int) -> None:
    rng = random.Random(size)
    body = rng.randbytes(size)
    sent = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
    for _ in range(20):
        cuts = sorted(rng.sample(range(1, len(sent)), 6))
        pieces = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
        assert read([*pieces, PLAIN])[1::2] == [body, b"hello"]


def test_a_landing_grows_with_what_has_come() -> None:
    landing = Landing(b"abc", 32 * KIB * KIB)
    assert len(landing.body) == 64 * KIB
    assert not landing.advance(len(landing.room()))
    assert len(landing.room()) == 3 * 64 * KIB
    assert landing.body[:3] == b"abc"


def test_a_landing_ends_where_the_body_does() -> None:
    landing = Landing(b"", 100_000)
    sizes: list[int] = []
    while not landing.advance(sizes[-1] if sizes else 0):
        sizes.append(len(landing.room()))
    assert sizes == [65_536, 34_464]


def test_a_head_may_come_slowly_but_not_for_ever() -> None:
    pieces = [b"GET / HTTP/1.1\r\nHost: a\r\n", *[b"X: y\r\n"] * 3_000]
    assert read(pieces) == [(431, "/")]


@pytest.mark.parametrize("pieces", [1, 7, 64])
def test_a_chunked_body_is_counted(pieces: int) -> None:
    head = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (2048 * KIB // pieces, b"x" * (2048 * KIB // pieces))
    assert read([head, *[chunk] * pieces])[1:] == [(413, "/v1/x")]
    assert read([head + chunk * pieces])[1:] == [(413, "/v1/x")]


def test_small_chunks_are_not_framing() -> None:
    head = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = head + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    assert read([sent[start : start + 4 * KIB] for start in range(0, len(sent), 4 * KIB)])[1:] == [b"x" * 100_000]


def test_extensions_and_trailers_are_framing() -> None:
    head = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    extensions = b"1;" + b"e" * KIB + b"\r\nx\r\n"
    assert read([head, *[extensions] * 60, b"0\r\n\r\n"])[1:] == [b"x" * 60]
    assert read([head, *[extensions] * 70])[1:] == [(431, "/v1/x")]
    assert read([head, b"0\r\n", *[b"T: " + b"u" * KIB + b"\r\n"] * 70])[1:] == [(431, "/v1/x")]
