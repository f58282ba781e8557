"""The pages: what `npm run build` made of `frontend/`, from the package or from a clone's `frontend/dist`."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from quart import Response, request

from routerd.web.operations import Handler, Operation
from routerd.web.problems import ApiError

PAGES = (
    "providers", "routes", "playground", "requests", "config", "clients", "backups", "settings",
)  # fmt: skip
"""The first part of every page's path, as `frontend/src/router.ts` has them."""

CSP = "; ".join((
    "default-src 'self'", "img-src 'self' data:", "object-src 'none'", "base-uri 'self'", "frame-ancestors 'none'",
    "form-action 'self'",
))  # fmt: skip

_PLACES = (Path(__file__).parent / "pages", Path(__file__).parents[2] / "frontend" / "dist")
_BASE = '<base href="/" />'
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FOR_EVER = "public, max-age=31536000, immutable"  # their names have a hash of their content
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_WORTH_PACKING = 1_000  # bytes


def find(places: Sequence[Path] = _PLACES) -> Path | None:
    """Where the built pages are; None: nobody has built them."""
    return next((place for place in places if (place / "index.html").is_file()), None)


class Ui:
    """The handlers; nobody is kept from them, since the pages hold nothing: what they show they ask the API for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def operations(self) -> Sequence[Operation]:
        """One row for each kind of path."""
        pages = ["/", *(path for page in PAGES for path in (f"/{page}", f"/{page}/{{rest}}"))]
        files: list[tuple[str, Handler]] = [("/assets/{name}", self.asset), ("/icon.svg", self.icon)]
        return tuple(
            Operation("GET", path, handler, "The pages.", asks="nobody", is_hidden=True, media="text/html")
            for path, handler in [*((page, self.page) for page in pages), *files]
        )

    async def page(self, rest: str = "") -> Response:
        """The one HTML file there is: what its path means, the browser finds out."""
        text = await asyncio.to_thread((self._folder / "index.html").read_text)
        prefix = request.headers.get("x-forwarded-prefix", "").rstrip("/")
        if _PREFIX.fullmatch(prefix):  # behind a proxy that has taken it off the path
            text = text.replace(_BASE, f'<base href="{prefix}/" />')
        headers = {"Cache-Control": "no-cache", "Vary": "X-Forwarded-Prefix", "Content-Security-Policy": CSP}
        return Response(text, 200, headers, content_type="text/html; charset=utf-8")

    async def asset(self, name: str) -> Response:
        """A file that never changes."""
        return await self._file(f"assets/{name}", name, _FOR_EVER)

    async def icon(self) -> Response:
        """The icon of the tab."""
        return await self._file("icon.svg", "icon.svg", "public, max-age=86400")

    async def _file(self, path: str, name: str, caching: str) -> Response:
        if not _FILE.fullmatch(name):
            raise ApiError("not_found", f"There is no {request.path} here.")
        try:
            plain, packed = await asyncio.to_thread(_content, self._folder / path)
        except OSError:
            raise ApiError("not_found", f"There is no {request.path} here.") from None
        suffix = Path(name).suffix
        headers = {"Cache-Control": caching, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        media = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, 200, headers | {"Content-Encoding": "gzip"}, content_type=media)
        return Response(plain or gzip.decompress(packed or b""), 200, headers, content_type=media)


@lru_cache(maxsize=64)
def _content(path: Path) -> tuple[bytes | None, bytes | None]:
    """The bytes as they are, or, where that is worth it, packed: one of the two is kept. Raises OSError."""
    plain = path.read_bytes()
    if len(plain) < _WORTH_PACKING or path.suffix not in _TYPES:
        return plain, None
    return None, gzip.compress(plain, 9)
