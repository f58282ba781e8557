"""A caller's bytes become requests: llhttp refuses what is malformed, `proxy.heads` what is treacherous."""

from __future__ import annotations

import re
from typing import Protocol

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from routerd.edge.known import Known, learn
from routerd.edge.landing import Landing
from routerd.edge.requests import Proxied, Request
from routerd.errors import RouterError
from routerd.proxy import heads

IDLE, HEAD, BODY, DONE = range(4)

_WORTH_LANDING = 4 * 1024  # bytes still to come; less is cheaper through the parser
_CHUNK_FRAME = 12  # bytes of framing that every chunk may have for nothing: eight digits and two line ends
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ (/[!-~]*) HTTP/1\.[01]\r\n")


class Listener(Protocol):
    """Who is told what has come."""

    def received_head(
        self, method: str, version: str, outline: heads.Outline, headers: heads.Headers, keep_alive: bool
    ) -> Request:
        """Judge a head. Raises RouterError: answer with it and close."""

    def received_again(self, request: Proxied, length: int) -> Request:
        """As `received_head`, for a head that is that of `request`, but for the length of the body."""

    def received(self, request: Request) -> None:
        """The body is complete."""

    def refuse(self, error: RouterError, path: str) -> None:
        """What comes can't be read on: answer and close."""

    def report(self, error: BaseException) -> None:
        """A mistake of our own."""


class Reader:
    """Parses one connection. `phase` tells what it is in the middle of; DONE: nothing more is read."""

    __slots__ = (
        "_feeding", "_first", "_framing", "_head_size", "_headers", "_known", "_length", "_listener", "_max_size",
        "_parser", "_taken", "_target", "_upgraded", "ended_one", "landing", "phase", "request",
    )  # fmt: skip
    __deletable__ = ("_parser",)  # other attributes of a compiled class can't be

    def __init__(self, listener: Listener, max_size: int) -> None:
        self._listener = listener
        self._max_size = max_size  # bytes of head, chunk extensions and trailers together
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._headers: heads.Headers = []
        self._head_size = 0  # bytes of the head that came in earlier feeds
        self._feeding = 0  # bytes of this feed
        self._framing = 0  # bytes of a chunked message that are not body
        self._taken = 0  # bytes of body
        self._length: int | None = 0  # None: chunked
        self._first: Request | None = None  # whose head this feed began with
        self._known: Known | None = None
        self._upgraded = ""  # the version of a head that asks for another protocol
        self.ended_one = False  # a message has ended in this feed
        self.phase = IDLE
        self.request: Request | None = None  # whose body is coming
        self.landing: Landing | None = None

    def feed(self, data: memoryview) -> None:
        """Read `data`; nothing of it is kept after the return."""
        self.ended_one = False
        while self._known is not None and self.phase == IDLE and (sizes := self._known.match(data)):
            known = self._known.request
            try:
                taken = self._take_known(known, data, *sizes)
            except RouterError as error:
                self.stop()
                return self._listener.refuse(error, known.head.path)
            data = data[taken:]
            if not data:
                return
        is_start = self.phase == IDLE
        self._first = None
        first = self._parse(data)
        if is_start and isinstance(first, Proxied):
            self._known = learn(first, bytes(data[: heads.MAX_HEAD]))

    def _take_known(self, request: Proxied, data: memoryview, head: int, length: int) -> int:
        """Read a message whose head is known, as far as it has come; returns the bytes that it took of `data`."""
        again = self._listener.received_again(request, length)
        body = bytes(data[head : head + length])
        again.take(body)
        if len(body) == length:
            self.ended_one = True
            self._listener.received(again)
        else:
            self.phase, self.request, self._length, self._taken = BODY, again, length, len(body)
            # Past the parser in any case, which has not seen the head and would read the rest as another request.
            self.landing = again.landing(length) or Landing(body, length)
        return head + len(body)

    def _parse(self, data: memoryview) -> Request | None:
        """Parse `data`; returns the request whose head came first in it, if it may come again."""
        self._feeding = len(data)
        rest = None
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except HttpParserError as error:
            self._give_up(error, data)
            return None
        if rest is not None:
            self._forget_upgrade(rest)
        elif self.phase != IDLE:
            self._measure(len(data))
        return self._first

    def land(self, size: int) -> None:
        """`size` bytes have come into `landing`."""
        if self.landing is not None and self.landing.advance(size):
            self.landing = None
            self._parser = HttpRequestParser(self)  # the old one would wait for those bytes for ever
            self.on_message_complete()

    def stop(self) -> None:
        """Read nothing more."""
        self.phase = DONE
        self.landing = None

    def close(self) -> None:
        """The connection is gone. Lets go of the parser: its callbacks and this object hold each other."""
        self.stop()
        self.request = None
        del self._parser

    def path(self) -> str:
        """The path being asked for, as far as it has come: it decides in which dialect a refusal is."""
        return self._target.partition(b"?")[0].decode("latin-1")

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        if self.phase == DONE:
            raise HttpParserError("a request after the last one")
        self.phase = HEAD
        self._target = b""
        self._headers = []
        self._head_size = 0

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase == HEAD:  # else it is a trailer, and nobody asked for those
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        method = parser.get_method().decode()
        version = parser.get_http_version()
        if parser.should_upgrade():
            return self._on_upgrade(method, version)
        if self._head_size + self._feeding > heads.MAX_HEAD:
            heads.check_size(heads.size_of(self._target, self._headers))
        outline = heads.outline(method, version, self._target, self._headers)
        self._length = outline.length
        self._taken = 0
        self.phase = BODY
        keep_alive = parser.should_keep_alive()
        self.request = self._listener.received_head(method, version, outline, self._headers, keep_alive)
        if not (self.ended_one or outline.expects or outline.length is None):
            self._first = self.request
        if outline.length is None:
            # What came before in this feed is not of this message, so as much is forgiven.
            self._framing = -self._feeding if self.ended_one else self._head_size

    def on_body(self, piece: bytes) -> None:
        request = self.request
        assert request is not None
        if self._length is None:
            self._count(piece, request)
        self._taken += len(piece)
        request.take(piece)

    def on_chunk_header(self) -> None:
        self._framing -= _CHUNK_FRAME

    def on_message_complete(self) -> None:
        request = self.request
        if request is None:
            return  # the head of an upgrade, which is read again
        self.request = None
        self.ended_one = True
        if self.phase != DONE:
            self.phase = IDLE if request.keep_alive else DONE
        self._listener.received(request)

    # Limits

    def _count(self, piece: bytes, request: Request) -> None:
        """A piece of a chunked body: nothing was declared, so it is counted."""
        self._framing -= len(piece)
        if self._taken + len(piece) > request.max_body():
            raise heads.body_too_large(request.max_body())

    def _measure(self, size: int) -> None:
        """After a feed of `size` bytes that ended inside a message."""
        if self.phase == BODY:
            self._measure_body(size)
        elif self.phase == HEAD and not self.ended_one:
            self._head_size += size
            if self._head_size > heads.MAX_HEAD:
                self._refuse(heads.head_too_large())

    def _measure_body(self, size: int) -> None:
        if self._length is None:
            self._framing = max(self._framing + size, 0)
            if self._framing > self._max_size:
                self._refuse(heads.head_too_large())
        elif self.request is not None and self._length - self._taken > _WORTH_LANDING:
            self.landing = self.request.landing(self._length)

    # What can't be read on

    def _on_upgrade(self, method: str, version: str) -> None:
        if method == "CONNECT":
            raise RouterError("method_not_allowed", "CONNECT is for proxies.")
        self._upgraded = version

    def _forget_upgrade(self, rest: memoryview) -> None:
        """Read the head again without its Upgrade: llhttp would take the body for the other protocol."""
        kept = [(name, value) for name, value in self._headers if name != b"upgrade"]
        lines = b"".join(b"%b: %b\r\n" % pair for pair in kept)
        method = self._parser.get_method()
        self._parser = HttpRequestParser(self)
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._target, self._upgraded.encode(), lines)
        self.feed(memoryview(head + rest))

    def _give_up(self, error: HttpParserError, data: memoryview) -> None:
        if self.phase == DONE:
            return  # bytes after the last request
        cause = error.__context__
        if isinstance(cause, RouterError):
            self._refuse(cause)
        elif isinstance(error, HttpParserCallbackError):
            self._listener.report(cause or error)
            self._refuse(RouterError("internal", "Internal error."))
        elif isinstance(error, HttpParserInvalidMethodError) and not self.ended_one:
            self._refuse_method(bytes(data[:2048]))
        else:
            self._refuse(RouterError("invalid_request", f"Malformed HTTP: {error}."))

    def _refuse_method(self, start: bytes) -> None:
        match = _REQUEST_LINE.match(start)
        if match is None:
            return self._refuse(RouterError("invalid_request", "This is not HTTP."))
        self._target = match[1]
        self._refuse(RouterError("method_not_allowed", f"{start.partition(b' ')[0].decode()} is no method."))

    def _refuse(self, error: RouterError) -> None:
        self.stop()
        self._listener.refuse(error, self.path())
