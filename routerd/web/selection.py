"""What a route would choose, and how its rotation and its nodes stand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, structs
from quart import Response

from routerd.access import ADMIN, Caller
from routerd.errors import RouterError
from routerd.management import Management
from routerd.routing import lookup
from routerd.routing.explained import Explained, Seconds, ToldNode, WouldAnswer, explain, would_answer
from routerd.routing.modes import TIERS, plan
from routerd.snapshot import Node, Route, Snapshot, Target
from routerd.state.counters import Counters
from routerd.state.generations import stamp
from routerd.web.answers import answer, flag, read_body
from routerd.web.operations import Operation, Query
from routerd.web.problems import ApiError
from routerd.web.shapes import Time

EXPLAIN = Query("explain", "Answer with the whole plan, with a reason for every node, and take no turn.", bool)

_PLANNED = "#/components/schemas/Planned"


class Hint(msgspec.Struct, forbid_unknown_fields=True):
    """Which of the route's models is wanted; left out, the route decides."""

    model: str | None = None


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a caller would send as `model`, and which client it would be."""

    model: str
    client: str | None = None


class Selected(msgspec.Struct):
    """The target that is first."""

    provider_id: int
    provider_name: str
    model: str


class PlannedNode(ToldNode, kw_only=True):
    """A node of the plan, with its numbers; of a route made on the spot it has none."""

    id: int | None
    provider_id: int


class Planned(Explained, kw_only=True):
    """The whole plan. `selection` is what it begins with; `problem`, what a request would be answered with instead."""

    route_id: Annotated[int | None, Meta(description="null: the route was made on the spot.")]
    client: str | None = None
    selection: Selected | None
    nodes: list[PlannedNode]


class TargetState(msgspec.Struct, kw_only=True):
    """How one model of a node stands. `half-open`: its cooldown is over, and one request may try it."""

    model: str
    standing: Literal["healthy", "overridden", "full", "cooling", "probing", "half-open", "unusable"]
    is_healthy: bool
    consecutive_failures: int
    reason: str | None
    cooldown_seconds: Seconds | None
    cooldown_until: Time | None


class NodeState(msgspec.Struct, kw_only=True):
    """How a node stands. `override` is false when a person said so; requests in flight are those of its provider."""

    id: int
    position: Annotated[int, Meta(description="In the route, from 1.")]
    tier: Annotated[int, Meta(description="From 1, in the order in which they are tried.")]
    priority: int
    provider_id: int
    provider_name: str
    is_healthy: Annotated[bool, Meta(description="Whether any of its models may be tried now.")]
    consecutive_failures: int
    override: bool | None
    in_flight: int
    max_in_flight: int | None
    cooldown_seconds: Annotated[Seconds | None, Meta(description="Until the first of its models is ready.")]
    cooldown_until: Time | None
    targets: list[TargetState]


class Rotation(msgspec.Struct):
    """Whose turn it is, for what has turned: the index of the next node by tier, of the next model by node position."""

    round_robin_indices: dict[str, int]
    model_indices: dict[str, int]
    nodes: list[NodeState]


class RouteState(msgspec.Struct):
    """The rotation of a route and the health of its nodes."""

    route_id: int
    route_name: str
    state: Rotation


_EITHER = Annotated[
    Any, Meta(extra_json_schema={"anyOf": [{"$ref": _PLANNED.replace("Planned", "Selected")}, {"$ref": _PLANNED}]})
]


class SelectionApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def operations(self) -> Sequence[Operation]:
        """One row for each method of a path."""
        one = "/api/model-routes/{id}"
        return (
            Operation(
                "POST", f"{one}/select", self.select, "Choose as a request would, and take the turn.",
                body=Hint, gives=_EITHER, query=(EXPLAIN,),
                problems=("not_found", "unknown_model", "route_inactive", "rate_limited", "no_target"),
            ),
            Operation(
                "GET", f"{one}/state", self.state, "Whose turn it is in a route, and how its nodes stand.",
                gives=RouteState, problems=("not_found",),
            ),
            Operation(
                "POST", "/api/explain", self.explain, "What a request for a model would try, and why; sends nothing.",
                body=Asked, gives=Planned, problems=("not_found", "unknown_model"), asks="viewer",
            ),
        )  # fmt: skip

    async def select(self, id: str) -> Response:
        """The first target of the route's next plan."""
        is_asking = flag("explain")
        hint = (await read_body(Hint)).model or None
        snapshot = await self._snapshot()
        route = self._route(id, snapshot)
        if is_asking:
            return answer(self._explained(route, hint))
        if not route.is_active:
            raise ApiError("route_inactive", _inactive(route))
        counters = self._management.counters
        try:
            made = plan(route, hint, counters, self._management.now())
        except RouterError as error:
            raise _problem(error) from None
        counters.advance(made)
        return answer(self._selected(made.steps[0].target.provider.name, made.steps[0].target.model))

    async def state(self, id: str) -> Response:
        """Rotation and health, as they are at this moment."""
        snapshot = await self._snapshot()
        route, counters = self._route(id, snapshot), self._management.counters
        indices = counters.rotation(route)
        nodes = _NodeStates(counters, self._management.now()).of(route, self._numbers(route))
        rotation = Rotation(indices["round_robin_indices"], indices["model_indices"], nodes)
        return answer(RouteState(self._id("routes", route.name), route.name, rotation))

    async def explain(self) -> Response:
        """As `/v1` would look the model up and plan."""
        asked = await read_body(Asked)
        snapshot = await self._snapshot()
        caller = None if asked.client is None else _caller(asked.client, snapshot)
        found = lookup.find(asked.model, snapshot)
        if found is None:
            raise _problem(lookup.unknown(asked.model, snapshot, caller.routes if caller else None))
        key = caller.name.encode() if caller is not None and found.route.affinity == "client" else None
        told = self._explained(found.route, found.hint, key, is_configured=found.is_configured)
        rule = lookup.rule_of(asked.model, snapshot)
        told.rule, told.rule_words = rule or (None, None)
        told.model, told.client = asked.model, asked.client
        try:
            lookup.allowed(found, caller.routes if caller is not None else None)
        except RouterError as error:
            told.problem = would_answer(error)
        return answer(told)

    async def _snapshot(self) -> Snapshot:
        """The snapshot that serves, once the inventory has numbers for all that is in it."""
        inventory = self._management.inventory
        await inventory.settled()
        mirrored = inventory.mirrored
        return mirrored.snapshot if mirrored is not None else self._management.snapshot()

    def _route(self, ident: str, snapshot: Snapshot) -> Route:
        """The route that is meant. Raises ApiError: not_found."""
        name = self._management.inventory.name_of("routes", ident)
        route = snapshot.routes.get(name) if name is not None else None
        if route is None:
            raise ApiError("not_found", f"There is no route `{ident}`.")
        return route

    def _id(self, section: Literal["providers", "routes"], name: str) -> int:
        return self._management.inventory.id_of(section, name)

    def _selected(self, provider: str, model: str) -> Selected:
        return Selected(self._id("providers", provider), provider, model)

    def _numbers(self, route: Route) -> list[tuple[int, int]]:
        """The numbers of the route's nodes and of their providers."""
        nodes = self._management.inventory.row("routes", route.name).nodes
        return [
            (number, self._id("providers", node.provider.name)) for number, node in zip(nodes, route.nodes, strict=True)
        ]

    def _explained(
        self, route: Route, hint: str | None, affinity: bytes | None = None, *, is_configured: bool = True
    ) -> Planned:
        """The plan, told. Raises ApiError: unknown_model."""
        try:
            told, nodes = explain(route, hint, self._management.counters, self._management.now(), affinity)
        except RouterError as error:
            raise _problem(error) from None
        numbers: Sequence[tuple[int | None, int]]
        numbers = self._numbers(route) if is_configured else [(None, self._id("providers", n.provider)) for n in nodes]
        planned = Planned(
            **structs.asdict(told),
            route_id=self._id("routes", route.name) if is_configured else None,
            selection=self._selected(told.steps[0].provider, told.steps[0].model) if told.steps else None,
            nodes=[
                PlannedNode(**structs.asdict(node), id=number, provider_id=provider)
                for node, (number, provider) in zip(nodes, numbers, strict=True)
            ],
        )
        if not route.is_active:
            planned.problem = WouldAnswer("route_inactive", 409, _inactive(route))
        return planned


class _NodeStates:
    """How nodes stand at `now`, in monotonic seconds."""

    def __init__(self, counters: Counters, now: float) -> None:
        self._counters = counters
        self._now = now
        self._wall = time.time() - now

    def of(self, route: Route, numbers: Sequence[tuple[int, int]]) -> list[NodeState]:
        """Every node of a route, in the order of the file."""
        tiers = {node: at for at, tier in enumerate(TIERS[route.mode](route.nodes), 1) for node in tier}
        return [self._node(node, tiers[node], *of_node) for node, of_node in zip(route.nodes, numbers, strict=True)]

    def _node(self, node: Node, tier: int, number: int, provider_number: int) -> NodeState:
        provider, counters = node.provider, self._counters
        targets = [self._target(target) for target in node.targets]
        cooling = [target for target in targets if target.cooldown_seconds is not None]
        soonest = min(cooling, key=lambda target: target.cooldown_seconds or 0.0) if cooling else None
        is_out = soonest if len(cooling) == len(targets) else None
        return NodeState(
            id=number,
            position=node.position,
            tier=tier,
            priority=node.priority,
            provider_id=provider_number,
            provider_name=provider.name,
            is_healthy=any(target.is_healthy for target in targets),
            consecutive_failures=max((target.consecutive_failures for target in targets), default=0),
            override=counters.overrides.get(provider.name),
            in_flight=counters.in_flight(provider.name),
            max_in_flight=provider.max_in_flight,
            cooldown_seconds=is_out.cooldown_seconds if is_out else None,
            cooldown_until=is_out.cooldown_until if is_out else None,
            targets=targets,
        )

    def _target(self, target: Target) -> TargetState:
        known = [health for _, _, health in self._counters.ailments(target)]
        state = TargetState(
            model=target.model,
            standing="healthy",
            is_healthy=True,
            consecutive_failures=max((health.failures for health in known), default=0),
            reason=None,
            cooldown_seconds=None,
            cooldown_until=None,
        )
        block = self._counters.blocked(target, self._now)
        if not target.provider.is_usable:
            state.standing, state.reason = "unusable", target.provider.trouble or "the provider is not active"
        elif block is not None:
            state.standing, state.reason = block.kind, block.reason
            if block.kind == "cooling" and block.until is not None:
                state.cooldown_seconds = round(max(0.0, block.until - self._now), 3)
                state.cooldown_until = stamp(self._wall + block.until)
        elif any(health.is_half_open(self._now) for health in known):
            state.standing, state.reason = "half-open", "its cooldown is over, and one request may try it"
        state.is_healthy = state.standing in ("healthy", "full")
        return state


def _caller(name: str, snapshot: Snapshot) -> Caller:
    """The client of that name. Raises ApiError: not_found."""
    for caller in (*(snapshot.callers or {}).values(), ADMIN):
        if caller.name == name:
            return caller
    raise ApiError("not_found", f"There is no active client `{name}`.")


def _inactive(route: Route) -> str:
    return f"The route `{route.name}` is not active."


def _problem(error: RouterError) -> ApiError:
    return ApiError(error.kind, error.message)
