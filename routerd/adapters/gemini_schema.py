"""Gemini's `Schema`, a subset of OpenAPI's, from and to JSON Schema (https://ai.google.dev/api/caching#Schema).

Newer models and endpoints take JSON Schema as it is (`parametersJsonSchema`, `responseJsonSchema`); the others get what
`to_subset` makes of it, under the quirk `schema: subset`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from routerd.adapters.base import escape
from routerd.adapters.gemini_words import camel
from routerd.adapters.reading import refuse

JsonSchema = dict[str, Any]

_MAPS = ("properties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONES = ("items", "additionalProperties")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_OTHER_NAMES = {"ref": "$ref", "defs": "$defs"}


def from_gemini(schema: Any) -> Any:
    """The JSON Schema that says what a `Schema` says. What is JSON Schema already stays as it is."""
    if not isinstance(schema, dict):
        return schema
    said = {_OTHER_NAMES.get(camel(name), camel(name)): value for name, value in schema.items() if value is not None}
    found: JsonSchema = {name: _read(name, said[name]) for name in said if name not in ("nullable", "example")}
    if "example" in said:
        found.setdefault("examples", [said["example"]])
    if "enum" in found and found.get("format") == "enum":
        del found["format"]  # Google's mark of an enum; no format of JSON Schema
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace("#/defs/", "#/$defs/")
    return _or_null(found) if said.get("nullable") is True else found


def _read(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _MAPS and isinstance(value, dict):
        return {key: from_gemini(each) for key, each in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [from_gemini(each) for each in value]
    if name in _ONES:
        return from_gemini(value)
    # Proto JSON writes 64 bit numbers as strings.
    return int(value) if name in _COUNTS and isinstance(value, str) and value.isdigit() else value


def _or_null(schema: JsonSchema) -> JsonSchema:
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema


# To the subset ----------------------------------------------------------------------------------------------------

_KEPT = frozenset({
    "title", "description", "nullable", "maxItems", "minItems", "minProperties", "maxProperties", "minLength",
    "maxLength", "pattern", "example", "propertyOrdering", "default", "minimum", "maximum",
})  # fmt: skip
_SILENT = frozenset({"$schema", "$id", "$comment", "$anchor", "$defs", "definitions"})
_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_DEPTHS = (2, 1)  # how often a definition may stand inside itself: the first with which the whole is small enough
_MOST = 5000  # schemas, when every reference is written out
_NESTED_ALL = 8
_ANYTHING = ("STRING", "NUMBER", "BOOLEAN")


class _TooLarge(Exception):
    pass


def to_subset(schema: JsonSchema, at: str) -> tuple[JsonSchema, list[str]]:
    """The nearest `Schema`, and JSON pointers to what it can't say; `at` is the pointer to `schema` itself.

    References are written out, a recursive one to a small depth. Raises RouterError(invalid_request) when that is huge.
    """
    for depth in _DEPTHS:
        writer = _Subset(schema, depth)
        try:
            found = writer.write(schema, "")
        except _TooLarge:
            continue
        except (TypeError, KeyError, AttributeError, RecursionError):
            refuse(at, "is not a JSON Schema that can be read")
        return found, [at + place for place in dict.fromkeys(writer.lost)]
    refuse(at, f"has more than {_MOST} schemas when its references are written out, as this model needs it")


class _Subset:
    """One conversion. `at` is the pointer from the root to the schema at hand."""

    def __init__(self, root: JsonSchema, depth: int) -> None:
        self.lost: list[str] = []
        self._root = root
        self._depth = depth
        self._open: list[str] = []
        self._size = 0

    def write(self, schema: Any, at: str) -> JsonSchema:
        self._size += 1
        if self._size > _MOST:
            raise _TooLarge
        if not isinstance(schema, dict):
            return self._anything({})
        schema = self._merged(schema, at)
        if "$ref" in schema:
            return self._reference(schema, at)
        found: JsonSchema = {}
        for name, value in schema.items():
            handle = _HANDLERS.get(name)
            if handle is not None:
                handle(self, found, schema, f"{at}/{name}")
            elif name in _KEPT:
                found[name] = value
            elif name not in _SILENT:
                self.lost.append(f"{at}/{escape(name)}")
        return self._typed(found)

    # What has no place in a Schema is looked up, or put together

    def _reference(self, schema: JsonSchema, at: str) -> JsonSchema:
        name = schema["$ref"]
        target = self._find(name)
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        if target is None:
            self.lost.append(f"{at}/$ref")
            return self.write(beside, at)
        if self._open.count(name) >= self._depth:
            self.lost.append(f"{at}/$ref")
            return self._stub(target, beside)
        self._open.append(name)
        found = self.write({**target, **beside}, name[1:])
        self._open.pop()
        return found

    def _find(self, name: str) -> JsonSchema | None:
        if not name.startswith("#"):
            return None
        found: Any = self._root
        for step in name.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None

    def _stub(self, target: JsonSchema, beside: JsonSchema) -> JsonSchema:
        """What stands where a recursion is cut off."""
        kind = target.get("type")
        found: JsonSchema = {"type": kind.upper() if isinstance(kind, str) else "OBJECT"}
        told = {**target, **beside}
        found.update({name: told[name] for name in ("title", "description") if name in told})
        return self._typed(found)

    def _merged(self, schema: JsonSchema, at: str) -> JsonSchema:
        """`schema` with the members of its `allOf` in it."""
        for _ in range(_NESTED_ALL):
            every = schema.get("allOf")
            if not isinstance(every, list):
                return schema
            schema = {name: value for name, value in schema.items() if name != "allOf"}
            for member in every:
                for name, value in self._resolved(member).items():
                    schema[name] = _together(schema.get(name), value)
        self.lost.append(f"{at}/allOf")
        return {name: value for name, value in schema.items() if name != "allOf"}

    def _resolved(self, member: JsonSchema) -> JsonSchema:
        target = self._find(member["$ref"]) if "$ref" in member else None
        return member if target is None else {**target, **{key: member[key] for key in member if key != "$ref"}}

    def _typed(self, found: JsonSchema) -> JsonSchema:
        """With a type, which a Schema must have, told by what else it says."""
        if "type" not in found and "anyOf" not in found:
            for mark, kind in (("properties", "OBJECT"), ("items", "ARRAY"), ("enum", "STRING")):
                if mark in found:
                    return {"type": kind, **found}
            return self._anything(found)
        if found.get("type") == "ARRAY" and "items" not in found:
            found["items"] = self._anything({})
        return found

    def _anything(self, found: JsonSchema) -> JsonSchema:
        return {**found, "anyOf": [{"type": kind} for kind in _ANYTHING]}

    # One method per keyword: what it adds to `found`

    def _on_type(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = [str(each).upper() for each in types if each != "null"]
        if len(kinds) < len(types):
            found["nullable"] = True
        if len(kinds) > 1:
            found["anyOf"] = [{"type": kind} for kind in kinds]
        else:
            found["type"] = kinds[0] if kinds else "STRING"

    def _on_properties(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        if isinstance(schema["properties"], dict) and schema["properties"]:
            found["properties"] = {
                name: self.write(each, f"{at}/{escape(name)}") for name, each in schema["properties"].items()
            }

    def _on_required(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        """Only names that are declared: Google refuses others."""
        known = schema.get("properties") or {}
        names = [name for name in schema["required"] if name in known]
        if names:
            found["required"] = names
        if len(names) < len(schema["required"]):
            self.lost.append(at)

    def _on_items(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        found["items"] = self.write(schema["items"], at)

    def _on_prefix_items(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        """A tuple becomes an array of as many, each of any of its kinds."""
        members = schema["prefixItems"]
        kinds = [self.write(each, f"{at}/{index}") for index, each in enumerate(members)]
        unique = [kind for index, kind in enumerate(kinds) if kind not in kinds[:index]]
        found["items"] = unique[0] if len(unique) == 1 else {"anyOf": unique}
        found.setdefault("minItems", len(members))
        found.setdefault("maxItems", len(members))
        if len(unique) > 1:
            self.lost.append(at)

    def _on_any_of(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        name = at.rpartition("/")[2]
        if "anyOf" in found:
            return self.lost.append(at)
        members = [(index, each) for index, each in enumerate(schema[name]) if not _is_null(each)]
        kinds = [self.write(each, f"{at}/{index}") for index, each in members]
        if len(members) < len(schema[name]):
            found["nullable"] = True
        if len(kinds) == 1:
            found.update({key: value for key, value in kinds[0].items() if key not in found})
        elif kinds:
            found["anyOf"] = kinds
            found.pop("type", None)

    def _on_const(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        value = schema["const"]
        if isinstance(value, str):
            found |= {"type": "STRING", "format": "enum", "enum": [value]}
        elif isinstance(value, bool | None) or not isinstance(value, int | float):
            self._in_words(found, [value], at)
        else:
            kind = "INTEGER" if isinstance(value, int) else "NUMBER"
            found |= {"type": kind, "minimum": value, "maximum": value}

    def _on_enum(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        values = [value for value in schema["enum"] if value is not None]
        if len(values) < len(schema["enum"]):
            found["nullable"] = True
        if all(isinstance(value, str) for value in values):
            found |= {"format": "enum", "enum": values}
        else:
            self._in_words(found, values, at)

    def _in_words(self, found: JsonSchema, values: list[Any], at: str) -> None:
        """Values that `enum`, a list of strings, can't hold are described."""
        self.lost.append(at)
        said = ", ".join(msgspec.json.encode(value).decode() for value in values)
        found["description"] = " ".join(filter(None, [found.get("description"), f"One of: {said}."]))
        if values and "type" not in found:
            found["type"] = _TYPE_OF.get(type(values[0]), "STRING")

    def _on_format(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        if schema["format"] in _FORMATS:
            found["format"] = schema["format"]
        else:
            self.lost.append(at)

    def _on_exclusive(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        """The next whole number; among fractions there is none, so the bound itself."""
        name = at.rpartition("/")[2]
        bound, step = ("minimum", 1) if name == "exclusiveMinimum" else ("maximum", -1)
        value = schema[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.lost.append(at)
        elif schema.get("type") == "integer":
            found[bound] = int(value) + step
        else:
            found[bound] = value
            self.lost.append(at)

    def _on_examples(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        examples = schema["examples"]
        if isinstance(examples, list) and examples:
            found.setdefault("example", examples[0])
            self.lost += [f"{at}/{index}" for index in range(1, len(examples))]

    def _on_additional(self, found: JsonSchema, schema: JsonSchema, at: str) -> None:
        """Gemini writes only what is declared, so that forbidding the rest says nothing new."""
        if isinstance(schema["additionalProperties"], dict) or schema["additionalProperties"] is True:
            self.lost.append(at)


_TYPE_OF: Mapping[type, str] = {bool: "BOOLEAN", int: "INTEGER", float: "NUMBER"}

_HANDLERS: Mapping[str, Callable[[_Subset, JsonSchema, JsonSchema, str], None]] = {
    "type": _Subset._on_type,
    "properties": _Subset._on_properties,
    "required": _Subset._on_required,
    "items": _Subset._on_items,
    "prefixItems": _Subset._on_prefix_items,
    "anyOf": _Subset._on_any_of,
    "oneOf": _Subset._on_any_of,
    "const": _Subset._on_const,
    "enum": _Subset._on_enum,
    "format": _Subset._on_format,
    "exclusiveMinimum": _Subset._on_exclusive,
    "exclusiveMaximum": _Subset._on_exclusive,
    "examples": _Subset._on_examples,
    "additionalProperties": _Subset._on_additional,
}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or schema.get("const", 0) is None)


def _together(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **other}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(each for each in other if each not in one)]
    return other
