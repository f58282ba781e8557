"""Gemini's other way to stream: without `alt=sse` a stream is one JSON array, an element for each event."""

from __future__ import annotations

from routerd.adapters import sse
from routerd.proxy import headers
from routerd.proxy.door import Outlet, Source


class JsonArray:
    """An Outlet that turns the server-sent events of a stream into the elements of an array."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._before = b"["  # what stands before the next element

    @property
    def source(self) -> Source | None:
        """As Outlet says."""
        return self._outlet.source

    @source.setter
    def source(self, source: Source | None) -> None:
        self._outlet.source = source

    def whole(self, status: int, head: bytes, body: bytes) -> None:
        """As Outlet says: an error, or what was no stream."""
        self._outlet.whole(status, head, body)

    def start(self, status: int, head: bytes, data: bytes = b"") -> None:
        """As Outlet says."""
        self._outlet.start(status, head.replace(headers.STREAM, headers.JSON), self._elements(data))

    def write(self, data: bytes) -> None:
        """As Outlet says."""
        if elements := self._elements(data):
            self._outlet.write(elements)

    def end(self, data: bytes = b"", *, close: bool = False) -> None:
        """As Outlet says."""
        elements = self._elements(data)
        self._outlet.end(elements + (b"]" if self._before != b"[" else b"[]"), close=close)

    def _elements(self, data: bytes) -> bytes:
        said = []
        for event in sse.split_events(data):
            if payload := sse.payload(event):
                said += [self._before, payload]
                self._before = b",\r\n"
        return b"".join(said)
