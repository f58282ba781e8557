"""The live numbers that decisions need: rotation, health, in-flight requests, retry budgets.

They outlive snapshots: everything is remembered by name. All times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

from routerd.errors import RouterError
from routerd.routing.budget import RetryBudget
from routerd.routing.health import Effect, Health, Outcome, Scope, fold, rule_for
from routerd.routing.modes import TIERS, Block, Plan
from routerd.routing.strategies import ORDERS
from routerd.snapshot import HealthPolicy, Provider, Route, Snapshot, Target

_Name = TypeVar("_Name", bound=str | tuple[str, int])


class Load:
    """What a provider is doing now."""

    __slots__ = ("budget", "has_answered", "in_flight")

    def __init__(self, now: float) -> None:
        self.in_flight = 0
        self.has_answered = False  # a request ended well since somebody last asked
        self.budget = RetryBudget(now)


class Counters:
    """The state that plans are made from and outcomes are told to.

    One request: `advance(plan)`; per attempt `begin`, perhaps `proved`, then `settle` or `release`, with the
    same `began`. `overrides` says by provider name what a person decided: False is "unhealthy, whatever traffic shows".
    """

    def __init__(self) -> None:
        self.overrides: dict[str, bool] = {}
        self.cursors: dict[tuple[str, int], str] = {}
        self.turns: dict[tuple[str, int], int] = {}
        self.health: dict[Scope, dict[str, Health]] = {"target": {}, "provider": {}, "origin": {}}
        self._loads: dict[str, Load] = {}
        self._forgotten: dict[str, float] = {}
        self._all_well = True  # so that healthy requests look nothing up

    @property
    def all_well(self) -> bool:
        """Whether nothing is remembered against any target, and nobody has overridden one."""
        return self._all_well and not self.overrides

    def cursor(self, route: str, tier: int) -> str | None:
        """The name of the node that is next in this tier (from 1); None: nothing has turned yet."""
        return self.cursors.get((route, tier))

    def model_turn(self, route: str, position: int) -> int:
        """The index of the model that is next in the node at `position` (from 1)."""
        return self.turns.get((route, position), 0)

    def advance(self, plan: Plan) -> None:
        """Turn the rotation as the plan says; once per plan."""
        if plan.next_node is not None:
            key, name = plan.next_node
            self.cursors[key] = name
        if plan.next_model is not None:
            key, index = plan.next_model
            self.turns[key] = index

    def blocked(self, target: Target, now: float) -> Block | None:
        """Why the target may not be tried at `now`; None: it may."""
        provider = target.provider
        if self.overrides and self.overrides.get(provider.name) is False:
            return Block("overridden as unhealthy", None, "overridden")
        if provider.max_in_flight is not None and self.in_flight(provider.name) >= provider.max_in_flight:
            return Block(f"full, with {provider.max_in_flight} requests in flight", None, "full")
        return None if self._all_well else self._unwell(target, now)

    def begin(self, target: Target, now: float) -> None:
        """Count a request that is sent to the target; `now` is its `began` from here on."""
        name = target.provider.name
        load = self._loads.get(name)
        if load is None:
            load = self._loads[name] = Load(now)
        load.in_flight += 1
        load.budget.count(now)
        if not self._all_well:
            self._take_probes(target, now)

    def proved(self, target: Target, began: float) -> None:
        """The first content came: if this request was the half-open probe, others are let in before it ends."""
        for scope, name, health in self.ailments(target):
            if health.probe == began:
                self._remember(scope, name, None)

    def settle(self, target: Target, error: RouterError | None, began: float, now: float) -> None:
        """Count a request as ended, with `error` or well, and remember what that says about health."""
        load = self._loads[target.provider.name]
        load.in_flight -= 1
        if error is None:
            load.has_answered = True
            if self._is_well(target):
                return
        self._give_back_probes(target, began)
        if began < self._forgotten.get(target.provider.name, began):
            return
        if error is None:
            self._note_success(target, began, now)
        else:
            self._note_failure(target, error, began, now)

    def release(self, target: Target, began: float) -> None:
        """Count a request as ended because its caller has gone: that says nothing about health."""
        self._loads[target.provider.name].in_flight -= 1
        self._give_back_probes(target, began)

    def may_repeat(self, provider: str, now: float) -> bool:
        """Take one repeat out of the provider's retry budget; False: it is spent."""
        load = self._loads.get(provider)
        return load is None or load.budget.spend(now)

    def in_flight(self, provider: str) -> int:
        """How many requests the provider is working on for us."""
        load = self._loads.get(provider)
        return 0 if load is None else load.in_flight

    def latest_request(self, provider: str) -> float | None:
        """In which second the provider was sent a request last; None: in none that is remembered."""
        load = self._loads.get(provider)
        return None if load is None else float(load.budget.latest)

    def has_answered(self, provider: str) -> bool:
        """Whether a request to the provider has ended well since this was last asked."""
        load = self._loads.get(provider)
        if load is None or not load.has_answered:
            return False
        load.has_answered = False
        return True

    def stand_down(self, provider: Provider, cause: str, seconds: float, now: float) -> None:
        """Don't try a provider for so long, for what was found when it was looked at apart from the traffic."""
        self._fold("provider", provider.name, Outcome(Effect.COOL, now, cause, seconds), provider.health, now)

    def recovered(self, scope: Scope, name: str, causes: Collection[str] | None = None) -> None:
        """Forget what is remembered for one of these causes (None: for any): it has been seen to work."""
        health = self.health[scope].get(name)
        if health is not None and (causes is None or health.cause in causes):
            self._remember(scope, name, None)

    def override(self, provider: str, is_healthy: bool | None) -> None:
        """What a person decided. False: it is not tried until that is lifted, by True or None.

        True also says that it is well again: like False, it begins the failure counts anew.
        """
        if is_healthy is False:
            self.overrides[provider] = False
        else:
            self.overrides.pop(provider, None)
        if is_healthy is not None:
            self._clear(provider)

    def forget(self, provider: str, now: float) -> None:
        """Forget how the provider and its models fared, since its key or address has changed.

        What was sent before `now` says nothing about it either.
        """
        self._forgotten[provider] = now
        self._clear(provider)

    def _clear(self, provider: str) -> None:
        """Remember nothing against the provider and its models."""
        self._remember("provider", provider, None)
        for name in [name for name in self.health["target"] if name.startswith(f"{provider}/")]:
            self._remember("target", name, None)

    def prune(self, now: float) -> None:
        """Forget what has not been tried again for long: names that callers made up would stay for ever."""
        if self._all_well:
            return
        for scope, known in self.health.items():
            for name in [name for name, health in known.items() if health.is_stale(now)]:
                self._remember(scope, name, None)

    def restore(self, scope: Scope, name: str, health: Health) -> None:
        """Take up what an earlier process remembered, unless more is known by now."""
        if name not in self.health[scope]:
            self._remember(scope, name, health)

    def rename_provider(self, old: str, new: str) -> None:
        """An edit has renamed a provider: what is known of the old name holds for the new one."""
        start, other = f"{old}/", f"{new}/"
        if old in self.overrides:
            self.overrides[new] = self.overrides.pop(old)
        if old in self.health["provider"]:
            self.restore("provider", new, _unprobed(self.health["provider"][old]))
        for name in [name for name in self.health["target"] if name.startswith(start)]:
            self.restore("target", other + name.removeprefix(start), _unprobed(self.health["target"][name]))
        for key in [key for key, name in self.cursors.items() if name.startswith(start)]:
            self.cursors[key] = other + self.cursors[key].removeprefix(start)

    def rename_route(self, old: str, new: str) -> None:
        """An edit has renamed a route: its rotation goes on where it stood."""
        for turned in (self.cursors, self.turns):
            _move_turns(turned, old, new)

    def retain(self, snapshot: Snapshot) -> None:
        """Forget what the config no longer has: rotation of routes, what was decided of providers, and their health."""
        providers = snapshot.providers
        origins = {provider.origin for provider in providers.values()}
        _keep(self.overrides, lambda name: name in providers)
        _keep(self._loads, lambda name: name in providers or self._loads[name].in_flight > 0)
        _keep(self._forgotten, lambda name: name in providers)
        _keep(self.cursors, lambda key: _has_turn(snapshot.routes.get(key[0]), key[1], self.cursors[key]))
        _keep(self.turns, lambda key: key[0] in snapshot.routes and 1 <= key[1] <= len(snapshot.routes[key[0]].nodes))
        _keep(self.health["target"], lambda name: name.partition("/")[0] in providers)
        _keep(self.health["provider"], lambda name: name in providers)
        _keep(self.health["origin"], lambda name: name in origins)
        self._all_well = not any(self.health.values())

    def rotation(self, route: Route) -> dict[str, dict[str, int]]:
        """Whose turn it is, for what has turned: the next node's index by tier, the next model's by node position."""
        nodes: dict[str, int] = {}
        for number, tier in enumerate(TIERS[route.mode](route.nodes), 1):
            names = [node.name for node in tier]
            cursor = self.cursor(route.name, number)
            if cursor in names:
                nodes[str(number)] = names.index(cursor)
        turned = [node for node in route.nodes if (route.name, node.position) in self.turns and node.targets]
        models = {str(node.position): self.model_turn(route.name, node.position) % len(node.targets) for node in turned}
        return {"round_robin_indices": nodes, "model_indices": models}

    def _is_well(self, target: Target) -> bool:
        """Whether nothing is remembered of the target, its provider and its origin."""
        if self._all_well:
            return True
        health, provider = self.health, target.provider
        if target.name in health["target"] or provider.name in health["provider"]:
            return False
        return provider.origin not in health["origin"]

    def ailments(self, target: Target) -> list[tuple[Scope, str, Health]]:
        """What is remembered of the target, its provider and its origin."""
        if self._is_well(target):
            return []
        return [(scope, name, self.health[scope][name]) for scope, name in _names(target) if name in self.health[scope]]

    def _unwell(self, target: Target, now: float) -> Block | None:
        """The cooldown that ends last; else a probe that is under way; else None: the target is half-open."""
        if self._is_well(target):
            return None
        blocks = [block for _, _, health in self.ailments(target) if (block := _block(health, now)) is not None]
        return max(blocks, key=lambda block: block.until or 0.0, default=None)

    def _take_probes(self, target: Target, began: float) -> None:
        for scope, name, health in self.ailments(target):
            if health.is_half_open(began) and health.probe is None:
                self._remember(scope, name, replace(health, probe=began))

    def _give_back_probes(self, target: Target, began: float) -> None:
        for scope, name, health in self.ailments(target):
            if health.probe == began:
                self._remember(scope, name, replace(health, probe=None))

    def _note_failure(self, target: Target, error: RouterError, began: float, now: float) -> None:
        policy = target.provider.health
        if error.upstream_status is not None:
            self._fold("origin", target.provider.origin, Outcome(Effect.WELL, began), policy, now)
        rule = rule_for(error)
        if rule is not None:
            outcome = Outcome(rule.effect, began, error.kind, error.retry_after)
            self._fold(rule.scope, dict(_names(target))[rule.scope], outcome, policy, now)

    def _note_success(self, target: Target, began: float, now: float) -> None:
        for scope, name in _names(target):
            self._fold(scope, name, Outcome(Effect.WELL, began), target.provider.health, now)

    def _fold(self, scope: Scope, name: str, outcome: Outcome, policy: HealthPolicy, now: float) -> None:
        self._remember(scope, name, fold(self.health[scope].get(name), outcome, policy, now))

    def _remember(self, scope: Scope, name: str, health: Health | None) -> None:
        """The one place where `health` changes, but for `retain`."""
        if health is None:
            self.health[scope].pop(name, None)
        else:
            self.health[scope][name] = health
        self._all_well = not any(self.health.values())


def _keep(remembered: dict[_Name, Any], is_kept: Callable[[_Name], bool]) -> None:
    for name in [name for name in remembered if not is_kept(name)]:
        del remembered[name]


def _unprobed(health: Health) -> Health:
    """For a new name: a probe under way ends under the name that it began with, and would be waited for for ever."""
    return replace(health, probe=None)


def _move_turns(turned: dict[tuple[str, int], Any], old: str, new: str) -> None:
    for route, number in [key for key in turned if key[0] == old]:
        turned[new, number] = turned.pop((route, number))


def _has_turn(route: Route | None, tier: int, name: str) -> bool:
    """Whether the node is one of this tier (from 1), in a route whose strategy takes turns."""
    if route is None or not ORDERS[route.strategy].turns:
        return False
    tiers = TIERS[route.mode](route.nodes)
    return 1 <= tier <= len(tiers) and any(node.name == name for node in tiers[tier - 1])


def _names(target: Target) -> tuple[tuple[Scope, str], ...]:
    return ("target", target.name), ("provider", target.provider.name), ("origin", target.provider.origin)


def _block(health: Health, now: float) -> Block | None:
    if health.is_cooling(now):
        return Block(f"cooling down after {health.cause}", health.until, "cooling")
    if health.probe is not None:
        return Block("a half-open probe is under way", health.until, "probing")
    return None
