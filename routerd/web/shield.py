"""The headers that keep a browser from doing with our answers what they are not for."""

from __future__ import annotations

from quart import Response, request

from routerd.proxy import heads

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def shield(response: Response) -> Response:
    """Add them to whatever has none of its own; `/v1` answers as its own door does."""
    if not heads.is_v1(request.path):
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
    return response
