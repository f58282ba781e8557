"""The health table, row by row, and what an outcome does to what is remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routerd.errors import KINDS, RouterError
from routerd.routing.health import Effect, Health, Outcome, Rule, fold, rule_for
from routerd.snapshot import HealthPolicy

POLICY = HealthPolicy(failure_threshold=3, cooldown=30.0)
COUNT, COOL, COOL_LONG, WELL = Effect.COUNT, Effect.COOL, Effect.COOL_LONG, Effect.WELL

TABLE = [
    ("upstream_rate_limited", 429, Rule("target", COOL)),
    ("upstream_overloaded", 529, Rule("target", COOL)),
    ("upstream_overloaded", 500, Rule("target", COUNT)),
    ("upstream_overloaded", 503, Rule("target", COUNT)),
    ("upstream_overloaded", None, Rule("target", COUNT)),
    ("upstream_timeout", None, Rule("target", COUNT)),
    ("upstream_timeout", 504, Rule("target", COUNT)),
    ("upstream_garbled", 200, Rule("target", COUNT)),
    ("upstream_exhausted", 402, Rule("provider", COOL_LONG)),
    ("upstream_exhausted", 429, Rule("provider", COOL_LONG)),
    ("upstream_exhausted", None, Rule("provider", COOL_LONG)),
    ("upstream_exhausted", 404, Rule("target", COOL_LONG)),
    ("upstream_credentials", 401, Rule("provider", COOL_LONG)),
    ("upstream_credentials", 403, Rule("provider", COOL_LONG)),
    ("upstream_unreachable", None, Rule("origin", COUNT)),
    ("upstream_rejected", 400, None),
    ("upstream_rejected", 408, None),
    ("context_length", 400, None),
    ("internal", None, None),
    ("rate_limited", None, None),
]


@pytest.mark.parametrize(("kind", "status", "rule"), TABLE)
def test_whose_fault_and_what_follows(kind: str, status: int | None, rule: Rule | None) -> None:
    assert rule_for(RouterError(kind, "", upstream_status=status)) == rule


def test_the_table_covers_every_error_of_an_upstream() -> None:
    assert {kind for kind in KINDS if kind.startswith("upstream_")} <= {kind for kind, _, _ in TABLE}


def count(began: float) -> Outcome:
    return Outcome(COUNT, began, "upstream_timeout")


def cool(began: float, retry_after: float | None = None) -> Outcome:
    return Outcome(COOL, began, "upstream_rate_limited", retry_after)


def fold_all(outcomes: list[Outcome], took: float = 0.5, health: Health | None = None) -> Health | None:
    """What is remembered after these, each of which took so many seconds."""
    for outcome in outcomes:
        health = fold(health, outcome, POLICY, outcome.began + took)
    return health


@pytest.mark.parametrize(
    ("outcomes", "failures", "since", "until"),
    [
        # counting
        ([count(0)], 1, 0.5, None),
        ([count(0), count(1)], 2, 1.5, None),
        ([count(0), count(1), count(2)], 3, 2.5, 32.5),
        ([count(0), count(1), Outcome(WELL, 2), count(3)], 1, 3.5, None),
        # at once: Retry-After, else the cooldown
        ([cool(0)], 1, 0.5, 30.5),
        ([cool(0, 7)], 1, 0.5, 7.5),
        ([cool(0, 0)], 1, 0.5, 0.5),
        ([cool(0, -3)], 1, 0.5, 0.5),
        ([cool(0, 1e9)], 1, 0.5, 3600.5),
        ([count(0), cool(1)], 2, 1.5, 31.5),
        ([Outcome(COOL_LONG, 0)], 1, 0.5, 600.5),
        ([Outcome(COOL_LONG, 0, retry_after=5)], 1, 0.5, 600.5),
        # doubling, when the probe fails after the cooldown has ended
        ([cool(0), cool(40)], 2, 40.5, 100.5),
        ([cool(0), cool(40), cool(200)], 3, 200.5, 320.5),
        ([cool(0), count(40)], 2, 40.5, 100.5),
        ([cool(0), cool(40, 7)], 2, 40.5, 47.5),
        ([cool(0, 0.1), cool(1, 0.1)], 2, 1.5, 2.5),
        ([cool(at * 1000, 0.0) for at in range(5)], 5, 4000.5, 4008.5),
        ([cool(at * 1000, 0.0) for at in range(9)], 9, 8000.5, 8030.5),
        ([cool(at * 1000, 1.0) for at in range(9)], 9, 8000.5, 8001.5),
        ([cool(at * 1000) for at in range(9)], 9, 8000.5, 8600.5),
        # what was sent before the cooldown's end doubles nothing
        ([cool(0), cool(0.1), cool(0.2), count(20)], 1, 0.5, 30.5),
        ([cool(0), cool(10, 5)], 1, 0.5, 30.5),
        ([cool(0), cool(10, 60)], 1, 0.5, 70.5),
        ([cool(0), Outcome(COOL_LONG, 10)], 1, 0.5, 610.5),
    ],
)
def test_fold(outcomes: list[Outcome], failures: int, since: float, until: float | None) -> None:
    health = fold_all(outcomes)
    assert health is not None
    assert (health.failures, health.since, health.until) == (failures, since, until)


@pytest.mark.parametrize(
    ("outcomes", "took"),
    [
        ([], 0.5),
        ([Outcome(WELL, 0)], 0.5),
        ([count(0), Outcome(WELL, 1)], 0.5),
        ([cool(0), Outcome(WELL, 31)], 0.5),  # the probe
        ([cool(0), Outcome(WELL, 10)], 0.5),  # a last resort
    ],
)
def test_well_again(outcomes: list[Outcome], took: float) -> None:
    assert fold_all(outcomes, took) is None


def test_the_success_of_an_older_request_ends_no_cooldown() -> None:
    health = fold_all([cool(10)])
    assert fold(health, Outcome(WELL, 3), POLICY, 20.0) == health


@pytest.mark.parametrize(
    ("policy", "cooldowns", "length"),
    [
        (POLICY, 0, 30.0),
        (POLICY, 4, 480.0),
        (POLICY, 5, 600.0),
        (POLICY, 5000, 600.0),
        (replace(POLICY, cooldown=0.0), 9, 0.0),
        (replace(POLICY, cooldown=900.0), 3, 900.0),
    ],
)
def test_doubling_ends_at_ten_minutes(policy: HealthPolicy, cooldowns: int, length: float) -> None:
    health = fold(Health(9, "", cooldowns, 0.0, 1.0), cool(2.0), policy, 3.0)
    assert health is not None and health.until == 3.0 + length


@pytest.mark.parametrize(
    ("until", "cooling", "half_open"), [(None, False, False), (5.0, False, True), (5.1, True, False)]
)
def test_stages(until: float | None, cooling: bool, half_open: bool) -> None:
    health = Health(1, "", until=until)
    assert (health.is_cooling(5.0), health.is_half_open(5.0)) == (cooling, half_open)


@given(
    some.lists(some.tuples(some.sampled_from([COUNT, COOL, COOL_LONG, WELL]), some.floats(0, 50), some.floats(0, 9)))
)
def test_no_history_cools_for_longer_than_ten_minutes_or_shorter_than_before(history: list[Any]) -> None:
    health: Health | None = None
    now = 0.0
    for effect, gap, took in history:
        now += gap
        before = health
        health = fold(health, Outcome(effect, now - took), POLICY, now)
        if health is None or health.until is None:
            continue
        assert health.until <= now + 600.0
        if before is not None and before.until is not None:
            assert health.until >= before.until
