"""What a hint (the HINT of ROUTE/HINT) leaves of a route: by mode, from the exact name down to a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from routerd.errors import RouterError
from routerd.snapshot import Node, Route, Strategy, Target

NAMED_AT_MOST = 20
SHOWN_AT_MOST = 100  # characters of a name that a caller made up


@dataclass(frozen=True, slots=True)
class Choice:
    """The targets that may be used, why, and the strategy that decides among them."""

    targets: frozenset[Target]
    reason: str
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class Rank:
    """One way for a name to answer to a hint."""

    fits: Callable[[str, str], bool]
    reason: str


EXACT = Rank(lambda name, hint: name == hint, "the hint is its exact name")
RANKS = (
    EXACT,
    Rank(lambda name, hint: name.casefold() == hint.casefold(), "the hint is its name in other case"),
    Rank(lambda name, hint: name.casefold().startswith(hint.casefold()), "its name begins with the hint"),
    Rank(lambda name, hint: hint.casefold() in name.casefold(), "its name contains the hint"),
)
RANKS_OF_MODE: Mapping[str, Sequence[Rank]] = MappingProxyType({"auto": (EXACT,), "specific": RANKS, "multi": (EXACT,)})


def choose(route: Route, hint: str) -> Choice:
    """The targets in the best rank that any target of the route reaches.

    What can be used now doesn't matter here, so that a model asked for by its name is never replaced by a namesake
    while its provider is down. Raises RouterError `unknown_model`, naming what there is.
    """
    targets = [target for node in route.nodes for target in node.targets]
    for rank in RANKS_OF_MODE[route.mode]:
        fitting = frozenset(target for target in targets if _fits(rank, target, hint))
        if fitting:
            return Choice(fitting, rank.reason, route.strategy)
    raise _unknown(route, targets, hint)


def offers(route: Route, hint: str) -> bool:
    """Whether `choose` finds anything."""
    targets = (target for node in route.nodes for target in node.targets)
    ranks = RANKS_OF_MODE[route.mode]
    return bool(hint) and any(_fits(rank, target, hint) for target in targets for rank in ranks)


def first_model(nodes: Iterable[Node]) -> Choice:
    """The model of a specific route that is asked without a hint: the first node's first, wherever it is offered."""
    targets = [target for node in nodes for target in node.targets]
    same = frozenset(target for target in targets if target.model == targets[0].model)
    return Choice(same, "the first node's first model", "failover")


def shown(name: str) -> str:
    """A caller's name as a message shows it: cut where it is overlong."""
    return name if len(name) <= SHOWN_AT_MOST else f"{name[:SHOWN_AT_MOST]}…"


def _fits(rank: Rank, target: Target, hint: str) -> bool:
    return rank.fits(target.model, hint) or ("/" in hint and rank.fits(target.name, hint))


def _unknown(route: Route, targets: list[Target], hint: str) -> RouterError:
    models = list(dict.fromkeys(target.model for target in targets))
    named = ", ".join(f"`{model}`" for model in models[:NAMED_AT_MOST]) or "no models at all"
    more = f" and {len(models) - NAMED_AT_MOST} more" if len(models) > NAMED_AT_MOST else ""
    message = f"Route `{route.name}` has no model `{shown(hint)}`. It has {named}{more}."
    return RouterError("unknown_model", message, param="model")
