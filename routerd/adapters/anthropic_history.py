"""Whether a history can go to Anthropic as the caller sent it.

Anthropic refuses thinking that it did not sign; ids of calls that hold more than letters, digits, - and _; and while
thinking is `enabled`, a current turn that begins with anything else
(https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks). All of it comes
about when another provider answered a turn before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routerd.adapters.base import UNREADABLE

_FOREIGN = re.compile(
    rb'"signature":\s*"(?:routerd:|")|"encrypted_index":\s*"routerd"|"tool_use_id":\s*"[a-zA-Z0-9_-]*[^a-zA-Z0-9_"-]'
)
_THOUGHTS = ("thinking", "redacted_thinking")


def goes_as_it_is(fields: Mapping[str, msgspec.Raw], model: str) -> bool:
    """Whether nothing in the raw `messages` has to be left out or made good."""
    history = bytes(fields.get("messages", b""))
    if _FOREIGN.search(history):
        return False
    if "thinking" not in fields or b'"enabled"' not in bytes(fields["thinking"]):
        return True
    try:
        messages = msgspec.json.decode(history)
    except UNREADABLE:
        return True  # Anthropic says best what is wrong with it
    return not isinstance(messages, list) or all(kind in _THOUGHTS for kind in _openings(messages))


def _openings(messages: list[Any]) -> Iterator[str]:
    """The type of the first block of each assistant message since the user last said something."""
    for message in reversed(messages):
        if not isinstance(message, dict):
            return
        content = message.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        if message.get("role") == "assistant":
            yield str(blocks[0].get("type")) if blocks else "text"
        elif not any(block.get("type") == "tool_result" for block in blocks):
            return
