"""What a scripted upstream answers: a list of small steps, from raw bytes to a reset in mid-word."""

from __future__ import annotations

import asyncio
import gzip as gzip_module
import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from tests.support.gate import Gate

Headers = Iterable[tuple[str, str]]

LAST_CHUNK = b"0\r\n\r\n"


class Line(Protocol):
    """The upstream's end of a connection, as far as a step may use it."""

    async def send(self, data: bytes) -> None:
        """Write, and wait while the peer reads slowly."""

    def close(self) -> None:
        """Send what is buffered, then FIN."""

    def reset(self) -> None:
        """RST at once."""


class Step(Protocol):
    """One thing to do; raw bytes stand for `Send`."""

    async def play(self, line: Line) -> None: ...


@dataclass(frozen=True)
class Send:
    """Write these bytes, in pieces of `size` bytes when it is given."""

    data: bytes
    size: int = 0

    async def play(self, line: Line) -> None:
        size = self.size or max(len(self.data), 1)
        for start in range(0, len(self.data), size):
            await line.send(self.data[start : start + size])
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Until:
    """Wait until the test opens the gate."""

    gate: Gate

    async def play(self, line: Line) -> None:
        await self.gate.pass_through()


@dataclass(frozen=True)
class Pause:
    """Be slow: send nothing for so many seconds."""

    seconds: float

    async def play(self, line: Line) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Reached:
    """Open the gate: the script has come this far."""

    gate: Gate

    async def play(self, line: Line) -> None:
        self.gate.open()


@dataclass(frozen=True)
class Stall:
    """Say nothing until the caller leaves."""

    async def play(self, line: Line) -> None:
        await asyncio.get_running_loop().create_future()


@dataclass(frozen=True)
class Reset:
    """Cut the connection with RST."""

    async def play(self, line: Line) -> None:
        line.reset()


@dataclass(frozen=True)
class Close:
    """Close the connection with FIN."""

    async def play(self, line: Line) -> None:
        line.close()


@dataclass(frozen=True)
class Endless:
    """Send the same bytes again and again until the caller leaves."""

    data: bytes

    async def play(self, line: Line) -> None:
        while True:
            await line.send(self.data)
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Every:
    """Send the same bytes every `interval` seconds until the caller leaves."""

    interval: float
    data: bytes

    async def play(self, line: Line) -> None:
        while True:
            await line.send(self.data)
            await asyncio.sleep(self.interval)


@dataclass(frozen=True)
class Reply:
    """The steps of one answer. After them the connection stays open for the next request, unless a step closed it."""

    steps: tuple[Step, ...]

    def after(self, *steps: Step | bytes) -> Reply:
        """The same reply with `steps` before it."""
        return Reply(tuple(as_step(step) for step in steps) + self.steps)

    def then(self, *steps: Step | bytes) -> Reply:
        """The same reply with `steps` behind it."""
        return Reply(self.steps + tuple(as_step(step) for step in steps))

    def in_pieces(self, size: int) -> Reply:
        """The same reply with every write cut into pieces of `size` bytes."""
        return Reply(tuple(Send(step.data, size) if isinstance(step, Send) else step for step in self.steps))

    def at_once(self) -> Reply:
        """The same reply with what it sends in a row in one write."""
        steps: list[Step] = []
        for step in self.steps:
            last = steps[-1] if steps else None
            if isinstance(step, Send) and isinstance(last, Send):
                steps[-1] = Send(last.data + step.data)
            else:
                steps.append(step)
        return Reply(tuple(steps))


def as_step(step: Step | bytes) -> Step:
    """Raw bytes as a step."""
    return Send(step) if isinstance(step, bytes) else step


def raw(*steps: Step | bytes) -> Reply:
    """Exactly these bytes and steps; the head is the test's own affair."""
    return Reply(tuple(as_step(step) for step in steps))


def head(status: int, *headers: tuple[str, str]) -> bytes:
    """A status line with `headers` and the blank line."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Odd"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode()


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(
    body: Any, status: int = 200, headers: Headers = (), *, content_type: str = "application/json", length: int = -1
) -> Reply:
    """A reply with a Content-Length, in one write; `length` lies about it. What is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    declared = len(data) if length < 0 else length
    lines = (("Content-Type", content_type), ("Content-Length", str(declared)), *headers)
    return raw(head(status, *lines) + data)


def gzipped(body: Any) -> Reply:
    """A reply that is compressed although the request asked for `identity`."""
    return whole(gzip_module.compress(json.dumps(body).encode()), headers=[("Content-Encoding", "gzip")])


def event_stream(*pieces: Step | bytes, headers: Headers = (), ended: bool = True) -> Reply:
    """A chunked 200 of `text/event-stream`: each bytes piece is one chunk and one write, other steps stand between."""
    start = head(200, ("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"), *headers)
    steps = [chunk(piece) if isinstance(piece, bytes) else piece for piece in pieces if piece != b""]
    return raw(start, *steps, *([LAST_CHUNK] if ended else []))
