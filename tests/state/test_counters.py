"""The live numbers: rotation, health, half-open probes, in-flight requests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from routerd.errors import RouterError
from routerd.routing.health import Scope
from routerd.routing.modes import plan
from routerd.snapshot import HealthPolicy, Target
from routerd.state.counters import Counters
from tests.routing.samples import order, provider, route, take, target


def error(kind: str, status: int | None = None, retry_after: float | None = None) -> RouterError:
    return RouterError(kind, kind, upstream_status=status, retry_after=retry_after)


LIMITED = error("upstream_rate_limited", 429)
BROKEN = error("upstream_overloaded", 500)
REFUSED = error("upstream_unreachable")
EXHAUSTED = error("upstream_exhausted", 402)


def send(counters: Counters, to: Target, outcome: RouterError | None, now: float, took: float = 0.0) -> None:
    counters.begin(to, now)
    counters.settle(to, outcome, now, now + took)


def kind(counters: Counters, of: Target, now: float) -> str | None:
    block = counters.blocked(of, now)
    return block.kind if block else None


class TestRotation:
    def first(self, counters: Counters, asked: Any, **more: Any) -> str:
        return take(counters, asked, **more).steps[0].target.name

    def test_a_thousand_plans_over_four_healthy_nodes_give_250_each(self) -> None:
        counters, asked = Counters(), route("a/m b/m c/m d/m", strategy="round-robin")
        assert set(Counter(self.first(counters, asked) for _ in range(1000)).values()) == {250}

    def test_three_of_four_nodes_up_get_equal_thirds(self) -> None:
        counters, asked = Counters(), route("a/m b/m c/m d/m", strategy="round-robin")
        send(counters, asked.nodes[1].targets[0], LIMITED, 0.0)
        counts = Counter(self.first(counters, asked, now=1.0) for _ in range(999))
        assert counts == {"a/m": 333, "c/m": 333, "d/m": 333}

    def test_multi_turns_the_tier_that_is_used(self) -> None:
        counters, asked = Counters(), route("a/m@0 b/m@1 c/m@1", mode="multi", strategy="round-robin")
        assert [self.first(counters, asked) for _ in range(2)] == ["a/m", "a/m"]
        send(counters, asked.nodes[0].targets[0], LIMITED, 0.0)
        assert [self.first(counters, asked, now=1.0) for _ in range(3)] == ["b/m", "c/m", "b/m"]

    def test_a_node_takes_its_models_in_turn(self) -> None:
        counters, asked = Counters(), route("a/x,y b/m", strategy="round-robin")
        assert [self.first(counters, asked) for _ in range(6)] == ["a/x", "b/m", "a/y", "b/m", "a/x", "b/m"]

    def test_an_ambiguous_hint_alternates(self) -> None:
        counters, asked = Counters(), route("a/gpt-4,gpt-5", mode="specific", strategy="round-robin")
        assert [self.first(counters, asked, hint="gpt") for _ in range(3)] == ["a/gpt-4", "a/gpt-5", "a/gpt-4"]

    def test_it_belongs_to_the_route_and_survives_a_new_order_of_nodes(self) -> None:
        counters = Counters()
        take(counters, route("a/m b/m c/m", strategy="round-robin"))
        assert self.first(counters, route("c/m x/m b/m a/m", strategy="round-robin")) == "b/m"
        assert self.first(counters, route("a/m b/m", strategy="round-robin", name="other")) == "a/m"

    def test_as_the_api_tells_it(self) -> None:
        counters = Counters()
        asked = route("a/m@5 b/x,y@7 c/m@7", mode="multi", strategy="round-robin")
        assert counters.rotation(asked) == {"round_robin_indices": {}, "model_indices": {}}
        take(counters, asked)
        send(counters, asked.nodes[0].targets[0], LIMITED, 0.0)
        take(counters, asked, now=1.0)
        assert counters.rotation(asked) == {"round_robin_indices": {"1": 0, "2": 1}, "model_indices": {"1": 0, "2": 1}}
        shrunk = route("a/m@5 b/x@7", mode="multi", strategy="round-robin")
        assert counters.rotation(shrunk) == {"round_robin_indices": {"1": 0}, "model_indices": {"1": 0, "2": 0}}


SAME_TARGET = "a/m"
SAME_PROVIDER = "a/other"
ELSEWHERE = "b/m"


@pytest.mark.parametrize(
    ("outcome", "times", "cooling"),
    [
        (LIMITED, 1, [SAME_TARGET]),
        (error("upstream_overloaded", 529), 1, [SAME_TARGET]),
        (BROKEN, 2, []),
        (BROKEN, 3, [SAME_TARGET]),
        (error("upstream_timeout"), 3, [SAME_TARGET]),
        (error("upstream_garbled", 200), 3, [SAME_TARGET]),
        (error("upstream_exhausted", 402), 1, [SAME_TARGET, SAME_PROVIDER]),
        (error("upstream_exhausted", 404), 1, [SAME_TARGET]),
        (error("upstream_credentials", 401), 1, [SAME_TARGET, SAME_PROVIDER]),
        (REFUSED, 2, []),
        (REFUSED, 3, [SAME_TARGET, SAME_PROVIDER]),
        (error("upstream_rejected", 400), 9, []),
        (error("internal"), 9, []),
        (None, 9, []),
    ],
)
def test_who_cools_down(outcome: RouterError | None, times: int, cooling: list[str]) -> None:
    counters = Counters()
    for _ in range(times):
        send(counters, target(SAME_TARGET), outcome, 0.0)
    names = (SAME_TARGET, SAME_PROVIDER, ELSEWHERE)
    assert [name for name in names if kind(counters, target(name), 1.0) == "cooling"] == cooling


def test_an_unreachable_origin_counts_for_every_provider_there() -> None:
    counters = Counters()
    twin = Target(provider("b", origin=provider("a").origin), "m", "b/m")
    for sent in (target("a/m"), twin, target("a/m")):
        send(counters, sent, REFUSED, 0.0)
    assert kind(counters, twin, 1.0) == kind(counters, target("a/m"), 1.0) == "cooling"


def test_an_error_that_the_upstream_itself_sent_shows_that_its_origin_is_there() -> None:
    counters = Counters()
    for outcome in (REFUSED, REFUSED, error("upstream_rejected", 400), REFUSED):
        send(counters, target("a/m"), outcome, 0.0)
    assert counters.health["origin"][target("a/m").provider.origin].failures == 1


def test_a_success_forgets_all_three_scopes() -> None:
    counters = Counters()
    for outcome in (BROKEN, REFUSED, error("upstream_credentials", 401), None):
        send(counters, target("a/m"), outcome, 0.0)
    assert not any(counters.health.values())


def test_the_policy_is_the_providers() -> None:
    counters = Counters()
    strict = target("a/m", health=HealthPolicy(failure_threshold=1, cooldown=5.0))
    send(counters, strict, BROKEN, 0.0)
    assert [kind(counters, strict, now) for now in (4.9, 5.0)] == ["cooling", None]


@pytest.mark.parametrize(("began", "ended"), [(0.0, 7.0), (3.0, 10.0)])
def test_the_cooldown_that_ends_last_is_told(began: float, ended: float) -> None:
    counters = Counters()
    send(counters, target("a/m"), error("upstream_rate_limited", 429, ended), 0.0)
    for _ in range(3):
        send(counters, target("a/m", health=HealthPolicy(cooldown=5.0)), REFUSED, began)
    block = counters.blocked(target("a/m"), 4.0)
    assert block is not None and block.until == max(ended, began + 5.0)
    assert block.reason == "cooling down after upstream_rate_limited"


class TestHalfOpen:
    to = target("a/m")

    def half_open(self) -> Counters:
        """Cooled down from 0 to 30."""
        counters = Counters()
        send(counters, self.to, LIMITED, 0.0)
        assert kind(counters, self.to, 29.9) == "cooling"
        assert kind(counters, self.to, 30.0) is None
        return counters

    def test_one_request_is_admitted(self) -> None:
        counters = self.half_open()
        counters.begin(self.to, 31.0)
        block = counters.blocked(self.to, 31.0)
        assert block is not None
        assert (block.kind, block.until, block.reason) == ("probing", 30.0, "a half-open probe is under way")

    def test_of_many_plans_only_the_first_gets_the_probe(self) -> None:
        counters, asked = self.half_open(), route("a/m b/m")
        firsts = []
        for _ in range(5):
            step = plan(asked, None, counters, 31.0).steps[0]
            counters.begin(step.target, 31.0)
            firsts.append(step.target.name)
        assert firsts == ["a/m", "b/m", "b/m", "b/m", "b/m"]

    def test_success_heals(self) -> None:
        counters = self.half_open()
        send(counters, self.to, None, 31.0)
        assert counters.health["target"] == {}

    def test_failure_cools_down_for_twice_as_long(self) -> None:
        counters = self.half_open()
        send(counters, self.to, BROKEN, 31.0)
        assert [kind(counters, self.to, now) for now in (90.9, 91.0)] == ["cooling", None]

    @pytest.mark.parametrize("outcome", [error("upstream_rejected", 400), error("internal")])
    def test_an_outcome_that_is_nobodys_fault_lets_the_next_one_probe(self, outcome: RouterError) -> None:
        counters = self.half_open()
        send(counters, self.to, outcome, 31.0)
        assert kind(counters, self.to, 32.0) is None
        counters.begin(self.to, 32.0)
        assert kind(counters, self.to, 32.0) == "probing"

    def test_a_caller_that_goes_gives_the_probe_back(self) -> None:
        counters = self.half_open()
        counters.begin(self.to, 31.0)
        counters.release(self.to, 31.0)
        assert kind(counters, self.to, 32.0) is None
        assert counters.health["target"]["a/m"].cooldowns == 1

    def test_first_content_lets_the_others_in_before_the_stream_ends(self) -> None:
        counters = self.half_open()
        counters.begin(self.to, 31.0)
        counters.proved(self.to, 31.0)
        assert kind(counters, self.to, 32.0) is None
        assert counters.health["target"] == {}
        counters.settle(self.to, BROKEN, 31.0, 40.0)
        assert counters.health["target"]["a/m"].failures == 1

    def test_an_older_requests_end_is_not_the_probes(self) -> None:
        counters = self.half_open()
        counters.begin(self.to, -5.0)
        counters.begin(self.to, 31.0)
        counters.proved(self.to, -5.0)
        counters.settle(self.to, None, -5.0, 32.0)
        assert kind(counters, self.to, 33.0) == "probing"
        counters.settle(self.to, BROKEN, 31.0, 34.0)
        assert kind(counters, self.to, 35.0) == "cooling"

    def test_first_content_does_not_wipe_out_failures_that_count(self) -> None:
        counters = Counters()
        for began in (0.0, 1.0, 2.0):
            counters.begin(self.to, began)
            counters.proved(self.to, began)
            counters.settle(self.to, error("upstream_garbled", 200), began, began + 0.5)
        assert kind(counters, self.to, 3.0) == "cooling"

    @pytest.mark.parametrize(("outcome", "known"), [(LIMITED, "target"), (EXHAUSTED, "provider")])
    def test_a_provider_renamed_while_it_is_probed_is_probed_anew(self, outcome: RouterError, known: Scope) -> None:
        counters, renamed = Counters(), target("b/m")
        send(counters, self.to, outcome, 0.0)
        counters.begin(self.to, 700.0)
        counters.rename_provider("a", "b")
        assert kind(counters, renamed, 701.0) is None
        counters.settle(self.to, None, 700.0, 702.0)
        send(counters, renamed, None, 703.0)
        assert counters.health[known] == {}

    def test_a_provider_and_an_origin_are_probed_once_too(self) -> None:
        for outcome, times in ((error("upstream_exhausted", 402), 1), (REFUSED, 3)):
            counters = Counters()
            for _ in range(times):
                send(counters, self.to, outcome, 0.0)
            counters.begin(self.to, 700.0)
            assert kind(counters, target("a/other"), 700.0) == "probing"
            counters.settle(self.to, None, 700.0, 701.0)
            assert kind(counters, target("a/other"), 702.0) is None


class TestInFlight:
    def test_a_full_provider_gives_way_to_the_next(self) -> None:
        counters, small = Counters(), provider("a", max_in_flight=2)
        asked = route("a/m b/m", providers=[small])
        for _ in range(2):
            counters.begin(asked.nodes[0].targets[0], 0.0)
        assert order(plan(asked, None, counters, 0.0)) == "b/m"
        assert counters.in_flight("a") == 2 and counters.in_flight("b") == 0
        counters.settle(asked.nodes[0].targets[0], BROKEN, 0.0, 1.0)
        assert order(plan(asked, None, counters, 1.0)) == "a/m b/m"
        counters.release(asked.nodes[0].targets[0], 0.0)
        assert counters.in_flight("a") == 0

    def test_a_full_provider_is_never_a_last_resort(self) -> None:
        counters, asked = Counters(), route("a/m", providers=[provider("a", max_in_flight=1)])
        send(counters, asked.nodes[0].targets[0], LIMITED, 0.0)
        assert plan(asked, None, counters, 1.0).last_resort
        counters.begin(asked.nodes[0].targets[0], 1.0)
        with pytest.raises(RouterError, match=r"`a/m`: full, with 1 requests in flight") as caught:
            plan(asked, None, counters, 1.0)
        assert caught.value.kind == "rate_limited"


class TestByHand:
    def test_an_override_holds_until_it_is_lifted(self) -> None:
        counters, asked = Counters(), route("a/m b/m")
        counters.overrides["a"] = False
        assert order(plan(asked, None, counters, 0.0)) == "b/m"
        send(counters, asked.nodes[0].targets[0], None, 0.0)
        assert kind(counters, target("a/other"), 0.0) == "overridden"
        counters.overrides["a"] = True
        assert order(plan(asked, None, counters, 0.0)) == "a/m b/m"

    def test_a_new_key_makes_a_fresh_start(self) -> None:
        counters = Counters()
        for name in ("a/m", "ab/m"):
            send(counters, target(name), error("upstream_credentials", 401), 0.0)
            send(counters, target(name), LIMITED, 0.0)
        counters.forget("a", 5.0)
        assert kind(counters, target("a/m"), 5.0) is None
        assert kind(counters, target("ab/m"), 5.0) == "cooling"

    def test_the_old_keys_late_failure_is_not_held_against_the_new_one(self) -> None:
        counters = Counters()
        counters.begin(target("a/m"), 4.0)
        counters.forget("a", 5.0)
        counters.settle(target("a/m"), error("upstream_credentials", 401), 4.0, 6.0)
        assert kind(counters, target("a/m"), 6.0) is None
        assert counters.in_flight("a") == 0
        send(counters, target("a/m"), error("upstream_credentials", 401), 7.0)
        assert kind(counters, target("a/m"), 8.0) == "cooling"


def test_the_budget_is_the_providers() -> None:
    counters = Counters()
    counters.begin(target("a/m"), 0.0)
    assert counters.may_repeat("never-asked", 0.0)
    while counters.may_repeat("a", 0.0):
        pass
    counters.begin(target("b/m"), 0.0)
    assert counters.may_repeat("b", 0.0)


def test_what_nobody_tries_again_is_forgotten() -> None:
    counters, made_up = Counters(), target("p/made-up")
    counters.begin(made_up, 0.0)
    counters.settle(made_up, RouterError("upstream_exhausted", "no such model", upstream_status=404), 0.0, 0.0)
    counters.prune(1199.0)
    assert not counters.all_well
    counters.prune(1201.0)
    assert counters.all_well
