"""Document to RouterConfig: everything that one value alone can have wrong with it, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from routerd.config.document import Document
from routerd.config.model import RouterConfig
from routerd.config.problem import Path, Problem, path_text
from routerd.config.wording import shape_at, tell, unknown_key

_ROUNDS = 5  # to mend what is wrong; each brings a level of what could not be seen before


@dataclass(frozen=True, slots=True)
class Shaped:
    """`config` is what could be understood, perhaps with holes; None: nothing.

    `broken` is where the holes are; at those that are `assumed` something stands that nobody wrote, so that what is
    around it could be understood. `renamed` leads from what a misspelt key was taken for to how it is written.
    """

    config: RouterConfig | None
    problems: tuple[Problem, ...]
    broken: frozenset[Path]
    assumed: frozenset[Path]
    renamed: Mapping[Path, Path]


def shape(document: Document) -> Shaped:
    """The config that a document holds, as far as it can be understood, and every problem of its values."""
    shaper = _Shaper(document)
    config = shaper.validate()
    problems, broken, assumed = tuple(shaper.problems), frozenset(shaper.broken), frozenset(shaper.assumed)
    return Shaped(config, problems, broken, assumed, shaper.renamed)


def written(path: Path, renamed: Mapping[Path, Path]) -> Path:
    """`path` as the text has it, misspelt keys included."""
    for length in range(len(path), 0, -1):
        if (spelt := renamed.get(path[:length])) is not None:
            return written(spelt[:-1], renamed) + spelt[-1:] + path[length:]
    return path


class _Shaper:
    """Validates, tells what is wrong, takes it out, and validates again: so the rest can be looked at as well."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: Any = document.data
        self.problems: list[Problem] = []
        self.broken: set[Path] = set(document.holes)
        self.assumed: set[Path] = set()
        self.renamed: dict[Path, Path] = {}

    def validate(self) -> RouterConfig | None:
        for path in list(_empty_values(self.data, ())):
            self._mend_empty(path)
        for turn in range(_ROUNDS):
            try:
                return RouterConfig.model_validate(self.data)
            except ValidationError as error:
                errors = error.errors(include_input=False, include_url=False)
            for one in errors:
                if one["type"] == "extra_forbidden":
                    self._mend_unknown_key(one["loc"])
            found = [(self._judge(one, turn), one["loc"]) for one in errors if one["type"] != "extra_forbidden"]
            for hole, location in found:
                if hole is not None and not (self._assume(hole, location) or self._take_out(hole)):
                    return None
        return None

    def _mend_empty(self, path: Path) -> None:
        """An empty value is never taken for a default: `clients:` would let everyone in."""
        hint = "delete the key"
        if path[0] in _NAMED and len(path) <= 2:
            hint = "write `{}` for none" if len(path) == 1 else "write `{}` if all is as usual"
        self._problem(path, f"nothing stands after `{path[-1]}:`", hint, key=True)
        del _at(self.data, path[:-1])[path[-1]]
        self.broken.add(path)

    def _mend_unknown_key(self, location: Path) -> None:
        """Tell it, and take the key for the one that was likely meant."""
        above, name = location[:-1], str(location[-1])
        real = _real(self.data, above)
        parent = _at(self.data, real)
        message, hint, meant = unknown_key(name, above, parent)
        line, column = self.document.position(written(location, self.renamed), key=True)
        shown = location if f"`{name}`" in message else above
        self.problems.append(Problem("error", line, column, self._path_text(shown), message, hint))
        value = parent.pop(name)
        if meant is None:
            self.broken.add(real)
        else:
            parent[meant] = value
            self.renamed[(*above, meant)] = location

    def _judge(self, error: Mapping[str, Any], turn: int) -> Path | None:
        """Tell an error that has not been told, and say what must go for its sake, if anything."""
        location: Path = error["loc"]
        is_new = turn == 0 or written(location, self.renamed) != location
        real = _real(self.data, location)
        if error["type"] != "missing":
            if is_new:
                node = self.document.find(written(location, self.renamed)).value
                self._problem(location, *tell(error, location, node))
            return real
        if location == real:
            return None  # a misspelt key was taken for it
        if is_new and location not in self.broken:
            self._problem(location[:-1], f"`{location[-1]}` is missing", None, key=True)
        lacking = (*real, location[-1])
        return real if _stand_in(lacking) is None else lacking

    def _assume(self, hole: Path, location: Path) -> bool:
        """Put something else there, where what stands around it could not be looked at without; else False."""
        stand_in = _stand_in(hole)
        if stand_in is None or _real(self.data, hole[:-1]) != hole[:-1]:
            return False
        _at(self.data, hole[:-1])[hole[-1]] = stand_in
        self.broken.add(hole)
        below = tuple(stand_in) if isinstance(stand_in, dict) else ()
        self.assumed |= {(*path, *below) for path in (hole, location)}  # a short form leaves steps out
        return True

    def _take_out(self, path: Path) -> bool:
        """Make a hole where nothing can be understood; False when nothing would be left."""
        if not path:
            return False
        self.broken.add(path)
        if _real(self.data, path) != path:
            return True  # what it stood in is gone already
        parent = _at(self.data, path[:-1])
        if not isinstance(parent, dict):
            return self._take_out(path[:-1])
        del parent[path[-1]]
        return True

    def _problem(self, location: Path, message: str, hint: str | None, *, key: bool = False) -> None:
        line, column = self.document.position(written(location, self.renamed), key)
        self.problems.append(Problem("error", line, column, self._path_text(location), message, hint))

    def _path_text(self, location: Path) -> str:
        return path_text(self.document.find(written(location, self.renamed)).path)


_NAMED = frozenset({"providers", "routes", "clients", "admins"})
_FREE = frozenset({"metadata", "config", "quirks"})
_TEXTS = frozenset({"models", "match", "recipients", "routes"})  # lists whose items are looked at one by one
_PEOPLE = {"clients": {"key_sha256": "0" * 64}, "admins": {"token_sha256": "0" * 64, "role": "viewer"}}


def _is_free(path: Path) -> bool:
    """Whether anything may stand at `path`, nothing included."""
    return len(path) > 2 and path[0] in ("providers", "routes") and path[-1] in _FREE


def _empty_values(data: Any, path: Path) -> Iterator[Path]:
    """Where a key has no value, but for keys that are unknown anyway and perhaps not to be repeated."""
    if isinstance(data, dict) and not _is_free(path):
        shape = shape_at(path)
        for name, value in data.items():
            if value is None and (shape is None or name in shape.model_fields):
                yield (*path, name)
            yield from _empty_values(value, (*path, name))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _empty_values(item, (*path, index))


def _stand_in(path: Path) -> Any:
    """What is put at `path` when that can't be understood: its entry needs it, or the items after it their places."""
    if _is_node(path):
        return {"provider": ""}
    if path[-1:] == ("provider",) and _is_node(path[:-1]):
        return ""
    if len(path) > 1 and isinstance(path[-1], int):
        return "" if path[-2] in _TEXTS else None
    return _PEOPLE.get(str(path[0]), {}).get(str(path[-1])) if len(path) == 3 else None


def _is_node(path: Path) -> bool:
    if not path or not isinstance(path[-1], int):
        return False
    return path[0] == "routes" and (len(path) == 3 or (len(path) == 4 and path[2] == "nodes"))


def _real(data: Any, location: Path) -> Path:
    """The part of a model's location that is in the data: a short form leaves steps out."""
    path: Path = ()
    for step in location:
        if isinstance(data, list) and step == "nodes":
            continue
        is_there = step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int)
        if not is_there:
            break
        data = data[step]
        path = (*path, step)
    return path


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data
