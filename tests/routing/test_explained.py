"""Plans as they are told: a reason for every node, in a table."""

from __future__ import annotations

import pytest

from routerd.errors import RouterError
from routerd.routing.explained import explain
from routerd.routing.lookup import RULES, find, rule_of
from routerd.snapshot import Provider, Route
from routerd.state.counters import Counters
from tests.routing.samples import provider, route, take
from tests.state.test_standing import config

OFF = provider("off", is_active=False)
BARE = provider("bare")


def counters(*cooling: str, overridden: str = "", now: float = 0.0) -> Counters:
    """Counters in which these targets cool down for a minute from `now`."""
    made = Counters()
    for name in cooling:
        target = route(name).nodes[0].targets[0]
        made.begin(target, now)
        error = RouterError("upstream_rate_limited", "slow down", upstream_status=429, retry_after=60.0)
        made.settle(target, error, now, now)
    if overridden:
        made.override(overridden, False)
    return made


CASES: list[tuple[str, Route, str | None, Counters, list[tuple[str, int | None, str]]]] = [
    (
        "round-robin", route("a/m b/m c/m", strategy="round-robin"), None, counters(),
        [("chosen", 1, "next in rotation"), ("next", 2, "fallback"), ("fallback", 3, "fallback")],
    ),
    (
        "whatever is wrong with a node",
        route("a/m off/m b/m bare/ c/m d/m", providers=[OFF, BARE]),
        None,
        counters("a/m", overridden="b"),
        [
            ("skipped", None, "cooling down after upstream_rate_limited"),
            ("skipped", None, "its provider is not active"),
            ("skipped", None, "overridden as unhealthy"),
            ("skipped", None, "its provider lists no models"),
            ("chosen", 1, "first in file order"),
            ("next", 2, "fallback"),
        ],
    ),
    (
        "tiers", route("a/m@5 b/m@0 c/m@5", mode="multi"), None, counters(),
        [
            ("next", 2, "fallback: the next tier"),
            ("chosen", 1, "first in file order"),
            ("fallback", 3, "fallback: the next tier"),
        ],
    ),
    (
        "a hint", route("a/x b/x,y c/y"), "y", counters(),
        [
            ("skipped", None, "it does not offer the model"),
            ("chosen", 1, "the hint is its exact name"),
            ("next", 2, "fallback"),
        ],
    ),
    (
        "one model of several", route("a/gpt-4 b/gpt-5 c/gpt-4", mode="specific"), "gpt", counters(),
        [
            ("chosen", 1, "its name begins with the hint"),
            ("skipped", None, "another model was chosen, and only that one is tried"),
            ("next", 2, "fallback"),
        ],
    ),
    (
        "one of a node's models is out", route("a/x,y b/x"), None, counters("a/x"),
        [("chosen", 1, "first in file order"), ("next", 2, "fallback")],
    ),
    (
        "a last resort", route("a/m b/m"), None, counters("a/m", "b/m"),
        [
            ("chosen", 1, "nothing else is left, and its cooldown ends first"),
            ("skipped", None, "cooling down after upstream_rate_limited"),
        ],
    ),
    ("no nodes", route(""), None, counters(), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "hint", "live", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_every_node_has_a_reason(
    asked: Route, hint: str | None, live: Counters, told: list[tuple[str, int | None, str]]
) -> None:
    explained, nodes = explain(asked, hint, live, 10.0)
    assert [(node.standing, node.order, node.reason) for node in nodes] == told
    assert [node.position for node in nodes] == list(range(1, len(asked.nodes) + 1))
    first = [node.provider for node in nodes if node.standing == "chosen"]
    assert first == [step.provider for step in explained.steps[:1]]


def test_telling_takes_no_turn() -> None:
    live, asked = Counters(), route("a/m b/x,y", strategy="round-robin")
    for _ in range(3):
        told, _ = explain(asked, None, live, 0.0)
        assert (told.steps[0].target, told.next_turn) == ("a/m", 2)
    assert (live.cursors, live.turns) == ({}, {})
    take(live, asked)
    told, nodes = explain(asked, None, live, 0.0)
    assert (told.steps[0].target, told.next_turn) == ("b/x", 1)
    assert [node.standing for node in nodes] == ["next", "chosen"]


def test_nothing_left_is_told_and_not_raised() -> None:
    told, nodes = explain(route("off/m", providers=[OFF]), None, Counters(), 0.0)
    assert told.problem is not None
    assert (told.problem.kind, told.problem.status) == ("no_target", 503)
    assert [node.standing for node in nodes] == ["skipped"]
    with pytest.raises(RouterError, match="has no model `z`"):
        explain(route("a/m"), "z", Counters(), 0.0)


def test_how_long_a_cooldown_lasts() -> None:
    told, _ = explain(route("a/m b/m"), None, counters("a/m"), 10.0)
    assert [(skip.target, skip.kind, skip.cooldown_seconds) for skip in told.skipped] == [("a/m", "cooling", 50.0)]


@pytest.mark.parametrize(
    ("affinity", "key", "note"),
    [
        ("none", None, None),
        ("prompt", None, "a conversation stays with one of these: its opening messages decide which comes first"),
        ("client", None, "a client stays with one of these: its name decides which comes first"),
        ("client", b"me", None),
        (
            "header:x-user",
            None,
            "what has the same x-user header stays with one of these: it decides which comes first",
        ),
    ],
)
def test_affinity_is_told(affinity: str, key: bytes | None, note: str | None) -> None:
    told, _ = explain(route("a/m b/m", affinity=affinity), None, Counters(), 0.0, key)
    assert told.note == note
    assert (told.steps[0].reason == "affinity") == (key is not None)


NAMED = config(
    route("a/m b/n", name="chat"),
    providers=(provider("a", "m"), provider("c", "far/away z")),
)


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ("chat", ("route", "it is the name of a route")),
        ("chat/n", ("hint", "it is ROUTE/HINT")),
        ("c/far/away", ("provider", "it is PROVIDER/MODEL")),
        ("far/away", ("model", "active providers list this model")),
        ("nothing", None),
    ],
)
def test_rules_are_told(model: str, rule: tuple[str, str] | None) -> None:
    assert rule_of(model, NAMED) == rule
    assert (find(model, NAMED) is None) == (rule is None)


def test_the_pattern_is_told() -> None:
    from dataclasses import replace

    chat = NAMED.routes["chat"]
    names = replace(NAMED, matches=(("gpt-*", chat), ("gpt-5*", chat)))
    assert rule_of("gpt-5.2", names) == ("match", "it fits the route's pattern `gpt-5*`")
    assert list(RULES) == ["route", "match", "hint", "provider", "model"]


def test_a_provider_is_named_where_the_whole_node_is_out() -> None:
    unset: Provider = provider("unset", trouble="`KEY` is not set")
    told, nodes = explain(route("unset/m a/m", providers=[unset]), None, Counters(), 0.0)
    assert [(skip.target, skip.model, skip.kind) for skip in told.skipped] == [("unset", None, "unusable")]
    assert nodes[0].reason == "`KEY` is not set"
