"""Anthropic's errors: what its API says is wrong, and what we say to callers who speak its dialect.

https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from routerd.adapters.base import Headers
from routerd.adapters.retry_after import retry_after
from routerd.adapters.trouble import excerpt, said_in, text_of, trouble, words_of
from routerd.errors import KINDS, RouterError

_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TYPE_OF_STATUS = {status: name for name, status in _STATUS_OF_TYPE.items()}

_TOO_LONG = re.compile(r"exceeds? (the )?context (limit|window)|prompt is too long", re.I)
PROMPT_TOO_LONG = "prompt is too long"
"""The words by which clients know that they have to shorten the conversation."""


def parse_error(status: int, headers: Headers, body: bytes) -> RouterError:
    """What an answer other than 200 means. HTML and empty bodies survive."""
    decoded = said_in(body)
    error = error_of(decoded if isinstance(decoded, dict) and decoded else excerpt(body), status)
    error.retry_after = retry_after(headers)
    return error


def error_of(said: Any, status: int | None) -> RouterError:
    """The RouterError for an error's body, or what stands for it; `status` None: it came inside a 200."""
    inner = said.get("error", said) if isinstance(said, dict) else said
    fields = inner if isinstance(inner, dict) else {"message": inner}
    kind, message = text_of(fields.get("type")), words_of(fields)
    words = PROMPT_TOO_LONG if _TOO_LONG.search(message or "") else ""
    return trouble(status or _STATUS_OF_TYPE.get(kind or "", 500), message, type=kind, words=words)


def error_status(error: RouterError) -> int:
    """The HTTP status that goes with it: Anthropic has one of its own for overload."""
    return _STATUS_OF_TYPE["overloaded_error"] if error_type(error) == "overloaded_error" else error.status


def error_type(error: RouterError) -> str:
    """What Anthropic would call it."""
    if error.kind == "upstream_rejected":
        return (
            error.type if error.type in _STATUS_OF_TYPE else _TYPE_OF_STATUS.get(error.status, "invalid_request_error")
        )
    return KINDS[error.kind].anthropic_type


def render_error(error: RouterError) -> bytes:
    """The body that says it, with a status or as an event."""
    message = error.message
    if error.kind == "context_length" and PROMPT_TOO_LONG not in message.lower():
        message = f"{PROMPT_TOO_LONG}: {message}"
    return msgspec.json.encode({"type": "error", "error": {"type": error_type(error), "message": message}})
