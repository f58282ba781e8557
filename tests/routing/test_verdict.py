"""What a failed attempt means, and how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routerd.errors import KINDS, RouterError
from routerd.routing.verdict import Verdict, judge, wait
from routerd.snapshot import Route

DEFAULT = Route("smart", "auto", "failover", ()).retry_on

TABLE = [
    ("upstream_rate_limited", 429, "429", Verdict.RETRY),
    ("upstream_overloaded", 503, "5xx", Verdict.RETRY),
    ("upstream_overloaded", 529, "5xx", Verdict.RETRY),
    ("upstream_timeout", None, "timeout", Verdict.RETRY),
    ("upstream_unreachable", None, "unreachable", Verdict.RETRY),
    ("upstream_garbled", 200, "garbled", Verdict.RETRY),
    ("upstream_rejected", 408, "408", Verdict.RETRY),
    ("upstream_exhausted", 402, "exhausted", Verdict.NEXT),
    ("upstream_exhausted", 404, "exhausted", Verdict.NEXT),
    ("upstream_credentials", 401, "auth", Verdict.NEXT),
]


@pytest.mark.parametrize(("kind", "status", "word", "verdict"), TABLE)
def test_a_word_of_retry_on_allows_it_and_without_the_word_it_stops(
    kind: str, status: int | None, word: str, verdict: Verdict
) -> None:
    error = RouterError(kind, "", upstream_status=status)
    everything = DEFAULT | {"auth"}
    assert judge(error, everything) is verdict
    assert judge(error, everything - {word}) is Verdict.STOP
    assert judge(error, DEFAULT) is (Verdict.STOP if word == "auth" else verdict)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {kind for kind, *_ in TABLE} | {"upstream_rejected"}))
def test_nothing_else_is_tried_again(kind: str) -> None:
    assert judge(RouterError(kind, "", upstream_status=422), DEFAULT | {"auth"}) is Verdict.STOP


def test_no_error_is_the_answer() -> None:
    assert judge(None, DEFAULT) is Verdict.TAKE


@pytest.mark.parametrize(
    ("rounds", "ready_in", "waited", "dice", "pause"),
    [
        (0, 0.0, 0.0, 1.0, 0.25),
        (0, 0.0, 0.0, 0.0, 0.125),
        (1, 0.0, 0.0, 1.0, 0.5),
        (3, 0.0, 0.0, 1.0, 2.0),
        (0, -7.0, 0.0, 1.0, 0.25),
        (0, 2.0, 0.0, 1.0, 2.0),
        (0, 5.0, 0.0, 1.0, 5.0),
        (0, 5.1, 0.0, 1.0, None),
        (0, 3.0, 2.0, 1.0, 3.0),
        (0, 3.0, 2.1, 1.0, None),
        (5, 0.0, 0.0, 1.0, None),
        (0, 0.0, 4.9, 1.0, None),
    ],
)
def test_wait(rounds: int, ready_in: float, waited: float, dice: float, pause: float | None) -> None:
    assert wait(rounds, ready_in, waited, lambda: dice) == pause


@given(some.lists(some.floats(-10, 10)), some.floats(0, 1))
def test_one_request_never_waits_longer_than_five_seconds_in_all(ready: list[float], dice: float) -> None:
    waited = 0.0
    for rounds, ready_in in enumerate(ready):
        pause = wait(rounds, ready_in, waited, lambda: dice)
        if pause is not None:
            assert pause >= ready_in
            waited += pause
    assert waited <= 5.0
