"""The attempts of one request, as transcripts: what each attempt met, and what the walk did next."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.errors import RouterError
from routerd.routing.modes import Step, plan
from routerd.routing.walk import TIMER_SLACK, Walk
from routerd.snapshot import Route
from routerd.state.counters import Counters
from tests.routing.samples import route

WORDS = {
    "429": ("upstream_rate_limited", 429),
    "500": ("upstream_overloaded", 500),
    "503": ("upstream_overloaded", 503),
    "529": ("upstream_overloaded", 529),
    "401": ("upstream_credentials", 401),
    "402": ("upstream_exhausted", 402),
    "404": ("upstream_exhausted", 404),
    "400": ("upstream_rejected", 400),
    "refused": ("upstream_unreachable", None),
    "timeout": ("upstream_timeout", None),
}


UNFIT = RouterError("invalid_request", "unfit")


def failure(word: str) -> RouterError:
    """`429` or, with Retry-After, `429:7`."""
    name, _, retry_after = word.partition(":")
    kind, status = WORDS[name]
    return RouterError(kind, name, upstream_status=status, retry_after=float(retry_after) if retry_after else None)


def attempt(walk: Walk, counters: Counters, step: Step, word: str, now: float) -> float:
    """Send a step, let it end as `word` says, and return the pause."""
    error = failure(word)
    counters.begin(step.target, now)
    counters.settle(step.target, error, now, now)
    return walk.failed(step, error, now)


def transcript(
    asked: Route,
    script: dict[str, str],
    counters: Counters | None = None,
    start: float = 0.0,
    hint: str | None = None,
) -> str:
    """Walk until a target answers `ok` or nothing is left: targets tried, `~` and seconds for each pause.

    A target that meets `unfit` can't be told what was asked.
    """
    counters = counters or Counters()
    walk = Walk(plan(asked, hint, counters, start), counters, lambda: 1.0)
    met = {name: iter(words.split()) for name, words in script.items()}
    now, told = start, []
    while (step := walk.next(now)) is not None:
        told.append(step.target.name)
        word = next(met[step.target.provider.name])
        if word == "ok":
            return " ".join([*told, "ok"])
        if word == "unfit":
            walk.passed_over(UNFIT)
            continue
        pause = attempt(walk, counters, step, word, now)
        now += pause
        told += [f"~{pause - TIMER_SLACK:g}"] if pause else []
    return " ".join([*told, walk.error.message])


@pytest.mark.parametrize(
    ("nodes", "changes", "script", "told"),
    [
        # each next attempt takes the next target
        ("a/m b/m c/m", {}, {"a": "500", "b": "timeout", "c": "ok"}, "a/m b/m c/m ok"),
        ("a/m b/m", {}, {"a": "402", "b": "ok"}, "a/m b/m ok"),
        ("a/m b/m", {}, {"a": "404", "b": "ok"}, "a/m b/m ok"),
        # what is the request's fault, or is not in retry_on, stops at once
        ("a/m b/m", {}, {"a": "400"}, "a/m 400"),
        ("a/m b/m", {}, {"a": "401"}, "a/m 401"),
        ("a/m b/m", {"retry_on": frozenset({"auth"})}, {"a": "401", "b": "ok"}, "a/m b/m ok"),
        ("a/m b/m", {"retry_on": frozenset({"429"})}, {"a": "500"}, "a/m 500"),
        # max_attempts counts requests really sent; a refused connection sends none
        ("a/m b/m c/m d/m", {}, {"a": "500", "b": "500", "c": "503"}, "a/m b/m c/m 503"),
        ("a/m b/m c/m", {"max_attempts": 1}, {"a": "500"}, "a/m 500"),
        ("a/m b/m c/m d/m e/m", {}, dict.fromkeys("abcd", "refused") | {"e": "ok"}, "a/m b/m c/m d/m e/m ok"),
        # used up: over again after a backoff, with those whose failure may pass
        ("a/m", {}, {"a": "500 500 ok"}, "a/m ~0.25 a/m ~0.5 a/m ok"),
        ("a/m b/m", {}, {"a": "500 ok", "b": "500"}, "a/m b/m ~0.25 a/m ok"),
        ("a/m b/m", {"max_attempts": 4}, {"a": "404", "b": "500 500 ok"}, "a/m b/m ~0.25 b/m ~0.5 b/m ok"),
        ("a/m", {}, {"a": "402"}, "a/m 402"),
        # at the threshold it cools down, and that ends the walk
        ("a/m", {"max_attempts": 9}, {"a": "500 500 500"}, "a/m ~0.25 a/m ~0.5 a/m 500"),
        ("a/m", {"max_attempts": 9}, {"a": "refused refused refused"}, "a/m ~0.25 a/m ~0.5 a/m refused"),
        # Retry-After is waited for, at most five seconds in all
        ("a/m", {}, {"a": "429:2 ok"}, "a/m ~2 a/m ok"),
        ("a/m", {}, {"a": "429:2 429:3 ok"}, "a/m ~2 a/m ~3 a/m ok"),
        ("a/m", {}, {"a": "429:2 429:4"}, "a/m ~2 a/m 429"),
        ("a/m", {}, {"a": "429:6"}, "a/m 429"),
        ("a/m", {}, {"a": "503:2 ok"}, "a/m ~2 a/m ok"),
        ("a/m", {}, {"a": "503:6"}, "a/m 503"),
        ("a/m", {}, {"a": "429:0 ok"}, "a/m ~0.25 a/m ok"),
        # without one a 429 cools down for longer than anybody waits
        ("a/m", {}, {"a": "429"}, "a/m 429"),
        ("a/m b/m", {}, {"a": "529", "b": "429"}, "a/m b/m 429"),
        # only those that are ready when the pause ends, in the plan's order
        ("a/m b/m", {}, {"a": "429:3", "b": "429:1 ok"}, "a/m b/m ~1 b/m ok"),
        ("a/m b/m", {"max_attempts": 9}, {"a": "429:3 ok", "b": "429:1 429:9"}, "a/m b/m ~1 b/m ~1.995 a/m ok"),
        ("a/m b/m", {"max_attempts": 4}, {"a": "500 500", "b": "500 ok"}, "a/m b/m ~0.25 a/m b/m ok"),
        # another model of a provider that turns out exhausted is passed over
        ("a/x,y b/m", {}, {"a": "402", "b": "ok"}, "a/x b/m ok"),
        ("a/x,y", {}, {"a": "402"}, "a/x 402"),
        ("a/x,y", {}, {"a": "404 ok"}, "a/x a/y ok"),
    ],
)  # fmt: skip
def test_transcript(nodes: str, changes: dict[str, Any], script: dict[str, str], told: str) -> None:
    assert transcript(route(nodes, **changes), script) == told


@pytest.mark.parametrize(
    ("nodes", "changes", "cooling", "script", "told"),
    [
        ("a/m b/m", {}, {}, {"a": "unfit", "b": "ok"}, "a/m b/m ok"),
        ("a/m b/m", {}, {}, {"a": "unfit", "b": "unfit"}, "a/m b/m unfit"),
        # nothing else is left than those that cool down: the one that is ready first
        ("a/m b/m", {}, {"b": 9}, {"a": "unfit", "b": "ok"}, "a/m b/m ok"),
        ("a/m b/m c/m", {}, {"b": 9, "c": 7}, {"a": "unfit", "c": "ok"}, "a/m c/m ok"),
        ("a/m b/m c/m", {}, {"b": 9, "c": 7}, {"a": "unfit", "c": "unfit", "b": "ok"}, "a/m c/m b/m ok"),
        ("a/m b/m c/m", {}, {"b": 9, "c": 7}, {"a": "unfit", "c": "unfit", "b": "unfit"}, "a/m c/m b/m unfit"),
        ("a/m b/m", {}, {"a": 7, "b": 9}, {"a": "unfit", "b": "ok"}, "a/m b/m ok"),
        # once
        ("a/m b/m", {}, {"b": 9}, {"a": "unfit", "b": "500"}, "a/m b/m 500"),
        ("a/m b/m c/m", {}, {"b": 9, "c": 7}, {"a": "unfit", "c": "500"}, "a/m c/m 500"),
        # somebody could be asked: that is what counts
        ("a/m b/m c/m", {}, {"b": 9}, {"a": "unfit", "c": "402"}, "a/m c/m 402"),
        ("a/m b/m c/m", {}, {"b": 9}, {"a": "500", "c": "unfit"}, "a/m c/m 500"),
        # a specific route keeps to its model
        ("a/xy b/xy c/xz", {"mode": "specific"}, {"b": 9, "c": 7}, {"a": "unfit", "b": "ok"}, "a/xy b/xy ok"),
    ],
)
def test_targets_that_can_not_be_told(
    nodes: str, changes: dict[str, Any], cooling: dict[str, int], script: dict[str, str], told: str
) -> None:
    counters, asked = Counters(), route(nodes, **changes)
    for name, seconds in cooling.items():
        target = next(node.targets[0] for node in asked.nodes if node.provider.name == name)
        counters.begin(target, 0.0)
        counters.settle(target, failure(f"429:{seconds}"), 0.0, 0.0)
    assert transcript(asked, script, counters, hint="x" if changes else None) == told


def test_attempts_counts_the_steps_given_out() -> None:
    counters = Counters()
    walk = Walk(plan(route("a/m b/m"), None, counters, 0.0), counters, lambda: 1.0)
    assert walk.attempts == 0
    for expected in (1, 2):
        step = walk.next(0.0)
        assert step is not None and walk.attempts == expected
        attempt(walk, counters, step, "refused", 0.0)


def test_a_last_resort_is_tried_once() -> None:
    counters = Counters()
    asked = route("a/m")
    assert transcript(asked, {"a": "500 500 500"}, counters) == "a/m ~0.25 a/m ~0.5 a/m 500"
    assert transcript(asked, {"a": "500"}, counters, start=5.0) == "a/m 500"
    assert transcript(asked, {"a": "429:1"}, counters, start=6.0) == "a/m 429"
    assert transcript(asked, {"a": "ok"}, counters, start=7.0) == "a/m ok"


def test_a_step_that_began_to_cool_meanwhile_is_passed_over() -> None:
    counters = Counters()
    asked = route("a/m b/m c/m")
    walk = Walk(plan(asked, None, counters, 0.0), counters, lambda: 1.0)
    first = walk.next(0.0)
    assert first is not None
    beside = asked.nodes[1].targets[0]
    counters.begin(beside, 0.0)
    counters.settle(beside, failure("429"), 0.0, 0.5)
    assert attempt(walk, counters, first, "500", 1.0) == 0.0
    step = walk.next(1.0)
    assert step is not None and step.target.name == "c/m"


def test_a_step_that_fills_up_between_failed_and_next_is_passed_over() -> None:
    counters = Counters()
    walk = Walk(plan(route("a/m b/m c/m"), None, counters, 0.0), counters, lambda: 1.0)
    first = walk.next(0.0)
    assert first is not None
    attempt(walk, counters, first, "500", 1.0)
    counters.overrides["b"] = False
    step = walk.next(1.0)
    assert step is not None and step.target.name == "c/m"


def test_an_overridden_target_is_not_waited_for() -> None:
    counters = Counters()
    walk = Walk(plan(route("a/m"), None, counters, 0.0), counters, lambda: 1.0)
    step = walk.next(0.0)
    assert step is not None
    counters.overrides["a"] = False
    assert attempt(walk, counters, step, "500", 0.0) == 0.0
    assert walk.next(0.0) is None


def test_of_those_that_wait_for_one_cooldown_only_one_goes_on() -> None:
    counters = Counters()
    asked = route("a/m")
    walks = [Walk(plan(asked, None, counters, 0.0), counters, lambda: 1.0) for _ in range(10)]
    steps = [walk.next(0.0) for walk in walks]
    pauses = [attempt(walk, counters, step, "429:1", 0.0) for walk, step in zip(walks, steps, strict=True) if step]
    assert pauses == [1.005] * 10
    gone = []
    for walk in walks:
        if (step := walk.next(1.005)) is not None:
            counters.begin(step.target, 1.005)
            gone.append(walk)
    assert gone == walks[:1]


def test_a_spent_budget_leads_to_the_next_target_and_never_the_same_again() -> None:
    counters = Counters()
    asked = route("a/m b/m")
    walk = Walk(plan(asked, None, counters, 0.0), counters, lambda: 1.0)
    for _ in range(2):
        step = walk.next(0.0)
        assert step is not None
        pause = attempt(walk, counters, step, "500", 0.0)
    while counters.may_repeat("a", pause):
        pass
    step = walk.next(pause)
    assert step is not None and step.target.name == "b/m"
    attempt(walk, counters, step, "400", pause)
    assert walk.next(pause) is None


@pytest.mark.parametrize(
    ("words", "message", "retry_after"),
    [
        ("429:9 429:7", "429", 7.0),
        ("429:7 429:9", "429", 7.0),
        ("429:7 500", "500", 7.0),
        ("429:0 429:9", "429", 0.0),
        ("429 500", "500", None),
        ("429:7 400", "400", None),
        ("429:7 401", "401", None),
    ],
)
def test_the_last_error_is_told_with_the_smallest_retry_after(
    words: str, message: str, retry_after: float | None
) -> None:
    counters = Counters()
    walk = Walk(plan(route("a/m b/m", max_attempts=2), None, counters, 0.0), counters, lambda: 1.0)
    for word in words.split():
        step = walk.next(0.0)
        assert step is not None
        attempt(walk, counters, step, word, 0.0)
    assert (walk.error.message, walk.error.retry_after) == (message, retry_after)
    assert walk.next(0.0) is None
