"""What happens is told to all who follow, to slow ones the latest; and parsing leaves the interpreter as it was."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

from routerd import news
from routerd.gently import gently
from routerd.news import Event, News


def test_everyone_is_told_until_the_end() -> None:
    async def story() -> None:
        told = News()
        told.publish("before", {})
        with told.following(60) as one, told.following(60) as other:
            told.publish("a", {"n": 1})
            assert await anext(one) == await anext(other) == Event(2, "a", {"n": 1})
            told.publish("b", {})
            told.close()
            assert [event.kind async for event in one if event is not None] == ["b"]
        told.publish("after", {})

    asyncio.run(story())


def test_silence_is_told_too() -> None:
    async def story() -> None:
        with News().following(0.01) as events:
            assert await anext(events) is None

    asyncio.run(story())


def test_who_is_slow_loses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        told = News()
        with told.following(60) as events:
            for number in range(news.MOST_WAITING + 5):
                told.publish("x", {"n": number})
            told.close()
            seen = [event.data["n"] async for event in events if event is not None]
        assert seen == list(range(5, news.MOST_WAITING + 5))

    asyncio.run(story())


def test_the_interpreter_is_as_it_was() -> None:
    before = (sys.getswitchinterval(), gc.isenabled())
    with pytest.raises(ValueError, match="x"), gently(), gently():
        assert not gc.isenabled()
        assert sys.getswitchinterval() < before[0]
        raise ValueError("x")
    assert (sys.getswitchinterval(), gc.isenabled()) == before
