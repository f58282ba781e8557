"""`/openapi.json`, and Swagger UI at `/docs` from files of our own: nothing is fetched from anywhere else."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from quart import Response, request

from routerd.web.openapi import document
from routerd.web.operations import Operation

_FOLDER = Path(__file__).parent / "swagger"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
_HOUR = {"Cache-Control": "max-age=3600", "Vary": "Accept-Encoding"}
# Swagger UI sets style attributes, and draws its icons from data: URLs.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


class Documentation:
    """The handlers. `rows` gives all operations that there are."""

    def __init__(self, rows: Callable[[], Iterable[Operation]]) -> None:
        self._rows = rows
        self._text: str | None = None

    def operations(self) -> Sequence[Operation]:
        """One row for each path."""
        about = "What can be called, as OpenAPI 3.1 describes it."
        return (
            Operation("GET", "/openapi.json", self.describe, about, gives=dict[str, Any]),
            Operation(
                "GET", "/docs", self.page, "The same for people.", media="text/html", is_hidden=True, doorstep=self.page
            ),
            *(
                # They say nothing of this router, and a browser sends no token for them.
                Operation("GET", f"/docs/{name}", partial(self.file, name), "A part.", asks="nobody", is_hidden=True)
                for name in _FILES
            ),
        )

    async def describe(self) -> Response:
        """The document."""
        if self._text is None:
            self._text = await asyncio.to_thread(lambda: render(self._rows()))
        return Response(self._text, 200, {"Cache-Control": "no-store"}, content_type="application/json")

    async def page(self) -> Response:
        """The page that loads the other files, and asks for a token where one is needed."""
        text = await asyncio.to_thread((_FOLDER / "page.html").read_bytes)
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return Response(text, 200, headers, content_type="text/html; charset=utf-8")

    async def file(self, name: str) -> Response:
        """One of them, compressed if the caller can take that."""
        packed = await asyncio.to_thread(_packed, name)
        if request.accept_encodings["gzip"]:
            headers = _HOUR | {"Content-Encoding": "gzip"}
            return Response(packed, 200, headers, content_type=_FILES[name])
        return Response(await asyncio.to_thread(gzip.decompress, packed), 200, _HOUR, content_type=_FILES[name])


def render(rows: Iterable[Operation]) -> str:
    """The text of `schemas/openapi.json`."""
    return json.dumps(document(row for row in rows if not row.is_hidden), indent=2, ensure_ascii=False) + "\n"


@cache
def _packed(name: str) -> bytes:
    path = _FOLDER / f"{name}.gz"
    return path.read_bytes() if path.exists() else gzip.compress((_FOLDER / name).read_bytes(), mtime=0)
