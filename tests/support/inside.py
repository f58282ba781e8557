"""The daemon's own objects on an event loop in a thread, for tests that must reach what no setting reaches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from routerd import daemon, settings
from routerd.edge.server import Edge
from tests.support.daemon import write_config
from tests.support.gate import PATIENCE, Gate
from tests.support.raw import RawCaller

Result = TypeVar("Result")


class Inside:
    """Serves `text` over the edge, on a free port, while it is entered as a context manager."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.port = 0
        write_config(folder, text)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inside", daemon=True)
        self._stop = Gate()
        self._now = 0.0

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something on its loop; returns the result, raises what it raised."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def caller(self) -> RawCaller:
        """A new connection to it."""
        return RawCaller("127.0.0.1", self.port)

    def hold_clock(self) -> None:
        """From now on time is what `pass_time` says, as far as timeouts and comments go."""
        self.daemon.services.now = lambda: self._now

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and have everything under way looked at."""
        self.call(self._pass_time(seconds))

    async def _pass_time(self, seconds: float) -> None:
        self._now += seconds
        self.daemon.services.sweep()

    def __enter__(self) -> Self:
        self._thread.start()
        flags = {"config": self.folder / "router.yaml", "data_dir": self.folder / "data"}
        self.daemon = daemon.build(settings.load(flags, {}), self._loop)
        listening: asyncio.Queue[int] = asyncio.Queue()
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(listening), self._loop)
        self.port = self.call(listening.get())
        return self

    async def _serve(self, listening: asyncio.Queue[int]) -> None:
        async with self.daemon.running():
            cork = self.daemon.services.cork
            cork.few = -1  # every write is held; a real daemon that few ask holds none
            edge = Edge(self.daemon.gateway, _no_web, is_ready=self.daemon.ready, cork=cork)
            [(_, port)] = await edge.listen("127.0.0.1", 0)
            listening.put_nowait(port)
            await self._stop.pass_through()
            await edge.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.open()
        self._serving.result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


async def _no_web() -> Any:
    raise AssertionError("only /v1 is served here")
