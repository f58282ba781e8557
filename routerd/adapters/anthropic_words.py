"""Words of Anthropic's Messages API that more than one direction needs, and signatures.

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Any

from routerd.chat.parts import Signature, Thinking

NAME = "anthropic"
FAMILY = "anthropic"

PATH = "/messages"
KEEP_ALIVE = b'event: ping\ndata: {"type": "ping"}\n\n'

REPLY_TOOL = "routerd_reply"
"""The tool whose input is the reply, where a model can be told its format in no other way. Replies are read for it."""

_OURS = "routerd:"


def parse_signature(value: str) -> Signature | None:
    """The signature of a thinking block; None where it is empty, as some compatible providers have it."""
    if not value.startswith(_OURS):
        return Signature(FAMILY, value) if value else None
    family, _, inner = value.removeprefix(_OURS).partition(":")
    return Signature(family, inner)


def render_signature(signature: Signature | None) -> str:
    """A signature for a caller. Another family's is wrapped, so that it comes back to us as it was."""
    if signature is None:
        return ""
    return signature.value if signature.family == FAMILY else f"{_OURS}{signature.family}:{signature.value}"


def render_thinking(part: Thinking) -> dict[str, Any]:
    """A thinking block as a caller gets it."""
    if part.is_redacted:
        return {"type": "redacted_thinking", "data": render_signature(part.signature)}
    return {"type": "thinking", "thinking": part.text, "signature": render_signature(part.signature)}
