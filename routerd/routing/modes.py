"""A route and what is known about its targets → the plan: the ordered targets, each with the reason it stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from routerd.errors import RouterError
from routerd.routing import strategies
from routerd.routing.hints import Choice, choose, first_model
from routerd.routing.strategies import ORDERS
from routerd.snapshot import Node, Route, Target

FALLBACK = "fallback"
NEXT_TIER = "fallback: the next tier"
OTHER_MODEL = "another model of its node"
AFFINITY = "affinity"
LAST_RESORT = "nothing else is left, and its cooldown ends first"

BlockKind = Literal["overridden", "full", "cooling", "probing"]
SkipKind = BlockKind | Literal["unusable", "unwanted"]


@dataclass(frozen=True, slots=True)
class Block:
    """Why a target may not be tried now. `until`: the monotonic second at which a cooldown ends (ended, if probing)."""

    reason: str
    until: float | None
    kind: BlockKind


@dataclass(slots=True, eq=False)
class Step:
    """One target of a plan, the node it came from, and why it stands here."""

    target: Target
    node: Node
    reason: str


@dataclass(slots=True, eq=False)
class Skipped:
    """A node, or one target of it, that the plan leaves out. `until` as in `Block`."""

    node: Node
    target: Target | None
    reason: str
    until: float | None
    kind: SkipKind


@dataclass(slots=True, eq=False)
class Plan:
    """The ordered answer for one request.

    What it changes in the rotation: `next_node` is the name of the node that is next in (route, tier), `next_model` the
    index of the model that is next in the node at (route, position). `last_resort`: its one step is cooling down.
    """

    route: Route
    steps: list[Step]
    skipped: list[Skipped]
    next_node: tuple[tuple[str, int], str] | None = None
    next_model: tuple[tuple[str, int], int] | None = None
    last_resort: bool = False


class View(Protocol):
    """What planning needs to know about the live state. Tiers and node positions count from 1."""

    def cursor(self, route: str, tier: int) -> str | None:
        """The name of the node that is next; None: nothing has turned yet."""

    def model_turn(self, route: str, position: int) -> int:
        """The index of the model that is next in this node."""

    def blocked(self, target: Target, now: float) -> Block | None:
        """Why the target may not be tried at `now` (monotonic seconds); None: it may."""


def plan(route: Route, hint: str | None, view: View, now: float, affinity: bytes | None = None) -> Plan:
    """The targets to try for one request, best first; changes nothing (`Counters.advance` turns the rotation).

    Raises RouterError: `unknown_model` when nothing answers to `hint`, `rate_limited` when all that is left is full,
    `no_target` when every node is inactive, overridden or unusable.
    """
    made = draft(route, hint, view, now, affinity)
    if not made.steps:
        raise nothing_left(made)
    return made


def draft(route: Route, hint: str | None, view: View, now: float, affinity: bytes | None = None) -> Plan:
    """As `plan`, but when nothing can be tried it is a plan without steps, which still tells why."""
    making = _Draft(route, _choice(route, hint, view, now), view, now)
    for number, tier in enumerate(TIERS[route.mode](route.nodes), 1):
        making.add_tier(number, tier, affinity)
    made = making.made
    if not made.steps:
        _add_last_resort(made)
    elif route.mode == "specific":
        _keep_one_model(made)
    return made


def _one_ring(nodes: tuple[Node, ...]) -> Sequence[tuple[Node, ...]]:
    return (nodes,)


def _by_priority(nodes: tuple[Node, ...]) -> Sequence[tuple[Node, ...]]:
    tiers: dict[int, list[Node]] = {}
    for node in nodes:
        tiers.setdefault(node.priority, []).append(node)
    return [tuple(tiers[priority]) for priority in sorted(tiers)]


TIERS: Mapping[str, Callable[[tuple[Node, ...]], Sequence[tuple[Node, ...]]]] = MappingProxyType({
    "auto": _one_ring,
    "specific": _one_ring,
    "multi": _by_priority,
})


def _choice(route: Route, hint: str | None, view: View, now: float) -> Choice | None:
    """What the hint leaves of the route; None: all of it."""
    if hint is not None:
        return choose(route, hint)
    if route.mode != "specific":
        return None
    in_play = [node for node in route.nodes if node.targets and _is_in_play(node, view, now)]
    return first_model(in_play) if in_play else None


def _is_in_play(node: Node, view: View, now: float) -> bool:
    if not node.provider.is_usable:
        return False
    block = view.blocked(node.targets[0], now)
    return block is None or block.kind != "overridden"


class _Draft:
    """A plan in the making, tier by tier."""

    __slots__ = ("choice", "made", "now", "order", "view")

    def __init__(self, route: Route, choice: Choice | None, view: View, now: float) -> None:
        self.choice = choice
        self.view = view
        self.now = now
        self.order = ORDERS[route.strategy if choice is None else choice.strategy]
        self.made = Plan(route, [], [])

    def add_tier(self, number: int, tier: tuple[Node, ...], affinity: bytes | None) -> None:
        """One target of each node in the strategy's order, then the other models of those nodes.

        One of each first, since what fails is more often a provider than one of its models.
        """
        first: list[Step] = []
        others: list[Step] = []
        reason = FALLBACK if number == 1 else NEXT_TIER
        for node in self.order.arrange(tier, self._start(number, tier)):
            targets = self._ready(node)
            if targets:
                first.append(Step(targets[0], node, reason))
                if len(targets) > 1:
                    others += [Step(target, node, OTHER_MODEL) for target in targets[1:]]
        steps = first + others if others else first
        if steps and not self.made.steps:
            self._lead(number, tier, steps, affinity)
        self.made.steps += steps

    def _start(self, number: int, tier: tuple[Node, ...]) -> int:
        """The index of the node that is next; the first when nothing has turned, or that node has gone."""
        cursor = self.view.cursor(self.made.route.name, number) if self.order.turns else None
        if cursor is not None:
            for index, node in enumerate(tier):
                if node.name == cursor:
                    return index
        return 0

    def _ready(self, node: Node) -> Sequence[Target]:
        """The node's targets that may be tried now, in its own order; the others are noted as skipped."""
        provider = node.provider
        if not provider.is_active or provider.trouble is not None:
            return self._skip(node, provider.trouble or "its provider is not active", "unusable")
        targets = node.targets
        if len(targets) != 1 or self.choice is not None:
            targets = self._wanted(node)
        for target in targets:
            if self.view.blocked(target, self.now) is not None:
                return self._unblocked(node, targets)
        return targets

    def _wanted(self, node: Node) -> tuple[Target, ...]:
        targets, choice = node.targets, self.choice
        if not targets:
            return self._skip(node, "its provider lists no models", "unusable")
        if ORDERS[node.strategy].turns:
            turn = self.view.model_turn(self.made.route.name, node.position) % len(targets)
            targets = ORDERS[node.strategy].arrange(targets, turn)
        if choice is None:
            return targets
        wanted = tuple(target for target in targets if target in choice.targets)
        return wanted or self._skip(node, "it does not offer the model", "unwanted")

    def _skip(self, node: Node, reason: str, kind: SkipKind) -> tuple[Target, ...]:
        self.made.skipped.append(Skipped(node, None, reason, None, kind))
        return ()

    def _unblocked(self, node: Node, targets: Sequence[Target]) -> list[Target]:
        unblocked = []
        for target in targets:
            block = self.view.blocked(target, self.now)
            if block is None:
                unblocked.append(target)
            else:
                self.made.skipped.append(Skipped(node, target, block.reason, block.until, block.kind))
        return unblocked

    def _lead(self, number: int, tier: tuple[Node, ...], steps: list[Step], affinity: bytes | None) -> None:
        """Settle which of the first tier's steps comes first. Where affinity decides, no turn is taken."""
        if affinity is not None:
            _prefer(steps, affinity)
            return
        step = steps[0]
        step.reason = self.order.reason if self.choice is None else self.choice.reason
        if self.order.turns:
            following = tier[(tier.index(step.node) + 1) % len(tier)]
            self.made.next_node = (self.made.route.name, number), following.name
        if ORDERS[step.node.strategy].turns and self._has_choice(step.node):
            self.made.next_model = _after(step, self.made.route)

    def _has_choice(self, node: Node) -> bool:
        """Whether the node's strategy had a say, and not the hint alone."""
        return self.choice is None or len(self.choice.targets.intersection(node.targets)) > 1


def _after(step: Step, route: Route) -> tuple[tuple[str, int], int]:
    """The model whose turn is next in the step's node."""
    targets = step.node.targets
    return (route.name, step.node.position), (targets.index(step.target) + 1) % len(targets)


def _prefer(steps: list[Step], affinity: bytes) -> None:
    """Put the step that `affinity` picks first. A node whose models are in order of failover stands for its first."""
    candidates = [step for step in steps if step.reason is not OTHER_MODEL or ORDERS[step.node.strategy].turns]
    favoured = candidates[strategies.affinity([step.target.name for step in candidates], affinity)]
    favoured.reason = AFFINITY
    steps.remove(favoured)
    steps.insert(0, favoured)


def _keep_one_model(made: Plan) -> None:
    """Of several models that a hint could mean, only the one chosen first is tried."""
    model = made.steps[0].target.model
    made.steps = [step for step in made.steps if step.target.model == model]


def _add_last_resort(made: Plan) -> None:
    """Try the target whose cooldown ends first, if any is cooling, rather than failing outright."""
    cooling = _cooling(made)
    if cooling:
        made.skipped.remove(cooling[0])
        made.steps.append(_resort(cooling[0]))
        made.last_resort = True


def last_resorts(made: Plan) -> list[Step]:
    """What is left when none of the steps can be told what was asked: those that cool down, the soonest ready first."""
    steps = [_resort(skipped) for skipped in _cooling(made)]
    if made.route.mode == "specific" and made.steps:
        return [step for step in steps if step.target.model == made.steps[0].target.model]
    return steps


def _cooling(made: Plan) -> list[Skipped]:
    cooling = [skipped for skipped in made.skipped if skipped.until is not None]
    return sorted(cooling, key=lambda skipped: skipped.until or 0.0)


def _resort(cooling: Skipped) -> Step:
    assert cooling.target is not None
    return Step(cooling.target, cooling.node, LAST_RESORT)


def nothing_left(made: Plan) -> RouterError:
    """What is answered when a plan has no steps."""
    name = made.route.name
    out = [skipped for skipped in made.skipped if skipped.kind != "unwanted"]
    reasons = "; ".join(dict.fromkeys(f"`{_called(skipped)}`: {skipped.reason}" for skipped in out))
    if any(skipped.kind == "full" for skipped in out):
        return RouterError("rate_limited", f"Every target of `{name}` is busy. {reasons}.", retry_after=1)
    return RouterError("no_target", f"No target of `{name}` can be used. {reasons or 'It has no nodes'}.")


def _called(skipped: Skipped) -> str:
    return skipped.target.name if skipped.target else skipped.node.provider.name
