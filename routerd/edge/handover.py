"""HTTP/2 goes to Hypercorn, transport and all, in the same event loop; nothing else of Hypercorn is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from routerd.edge.bridge import LazyApp
from routerd.edge.limits import KIB, Limits
from routerd.edge.transports import gone, untaken

if TYPE_CHECKING:
    from types import ModuleType

    from routerd.edge.h2 import Shared


@dataclass(slots=True)
class Untaken:
    """What waits for a caller, and since when it has taken nothing of it."""

    size: int = 0
    since: float = 0.0

    def look(self, size: int, now: float) -> float:
        """Note the `size` of what waits now; returns for how long nothing was taken."""
        if size < self.size or not self.size:
            self.since = now
        self.size = size
        return now - self.since


class Handover:
    """The connections that Hypercorn serves, and how they end."""

    def __init__(self, web: LazyApp, limits: Limits, report: Callable[[BaseException], None]) -> None:
        self._web = web
        self._limits = limits
        self._report = report
        self._transports: dict[asyncio.WriteTransport, Untaken] = {}
        self._shared: Shared | None = None
        self._is_terminated = False
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, transport: asyncio.Transport, data: bytes, *, listener_is_loopback: bool) -> None:
        """Serve `transport` from now on; `data` has been read already."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=64 * KIB, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if data:
            protocol.data_received(data)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        task = loop.create_task(self._see_through(reader, writer, listener_is_loopback))
        self._transports[transport] = Untaken()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def terminate(self) -> None:
        """Streams may finish, no new ones begin, and idle connections close."""
        self._is_terminated = True
        if self._shared is not None:
            await self._shared.terminate()

    def abort(self) -> None:
        """Cut what is left; the tasks see it and end."""
        for transport in self._transports:
            transport.abort()

    def sweep(self, now: float) -> None:
        """Cut the connections whose callers have gone, or take nothing; streams have a limit of their own."""
        for transport in gone((one, one) for one in self._transports):
            transport.abort()
        for transport, taking in self._transports.items():
            if taking.look(untaken(transport), now) > self._limits.stall:
                transport.abort()

    async def _see_through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_is_loopback: bool
    ) -> None:
        transport = writer.transport
        try:
            await self._serve(reader, writer, {"listener_is_loopback": listener_is_loopback})
        except (Exception, BaseExceptionGroup) as error:
            self._report(error)
        finally:
            self._transports.pop(transport, None)
            transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, Any]) -> None:
        app = await self._web.get()
        # In a thread, as the app is: no stream should wait for an import.
        h2 = await asyncio.to_thread(_import_h2)
        if self._shared is None:
            self._shared = h2.shared(app, self._limits, self._report)
            if self._is_terminated:
                await self._shared.terminate()
        await h2.serve(self._shared, reader, writer, state)


def _import_h2() -> ModuleType:
    from routerd.edge import h2

    return h2
