"""The built pages, as a browser gets them."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from routerd.web.open import Open
from routerd.web.operations import add
from routerd.web.problems import ApiError, show
from routerd.web.ui import PAGES, Ui, find

ROOT = Path(__file__).parents[2]
INDEX = '<html><head><base href="/" /></head></html>\n'
SCRIPT = b"export const answer = 42\n" * 100


@pytest.fixture
def app(tmp_path: Path) -> Quart:
    """The pages alone."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets/index-abc.js").write_bytes(SCRIPT)
    (tmp_path / "secret.txt").write_text("not yours")
    app = Quart("pages")
    add(app, [Ui(tmp_path)])

    @app.errorhandler(ApiError)
    async def told(error: ApiError) -> Any:
        return show(error)

    return app


def get(app: Quart, path: str, **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and body."""

    async def ask() -> tuple[int, Any, bytes]:
        response = await app.test_client().get(
            path, headers={name.replace("_", "-"): headers[name] for name in headers}
        )
        return response.status_code, response.headers, await response.get_data(as_text=False)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", *(f"/{page}" for page in PAGES), "/providers/7", "/requests/req_1"])
def test_every_page_is_the_same_file(app: Quart, path: str) -> None:
    status, headers, body = get(app, path)
    assert (status, body.decode(), headers["cache-control"]) == (200, INDEX, "no-cache")
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("sent", "base"),
    [
        ("/tools/routerd", "/tools/routerd/"),
        ("/tools/routerd/", "/tools/routerd/"),
        ("", "/"),
        ("/", "/"),
        ("//evil.example", "/"),
        ('/"><script>', "/"),
        ("https://evil.example", "/"),
    ],
)
def test_behind_a_proxy_that_says_where_we_are(app: Quart, sent: str, base: str) -> None:
    assert f'<base href="{base}" />' in get(app, "/routes", x_forwarded_prefix=sent)[2].decode()


def test_an_asset_is_packed_for_who_can_unpack_it(app: Quart) -> None:
    status, headers, body = get(app, "/assets/index-abc.js", accept_encoding="br, gzip")
    assert (status, headers["content-encoding"], gzip.decompress(body)) == (200, "gzip", SCRIPT)
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"].startswith("text/javascript")
    status, headers, body = get(app, "/assets/index-abc.js")
    assert (status, headers.get("content-encoding"), body) == (200, None, SCRIPT)


@pytest.mark.parametrize(
    "path", ["/assets/other.js", "/assets/..%2fsecret.txt", "/assets/%2e%2e", "/assets/.hidden", "/secret.txt", "/else"]
)
def test_there_is_nothing_else(app: Quart, path: str) -> None:
    assert get(app, path)[0] == 404


def test_the_pages_are_those_that_the_browser_knows() -> None:
    router = (ROOT / "frontend/src/router.ts").read_text()
    known = {path.split("/")[1] for path in re.findall(r'path: "(/[^"]*)"', router)} - {"", ":rest(.*)*"}
    assert known == set(PAGES)


def test_where_nothing_was_built_it_says_what_answers(tmp_path: Path) -> None:
    assert find((tmp_path,)) is None
    app = Quart("no pages")
    add(app, [Open(bool)])
    about = json.loads(get(app, "/")[2])
    assert (about["name"], about["api"]) == ("routerd", "/v1")
