"""pydantic's errors in our words: never a value, always what may stand there instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from routerd.config.document import Node
from routerd.config.model import RouteConfig, RouterConfig, Shape
from routerd.config.problem import Path
from routerd.config.similar import closest, did_you_mean
from routerd.settings import SOURCES

_WORDS_OF_YAML_1_1 = frozenset({"yes", "no", "on", "off", "y", "n"})
_SPACE = "a space is missing after the colon"
_BRACKETS = "put it into `[…]`"
_OF_THE_PROCESS: frozenset[Path] = frozenset({(), ("server",)})  # where people look for what is a setting

# What people know from elsewhere, and what difflib would not find.
_SYNONYMS = {
    "active": "is_active", "adapters": "adapter", "api": "adapter", "api_base": "base_url", "base": "base_url",
    "enabled": "is_active", "endpoint": "base_url", "fallback": "nodes", "fallbacks": "nodes", "host": "base_url",
    "kind": "adapter", "key": "api_key", "target": "nodes", "targets": "nodes", "token": "api_key", "type": "adapter",
    "uri": "base_url", "url": "base_url",
}  # fmt: skip

Told = tuple[str, str | None]


def tell(error: Mapping[str, Any], path: Path, node: Node | None) -> Told:
    """Message and hint for one of pydantic's errors about the value `node`, which stands at `path` of the config."""
    kind = str(error["type"])
    context = error.get("ctx", {})
    if node is not None and node.value is None:
        return "nothing stands here", "fill it in, or delete it"
    if kind == "literal_error":
        return _not_one_of(_choices(str(context["expected"])), node)
    if kind in _BOUNDS:
        bound = next(iter(context.values()))
        return f"must be {_BOUNDS[kind]} {bound:,.15g}", None
    teller = _TELLERS.get(kind)
    return teller(path, node) if teller is not None else (str(error["msg"]), None)


def unknown_key(name: str, path: Path, present: Iterable[str]) -> tuple[str, str | None, str | None]:
    """Message, hint and the key that was likely meant, for the key `name` of the map at `path`.

    A key that looks like none is not repeated: it may be a secret whose own key was forgotten.
    """
    noun, keys = _keys_at(path)
    if path in _OF_THE_PROCESS and name in SOURCES:
        return f"`{name}` is no key of {noun}", f"it is a setting: give it with {SOURCES[name]}", None
    free = [key for key in keys if key not in set(present)]
    meant = closest(name, free) or _synonym(name, free)
    if meant is not None:
        return f"`{name}` is no key of {noun}", f"did you mean `{meant}`?", meant
    known = f"its keys are {', '.join(keys)}"
    if re.fullmatch(r"[A-Za-z][A-Za-z_]{0,30}", name):
        return f"`{name}` is no key of {noun}", known, None
    return f"this is no key of {noun}", known, None


def _synonym(name: str, free: list[str]) -> str | None:
    meant = _SYNONYMS.get(name.casefold().replace("-", "_"))
    return meant if meant in free else None


def _keys_at(path: Path) -> tuple[str, list[str]]:
    shape = shape_at(path)
    return (shape.NOUN, list(shape.model_fields)) if shape is not None else ("this map", [])


def shape_at(path: Path) -> type[Shape] | None:
    """The class of the map that stands at `path`, or None."""
    here: Any = RouterConfig
    for step in path:
        here = _below(here, step)
    return here if _is_shape(here) else None


def _below(here: Any, step: str | int) -> Any:
    """The type of what stands at `step` of something of the type `here`; None when it has no such thing."""
    if _is_shape(here):
        field = here.model_fields.get(step)
        return None if field is None else _without_none(field.annotation)
    return get_args(here)[-1] if get_origin(here) in (dict, list) else None


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return next(one for one in get_args(kind) if one is not type(None))
    return kind


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _choices(expected: str) -> list[str]:
    """The words of pydantic's `'a', 'b' or 'c'`."""
    return [word.strip("'") for word in re.split(r", | or ", expected)]


def _not_one_of(choices: list[str], node: Node | None) -> Told:
    hint = did_you_mean(node.value, choices) if node is not None and isinstance(node.value, str) else None
    if len(choices) == 1:
        return f"must be {choices[0]}", None
    return f"must be {', '.join(choices[:-1])} or {choices[-1]}", hint


def _text(path: Path, node: Node | None) -> Told:
    value = node.value if node is not None else None
    if isinstance(value, dict):
        return "must be text, not a map", "write `env:NAME` without a space" if path[-1] == "api_key" else None
    if isinstance(value, list):
        return "must be text, not a list", None
    return "must be text", None if value is None else "put it into quotes"


def _boolean(path: Path, node: Node | None) -> Told:
    value = node.value if node is not None else None
    is_old = isinstance(value, str) and value.casefold() in _WORDS_OF_YAML_1_1
    return "must be true or false", "YAML 1.2 knows no yes, no, on and off" if is_old else None


def _list(path: Path, node: Node | None) -> Told:
    is_text = node is not None and isinstance(node.value, str)
    return "must be a list", _BRACKETS if is_text else None


def _map(path: Path, node: Node | None) -> Told:
    value = node.value if node is not None else None
    if not path:
        return "must be a map", "it begins with a key, such as `providers:`"
    shape = shape_at(path)
    if shape is None:
        return "must be a map", "give each a name: `name: {…}`" if isinstance(value, list) else None
    kinds = "a list, or a map" if shape is RouteConfig else "a map"
    message = f"must be {kinds} of {', '.join(list(shape.model_fields)[:4])}, …"
    if isinstance(value, str) and re.match(r"[A-Za-z_]+:\S", value):
        return message, _SPACE
    return message, _BRACKETS if shape is RouteConfig and isinstance(value, str) else None


def _always(message: str) -> Callable[[Path, Node | None], Told]:
    return lambda path, node: (message, None)


_BOUNDS = {"greater_than_equal": "at least", "less_than_equal": "at most"}
_TELLERS: dict[str, Callable[[Path, Node | None], Told]] = {
    "bool_type": _boolean,
    "dict_type": _map,
    "float_type": _always("must be a number"),
    "int_from_float": _always("must be a whole number"),
    "int_type": _always("must be a whole number"),
    "list_type": _list,
    "model_type": _map,
    "string_pattern_mismatch": _always("must be none, prompt, client, or header:NAME"),
    "string_type": _text,
    "too_short": _always("must not be empty: without a recipient nobody could read the keys"),
}
