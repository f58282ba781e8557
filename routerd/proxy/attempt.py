"""One request really sent, and its answer while it arrives: held until it can be judged."""

from __future__ import annotations

import asyncio
import re

from routerd.adapters import sse
from routerd.adapters.base import CONTENT, NOTHING, Headers, Sign
from routerd.errors import RouterError
from routerd.proxy.connection import Line
from routerd.snapshot import Target, Timeouts

MAX_WHOLE = 64 * 1024 * 1024
MAX_HELD = 256 * 1024  # of events without content
MAX_EVENT = 16 * 1024 * 1024

_LINE_END = re.compile(rb"[\r\n]")

STALE_WITHIN = 1.0  # seconds; later the provider may well have begun to work, and the caller would pay twice

STALE = RouterError("upstream_garbled", "a kept connection was gone before a byte of the reply came")
"""The request may be sent again, over a fresh connection: no provider has begun to answer it."""


class Attempt:
    """A whole answer is ready when its end has come; a stream, when its first content has. `ready` resolves with what
    went wrong instead, or None.

    `path` follows the provider's base path; None: the one of most requests to it.
    `extra` are the headers that this caller's request adds. `is_stream` says what was asked for; `streams`, what came:
    a provider may answer plain JSON all the same.
    """

    __slots__ = (
        "_heard", "_heard_at", "_looked_at", "body", "ended", "extra", "failure", "headers", "is_stream", "line",
        "path", "pieces", "ready", "size", "started", "status", "streams", "target",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        body: bytes,
        extra: Headers,
        is_stream: bool,
        started: float,
        path: str | None = None,
    ) -> None:
        self.target = target
        self.path = path
        self.body = body
        self.extra = extra
        self.is_stream = is_stream
        self.started = self._heard_at = started
        self._heard = True  # a byte came since the last tick
        self._looked_at = 0  # how far the events have been read; -1: content was found
        self.ready: asyncio.Future[RouterError | None] | None = None
        self.line: Line | None = None
        self.streams = False
        self.status = 0
        self.headers: Headers = []
        self.pieces: list[bytes] = []
        self.size = 0
        self.ended = False
        self.failure: RouterError | None = None  # what broke it off after it was ready

    def take(self) -> bytes:
        """All bytes held so far, once."""
        data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces.clear()
        return data

    def close(self) -> None:
        """Give the connection up at once."""
        if self.line is not None:
            self.line.abort(self)

    def fail(self, error: RouterError) -> None:
        """End it from our side."""
        self.close()
        self.on_failure(error)

    def tick(self, now: float, timeouts: Timeouts) -> None:
        """End it if it has taken too long; the sweep calls this until the commit."""
        if self._heard:
            self._heard, self._heard_at = False, now
        if self.ready is not None and not self.ready.done() and (error := self._overdue(now, timeouts)):
            self.fail(error)

    def _overdue(self, now: float, timeouts: Timeouts) -> RouterError | None:
        waited = now - self.started
        if self.is_stream and waited > timeouts.first_token:
            return _timeout("first_token", timeouts.first_token)
        if self.streams and now - self._heard_at > timeouts.idle:
            return _timeout("idle", timeouts.idle)
        return _timeout("total", timeouts.total) if waited > timeouts.total else None

    # Sink

    def on_head(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self.streams = self.is_stream and status == 200 and not _says_whole(headers)

    def on_data(self, data: bytes) -> None:
        self._heard = True
        self.pieces.append(data)
        self.size += len(data)
        if self.streams:
            if self._looked_at >= 0 and _LINE_END.search(data):
                self._look()
            if self.size - max(self._looked_at, 0) > MAX_EVENT:
                self.fail(RouterError("upstream_garbled", "sent an event of more than 16 MiB"))
        elif self.size > MAX_WHOLE:
            self.fail(RouterError("upstream_garbled", "sent a reply of more than 64 MiB"))

    def on_end(self) -> None:
        self.ended = True
        if self.streams and self._looked_at >= 0:
            return self._end_without_content()
        self._settle(None)

    def _end_without_content(self) -> None:
        """No event begins with a brace: what does is a whole reply, whatever its content type says."""
        held = self.take()
        self.pieces.append(held)
        self.streams = not held.lstrip().startswith(b"{")
        self._settle(RouterError("upstream_garbled", "ended the stream before any content") if self.streams else None)

    def on_failure(self, error: RouterError | None) -> None:
        if self.ready is None or self.ready.done():
            self.failure = error
        elif error is None and self.ready.get_loop().time() - self.started > STALE_WITHIN:
            self._settle(RouterError("upstream_garbled", "closed a kept connection before any byte of the reply"))
        else:
            self._settle(error or STALE)

    # Before the first content

    def _look(self) -> None:
        """Read the events that came since; the first content or error decides."""
        held = self.take()
        self.pieces.append(held)
        read = self.target.provider.dialect.read_event
        end = self._looked_at + sse.whole_events(held[self._looked_at :])
        for event in sse.split_events(held[self._looked_at : end]):
            sign = read(event)
            if sign is NOTHING:
                continue
            return self._decide(sign)
        self._looked_at = end
        if end > MAX_HELD:
            self.fail(RouterError("upstream_garbled", "sent 256 KiB without any content"))

    def _decide(self, sign: Sign | RouterError) -> None:
        if sign is CONTENT:
            self._looked_at = -1
            return self._settle(None)
        error = sign if isinstance(sign, RouterError) else RouterError("upstream_garbled", "sent an empty stream")
        self.fail(error)

    def _settle(self, error: RouterError | None) -> None:
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(error)

    @property
    def has_content(self) -> bool:
        """Whether it streams, and its first content has come."""
        return self.streams and self._looked_at < 0


def _says_whole(headers: Headers) -> bool:
    """Whether the content type is one that no event stream has."""
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    return b"json" in kind or b"html" in kind


def _timeout(name: str, seconds: float) -> RouterError:
    return RouterError("upstream_timeout", f"timed out: `{name}` ({seconds:g} s)")
