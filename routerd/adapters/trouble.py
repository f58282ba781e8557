"""What an upstream's complaint means, in whatever dialect it was said: its words and status → a kind of our table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from routerd.adapters.base import UNREADABLE
from routerd.errors import RouterError

_EMPTY_WALLET = re.compile(
    r"insufficient[_ ](quota|balance|funds|credits?)|credit balance is too low|exceeded your current quota"
    r"|billing_hard_limit",
    re.I,
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|prompt is too long|input token count\b.{0,40}\bexceeds"
    r"|exceeds? the (model'?s |available )?(maximum )?context|context window|exceed_context_size"
    r"|maximum prompt length|prompt exceeds max|greater than the context length|tokens \+ `?max_new_tokens",
    re.I,
)
_BAD_KEY = re.compile(r"API_KEY_INVALID|api key (not valid|expired)", re.I)  # Google says it with a 400
_KIND_OF_STATUS: Mapping[int, str] = {
    401: "upstream_credentials", 403: "upstream_credentials", 402: "upstream_exhausted", 408: "upstream_timeout",
    429: "upstream_rate_limited",
}  # fmt: skip
_WORDS = ("message", "detail", "errors", "msg", "error_msg")  # the second is FastAPI's, the third Cloudflare's
_LONGEST = 2000  # characters of what is no text
_TOLD = ("upstream_rejected", "context_length")


def kind_of(status: int, words: str) -> str:
    """The kind of an upstream's error, from its status and all that it said: code, type and message."""
    if 400 <= status < 500 and _EMPTY_WALLET.search(words):
        return "upstream_exhausted"
    if status in (400, 413, 422) and _TOO_LONG.search(words):
        return "context_length"
    if status == 400 and _BAD_KEY.search(words):
        return "upstream_credentials"
    if status == 404 and "model" in words.lower():
        return "upstream_exhausted"
    if status >= 500:
        return "upstream_overloaded"
    if status < 400:
        return "upstream_garbled"
    return _KIND_OF_STATUS.get(status, "upstream_rejected")


def trouble(
    status: int,
    message: str | None,
    *,
    type: str | None = None,
    code: str | None = None,
    param: str | None = None,
    words: str = "",
) -> RouterError:
    """The RouterError for what an upstream said with `status`; `words` is what else tells its kind.

    `type`, `code` and `param` reach the caller when it is the request itself that was refused.
    """
    kind = kind_of(status, f"{code} {type} {message} {words}")
    is_refused = kind == "upstream_rejected"
    return RouterError(
        kind,
        message or f"HTTP {status}",
        param=param if kind in _TOLD else None,
        status=status if is_refused and 400 <= status < 500 else None,
        type=type if kind in _TOLD else None,
        code=code if is_refused and not _is_number(code) else None,
        upstream_status=status,
    )


def said_in(body: bytes) -> Any:
    """What the body of a complaint says: an object, or the first of a list of them; None where it is no JSON."""
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    return decoded[0] if isinstance(decoded, list) and decoded else decoded


def text_of(value: Any) -> str | None:
    """A field of a complaint, whatever its type."""
    return None if value is None else str(value)


def words_of(fields: Mapping[str, Any], depth: int = 3) -> str | None:
    """What a complaint says in words, in whichever field; None where it says nothing."""
    return next((_words(fields[name], depth) for name in _WORDS if fields.get(name)), None)


def _words(value: Any, depth: int) -> str:
    """As `words_of`, of the field: a text, or a list of what is wrong, each with its place."""
    if depth and isinstance(value, list):
        return "; ".join(_words(each, depth - 1) for each in value)
    words = words_of(value, depth - 1) if depth and isinstance(value, dict) else None
    if words is None:
        return value if isinstance(value, str) else str(value)[:_LONGEST]
    place = value.get("loc")
    return f"{'.'.join(map(str, place))}: {words}" if isinstance(place, list) else words


def excerpt(body: bytes) -> str:
    """The first words of a body that is no JSON, without its HTML."""
    text = " ".join(re.sub(r"<[^>]*>", " ", body[:2000].decode("utf-8", "replace")).split())
    return text[:200] if text else "an empty body"


def _is_number(code: str | None) -> bool:
    return code is None or code.lstrip("-").isdigit()
