"""Plans that come out the same each time, remembered: while nothing ails, a plain route's depends on its turn alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from routerd.routing.modes import Plan, View, plan
from routerd.snapshot import Route


class Live(View, Protocol):
    """What decides whether a remembered plan still holds, and which."""

    @property
    def cursors(self) -> Mapping[tuple[str, int], str]: ...

    @property
    def all_well(self) -> bool:
        """Nothing is remembered against any target, and nobody has overridden one."""


class Planner:
    """Makes the plans of one snapshot's routes."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Route, dict[str | None, Plan] | None] = {}  # None: not a plain route

    def plan(self, route: Route, hint: str | None, live: Live, now: float, affinity: bytes | None) -> Plan:
        """As `modes.plan`, which says what it raises."""
        if hint is not None or affinity is not None or not live.all_well:
            return plan(route, hint, live, now, affinity)
        known = self._known.get(route, _UNSEEN)
        if known is _UNSEEN:
            known = self._known[route] = {} if is_plain(route) else None
        if known is None:
            return plan(route, None, live, now)
        turn = live.cursors.get((route.name, 1))
        made = known.get(turn)
        if made is None:
            made = known[turn] = plan(route, None, live, now)
        return made


_UNSEEN: dict[str | None, Plan] = {}


def is_plain(route: Route) -> bool:
    """Whether nothing but the turn of its one ring changes the plan: every node has one target and no limit."""
    return route.mode == "auto" and all(
        len(node.targets) == 1 and node.provider.max_in_flight is None for node in route.nodes
    )
