"""What happens to each entry of a map or list of the text, so that it says what is wanted."""

from __future__ import annotations

from typing import Any, NamedTuple

from routerd.config.alignment import align
from routerd.config.changes import List, Map
from routerd.config.document import Node, plain


class Refused(Exception):
    """What stands at `line`, from 1, can't be edited by a program."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class Keep(NamedTuple):
    """The old entry at this place stays there, and is to have this name and value."""

    old: int
    name: str | int
    value: Any


class Move(NamedTuple):
    """The old item at this place comes here as it is."""

    old: int


class Add(NamedTuple):
    """A new entry comes here: a key, or an item at the place `name`."""

    name: str | int
    value: Any


Step = Keep | Move | Add


def plan_of(node: Node, value: Any) -> list[Step]:
    """The steps of a map or list, in the order of the result. What no step names goes."""
    if isinstance(node.value, dict):
        return _plan_of_map(list(node.value), value)
    assert isinstance(node.value, list)
    return _plan_of_list(node.value, value)


def _plan_of_map(names: list[str], value: dict[str, Any]) -> list[Step]:
    """Old keys keep their order; a new one follows the key that it follows in `value`."""
    places = {name: index for index, name in enumerate(names)}
    was = value.was if isinstance(value, Map) else {name: name for name in value if name in places}
    keeps: dict[int, Keep] = {}
    adds: dict[int, list[Step]] = {}
    above = -1
    for name, each in value.items():
        if name in was:
            above = places[was[name]]
            keeps[above] = Keep(above, name, each)
        else:
            adds.setdefault(above, []).append(Add(name, each))
    steps = adds.get(-1, [])
    for index in sorted(keeps):
        steps += [keeps[index], *adds.get(index, [])]
    return steps


def _plan_of_list(items: list[Node], value: list[Any]) -> list[Step]:
    if isinstance(value, List):
        pairs = zip(value.was, value, strict=True)
        return [Add(at, each) if was is None else Keep(was, at, each) for at, (was, each) in enumerate(pairs)]
    steps: list[Step] = []
    for at, (match, each) in enumerate(zip(align([plain(item) for item in items], value), value, strict=True)):
        if match.old is None:
            steps.append(Add(at, each))
        else:
            steps.append(Move(match.old) if match.is_moved else Keep(match.old, at, each))
    return steps
