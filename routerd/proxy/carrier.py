"""What every committed stream has in common, however its bytes become the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from routerd.adapters.base import Headers
from routerd.chat.reply import Usage
from routerd.errors import RouterError
from routerd.proxy.attempt import Attempt
from routerd.proxy.connection import Line
from routerd.proxy.door import Outlet


class Carrier:
    """Carries a committed stream to the caller, one write per network read. `done` resolves with the failure, or None.

    `closing` is a comment that goes before the end. Of a failure `clean` takes the secrets out.
    """

    __slots__ = (
        "_clean", "_closing", "_failure", "_heard", "_heard_at", "_line", "_outlet", "_saw_end", "done", "usage",
    )  # fmt: skip

    def __init__(
        self,
        outlet: Outlet,
        done: asyncio.Future[RouterError | None],
        *,
        clean: Callable[[str], str],
        closing: bytes = b"",
    ) -> None:
        self._outlet = outlet
        self._clean = clean
        self._closing = closing
        self._line: Line | None = None
        self._failure: RouterError | None = None
        self._saw_end = False  # the upstream has said its last
        self._heard = True  # a byte came since the last tick
        self._heard_at = 0.0
        self.done = done
        self.usage: Usage | None = None

    def start(self, attempt: Attempt, write: Callable[[bytes], None]) -> None:
        """Take over from `attempt`: what it held goes out through `write`, the rest as it comes."""
        write(self._first(attempt.take()))
        if self._failure is not None:
            attempt.close()
            self._end(b"")
        elif attempt.failure is not None:
            self.on_failure(attempt.failure)
        elif attempt.ended or attempt.line is None:
            self.on_end()
        else:
            self._line = attempt.line
            self._line.sink = self
            self._outlet.source = self._line

    @property
    def is_told(self) -> bool:
        """Whether the caller has been given all that the upstream had to say."""
        return self._saw_end and self._failure is None

    def silent(self, now: float) -> float:
        """Seconds since a byte came, as far as the ticks can tell: never more than it was."""
        return now - self._heard_at

    def tick(self, now: float, idle: float) -> None:
        """End it when nothing has come for `idle` seconds."""
        if self._heard or (self._line is not None and self._line.is_paused):  # paused: nothing can come
            self._heard, self._heard_at = False, now
        if self.done.done():
            return
        if self._saw_end and self.silent(now) > 0:  # an upstream that has said its last, and does not end
            self.close()
            self.on_end()
        elif self.silent(now) > idle:
            self.fail(RouterError("upstream_timeout", f"timed out: `idle` ({idle:g} s)"))

    def fail(self, error: RouterError) -> None:
        """End it from our side."""
        self.close()
        self.on_failure(error)

    def close(self) -> None:
        """Give the connection up at once, if it is still this stream's."""
        if self._line is not None:
            self._line.abort(self)

    # Sink

    def on_head(self, status: int, headers: Headers) -> None:
        """Never called: the head has come before."""

    def on_data(self, data: bytes) -> None:
        raise NotImplementedError

    def on_end(self) -> None:
        raise NotImplementedError

    def on_failure(self, error: RouterError | None) -> None:
        if self._saw_end:
            return self._end(b"")
        self._failure = self._failure or error or RouterError("upstream_garbled", "the connection was lost")
        self._end(self._said(self._failure))

    # What the kinds of carriers say

    def _first(self, held: bytes) -> bytes:
        """What the bytes that were held until the commit become."""
        raise NotImplementedError

    def _said(self, error: RouterError) -> bytes:
        """A failure, in the caller's dialect."""
        raise NotImplementedError

    def _end(self, rest: bytes) -> None:
        if self.done.done():
            return
        self._line = self._outlet.source = None
        self._outlet.end(rest + self._closing, close=self._failure is not None)
        self.done.set_result(self._failure)
