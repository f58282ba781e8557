"""Providers and routes as a backup has them, and the changes that bring them back. Pure.

What the backup tells beside the config (ids, how a provider was) is told here from what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from routerd.config.changes import Change, Drop, Put
from routerd.config.check import check
from routerd.config.longhand import BESIDE, SECTIONS, Entries, Section, long_node, without_short_forms
from routerd.config.model import RouterConfig
from routerd.config.problem import Path, Problem
from routerd.config.rendering import flow

_BESIDE_NODE = frozenset({"id", "api_id", "provider_name"})


class Unfit(Exception):
    """What is to be restored can't be: the message says why for people, `problems` where, and no value is in either."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be there: entries by name, and the config that they make. `lacking` are the paths of keys that the
    backup could not hold."""

    providers: Entries
    routes: Entries
    config: RouterConfig
    lacking: frozenset[Path] = frozenset()

    def of(self, section: Section) -> Entries:
        """The entries of one section."""
        return self.providers if section == "providers" else self.routes

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each."""
        return {section: len(self.of(section)) for section in SECTIONS}


def wanted(providers: Sequence[Any], routes: Sequence[Any], lacking: Sequence[Path] = ()) -> Wanted:
    """What two lists of entries mean, as a backup has them. Raises Unfit."""
    names = {entry["id"]: entry.get("name") for entry in providers if isinstance(entry, dict) and _is_id(entry)}
    found: dict[Section, Entries] = {
        "providers": dict(_named("providers", providers)),
        "routes": {name: _with_names(entry, names) for name, entry in _named("routes", routes)},
    }
    checked = check(flow(dict(found)))
    if checked.config is None:
        problems = [replace(problem, line=1, column=1) for problem in checked.errors]
        raise Unfit("What is to be restored has problems, so nothing was changed.", problems)
    return Wanted(found["providers"], found["routes"], checked.config, frozenset(lacking))


def plan(data: Any, asked: Wanted) -> list[Change]:
    """What has to change in the file's data so that its providers and routes are just those that are wanted.

    What is equal is not touched, new entries come last, and what is not wanted goes.
    """
    changes: list[Change] = []
    for section in reversed(SECTIONS):  # routes that go first leave no node without its provider
        entries = data.get(section) if isinstance(data, dict) else None
        there: Entries = entries if isinstance(entries, dict) else {}
        changes += [Drop((section, name)) for name in there if name not in asked.of(section)]
    for section in SECTIONS:
        entries = data.get(section) if isinstance(data, dict) else None
        there = entries if isinstance(entries, dict) else {}
        for name, entry in asked.of(section).items():
            entry = _completed(section, name, entry, there.get(name), asked.lacking)
            if name not in there:
                changes.append(Put((section, name), _short(section, entry)))
            else:
                changes += _changed(section, name, there[name], entry)
    return changes


def _named(section: Section, entries: Sequence[Any]) -> Iterator[tuple[str, Entries]]:
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise Unfit(f"{section}[{at}] is no entry with a name.")
        if name in seen:
            raise Unfit(f"{section}[{at}] has a name that another one has already.")
        seen.add(name)
        kept = {key: value for key, value in entry.items() if key not in BESIDE[section]}
        yield name, without_short_forms(section, kept)


def _is_id(entry: Entries) -> bool:
    return isinstance(entry.get("id"), int)


def _with_names(route: Entries, names: Mapping[Any, Any]) -> Entries:
    """The route with providers named in its nodes, also where a node has a number alone."""
    if not isinstance(route.get("nodes"), list):
        return route

    def named(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        kept = {key: value for key, value in node.items() if key not in _BESIDE_NODE}
        number = node.get("api_id")
        if "provider" not in kept and isinstance(number, int) and number in names:
            kept["provider"] = names[number]
        return kept

    return {**route, "nodes": [named(node) for node in route["nodes"]]}


def _completed(section: Section, name: str, entry: Entries, there: Any, lacking: frozenset[Path]) -> Entries:
    """With the key that the backup could not hold, if the provider that is there has it, for the same address."""
    if section != "providers" or (section, name, "api_key") not in lacking or "api_key" in entry:
        return entry
    is_same = isinstance(there, dict) and all(
        there.get(key) == entry.get(key) for key in ("base_url", "vendor", "adapter")
    )
    return {**entry, "api_key": there["api_key"]} if is_same and "api_key" in there else entry


def _changed(section: Section, name: str, there: Any, entry: Entries) -> Iterator[Change]:
    """The changes of one entry that is there already."""
    old = without_short_forms(section, there)
    if _is_same(old, entry):
        return
    if not isinstance(there, dict) or (not entry and there):
        yield Put((section, name), _short(section, entry))
        return
    yield from _differences((section, name), there, entry, old)


def _differences(path: Path, there: Entries, wanted: Entries, old: Entries) -> Iterator[Change]:
    for key in there:
        if key not in wanted:
            yield Drop((*path, key))
    for key, value in wanted.items():
        if key in old and _is_same(old[key], value):
            continue
        if key == "nodes" and len(path) == 2:
            yield Put((*path, key), _nodes(value, there.get(key)))
        elif isinstance(value, dict) and value and isinstance(there.get(key), dict):
            yield from _differences((*path, key), there[key], value, there[key])
        else:
            yield Put((*path, key), value)


def _nodes(wanted: Sequence[Any], there: Any) -> list[Any]:
    """The nodes in their short form; one that is there already as it is written there, so that its line stays."""
    written = there if isinstance(there, list) else []
    return [next((node for node in written if _is_same(long_node(node), each)), _short_node(each)) for each in wanted]


def _short(section: Section, entry: Entries) -> Any:
    """A new entry as a person would write it."""
    if section != "routes" or not isinstance(entry.get("nodes"), list):
        return entry
    nodes = [_short_node(node) for node in entry["nodes"]]
    return nodes if entry.keys() == {"nodes"} else {**entry, "nodes": nodes}


def _short_node(node: Entries) -> Any:
    models = node.get("models")
    if node.keys() == {"provider", "models"} and len(models or ()) == 1:
        return f"{node['provider']}/{models[0]}"  # type: ignore[index]
    return node


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, types included: 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return type(one) is type(other) and bool(one == other)
