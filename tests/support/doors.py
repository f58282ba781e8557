"""Doors on real ports, each with an event loop in a thread of its own: the edge, and Quart under Hypercorn alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

from routerd import web
from routerd.edge.bridge import App
from routerd.edge.limits import Limits
from routerd.edge.server import Edge
from routerd.edge.tls import server_context
from routerd.proxy.cork import Cork
from routerd.proxy.door import Gateway
from tests.support.certificates import Certificates
from tests.support.gate import PATIENCE
from tests.support.raw import RawCaller

Result = TypeVar("Result")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
LONG = 600.0  # seconds: no limit that a test does not ask for comes near it, however busy the machine
QUICK = Limits(tick=0.02, head=LONG, body=LONG, idle=LONG, linger=LONG, flush=LONG, handshake=LONG)
HOUR = 3600.0
_TURNS = 20  # of the loop: a connection is accepted, opened and read in fewer


def hours(**limits: float) -> Limits:
    """Limits for a door that `EdgeDoor.sweep` alone lets time pass for: a tick is an hour, and so are those given."""
    known = dict.fromkeys(("head", "body", "idle", "linger", "flush", "stall"), 1000.0) | limits
    seconds: dict[str, Any] = {name: HOUR * number for name, number in known.items()}
    return Limits(tick=HOUR, handshake=LONG, **seconds)


class Door:
    """Open while it is entered. `errors` are those that the loop's exception handler was told of; a test that expects
    any takes them away, else leaving fails."""

    def __init__(self, loop: str = "uvloop") -> None:
        self.loop = LOOPS[loop]()
        self.errors: list[dict[str, Any]] = []
        self.port = 0
        self.tls_port = 0
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def _run(self) -> None:
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await `work` on the door's loop."""
        return self.begin(work).result(PATIENCE)

    def begin(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start `work` on the door's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def caller(self) -> RawCaller:
        """A new connection."""
        return RawCaller("127.0.0.1", self.port)

    async def start(self) -> None:
        """Listen."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Close everything."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self.start())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.do(self.stop())
        left = self.do(_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()
        if kind is None:
            assert not self.errors, self.errors
            assert not left, left


async def _turn() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _others() -> list[str]:
    """Tasks that nobody ended."""
    return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]


class EdgeDoor(Door):
    """The edge before `gateway`, and before `app` or the whole web app; with `certificates` on a TLS port as well."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        loop: str = "uvloop",
        limits: Limits = QUICK,
        app: App | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        super().__init__(loop)
        self.is_ready = True
        self._gateway = gateway
        self._limits = limits
        self._app = app
        self._certificates = certificates

    async def start(self) -> None:
        cork = Cork(few=-1)  # every write is held; a real daemon that few ask holds none
        self.edge = Edge(self._gateway, self.load, is_ready=lambda: self.is_ready, limits=self._limits, cork=cork)
        self.port = (await self.edge.listen("127.0.0.1"))[0][1]
        if self._certificates is not None:
            context = server_context(self._certificates.chain, self._certificates.key)
            self.tls_port = (await self.edge.listen("127.0.0.1", 0, context))[0][1]

    async def load(self) -> App:
        """What the edge calls when the web app is first wanted."""
        return self._app or await web.load(self._gateway, is_ready=lambda: self.is_ready)

    async def stop(self) -> None:
        await self.edge.close()

    def sweep(self, times: int = 1) -> None:
        """So many ticks pass. A limit is met once it and two ticks have passed, for its time begins within a tick."""
        self.do(self._sweep(times))

    async def _sweep(self, times: int) -> None:
        for _ in range(times):
            self.edge.sweep()
        await _turn()

    def hear(self, caller: RawCaller) -> None:
        """Wait until everything that `caller` has sent was read."""
        caller.wait_delivered()
        self.do(_turn())

    def untaken(self) -> int:
        """How many bytes wait for the only caller there is."""
        return self.do(self._untaken())

    async def _untaken(self) -> int:
        [connection] = self.edge.connections
        return connection.transport.get_write_buffer_size()


class HypercornDoor(Door):
    """An app without the edge, under Hypercorn's own server."""

    def __init__(self, app: Any) -> None:
        super().__init__("asyncio")
        self._app = app

    async def start(self) -> None:
        config = Config()
        config.errorlog = None
        config.bind = ["127.0.0.1:0"]
        listening = config.create_sockets().insecure_sockets[0]
        listening.listen()
        self.port = listening.getsockname()[1]
        config.bind = [f"fd://{listening.detach()}"]
        self._over = asyncio.Event()
        trigger: Callable[..., Awaitable[Any]] = self._over.wait
        self._serving = asyncio.get_running_loop().create_task(serve(self._app, config, shutdown_trigger=trigger))

    async def stop(self) -> None:
        self._over.set()
        await self._serving
