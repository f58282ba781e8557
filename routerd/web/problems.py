"""Errors of the control plane, as RFC 9457 has them."""

from __future__ import annotations

import json
from http import HTTPStatus

from quart import Response

KINDS = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media",
    500: "internal",
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An `application/problem+json` answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "kind": KINDS[status],
    }
    return Response(json.dumps(body), status, headers, content_type="application/problem+json")
