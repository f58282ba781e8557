"""What both doors and the proxy say to each other: the head of a request in, the bytes of an answer out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from routerd.errors import RouterError


@dataclass(slots=True)
class Head:
    """A request's head as a door received it. Header names are lower case; repeated ones stay in order."""

    method: str
    path: str  # percent-decoded, without the query
    query: bytes
    headers: list[tuple[bytes, bytes]]
    peer_is_loopback: bool  # the caller's socket address
    listener_is_loopback: bool  # the address we listen on
    fields: dict[bytes, bytes] = field(init=False, repr=False)  # the first value of each header, by name
    judged: Any = field(default=None, init=False, repr=False)  # what the gateway remembers, should this head come again

    def __post_init__(self) -> None:
        self.fields = dict(reversed(self.headers))

    def get(self, name: bytes) -> bytes | None:
        """The first value of the header `name` (lower case), or None."""
        return self.fields.get(name)


class Source(Protocol):
    """Where the bytes of a streamed answer come from, as far as flow control cares."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Outlet(Protocol):
    """Where an answer goes: the edge's connection, or Quart's response.

    `head` is a block of ready `name: value\\r\\n` lines without framing headers: Content-Length, Transfer-Encoding,
    Date and Connection are the door's. While the caller reads slowly the outlet pauses `source`.
    """

    source: Source | None

    def whole(self, status: int, head: bytes, body: bytes) -> None:
        """The whole answer, in one network write."""

    def start(self, status: int, head: bytes, data: bytes = b"") -> None:
        """Begin a streamed answer; `data`, if any, leaves in the same network write."""

    def write(self, data: bytes) -> None:
        """More of it, in one network write. The caller never calls it with nothing."""

    def end(self, data: bytes = b"", *, close: bool = False) -> None:
        """The last bytes and the proper last chunk. `close`: the connection ends after them."""


class Admitted(Protocol):
    """A request that may go on: its head was judged before a byte of its body was read."""

    @property
    def max_body(self) -> int:
        """The most bytes that its body may have; more is refused with 413."""

    @property
    def request_id(self) -> str:
        """The caller's own, or one of ours."""


class Gateway(Protocol):
    """The one thing both doors call."""

    def admit(self, head: Head) -> Admitted:
        """Judge path, method, credentials and headers. Raises RouterError."""

    async def answer(self, admitted: Any, body: bytes | bytearray, outlet: Outlet) -> None:
        """Answer what it admitted through `outlet`. Raises nothing but CancelledError (the caller has gone)."""

    def refusal(self, error: RouterError, path: str) -> tuple[int, bytes, bytes]:
        """Status, head lines and body that say `error` in the dialect that `path` speaks."""
