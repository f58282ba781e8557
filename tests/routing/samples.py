"""Routes, nodes and providers in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from routerd.routing.modes import Plan, plan
from routerd.snapshot import Node, Provider, Route, Target
from routerd.state.counters import Counters


def provider(name: str, models: str = "", **changes: Any) -> Provider:
    """A provider at an origin of its own; `models` separated by spaces."""
    origin = f"https://{name}.test:443"
    bare = Provider(name=name, adapter="openai", url=f"{origin}/v1/chat/completions", origin=origin)
    return replace(bare, models=tuple(models.split()), **changes)


def target(name: str, **changes: Any) -> Target:
    """The target `provider/model`; `changes` are the provider's."""
    owner, _, model = name.partition("/")
    return Target(provider(owner, **changes), model, name)


def route(nodes: str, *, name: str = "smart", providers: Iterable[Provider] = (), **changes: Any) -> Route:
    """A route from `a/m b/m1,m2@1`: provider, models, and after the @ a priority. The changes are the route's.

    `providers` stand in for the healthy ones that are made up otherwise; `node_strategy` is that of every node.
    """
    known = {entry.name: entry for entry in providers}
    strategy = changes.get("strategy", "failover")
    node_strategy = changes.pop("node_strategy", strategy)
    entries = enumerate(nodes.split(), 1)
    made = tuple(_node(position, text, known, node_strategy) for position, text in entries)
    return replace(Route(name, "auto", strategy, made), **changes)


def _node(position: int, text: str, known: dict[str, Provider], strategy: Any) -> Node:
    spelt, _, priority = text.partition("@")
    owner, _, models = spelt.partition("/")
    entry = known.setdefault(owner, provider(owner))
    targets = tuple(Target(entry, model, f"{owner}/{model}") for model in models.split(",") if model)
    return Node(position, spelt, entry, targets, strategy, int(priority or 0))


def order(made: Plan) -> str:
    """The plan as `a/m b/m`."""
    return " ".join(step.target.name for step in made.steps)


def take(counters: Counters, asked: Route, hint: str | None = None, now: float = 0.0, key: bytes | None = None) -> Plan:
    """Plan and turn, as a request does."""
    made = plan(asked, hint, counters, now, key)
    counters.advance(made)
    return made
