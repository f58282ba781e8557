"""JSON Schema of a tool's parameters as OpenAI takes it: an object says its properties, a list what it holds.

Others take schemas without, and MCP servers have them; OpenAI answers 400 ("object schema missing properties", "array
schema missing items"). What is strict names every property (https://platform.openai.com/docs/guides/structured-outputs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

_ONES = ("items", "additionalProperties", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")


def as_parameters(schema: Schema) -> Schema:
    """The schema with what OpenAI wants to be said, which changes nothing of what fits it."""
    found: Schema = _with_items(schema)
    if {"$ref", *_LISTS} & found.keys():
        return found
    return {"type": "object", "properties": {}, **found} if found.get("type", "object") == "object" else found


def _with_items(schema: Any) -> Any:
    """A schema where every list says what it holds: anything."""
    if not isinstance(schema, dict):
        return schema
    found = _each_inside(schema, _with_items)
    kind = found.get("type")
    if kind == "array" or (isinstance(kind, list) and "array" in kind):
        found.setdefault("items", {})
    return found


def _each_inside(schema: Schema, change: Callable[[Any], Any]) -> Schema:
    """The schema with every schema directly inside it changed."""
    found = dict(schema)
    for name in found.keys() & {*_ONES}:
        found[name] = change(found[name])
    for name in found.keys() & {*_LISTS}:
        found[name] = [change(each) for each in found[name]] if isinstance(found[name], list) else found[name]
    for name in found.keys() & {*_MAPS}:
        inner = found[name]
        found[name] = {key: change(each) for key, each in inner.items()} if isinstance(inner, dict) else inner
    return found


def may_be_strict(schema: Any) -> bool:
    """Whether every object in it is closed, and needs all of its properties."""
    return all(map(_is_closed, _objects(schema)))


def _objects(schema: Any) -> Iterator[Schema]:
    found: list[Any] = [schema]
    while found:
        each = found.pop()
        if not isinstance(each, dict):
            continue
        if "properties" in each or each.get("type") == "object":
            yield each
        _each_inside(each, found.append)


def _is_closed(schema: Schema) -> bool:
    needed, properties = schema.get("required", []), schema.get("properties", {})
    is_read = isinstance(needed, list) and isinstance(properties, dict)
    return schema.get("additionalProperties") is False and is_read and properties.keys() <= {*map(str, needed)}
