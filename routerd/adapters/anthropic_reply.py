"""Anthropic's Messages API: what its models reply, whole and streamed.

https://platform.claude.com/docs/en/api/messages/create, https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from routerd.adapters import sse
from routerd.adapters.anthropic_errors import error_of
from routerd.adapters.anthropic_words import NAME, REPLY_TOOL, parse_signature
from routerd.adapters.base import UNREADABLE, escape
from routerd.adapters.leftover import extra_of, leftover
from routerd.adapters.trouble import excerpt
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
from routerd.chat.parts import Opaque, Part, Refusal, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError

STOPS: Mapping[str, StopReason] = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.CONTEXT,
    "tool_use": StopReason.TOOL_CALLS,
    "refusal": StopReason.FILTERED,
    "pause_turn": StopReason.PAUSED,
}
"""Every `stop_reason`; another one, `compaction` say, is an end."""

REFUSED = "The model refused to answer."
"""What a refusal says that gives no reason."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_encode = msgspec.json.Encoder().encode


def usage_of(said: Any) -> Usage | None:
    """The tokens that a `usage` object counts; None when it is none, or counts nothing."""
    if not isinstance(said, dict):
        return None
    cached, written = _count(said, "cache_read_input_tokens"), _count(said, "cache_creation_input_tokens")
    details = said.get("output_tokens_details")
    usage = Usage(
        prompt=_count(said, "input_tokens") + cached + written,
        completion=_count(said, "output_tokens"),
        cached=cached,
        reasoning=_count(details, "thinking_tokens") if isinstance(details, dict) else 0,
        cache_write=written,
    )
    return None if usage == Usage() else usage


def _count(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) else 0


def _stop(said: Any, parts: Iterable[Part], *, is_formatted: bool) -> StopReason:
    """Why it ended. Calls end in TOOL_CALLS, whatever was said; the call that was the reply is none."""
    stop = STOPS.get(said, StopReason.END) if isinstance(said, str) else StopReason.END
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    if stop is StopReason.END and has_calls:
        return StopReason.TOOL_CALLS
    return StopReason.END if stop is StopReason.TOOL_CALLS and is_formatted and not has_calls else stop


def _refusal(details: Any, texts: list[str]) -> Iterator[Refusal]:
    """What is to be read of a refusal, beside the texts that were said before it."""
    why = details.get("explanation") if isinstance(details, dict) else None
    if why and str(why) not in texts[-1:]:
        yield Refusal(text=str(why))
    elif not why and not any(texts):
        yield Refusal(text=REFUSED)


# Whole ------------------------------------------------------------------------------------------------------------


def parse_reply(body: bytes) -> Reply:
    """Read a 200's body. Raises RouterError: upstream_garbled, or the error that it tells."""
    said = decode_reply(body)
    blocks = [block for block in said["content"] if isinstance(block, dict)]
    parts = [part for block in blocks if (part := _part(block)) is not None]
    is_formatted = any(block.get("name") == REPLY_TOOL for block in blocks)
    stop = _stop(said.get("stop_reason"), parts, is_formatted=is_formatted)
    if stop is StopReason.FILTERED:
        parts += _refusal(said.get("stop_details"), [part.text for part in parts if isinstance(part, Text)])
    sequence = said.get("stop_sequence")
    choice = Choice(parts=parts, stop=stop, stop_sequence=sequence if isinstance(sequence, str) else None)
    return Reply(
        id=str(said.get("id") or ""),
        model=str(said.get("model") or ""),
        choices=[choice],
        usage=usage_of(said.get("usage")),
        extra=_extra(said, stop),
    )


def _extra(said: Mapping[str, Any], stop: StopReason, more: Mapping[str, Any] = _NOTHING) -> Opaque | None:
    """What is left of a message. Why it ended is read where it is a refusal."""
    known = _KNOWN if stop is StopReason.FILTERED else {**_KNOWN, "stop_details": {"type": True}}
    return extra_of(NAME, {**dict(leftover(said, known)), **more})


_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(("id", "type", "role", "model", "content", "stop_reason", "stop_sequence"), True),
    "stop_details": {"type": True, "explanation": True},
    "usage": {**dict.fromkeys(_COUNTS, True), "output_tokens_details": {"thinking_tokens": True}},
}
"""What is read of a message."""


def parse_whole(body: bytes) -> Usage | None:
    """Check a 200's body that is passed on as it is, and return its usage."""
    return usage_of(decode_reply(body).get("usage"))


def decode_reply(body: bytes) -> dict[str, Any]:
    """A message, decoded. Raises RouterError when it is none, or an error."""
    try:
        said = msgspec.json.decode(body)
    except UNREADABLE:
        said = None
    if isinstance(said, dict) and (said.get("type") == "error" or said.get("error")):
        raise error_of(said, None)
    if not isinstance(said, dict) or not isinstance(said.get("content"), list):
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}")
    return said


def _part(block: dict[str, Any]) -> Part | None:
    read = _PARTS.get(str(block.get("type")))
    try:
        return Opaque(dialect=NAME, raw=block) if read is None else read(block)
    except (KeyError, TypeError, AttributeError):
        raise RouterError("upstream_garbled", f"replied with what is no block: {excerpt(_encode(block))}") from None


def _rest(block: Mapping[str, Any], *known: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in ("type", *known) and value not in (None, [])}


def _string(block: Mapping[str, Any], name: str) -> str:
    value = block[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _text(block: dict[str, Any]) -> Part | None:
    return Text(text=_string(block, "text"), extra=_rest(block, "text"))


def _thought(block: dict[str, Any]) -> Part | None:
    return Thinking(text=_string(block, "thinking"), signature=parse_signature(block.get("signature") or ""))


def _redacted(block: dict[str, Any]) -> Part | None:
    return Thinking(text="", signature=parse_signature(block["data"]), is_redacted=True)


def _call(block: dict[str, Any]) -> Part | None:
    arguments = _encode(block.get("input") or {}).decode()
    name = _string(block, "name")
    if name == REPLY_TOOL:
        return Text(text=arguments)
    return ToolCall(id=_string(block, "id"), name=name, arguments=arguments, extra=_rest(block, "id", "name", "input"))


_PARTS: Mapping[str, Callable[[dict[str, Any]], Part | None]] = {
    "text": _text, "thinking": _thought, "redacted_thinking": _redacted, "tool_use": _call,
}  # fmt: skip


# Streamed ---------------------------------------------------------------------------------------------------------


class _Delta(Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    content: Any = None
    encrypted_content: Any = None
    container: Any = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None
    context_management: Any = None
    input_transformations: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode


class _Open(Struct):
    """A block that is still growing. `part` None: an opaque one, told when it is whole."""

    index: int
    block: dict[str, Any]
    part: Part | None
    grown: list[str]


class Parser:
    """Reads one stream, one method for each of its events."""

    def __init__(self) -> None:
        self._rest = b""
        self._events: list[Event] = []
        self._open: dict[int, _Open] = {}
        self._parts: list[Part] = []
        self._usage: dict[str, Any] = {}
        self._said: dict[str, Any] = {}  # what a whole message has beside its content
        self._end = _Delta()
        self._unread_pieces: dict[str, Any] = {}  # of kinds that nobody knows: where they belong
        self._texts: list[str] = []
        self._message: str | None = None
        self._is_formatted = False
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, however the stream is split."""
        block = self._rest + data if self._rest else data
        end = sse.whole_events(block)
        self._rest = block[end:]
        for event in sse.split_events(block[:end]):
            self._take(sse.payload(event))
        return self._told()

    def end(self) -> list[Event]:
        """The stream has ended: a ReplyFailed when its finish never came."""
        if self._rest.strip():
            self._take(sse.payload(self._rest))
        if not self._is_over and self._end.stop_reason is not None:
            self._finish()
        elif not self._is_over:
            self._fail(RouterError("upstream_garbled", "the stream ended without a finish"))
        return self._told()

    def _told(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _take(self, data: bytes) -> None:
        if not data or self._is_over:
            return
        try:
            event = _decode_event(data)
        except UNREADABLE:
            return self._unread(data)
        read = _ON.get(event.type)
        if read is not None:
            read(self, event)
        elif event.error:
            self._on_error(event)

    def _unread(self, data: bytes) -> None:
        """An event of another shape is ignored as one of another type is; what is no event at all is a failure."""
        try:
            said = msgspec.json.decode(data)
        except UNREADABLE:
            said = None
        is_other = isinstance(said, dict) and str(said.get("type")) not in _ON
        if data.strip() != b"[DONE]" and not is_other:
            self._fail(RouterError("upstream_garbled", f"streamed what is no event: {excerpt(data)}"))

    def _fail(self, error: RouterError) -> None:
        self._is_over = True
        self._events.append(ReplyFailed(error))

    # Events

    def _on_message_start(self, event: _Event) -> None:
        said = event.message or {}
        name = str(said.get("id") or "")
        if self._message is not None:
            if name != self._message:
                self._fail(RouterError("upstream_garbled", "began a second reply inside the first"))
            return
        usage, blocks = said.get("usage"), said.get("content")
        self._usage = dict(usage) if isinstance(usage, dict) else {}
        self._said = {**said, "usage": self._usage}
        self._start(name, str(said.get("model") or ""))
        for block in blocks if isinstance(blocks, list) else ():
            self._whole(block)

    def _start(self, name: str, model: str) -> None:
        self._message = name
        self._events.append(ReplyStarted(name, model, usage_of(self._usage)))

    def _whole(self, block: Any) -> None:
        """A block that came with the start of the message."""
        try:
            part = _part(block) if isinstance(block, dict) else None
        except RouterError as error:
            return self._fail(error)
        if part is not None and not self._is_over:
            self._events += [PartStarted(len(self._parts), part), PartEnded(len(self._parts))]
            self._parts.append(part)

    def _on_block_start(self, event: _Event) -> None:
        block = event.content_block
        if block is None or not isinstance(block.get("type"), str):
            return self._fail(RouterError("upstream_garbled", f"began what is no block: {excerpt(_encode(block))}"))
        if self._message is None:
            self._start("", "")
        if event.index in self._open:
            self._close(self._open.pop(event.index))
        start = _STARTS.get(block["type"])
        part = start(block) if start is not None else None
        opened = self._open[event.index] = _Open(len(self._parts), block, part, [])
        self._is_formatted = self._is_formatted or block.get("name") == REPLY_TOOL
        self._parts.append(part if part is not None else Opaque(dialect=NAME, raw=block))
        if part is not None:
            self._events.append(PartStarted(opened.index, part))

    def _on_block_delta(self, event: _Event) -> None:
        opened, delta = self._open.get(event.index), event.delta
        if opened is None or delta is None:
            return
        if (grow := _GROW.get(delta.type)) is not None:
            grow(self, opened, delta)
        else:
            self._unread_pieces[f"/content/{opened.index}/{escape(delta.type)}"] = True

    def _on_block_stop(self, event: _Event) -> None:
        opened = self._open.pop(event.index, None)
        if opened is not None:
            self._close(opened)

    def _on_message_delta(self, event: _Event) -> None:
        delta = event.delta
        if delta is not None and delta.stop_reason is not None:
            self._end = delta
        if event.context_management or event.input_transformations or (delta is not None and delta.container):
            self._said |= {"context_management": event.context_management, "container": delta and delta.container}
            self._said["input_transformations"] = event.input_transformations
        for name, value in (event.usage or {}).items():
            self._usage[name] = value or self._usage.get(name)  # some providers say 0 for what they told before

    def _on_message_stop(self, _: _Event) -> None:
        if self._end.stop_reason is None and self._message is None:
            return self._fail(RouterError("upstream_garbled", "ended a reply that it had not begun"))
        self._finish()

    def _on_error(self, event: _Event) -> None:
        self._fail(error_of({"error": event.error}, None))

    def _on_ping(self, _: _Event) -> None:
        """Says that it is still there."""

    # Growth

    def _grow_text(self, opened: _Open, delta: _Delta) -> None:
        self._grow(opened, delta.text)

    def _grow_thinking(self, opened: _Open, delta: _Delta) -> None:
        self._grow(opened, delta.thinking)

    def _grow_input(self, opened: _Open, delta: _Delta) -> None:
        if opened.part is None:
            opened.grown.append(delta.partial_json or "")
        else:
            self._grow(opened, delta.partial_json)

    def _grow(self, opened: _Open, text: str | None) -> None:
        if text and opened.part is not None:
            opened.grown.append(text)
            self._events.append(PartDelta(opened.index, text))

    def _grow_signature(self, opened: _Open, delta: _Delta) -> None:
        signature = parse_signature(delta.signature or "")
        if signature is not None and opened.part is not None:
            self._events.append(PartSigned(opened.index, signature))

    def _grow_citations(self, opened: _Open, delta: _Delta) -> None:
        """Citations come after their text has begun: they are added to the part that was told already."""
        if opened.part is not None:
            before = opened.part.extra.get("citations")
            opened.part.extra["citations"] = [*(before if isinstance(before, list) else ()), delta.citation]

    def _grow_compaction(self, opened: _Open, delta: _Delta) -> None:
        opened.block["content"] = delta.content
        if delta.encrypted_content is not None:
            opened.block["encrypted_content"] = delta.encrypted_content

    # Ends

    def _close(self, opened: _Open) -> None:
        """A block is whole."""
        part, grown = opened.part, "".join(opened.grown)
        if part is None:
            return self._close_opaque(opened, grown)
        if isinstance(part, Text):
            self._texts.append(part.text + grown)
        if opened.block.get("type") == "tool_use" and not grown:
            self._events.append(PartDelta(opened.index, _encode(opened.block.get("input") or {}).decode()))
        self._events.append(PartEnded(opened.index))

    def _close_opaque(self, opened: _Open, grown: str) -> None:
        raw = opened.block
        if grown:
            try:
                raw = {**raw, "input": msgspec.json.decode(grown)}
            except UNREADABLE:
                return self._fail(RouterError("upstream_garbled", f"streamed an input that is no JSON: {grown[:200]}"))
        self._events += [PartStarted(opened.index, Opaque(dialect=NAME, raw=raw)), PartEnded(opened.index)]

    def _finish(self) -> None:
        """The message is whole."""
        if self._message is None:
            self._start("", "")
        for opened in self._open.values():
            self._close(opened)
        if self._is_over:
            return
        stop = _stop(self._end.stop_reason, self._parts, is_formatted=self._is_formatted)
        if stop is StopReason.FILTERED:
            for part in _refusal(self._end.stop_details, self._texts):
                index = len(self._parts)
                self._events += [PartStarted(index, Refusal(text="")), PartDelta(index, part.text), PartEnded(index)]
        self._events.append(ChoiceEnded(0, stop, self._end.stop_sequence))
        said = {**self._said, "usage": self._usage, "stop_details": self._end.stop_details}
        extra = _extra(said, stop, self._unread_pieces)
        self._events.append(ReplyEnded(usage_of(self._usage) if self._usage else None, extra))
        self._is_over = True


_ON: Mapping[str, Callable[[Parser, _Event], None]] = {
    "message_start": Parser._on_message_start,
    "content_block_start": Parser._on_block_start,
    "content_block_delta": Parser._on_block_delta,
    "content_block_stop": Parser._on_block_stop,
    "message_delta": Parser._on_message_delta,
    "message_stop": Parser._on_message_stop,
    "ping": Parser._on_ping,
    "error": Parser._on_error,
}

_GROW: Mapping[str, Callable[[Parser, _Open, _Delta], None]] = {
    "text_delta": Parser._grow_text,
    "thinking_delta": Parser._grow_thinking,
    "input_json_delta": Parser._grow_input,
    "signature_delta": Parser._grow_signature,
    "citations_delta": Parser._grow_citations,
    "compaction_delta": Parser._grow_compaction,
}


def _start_text(block: dict[str, Any]) -> Part:
    return Text(text=str(block.get("text") or ""), extra=_rest(block, "text"))


def _start_thinking(block: dict[str, Any]) -> Part:
    return Thinking(text=str(block.get("thinking") or ""), signature=parse_signature(str(block.get("signature") or "")))


def _start_redacted(block: dict[str, Any]) -> Part:
    return Thinking(text="", signature=parse_signature(str(block.get("data") or "")), is_redacted=True)


def _start_call(block: dict[str, Any]) -> Part:
    if block.get("name") == REPLY_TOOL:
        return Text(text="")
    extra = _rest(block, "id", "name", "input")
    return ToolCall(id=str(block.get("id") or ""), name=str(block.get("name") or ""), extra=extra)


_STARTS: Mapping[str, Callable[[dict[str, Any]], Part]] = {
    "text": _start_text, "thinking": _start_thinking, "redacted_thinking": _start_redacted, "tool_use": _start_call,
}  # fmt: skip
"""Blocks that are told from their start; others are opaque."""
