"""Anthropic's Messages API: what a caller is answered, whole and streamed.

https://platform.claude.com/docs/en/api/messages/create, https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from routerd.adapters import citations, sse
from routerd.adapters.anthropic_errors import render_error
from routerd.adapters.anthropic_reply import REFUSED, STOPS
from routerd.adapters.anthropic_words import NAME, render_signature, render_thinking
from routerd.adapters.base import UNREADABLE, Framing, put
from routerd.adapters.leftover import put_back, streamed
from routerd.chat.events import (
    ChoiceEnded,
    Event,
    PartDelta,
    PartEnded,
    PartSigned,
    PartStarted,
    ReplyEnded,
    ReplyFailed,
    ReplyStarted,
)
from routerd.chat.parts import Citation, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError

Block = dict[str, Any]

_WORD_OF = {stop: word for word, stop in STOPS.items()}
_CALL_EXTRA = ("caller", "toolset_name")
_MAY_OPEN = (Text, Thinking, Refusal, ToolCall, Opaque)

_encode = sse.encode


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """Tokens as Anthropic counts them: what the cache gave or took stands beside the input."""
    usage = usage or Usage()
    said: dict[str, Any] = {
        "input_tokens": max(0, usage.prompt - usage.cached - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }
    if usage.reasoning:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return said


def _ending(stop: StopReason, stop_sequence: str | None, refusal: str) -> dict[str, Any]:
    said: dict[str, Any] = {"stop_reason": _WORD_OF[stop], "stop_sequence": stop_sequence}
    if stop is StopReason.FILTERED:
        said["stop_details"] = {"type": "refusal", "category": None, "explanation": refusal or None}
    return said


# Whole ------------------------------------------------------------------------------------------------------------


def render_reply(reply: Reply, framing: Framing) -> dict[str, Any]:
    """The whole message, JSON to be. Anthropic has one answer: the first."""
    choice = reply.choices[0] if reply.choices else Choice()
    refusals = [part.text for part in choice.parts if isinstance(part, Refusal)]
    blocks = [block for part in choice.parts if (block := _block(part)) is not None]
    if choice.stop is StopReason.FILTERED and not blocks:
        blocks = [_text(Refusal(text=REFUSED))]
    _cite(blocks, [each for part in choice.parts if isinstance(part, Opaque) for each in _foreign(part)])
    body = {
        **_head(reply.id or framing.id, framing.model or reply.model),
        "content": blocks,
        **_ending(choice.stop, choice.stop_sequence, "".join(refusals)),
        "usage": render_usage(reply.usage),
    }
    put_back(body, reply.extra, NAME)
    return body


def _foreign(part: Opaque) -> list[Citation]:
    """The pages that another dialect's block names."""
    return part.citations if part.dialect != NAME else []


def _cite(blocks: list[Block], cited: list[Citation]) -> None:
    """Name pages at the last text; at an empty one where there is none."""
    if not cited:
        return
    texts = [block for block in blocks if block["type"] == "text"]
    if not texts:
        texts = [{"type": "text", "text": ""}]
        blocks += texts
    texts[-1]["citations"] = texts[-1].get("citations", []) + citations.to_anthropic(cited)


def _head(id: str, model: str) -> dict[str, Any]:
    return {"id": id, "type": "message", "role": "assistant", "model": model, "content": []}


def _block(part: Part) -> Block | None:
    """A block; None for what Anthropic has no block for, and for texts that say nothing."""
    if isinstance(part, Text | Refusal):
        return _text(part) if part.text else None
    if isinstance(part, Thinking):
        return render_thinking(part) if part.text or part.signature is not None else None
    if isinstance(part, ToolCall):
        return _call(part, _decoded(part.arguments))
    return part.raw if isinstance(part, Opaque) and part.dialect == NAME else None


def _text(part: Text | Refusal) -> Block:
    said: Block = {"type": "text", "text": part.text}
    citations = _citations(part)
    if citations:
        said["citations"] = citations
    return said


def _citations(part: Part) -> list[Any] | None:
    """The sources that Anthropic named for a text."""
    citations = part.extra.get("citations")
    return citations if isinstance(part, Text) and isinstance(citations, list) else None


def _call(part: ToolCall, arguments: Any) -> Block:
    extra = {name: part.extra[name] for name in _CALL_EXTRA if name in part.extra}
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments, **extra}


def _decoded(arguments: str) -> Any:
    """The arguments as an object; what a model wrote that is none is given as it is, for the tool to refuse."""
    try:
        decoded = msgspec.json.decode(arguments or "{}")
    except UNREADABLE:
        return {"arguments": arguments}
    decoded = {} if decoded is None else decoded  # some models write `null` where a tool takes nothing
    return decoded if isinstance(decoded, dict) else {"arguments": decoded}


# Streamed ---------------------------------------------------------------------------------------------------------


class _Writing(Struct):
    """One block on its way. `index` -1: not begun; `waiting`: bits of it that have to wait for their turn."""

    part: Part
    index: int = -1
    prefix: bytes = b""
    waiting: list[str] = []
    signature: Signature | None = None
    is_ended: bool = False


def _event(name: bytes, said: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, _encode(said))


_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
)  # fmt: skip
_WORDS: Mapping[type[Part], tuple[bytes, bytes]] = {
    Text: (b"text_delta", b"text"),
    Refusal: (b"text_delta", b"text"),
    Thinking: (b"thinking_delta", b"thinking"),
    ToolCall: (b"input_json_delta", b"partial_json"),
}
"""How a delta of each part is called, and what it holds."""


class Renderer:
    """Writes one stream, one method for each event.

    Anthropic's blocks come one after the other: a part that grows beside another one waits until that has ended.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._writing: dict[int, _Writing] = {}
        self._queue: deque[_Writing] = deque()
        self._open: _Writing | None = None
        self._count = 0
        self._is_begun = False
        self._refusal: list[str] = []
        self._ending = _ending(StopReason.END, None, "")

    def render(self, event: Event) -> bytes:
        """The bytes that say `event`; none while it has to wait, or where Anthropic says nothing."""
        if type(event) is PartDelta:
            return self._part_delta(event)
        return _RENDER[type(event)](self, event)

    def fail(self, error: RouterError) -> bytes:
        """An error as the last event."""
        return b"event: error\n" + sse.render_event(render_error(error))

    # Events

    def _reply_started(self, event: ReplyStarted) -> bytes:
        if self._is_begun:
            return b""
        self._is_begun = True
        message = _head(event.id or self._framing.id, self._framing.model or event.model)
        usage = event.usage or Usage(prompt=self._framing.prompt)
        message |= {"stop_reason": None, "stop_sequence": None, "usage": render_usage(usage)}
        return _event(b"message_start", {"type": "message_start", "message": message})

    def _part_started(self, event: PartStarted) -> bytes:
        part = event.part
        if event.choice or not isinstance(part, _MAY_OPEN):
            return b""
        if isinstance(part, Opaque) and part.dialect != NAME:
            return self._part_cited(part.citations) if part.citations else b""
        said = b"" if self._is_begun else self._reply_started(ReplyStarted())
        writing = self._writing[event.index] = _Writing(part)
        text = part.arguments if isinstance(part, ToolCall) else "" if isinstance(part, Opaque) else part.text
        if text:
            writing.waiting.append(text)
            self._refusal += [text] if isinstance(part, Refusal) else []
        if isinstance(part, Text | Thinking):
            writing.signature = part.signature
        if self._open is None:
            self._open = writing
            return said + self._catch_up(writing)
        self._queue.append(writing)
        return said

    def _part_cited(self, cited: list[Citation]) -> bytes:
        """Pages belong to the text that is being written; where that is whole, to an empty one of their own."""
        said = citations.to_anthropic(cited)
        for writing in reversed(self._writing.values()):
            if isinstance(writing.part, Text):
                writing.part.extra = {**writing.part.extra, "citations": (_citations(writing.part) or []) + said}
                return b""
        started = self._part_started(PartStarted(-1, Text(text="", extra={"citations": said})))
        return started + self._part_ended(PartEnded(-1))

    def _part_delta(self, event: PartDelta) -> bytes:
        writing = self._writing.get(event.index)
        if writing is None or not event.text:
            return b""
        if isinstance(writing.part, Refusal):
            self._refusal.append(event.text)
        if writing is self._open and writing.index >= 0:
            return b"%b%b}}\n\n" % (writing.prefix, _encode(event.text))
        writing.waiting.append(event.text)
        return self._catch_up(writing) if writing is self._open else b""

    def _part_signed(self, event: PartSigned) -> bytes:
        writing = self._writing.get(event.index)
        if writing is None or not isinstance(writing.part, Thinking):
            return b""
        writing.signature = event.signature
        return self._signed(writing) if writing is self._open and writing.index >= 0 else b""

    def _part_ended(self, event: PartEnded) -> bytes:
        writing = self._writing.pop(event.index, None)
        if writing is None:
            return b""
        writing.is_ended = True
        return self._advance() if writing is self._open else b""

    def _choice_ended(self, event: ChoiceEnded) -> bytes:
        if event.choice:
            return b""
        self._ending = _ending(event.stop, event.stop_sequence, "".join(self._refusal))
        for writing in self._writing.values():
            writing.is_ended = True
        self._writing.clear()
        said = self._advance()
        return said if self._count or event.stop is not StopReason.FILTERED else said + self._refuse()

    def _refuse(self) -> bytes:
        """Nothing was said, and there is no more to come: at least that is."""
        return self._part_started(PartStarted(-1, Refusal(text=REFUSED))) + self._part_ended(PartEnded(-1))

    def _reply_ended(self, event: ReplyEnded) -> bytes:
        said = b"" if self._is_begun else self._reply_started(ReplyStarted())
        usage = {"output_tokens": 0} if event.usage is None else render_usage(event.usage)  # the start told the input
        ending = {"type": "message_delta", "delta": self._ending, "usage": usage}
        for pointer, value in streamed(event.extra, NAME, self._framing).items():
            put(ending, f"/delta{pointer}" if pointer.startswith(("/stop_details", "/container")) else pointer, value)
        return said + _event(b"message_delta", ending) + _event(b"message_stop", {"type": "message_stop"})

    def _reply_failed(self, event: ReplyFailed) -> bytes:
        return self.fail(event.error)

    # Blocks

    def _advance(self) -> bytes:
        """End the open block if it has ended, and go on with those that waited."""
        said: list[bytes] = []
        while (writing := self._open) is not None:
            said.append(self._catch_up(writing))
            if not writing.is_ended:
                break
            if writing.index >= 0:
                said += self._cited(writing)
                said.append(_event(b"content_block_stop", {"type": "content_block_stop", "index": writing.index}))
            self._open = self._queue.popleft() if self._queue else None
        return b"".join(said)

    def _catch_up(self, writing: _Writing) -> bytes:
        """Say what has waited, once there is something to say."""
        said = self._begin(writing) if writing.index < 0 and self._says_something(writing) else b""
        if writing.index < 0:
            return said
        deltas = [b"%b%b}}\n\n" % (writing.prefix, _encode(text)) for text in writing.waiting]
        writing.waiting = []
        return said + b"".join(deltas) + (self._signed(writing) if said and writing.signature is not None else b"")

    def _says_something(self, writing: _Writing) -> bool:
        if isinstance(writing.part, ToolCall | Opaque) or writing.waiting:
            return True
        if isinstance(writing.part, Text):
            return writing.is_ended and bool(_citations(writing.part))
        return isinstance(writing.part, Thinking) and (writing.signature is not None and writing.is_ended)

    def _begin(self, writing: _Writing) -> bytes:
        writing.index, self._count = self._count, self._count + 1
        part = writing.part
        if not isinstance(part, Opaque):
            writing.prefix = _DELTA % (writing.index, *_WORDS[type(part)])
        said = {"type": "content_block_start", "index": writing.index, "content_block": _skeleton(part)}
        return _event(b"content_block_start", said)

    def _cited(self, writing: _Writing) -> Iterator[bytes]:
        """The sources of a text, known when it is whole."""
        for citation in _citations(writing.part) or ():
            yield self._delta(writing, {"type": "citations_delta", "citation": citation})

    def _signed(self, writing: _Writing) -> bytes:
        if not isinstance(writing.part, Thinking) or writing.part.is_redacted:
            return b""
        return self._delta(writing, {"type": "signature_delta", "signature": render_signature(writing.signature)})

    def _delta(self, writing: _Writing, delta: Block) -> bytes:
        said = {"type": "content_block_delta", "index": writing.index, "delta": delta}
        return _event(b"content_block_delta", said)


def _skeleton(part: Part) -> Block:
    """A block as it starts."""
    if isinstance(part, Opaque):
        return part.raw
    if isinstance(part, ToolCall):
        return _call(part, {})
    if isinstance(part, Thinking):
        return render_thinking(part) if part.is_redacted else {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


_RENDER: Mapping[type, Callable[[Renderer, Any], bytes]] = {
    ReplyStarted: Renderer._reply_started,
    PartStarted: Renderer._part_started,
    PartDelta: Renderer._part_delta,
    PartSigned: Renderer._part_signed,
    PartEnded: Renderer._part_ended,
    ChoiceEnded: Renderer._choice_ended,
    ReplyEnded: Renderer._reply_ended,
    ReplyFailed: Renderer._reply_failed,
}
