"""The kinds of requests that a connection carries: where the body goes, and what begins the answer."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from routerd.edge.landing import Landing
from routerd.edge.lines import Small
from routerd.proxy.door import Admitted, Gateway, Head, Outlet


class Turn(Outlet, Protocol):
    """What a request may do with its connection once its turn has come."""

    def finish(self) -> None:
        """The answer is written."""

    def run(self, request: Request) -> None:
        """Await the request's `answer` in a task, then finish."""

    def open(self, status: int, head: bytes, data: bytes = b"", length: int | None = None) -> None:
        """As `start`, for an answer whose length may be known."""

    def regulate(self) -> None:
        """Read on, if nothing is full any more."""

    def extra(self, name: str) -> Any:
        """What the transport says of itself."""

    @property
    def listener_is_loopback(self) -> bool:
        """Whether the address we listen on is reached from this machine only."""


class Request:
    """One message of the caller, from its head until its answer is written."""

    __slots__ = ("expects", "is_head", "is_old", "is_queued", "keep_alive")

    def __init__(self, is_head: bool, is_old: bool, keep_alive: bool) -> None:
        self.is_head = is_head  # HEAD: the answer has no body
        self.is_old = is_old  # HTTP/1.0: the answer is not chunked, and the connection closes after it
        self.keep_alive = keep_alive
        self.is_queued = False  # its answer may begin
        self.expects = False  # the caller waits for 100 Continue before it sends the body

    def max_body(self) -> int:
        """The most bytes that the body may have."""
        return 0

    def take(self, piece: bytes) -> None:
        """A piece of the body has come."""

    def landing(self, length: int) -> Landing | None:
        """Memory for a body of `length` bytes past the parser, or None: it goes on taking pieces."""
        return None

    def is_full(self) -> bool:
        """Whether reading should pause until somebody has taken what came."""
        return False

    def received(self) -> None:
        """The body has come to its end."""

    def begin(self, turn: Turn) -> None:
        """Its turn has come."""
        turn.run(self)

    async def answer(self, outlet: Turn) -> None:
        """Answer through `outlet`."""

    def lost(self) -> bool:
        """The caller has gone. Whether the answer is to be cancelled."""
        return True


class Prepared(Request):
    """Answered by the edge itself; a body is forgotten."""

    __slots__ = ("is_last", "prepared")

    def __init__(self, is_head: bool, is_old: bool, keep_alive: bool, prepared: Small, is_last: bool = False) -> None:
        super().__init__(is_head, is_old, keep_alive)
        self.prepared = prepared
        self.is_last = is_last  # bytes may be on their way that nobody will parse

    def begin(self, turn: Turn) -> None:
        turn.whole(*self.prepared)
        turn.finish()


class Proxied(Request):
    """Answered by the gateway, once its body is complete."""

    __slots__ = ("admitted", "body", "gateway", "head")

    def __init__(
        self, is_head: bool, is_old: bool, keep_alive: bool, gateway: Gateway, head: Head, admitted: Admitted
    ) -> None:
        super().__init__(is_head, is_old, keep_alive)
        self.gateway = gateway
        self.head = head
        self.admitted = admitted
        self.body: bytes | bytearray = b""

    def max_body(self) -> int:
        return self.admitted.max_body

    def take(self, piece: bytes) -> None:
        # The first piece is most often the only one, so it is kept as it is; a list of pieces would let a caller who
        # sends single bytes take sixty times their memory.
        if not self.body:
            self.body = piece
        elif isinstance(self.body, bytearray):
            self.body += piece
        else:
            self.body = bytearray(self.body) + piece

    def landing(self, length: int) -> Landing:
        landing = Landing(self.body, length)
        self.body = landing.body
        return landing

    def answer(self, outlet: Turn) -> Coroutine[Any, Any, None]:
        body, self.body = self.body, b""  # so that the gateway may let go of it
        return self.gateway.answer(self.admitted, body, outlet)
