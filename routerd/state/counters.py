"""The live numbers that decisions need: rotation, health, in-flight requests, retry budgets.

They outlive snapshots: everything is remembered by name. All times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import replace

from routerd.errors import RouterError
from routerd.routing.budget import RetryBudget
from routerd.routing.health import Effect, Health, Outcome, Scope, fold, rule_for
from routerd.routing.modes import TIERS, Block, Plan
from routerd.snapshot import HealthPolicy, Route, Target


class Load:
    """What a provider is doing now."""

    __slots__ = ("budget", "in_flight")

    def __init__(self, now: float) -> None:
        self.in_flight = 0
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
        for scope, name, health in self._ailments(target):
            if health.probe == began:
                self._remember(scope, name, None)

    def settle(self, target: Target, error: RouterError | None, began: float, now: float) -> None:
        """Count a request as ended, with `error` or well, and remember what that says about health."""
        self._loads[target.provider.name].in_flight -= 1
        if error is None and self._is_well(target):
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

    def forget(self, provider: str, now: float) -> None:
        """Forget how the provider and its models fared, since its key or address has changed.

        What was sent before `now` says nothing about it either.
        """
        self._forgotten[provider] = now
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

    def _ailments(self, target: Target) -> list[tuple[Scope, str, Health]]:
        """What is remembered of the target, its provider and its origin."""
        if self._is_well(target):
            return []
        return [(scope, name, self.health[scope][name]) for scope, name in _names(target) if name in self.health[scope]]

    def _unwell(self, target: Target, now: float) -> Block | None:
        """The cooldown that ends last; else a probe that is under way; else None: the target is half-open."""
        if self._is_well(target):
            return None
        blocks = [block for _, _, health in self._ailments(target) if (block := _block(health, now)) is not None]
        return max(blocks, key=lambda block: block.until or 0.0, default=None)

    def _take_probes(self, target: Target, began: float) -> None:
        for scope, name, health in self._ailments(target):
            if health.is_half_open(began) and health.probe is None:
                self._remember(scope, name, replace(health, probe=began))

    def _give_back_probes(self, target: Target, began: float) -> None:
        for scope, name, health in self._ailments(target):
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
        """The one place where `health` changes."""
        if health is None:
            self.health[scope].pop(name, None)
        else:
            self.health[scope][name] = health
        self._all_well = not any(self.health.values())


def _names(target: Target) -> tuple[tuple[Scope, str], ...]:
    return ("target", target.name), ("provider", target.provider.name), ("origin", target.provider.origin)


def _block(health: Health, now: float) -> Block | None:
    if health.is_cooling(now):
        return Block(f"cooling down after {health.cause}", health.until, "cooling")
    if health.probe is not None:
        return Block("a half-open probe is under way", health.until, "probing")
    return None
