"""An outlet that remembers what it was told, for tests that need no socket."""

from __future__ import annotations

from dataclasses import dataclass, field

from routerd.proxy.door import Source


@dataclass
class RecordingOutlet:
    """What a caller would have received: `body` joined, and `writes` as they left."""

    source: Source | None = None
    status: int | None = None
    head: bytes = b""
    writes: list[bytes] = field(default_factory=list)
    ended: bool = False
    closed: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.writes)

    def whole(self, status: int, head: bytes, body: bytes) -> None:
        self.start(status, head, body)
        self.end()

    def start(self, status: int, head: bytes, data: bytes = b"") -> None:
        assert self.status is None, "started twice"
        self.status, self.head = status, head
        if data:
            self.write(data)

    def write(self, data: bytes) -> None:
        assert data, "an empty write would end a chunked body"
        assert not self.ended, "written after its end"
        self.writes.append(data)

    def end(self, data: bytes = b"", *, close: bool = False) -> None:
        assert not self.ended, "ended twice"
        if data:
            self.write(data)
        self.ended, self.closed = True, close
