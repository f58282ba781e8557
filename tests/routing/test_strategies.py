"""The orders of a ring."""

from __future__ import annotations

import pytest

from routerd.routing.strategies import ORDERS, affinity


@pytest.mark.parametrize(
    ("strategy", "start", "expected"),
    [("round-robin", 0, "abc"), ("round-robin", 2, "cab"), ("failover", 0, "abc"), ("failover", 2, "abc")],
)
def test_arrange(strategy: str, start: int, expected: str) -> None:
    assert "".join(ORDERS[strategy].arrange(tuple("abc"), start)) == expected


def test_affinity_is_the_same_in_every_process_and_version() -> None:
    names = ["openai/gpt-5.2", "anthropic/claude-sonnet-4-5", "ollama/qwen3-coder"]
    assert [affinity(names, key) for key in (b"alice", b"bob", b"carol", b"dave")] == [2, 1, 2, 2]


def test_affinity_does_not_depend_on_the_order() -> None:
    names = [f"p{number}/m" for number in range(9)]
    for key in (b"a", b"b", b"c"):
        assert names[affinity(names, key)] == names[::-1][affinity(names[::-1], key)]
