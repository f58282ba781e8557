"""How `/openapi.json` describes providers and routes as they are sent: the keys of router.yaml, in its own words."""

from __future__ import annotations

import json
from typing import Any

from routerd.config.schema import render

_REF = "#/components/schemas/"
_NAME = {"type": "string", "description": "Its name: no slash, not digits alone.", "minLength": 1, "maxLength": 64}
_KEY = {
    "type": ["string", "null"],
    "writeOnly": True,
    "description": "The plain key, which is sealed before it touches the file, or a reference such as `env:NAME`; null"
    " removes it. It is never returned.",
}
_ID = {"type": "integer", "minimum": 1, "description": "The provider's id; its name as `provider` is taken, too."}

BODIES = {
    "post_api_providers": {"$ref": f"{_REF}NewProvider"},
    "patch_api_providers_id": {"$ref": f"{_REF}ProviderPatch"},
    "post_api_model_routes": {"$ref": f"{_REF}NewRoute"},
    "patch_api_model_routes_id": {"$ref": f"{_REF}RoutePatch"},
}
"""What the body of an operation is, where its keys are those of router.yaml."""

_TOLD = {
    "Provider": "ProviderConfig",
    "EditedProvider": "ProviderConfig",
    "Route": "RouteConfig",
    "EditedRoute": "RouteConfig",
}
_TYPES = frozenset({"type", "anyOf", "$ref", "enum", "const", "allOf"})
_USED = ("Echo", "PartialHealth", "PartialTimeouts")


def entries(answers: dict[str, Any]) -> dict[str, Any]:
    """The components that `BODIES` refers to, beside those of answers, whose keys of router.yaml are described, too."""
    parts = json.loads(render().replace("#/$defs/", _REF))["$defs"]
    provider = parts["ProviderConfig"]
    provider["properties"]["api_key"] |= _KEY
    route = parts["RouteConfig"]["anyOf"][1]
    route["properties"]["nodes"]["items"] = {"$ref": f"{_REF}NewNode"}
    return {
        **{name: _described(name, schema, parts) for name, schema in answers.items()},
        **{name: parts[name] for name in _USED},
        "NewProvider": _new(provider, "A provider, as it is made."),
        "ProviderPatch": _patch(provider, "What is to change of a provider; null takes a key out of the file."),
        "NewRoute": _new(route, "A route, as it is made."),
        "RoutePatch": _patch(route, "What is to change of a route; null takes a key out of the file."),
        "NewNode": _node(parts["NodeConfig"]),
    }


def _described(name: str, schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """An answer whose fields without a type of their own have that of router.yaml."""
    source = parts.get(_TOLD.get(name, ""))
    if source is None:
        return schema
    known = (source["anyOf"][1] if "anyOf" in source else source)["properties"]
    properties = {
        key: field if _TYPES & field.keys() or key not in known else _without_default(known[key])
        for key, field in schema["properties"].items()
    }
    return schema | {"properties": properties}


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    """What is left out of an answer has no default there: programs would take it to be always told."""
    return {key: item for key, item in schema.items() if key != "default"}


def _new(shape: dict[str, Any], about: str) -> dict[str, Any]:
    return shape | {"description": about, "properties": {"name": _NAME} | shape["properties"], "required": ["name"]}


def _patch(shape: dict[str, Any], about: str) -> dict[str, Any]:
    properties = {name: _or_null(schema) for name, schema in shape["properties"].items()}
    told = {key: item for key, item in shape.items() if key != "required"}
    return told | {"description": about, "properties": {"name": _NAME} | properties}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kept = _without_default(schema)
    if "null" in schema.get("type", ()):
        return kept
    about: dict[str, Any] = {key: kept.pop(key) for key in ("description", "examples") if key in kept}
    return {**about, "anyOf": [kept, {"type": "null"}]}


def _node(shape: dict[str, Any]) -> dict[str, Any]:
    """A node by its provider's id or name; a text, as in router.yaml, is taken, too."""
    short, long = shape["anyOf"]
    properties = {"api_id": _ID, **long["properties"]}
    named = {**long, "properties": properties, "anyOf": [{"required": ["provider"]}, {"required": ["api_id"]}]}
    named.pop("required", None)
    return {"description": shape["description"], "anyOf": [named, short]}
