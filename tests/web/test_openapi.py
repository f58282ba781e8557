"""`/openapi.json` and `/docs`: made of the rows that serve, fresh, guarded, and whole without any other address."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from routerd.proxy import endpoints
from routerd.web import app, documentation, openapi_examples
from routerd.web.openapi import document
from routerd.web.problems import KINDS, STATUSES
from tests.support.daemon import ROOT, Daemon

TEXT = "providers:\n  demo: {adapter: echo, models: [echo]}\nroutes:\n  chat: [demo/echo]\n"
TOKEN = "canary-token-0123456789"
ROWS = app.operations()
SHOWN = [row for row in ROWS if not row.is_hidden]
DOCUMENT = document(SHOWN)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that asks for the token."""
    text = f"server: {{require_token: true}}\n{TEXT}"
    environment = {"ROUTERD_ADMIN_TOKEN": TOKEN}
    with Daemon(tmp_path_factory.mktemp("openapi"), text, environment=environment) as daemon:
        yield daemon


def bearer(**more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in more.items()}}


def test_the_file_is_fresh() -> None:
    assert (ROOT / "schemas" / "openapi.json").read_text() == documentation.render(ROWS), "make schemas"


def test_what_is_served_is_the_file(daemon: Daemon) -> None:
    assert daemon.get("/openapi.json", bearer()).body.decode() == documentation.render(ROWS)


def test_the_order_of_the_rows_does_not_matter() -> None:
    shuffled = list(SHOWN)
    random.Random(1).shuffle(shuffled)
    assert json.dumps(document(shuffled)) == json.dumps(DOCUMENT)


def test_every_row_and_every_path_of_the_data_plane_is_described() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert {(row.method, row.path) for row in SHOWN} <= described
    assert {(method, path) for path, methods in endpoints._PATHS.items() for method in methods} <= described


def operations() -> Iterator[dict[str, Any]]:
    for methods in DOCUMENT["paths"].values():
        yield from methods.values()


def test_names_are_told_apart() -> None:
    names = [operation["operationId"] for operation in operations()]
    assert sorted(set(names)) == sorted(names)
    assert all(re.fullmatch(r"[A-Za-z]\w*", name) for name in names)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        yield from (item for key, item in value.items() if key == "$ref")
        for item in value.values():
            yield from references(item)


def test_references_lead_somewhere_and_every_component_is_used() -> None:
    found = set(references(DOCUMENT))
    components = DOCUMENT["components"]
    there = {f"#/components/{kind}/{name}" for kind in components for name in components[kind]}
    assert found <= there
    assert there - found == {"#/components/securitySchemes/token"}


def test_every_schema_is_one() -> None:
    shapes = DOCUMENT["components"]["schemas"]
    for name in shapes:
        jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": {"schemas": shapes}})


def test_every_kind_of_problem_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", json.dumps([each["responses"] for each in operations()])))
    described |= set(DOCUMENT["components"]["responses"])
    assert {*STATUSES, *KINDS.values()} - described <= {"method_not_allowed"}


def test_examples_are_examples() -> None:
    names = {row.name for row in ROWS}
    assert set(openapi_examples.EXAMPLES) <= names
    schemas = {"components": DOCUMENT["components"]}
    for operation in operations():
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (media for content in contents for media in content.get("content", {}).values()):
            if "example" in media:
                jsonschema_rs.validator_for(media["schema"] | schemas).validate(media["example"])


def cells() -> Iterator[tuple[str, str]]:
    """What the first cells of the tables in docs/api.md name: method and path, `*` for a name."""
    for line in (ROOT / "docs" / "api.md").read_text().splitlines():
        first = line.strip("| ").partition(" | ")[0] if line.startswith("| ") else line if line[:1] == "#" else ""
        for path in re.findall(r"`(/[^`?]*)", first):
            for method in re.findall(r"\b(?:GET|POST|PUT|PATCH|DELETE)\b", first):
                yield method, general(path)


def general(path: str) -> str:
    return re.sub(r"/(?:\{\w+\}|[A-Z]+)(?=/|:|$)", "/*", path)


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: f"{row.method} {row.path}")
def test_it_stands_in_the_documentation(row: Any) -> None:
    assert (row.method, general(row.path)) in set(cells()), "docs/api.md"


def test_every_problem_stands_in_the_documentation() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    assert [kind for kind in STATUSES if f"`{kind}`" not in text] == []


# The page


PAGE = ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_token_is_needed(daemon: Daemon, path: str) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        refused = daemon.get(path, headers)
        assert (refused.status, refused.json()["kind"]) == (401, "unauthorized")
    assert daemon.get(path, bearer()).status == 200


def test_a_browser_is_refused_with_the_page_that_asks_for_the_token(daemon: Daemon) -> None:
    """It can't send one with the address of a page."""
    refused, page = daemon.get("/docs", BROWSER), daemon.get("/docs", bearer())
    assert (refused.status, refused.body) == (401, page.body)
    assert refused.headers["www-authenticate"] == "Bearer"
    for name in ("content-type", "content-security-policy", "cache-control"):
        assert refused.headers[name] == page.headers[name]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/", "/api", "/api/status"])
def test_nothing_else_has_a_page_at_its_door(daemon: Daemon, path: str) -> None:
    assert daemon.get(path, BROWSER).json()["kind"] == "unauthorized"


@pytest.mark.parametrize("path", PAGE[1:])
def test_what_the_page_is_made_of_is_open(daemon: Daemon, path: str) -> None:
    assert daemon.get(path).body == daemon.get(path, bearer()).body


class Addresses(HTMLParser):
    """What a page loads, and whether anything in it is a script or a style of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [value for name, value in attrs if name in ("src", "href") and value is not None]
        assert tag != "script" or given.get("src")
        assert tag != "style"
        assert not [name for name in given if name == "style" or name.startswith("on")]


def test_the_page_loads_nothing_from_elsewhere(daemon: Daemon) -> None:
    page = Addresses()
    page.feed(daemon.get("/docs", bearer()).body.decode())
    ours = [address for address in page.found if not address.startswith("data:")]
    assert sorted(f"/{address}" for address in ours if address != "openapi.json") == sorted(PAGE[1:])
    policy = daemon.get("/docs", bearer()).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", PAGE[1:])
def test_its_files_come_compressed_to_who_can_take_that(daemon: Daemon, path: str) -> None:
    plain = daemon.get(path, bearer())
    packed = daemon.get(path, bearer(accept_encoding="gzip, br"))
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["content-type"] == packed.headers["content-type"]


def test_the_version_is_the_one_that_is_documented() -> None:
    folder = Path(documentation.__file__).parent / "swagger"
    name, version, integrity = (folder / "VERSION").read_text().split()
    bundle = gzip.decompress((folder / "swagger-ui-bundle.js.gz").read_bytes()).decode()
    assert f'PACKAGE_VERSION:"{version}"' in bundle
    assert integrity.startswith("sha512-")
    assert f"{name} {version}" in (ROOT / "docs" / "dependencies.md").read_text()


@pytest.mark.parametrize("path", ["/schemas/router.schema.json", "/api/status", "/api/nothing", "/metrics"])
def test_the_shield(daemon: Daemon, path: str) -> None:
    for headers in (daemon.get(path).headers, daemon.get(path, bearer()).headers):
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_schema_of_the_file_is_open(daemon: Daemon) -> None:
    answer = daemon.get("/schemas/router.schema.json")
    assert answer.body.decode() == (ROOT / "schemas" / "router.schema.json").read_text()
    assert answer.headers["content-type"] == "application/schema+json"
