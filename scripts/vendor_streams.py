"""Every field of the vendors' stream types, each set once in every place of a stream where it may stand.

The types are those of the SDKs `openai`, `anthropic` (beta) and `google-genai`. A case's body is the list of the events
of a stream, and its pointer leads into one of them; `encoded` writes them as the vendor does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from anthropic.types.beta import (
    BetaMessage,
    BetaRawContentBlockDelta,
    BetaRawContentBlockStartEvent,
    BetaRawMessageDeltaEvent,
)
from google.genai import types as google
from openai.types.chat import ChatCompletionChunk

from scripts.vendor_fields import Case
from scripts.vendor_replies import sample_of, variants_of, walk

_FRAME = {"id": "reply-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-5.2"}
_USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}


def _chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {**_FRAME, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _candidate(text: str, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}
    return {
        "candidates": [candidate], "usageMetadata": _USAGE, "modelVersion": "gemini-3-pro-preview",
        "responseId": "reply-1",
    }  # fmt: skip


_OPENAI = [
    _chunk(role="assistant", content="Hel"),
    _chunk(content="lo"),
    _chunk("stop"),
    {**_FRAME, "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}},
]
_GEMINI = [_candidate("Hel"), _candidate("lo"), _candidate("!", finishReason="STOP")]
_STARTED: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "reply-1", "type": "message", "role": "assistant", "model": "claude-opus-4-6", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1},
    },
}  # fmt: skip
_ENDED: list[dict[str, Any]] = [
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 3},
    },
    {"type": "message_stop"},
]
# The block that each kind of piece is one of.
_BLOCK_OF: Mapping[str, dict[str, Any]] = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": "Hello"},
    "input_json_delta": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    "thinking_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "signature_delta": {"type": "thinking", "thinking": "Hm.", "signature": ""},
    "compaction_delta": {"type": "compaction", "content": None},
}
# What a piece says that must say something: one of arguments is a piece of an object.
_PIECES: Mapping[str, dict[str, Any]] = {"input_json_delta": {"partial_json": '{"city":"Oslo"}'}}


def streams(dialect: str) -> Iterator[Case]:
    """Every field of the streams of a dialect."""
    yield from _STREAMS[dialect]()


def encoded(dialect: str, events: list[dict[str, Any]]) -> bytes:
    """A stream as its vendor writes it."""
    end = "data: [DONE]\n\n" if dialect == "openai" else ""
    names = [f"event: {event['type']}\n" if dialect == "anthropic" else "" for event in events]
    said = [f"{name}data: {msgspec.json.encode(event).decode()}\n\n" for name, event in zip(names, events, strict=True)]
    return ("".join(said) + end).encode()


def _fields(shape: Any, label: str, at: str, events: list[dict[str, Any]]) -> Iterator[Case]:
    """The fields of what stands at a pointer into the events, each with a name that says in which it is."""
    for case in walk(shape, "", at, events):
        yield replace(case, path=f"{label}.{case.path}")


def _openai() -> Iterator[Case]:
    *chunks, last = _OPENAI
    for number in range(len(chunks)):  # the usage is not always a chunk of its own
        yield from _fields(ChatCompletionChunk, f"chunk{number}", f"/{number}", chunks)
    for case in _fields(ChatCompletionChunk, "last", f"/{len(chunks)}", [*chunks, last]):
        if "/choices/" not in case.pointer:  # it has none
            yield case


def _gemini() -> Iterator[Case]:
    for number in range(len(_GEMINI)):
        yield from _fields(google.GenerateContentResponse, f"chunk{number}", f"/{number}", _GEMINI)


def _anthropic() -> Iterator[Case]:
    bare = [_STARTED, *_ENDED]
    yield from _fields(BetaMessage, "message_start", "/0/message", bare)
    yield from _fields(BetaRawMessageDeltaEvent, "message_delta", "/1", bare)
    for label, shape in variants_of(BetaRawContentBlockStartEvent.model_fields["content_block"].annotation):
        block = {**sample_of(shape), **({"text": "Hello"} if label == "[text]" else {})}
        stopped = {"type": "content_block_stop", "index": 0}
        events = [_STARTED, {"type": "content_block_start", "index": 0, "content_block": block}, stopped, *_ENDED]
        yield Case(f"content_block{label}", "/1/content_block", events, bare)
        yield from _fields(shape, f"content_block{label}", "/1/content_block", events)
    for label, shape in variants_of(BetaRawContentBlockDelta):
        yield from _pieces(label, shape)


def _pieces(label: str, shape: Any) -> Iterator[Case]:
    """One kind of `content_block_delta`: all of it, and each of its fields."""
    kind = label.strip("[]")
    piece = {**sample_of(shape), **_PIECES.get(kind, {})}
    started = {"type": "content_block_start", "index": 0, "content_block": _BLOCK_OF[kind]}
    stopped = {"type": "content_block_stop", "index": 0}
    grown = {"type": "content_block_delta", "index": 0, "delta": piece}
    events = [_STARTED, started, grown, stopped, *_ENDED]
    if len(piece) > 1:
        yield Case(f"delta{label}", "/2/delta", events, [_STARTED, started, stopped, *_ENDED])
    bare = {name: each for name, each in piece.items() if not isinstance(each, dict)}
    events = [_STARTED, started, {**grown, "delta": bare}, stopped, *_ENDED]
    yield from _fields(shape, f"delta{label}", "/2/delta", events)


_STREAMS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}
