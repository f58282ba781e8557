"""A caller's JSON body as raw top-level slices: what routing needs is read, the rest stays the bytes that came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from routerd.adapters.base import UNREADABLE
from routerd.errors import RouterError

Fields = dict[str, Raw]

_decode = msgspec.json.Decoder(dict[str, Raw]).decode


def parse(body: bytes | bytearray) -> Fields:
    """The top-level fields of a JSON object, undecoded. Raises RouterError(invalid_request)."""
    if not body:
        raise RouterError("invalid_request", "The request has no body: send a JSON object.")
    try:
        return _decode(body)
    except msgspec.ValidationError:
        raise RouterError("invalid_request", "The body must be a JSON object.") from None
    except UNREADABLE as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> RouterError:
    """What to tell a caller whose body can't be read, for one of `UNREADABLE`."""
    if isinstance(error, RecursionError):
        return RouterError("invalid_request", "The body is nested too deeply.")
    return RouterError("invalid_request", f"The body is not valid JSON: {error}.")


def decode(fields: Fields, name: str) -> Any:
    """The decoded value of one field; None where it is absent or null."""
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        raise RouterError("invalid_request", f"`{name}` is not valid JSON.", param=name) from None


def render(fields: Fields, changes: Mapping[str, bytes | None]) -> bytes:
    """The object again, with `changes` (raw JSON values; None takes a field out) made and null fields left out.

    A changed field keeps its place, so that what comes before it stays byte for byte what the provider may have cached.
    """
    kept: dict[str, Raw] = {}
    for name, raw in fields.items():
        if name in changes:
            value = changes[name]
            if value is not None:
                kept[name] = Raw(value)
        elif len(raw) != 4 or bytes(raw) != b"null":
            kept[name] = raw
    for name, value in changes.items():
        if value is not None and name not in kept:
            kept[name] = Raw(value)
    return msgspec.json.encode(kept)
