"""Plans: which targets, in which order, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routerd.errors import RouterError
from routerd.routing.modes import Block, plan
from routerd.snapshot import Route, Target
from tests.routing.samples import order, provider, route

COOLING = Block("cooling down after upstream_overloaded", 30.0, "cooling")
FULL = Block("full", None, "full")
OVERRIDDEN = Block("overridden as unhealthy", None, "overridden")
PROBING = Block("a half-open probe is under way", 5.0, "probing")


class View:
    """A live state of which everything is said beforehand: what is blocked, and whose turn it is."""

    def __init__(self, blocks: dict[str, Block] | None = None, cursor: str | None = None, turn: int = 0) -> None:
        self.blocks = blocks or {}
        self.next_node = cursor
        self.next_model = turn

    def cursor(self, route: str, tier: int) -> str | None:
        return self.next_node

    def model_turn(self, route: str, position: int) -> int:
        return self.next_model

    def blocked(self, target: Target, now: float) -> Block | None:
        return self.blocks.get(target.name)


RR = {"strategy": "round-robin"}
MULTI = {"mode": "multi"}
SPECIFIC = {"mode": "specific"}


@pytest.mark.parametrize(
    ("nodes", "changes", "view", "hint", "expected"),
    [
        # auto
        ("a/m b/m c/m", {}, View(), None, "a/m b/m c/m"),
        ("a/m b/m c/m", {}, View(cursor="b/m"), None, "a/m b/m c/m"),
        ("a/m b/m c/m", RR, View(), None, "a/m b/m c/m"),
        ("a/m b/m c/m", RR, View(cursor="c/m"), None, "c/m a/m b/m"),
        ("a/m b/m c/m", RR, View(cursor="gone/m"), None, "a/m b/m c/m"),
        ("a/m@2 b/m@1", {}, View(), None, "a/m b/m"),
        ("a/m b/m c/m", {}, View({"a/m": COOLING}), None, "b/m c/m"),
        ("a/m b/m c/m", RR, View({"b/m": FULL}, "b/m"), None, "c/m a/m"),
        # a node with several models: in order, or in turn; one of each node first
        ("a/x,y b/m", {}, View(turn=1), None, "a/x b/m a/y"),
        ("a/x,y b/m", RR, View(turn=1), None, "a/y b/m a/x"),
        ("a/x,y b/m", RR | {"node_strategy": "failover"}, View(turn=1), None, "a/x b/m a/y"),
        ("a/x,y b/m", {}, View({"a/x": COOLING}), None, "a/y b/m"),
        ("a/x,y", {}, View(), None, "a/x a/y"),
        ("a/x,y", RR, View(turn=7), None, "a/y a/x"),
        # a hint keeps to the nodes that have it
        ("a/x,y b/y c/z", {}, View(), "y", "a/y b/y"),
        ("a/x,y b/y c/z", RR, View(cursor="b/y"), "y", "b/y a/y"),
        ("a/x,y b/y c/z", {}, View(), "b/y", "b/y"),
        ("a/org/m b/m", {}, View(), "org/m", "a/org/m"),
        # multi
        ("a/m@1 b/m@0 c/m@1", MULTI, View(), None, "b/m a/m c/m"),
        ("a/m@1 b/m@0 c/m@1", MULTI | RR, View(cursor="c/m"), None, "b/m c/m a/m"),
        ("a/m@0 b/m@0 c/m@-1", MULTI, View({"c/m": COOLING}), None, "a/m b/m"),
        ("a/x,y@0 b/m@1", MULTI, View(), None, "a/x a/y b/m"),
        ("a/x,y@0 b/y@1", MULTI, View(), "y", "a/y b/y"),
        # specific, without a hint: the first node's first model, and who else has that very model
        ("a/x,y b/x c/y", SPECIFIC, View(), None, "a/x b/x"),
        ("a/x,y b/x c/y", SPECIFIC | RR, View(cursor="c/y", turn=1), None, "a/x b/x"),
        ("a/x b/y", SPECIFIC, View({"a/x": OVERRIDDEN}), None, "b/y"),
        ("a/x b/y", SPECIFIC, View({"a/x": COOLING}), None, "a/x"),
        # specific: exact, other case, prefix, substring; only nodes that offer that very model
        ("a/gpt-5-mini b/gpt-5", SPECIFIC, View(), "gpt-5", "b/gpt-5"),
        ("a/gpt-5-mini b/GPT-5", SPECIFIC, View(), "gpt-5", "b/GPT-5"),
        ("a/x-gpt-5 b/gpt-5-mini", SPECIFIC, View(), "gpt-5", "b/gpt-5-mini"),
        ("a/x b/my-gpt-5", SPECIFIC, View(), "gpt-5", "b/my-gpt-5"),
        ("a/gpt-5 b/gpt-5 c/gpt-5-mini", SPECIFIC | RR, View(cursor="b/gpt-5"), "gpt-5", "b/gpt-5 a/gpt-5"),
        ("a/gpt-4 b/gpt-5 c/gpt-4", SPECIFIC, View(), "gpt", "a/gpt-4 c/gpt-4"),
        ("a/gpt-4 b/gpt-5 c/gpt-4", SPECIFIC | RR, View(cursor="b/gpt-5"), "gpt", "b/gpt-5"),
        ("a/gpt-4 b/gpt-5 c/gpt-4", SPECIFIC, View({"a/gpt-4": COOLING}), "gpt", "b/gpt-5"),
        ("a/m b/m", SPECIFIC, View(), "b/m", "b/m"),
        ("a/gpt-4,gpt-5 b/z", SPECIFIC | RR, View(turn=1), "gpt", "a/gpt-5"),
    ],
)  # fmt: skip
def test_order(nodes: str, changes: dict[str, Any], view: View, hint: str | None, expected: str) -> None:
    assert order(plan(route(nodes, **changes), hint, view, 0.0)) == expected


@pytest.mark.parametrize(
    ("nodes", "changes", "hint", "reasons"),
    [
        ("a/m b/m", {}, None, ["first in file order", "fallback"]),
        ("a/m b/m", RR, None, ["next in rotation", "fallback"]),
        ("a/x,y b/m", {}, None, ["first in file order", "fallback", "another model of its node"]),
        ("a/m@0 b/m@1", MULTI, None, ["first in file order", "fallback: the next tier"]),
        ("a/m b/m", {}, "m", ["the hint is its exact name", "fallback"]),
        ("a/m b/m", SPECIFIC, None, ["the first node's first model", "fallback"]),
        ("a/M", SPECIFIC, "m", ["the hint is its name in other case"]),
        ("a/mini", SPECIFIC, "m", ["its name begins with the hint"]),
        ("a/gemini", SPECIFIC, "mini", ["its name contains the hint"]),
    ],
)
def test_reasons(nodes: str, changes: dict[str, Any], hint: str | None, reasons: list[str]) -> None:
    made = plan(route(nodes, **changes), hint, View(), 0.0)
    assert [step.reason for step in made.steps] == reasons


def test_whoever_is_left_out_is_named_with_the_reason() -> None:
    off = provider("off", is_active=False)
    keyless = provider("keyless", trouble="its api_key needs the environment variable X")
    asked = route("off/m keyless/m a/x,y b/ c/m", providers=[off, keyless])
    made = plan(asked, None, View({"a/x": COOLING, "c/m": FULL}), 0.0)
    assert order(made) == "a/y"
    assert [(skipped.node.name, skipped.kind, skipped.reason, skipped.until) for skipped in made.skipped] == [
        ("off/m", "unusable", "its provider is not active", None),
        ("keyless/m", "unusable", "its api_key needs the environment variable X", None),
        ("a/x,y", "cooling", "cooling down after upstream_overloaded", 30.0),
        ("b/", "unusable", "its provider lists no models", None),
        ("c/m", "full", "full", None),
    ]


def test_a_node_without_the_hinted_model_is_named() -> None:
    made = plan(route("a/m b/x"), "m", View(), 0.0)
    assert [(skipped.node.name, skipped.reason) for skipped in made.skipped] == [("b/x", "it does not offer the model")]


@pytest.mark.parametrize(
    ("nodes", "changes", "blocks", "expected"),
    [
        ("a/m", {}, {"a/m": COOLING}, "a/m"),
        ("a/m b/m", {}, {"a/m": COOLING, "b/m": Block("", 20.0, "cooling")}, "b/m"),
        ("a/m b/m", {}, {"a/m": COOLING, "b/m": PROBING}, "b/m"),
        ("a/m b/m", {}, {"a/m": COOLING, "b/m": FULL}, "a/m"),
        ("a/m b/m", {}, {"a/m": COOLING, "b/m": OVERRIDDEN}, "a/m"),
        ("a/m@0 b/m@1", MULTI, {"a/m": COOLING, "b/m": Block("", 29.0, "cooling")}, "b/m"),
        ("a/m b/m", SPECIFIC, {"a/m": COOLING, "b/m": Block("", 29.0, "cooling")}, "b/m"),
    ],
)
def test_last_resort(nodes: str, changes: dict[str, Any], blocks: dict[str, Block], expected: str) -> None:
    made = plan(route(nodes, **changes), None, View(blocks), 0.0)
    assert (order(made), made.last_resort, made.next_node) == (expected, True, None)
    assert made.steps[0].reason == "nothing else is left, and its cooldown ends first"
    assert expected not in [skipped.target.name for skipped in made.skipped if skipped.target]


OFF = provider("off", is_active=False)
KEYLESS = provider("keyless", trouble="no key")


@pytest.mark.parametrize(
    ("asked", "hint", "blocks", "kind", "told"),
    [
        (route(""), None, {}, "no_target", "No target of `smart` can be used. It has no nodes."),
        (
            route("off/m keyless/m b/m", providers=[OFF, KEYLESS]), None, {"b/m": OVERRIDDEN}, "no_target",
            "`off`: its provider is not active; `keyless`: no key; `b/m`: overridden as unhealthy.",
        ),
        (route("a/m off/x", providers=[OFF]), "x", {}, "no_target", "can be used. `off`: its provider is not active."),
        (route("a/m b/m"), None, {"a/m": FULL, "b/m": OVERRIDDEN}, "rate_limited", "Every target of `smart` is busy."),
        (route("a/x,y b/y"), "z", {}, "unknown_model", "Route `smart` has no model `z`. It has `x`, `y`."),
        (route("a/x", mode="specific"), "z", {}, "unknown_model", "Route `smart` has no model `z`. It has `x`."),
        (route("", mode="specific"), None, {}, "no_target", "It has no nodes."),
        (route(""), "x", {}, "unknown_model", "It has no models at all."),
        (route("a/" + ",".join(f"m{n}" for n in range(25))), "x", {}, "unknown_model", "`m19` and 5 more."),
        (route("a/x", mode="multi"), "X", {}, "unknown_model", "`X`"),
    ],
)  # fmt: skip
def test_no_plan(asked: Route, hint: str | None, blocks: dict[str, Block], kind: str, told: str) -> None:
    with pytest.raises(RouterError) as caught:
        plan(asked, hint, View(blocks), 0.0)
    assert caught.value.kind == kind
    assert told in caught.value.message
    assert caught.value.retry_after == (1 if kind == "rate_limited" else None)


@pytest.mark.parametrize(
    ("nodes", "changes", "view", "hint", "node", "model"),
    [
        ("a/m b/m", {}, View(), None, None, None),
        ("a/m b/m c/m", RR, View(), None, (("smart", 1), "b/m"), (("smart", 1), 0)),
        ("a/m b/m c/m", RR, View({"b/m": COOLING}, "b/m"), None, (("smart", 1), "a/m"), (("smart", 3), 0)),
        ("a/x,y b/m", RR, View(turn=1), None, (("smart", 1), "b/m"), (("smart", 1), 0)),
        ("a/x,y,z b/m", RR, View({"a/x": COOLING}), None, (("smart", 1), "b/m"), (("smart", 1), 2)),
        ("a/x,y b/m", {"node_strategy": "round-robin"}, View(), None, None, (("smart", 1), 1)),
        ("a/x,y b/y", RR, View(), "y", (("smart", 1), "b/y"), None),
        ("a/m@0 b/m@1 c/m@1", MULTI | RR, View({"a/m": COOLING}), None, (("smart", 2), "c/m"), (("smart", 2), 0)),
        ("a/gpt-4,gpt-5", SPECIFIC | RR, View(), "gpt", (("smart", 1), "a/gpt-4,gpt-5"), (("smart", 1), 1)),
        ("a/m b/m", SPECIFIC | RR, View(), None, None, None),
    ],
)
def test_what_turns(nodes: str, changes: Any, view: View, hint: str | None, node: Any, model: Any) -> None:
    made = plan(route(nodes, **changes), hint, view, 0.0)
    assert (made.next_node, made.next_model) == (node, model)


class TestAffinity:
    KEYS = tuple(str(number).encode() for number in range(400))

    def first(self, asked: Route, key: bytes, **blocks: Block) -> str:
        return (
            plan(asked, None, View({f"{name}/m": block for name, block in blocks.items()}), 0.0, key)
            .steps[0]
            .target.name
        )

    def test_a_key_keeps_its_target_whatever_the_rotation(self) -> None:
        asked = route("a/m b/m c/m", strategy="round-robin")
        for key in self.KEYS[:20]:
            firsts = {plan(asked, None, View(cursor=f"{name}/m"), 0.0, key).steps[0].target.name for name in "abc"}
            assert len(firsts) == 1

    def test_keys_spread(self) -> None:
        counts = Counter(self.first(route("a/m b/m c/m d/m"), key) for key in self.KEYS)
        assert min(counts.values()) > 60 and len(counts) == 4

    def test_only_the_keys_of_a_lost_target_move(self) -> None:
        asked = route("a/m b/m c/m")
        for key in self.KEYS:
            before, after = self.first(asked, key), self.first(asked, key, b=COOLING)
            assert after == before if before != "b/m" else after in ("a/m", "c/m")

    def test_the_rest_stays_in_the_strategys_order(self) -> None:
        asked = route("a/m b/m c/m", strategy="round-robin")
        made = next(
            made for key in self.KEYS if order(made := plan(asked, None, View(cursor="b/m"), 0.0, key))[0] == "c"
        )
        assert order(made) == "c/m b/m a/m"
        assert [step.reason for step in made.steps] == ["affinity", "fallback", "fallback"]
        assert made.next_node is None and made.next_model is None

    def test_it_never_picks_a_later_tier_or_a_model_that_is_there_for_failover(self) -> None:
        tiers = route("a/m@0 b/m@1", mode="multi")
        models = route("a/x,y")
        assert {self.first(tiers, key) for key in self.KEYS} == {"a/m"}
        assert {self.first(models, key) for key in self.KEYS} == {"a/x"}

    def test_models_in_turn_are_all_candidates(self) -> None:
        assert {self.first(route("a/x,y", strategy="round-robin"), key) for key in self.KEYS} == {"a/x", "a/y"}


@given(
    blocks=some.dictionaries(
        some.sampled_from(["a/m", "b/x", "b/y", "c/m"]), some.sampled_from([COOLING, FULL, PROBING])
    ),
    mode=some.sampled_from(["auto", "multi"]),
    strategy=some.sampled_from(["round-robin", "failover"]),
    cursor=some.sampled_from([None, "a/m", "b/x,y", "c/m"]),
    key=some.none() | some.binary(max_size=4),
)
def test_every_target_is_a_step_or_skipped_never_both(
    blocks: dict[str, Block], mode: Any, strategy: Any, cursor: str | None, key: bytes | None
) -> None:
    asked = route("a/m@0 b/x,y@1 c/m@0", mode=mode, strategy=strategy)
    try:
        made = plan(asked, None, View(blocks, cursor), 0.0, key)
    except RouterError as error:
        assert error.kind == "rate_limited"
        assert set(blocks) == {"a/m", "b/x", "b/y", "c/m"} and set(blocks.values()) == {FULL}
        return
    steps = [step.target.name for step in made.steps]
    skipped = [entry.target.name for entry in made.skipped if entry.target]
    assert sorted(steps + skipped) == ["a/m", "b/x", "b/y", "c/m"]
    assert made.last_resort or not set(steps) & set(blocks)
