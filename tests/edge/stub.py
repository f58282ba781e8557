"""A gateway without providers: every kind of answer a door has to carry, chosen by the path."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from routerd.errors import RouterError
from routerd.proxy.door import Head, Outlet
from tests.support.gate import Gate

JSON = b"content-type: application/json\r\n"
STREAM = b"content-type: text/event-stream\r\n"


@dataclass(frozen=True)
class Admitted:
    """What the stub lets in."""

    head: Head
    max_body: int
    request_id: str = "req_1"


@dataclass
class Endless:
    """A stream that ends only with its caller; counts what flow control asked of it."""

    outlet: Outlet
    chunk: bytes
    pauses: int = 0
    resumes: int = 0
    written: int = 0
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    def pause_reading(self) -> None:
        self.pauses += 1
        self.may_write.clear()

    def resume_reading(self) -> None:
        self.resumes += 1
        self.may_write.set()

    async def balance(self) -> int:
        """How many pauses have not been followed by a resume, as the event loop sees it."""
        return self.pauses - self.resumes

    async def run(self) -> None:
        """Write as fast as the caller takes it."""
        self.may_write.set()
        self.outlet.source = self
        self.outlet.start(200, STREAM)
        while True:
            await self.may_write.wait()
            self.outlet.write(self.chunk)
            self.written += len(self.chunk)
            await asyncio.sleep(0)


class StubGateway:
    """A `proxy.door.Gateway`. `log` holds what happened, in order; gates open when it does."""

    def __init__(self, max_body: int = 32 * 1024 * 1024) -> None:
        self.max_body = max_body
        self.is_open = True  # else every key is wrong
        self.seen: list[Head] = []
        self.endless: list[Endless] = []
        self.begun = Gate()  # an answer that takes its time has begun
        self.cancelled = Gate()  # an answer was cancelled
        self.may_answer = Gate()  # what /v1/wait waits for
        self._answers: dict[str, Callable[[Admitted, bytes | bytearray, Outlet], Awaitable[None]]] = {
            "/v1/echo": self._echo, "/v1/size": self._size, "/v1/head": self._head, "/v1/stream": self._stream,
            "/v1/wait": self._wait, "/v1/begin": self._begin, "/v1/endless": self._endless,
            "/v1/messages": self._echo, "/v1/silent": self._silent, "/v1/crash": self._crash,
            "/v1/halfway": self._halfway, "/v1/close": self._close, "/v1beta/models": self._head,
        }  # fmt: skip

    def admit(self, head: Head) -> Admitted:
        """Everything it knows, unless `x-key: wrong`."""
        self.seen.append(head)
        if head.path not in self._answers:
            raise RouterError("not_found", f"There is no {head.path} here.")
        if head.method not in {"POST", "HEAD"} and head.path != "/v1beta/models":
            raise RouterError("method_not_allowed", f"{head.path} takes POST, not {head.method}.")
        if head.get(b"x-key") == b"wrong" or not self.is_open:
            raise RouterError("unauthorized", "Incorrect API key provided.")
        return Admitted(head, self.max_body)

    async def answer(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        """Answer as the path says."""
        await self._answers[admitted.head.path](admitted, body, outlet)

    def refusal(self, error: RouterError, path: str) -> tuple[int, bytes, bytes]:
        """In one of two dialects."""
        body: dict[str, Any] = {"error": {"message": error.message, "type": error.type, "code": error.code}}
        if path.startswith("/v1/messages"):
            body = {"type": "error", "error": {"type": error.type, "message": error.message}}
        return error.status, JSON, json.dumps(body).encode()

    async def _echo(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        outlet.whole(200, JSON, bytes(body))

    async def _size(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        told = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        outlet.whole(200, JSON, json.dumps(told).encode())

    async def _head(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        head = admitted.head
        told = {
            "method": head.method,
            "path": head.path,
            "query": head.query.decode(),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in head.headers],
            "loopback": [head.peer_is_loopback, head.listener_is_loopback],
        }
        outlet.whole(200, JSON, json.dumps(told).encode())

    async def _stream(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        asked = parse_qs(admitted.head.query.decode())
        size = int(asked.get("size", ["5"])[0])
        outlet.start(200, STREAM)
        for number in range(int(asked.get("chunks", ["3"])[0])):
            outlet.write(b"%d" % (number % 10) * size)
            await asyncio.sleep(0)
        outlet.end(b"end")

    async def _wait(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        await self._until_allowed()
        outlet.whole(200, JSON, b'{"waited": true}')

    async def _begin(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        outlet.start(200, STREAM, b"begun")
        await self._until_allowed()
        outlet.end(b"done")

    async def _until_allowed(self) -> None:
        self.begun.open()
        try:
            await self.may_answer.pass_through()
        except asyncio.CancelledError:
            self.cancelled.open()
            raise

    async def _endless(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        source = Endless(outlet, b"x" * 16384)
        self.endless.append(source)
        self.begun.open()
        try:
            await source.run()
        except asyncio.CancelledError:
            self.cancelled.open()
            raise

    async def _silent(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        """A gateway that breaks its promise."""

    async def _crash(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        raise ZeroDivisionError("a gateway that breaks its promise")

    async def _halfway(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        outlet.start(200, STREAM, b"half")

    async def _close(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        outlet.start(200, STREAM, b"some")
        outlet.end(b"thing", close=True)
