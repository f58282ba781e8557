"""Thinking as it passes through OpenAI's dialect, which has no word of its own for it.

The text is `reasoning_content` (DeepSeek's field, which every client reads) or `reasoning`. Signatures stand beside it
in `reasoning_details` (https://openrouter.ai/docs/use-cases/reasoning-tokens#reasoning_details-array-structure); those
of Gemini's tool calls and texts in `extra_content`
(https://ai.google.dev/gemini-api/docs/thought-signatures#openai-compatibility).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from routerd.chat.parts import Part, Signature, Text, Thinking, ToolCall

_FAMILY_OF: Mapping[str, str] = {"anthropic-claude-v1": "anthropic", "google-gemini-v1": "gemini"}
_FORMAT_OF: Mapping[str, str] = {family: format_ for format_, family in _FAMILY_OF.items()}
READABLE = ("anthropic", "gemini")
"""The families that sign the text that we see. Others encrypt it, and show a summary."""


class Detail(Struct):
    """One entry of `reasoning_details`. `text` is what can be read of it, or the next piece of that."""

    text: str
    signature: Signature | None
    is_encrypted: bool
    format: str | None
    id: str | None
    index: Any
    extra: dict[str, Any]


_KNOWN = frozenset({"type", "text", "summary", "data", "signature", "format", "index"})


def parse_detail(value: Any) -> Detail | None:
    """Read one entry; None when it says nothing."""
    if not isinstance(value, dict):
        return None
    is_encrypted = value.get("type") == "reasoning.encrypted"
    sealed = value.get("data") if is_encrypted else value.get("signature")
    text = "" if is_encrypted else value.get("text") or value.get("summary") or ""
    format_, id_ = value.get("format"), value.get("id")
    signature = _signature(format_, id_, sealed, is_encrypted)
    if not isinstance(text, str) or not (text or signature):
        return None
    is_kept = signature is not None and is_encrypted and signature.family not in READABLE  # with its id inside
    known = _KNOWN | {"id"} if is_kept else _KNOWN
    extra = {key: each for key, each in value.items() if each is not None and key not in known}
    return Detail(text, signature, is_encrypted, format_, id_, value.get("index"), extra)


def _signature(format_: Any, id_: Any, sealed: Any, is_encrypted: bool) -> Signature | None:
    if not isinstance(sealed, str) or not sealed:
        return None
    family = _FAMILY_OF.get(format_, format_) if isinstance(format_, str) else "unknown"
    if is_encrypted and family not in READABLE and isinstance(id_, str) and id_:
        sealed = f"{id_}:{sealed}"  # whoever encrypted it wants it back under its id
    return Signature(family, sealed)


def is_of_call(detail: Detail, calls: Iterable[str]) -> bool:
    """Whether it is Gemini's signature of one of these tool calls."""
    return detail.is_encrypted and detail.format == "google-gemini-v1" and any(detail.id == id_ for id_ in calls)


def is_seal(detail: Detail) -> bool:
    """Whether it is the encrypted text of the summary that came right before it."""
    return detail.is_encrypted and detail.signature is not None and detail.signature.family not in READABLE


def _seals(detail: Detail, before: Thinking) -> bool:
    return is_seal(detail) and not before.is_redacted and before.signature is None


def _goes_on(detail: Detail, before: Detail | None, thought: Thinking) -> bool:
    """Whether it is a further piece of the entry before, from a client that only strung the pieces together."""
    if before is None or detail.is_encrypted or before.is_encrypted or thought.signature is not None:
        return False
    return detail.index is not None and detail.index == before.index


def parse_thoughts(
    values: Any, text: str | None, calls: Iterable[str], at: str = "", name: str = ""
) -> tuple[list[Thinking], dict[str, Signature]]:
    """The thoughts of one message, and Gemini's signatures of its tool calls by their id.

    `values` are its `reasoning_details`, `text` its plain thinking from the field `name`, `calls` the ids it may sign.
    """
    thoughts: list[Thinking] = []
    signatures: dict[str, Signature] = {}
    before: Detail | None = None
    for number, value in enumerate(values if isinstance(values, list) else ()):
        detail = parse_detail(value)
        if detail is None:
            continue
        if detail.signature is not None and is_of_call(detail, calls):
            signatures[str(detail.id)] = detail.signature
        elif thoughts and _seals(detail, thoughts[-1]):
            thoughts[-1].signature = detail.signature
        elif thoughts and _goes_on(detail, before, thoughts[-1]):
            thoughts[-1].text += detail.text
            thoughts[-1].signature = detail.signature
        else:
            thoughts.append(_thinking(detail, f"{at}/reasoning_details/{number}" if at else ""))
        before = detail
    if text and not any(thought.text for thought in thoughts):
        _add_text(thoughts, text, f"{at}/{name}" if at else "")
    return thoughts, signatures


def _thinking(detail: Detail, at: str) -> Thinking:
    return Thinking(detail.text, detail.signature, detail.is_encrypted, at=at, extra=detail.extra)


def _add_text(thoughts: list[Thinking], text: str, at: str) -> None:
    signed = [thought for thought in thoughts if not thought.is_redacted]
    sealing = [thought for thought in thoughts if thought.signature and thought.signature.family not in READABLE]
    if len(signed) == 1:
        signed[0].text = text
    elif len(sealing) == len(thoughts) == 1:
        thoughts[0].text, thoughts[0].is_redacted = text, False
    else:
        thoughts.insert(0, Thinking(text, at=at))


def render_detail(thought: Thinking, index: int) -> list[dict[str, Any]]:
    """The entries of `reasoning_details` that say a thought with all that signs it."""
    signature = thought.signature
    if signature is None:
        unsigned = {"type": "reasoning.text", "text": thought.text, **thought.extra, "index": index}
        return [unsigned] if thought.text else []
    format_ = _FORMAT_OF.get(signature.family, signature.family)
    beside = {**thought.extra, "format": format_, "index": index}
    if signature.family in READABLE and not thought.is_redacted:
        return [{"type": "reasoning.text", "text": thought.text, "signature": signature.value, **beside}]
    id_, _, data = signature.value.rpartition(":") if signature.family not in READABLE else ("", "", signature.value)
    encrypted = {"type": "reasoning.encrypted", "data": data, **({"id": id_} if id_ else {}), **beside}
    if thought.is_redacted or not thought.text:
        return [encrypted]
    return [{"type": "reasoning.summary", "summary": thought.text, **beside}, encrypted]


def render_details(thoughts: Iterable[Thinking]) -> list[dict[str, Any]]:
    """`reasoning_details` for the thoughts of one message."""
    return [entry for index, thought in enumerate(thoughts) for entry in render_detail(thought, index)]


def render_call_detail(call: ToolCall, id_: str, index: int) -> dict[str, Any]:
    """Gemini's signature of a tool call, as OpenRouter has it."""
    assert call.signature is not None
    format_ = _FORMAT_OF.get(call.signature.family, call.signature.family)
    return {"type": "reasoning.encrypted", "data": call.signature.value, "id": id_, "format": format_, "index": index}


def parse_extra_content(value: Any) -> Signature | None:
    """Gemini's signature in an `extra_content`."""
    google = value.get("google") if isinstance(value, dict) else None
    sealed = google.get("thought_signature") if isinstance(google, dict) else None
    return Signature("gemini", sealed) if isinstance(sealed, str) and sealed else None


def render_extra_content(signature: Signature) -> dict[str, Any]:
    """`extra_content` with Gemini's signature."""
    return {"google": {"thought_signature": signature.value}}


def sign(parts: Iterable[Part], signature: Signature | None) -> None:
    """Put the signature of a whole message where Gemini would: on its last text, else on its first tool call."""
    if signature is None:
        return
    parts = list(parts)
    texts = [part for part in parts if isinstance(part, Text)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    signed = texts[-1:] if texts else calls[:1]
    for part in signed:
        part.signature = part.signature or signature
