"""What a reader knows of a reply, and what is left: that has to be named when another dialect can't say it.

`known` describes what is read: True for a value, a dict for an object, a list of one for a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routerd.adapters.base import Framing, escape, put
from routerd.chat.parts import Opaque

IN_LISTS = ("/choices/", "/candidates/", "/content/")
"""What the pointers into the parts of a reply begin with."""


def leftover(value: Any, known: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """The pointers to what is not known, with the values; what is empty, zero or false says nothing."""
    if known is True or says_nothing(value):
        return
    if isinstance(value, dict) and isinstance(known, Mapping):
        for name, each in value.items():
            yield from leftover(each, known.get(name), f"{at}/{escape(name)}")
    elif isinstance(value, list) and isinstance(known, list):
        for index, each in enumerate(value):
            yield from leftover(each, known[0], f"{at}/{index}")
    else:
        yield at, value


def says_nothing(value: Any) -> bool:
    """Whether a value is empty through and through."""
    if isinstance(value, dict):
        return all(map(says_nothing, value.values()))
    return not value


def extra_of(dialect: str, found: Mapping[str, Any]) -> Opaque | None:
    """What is left of a reply, by pointer, as `Reply.extra` has it."""
    return Opaque(dialect=dialect, raw=dict(found)) if found else None


def put_back(body: dict[str, Any], extra: Opaque | None, dialect: str) -> None:
    """Say what only `dialect` can say, in a reply of that dialect."""
    for pointer, value in (extra.raw if extra is not None and extra.dialect == dialect else {}).items():
        if not pointer.startswith(IN_LISTS):
            put(body, pointer, value)


def streamed(extra: Opaque | None, dialect: str, framing: Framing) -> dict[str, Any]:
    """What of it the last event of a stream has a place for: pointer → value."""
    if extra is None or extra.dialect != dialect or (dialect == "openai" and not framing.include_usage):
        return {}
    return {pointer: value for pointer, value in extra.raw.items() if _is_last(pointer, dialect)}


_OF_MESSAGE_DELTA = (
    "/usage/server_tool_use", "/usage/iterations", "/stop_details/", "/container", "/context_management",
    "/input_transformations",
)  # fmt: skip
"""What Anthropic's `message_delta` has a place for."""


def _is_last(pointer: str, dialect: str) -> bool:
    return pointer.startswith(_OF_MESSAGE_DELTA) if dialect == "anthropic" else not pointer.startswith(IN_LISTS)
