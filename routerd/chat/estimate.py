"""About how many tokens a request is, for those who ask where nobody can count them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from routerd.chat.parts import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest

_MEDIA = {"image": 1600, "document": 3000, "audio": 800, "video": 8000}  # of usual size; nobody has looked inside
_PER_MESSAGE = 4  # roles and turn marks

_DENSE = "\u2e7f"  # from here on come the scripts of East Asia, where a letter is a token or more


def tokens(request: ChatRequest) -> int:
    """An estimate of the prompt's tokens: a fourth of the bytes of English, one for each letter of dense scripts."""
    said = sum(_of_parts(message.parts) + _PER_MESSAGE for message in request.messages)
    tools = sum(_of_bytes(msgspec.json.encode(tool)) for tool in request.tools)
    return said + tools


def _of_parts(parts: Iterable[Part]) -> int:
    return sum(map(_of_part, parts))


def _of_part(part: Part) -> int:
    if isinstance(part, Text | Thinking):
        return _of_text(part.text)
    if isinstance(part, ToolCall):
        return _of_text(part.name) + _of_text(part.arguments) + _PER_MESSAGE
    if isinstance(part, ToolResult):
        return _of_parts(part.parts) + _PER_MESSAGE
    if isinstance(part, Media):
        return _of_text(part.text) if part.text else _MEDIA[part.kind]
    return _of_bytes(msgspec.json.encode(part.raw)) if isinstance(part, Opaque) else 0


def _of_text(text: str) -> int:
    dense = 0 if text.isascii() else sum(letter > _DENSE for letter in text)
    return dense + (len(text) - dense + 3) // 4


def _of_bytes(data: bytes) -> int:
    return (len(data) + 3) // 4
