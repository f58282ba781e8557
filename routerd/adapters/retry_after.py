"""How long an upstream asks us to wait."""

from __future__ import annotations

from routerd.adapters.base import Headers

LONGEST = 86400.0  # seconds; more is a mistake


def retry_after(headers: Headers) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (RFC 9110 section 10.2.3); None when not told.

    A date is counted from the answer's own `Date`, so that no clock of ours is needed.
    """
    found = dict(headers)
    milliseconds = _number(found.get(b"retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST)
    value = found.get(b"retry-after")
    seconds = _number(value)
    if seconds is None:
        seconds = _until(value, found.get(b"date"))
    return None if seconds is None else min(seconds, LONGEST)


def _number(value: bytes | None) -> float | None:
    try:
        number = float(value) if value is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _until(value: bytes | None, date: bytes | None) -> float | None:
    if value is None or date is None:
        return None
    from email.utils import parsedate_to_datetime  # here: hardly anyone tells a date

    try:
        wait = parsedate_to_datetime(value.decode("latin-1")) - parsedate_to_datetime(date.decode("latin-1"))
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())
