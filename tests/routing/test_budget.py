"""The retry budget of one provider."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from routerd.routing.budget import RetryBudget


def spend_all(budget: RetryBudget, now: float) -> int:
    """How many repeats are left at `now`."""
    return next(spent for spent in range(100_000) if not budget.spend(now))


@pytest.mark.parametrize(
    ("requests", "at", "left"),
    [
        ([], 0.0, 100),
        ([(0.0, 1000)], 0.0, 300),
        ([(0.0, 1000)], 9.9, 300),
        ([(0.0, 1000)], 10.0, 100),
        ([(0.0, 500), (3.0, 500)], 11.0, 200),
        ([(0.0, 10)], 1000.0, 100),
    ],
)
def test_a_fifth_of_the_last_ten_seconds_requests_and_ten_a_second(
    requests: list[tuple[float, int]], at: float, left: int
) -> None:
    budget = RetryBudget(0.0)
    for when, count in requests:
        for _ in range(count):
            budget.count(when)
    assert spend_all(budget, at) == left


def test_what_is_spent_comes_back_after_ten_seconds() -> None:
    budget = RetryBudget(0.0)
    assert spend_all(budget, 0.0) == 100
    assert spend_all(budget, 9.0) == 0
    assert spend_all(budget, 10.0) == 100


def test_repeats_are_requests_too_but_the_storm_ends() -> None:
    budget = RetryBudget(0.0)
    for _ in range(1000):
        budget.count(0.0)
    spent = 0
    while budget.spend(0.0):
        budget.count(0.0)
        spent += 1
    assert spent == 375  # a fifth of 1,375, and a hundred


@given(some.lists(some.tuples(some.floats(0, 12), some.integers(0, 200)), max_size=6))
@settings(deadline=None, max_examples=50)
def test_a_repeat_is_allowed_exactly_while_the_last_ten_seconds_have_room(history: list[tuple[float, int]]) -> None:
    budget, now = RetryBudget(0.0), 0.0
    requests: Counter[int] = Counter()
    repeats: Counter[int] = Counter()
    for gap, count in history:
        now += gap
        window = range(int(now) - 9, int(now) + 1)
        for _ in range(count):
            budget.count(now)
            requests[int(now)] += 1
            has_room = (
                sum(repeats[second] for second in window) < 0.2 * sum(requests[second] for second in window) + 100
            )
            allowed = budget.spend(now)
            assert allowed is has_room
            repeats[int(now)] += allowed
