"""One keep-alive HTTP/1.1 connection to an upstream: bytes out, a reply in, by callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.cork import NO_CORK, Cork
from routerd.proxy.inflate import Inflater, inflater

JOIN_BELOW = 64 * 1024  # smaller requests are joined into one write; larger ones are not worth the copy
HOLD_BELOW = 16 * 1024  # what is larger leaves while the processor still has it at hand
MAX_HEAD = 64 * 1024


class Sink(Protocol):
    """Who takes a reply while it arrives. `on_data` comes at most once per network read."""

    def on_head(self, status: int, headers: Headers) -> None: ...

    def on_data(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_failure(self, error: RouterError | None) -> None:
        """The reply will not come to its end. None: a kept connection was gone before any byte; ask a fresh one."""


class Line(Protocol):
    """A way a reply comes in: a Connection, or what stands in for one."""

    sink: Sink | None

    @property
    def is_paused(self) -> bool: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self, owner: Sink) -> None:
        """Close at once, telling nobody, if it is still `owner`'s: by now it may serve another request."""


class Connection(asyncio.Protocol):
    """Serves one request after the other. `release` is called each time it is free for the next."""

    __slots__ = (
        "_bytes_seen", "_complete", "_cork", "_has_head", "_head_size", "_headers", "_inflate", "_is_framed",
        "_is_in_head", "_is_used", "_keeps_alive", "_may_lag", "_parser", "_paused", "_pieces", "_release",
        "_transport", "_unsent", "idle_ticks", "sink",
    )  # fmt: skip

    def __init__(self, release: Callable[[Connection], None], cork: Cork = NO_CORK) -> None:
        self._release = release
        self._cork = cork
        self._unsent: tuple[bytes, bytes] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._headers: Headers = []
        self._head_size = 0
        self._is_used = self._complete = self._bytes_seen = self._has_head = self._is_framed = self._paused = False
        self._keeps_alive = self._is_in_head = self._may_lag = False
        self._inflate: Inflater | None = None
        self.sink: Sink | None = None
        self.idle_ticks = 0

    # What the proxy does with it

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def send(self, head: bytes, body: bytes, sink: Sink) -> None:
        """Send one request; `sink` takes the reply. `head` is complete, with the blank line."""
        self.sink = sink
        self._bytes_seen = self._has_head = self._is_framed = False
        self._unsent = (head, body)
        if len(body) < HOLD_BELOW and self._cork.is_in:
            self._cork.hold(self)
        else:
            self.flush()

    def flush(self) -> None:
        """Let the request leave, unless nobody waits for its reply any more."""
        unsent, self._unsent = self._unsent, None
        if unsent is None or self.sink is None:
            return
        head, body = unsent
        if len(body) < JOIN_BELOW:
            self._transport.write(head + body)
        else:
            self._may_lag = True
            self._transport.writelines((head, body))

    def pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    @property
    def is_paused(self) -> bool:
        return self._paused

    def abort(self, owner: Sink) -> None:
        if self.sink is owner:
            self.sink = None
            self._transport.abort()

    def discard(self) -> None:
        """Close a kept connection."""
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # A TLS transport that is paused reads on, up to 256 KiB, and loses them when the provider closes meanwhile.
        # With this limit its TCP pauses too. A part of a record can't hold it up: OpenSSL takes what there is of one.
        if limit := getattr(transport, "set_read_buffer_limits", None):
            limit(high=1)

    def data_received(self, data: bytes) -> None:
        if self.sink is None:
            return self._transport.abort()  # nobody asked
        self._bytes_seen = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                return self._fail(RouterError("upstream_garbled", f"sent what is not HTTP/1.1 ({error})"))
            self._keeps_alive = False  # nobody asked for what follows the reply
        if self._is_in_head and self._is_too_long(len(data)):
            return self._fail(RouterError("upstream_garbled", "sent a head of more than 64 KiB"))
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            try:
                data = data if self._inflate is None else self._inflate(data)
            except ValueError as error:
                return self._fail(RouterError("upstream_garbled", str(error)))
            if data and self.sink is not None:
                self.sink.on_data(data)
        if self._complete:
            self._finish()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.sink is None:
            return
        if self._has_head and not self._is_framed and error is None:
            self._finish()  # a reply without length or chunks ends where the connection ends
        elif self._is_used and not self._bytes_seen:
            self._fail(None)
        else:
            self._fail(RouterError("upstream_garbled", _lost(error)))

    # httptools

    def on_message_begin(self) -> None:
        if self._complete:
            raise httptools.HttpParserError("a second reply")
        self._headers = []
        self._head_size = 0
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else it is a trailer, and nobody asked for those
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        status = self._parser.get_status_code()
        if status >= 200 and self.sink is not None:
            self._has_head = True
            headers = self._headers
            fields = dict(headers)
            self._is_framed = b"content-length" in fields or b"transfer-encoding" in fields
            self._inflate = inflater(headers) if b"content-encoding" in fields else None
            self.sink.on_head(status, headers)

    def _is_too_long(self, size: int) -> bool:
        self._head_size += size
        return self._head_size > MAX_HEAD

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # an interim 1xx answer is no end
            self._complete = True
            self._keeps_alive = self._parser.should_keep_alive()  # the parser knows it here and only here
            if status < 300:
                self._may_lag = False  # whoever does as asked has taken it all

    # Ends

    def _finish(self) -> None:
        sink, self.sink = self.sink, None
        self._complete = False
        self._is_used = True
        self.resume_reading()
        # A provider that answered before it took our whole request must not get the next one behind the rest of it.
        # What is unsent can't be known: below a TLS transport TCP holds some, and below every one the kernel does. So
        # a large request that was refused counts as not taken. Closed in good order, the connection would wait until
        # the rest is taken, perhaps for ever, and keep the prompt.
        if self._unsent is not None or self._may_lag or self._transport.get_write_buffer_size():
            self._transport.abort()
        elif self._keeps_alive and not self._transport.is_closing():
            self._release(self)
        else:
            self._transport.close()
        if sink is not None:
            sink.on_end()

    def _fail(self, error: RouterError | None) -> None:
        sink, self.sink = self.sink, None
        self._transport.abort()
        if sink is not None:
            sink.on_failure(error)


def _lost(error: Exception | None) -> str:
    return f"cut the connection ({type(error).__name__})" if error else "closed the connection before the reply's end"
