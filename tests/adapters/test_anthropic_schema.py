"""JSON Schema as Anthropic takes it."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters.anthropic_schema import as_object, fitted, is_enforceable

A, B = {"type": "string"}, {"type": "integer"}


def obj(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return found | {"required": required} if required else found


DEFINED = {"$defs": {"X": obj(["a"], a=A)}}
CLOSED = {"additionalProperties": False}
ONE, TWO = {"const": 1}, {"const": 2}


@pytest.mark.parametrize(
    ("schema", "expected", "lost"),
    [
        (None, obj(), []),
        ({}, obj(), []),
        (obj(["a"], a=A), obj(["a"], a=A), []),
        ({"properties": {"type": A, "format": B}}, obj(type=A, format=B), []),
        ({"type": ["object", "null"], "properties": {"a": A}}, obj(a=A), ["type"]),
        ({"type": "string"}, None, []),
        ({"type": ["string", "null"]}, None, []),
        ({"$ref": "#/$defs/X"} | DEFINED, obj(["a"], a=A) | DEFINED, []),
        ({"anyOf": [obj(["a"], a=A), obj(["a", "b"], a=A, b=B)]}, obj(["a"], a=A, b=B), ["anyOf"]),
        ({"oneOf": [obj(["k"], k=ONE), obj(["k"], k=TWO)]}, obj(["k"], k={"anyOf": [ONE, TWO]}), ["oneOf"]),
        ({"allOf": [obj(["a"], a=A), obj(["b"], b=B)]}, obj(["a", "b"], a=A, b=B), ["allOf"]),
        ({"anyOf": [{"$ref": "#/$defs/X"}]} | DEFINED, obj(["a"], a=A) | DEFINED, ["anyOf"]),
        (obj(["c"], c=A) | {"anyOf": [obj(a=A)], "additionalProperties": False}, obj(["c"], c=A, a=A), ["anyOf"]),
    ],
)
def test_the_root_is_an_object(schema: Any, expected: Any, lost: list[str]) -> None:
    assert as_object(schema) == (expected, lost)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (obj(a=A), obj(a=A) | CLOSED),
        (
            {"type": "integer", "minimum": 1, "description": "Count."},
            {"type": "integer", "description": 'Count.\n\n{"minimum":1}'},
        ),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "odd"}, {"type": "string", "description": '{"format":"odd"}'}),
        ({"type": "array", "items": obj(), "minItems": 1}, {"type": "array", "items": obj() | CLOSED, "minItems": 1}),
        ({"type": "array", "items": A, "minItems": 3}, {"type": "array", "items": A, "description": '{"minItems":3}'}),
        ({"oneOf": [A, B]}, {"anyOf": [A, B]}),
        (obj(minimum=A, examples=B), obj(minimum=A, examples=B) | CLOSED),
        (
            {"$schema": "http://x", "$ref": "#/$defs/X", "$defs": {"X": obj()}},
            {"$ref": "#/$defs/X", "$defs": {"X": obj() | CLOSED}},
        ),
        ({"enum": ["a"], "default": "a", "$id": "x"}, {"enum": ["a"], "default": "a"}),
        ({"type": "string", "examples": ["a"]}, {"type": "string", "description": '{"examples":["a"]}'}),
    ],
)
def test_what_can_not_be_enforced_is_told(schema: Any, expected: Any) -> None:
    assert fitted(schema) == expected


TREE = {"$ref": "#/$defs/T", "$defs": {"T": obj(next={"$ref": "#/$defs/T"})}}
TWICE = obj(a={"$ref": "#/$defs/X"}, b={"$ref": "#/$defs/X"}) | {"$defs": {"X": obj(c=A)}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (obj(a=A), True),
        (obj() | {"additionalProperties": False}, True),
        (obj(), False),
        ({"type": "object", "additionalProperties": A}, False),
        (obj(a={"type": "array", "items": {}}), False),
        (obj(a=obj()), False),
        (TREE, False),
        (TWICE, True),
        (obj(a={"$ref": "https://e.x/schema"}), False),
        ({}, False),
    ],
)
def test_what_can_be_enforced(schema: Any, expected: bool) -> None:
    assert is_enforceable(schema) is expected
