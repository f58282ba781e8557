"""What is written in one turn of the loop leaves at its end, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from routerd.proxy.cork import FEW, MOST, NO_CORK, Cork


@dataclass
class Writer:
    """Notes that it was flushed, in `order`."""

    name: int
    order: list[int]
    fails: bool = False

    def flush(self) -> None:
        self.order.append(self.name)
        if self.fails:
            raise RuntimeError("no transport")


@pytest.mark.parametrize(("under_way", "is_in"), [(0, False), (FEW, False), (FEW + 1, True)])
def test_it_holds_for_a_crowd_alone(under_way: int, is_in: bool) -> None:
    assert Cork(range(under_way)).is_in is is_in


def test_nothing_is_held_without_one() -> None:
    assert not NO_CORK.is_in


def test_all_leave_when_the_turn_ends_in_their_order() -> None:
    order: list[int] = []

    async def two_turns() -> None:
        cork = Cork()
        for name in (1, 2, 3):
            cork.hold(Writer(name, order))
        assert order == []
        await asyncio.sleep(0)
        assert order == [1, 2, 3]
        cork.hold(Writer(4, order))
        await asyncio.sleep(0)

    asyncio.run(two_turns())
    assert order == [1, 2, 3, 4]


def test_the_first_does_not_wait_for_a_whole_crowd() -> None:
    order: list[int] = []

    async def one_turn() -> None:
        cork = Cork()
        for name in range(MOST - 1):
            cork.hold(Writer(name, order))
        assert order == []
        cork.hold(Writer(MOST - 1, order))

    asyncio.run(one_turn())
    assert order == [*range(MOST)]


def test_one_that_fails_keeps_nobody_elses_bytes() -> None:
    order: list[int] = []
    reported: list[dict[str, Any]] = []

    async def one_turn() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        cork = Cork()
        cork.hold(Writer(1, order, fails=True))
        cork.hold(Writer(2, order))
        await asyncio.sleep(0)

    asyncio.run(one_turn())
    assert order == [1, 2]
    assert [str(context["exception"]) for context in reported] == ["no transport"]
