"""Gemini's subset of OpenAPI's schemas: from it, to it, and what can't be said in it."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types

from routerd.adapters.gemini_schema import from_gemini, to_subset
from routerd.errors import RouterError

S, N, B = {"type": "STRING"}, {"type": "NUMBER"}, {"type": "BOOLEAN"}
ANYTHING = {"anyOf": [S, N, B]}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def OF(**properties: Any) -> dict[str, Any]:
    return {"type": "OBJECT", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, of(a={"type": "string"})),
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "nullable": False}, {"type": "string"}),
        ({"anyOf": [S, N], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
        (
            {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        ({"type": "STRING", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        (
            {"type": "ARRAY", "items": S, "min_items": "1", "maxItems": 3},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        ),
        ({"any_of": [S], "property_ordering": ["a"]}, {"anyOf": [{"type": "string"}], "propertyOrdering": ["a"]}),
        ({"type": "STRING", "example": "x"}, {"type": "string", "examples": ["x"]}),
        (
            {"type": "OBJECT", "additionalProperties": {"type": "INTEGER"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        (
            {"defs": {"A": S}, "type": "OBJECT", "properties": {"a": {"ref": "#/defs/A"}}},
            {"$defs": {"A": {"type": "string"}}, **of(a={"$ref": "#/$defs/A"})},
        ),
        # Properties may be called like keywords.
        (
            OF(type=S, format=N, nullable=B, any_of=S, ref=S),
            of(
                type={"type": "string"},
                format={"type": "number"},
                nullable={"type": "boolean"},
                any_of={"type": "string"},
                ref={"type": "string"},
            ),
        ),
        # What is JSON Schema already stays.
        (of(a={"type": ["string", "null"], "const": "x"}), of(a={"type": ["string", "null"], "const": "x"})),
    ],
)
def test_from_gemini(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    before = repr(schema)
    assert from_gemini(schema) == expected
    assert repr(schema) == before


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (of(a={"type": "string"}), OF(a=S)),
        ({"$schema": "x", "$id": "y", **of(a={"type": "string"}), "additionalProperties": False}, OF(a=S)),
        (
            of(type={"type": "string"}, format={"type": "number"}, properties=of()),
            OF(type=S, format=N, properties={"type": "OBJECT"}),
        ),
        # Nullable unions
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": "null"}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "number"]}, {"anyOf": [S, N]}),
        ({"type": ["string", "number", "null"]}, {"anyOf": [S, N], "nullable": True}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "title": "T"}, {**S, "nullable": True, "title": "T"}),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [S, N]}),
        ({"anyOf": [{"type": "string"}, {"const": None}]}, {**S, "nullable": True}),
        # Values
        ({"const": "a"}, {"type": "STRING", "format": "enum", "enum": ["a"]}),
        ({"const": 3}, {"type": "INTEGER", "minimum": 3, "maximum": 3}),
        ({"const": 1.5}, {"type": "NUMBER", "minimum": 1.5, "maximum": 1.5}),
        ({"enum": ["a", "b"]}, {"type": "STRING", "format": "enum", "enum": ["a", "b"]}),
        (
            {"type": "string", "enum": ["a", None]},
            {"type": "STRING", "nullable": True, "format": "enum", "enum": ["a"]},
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
            {"type": "INTEGER", "minimum": 1, "maximum": 9},
        ),
        ({"type": "integer", "format": "int32"}, {"type": "INTEGER", "format": "int32"}),
        (
            {"type": "string", "minLength": 1, "pattern": "x", "default": "y"},
            {**S, "minLength": 1, "pattern": "x", "default": "y"},
        ),
        ({"type": "string", "examples": ["a"]}, {**S, "example": "a"}),
        # What is left out
        ({}, ANYTHING),
        (of(a=True), OF(a=ANYTHING)),
        ({"type": "array"}, {"type": "ARRAY", "items": ANYTHING}),
        ({"items": {"type": "string"}}, {"type": "ARRAY", "items": S}),
        ({"properties": {"a": {"type": "string"}}}, OF(a=S)),
        (
            {"type": "array", "prefixItems": [{"type": "number"}] * 2},
            {"type": "ARRAY", "items": N, "minItems": 2, "maxItems": 2},
        ),
        # References
        (
            {"$defs": {"A": {"type": "string"}}, **of(a={"$ref": "#/$defs/A", "description": "d"})},
            OF(a={**S, "description": "d"}),
        ),
        ({"definitions": {"a/b": {"type": "string"}}, "$ref": "#/definitions/a~1b"}, S),
        (
            {
                "allOf": [of(a={"type": "string"}), {"$ref": "#/$defs/B"}],
                "$defs": {"B": {**of(b={"type": "number"}), "required": ["b"]}},
            },
            {**OF(a=S, b=N), "required": ["b"]},
        ),
    ],
)
def test_to_the_subset(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    before = repr(schema)
    found, lost = to_subset(schema, "/tools/0")
    assert found == expected
    assert lost == []
    assert repr(schema) == before
    types.Schema.model_validate(found)


@pytest.mark.parametrize(
    ("schema", "expected", "lost"),
    [
        ({"type": "string", "format": "uuid"}, S, ["/format"]),
        (
            of(a={"type": "number", "exclusiveMinimum": 0}),
            OF(a={**N, "minimum": 0}),
            ["/properties/a/exclusiveMinimum"],
        ),
        ({"const": True}, {**B, "description": "One of: true."}, ["/const"]),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: 1, 2."}, ["/enum"]),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "OBJECT"}, ["/additionalProperties"]),
        ({**of(a={"type": "string"}), "required": ["a", "b"]}, {**OF(a=S), "required": ["a"]}, ["/required"]),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
            {"type": "ARRAY", "items": {"anyOf": [S, N]}, "minItems": 2, "maxItems": 2},
            ["/prefixItems"],
        ),
        ({"type": "string", "not": {"const": "a"}, "x/y": 1}, S, ["/not", "/x~1y"]),
        ({"$ref": "#/$defs/Gone"}, ANYTHING, ["/$ref"]),
        ({"$ref": "https://example.org/schema"}, ANYTHING, ["/$ref"]),
        ({"type": "string", "examples": ["a", "b"]}, {**S, "example": "a"}, ["/examples/1"]),
    ],
)
def test_what_the_subset_cant_say(schema: dict[str, Any], expected: dict[str, Any], lost: list[str]) -> None:
    assert to_subset(schema, "/tools/0/schema") == (expected, [f"/tools/0/schema{place}" for place in lost])
    types.Schema.model_validate(expected)


NODE = of(value={"type": "string"}, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})


def test_recursion_is_written_out_to_a_small_depth() -> None:
    found, lost = to_subset({"$defs": {"Node": {**NODE, "title": "Node"}}, "$ref": "#/$defs/Node"}, "")
    inner = {"type": "OBJECT", "title": "Node", "nullable": True}
    second = {**OF(value=S, next=inner), "title": "Node", "nullable": True}
    assert found == {**OF(value=S, next=second), "title": "Node"}
    assert lost == ["/$defs/Node/properties/next/anyOf/0/$ref"]


def test_a_list_that_holds_itself() -> None:
    found, _ = to_subset({"$defs": {"L": {"type": "array", "items": {"$ref": "#/$defs/L"}}}, "$ref": "#/$defs/L"}, "")
    assert found["items"]["items"] == {"type": "ARRAY", "items": ANYTHING}
    types.Schema.model_validate(found)


def test_many_that_hold_each_other_stay_small_or_are_refused() -> None:
    """Where a depth of two is too much, one is tried."""

    def mutual(count: int) -> dict[str, Any]:
        names = [f"T{number}" for number in range(count)]
        every = {name: of(**{other: {"$ref": f"#/$defs/{other}"} for other in names}) for name in names}
        return {"$defs": every, "$ref": "#/$defs/T0"}

    types.Schema.model_validate(to_subset(mutual(5), "")[0])
    with pytest.raises(RouterError, match="more than 5000 schemas") as raised:
        to_subset(mutual(12), "/tools/0/function/parameters")
    assert raised.value.param == "tools.0.function.parameters"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"enum": 3}}},
        {"anyOf": 3},
        {"required": [[]]},
        {"$ref": 3},
        {"allOf": [3]},
        {"type": "object", "allOf": [{"$ref": "#"}]},
    ],
)
def test_what_is_no_schema_is_refused_not_fatal(schema: dict[str, Any]) -> None:
    try:
        to_subset(schema, "/tools/0")
    except RouterError as error:
        assert error.param == "tools.0"


def test_deep_schemas_are_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(RouterError, match="not a JSON Schema that can be read"):
        to_subset(schema, "/tools/0")


@pytest.mark.parametrize("schema", [
    OF(a=S, b={"type": "INTEGER", "minimum": 1}),
    {"type": "ARRAY", "items": {"anyOf": [S, OF(x=B)], "nullable": True}},
    {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
    {**OF(a={"type": "STRING", "format": "date-time"}), "required": ["a"], "propertyOrdering": ["a"], "title": "T"},
])  # fmt: skip
def test_there_and_back(schema: dict[str, Any]) -> None:
    assert to_subset(from_gemini(schema), "") == (schema, [])
