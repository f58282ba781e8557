"""ASGI 3 inside the edge: any ASGI app answers what came in through our own parser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from routerd.edge import lines
from routerd.edge.requests import Request, Turn
from routerd.proxy import heads
from routerd.proxy.door import Head

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_FULL = 64 * 1024  # bytes of body that the app has not taken yet
_DROPPED = 64 * 1024  # bytes of body that may still come after the answer, for the connection to be kept
_OURS = frozenset({b"connection", b"date", b"keep-alive", b"transfer-encoding"})
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")


class BrokenApp(Exception):
    """The app broke the rules of ASGI; nothing that the caller did."""


class LazyApp:
    """An app that is loaded when it is first wanted; whoever wants it meanwhile waits for the same loading."""

    def __init__(self, load: Callable[[], Awaitable[App]]) -> None:
        self._load = load
        self._loading: asyncio.Future[App] | None = None

    async def get(self) -> App:
        """The app. Raises what loading it raised; the next one to ask tries again."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load())
        try:
            # Shielded: one caller who goes away must not take the app from the others.
            return await asyncio.shield(self._loading)
        except Exception:
            self._loading = None
            raise

    def cancel(self) -> None:
        """Stop loading, if that is what we do."""
        if self._loading is not None:
            self._loading.cancel()


@dataclass(slots=True)
class Start:
    """What `http.response.start` said, and how many of the `declared` bytes are `left` to come."""

    status: int
    block: bytes  # header lines
    declared: int | None
    left: int | None
    closes: bool

    def count(self, body: bytes, *, more: bool, is_silent: bool) -> None:
        """Hold the body against the length that was declared for it. Raises BrokenApp."""
        if self.left is not None and not is_silent:
            self.left -= len(body)
            if self.left < 0 or (self.left > 0 and not more):
                raise BrokenApp("the answer is not as long as its Content-Length")


class Bridge(Request):
    """One request on its way through an ASGI app; the source of its answer, as far as flow control cares."""

    __slots__ = (
        "_buffer", "_has_body", "_has_ended", "_has_opened", "_is_gone", "_may_send", "_news", "_start", "_taken",
        "_told_end", "_turn", "head", "limit", "outline", "web",
    )  # fmt: skip

    def __init__(
        self,
        is_head: bool,
        is_old: bool,
        keep_alive: bool,
        web: LazyApp,
        head: Head,
        outline: heads.Outline,
        limit: int,
    ) -> None:
        super().__init__(is_head, is_old, keep_alive)
        self.web = web
        self.head = head
        self.outline = outline
        self.limit = limit
        self._turn: Turn | None = None
        self._start: Start | None = None
        self._has_opened = False
        self._has_ended = False
        self._buffer = bytearray()
        self._taken = 0  # bytes of body so far
        self._has_body = False  # all of it has come
        self._told_end = False  # and the app knows
        self._is_gone = False
        self._news = asyncio.Event()
        self._may_send = asyncio.Event()

    # The caller's side

    def max_body(self) -> int:
        return self.limit

    def take(self, piece: bytes) -> None:
        self._taken += len(piece)
        if not self._has_ended:
            self._buffer += piece
            self._news.set()

    def is_full(self) -> bool:
        return len(self._buffer) > _FULL

    def received(self) -> None:
        self._has_body = True
        self._news.set()

    def lost(self) -> bool:
        """The app hears of it and ends as it sees fit: half a change to the config must not be cancelled."""
        self._is_gone = True
        self._news.set()
        self._may_send.set()
        return False

    def pause_reading(self) -> None:
        self._may_send.clear()

    def resume_reading(self) -> None:
        self._may_send.set()

    async def answer(self, outlet: Turn) -> None:
        self._turn = outlet
        self._may_send.set()
        outlet.source = self
        app = await self.web.get()
        await app(self._scope(outlet), self._receive, self._send)

    # The app's side

    def _scope(self, turn: Turn) -> dict[str, Any]:
        head, peer, here = self.head, turn.extra("peername"), turn.extra("sockname")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.0" if self.is_old else "1.1",
            "method": head.method,
            "scheme": "https" if turn.extra("ssl_object") is not None else "http",
            "path": head.path,
            "raw_path": self.outline.target.raw_path,
            "query_string": head.query,
            "root_path": "",
            "headers": head.headers,
            "client": tuple(peer[:2]) if peer else None,
            "server": tuple(here[:2]) if here else None,
            "state": {"listener_is_loopback": head.listener_is_loopback},
            "extensions": {},
        }

    async def _receive(self) -> Message:
        while not self._buffer and not (self._has_body and not self._told_end):
            if self._is_gone or self._has_ended:
                return {"type": "http.disconnect"}
            self._news.clear()
            await self._news.wait()
        body, self._buffer = bytes(self._buffer), bytearray()
        self._told_end = self._has_body
        if self._turn is not None:
            self._turn.regulate()
        return {"type": "http.request", "body": body, "more_body": not self._has_body}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and self._start is None:
            self._start = _read_start(message)
        elif kind == "http.response.body" and self._start is not None and not self._has_ended:
            self._pass(self._start, bytes(message.get("body", b"")), bool(message.get("more_body", False)))
            await self._may_send.wait()
        elif not self._is_gone:
            raise BrokenApp(f"the app sent {kind} out of turn")

    def _pass(self, start: Start, body: bytes, more: bool) -> None:
        turn = self._turn
        assert turn is not None
        start.count(body, more=more, is_silent=self.is_head or start.status in lines.WITHOUT_BODY)
        if self._has_opened:
            if body:
                turn.write(body)
        else:
            self._open(turn, start, body, more)
        if not more:
            self._has_ended = True
            self._buffer.clear()
            self._news.set()
            turn.end()

    def _open(self, turn: Turn, start: Start, body: bytes, more: bool) -> None:
        self._has_opened = True
        if start.closes or not self._will_be_read():
            self.keep_alive = False
        length = start.declared if start.declared is not None or more else len(body)
        turn.open(start.status, start.block, body, length)

    def _will_be_read(self) -> bool:
        """Whether what is left of the request's body is little enough to be read and forgotten."""
        length = self.outline.length
        return self._has_body or (length is not None and length - self._taken <= _DROPPED)


def _read_start(message: Message) -> Start:
    """Check a head that an app gives. Raises BrokenApp."""
    status = message["status"]
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise BrokenApp(f"{status!r} is no status of an answer")
    length, closes, block = None, False, []
    for name, value in message.get("headers", ()):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BrokenApp(f"{name!r} is no header")
        lower = bytes(name).lower()
        if lower == b"content-length":
            length = int(value)
        elif lower == b"connection":
            closes = value.lower() == b"close"
        elif lower not in _OURS:
            block.append(b"%b: %b\r\n" % (lower, value))
    return Start(status, b"".join(block), length, length, closes)
