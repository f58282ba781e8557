"""Answers without a task: a coroutine that runs in the call that begins it, and in the one that ends its waiting.

A task costs a request two turns of the loop; a reply that comes whole needs neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Signal(Generic[Value]):
    """A future for one that waits, who goes on within `set_result`; a task that waits goes on in its own turn."""

    __slots__ = ("_asyncio_future_blocking", "_context", "_is_cancelled", "_is_done", "_loop", "_value", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False  # by which asyncio knows a future
        self._is_done = self._is_cancelled = False
        self._value: Value | None = None
        self._waiting: Callable[[Any], object] | None = None
        self._context: Context | None = None

    def done(self) -> bool:
        """Whether nothing is to be waited for any more."""
        return self._is_done

    def set_result(self, value: Value) -> None:
        """End the waiting. What is to happen next should not be needed by whoever calls this: it happens now."""
        self._value = value
        self._is_done = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._tell(waiting) if self._context is not None else waiting(self)

    def cancel(self, msg: object = None) -> bool:
        """End the waiting with CancelledError."""
        if self._is_done:
            return False
        self._is_cancelled = True
        self.set_result(None)  # type: ignore[arg-type]
        return True

    def result(self) -> Value:
        """What was set. Raises CancelledError."""
        if self._is_cancelled:
            raise asyncio.CancelledError
        return self._value  # type: ignore[return-value]

    def add_done_callback(self, waiting: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call `waiting` at the end; with a `context`, as tasks do, in a turn of its own."""
        self._waiting, self._context = waiting, context

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def _tell(self, waiting: Callable[[Any], object]) -> None:
        self._loop.call_soon(waiting, self, context=self._context)

    def __await__(self) -> Generator[Any, None, Value]:
        if not self._is_done:
            self._asyncio_future_blocking = True
            yield self
        return self.result() if self._is_cancelled else self._value  # type: ignore[return-value]


class Eager:
    """Sees a coroutine through that waits for futures and Signals, and never asks for the current task.

    So `asyncio.timeout` and the like need a task of their own in it.
    """

    __slots__ = ("_coroutine", "_ended", "_loop", "_must_cancel", "_send", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, None, None], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine = coroutine
        self._send = coroutine.send
        self._loop = loop
        self._waits_for: Any = None  # the future, while it waits for one
        self._must_cancel = False
        self._ended: list[asyncio.Future[None]] | None = []  # None: it has

    def start(self) -> None:
        """Run until it waits. Raises nothing but what the coroutine does."""
        self._step(None)

    def cancel(self) -> None:
        """Raise CancelledError where it waits."""
        if self._waits_for is None or not self._waits_for.cancel():
            self._must_cancel = True

    def end(self) -> asyncio.Future[None]:
        """A future that resolves at its end."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self._ended is None:
            future.set_result(None)
        else:
            self._ended.append(future)
        return future

    def _step(self, _: Any) -> None:
        self._waits_for = None
        try:
            future = self._throw() if self._must_cancel else self._send(None)
        except (StopIteration, asyncio.CancelledError):
            return self._finish()
        except BaseException:
            self._finish()
            raise
        if future is None:  # asyncio.sleep(0)
            self._loop.call_soon(self._step, None)
            return
        future._asyncio_future_blocking = False
        self._waits_for = future
        future.add_done_callback(self._step)
        if self._must_cancel and future.cancel():  # while it ran
            self._must_cancel = False

    def _throw(self) -> Any:
        self._must_cancel = False
        return self._coroutine.throw(asyncio.CancelledError())

    def _finish(self) -> None:
        ended, self._ended = self._ended, None
        for future in ended or ():
            if not future.done():
                future.set_result(None)
