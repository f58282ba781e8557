"""Edits of one client by its name, as changes of the file's data. Pure."""

from __future__ import annotations

from typing import Any

from routerd.config.changes import Change, Drop, Put, Rename
from routerd.config.entries import NameTaken, NoSuchEntry


def create(data: Any, name: str, entry: dict[str, Any]) -> list[Change]:
    """A new client. Raises NameTaken."""
    if name in _clients(data):
        raise NameTaken(name)
    return [Put(("clients", name), entry)]


def patch(data: Any, name: str, asked: dict[str, Any]) -> list[Change]:
    """A JSON merge patch of a client; `name` in it renames. Raises NoSuchEntry, NameTaken."""
    entry = _entry(data, name)
    changes: list[Change] = []
    for key, value in asked.items():
        if key == "name":
            continue
        if value is not None:
            changes.append(Put(("clients", name, key), value))
        elif key in entry:
            changes.append(Drop(("clients", name, key)))
    new = asked.get("name", name)
    if new == name:
        return changes
    if new in _clients(data):
        raise NameTaken(new)
    return [*changes, Rename(("clients", name), new)]


def drop(data: Any, name: str) -> list[Change]:
    """The client goes. Raises NoSuchEntry."""
    _entry(data, name)
    return [Drop(("clients", name))]


def _clients(data: Any) -> dict[str, Any]:
    clients = data.get("clients") if isinstance(data, dict) else None
    return clients if isinstance(clients, dict) else {}


def _entry(data: Any, name: str) -> dict[str, Any]:
    clients = _clients(data)
    if name not in clients:
        raise NoSuchEntry(name)
    entry = clients[name]
    return entry if isinstance(entry, dict) else {}
