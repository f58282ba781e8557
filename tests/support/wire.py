"""HTTP/1.1 as a strict provider reads it: a connection's bytes cut into requests, oddities refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.gate import Gate


@dataclass
class Request:
    """One request as the upstream received it; header names keep the case they came in."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    raw_head: bytes
    connection: int = 0  # counts from 1, in the order the upstream accepted them
    arrived_at: float = field(default_factory=time.monotonic)  # seconds
    gone: Gate = field(default_factory=Gate)  # opens when its connection is lost, at whatever end
    answered: Gate = field(default_factory=Gate)  # opens when its reply has been played to the end
    sent: int = 0  # bytes of the reply given to the socket so far
    is_held: bool = False  # the peer reads so slowly that writing pauses

    def all(self, name: str) -> list[str]:
        """Every value of the header `name`, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The only value of the header `name`, or None. Raises when it was sent twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RequestReader:
    """Fed with bytes as they arrive; yields whole requests. Raises ValueError on what a strict server refuses."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Request]:
        self._buffer += data
        while (request := self._next()) is not None:
            yield request

    def _next(self) -> Request | None:
        raw_head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return None
        request = _head(raw_head)
        taken = _dechunked(rest) if request.all("transfer-encoding") else _counted(rest, request)
        if taken is None:
            return None
        request.body, self._buffer = taken
        return request


def _head(raw: bytes) -> Request:
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    request = Request(method, target, headers, b"", raw)
    _refuse(version != "HTTP/1.1", f"version {version!r}")
    _refuse(len(request.all("host")) != 1, "not exactly one Host")
    _refuse(len(request.all("content-length")) > 1, "several Content-Lengths")
    _refuse(bool(request.all("content-length") and request.all("transfer-encoding")), "two framings")
    _refuse(any(not name or name != name.strip() for name, _ in headers), "a bad header name")
    return request


def _refuse(wrong: bool, what: str) -> None:
    if wrong:
        raise ValueError(f"malformed request: {what}")


def _counted(rest: bytes, request: Request) -> tuple[bytes, bytes] | None:
    length = int(request.get("content-length") or 0)
    return (rest[:length], rest[length:]) if len(rest) >= length else None


def _dechunked(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        size, line_end, rest = rest.partition(b"\r\n")
        length = int(size, 16) if line_end else 0
        if not line_end or len(rest) < length + 2:
            return None
        body, rest = body + rest[:length], rest[length + 2 :]
        if length == 0:
            return body, rest
