"""Changes of router.yaml's data, and what the data is to be after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from routerd.config.document import Node
from routerd.config.problem import Path, path_text
from routerd.config.rendering import flow

_WORDS = frozenset({"adapter", "mode", "models", "on_loss", "role", "strategy", "vendor"})  # whose values are no secret
_FREE = frozenset({"config", "metadata"})  # where there could be one
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Put:
    """The value at `path` is to be `value`: plain maps, lists and scalars.

    Maps that are missing on the way are made. In a list the index behind the last item appends.
    """

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """The entry at `path` goes, and the comments directly above it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Rename:
    """The key at `path` is to be called `name`; its value and its place stay."""

    path: Path
    name: str


Change = Put | Drop | Rename


class Map(dict[str, Any]):
    """A map as it is to be; `was` has the names under which its entries stand in the text."""

    def __init__(self, entries: dict[str, Any], was: dict[str, str]) -> None:
        super().__init__(entries)
        self.was = was


class List(list[Any]):
    """A list as it is to be; `was` has the places of its items in the text, None for new ones."""

    def __init__(self, items: Iterable[Any], was: list[int | None]) -> None:
        super().__init__(items)
        self.was = was


def apply(root: Node | None, changes: Iterable[Change]) -> Any:
    """The data after the changes, made one after the other. Raises KeyError for one that is about nothing."""
    data = Map({}, {}) if root is None else _copy(root)
    for change in changes:
        if not change.path and isinstance(change, Put):
            data = _plain(change.value)
        else:
            _CHANGERS[type(change)](_holder(data, change), change)
    return data


def says(node: Node | None, value: Any) -> bool:
    """Whether a node's data is `value`, types included: 1 is not true. Nothing at all is an empty map."""
    if node is None:
        return bool(value == {})
    if isinstance(node.value, dict):
        is_map = isinstance(value, dict) and node.value.keys() == value.keys()
        return is_map and all(says(entry.value, value[name]) for name, entry in node.value.items())
    if isinstance(node.value, list):
        is_list = isinstance(value, list) and len(node.value) == len(value)
        return is_list and all(map(says, node.value, value))
    return type(node.value) is type(value) and node.value == value


def words(change: Change) -> str:
    """A change in words, for a person who is to make it by hand. No value that could be a secret is in it."""
    where = f"`{path_text(change.path)}`" if change.path else "all of it"
    if isinstance(change, Rename):
        return f"rename {where} to {change.name}"
    if isinstance(change, Drop):
        return f"delete {where}"
    value = flow(change.value)
    return f"set {where} to {value}" if _may_be_told(change) and len(value) <= _LONGEST else f"set {where}"


def _may_be_told(change: Put) -> bool:
    """Whether a value can't hold a secret: a number, one of our own words, or a route."""
    if not isinstance(change.value, dict | list | str):
        return True
    if change.path[:1] == ("routes",):
        return _FREE.isdisjoint(_keys(change))
    steps = [step for step in change.path[2:] if isinstance(step, str)]
    return not isinstance(change.value, dict) and steps[-1:] != [] and steps[-1] in _WORDS


def _keys(change: Put) -> Iterator[str | int]:
    """Every key that a change names."""
    yield from change.path
    waiting = [change.value]
    for value in waiting:  # which grows while it is walked
        if isinstance(value, dict):
            yield from value
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []


def _copy(node: Node) -> Any:
    if isinstance(node.value, dict):
        return Map(
            {name: _copy(entry.value) for name, entry in node.value.items()}, {name: name for name in node.value}
        )
    if isinstance(node.value, list):
        return List(map(_copy, node.value), list(range(len(node.value))))
    return node.value


def _plain(value: Any) -> Any:
    """A copy, so that a later change does not reach the caller's own data."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _holder(data: Any, change: Change) -> Any:
    """The map or list that the last step of the path is in."""
    for step in change.path[:-1]:
        if isinstance(change, Put) and isinstance(step, str) and isinstance(data, dict) and data.get(step) is None:
            data[step] = {}
        if not _has(data, step):
            raise KeyError(path_text(change.path))
        data = data[step]
    if not change.path or not (_has(data, _last(change)) or (isinstance(change, Put) and _takes(data, _last(change)))):
        raise KeyError(path_text(change.path))
    return data


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)


def _takes(data: Any, step: str | int) -> bool:
    """Whether a new entry can be put at `step`."""
    return isinstance(step, str) if isinstance(data, dict) else isinstance(data, list) and step == len(data)


def _last(change: Change) -> Any:
    return change.path[-1]


def _put(holder: Any, change: Put) -> None:
    if isinstance(holder, list) and _last(change) == len(holder):
        holder.append(_plain(change.value))
        if isinstance(holder, List):
            holder.was.append(None)
    else:
        holder[_last(change)] = _plain(change.value)


def _drop(holder: Any, change: Drop) -> None:
    del holder[_last(change)]
    if isinstance(holder, Map):
        holder.was.pop(_last(change), None)
    elif isinstance(holder, List):
        del holder.was[_last(change)]


def _rename(holder: Any, change: Rename) -> None:
    if not isinstance(holder, dict) or change.name in holder:
        raise KeyError(path_text((*change.path[:-1], change.name)))
    entries = {change.name if name == _last(change) else name: value for name, value in holder.items()}
    holder.clear()
    holder.update(entries)
    if isinstance(holder, Map) and _last(change) in holder.was:
        holder.was[change.name] = holder.was.pop(_last(change))


_CHANGERS: dict[type[Any], Any] = {Put: _put, Drop: _drop, Rename: _rename}
