"""Random edits of a config's data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from routerd.config.problem import Path
from routerd.config.splice import Change, Drop, Put, Rename

TEXTS = [
    "a", "gpt-5.2", "openai/gpt-5.2", "env:OPENAI_API_KEY", "http://127.0.0.1:11434/v1", "age:YWdl/+==", "", " ", "a b",
    "a: b", "a:", "a #b", "#a", "- a", "-", "?", ": a", "{a}", "[a", "a, b", "a]", "*a", "&a", "!a", "%a", "@a", "`a`",
    "'a'", '"a"', "it's", 'say "a"', "\\", "a\\nb", "a\nb", "a\n", "\na", "a\tb", "true", "null", "~", "yes", "1",
    "1.5", "0x1f", "1e5", ".5", "12:30", "<<", "...", "---", "ü", "🙂", "\u2028", "\u0085", "\x7f", "gpt-5*", "x" * 120,
]  # fmt: skip
NAMES = ["new", "new one", "x-1", "größe", "404", "true", "a: b", "#a", "'q'", "..", "-", "z/y"]
SCALARS: list[Any] = [0, 1, -3, 1.5, 1e-07, True, False, None, 20]


def scalar(rng: random.Random) -> Any:
    return rng.choice(SCALARS) if rng.random() < 0.3 else rng.choice(TEXTS)


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 2 or kind < 0.6:
        return scalar(rng)
    if kind < 0.8:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def likely(rng: random.Random, path: Path) -> Any:
    """A value as the API writes it at a place."""
    node: Any = rng.choice(["p/a", "p/b", {"provider": "p", "models": ["a"], "priority": 1}, {"provider": "q"}])
    if path[:1] == ("providers",) and len(path) == 2:
        return rng.choice([
            {"api_key": "env:X"},
            {"base_url": "https://x.example.org/v1", "api_key": "k", "models": []},
        ])
    if path[:1] == ("routes",) and len(path) == 2:
        return rng.choice([
            ["p/a", "p/b"],
            {"strategy": "round-robin", "nodes": [node]},
            {"mode": "multi", "nodes": []},
        ])
    if path[-1:] == ("nodes",) or path[-1:] == ("models",):
        return [node if path[-1] == "nodes" else rng.choice(TEXTS[:3]) for _ in range(rng.randrange(4))]
    return value(rng)


def places(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every path with its value."""
    yield path, data
    if isinstance(data, dict):
        for name, each in data.items():
            yield from places(each, (*path, name))
    elif isinstance(data, list):
        for at, each in enumerate(data):
            yield from places(each, (*path, at))


def edit(rng: random.Random, data: Any) -> Change:
    """Any one change of `data`."""
    return rng.choice(_EDITS)(rng, data) or _add(rng, data)


def edits(rng: random.Random, data: Any) -> list[Change]:
    """Several changes that have nothing to do with one another: each in another entry of another section."""
    found: list[Change] = []
    for _ in range(rng.randrange(2, 5)):
        change = edit(rng, data)
        if len(change.path) > 2 and all(change.path[:2] != other.path[:2] for other in found):
            found.append(change)
    return found or [edit(rng, data)]


def _any(rng: random.Random, data: Any, kind: type | tuple[type, ...]) -> tuple[Path, Any] | None:
    found = [(path, each) for path, each in places(data) if isinstance(each, kind)]
    return rng.choice(found) if found else None


def _set(rng: random.Random, data: Any) -> Change | None:
    found = [(path, each) for path, each in places(data) if path and not isinstance(each, dict | list)]
    return Put(rng.choice(found)[0], scalar(rng)) if found else None


def _replace(rng: random.Random, data: Any) -> Change | None:
    found = [path for path, _ in places(data) if len(path) > 1]
    return Put(path := rng.choice(found), likely(rng, path)) if found else None


def _add(rng: random.Random, data: Any) -> Change:
    path, holder = _any(rng, data, dict) or ((), {})
    if not path:
        section = rng.choice(["providers", "routes", "clients", "server", "new"])
        path = (
            (section, rng.choice(NAMES)) if section not in holder or holder[section] is None else (rng.choice(NAMES),)
        )
    else:
        path = (*path, rng.choice([name for name in NAMES if name not in holder]))
    return Put(path, likely(rng, path))


def _append(rng: random.Random, data: Any) -> Change | None:
    found = _any(rng, data, list)
    return Put((*found[0], len(found[1])), likely(rng, (*found[0], 0))) if found else None


def _insert(rng: random.Random, data: Any) -> Change | None:
    found = _any(rng, data, list)
    if found is None:
        return None
    at = rng.randrange(len(found[1]) + 1)
    return Put(found[0], [*found[1][:at], likely(rng, found[0]), *found[1][at:]])


def _drop(rng: random.Random, data: Any) -> Change | None:
    found = [path for path, _ in places(data) if path]
    return Drop(rng.choice(found)) if found else None


def _rename(rng: random.Random, data: Any) -> Change | None:
    path, holder = _any(rng, data, dict) or ((), {})
    if not holder:
        return None
    return Rename((*path, rng.choice(list(holder))), rng.choice([name for name in NAMES if name not in holder]))


def _reorder(rng: random.Random, data: Any) -> Change | None:
    found = _any(rng, data, list)
    return Put(found[0], rng.sample(found[1], len(found[1]))) if found else None


def _edit_list(rng: random.Random, data: Any) -> Change | None:
    """Several things happen to a list at once."""
    found = _any(rng, data, list)
    if found is None:
        return None
    items = [item for item in found[1] if rng.random() < 0.7]
    rng.shuffle(items) if rng.random() < 0.3 else None
    for _ in range(rng.randrange(3)):
        items.insert(rng.randrange(len(items) + 1), likely(rng, (*found[0], 0)))
    return Put(found[0], items)


def _edit_map(rng: random.Random, data: Any) -> Change | None:
    """A whole map is given anew, as after a merge patch."""
    found = [(path, each) for path, each in places(data) if path and isinstance(each, dict)]
    if not found:
        return None
    path, old = rng.choice(found)
    new = {name: each for name, each in old.items() if rng.random() < 0.7}
    new |= {rng.choice(NAMES): value(rng) for _ in range(rng.randrange(2))}
    entries = list(new.items())
    rng.shuffle(entries) if rng.random() < 0.3 else None
    return Put(path, dict(entries))


_EDITS = [_set, _set, _replace, _add, _add, _append, _insert, _drop, _drop, _rename, _reorder, _edit_list, _edit_map]
