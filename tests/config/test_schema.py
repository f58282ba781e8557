"""The JSON schema that editors use is fresh, and knows what the model knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd.adapters.vendors import QUIRKS, VENDORS
from routerd.config.schema import render

FILE = Path(__file__).parents[2] / "schemas" / "router.schema.json"


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(render())


def test_the_file_is_fresh() -> None:
    assert FILE.read_text() == render(), "write it anew: routerd schema > schemas/router.schema.json"


def maps(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield str(schema.get("description", "")), schema
        for part in schema.values():
            yield from maps(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from maps(part)


def test_maps_are_closed(schema: Any) -> None:
    found = list(maps(schema))
    assert len(found) > 12
    assert [name for name, part in found if part.get("additionalProperties") is not False] == []


def test_nothing_may_be_null(schema: Any) -> None:
    assert '"null"' not in json.dumps(schema)
    assert '"default": null' not in json.dumps(schema)


def test_short_forms(schema: Any) -> None:
    route, node = schema["$defs"]["RouteConfig"]["anyOf"], schema["$defs"]["NodeConfig"]["anyOf"]
    assert [form["type"] for form in route] == ["array", "object"]
    assert [form["type"] for form in node] == ["string", "object"]
    assert re.search(node[0]["pattern"], "openai/org/model")
    assert not re.search(node[0]["pattern"], "openai")


def test_tables(schema: Any) -> None:
    provider = schema["$defs"]["ProviderConfig"]["properties"]
    assert provider["vendor"]["enum"] == list(VENDORS)
    assert set(provider["quirks"]["properties"]) == set(QUIRKS)


@pytest.mark.parametrize(
    ("name", "is_good"),
    [("openai", True), ("a", True), ("my own", True), ("4o", True), ("a/b", False), ("123", False), (" a", False)],
)
def test_names(schema: Any, name: str, is_good: bool) -> None:
    assert bool(re.search(schema["properties"]["providers"]["propertyNames"]["pattern"], name)) == is_good


@pytest.mark.parametrize(
    ("part", "key", "good", "bad"),
    [
        ("Timeouts", "connect", ["5s", "1h30m", "200ms", "1.5s"], ["5", "5 s", "soon"]),
        ("Server", "max_body", ["32MiB", "1kB", "5 GiB", "10B"], ["32", "32M", "MiB"]),
    ],
)
def test_patterns(schema: Any, part: str, key: str, good: list[str], bad: list[str]) -> None:
    pattern = schema["$defs"][part]["properties"][key]["anyOf"][0]["pattern"]
    assert [text for text in good if not re.search(pattern, text)] == []
    assert [text for text in bad if re.search(pattern, text)] == []
