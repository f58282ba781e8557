"""JSON Schema as Anthropic takes it: a tool's root is an object, and what is enforced keeps to a subset.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from routerd.adapters.reading import refuse

Schema = dict[str, Any]

_UNIONS = ("anyOf", "oneOf", "allOf")
_DEFINITIONS = ("$defs", "definitions")
_KEPT = frozenset({"type", "properties", "required", "items", "enum", "const", "title", "default", "$ref"})
_LOOSE = frozenset({"$schema", "$id", "$comment"})
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip


@contextmanager
def reading(at: str) -> Iterator[None]:
    """Around everything that looks into a caller's schema: RouterError(invalid_request) where it is none."""
    try:
        yield
    except (TypeError, AttributeError, ValueError, RecursionError):
        refuse(at, "is not a JSON Schema that can be read")


# A tool's input ---------------------------------------------------------------------------------------------------


def as_object(schema: Mapping[str, Any] | None) -> tuple[Schema | None, list[str]]:
    """A schema whose root is a plain object, and the root's keywords that could not be said as they were.

    None where nothing of it is an object. References at the root are resolved; unions there, which Anthropic refuses,
    become one object that every alternative fits.
    """
    root = _resolved(dict(schema or {}), schema or {})
    unions = [name for name in _UNIONS if isinstance(root.get(name), list)]
    kinds = root.get("type", "object")
    if "object" not in (kinds if isinstance(kinds, list) else [kinds]):
        return None, []
    for name in unions:
        _merge(root, name, schema or {})
    lost = [*unions, *(["type"] if isinstance(kinds, list) and len(kinds) > 1 else [])]
    return {**root, "type": "object", "properties": root.get("properties") or {}}, lost


def _resolved(schema: Schema, root: Mapping[str, Any]) -> Schema:
    """The schema with a reference at its top followed, definitions kept."""
    seen = set()
    while isinstance(ref := schema.get("$ref"), str) and ref not in seen:
        seen.add(ref)
        target = _at(root, ref)
        if not isinstance(target, dict):
            break
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**target, **rest}
    return schema


def _at(root: Mapping[str, Any], ref: str) -> Any:
    value: Any = root
    for step in ref.removeprefix("#").split("/")[1:]:
        value = value.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return value if ref.startswith("#") else None


def _merge(root: Schema, union: str, whole: Mapping[str, Any]) -> None:
    """Put the alternatives of a union into the root's own properties."""
    variants = [_resolved(each, whole) for each in root.pop(union) if isinstance(each, dict)]
    properties: dict[str, list[Any]] = {}
    for variant in (root, *variants):
        for name, value in (variant.get("properties") or {}).items():
            properties.setdefault(name, []).append(value)
    joint = "allOf" if union == "allOf" else "anyOf"
    root["properties"] = {name: _joined(values, joint) for name, values in properties.items()}
    needs = [set(variant.get("required") or ()) for variant in variants]
    needed = (set.union(*needs) if union == "allOf" else set.intersection(*needs)) if needs else set()
    if needed := needed | set(root.get("required") or ()):
        root["required"] = [name for name in properties if name in needed]
    root.pop("additionalProperties", None)


def _joined(values: list[Any], joint: str) -> Any:
    different = [value for index, value in enumerate(values) if value not in values[:index]]
    return different[0] if len(different) == 1 else {joint: different}


# What the model is held to ----------------------------------------------------------------------------------------


def fitted(schema: Any) -> Any:
    """A schema that can be enforced: objects are closed, and what is left of other keywords stands in the description.

    Whatever fits it fits the original as well, but for those keywords: the model is told them, and not held to them.
    """
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name in _KEPT}
    for name in (*_UNIONS, *_DEFINITIONS):
        if name in schema:
            kept["anyOf" if name == "oneOf" else name] = _each_fitted(schema[name])
    if "properties" in schema:
        kept["properties"] = _each_fitted(schema["properties"])
    if "items" in schema:
        kept["items"] = fitted(schema["items"])
    if _is_object(schema):
        kept = {"properties": {}, **kept, "additionalProperties": False}
    return _described(kept, schema)


def _each_fitted(value: Any) -> Any:
    if isinstance(value, list):
        return [fitted(each) for each in value]
    return {name: fitted(each) for name, each in value.items()} if isinstance(value, dict) else value


def _described(kept: Schema, schema: Mapping[str, Any]) -> Schema:
    """Add the description, with the keywords that can't be enforced."""
    told: dict[str, Any] = {}
    for name, value in schema.items():
        if _is_enforced(name, value):
            kept.setdefault(name, value)
        elif name not in kept and name not in _LOOSE and name not in ("description", "additionalProperties", "oneOf"):
            told[name] = value
    text = "\n\n".join(filter(None, [schema.get("description"), msgspec.json.encode(told).decode() if told else None]))
    return {**kept, "description": text} if text else kept


def _is_enforced(name: str, value: Any) -> bool:
    return (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1))


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def is_enforceable(schema: Any) -> bool:
    """Whether `fitted` leaves what was meant: no object of free keys, no reference into itself or elsewhere."""
    return not any(map(_is_open, _nodes(schema))) and not _is_recursive(schema)


def _nodes(schema: Any) -> Iterator[Schema]:
    """Every schema in a schema."""
    if not isinstance(schema, dict):
        return
    yield schema
    for name in (*_UNIONS, "items", "prefixItems"):
        inner = schema.get(name)
        for each in inner if isinstance(inner, list) else [inner]:
            yield from _nodes(each)
    for name in (*_DEFINITIONS, "properties"):
        for each in (schema.get(name) or {}).values() if isinstance(schema.get(name), dict) else ():
            yield from _nodes(each)


def _is_open(schema: Schema) -> bool:
    """Whether it is met by objects with keys that it doesn't name, or by anything."""
    if not {"type", "enum", "const", "$ref", *_UNIONS} & schema.keys():
        return True
    extra = schema.get("additionalProperties")
    if not _is_object(schema) or extra is False:
        return False
    return bool(isinstance(extra, dict) and extra) or not schema.get("properties")


def _is_recursive(schema: Any) -> bool:
    """Whether following references never ends, or leads out of the schema."""
    ended: set[str] = set()

    def leads_back(node: Schema, path: tuple[str, ...]) -> bool:
        for each in _nodes({name: value for name, value in node.items() if name not in _DEFINITIONS}):
            ref = each.get("$ref")
            if ref is None or ref in ended:
                continue
            target = _at(schema, ref) if isinstance(ref, str) else None
            if ref in path or not isinstance(target, dict) or leads_back(target, (*path, ref)):
                return True
            ended.add(ref)
        return False

    return isinstance(schema, dict) and leads_back(schema, ())


class Strictness:
    """How much a request may still enforce: Anthropic takes so many strict tools, optional fields and unions in all."""

    def __init__(self) -> None:
        self._tools, self._optional, self._unions = 20, 24, 16

    def takes(self, schema: Schema) -> bool:
        """Whether this schema of a tool can be enforced as it is, beside those taken before."""
        plain = {name: value for name, value in schema.items() if name != "$schema"}
        if not is_enforceable(plain) or fitted(plain) != plain:
            return False
        nodes = list(_nodes(plain))
        optional = sum(len((node.get("properties") or {}).keys() - set(node.get("required") or ())) for node in nodes)
        unions = sum(isinstance(node.get("type"), list) or "anyOf" in node for node in nodes)
        if self._tools < 1 or self._optional < optional or self._unions < unions:
            return False
        self._tools, self._optional, self._unions = self._tools - 1, self._optional - optional, self._unions - unions
        return True
