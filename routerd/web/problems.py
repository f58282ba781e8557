"""Errors of the control plane, as RFC 9457 has them."""

from __future__ import annotations

import json
from typing import Any

from quart import Response

from routerd import errors

KINDS = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media",
    500: "internal",
}


STATUSES = {
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "unknown_model": 404,
    "in_use": 409,
    "name_taken": 409,
    "config_missing": 409,
    "config_read_only": 409,
    "config_deleted_inode": 409,
    "route_inactive": 409,
    "text_not_kept": 409,
    "stale": 412,
    "config_invalid": 422,
    "config_rejected": 422,
    "edit_by_hand": 422,
    "key_moved": 422,
    "key_redacted": 422,
    "not_sealed": 422,
    "key_unreadable": 422,
    "reference_by_hand": 422,
    "if_match_needed": 428,
    "rate_limited": 429,
    "backup_unreadable": 503,
    "backup_unwritable": 503,
    "config_unreadable": 503,
    "config_unwritable": 503,
    "history_unanswered": 503,
    "ledger_unanswered": 503,
    "no_target": 503,
}
"""Kinds that one status alone does not tell."""

OF_EDITS = (
    "stale", "config_missing", "config_read_only", "config_deleted_inode", "config_invalid", "edit_by_hand",
    "key_moved", "key_redacted", "not_sealed", "reference_by_hand", "config_unreadable", "config_unwritable",
)  # fmt: skip
"""What any edit of router.yaml may be refused with."""


class ApiError(Exception):
    """A problem to be answered with; `more` are further members of it."""

    def __init__(self, kind: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.more = more


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, kind: str | None = None, **more: Any
) -> Response:
    """An `application/problem+json` answer."""
    body = {**errors.problem(status, kind or KINDS[status], detail), **more}
    return Response(json.dumps(body), status, headers, content_type="application/problem+json")


def show(error: ApiError) -> Response:
    """The answer that says it."""
    status = status_of(error.kind)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return problem(status, error.detail, headers, error.kind, **error.more)


def status_of(kind: str) -> int:
    """The status that a kind of problem is answered with."""
    return STATUSES[kind] if kind in STATUSES else _STATUS_OF[kind]


_STATUS_OF = {kind: status for status, kind in KINDS.items()}
