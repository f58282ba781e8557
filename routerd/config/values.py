"""Durations and sizes as people write them: `5s`, `10m`, `32MiB`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

_DURATION_PATTERN = r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+"
_SIZE_PATTERN = r"\d+(?:\.\d+)? ?(?:[KMGkmg][Ii]?)?[Bb]"
_DURATION = re.compile(_DURATION_PATTERN, re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGkmg]?[Ii]?[Bb])", re.ASCII)

# Far beyond any use, and still exact as a float: a longer number is a slip.
_MOST_SECONDS = 100 * 365 * 86400.0
_MOST_BYTES = 2**40


def parse_duration(value: object) -> float:
    """Seconds in `200ms`, `5s`, `10m`, `1h30m`, `30d`, `2w`, or a plain number of seconds. Raises ValueError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and _DURATION.fullmatch(value):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    else:
        raise ValueError("not a duration")
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ValueError("not a duration")
    return seconds


def parse_size(value: object) -> int:
    """Bytes in `512KiB`, `32MiB`, `1GB`, or a plain number of bytes. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value)) and found[2].lower() in _BYTES:
        size = int(float(found[1]) * _BYTES[found[2].lower()])
    else:
        raise ValueError("not a size")
    if not 0 <= size <= _MOST_BYTES:
        raise ValueError("not a size")
    return size


def _duration(value: Any) -> float:
    try:
        return parse_duration(value)
    except ValueError:
        raise PydanticCustomError("duration", "must be a duration, such as 200ms, 5s, 10m, 1h30m or 30d") from None


def _some_time(value: Any) -> float:
    seconds = _duration(value)
    if seconds == 0:
        raise PydanticCustomError("duration", "must be longer than 0")
    return seconds


def _size(value: Any) -> int:
    try:
        return parse_size(value)
    except ValueError:
        raise PydanticCustomError("size", "must be a size, such as 512KiB, 32MiB or a number of bytes") from None


def _either(kind: str, pattern: str, examples: list[str]) -> WithJsonSchema:
    text = {"type": "string", "pattern": f"^{pattern}$"}
    return WithJsonSchema({"anyOf": [text, {"type": kind, "minimum": 0}], "examples": examples})


Duration = Annotated[float, BeforeValidator(_duration), _either("number", _DURATION_PATTERN, ["200ms", "5s", "30d"])]
"""Seconds, 0 allowed."""

SomeTime = Annotated[float, BeforeValidator(_some_time), _either("number", _DURATION_PATTERN, ["200ms", "5s", "15m"])]
"""Seconds, more than 0."""

Size = Annotated[int, BeforeValidator(_size), _either("integer", _SIZE_PATTERN, ["512KiB", "32MiB"])]
"""Bytes."""
