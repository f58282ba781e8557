"""What tells one version of an entry from the next, without telling what it says. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from routerd.config.model import NodeConfig, RouterConfig

Section = Literal["providers", "routes", "clients"]

SECTIONS: tuple[Section, ...] = ("providers", "routes", "clients")  # nodes name providers, so these come first


class NodeMark(NamedTuple):
    """A node of a route; `rest` is a digest of what it says beside provider and models."""

    provider: str
    models: tuple[str, ...]
    rest: str


class Marks(NamedTuple):
    """A digest of each entry, and the nodes of each route."""

    entries: dict[Section, dict[str, str]]
    nodes: dict[str, list[NodeMark]]


def mark(config: RouterConfig) -> Marks:
    """The marks of a config. Takes a millisecond for some dozen entries: not for the event loop."""
    sections: dict[Section, Mapping[str, Any]] = {
        "providers": config.providers,
        "routes": config.routes,
        "clients": config.clients or {},
    }
    entries = {
        section: {name: _digest(entry.model_dump_json(exclude_defaults=True)) for name, entry in of_section.items()}
        for section, of_section in sections.items()  # without defaults: a key that a later version brings is no change
    }
    return Marks(entries, {name: [_node(node) for node in route.nodes] for name, route in config.routes.items()})


_REST = frozenset({"strategy", "priority", "metadata"})


def _node(node: NodeConfig) -> NodeMark:
    if _REST.isdisjoint(node.model_fields_set):
        return NodeMark(node.provider, tuple(node.models), _NO_REST)
    rest = node.model_dump_json(include=set(_REST), exclude_defaults=True)
    return NodeMark(node.provider, tuple(node.models), _digest(rest)[:16])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_NO_REST = _digest("{}")[:16]
