"""The link that logs a browser in. Pure."""

from __future__ import annotations

from urllib.parse import quote

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def link(url: str, token: str) -> str:
    """The page at `url`, with the token behind `#`: a browser keeps that part to itself, so no server logs it."""
    return f"{url.rstrip('/')}/#token={quote(token, safe='')}"


def page(host: str, port: int, *, is_tls: bool) -> str:
    """Where the browser of this machine finds a listener."""
    name = _ANY.get(host, host)
    return f"{'https' if is_tls else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"
