"""The edge: it owns the listening sockets, the connections and the one clock that they share."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from routerd.access import is_loopback_address
from routerd.edge import lines
from routerd.edge.bridge import App, LazyApp
from routerd.edge.connection import Connection
from routerd.edge.handover import Handover
from routerd.edge.limits import DEFAULT_LIMITS, Limits
from routerd.edge.transports import gone
from routerd.proxy.cork import NO_CORK, Cork
from routerd.proxy.door import Gateway

_STRIP = 64 * 1024  # bytes read at once; parsed before the next read, so one is enough for all connections
_NEVER = 86_400.0  # seconds; TLS would count those in which a caller takes the rest of its answer. Our sweep looks on
_PASSES = 8  # turns of the loop in which a connection that the kernel holds is accepted, opened and read


@dataclass(slots=True)
class Listener:
    """An address that we listen on."""

    is_loopback: bool = False


class Edge:
    """One port for everything: `/v1` to the gateway, all else to the web app, HTTP/2 to Hypercorn.

    `web` loads the web app and is awaited at first need. `is_ready` decides what `/health/ready` says.
    """

    def __init__(
        self,
        gateway: Gateway,
        web: Callable[[], Awaitable[App]],
        *,
        is_ready: Callable[[], bool] = lambda: True,
        limits: Limits = DEFAULT_LIMITS,
        cork: Cork = NO_CORK,
    ) -> None:
        self.gateway = gateway
        self.limits = limits
        self.cork = cork
        self.web = LazyApp(web)
        self.loop = asyncio.get_running_loop()
        self.strip = memoryview(bytearray(_STRIP))
        self.connections: set[Connection] = set()
        self.is_draining = False
        self.is_accepting = True
        self.now = 0.0  # seconds, counted in sweeps
        self.date = lines.date_line(time.time())
        self._is_ready = is_ready
        self._servers: list[asyncio.Server] = []
        self._leftover: set[asyncio.Task[None]] = set()
        self._is_empty = asyncio.Event()
        self._handover = Handover(self.web, limits, self.report)
        self._ticking = self.loop.call_later(limits.tick, self._tick)

    async def listen(self, host: str, port: int = 0, tls: ssl.SSLContext | None = None) -> list[tuple[str, int]]:
        """Accept connections; returns the addresses. Raises OSError when an address can't be had."""
        listener = Listener()
        server: Any = await self.loop.create_server(  # its sockets: a list or a tuple, as the loop likes
            partial(Connection, self, listener),
            host,
            port,
            ssl=tls,
            backlog=self.limits.backlog,
            ssl_handshake_timeout=self.limits.handshake if tls else None,
            ssl_shutdown_timeout=_NEVER if tls else None,
            start_serving=False,
        )
        addresses = [bound.getsockname()[:2] for bound in server.sockets]
        listener.is_loopback = all(is_loopback_address(address[0]) for address in addresses)
        await server.start_serving()
        self._servers.append(server)
        return addresses

    async def drain(self, seconds: float) -> None:
        """No new connections; returns when what has begun or been sent has finished, or `seconds` have passed."""
        self.is_draining = True
        for _ in range(_PASSES):
            await asyncio.sleep(0)
        self._stop_listening()
        for connection in list(self.connections):
            connection.close_if_idle()
        await asyncio.wait([self.loop.create_task(self._wait_until_empty())], timeout=seconds)

    async def close(self) -> None:
        """Cut everything, and return when it is gone."""
        self.is_draining = True
        self._stop_listening()
        self.web.cancel()
        for connection in list(self.connections):
            connection.abort()
        self._handover.abort()
        ending = self.loop.create_task(self._wait_until_empty())
        # An app is told that its caller has gone, and ends: cancelled from outside, Quart leaves tasks behind.
        await asyncio.wait([ending], timeout=self.limits.linger)
        for task in [*self._leftover, *self._handover.tasks]:
            task.cancel()
        await ending
        self._ticking.cancel()

    # What a connection needs

    def small_answer(self, method: str, path: str) -> lines.Small | None:
        """What the edge answers itself, so that a load balancer's checks wake nobody."""
        if method in {"GET", "HEAD"}:
            if path == "/health/ready":
                return lines.READY if self._is_ready() and not self.is_draining else lines.NOT_READY
            return lines.SMALL.get(path) or (lines.ROOT if path == "/" and method == "HEAD" else None)
        return lines.OPTIONS if path == "*" else None

    def hand_over(self, transport: asyncio.Transport, data: bytes, listener: Listener) -> None:
        """HTTP/2 is Hypercorn's; `data` has been read already."""
        self._handover.take(transport, data, listener_is_loopback=listener.is_loopback)

    def forget(self, connection: Connection) -> None:
        """The connection is lost, or another's."""
        self.connections.discard(connection)
        if self.is_draining and not self.connections:
            self._is_empty.set()

    def keep(self, task: asyncio.Task[None]) -> None:
        """See an answer to its end whose connection is gone."""
        self._leftover.add(task)
        task.add_done_callback(self._leftover.discard)

    def report(self, error: BaseException) -> None:
        """A mistake of our own, or of the app: the loop's exception handler knows what to do with it."""
        self.loop.call_exception_handler({"message": "a request failed", "exception": error})

    def sweep(self) -> None:
        """A tick has passed: tell the time, and close what has been silent too long."""
        self.now += self.limits.tick
        self.date = lines.date_line(time.time())
        self._see_to([one for one in self.connections if one.deadline < self.now], Connection.overdue)
        self._see_to(gone((one.transport, one) for one in self.connections if one.is_unheard), Connection.eof_received)
        self._handover.sweep(self.now)

    def _see_to(self, connections: list[Connection], act: Callable[[Connection], object]) -> None:
        for connection in connections:
            try:
                act(connection)
            except Exception as error:  # one connection's mistake must not end the limits of all
                self.report(error)
                connection.abort()

    def _tick(self) -> None:
        self._ticking = self.loop.call_later(self.limits.tick, self._tick)
        self.sweep()

    def _stop_listening(self) -> None:
        self.is_accepting = False
        for server in self._servers:
            server.close()

    async def _wait_until_empty(self) -> None:
        await self._handover.terminate()
        if self.connections:
            self._is_empty.clear()
            await self._is_empty.wait()
        while waiting := [*self._leftover, *self._handover.tasks]:
            await asyncio.wait(waiting)
