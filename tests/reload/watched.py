"""A reloader that watches a real file, on an event loop of its own, and what it adopts."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from routerd.config.watch import changes
from routerd.editing import Editor
from routerd.news import News
from routerd.observe import Log
from routerd.reload import Reloader
from routerd.sealing import Sources
from routerd.settings import OnBootError
from routerd.snapshot import Snapshot
from routerd.state.database import Database
from routerd.state.generations import Generations
from tests.support.gate import PATIENCE, eventually

Result = TypeVar("Result")


def text(name: str, more: str = "") -> str:
    """A config whose only route has this name."""
    return f"# {name}\nproviders:\n  demo: {{adapter: echo, models: [echo]}}\nroutes:\n  {name}: [demo/echo]\n{more}"


class Watched:
    """Runs while it is entered. `adopted` are the snapshots that serve, one after the other."""

    def __init__(self, path: Path, data: Path, on_boot_error: OnBootError = "last-good") -> None:
        self.path = path
        self.data = data
        self.stream = io.BytesIO()
        self.log = Log(self.stream)
        self.database = Database(data / "state.db", self.log.warning)
        self.generations = Generations(data / "generations", self.database, path)
        self.news = News()
        self.sources = Sources({}, data, data_dir_is_chosen=True, mounted=data / "none")
        self.reloader = Reloader(path, self.log, self.sources, self.generations, self.news)
        self.adopted: list[Snapshot] = []
        self.editor = Editor(self.reloader, self.adopted.append, self.sources, data, self.generations)
        self._on_boot_error = on_boot_error
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        try:
            self.adopted.append(self.reloader.first(self._on_boot_error, self.data))
        except BaseException:
            self._close()
            raise
        self._thread.start()
        self._watching = asyncio.run_coroutine_threadsafe(
            self.reloader.watch(changes(self.path), self.adopted.append), self._loop
        )
        eventually(lambda: self.reloader.copy.is_kept or bool(self.reloader.copy.reason), "the start is kept")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._watching.cancel()
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._close()

    async def _settle(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*others, return_exceptions=True)

    def _close(self) -> None:
        self.database.close()
        self.log.close()
        self._loop.close() if not self._loop.is_running() else None

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something on its loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs."""
        return self._loop

    @property
    def serving(self) -> list[str]:
        """The routes of what serves."""
        return list(self.adopted[-1].routes)

    @property
    def numbers(self) -> list[int]:
        """The generations, one after the other."""
        return [snapshot.generation for snapshot in self.adopted]

    def wait_for(self, name: str) -> None:
        """Until the config of that name serves."""
        eventually(lambda: self.serving == [name], f"{name} serves")

    def wait_kept(self) -> None:
        """Until what serves is what a start would fall back on."""
        eventually(lambda: (self.generations.newest() or (0, ""))[1] == self.adopted[-1].digest, "it is kept")

    def wait_state(self, word: str) -> None:
        """Until the file is said to be so."""
        eventually(lambda: self.call(self.reloader.state()).word == word, f"the file is {word}", interval=0.1)

    def told(self) -> list[dict[str, Any]]:
        """The lines of the log; only once it is over."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]
