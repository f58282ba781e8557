"""The answer's side of a connection: framing, one write per call, and the source paused while the caller is slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from routerd.edge import lines
from routerd.edge.requests import Request
from routerd.proxy.cork import Cork
from routerd.proxy.door import Source

_COPY = 16 * 1024  # bytes of body that are cheaper joined to their head than handed over apart from it
_PARTS = 16  # that are held at most

_CHUNKED, _COUNTED, _TO_THE_END, _SILENT = range(4)


class Clock(Protocol):
    """What all connections share and an answer needs."""

    date: bytes  # a Date line
    is_draining: bool
    cork: Cork


class Sender(Protocol):
    """The writing half of a transport."""

    def write(self, data: bytes) -> None: ...

    def writelines(self, parts: Iterable[bytes]) -> None: ...


class Nowhere:
    """Where the bytes go once the caller has gone."""

    def write(self, data: bytes) -> None: ...

    def writelines(self, parts: Iterable[bytes]) -> None: ...


NOWHERE = Nowhere()


class AnswerWriter:
    """Writes the answer to the `current` request; a `proxy.door.Outlet`."""

    __slots__ = (
        "_clock", "_framing", "_is_paused", "_out", "_source", "_unsent", "closes", "current", "has_ended",
        "has_started",
    )  # fmt: skip

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._out: Sender = NOWHERE
        self._unsent: list[bytes] = []
        self._source: Source | None = None
        self._is_paused = False
        self._framing = _CHUNKED
        self.current: Request | None = None
        self.has_started = False  # the head is written
        self.has_ended = True  # so is the end
        self.closes = False  # the connection ends with this answer

    # Outlet

    @property
    def source(self) -> Source | None:
        """Where the bytes of the answer come from; paused while the caller reads slowly."""
        return self._source

    @source.setter
    def source(self, source: Source | None) -> None:
        self._source = source
        if source is not None and self._is_paused:
            source.pause_reading()

    def whole(self, status: int, head: bytes, body: bytes) -> None:
        """The whole answer, in one network write."""
        if self.has_started or self.current is None:
            return
        self.has_started = self.has_ended = True
        length = b"" if status in lines.WITHOUT_BODY else b"content-length: %d\r\n" % len(body)
        block = b"".join((lines.status_line(status), head, self._clock.date, length, self._ending(), b"\r\n"))
        if self.current.is_head or not body:
            self._send(block)
        elif len(body) < _COPY:
            self._send(block + body)
        else:
            self._unsent += (block, body)
            self.flush()

    def start(self, status: int, head: bytes, data: bytes = b"") -> None:
        """Begin a streamed answer; `data`, if any, leaves in the same network write."""
        self.open(status, head, data)

    def open(self, status: int, head: bytes, data: bytes = b"", length: int | None = None) -> None:
        """Begin a streamed answer, of `length` bytes if that is known."""
        if self.has_started or self.current is None:
            return
        self.has_started = True
        framing = self._choose_framing(self.current, status, length)
        block = b"".join((lines.status_line(status), head, self._clock.date, framing, self._ending(), b"\r\n"))
        self._send(block + self._frame(data) if data else block)

    def write(self, data: bytes) -> None:
        """More of it, in one network write."""
        if self.has_ended:
            return
        if self._framing == _CHUNKED:  # said here as well as in `_frame`: this is done for every event of a stream
            self._send(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._send(self._frame(data))

    def end(self, data: bytes = b"", *, close: bool = False) -> None:
        """The last bytes and the proper last chunk. `close`: the connection ends after them."""
        if self.has_ended:
            return
        self.has_ended = True
        self.closes = self.closes or close
        last = self._frame(data) if data else b""
        if self._framing == _CHUNKED:
            last += lines.LAST_CHUNK
        if last:
            self._send(last)

    # On its way out

    def _send(self, data: bytes) -> None:
        unsent, cork = self._unsent, self._clock.cork
        if not unsent and not cork.is_in:
            return self._out.write(data)
        unsent.append(data)
        # What is large gains nothing, and whoever writes on and on shall hear of it when the caller is slow.
        if len(data) > _COPY or len(unsent) > _PARTS:
            self.flush()
        elif len(unsent) == 1:
            cork.hold(self)

    def flush(self) -> None:
        """Hand over to the transport what was held."""
        unsent, self._unsent = self._unsent, []
        if len(unsent) == 1:
            self._out.write(unsent[0])
        elif unsent:
            self._out.writelines(unsent)

    # Flow control, called by the transport

    def pause_writing(self) -> None:
        self._is_paused = True
        if self._source is not None:
            self._source.pause_reading()

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._source is not None:
            self._source.resume_reading()

    # Framing

    def _choose_framing(self, request: Request, status: int, length: int | None) -> bytes:
        """The header line that tells where the answer ends."""
        self._framing, line = _TO_THE_END, b""
        if length is not None:
            self._framing, line = _COUNTED, b"content-length: %d\r\n" % length
        elif not request.is_old:
            self._framing, line = _CHUNKED, b"transfer-encoding: chunked\r\n"
        if status in lines.WITHOUT_BODY:
            line = b""
        if request.is_head or status in lines.WITHOUT_BODY:
            self._framing = _SILENT
        return line

    def _frame(self, data: bytes) -> bytes:
        if self._framing == _CHUNKED:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return b"" if self._framing == _SILENT else data

    def _has_more(self) -> bool:
        """Whether requests that have come wait behind the current one."""
        return False

    def _ending(self) -> bytes:
        """`Connection: close`, if the connection ends with this answer as far as that is known by now."""
        request = self.current
        is_over = self._clock.is_draining and not self._has_more()
        self.closes = self.closes or request is None or not request.keep_alive or is_over
        return lines.CLOSE if self.closes else b""
