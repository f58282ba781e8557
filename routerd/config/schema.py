"""The JSON schema of router.yaml, for editors: made from the model, short forms included."""

from __future__ import annotations

import json
from typing import Any

from routerd.adapters.vendors import QUIRKS, VENDORS
from routerd.config.model import RouterConfig

_NAME = {"pattern": r"^(?=.*[^0-9])[^/\s](?:[^/]*[^/\s])?$", "minLength": 1, "maxLength": 64}
_MATCH = r"^[^*]+\*?$|^\*$"
_NODE = r"^[^/]+/.+$"


def render() -> str:
    """The text of `schemas/router.schema.json`."""
    schema = _without_noise(RouterConfig.model_json_schema(mode="validation"))
    parts = schema["$defs"]
    _add_short_forms(parts)
    _add_tables(parts)
    for section in ("providers", "routes", "clients", "admins"):
        schema["properties"][section]["propertyNames"] = _NAME
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "router.yaml",
    }
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"


def _add_short_forms(parts: dict[str, Any]) -> None:
    """A node may be a text, and a route a list."""
    node = parts["NodeConfig"]
    short = {"type": "string", "pattern": _NODE, "description": "PROVIDER/MODEL", "examples": ["openai/gpt-5.2"]}
    parts["NodeConfig"] = {"description": node.pop("description"), "anyOf": [short, node]}
    route = parts["RouteConfig"]
    listed = {"type": "array", "items": {"$ref": "#/$defs/NodeConfig"}, "description": "Targets, tried in this order."}
    parts["RouteConfig"] = {"description": route.pop("description"), "anyOf": [listed, route]}
    route["properties"]["match"]["items"] |= {"pattern": _MATCH}


def _add_tables(parts: dict[str, Any]) -> None:
    """What the table of vendors knows."""
    provider = parts["ProviderConfig"]["properties"]
    provider["vendor"]["enum"] = list(VENDORS)
    provider["quirks"] |= {
        "additionalProperties": False,
        "properties": {name: {"enum": list(values), "description": about} for name, (values, about) in QUIRKS.items()},
    }


def _without_noise(value: Any) -> Any:
    """The schema without pydantic's titles, and without `null`: in router.yaml a key has a value or is left out."""
    if isinstance(value, list):
        return [_without_noise(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _without_noise(item) for key, item in value.items() if not _is_noise(key, item)}
    choices = [choice for choice in made.get("anyOf", ()) if choice != {"type": "null"}]
    if "anyOf" not in made or len(choices) == len(made["anyOf"]):
        return made
    del made["anyOf"]
    return (choices[0] if len(choices) == 1 else {"anyOf": choices}) | made


def _is_noise(key: str, item: Any) -> bool:
    return (key == "title" and isinstance(item, str)) or (key == "default" and item is None)
