"""`/api/model-routes`: the routes of router.yaml, with their nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routerd.config.document import parse
from routerd.config.model import NodeConfig, RouteConfig
from routerd.config.payloads import changed_route, new_route
from routerd.loading import Loaded
from routerd.management import Management
from routerd.state.inventory import Row
from routerd.web.entries import Body, Entries, TextFacts, tell_each, told_times
from routerd.web.entry_shapes import EditedRoute, Route
from routerd.web.operations import DRY_RUN, Operation
from routerd.web.providers import FORCE

_ALWAYS = frozenset({"mode", "strategy", "is_active", "config", "nodes"})


class ModelRoutesApi(Entries):
    """The handlers; every one runs behind the guard."""

    section = "routes"
    path = "/api/model-routes"

    def __init__(self, management: Management) -> None:
        super().__init__(management)
        self._texts = TextFacts(_read)

    def operations(self) -> Sequence[Operation]:
        """One row for each path and method."""
        one = f"{self.path}/{{id}}"
        return (
            Operation(
                "GET", self.path, self.list, "All routes, in the order of the file.",
                gives=list[Route], is_tagged=True,
            ),
            Operation(
                "POST", self.path, self.create, "Add a route; its nodes name providers by id or by name.",
                body=dict, gives=EditedRoute, status=201, query=(DRY_RUN,), problems=("name_taken",),
            ),
            Operation(
                "GET", one, self.get, "One route, by its id or its name.",
                gives=Route, problems=("not_found",), is_tagged=True,
            ),
            Operation(
                "PATCH", one, self.patch, "Change a route by a JSON merge patch; nodes that stay keep their lines.",
                body=dict, gives=EditedRoute, query=(DRY_RUN,), problems=("not_found", "name_taken"),
            ),
            Operation(
                "DELETE", one, self.drop, "Remove a route that no client names, or with `force` from those, too.",
                status=204, query=(DRY_RUN, FORCE), problems=("not_found", "in_use"),
            ),
        )  # fmt: skip

    async def shown(self, loaded: Loaded, rows: Mapping[str, Row]) -> list[Body]:
        """See the base."""
        providers = {
            node.provider: self._inventory.id_of("providers", node.provider)
            for name in rows
            for node in loaded.config.routes[name].nodes
        }
        routes, written = loaded.config.routes, await self._texts.of(loaded)
        return await tell_each(rows, lambda name, row: _one(name, row, routes[name], written[name], providers))

    def made(self, asked: Body) -> Any:
        """See the base."""
        return new_route(asked, self._provider)

    def changed(self, name: str, old: Any, asked: Body) -> Body:
        """See the base."""
        return changed_route(old, asked, self._provider)

    def _provider(self, ident: str) -> str | None:
        return self._inventory.name_of("providers", ident)


def _read(loaded: Loaded) -> dict[str, Body]:
    """What the file says of each route beside what is always told; in a thread."""
    data = parse(loaded.text).data["routes"] if loaded.config.routes else {}
    return {
        name: {key: value for key, value in entry.items() if key not in _ALWAYS} if isinstance(entry, dict) else {}
        for name, entry in data.items()
    }


def _one(name: str, row: Row, route: RouteConfig, written: Body, providers: Mapping[str, int]) -> Body:
    nodes = [
        _node(number, providers[node.provider], node, route)
        for number, node in zip(row.nodes, route.nodes, strict=True)
    ]
    return {
        "id": row.id,
        "name": name,
        "mode": route.mode,
        "strategy": route.strategy,
        "is_active": route.is_active,
        "config": route.config,
        **written,
        "nodes": nodes,
        **told_times(row),
    }


def _node(number: int, provider: int, node: NodeConfig, route: RouteConfig) -> Body:
    return {
        "id": number,
        "api_id": provider,
        "provider_name": node.provider,
        "models": node.models,
        "strategy": node.strategy or route.strategy,
        "priority": node.priority,
        "metadata": node.metadata,
    }
