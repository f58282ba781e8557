"""The header lines of an answer: what routerd says of it, and what passes from the upstream."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from math import ceil
from typing import Any
from urllib.parse import quote

from routerd.adapters.base import Headers, Losses
from routerd.errors import RouterError
from routerd.snapshot import Route, Snapshot, Target

STREAM = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
JSON = b"content-type: application/json\r\n"
PROBLEM = b"content-type: application/problem+json\r\nx-content-type-options: nosniff\r\n"

TOLD = frozenset({b"traceparent", b"x-stainless-retry-count"})
"""Of a caller's headers, those that the log has."""

_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")  # w3.org/TR/trace-context
_PASSED = frozenset({b"request-id", b"retry-after", b"retry-after-ms"})
_PASSED_PREFIXES = (b"x-ratelimit-", b"openai-", b"anthropic-ratelimit-")
_MOST_DROPPED = 1024
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


def told(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The id of the trace that a request belongs to, and how often the caller's SDK had sent it before."""
    trace = _TRACE.fullmatch(fields.get(b"traceparent", b""))
    count = fields.get(b"x-stainless-retry-count", b"")
    return {
        "retry_count": int(count) if count.isdigit() and len(count) <= 4 else None,
        "trace": trace[1].decode() if trace else None,
    }


def passed(headers: Headers) -> list[bytes]:
    """The upstream's own header lines that callers get."""
    return [b"%b: %b\r\n" % (name, value) for name, value in headers if _passes(name)]


@lru_cache(maxsize=512)
def _passes(name: bytes) -> bool:
    return name in _PASSED or name.startswith(_PASSED_PREFIXES)


def identity(request_id: str) -> bytes:
    """Which request this was."""
    return f"x-routerd-request-id: {request_id}\r\nx-request-id: {request_id}\r\n".encode()


def way(snapshot: Snapshot, route: Route | None, target: Target | None, attempts: int) -> bytes:
    """Which config answered, and which way: as far as it is known (`attempts` 0: it is not).

    Remembered by the snapshot: it is the same for every request of a target.
    """
    key = (route, target, attempts)
    lines: bytes | None = snapshot.memo.get(key)
    return lines if lines is not None else snapshot.remember(key, _way(snapshot, route, target, attempts))


def _way(snapshot: Snapshot, route: Route | None, target: Target | None, attempts: int) -> bytes:
    lines = b"x-routerd-config: %b\r\n" % snapshot.digest[:12].encode()
    if route is not None:
        lines += b"x-routerd-route: %b\r\n" % ascii_name(route.name)
    if target is not None:
        names = (ascii_name(target.provider.name), ascii_name(target.model))
        lines += b"x-routerd-provider: %b\r\nx-routerd-model: %b\r\n" % names
    return lines + b"x-routerd-attempts: %d\r\n" % attempts if attempts else lines


def of_reply(pointers: Iterable[str]) -> list[str]:
    """Pointers into a provider's reply, as they stand beside those into a caller's request."""
    return [f"reply:{pointer}" for pointer in pointers]


def dropped(losses: Collection[str] | Losses) -> bytes:
    """What a target or a caller was not told: at most 1,024 bytes, then how many more there are."""
    if not losses:
        return b""
    names = [ascii_name(pointer).replace(b",", b"%2C") for pointer in losses]
    kept = 0
    size = -1
    while kept < len(names) and size + 1 + len(names[kept]) <= _MOST_DROPPED:
        size += 1 + len(names[kept])
        kept += 1
    if kept < len(names):
        names[kept:] = [b"+%d" % (len(names) - kept)]
    return b"x-routerd-dropped: %b\r\n" % b",".join(names)


def of_error(error: RouterError) -> bytes:
    """When to try again, if at all: both vendors' SDKs obey `x-should-retry`."""
    lines = b"allow: %b\r\n" % error.allow.encode() if error.allow else b""
    if error.retry_after is not None:
        milliseconds = ceil(error.retry_after * 1000)
        lines += b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (ceil(error.retry_after), milliseconds)
    return lines if error.may_pass else lines + b"x-should-retry: false\r\n"


def ascii_name(name: str) -> bytes:
    """A name as a header can hold it: what is not printable ASCII is percent-encoded."""
    return quote(name, safe=_PRINTABLE + " ").encode()
