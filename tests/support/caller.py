"""A plain HTTP/1.1 caller that sees what a client library hides: framing, the last chunk, who closed, and when."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.support import sse
from tests.support.gate import PATIENCE


class CutShort(Exception):
    """The peer closed before the message was complete."""


@dataclass
class Response:
    """A finished answer; header names are lower case. `complete`: its framing ended as HTTP wants it."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    complete: bool = True
    seconds: float = field(default=0.0, compare=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object, after checking that it has the OpenAI shape."""
        error: dict[str, Any] = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        assert error["code"] is None or isinstance(error["code"], str), error
        assert isinstance(error["message"], str), error
        assert error["message"], error
        assert self.headers["content-type"].startswith("application/json"), self.headers
        return error

    @property
    def events(self) -> list[sse.Event]:
        """The body as server-sent events."""
        assert self.headers["content-type"].startswith("text/event-stream"), self.headers
        return sse.decode(self.body)

    @property
    def story(self) -> sse.Story:
        """What the chat stream said."""
        return sse.story(self.events)


class Caller:
    """One connection. Reads block for at most `timeout` seconds and raise TimeoutError then."""

    def __init__(self, host: str, port: int, *, timeout: float = PATIENCE) -> None:
        self.host = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        """Raw bytes."""
        self.socket.sendall(data)

    def request(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> None:
        """A well-formed request; a `body` that is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        fields = {"Host": self.host, **(headers or {})}
        if data:
            fields = {"Content-Type": "application/json", "Content-Length": str(len(data)), **fields}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + data)

    def head(self) -> Response:
        """Read status and headers; 1xx replies are skipped."""
        status_line, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(status_line.split(" ")[1])
        pairs = [line.partition(":") for line in lines if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        assert len(headers) == len(pairs), f"a header came twice: {lines}"
        return self.head() if status < 200 else Response(status, headers)

    def pieces(self, response: Response) -> Iterator[bytes]:
        """The body as it comes, one chunk at a time. Raises CutShort when it ends early."""
        if response.headers.get("transfer-encoding") == "chunked":
            yield from self._chunks()
        else:
            yield self._exactly(int(response.headers["content-length"]))

    def read(self, response: Response) -> Response:
        """The rest of a response."""
        pieces = [response.body]
        try:
            for piece in self.pieces(response):
                pieces.append(piece)
        except (CutShort, ConnectionResetError):
            response.complete = False
        response.body = b"".join(pieces)
        return response

    def exchange(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
        """Send one request and read its answer to the end."""
        start = time.monotonic()
        self.request(method, target, body, headers)
        response = self.read(self.head())
        response.seconds = time.monotonic() - start
        return response

    def is_closed(self) -> bool:
        """Wait for more; True when the peer closed instead."""
        return self._more() == b""

    def close(self) -> None:
        """Close both ways."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n"), 16):
            piece = self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            yield piece
        assert self._exactly(2) == b"\r\n"

    def _until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            if not self._more():
                raise CutShort(bytes(self._buffer))
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._more():
                raise CutShort(bytes(self._buffer))
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        self._buffer += data
        return data
