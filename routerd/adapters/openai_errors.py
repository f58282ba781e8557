"""OpenAI chat completions: errors, as providers say them and as callers read them.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routerd.adapters.base import Headers
from routerd.adapters.retry_after import retry_after
from routerd.adapters.trouble import excerpt, said_in, text_of, trouble, words_of
from routerd.errors import RouterError

_STATUSES = frozenset(map(str, range(400, 600)))
_STATUS_OF_TYPE: Mapping[str, int] = {
    "rate_limit": 429,
    "overloaded": 529,
    "invalid_request": 400,
    "authentication": 401,
    "permission": 403,
    "timeout": 504,
}


def parse_error(status: int, headers: Headers, body: bytes) -> RouterError:
    """What an upstream's answer other than 200 means. HTML and empty bodies survive."""
    decoded = said_in(body)
    said = decoded.get("error", decoded) if isinstance(decoded, dict) else None
    error = error_of(said if said else excerpt(body), status)
    error.retry_after = retry_after(headers)
    return error


def error_of(said: Any, status: int | None) -> RouterError:
    """The RouterError for an `error` object (or string); `status` None: it came inside a 200."""
    fields = said if isinstance(said, dict) else {"message": said}
    type_, code = text_of(fields.get("type")), text_of(fields.get("code"))
    status = status or _status_within(fields)
    return trouble(status, words_of(fields), type=type_, code=code, param=text_of(fields.get("param")))


def _status_within(fields: dict[str, Any]) -> int:
    """The status an error inside a 200 stands for: its number if it has one, else what its type says, else 500."""
    for name in ("code", "status", "status_code"):
        value = fields.get(name)
        if str(value) in _STATUSES:
            return int(str(value))
    words = f"{fields.get('type')} {fields.get('code')}"
    return next((status for word, status in _STATUS_OF_TYPE.items() if word in words), 500)


def render_error(error: RouterError) -> bytes:
    """The body that says an error in this dialect."""
    said = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": said})


def error_status(error: RouterError) -> int:
    """The HTTP status that goes with it."""
    return error.status
