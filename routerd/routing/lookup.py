"""From the name in `model` to a route, in the order that the API promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Literal, Protocol

from routerd.errors import RouterError
from routerd.routing import hints
from routerd.snapshot import Node, Provider, Route, Target

Rule = Literal["route", "match", "hint", "provider", "model"]

NEAREST = 3
NEAR_ENOUGH = 0.5  # of the letter pairs of both names
COMPARED_AT_MOST = 500  # names: comparing all of a huge config would hold the event loop up
LONGEST_COMPARED = 80  # characters


class Names(Protocol):
    """What a look-up needs of a snapshot. `template` is what a route made on the spot inherits."""

    @property
    def routes(self) -> Mapping[str, Route]: ...

    @property
    def providers(self) -> Mapping[str, Provider]: ...

    @property
    def matches(self) -> Sequence[tuple[str, Route]]: ...

    @property
    def template(self) -> Route: ...


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a name stands for. `is_configured`: the route is one of router.yaml's, not made on the spot."""

    route: Route
    hint: str | None
    is_configured: bool


def find(model: str, names: Names) -> Resolution | None:
    """What `model` stands for, by the first rule that resolves; None: nothing. Depends on the arguments alone."""
    for rule in RULES.values():
        resolution = rule(model, names)
        if resolution is not None:
            return resolution
    return None


def rule_of(model: str, names: Names) -> tuple[Rule, str] | None:
    """The rule by which `find` finds, and how a person would say it."""
    for name, rule in RULES.items():
        if rule(model, names) is not None:
            best = _best_match(model, names) if name == "match" else None
            return name, f"{_IN_WORDS[name]} `{best[0]}`" if best else _IN_WORDS[name]
    return None


def resolve(model: str, names: Names) -> Resolution:
    """As `find`; raises RouterError `unknown_model` with the nearest names."""
    resolution = find(model, names)
    if resolution is None:
        raise unknown(model, names)
    return resolution


def unknown(model: str, names: Names, routes: frozenset[str] | None = None) -> RouterError:
    """The error for a name that stands for nothing, naming the nearest that a client with `routes` may use."""
    nearest = _nearest(model, listing(names, routes))
    told = f" Did you mean {' or '.join(f'`{name}`' for name in nearest)}?" if nearest else ""
    reason = _inactive(model, names) if routes is None else None
    return RouterError("unknown_model", f"There is no model `{hints.shown(model)}`{reason or ''}.{told}", param="model")


def allowed(resolution: Resolution, routes: frozenset[str] | None) -> None:
    """Raise RouterError `forbidden` unless a client with `routes` (None: all) may use what was resolved."""
    if routes is None or (resolution.is_configured and resolution.route.name in routes):
        return
    usable = ", ".join(f"`{name}`" for name in sorted(routes)) or "none"
    message = f"This client may not use `{hints.shown(resolution.route.name)}`. Its routes: {usable}."
    raise RouterError("forbidden", message, param="model")


def listing(names: Names, routes: frozenset[str] | None = None) -> list[str]:
    """What a client with `routes` (None: all) can ask for: active routes, then `provider/model` of active providers."""
    active = [name for name, route in names.routes.items() if route.is_active]
    if routes is not None:
        return [name for name in active if name in routes]
    offered = [
        f"{provider.name}/{model}"
        for provider in names.providers.values()
        if provider.is_active
        for model in provider.models
    ]
    return list(dict.fromkeys(active + offered))


def adhoc(name: str, targets: Iterable[tuple[Provider, str]], template: Route) -> Route:
    """A route made on the spot: auto, with failover among `targets` in the order given."""
    nodes = tuple(_node(position, provider, model) for position, (provider, model) in enumerate(targets, 1))
    return replace(template, name=name, mode="auto", strategy="failover", nodes=nodes, affinity="none", is_active=True)


def _node(position: int, provider: Provider, model: str) -> Node:
    target = Target(provider, model, f"{provider.name}/{model}")
    return Node(position, target.name, provider, (target,), "failover")


def _by_name(model: str, names: Names) -> Resolution | None:
    route = names.routes.get(model)
    return Resolution(route, None, True) if route is not None and route.is_active else None


def _by_match(model: str, names: Names) -> Resolution | None:
    best = _best_match(model, names)
    return Resolution(best[1], None, True) if best is not None else None


def _best_match(model: str, names: Names) -> tuple[str, Route] | None:
    """An exact pattern, else the longest prefix before a `*`, else the first in file order."""
    fitting = [(pattern, route) for pattern, route in names.matches if route.is_active and _fits(pattern, model)]
    return max(fitting, key=lambda match: ("*" not in match[0], len(match[0].partition("*")[0])), default=None)


def _fits(pattern: str, model: str) -> bool:
    if "*" not in pattern:
        return pattern == model
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), model, re.DOTALL) is not None


def _by_hint(model: str, names: Names) -> Resolution | None:
    name, _, hint = model.partition("/")
    route = names.routes.get(name)
    if route is None or not route.is_active or not hints.offers(route, hint):
        return None
    return Resolution(route, hint, True)


def _by_provider(model: str, names: Names) -> Resolution | None:
    name, _, own = model.partition("/")
    provider = names.providers.get(name)
    if provider is None or not provider.is_active or not own:
        return None
    if provider.models and own not in provider.models:
        return None
    return Resolution(adhoc(model, [(provider, own)], names.template), None, False)


def _by_listed_model(model: str, names: Names) -> Resolution | None:
    listing_it = [(provider, model) for provider in names.providers.values() if _lists(provider, model)]
    return Resolution(adhoc(model, listing_it, names.template), None, False) if listing_it else None


def _lists(provider: Provider, model: str) -> bool:
    return provider.is_active and model in provider.models


RULES: Mapping[Rule, Callable[[str, Names], Resolution | None]] = MappingProxyType({
    "route": _by_name,
    "match": _by_match,
    "hint": _by_hint,
    "provider": _by_provider,
    "model": _by_listed_model,
})
"""In the order in which they are asked."""

_IN_WORDS: Mapping[Rule, str] = MappingProxyType({
    "route": "it is the name of a route",
    "match": "it fits the route's pattern",
    "hint": "it is ROUTE/HINT",
    "provider": "it is PROVIDER/MODEL",
    "model": "active providers list this model",
})


def _inactive(model: str, names: Names) -> str | None:
    """Why a name that stands in router.yaml is not to be had."""
    head, slash, _ = model.partition("/")
    route = names.routes.get(model) or names.routes.get(head)
    provider = names.providers.get(head) if slash else None
    for kind, entry in (("route", route), ("provider", provider)):
        if entry is not None and not entry.is_active:
            return f": {kind} `{entry.name}` is not active"
    return None


def _nearest(model: str, choices: Iterable[str]) -> list[str]:
    """The choices that share most of their letter pairs with `model`, the nearest first."""
    wanted = _pairs(model[:LONGEST_COMPARED])
    compared = [(_likeness(wanted, choice), choice) for choice in islice(choices, COMPARED_AT_MOST)]
    near = sorted((pair for pair in compared if pair[0] >= NEAR_ENOUGH), key=lambda pair: -pair[0])
    return [choice for _, choice in near[:NEAREST]]


def _likeness(wanted: frozenset[str], choice: str) -> float:
    """From 0 to 1, by the whole name or by the model's alone."""
    names = (_pairs(choice), _pairs(choice.partition("/")[2]))
    return max(2 * len(wanted & name) / (len(wanted) + len(name)) for name in names)


@lru_cache(maxsize=4 * COMPARED_AT_MOST)
def _pairs(word: str) -> frozenset[str]:
    bounded = f"^{word.casefold()}$"
    return frozenset(bounded[index : index + 2] for index in range(len(bounded) - 1))
