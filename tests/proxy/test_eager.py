"""A coroutine that runs in its callers' calls: what it waits for, how it is cancelled, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from routerd.proxy.eager import Eager, Signal


class Told:
    """A coroutine that says what becomes of it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def run(self, *steps: Callable[[], Awaitable[object]]) -> None:
        """Await each in turn."""
        self.said.append("begun")
        try:
            for step in steps:
                self.said.append(str(await step()))
        except asyncio.CancelledError:
            self.said.append("cancelled")
            raise
        self.said.append("ended")


def in_a_loop(test: Callable[[asyncio.AbstractEventLoop, Told], Awaitable[None]]) -> None:
    async def run() -> None:
        await test(asyncio.get_running_loop(), Told())

    asyncio.run(run())


def test_it_runs_in_the_call_that_begins_it_and_in_the_one_that_tells_it() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        signal: Signal[str] = Signal(loop)
        Eager(told.run(lambda: signal), loop).start()
        assert told.said == ["begun"]
        signal.set_result("news")
        assert told.said == ["begun", "news", "ended"]

    in_a_loop(test)


def test_it_waits_for_what_asyncio_has() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        async def work() -> str:
            return "done"

        set_before: Signal[str] = Signal(loop)
        set_before.set_result("before")
        steps = (lambda: loop.create_task(work()), lambda: asyncio.sleep(0), lambda: set_before)
        eager = Eager(told.run(*steps), loop)
        eager.start()
        assert told.said == ["begun"]
        await eager.end()
        assert told.said == ["begun", "done", "None", "before", "ended"]
        await eager.end()  # also of one that has ended

    in_a_loop(test)


def test_a_task_waits_for_a_signal_in_turns_of_its_own() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        signal: Signal[str] = Signal(loop)
        task = loop.create_task(told.run(lambda: signal))
        await asyncio.sleep(0)
        signal.set_result("news")
        assert told.said == ["begun"]
        await task
        assert told.said == ["begun", "news", "ended"]

    in_a_loop(test)


@pytest.mark.parametrize("kind", ["signal", "future", "turn"])
def test_cancelling_ends_it_where_it_waits(kind: str) -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        waits: dict[str, Callable[[], Awaitable[object]]] = {
            "signal": lambda: Signal(loop), "future": loop.create_future, "turn": lambda: asyncio.sleep(0),
        }  # fmt: skip
        eager = Eager(told.run(waits[kind]), loop)
        eager.start()
        eager.cancel()
        await eager.end()
        assert told.said == ["begun", "cancelled"]

    in_a_loop(test)


def test_cancelling_what_runs_ends_it_where_it_waits_next() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        signal: Signal[str] = Signal(loop)

        def cancel_and_wait() -> Signal[str]:
            eager.cancel()
            return signal

        eager = Eager(told.run(cancel_and_wait), loop)
        eager.start()
        assert told.said == ["begun", "cancelled"]
        assert not signal.cancel()

    in_a_loop(test)


def test_cancelling_behind_a_result_that_is_on_its_way() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        future: asyncio.Future[str] = loop.create_future()
        eager = Eager(told.run(lambda: future), loop)
        eager.start()
        future.set_result("too late")
        eager.cancel()
        await eager.end()
        assert told.said == ["begun", "cancelled"]

    in_a_loop(test)


def test_what_it_raises_reaches_the_caller_and_ends_it() -> None:
    async def test(loop: asyncio.AbstractEventLoop, told: Told) -> None:
        def fail() -> Awaitable[object]:
            raise LookupError

        eager = Eager(told.run(fail), loop)
        with pytest.raises(LookupError):
            eager.start()
        await eager.end()

    in_a_loop(test)
