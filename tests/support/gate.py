"""Waiting: a gate that opens once, between a test's thread and an upstream's event loop, and two small helpers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

Result = TypeVar("Result")

PATIENCE = 60.0  # seconds: how long a test waits for what must happen before it fails
SOON = 10.0  # seconds: for what takes no time, on however busy a machine; each timer that could do it instead is longer


class Gate:
    """Opens once; any thread and any event loop may open it, look at it or wait for it."""

    def __init__(self) -> None:
        self._future: concurrent.futures.Future[float] = concurrent.futures.Future()

    def open(self) -> None:
        """Open the gate; a second time changes nothing."""
        if not self._future.done():
            self._future.set_result(time.monotonic())

    @property
    def is_open(self) -> bool:
        return self._future.done()

    @property
    def opened_at(self) -> float:
        """`time.monotonic()` of the opening, in seconds. Waits for it."""
        return self.wait()

    def wait(self, timeout: float = PATIENCE) -> float:
        """Block until it is open; returns when that was. Raises TimeoutError after `timeout` seconds."""
        return self._future.result(timeout)

    async def pass_through(self) -> None:
        """Wait for it on an event loop."""
        # Shielded: a cancelled waiter must not cancel the gate for all others.
        await asyncio.shield(asyncio.wrap_future(self._future))


def eventually(condition: Callable[[], bool], what: str, timeout: float = PATIENCE, interval: float = 0.02) -> float:
    """Look every `interval` seconds until `condition()` is true; returns the seconds it took. Raises TimeoutError."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(interval)
    return time.monotonic() - start


def together(calls: Iterable[Callable[[], Result]]) -> list[Result]:
    """Run all calls at once, each in its own thread; returns their results in order, raises the first error."""
    work = list(calls)
    with concurrent.futures.ThreadPoolExecutor(max(len(work), 1)) as pool:
        return [future.result() for future in [pool.submit(call) for call in work]]
