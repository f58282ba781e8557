"""Entries of router.yaml as a backup has them: a route is a map with `nodes`, a node a map that names its `provider`.

Apart from `restoring`, which needs all that checks a text: a backup is made at every start, by a process that does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Section = Literal["providers", "routes"]
SECTIONS: tuple[Section, ...] = ("providers", "routes")

BESIDE: Mapping[Section, frozenset[str]] = {
    "providers": frozenset({
        "id", "name", "status", "status_code", "latency_ms", "detail", "last_tested_at", "discovered", "created_at",
        "updated_at",
    }),
    "routes": frozenset({"id", "name", "created_at", "updated_at"}),
}  # fmt: skip
"""What a backup tells of an entry beside the config."""

Entries = dict[str, Any]


def written_out(data: Any, section: Section) -> Iterator[tuple[str, Entries]]:
    """Every entry of the file's data with its name, without short forms."""
    entries = data.get(section) if isinstance(data, dict) else None
    for name, entry in (entries or {}).items():
        yield name, without_short_forms(section, entry)


def without_short_forms(section: Section, entry: Any) -> Entries:
    """An entry as a map; one that is none has what it is under an empty name."""
    if section == "routes" and isinstance(entry, list):
        entry = {"nodes": entry}
    if not isinstance(entry, dict):
        return {} if entry is None else {"": entry}  # which is a problem, and told as one
    if section == "routes" and isinstance(entry.get("nodes"), list):
        return {**entry, "nodes": [long_node(node) for node in entry["nodes"]]}
    return dict(entry)


def long_node(node: Any) -> Any:
    """A node as a map, if it is one."""
    if isinstance(node, str):
        provider, slash, model = node.partition("/")
        return {"provider": provider, "models": [model]} if provider and slash and model else node
    return node
