"""Same dialect on both sides: the bytes of a stream go through, watched but not parsed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from routerd.adapters import openai_chat, sse
from routerd.adapters.base import Headers
from routerd.chat.reply import Usage
from routerd.errors import RouterError
from routerd.proxy.attempt import MAX_EVENT, Attempt
from routerd.proxy.connection import Line
from routerd.proxy.door import Outlet

_FINISH = re.compile(rb'"finish_reason":\s*"[^"]')
_SPACED = re.compile(rb'"\w+": ')  # a key as Python writes it; in content the quote before the colon is escaped


class StreamRelay:
    """Carries a committed stream to the caller, one write per network read.

    It promises what v1 callers rely on: `[DONE]` at the end, the usage chunk only for those who asked, an error event
    instead of an end without a finish, and whole events only. `done` resolves with the failure, or None.
    """

    __slots__ = (
        "_carry", "_clean", "_closing", "_failure", "_finish", "_heard", "_heard_at", "_hide_usage", "_line",
        "_outlet", "_saw_done", "_saw_finish", "done", "usage",
    )  # fmt: skip

    def __init__(
        self,
        outlet: Outlet,
        done: asyncio.Future[RouterError | None],
        *,
        hide_usage: bool,
        clean: Callable[[str], str],
        closing: bytes = b"",
    ) -> None:
        self._outlet = outlet
        self._hide_usage = hide_usage
        self._clean = clean
        self._closing = closing  # a comment that goes before the end
        self._line: Line | None = None
        self._carry = b""
        self._finish = b'"finish_reason":"'
        self._saw_finish = self._saw_done = False
        self._failure: RouterError | None = None
        self.done = done
        self._heard = True  # a byte came since the last tick
        self._heard_at = 0.0
        self.usage: Usage | None = None

    def start(self, attempt: Attempt, write: Callable[[bytes], None]) -> None:
        """Take over from `attempt`: what it held goes out through `write`, the rest as it comes."""
        held = attempt.take()
        if _SPACED.search(held):
            self._finish = b'"finish_reason": "'
        write(self._pass(held))
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

    def silent(self, now: float) -> float:
        """Seconds since a byte came, as far as the ticks can tell: never more than it was."""
        return now - self._heard_at

    def tick(self, now: float, idle: float) -> None:
        """End it when nothing has come for `idle` seconds."""
        if self._heard or (self._line is not None and self._line.is_paused):  # paused: nothing can come
            self._heard, self._heard_at = False, now
        if self.done.done():
            return
        if self._saw_done and self.silent(now) > 0:  # an upstream that has said its last, and does not end
            self.close()
            self.on_end()
        elif self.silent(now) > idle:
            self.close()
            self.on_failure(RouterError("upstream_timeout", f"timed out: `idle` ({idle:g} s)"))

    # Sink

    def on_head(self, status: int, headers: Headers) -> None:
        """Never called: the head has come before."""

    def on_data(self, data: bytes) -> None:
        self._heard = True
        if self._carry or self._saw_finish or not data.endswith(b"\n\n") or self._is_marked(data):
            self._on_notable(data)
        else:
            self._outlet.write(data)

    def _on_notable(self, data: bytes) -> None:
        data = self._pass(data)
        if self._failure is not None:
            self.close()
            self._end(data)
        elif data:
            self._outlet.write(data)

    def on_end(self) -> None:
        rest = self._pass(b"\n\n") if self._carry and openai_chat.is_complete(self._carry) else b""
        if self._failure is None and not self._saw_finish:
            self._failure = RouterError("upstream_garbled", "the stream ended without a finish")
            rest += _error_event(self._failure)
        elif self._failure is None and not self._saw_done:
            rest += openai_chat.DONE_EVENT
        self._end(rest)

    def on_failure(self, error: RouterError | None) -> None:
        if self._saw_done:
            return self._end(b"")
        self._failure = self._failure or error or RouterError("upstream_garbled", "the connection was lost")
        self._end(_error_event(self._failure))

    # Watching

    def _pass(self, data: bytes) -> bytes:
        """The part of `data` that leaves now: whole events, looked into where a mark says that one matters."""
        if self._carry:
            data = self._carry + data
            self._carry = b""
        if not data.endswith(b"\n\n"):
            data = self._cut(data)
        return self._inspect(data) if self._saw_finish or self._is_marked(data) else data

    def _is_marked(self, data: bytes) -> bool:
        """Whether an event in `data` may matter. Usage is told after the finish; before it some say `null` in each."""
        return self._finish in data or b'"error"' in data or b"[DONE]" in data[-16:]

    def _cut(self, data: bytes) -> bytes:
        end = sse.whole_events(data)
        self._carry = data[end:]
        if len(self._carry) > MAX_EVENT:
            self._failure = RouterError("upstream_garbled", "sent an event of more than 16 MiB")
        return data[:end]

    def _inspect(self, block: bytes) -> bytes:
        """Event by event: keep the usage, hide its chunk, say errors our way, stop after `[DONE]`."""
        quiet = 0 if self._saw_finish else self._quiet(block)
        return block[:quiet] + b"".join(map(self._inspect_event, sse.split_events(block[quiet:])))

    def _quiet(self, block: bytes) -> int:
        """How many of the leading bytes are whole events without a mark."""
        marks = [at for mark in (self._finish, b'"error"', b"[DONE]") if (at := block.find(mark)) >= 0]
        end = block.rfind(b"\n\n", 0, min(marks, default=len(block)))
        return 0 if end < 0 else end + 2

    def _inspect_event(self, event: bytes) -> bytes:
        if self._saw_done or self._failure:
            return b""
        if b"[DONE]" in event and sse.payload(event).strip() == b"[DONE]":
            return self._on_done(event)
        if b'"error"' in event:
            sign = openai_chat.read_event(event)
            if isinstance(sign, RouterError):
                return self._on_error(sign)
        if not self._saw_finish and _FINISH.search(event):
            self._saw_finish = True
        return self._on_usage(event) if b'"usage"' in event else event

    def _on_done(self, event: bytes) -> bytes:
        if not self._saw_finish:
            return b""  # the end of the stream says what is missing
        self._saw_done = True
        return event

    def _on_error(self, error: RouterError) -> bytes:
        error.clean(self._clean)
        self._failure = error
        return _error_event(error)

    def _on_usage(self, event: bytes) -> bytes:
        is_closing, usage = openai_chat.is_usage_chunk(event)
        self.usage = usage or self.usage
        return b"" if is_closing and self._hide_usage else event

    def close(self) -> None:
        """Give the connection up at once, if it is still this stream's."""
        if self._line is not None:
            self._line.abort(self)

    def _end(self, rest: bytes) -> None:
        if self.done.done():
            return
        self._line = self._outlet.source = None
        self._outlet.end(rest + self._closing, close=self._failure is not None)
        self.done.set_result(self._failure)


def _error_event(error: RouterError) -> bytes:
    return sse.render_event(openai_chat.render_error(error))
