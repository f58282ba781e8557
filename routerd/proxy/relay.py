"""Same dialect on both sides: the bytes of a stream go through, watched but not parsed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from routerd.adapters import openai_chat, sse
from routerd.errors import RouterError
from routerd.proxy.attempt import MAX_EVENT
from routerd.proxy.carrier import Carrier
from routerd.proxy.door import Outlet

_FINISH = re.compile(rb'"finish_reason":\s*"[^"]')
_SPACED = re.compile(rb'"\w+": ')  # a key as Python writes it; in content the quote before the colon is escaped


class StreamRelay(Carrier):
    """Carries a chat completion stream as it is.

    It promises what v1 callers rely on: `[DONE]` at the end, the usage chunk only for those who asked, an error event
    instead of an end without a finish, and whole events only.
    """

    __slots__ = ("_carry", "_finish", "_hide_usage", "_saw_finish")

    def __init__(
        self,
        outlet: Outlet,
        done: asyncio.Future[RouterError | None],
        *,
        hide_usage: bool,
        clean: Callable[[str], str],
        closing: bytes = b"",
    ) -> None:
        super().__init__(outlet, done, clean=clean, closing=closing)
        self._hide_usage = hide_usage
        self._carry = b""
        self._finish = b'"finish_reason":"'
        self._saw_finish = False

    def _first(self, held: bytes) -> bytes:
        if _SPACED.search(held):
            self._finish = b'"finish_reason": "'
        return self._pass(held)

    def _said(self, error: RouterError) -> bytes:
        return _error_event(error)

    # Sink

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
        elif self._failure is None and not self._saw_end:
            rest += openai_chat.DONE_EVENT
        self._end(rest)

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
        # `in` costs twice as much: it takes bytes for a number first, and makes an error of their not being one.
        return data.find(self._finish) >= 0 or data.find(b'"error"') >= 0 or data.find(b"[DONE]", -16) >= 0

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
        if self._saw_end or self._failure:
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
        self._saw_end = True
        return event

    def _on_error(self, error: RouterError) -> bytes:
        error.clean(self._clean)
        self._failure = error
        return _error_event(error)

    def _on_usage(self, event: bytes) -> bytes:
        is_closing, usage = openai_chat.is_usage_chunk(event)
        self.usage = usage or self.usage
        return b"" if is_closing and self._hide_usage else event


def _error_event(error: RouterError) -> bytes:
    return sse.render_event(openai_chat.render_error(error))
