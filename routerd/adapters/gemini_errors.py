"""Google's errors, both ways (https://google.aip.dev/193, https://ai.google.dev/gemini-api/docs/troubleshooting)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routerd.adapters.base import Headers
from routerd.adapters.retry_after import LONGEST, retry_after
from routerd.adapters.trouble import excerpt, kind_of, said_in, words_of
from routerd.errors import RouterError

_RPC = "type.googleapis.com/google.rpc."

_NAME_OF: Mapping[int, str] = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL",
    501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_STATUS_OF: Mapping[str, int] = {
    **{name: status for status, name in _NAME_OF.items()},
    "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAVAILABLE": 503,
}  # fmt: skip

_NOT_HERE = re.compile(r"billing|location is not supported|free tier is not available", re.I)
_NEVER = re.compile(r"\blimit: 0\b(?!\.)")  # no quota at all, whatever delay is told
_RETRY_IN = re.compile(r"retry in ([0-9.]+m?s)\b")


def parse_error(status: int, headers: Headers, body: bytes) -> RouterError:
    """What Google's answer other than 200 means: an object, a list of one, HTML of a proxy, or nothing."""
    decoded = said_in(body)
    said = decoded.get("error", decoded) if isinstance(decoded, dict) else None
    error = error_of(said or excerpt(body), status)
    if error.retry_after is None:
        error.retry_after = retry_after(headers)
    return error


def error_of(said: Any, status: int | None = None) -> RouterError:
    """The RouterError for an `error` object (or string); `status` None: it came inside a 200."""
    fields = said if isinstance(said, dict) else {"message": str(said)}
    status = status or _status_within(fields)
    message = words_of(fields) or f"HTTP {status}"
    details = _Details(fields.get("details"))
    kind = _kind(status, f"{fields.get('status')} {details.reasons} {message}", details)
    is_refused = kind == "upstream_rejected"
    return RouterError(
        kind,
        message,
        status=status if is_refused and 400 <= status < 500 else None,
        retry_after=_delay(details.delay or _told(message)),
        upstream_status=status,
    )


class _Details:
    """What Google tells beside the message, each in an object of its own type."""

    def __init__(self, details: Any) -> None:
        every = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
        self.delay = next((str(each["retryDelay"]) for each in every if each.get("retryDelay")), None)
        self.reasons = " ".join(str(each["reason"]) for each in every if each.get("reason"))
        self.quotas = [str(entry.get("quotaId")) for each in every for entry in _violations(each)]


def _violations(detail: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found = detail.get("violations")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else ()


def _kind(status: int, words: str, details: _Details) -> str:
    """As `kind_of`, but for quotas: a day's is gone until tomorrow, a minute's comes back by itself."""
    if status == 429:
        if any("PerDay" in quota for quota in details.quotas) or _NEVER.search(words):
            return "upstream_exhausted"
        if details.quotas or details.delay or _told(words):
            return "upstream_rate_limited"
    if status == 400 and _NOT_HERE.search(words):
        return "upstream_exhausted"
    return "upstream_overloaded" if status == 499 else kind_of(status, words)


def _told(message: str) -> str | None:
    found = _RETRY_IN.search(message)
    return found[1] if found else None


def _delay(duration: str | None) -> float | None:
    """Seconds of a duration as proto JSON has it: `34.4s`."""
    if duration is None:
        return None
    number = duration.removesuffix("s").removesuffix("m")
    try:
        seconds = float(number) / (1000 if duration.endswith("ms") else 1)
    except ValueError:
        return None
    return min(seconds, LONGEST) if seconds >= 0 else None


def _status_within(fields: dict[str, Any]) -> int:
    code: Any = fields.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return int(code)
    return _STATUS_OF.get(str(fields.get("status")), 500)


# To callers -------------------------------------------------------------------------------------------------------


def error_status(error: RouterError) -> int:
    """The HTTP status that goes with it."""
    return error.status


def render_error(error: RouterError) -> bytes:
    """The body that says it, with a status, and in a stream."""
    return msgspec.json.encode(error_body(error))


def error_body(error: RouterError) -> dict[str, Any]:
    """The same, JSON to be."""
    status = error_status(error)
    name = _NAME_OF.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    said: dict[str, Any] = {"code": status, "message": error.message, "status": name}
    details: list[dict[str, Any]] = []
    if error.retry_after is not None:
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": f"{error.retry_after:g}s"})
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]})
    return {"error": {**said, "details": details} if details else said}
