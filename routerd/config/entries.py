"""Edits of one provider or route by its name, as changes of the file's data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from routerd.adapters.vendors import VENDORS, detect
from routerd.config.changes import Change, Drop, Put, Rename

Section = Literal["providers", "routes"]


class NoSuchEntry(Exception):
    """There is no provider or route of this name."""


class NameTaken(Exception):
    """There is another one of the name."""


class InUse(Exception):
    """Routes use the provider: `routes` are their names."""

    def __init__(self, routes: Sequence[str]) -> None:
        super().__init__(", ".join(routes))
        self.routes = tuple(routes)


def create(data: Any, section: Section, name: str, entry: Any) -> list[Change]:
    """A new entry behind the others. Raises NameTaken."""
    entries = data.get(section) if isinstance(data, dict) else None
    if isinstance(entries, dict) and name in entries:
        raise NameTaken(name)
    return [Put((section, name), _merged({}, entry) if isinstance(entry, dict) else entry)]


def entry_of(data: Any, section: Section, name: str) -> Any:
    """What stands under the name. Raises NoSuchEntry."""
    entries = data.get(section) if isinstance(data, dict) else None
    if not isinstance(entries, dict) or name not in entries:
        raise NoSuchEntry(name)
    return entries[name]


def patch(data: Any, section: Section, name: str, asked: dict[str, Any]) -> list[Change]:
    """A JSON merge patch of an entry (https://www.rfc-editor.org/rfc/rfc7396); `name` in it renames.

    Raises NoSuchEntry, NameTaken.
    """
    entry = entry_of(data, section, name)
    wanted = {key: value for key, value in asked.items() if key != "name"}
    changes: list[Change] = []
    if isinstance(entry, list):  # the short form of a route, which has room for its nodes alone
        if wanted.keys() - {"nodes"}:
            changes.append(Put((section, name), _merged({"nodes": entry}, wanted)))
        elif wanted:
            changes.append(Put((section, name), wanted["nodes"] or []))
    else:
        changes.extend(_patched((section, name), entry or {}, wanted))
    new = str(asked.get("name", name))
    if new == name:
        return changes
    if section == "providers":
        changes.extend(_pinned(name, new, {**(entry or {}), **wanted}))
    return changes + _renamed(data, section, name, new)


def drop(data: Any, section: Section, name: str, *, force: bool = False) -> list[Change]:
    """The entry goes; with `force` it is taken out of whatever refers to it. Raises NoSuchEntry, InUse."""
    entry_of(data, section, name)
    uses = list(_uses(data, section, name))
    if uses and not force:
        raise InUse(list(dict.fromkeys(str(path[1]) for path, _ in uses)))
    # from the end: what goes must not move what is to go after it
    places = [path[:-1] if path[-1] == "provider" else path for path, _ in reversed(uses)]
    return [*map(Drop, places), Drop((section, name))]


def _patched(path: tuple[str, ...], old: dict[str, Any], wanted: dict[str, Any]) -> Iterator[Change]:
    for key, value in wanted.items():
        here = old.get(key)
        if value is None:
            if key in old:
                yield Drop((*path, key))
        elif isinstance(value, dict) and isinstance(here, dict):
            yield from _patched((*path, key), here, value)
        else:
            yield Put((*path, key), _merged({}, value) if isinstance(value, dict) else value)


def _merged(old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    merged = {**old, **wanted}
    return {
        key: _merged({}, value) if isinstance(value, dict) else value
        for key, value in merged.items()
        if value is not None
    }


def _pinned(name: str, new: str, entry: dict[str, Any]) -> Iterator[Change]:
    """The vendor, where nothing but the old name told it: a provider stays what it is under its new one."""
    told = [entry.get(key) for key in ("base_url", "vendor", "adapter")]
    if told[1] is not None or not all(isinstance(each, str | None) for each in told):
        return
    before, after = detect(name, *told), detect(new, *told)
    if before.name in VENDORS and before.name != after.name:
        yield Put(("providers", name, "vendor"), before.name)
    elif before.name != after.name and before.adapter != after.adapter:
        yield Put(("providers", name, "adapter"), before.adapter)


def _renamed(data: Any, section: Section, name: str, new: str) -> list[Change]:
    if new in data[section]:
        raise NameTaken(new)
    return [*(Put(path, new + rest) for path, rest in _uses(data, section, name)), Rename((section, name), new)]


def _uses(data: Any, section: Section, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where the name stands besides: the place, and what follows the name there."""
    yield from _nodes(data, name) if section == "providers" else _allowed(data, name)


def _nodes(data: Any, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for route, entry in (data.get("routes") or {}).items():
        path: tuple[str | int, ...] = ("routes", route) if isinstance(entry, list) else ("routes", route, "nodes")
        nodes = entry if isinstance(entry, list) else (entry or {}).get("nodes")
        for at, node in enumerate(nodes or []):
            if isinstance(node, str) and node.partition("/")[0] == name:
                yield (*path, at), node.removeprefix(name)
            elif isinstance(node, dict) and node.get("provider") == name:
                yield (*path, at, "provider"), ""


def _allowed(data: Any, name: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for client, entry in (data.get("clients") or {}).items():
        for at, route in enumerate((entry or {}).get("routes") or []):
            if route == name:
                yield ("clients", client, "routes", at), ""
