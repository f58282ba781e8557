"""A plan as people and programs are told of it: what would be tried, in which order, and a reason for every node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from routerd.errors import RouterError
from routerd.routing.lookup import Rule
from routerd.routing.modes import TIERS, Plan, SkipKind, Skipped, Step, View, draft, nothing_left
from routerd.snapshot import Node, Route, Strategy

Standing = Literal["chosen", "next", "fallback", "skipped"]
Seconds = Annotated[float, Meta(ge=0)]

_OTHER_CHOSEN = "another model was chosen, and only that one is tried"
_NOTES = {
    "prompt": "a conversation stays with one of these: its opening messages decide which comes first",
    "client": "a client stays with one of these: its name decides which comes first",
}


class ToldStep(Struct):
    """One target that would be tried."""

    target: str
    provider: str
    model: str
    node: Annotated[int, Meta(description="The node's position in the route, from 1.")]
    reason: str


class ToldSkip(Struct):
    """A node, or one target of it, that would not be tried."""

    target: Annotated[str, Meta(description="The provider alone, where it is the whole node.")]
    provider: str
    model: str | None
    node: int
    kind: SkipKind
    reason: str
    cooldown_seconds: Seconds | None


class ToldNode(Struct, kw_only=True):
    """One node of the route, and what becomes of it. `next` would be tried next should the chosen one fail."""

    position: Annotated[int, Meta(description="In the route, from 1.")]
    tier: Annotated[int, Meta(description="From 1, in the order in which they are tried.")]
    priority: int
    strategy: Strategy
    provider: str
    models: list[str]
    standing: Standing
    order: Annotated[int | None, Meta(description="The place of its first target among the steps, from 1.")]
    reason: str


class WouldAnswer(Struct):
    """What a request would be answered with instead of being tried."""

    kind: str
    status: int
    message: str


class Explained(Struct, kw_only=True):
    """What would become of a request, at this moment. Nothing is sent, and no turn is taken."""

    model: str | None
    rule: Annotated[Rule | None, Meta(description="By which rule the model was looked up.")] = None
    rule_words: str | None = None
    route: str
    mode: Literal["auto", "specific", "multi"]
    strategy: Strategy
    hint: str | None
    affinity: str
    max_attempts: int
    steps: list[ToldStep]
    skipped: list[ToldSkip]
    last_resort: Annotated[bool, Meta(description="All are cooling down; the one that is ready first is tried.")]
    next_turn: Annotated[int | None, Meta(description="The position of the node whose turn comes after this.")]
    note: str | None = None
    problem: WouldAnswer | None = None


def explain(
    route: Route, hint: str | None, view: View, now: float, affinity: bytes | None = None
) -> tuple[Explained, list[ToldNode]]:
    """The plan that a request would get at `now` (monotonic seconds), and every node of the route in file order.

    Raises RouterError `unknown_model` when nothing in the route answers to `hint`.
    """
    plan = draft(route, hint, view, now, affinity)
    told = Explained(
        model=None,
        route=route.name,
        mode=route.mode,
        strategy=route.strategy,
        hint=hint,
        affinity=route.affinity,
        max_attempts=route.max_attempts,
        steps=[_step(step) for step in plan.steps],
        skipped=[_skip(skipped, now) for skipped in plan.skipped],
        last_resort=plan.last_resort,
        next_turn=_next_turn(plan),
        note=_note(route) if affinity is None else None,
        problem=None if plan.steps else would_answer(nothing_left(plan)),
    )
    return told, _nodes(plan)


def would_answer(error: RouterError) -> WouldAnswer:
    """An error, told instead of raised."""
    return WouldAnswer(error.kind, error.status, error.message)


def _step(step: Step) -> ToldStep:
    target = step.target
    return ToldStep(target.name, target.provider.name, target.model, step.node.position, step.reason)


def _skip(skipped: Skipped, now: float) -> ToldSkip:
    target, provider = skipped.target, skipped.node.provider.name
    left = None if skipped.until is None else round(max(0.0, skipped.until - now), 3)
    return ToldSkip(
        target=provider if target is None else target.name,
        provider=provider,
        model=None if target is None else target.model,
        node=skipped.node.position,
        kind=skipped.kind,
        reason=skipped.reason,
        cooldown_seconds=left,
    )


def _next_turn(plan: Plan) -> int | None:
    """Whose turn it is after this plan."""
    if plan.next_node is None:
        return None
    (_, tier), name = plan.next_node
    nodes = TIERS[plan.route.mode](plan.route.nodes)[tier - 1]
    return next((node.position for node in nodes if node.name == name), None)


def _note(route: Route) -> str | None:
    if route.affinity.startswith("header:"):
        return f"what has the same {route.affinity[7:]} header stays with one of these: it decides which comes first"
    return _NOTES.get(route.affinity)


def _nodes(plan: Plan) -> list[ToldNode]:
    orders: dict[int, int] = {}
    for order, step in enumerate(plan.steps, 1):
        orders.setdefault(step.node.position, order)
    skips: dict[int, list[Skipped]] = defaultdict(list)
    for skipped in plan.skipped:
        skips[skipped.node.position].append(skipped)
    tiers = _tiers(plan.route)
    ranked = sorted(orders, key=lambda position: orders[position])
    return [_node(plan, node, tiers[node.position], ranked, orders, skips[node.position]) for node in plan.route.nodes]


def _tiers(route: Route) -> dict[int, int]:
    return {node.position: number for number, tier in enumerate(TIERS[route.mode](route.nodes), 1) for node in tier}


def _node(
    plan: Plan, node: Node, tier: int, ranked: list[int], orders: dict[int, int], skips: Iterable[Skipped]
) -> ToldNode:
    order = orders.get(node.position)
    if order is None:
        standing: Standing = "skipped"
        reason = "; ".join(dict.fromkeys(skipped.reason for skipped in skips)) or _OTHER_CHOSEN
    else:
        rank = ranked.index(node.position)
        standing = "chosen" if rank == 0 else "next" if rank == 1 else "fallback"
        reason = plan.steps[order - 1].reason
    return ToldNode(
        position=node.position,
        tier=tier,
        priority=node.priority,
        strategy=node.strategy,
        provider=node.provider.name,
        models=[target.model for target in node.targets],
        standing=standing,
        order=order,
        reason=reason,
    )
