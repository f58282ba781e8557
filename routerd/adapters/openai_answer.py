"""OpenAI chat completions: a reply, written for a caller, whole and streamed.

Source: https://platform.openai.com/docs/api-reference/chat/object,
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from routerd.adapters import citations, sse
from routerd.adapters.base import Framing, put
from routerd.adapters.leftover import put_back, streamed
from routerd.adapters.media import data_url
from routerd.adapters.openai_errors import render_error
from routerd.adapters.openai_thoughts import render_detail, render_details, render_extra_content
from routerd.adapters.openai_words import DONE_EVENT, NAME
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
from routerd.chat.parts import Citation, Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError

FINISH_OF: Mapping[StopReason, str] = {
    StopReason.END: "stop",
    StopReason.STOP_SEQUENCE: "stop",
    StopReason.LENGTH: "length",
    StopReason.CONTEXT: "length",
    StopReason.TOOL_CALLS: "tool_calls",
    StopReason.FILTERED: "content_filter",
    StopReason.PAUSED: "length",  # so that nobody takes it for the end
}

REFUSED = "The provider refused to answer: its content filter cut the reply off."
"""What the caller reads where a filter left no text."""


_encode = sse.encode


# Whole ----------------------------------------------------------------------------------------------------------


def render_reply(reply: Reply, framing: Framing) -> dict[str, Any]:
    """The whole reply, JSON to be."""
    body = {
        "id": framing.id,
        "object": "chat.completion",
        "created": framing.created,
        "model": framing.model or reply.model,
        "choices": [_render_choice(choice, index, framing) for index, choice in enumerate(reply.choices)],
        "usage": render_usage(reply.usage),
    }
    put_back(body, reply.extra, NAME)
    return body


def _render_choice(choice: Choice, index: int, framing: Framing) -> dict[str, Any]:
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    message = _render_message(choice, calls, framing)
    logprobs = {"content": choice.logprobs, "refusal": None} if choice.logprobs else None
    finish = finish_of(choice.stop, has_calls=bool(calls), functions=framing.functions)
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}


def finish_of(stop: StopReason, *, has_calls: bool, functions: bool) -> str:
    """The `finish_reason`: never `tool_calls` without one, nor `stop` with one."""
    finish = FINISH_OF[stop]
    if finish in ("stop", "tool_calls"):
        finish = ("function_call" if functions else "tool_calls") if has_calls else "stop"
    return finish


def _render_message(choice: Choice, calls: list[ToolCall], framing: Framing) -> dict[str, Any]:
    content = "".join(part.text for part in choice.parts if isinstance(part, Text))
    refusal = "".join(part.text for part in choice.parts if isinstance(part, Refusal))
    if choice.stop is StopReason.FILTERED and not content:
        content = refusal or REFUSED
    message: dict[str, Any] = {"role": "assistant", "content": content or None, "refusal": refusal or None}
    _render_thoughts(message, [part for part in choice.parts if isinstance(part, Thinking)])
    for part in choice.parts:
        if isinstance(part, Media):
            render_media(message, part, framing)
        elif isinstance(part, Opaque) and part.dialect == NAME:
            _merge(message, part.raw)
        elif isinstance(part, Text) and part.signature is not None and part.signature.family == "gemini":
            message["extra_content"] = render_extra_content(part.signature)
    if cited := citations.to_openai(citations.in_parts(choice.parts, NAME)):
        message["annotations"] = message.get("annotations", []) + cited
    for position, call in enumerate(calls):
        _render_call(message, call, position, framing)
    return message


def _merge(message: dict[str, Any], raw: Mapping[str, Any]) -> None:
    """Add what came as a piece of its own: lists go on, and the first word counts of the rest."""
    for name, each in raw.items():
        if isinstance(each, list) and isinstance(message.get(name), list):
            message[name] = message[name] + each
        else:
            message.setdefault(name, each)


def _render_thoughts(message: dict[str, Any], thoughts: list[Thinking]) -> None:
    text = "".join(thought.text for thought in thoughts)
    if text:
        message["reasoning_content"] = text
    if any(thought.signature is not None for thought in thoughts):
        message["reasoning_details"] = render_details(thoughts)


def render_media(message: dict[str, Any], media: Media, framing: Framing) -> None:
    """A picture as OpenRouter has it, sound as OpenAI has it. Other files have no place in a reply."""
    if media.kind == "image" and (url := image_url(media)):
        images = message.setdefault("images", [])
        images.append({"type": "image_url", "image_url": {"url": url}, "index": len(images)})
    elif media.kind == "audio" and media.data is not None:
        sound = {"id": f"audio_{framing.id}", "data": media.data, "expires_at": framing.created, "transcript": ""}
        message.setdefault("audio", sound)


def image_url(media: Media) -> str | None:
    """Where a picture is, or the data URL that it is."""
    return media.url if media.data is None else data_url(media.media_type or "image/png", media.data)


def _render_call(message: dict[str, Any], call: ToolCall, position: int, framing: Framing) -> None:
    if framing.functions and "function_call" not in message:
        message["function_call"] = {"name": call.name, "arguments": whole_arguments(call)}
        return
    entry = render_call(call, position, framing, whole_arguments(call))
    if call.signature is not None and call.signature.family == "gemini":
        entry["extra_content"] = render_extra_content(call.signature)
    message.setdefault("tool_calls", []).append(entry)


def render_call(call: ToolCall, position: int, framing: Framing, arguments: str) -> dict[str, Any]:
    """One tool call, with an id where it came without one."""
    id_ = call.id or f"call_{framing.id}_{position}"
    if call.extra.get("type") == "custom":
        return {"id": id_, "type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"id": id_, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def whole_arguments(call: ToolCall) -> str:
    """A call's arguments, `{}` where it has none."""
    return call.arguments if call.arguments.strip() or call.extra.get("type") == "custom" else "{}"


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """A `usage` object; zeros where nothing is known, because clients count on it."""
    usage = usage or Usage()
    asked = {"cached_tokens": usage.cached}
    if usage.cache_write:
        asked["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": asked,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


# Streamed -------------------------------------------------------------------------------------------------------


class _Written(Struct):
    """What of one choice has been written."""

    number: int
    calls: int = 0
    thoughts: int = 0
    has_role: bool = False
    length: int = 0
    has_text: bool = False
    refusal: str = ""


class _Part(Struct):
    """A part that is being written: the bytes before and after each piece, and what its end has to know."""

    choice: _Written
    part: Part
    before: bytes = b""
    after: bytes = b""
    position: int = 0
    said: list[str] = []
    signature: Signature | None = None


class StreamRenderer:
    """Writes one stream: one id, role first, indices without gaps, one finish for each choice, then usage."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._head = self._render_head(framing.model)
        self._parts: dict[int, _Part] = {}
        self._choices: dict[int, _Written] = {}

    def render(self, event: Event) -> bytes:
        """The bytes that say `event`, b"" where the dialect says nothing. For a ReplyFailed as `fail`."""
        return _RENDER[type(event)](self, event)

    def fail(self, error: RouterError) -> bytes:
        """The stream's last bytes when it broke off: neither a finish nor `[DONE]`."""
        return sse.render_event(render_error(error))

    # Events

    def _reply_started(self, event: ReplyStarted) -> bytes:
        if not self._framing.model:
            self._head = self._render_head(event.model)
        return b""

    def _part_started(self, event: PartStarted) -> bytes:
        choice = self._choices.get(event.choice)
        if choice is None:
            choice = self._choices[event.choice] = _Written(event.choice)
        part = self._parts[event.index] = _Part(choice, event.part)
        return _START.get(type(event.part), StreamRenderer._nothing_started)(self, part, event.part)

    def _part_delta(self, event: PartDelta) -> bytes:
        part = self._parts[event.index]
        if not part.after:
            return b""
        part.said.append(event.text)
        if event.logprobs:
            return self._chunk(part.choice, {"content": event.text}, logprobs=event.logprobs)
        return part.before + _encode(event.text) + part.after

    def _part_signed(self, event: PartSigned) -> bytes:
        self._parts[event.index].signature = event.signature
        return b""

    def _part_ended(self, event: PartEnded) -> bytes:
        part = self._parts.pop(event.index)
        end = _END.get(type(part.part))
        return b"" if end is None else end(self, part)

    def _choice_ended(self, event: ChoiceEnded) -> bytes:
        choice = self._choices.get(event.choice) or _Written(event.choice)
        said = b""
        if event.stop is StopReason.FILTERED and not choice.has_text:
            said = self._chunk(choice, {"content": choice.refusal or REFUSED})
        elif not choice.has_role:
            said = self._chunk(choice, {"content": ""})
        finish = finish_of(event.stop, has_calls=choice.calls > 0, functions=self._framing.functions)
        return said + self._chunk(choice, {}, finish=finish)

    def _reply_ended(self, event: ReplyEnded) -> bytes:
        if not self._framing.include_usage:
            return DONE_EVENT
        said: dict[str, Any] = {"usage": render_usage(event.usage)}
        for pointer, value in streamed(event.extra, NAME, self._framing).items():
            put(said, pointer, value)
        return b"%b[],%b\n\n%b" % (self._head, _encode(said)[1:], DONE_EVENT)

    def _reply_failed(self, event: ReplyFailed) -> bytes:
        return self.fail(event.error)

    # Starts of parts

    def _nothing_started(self, part: _Part, said: Any) -> bytes:
        return b""

    def _text_started(self, part: _Part, said: Text) -> bytes:
        part.choice.has_text = True
        return self._grown(part, "content", said.text)

    def _thinking_started(self, part: _Part, said: Thinking) -> bytes:
        part.position = part.choice.thoughts
        part.choice.thoughts += 1
        part.signature = said.signature
        return b"" if said.is_redacted else self._grown(part, "reasoning_content", said.text)

    def _refusal_started(self, part: _Part, said: Refusal) -> bytes:
        return self._grown(part, "refusal", said.text)

    def _grown(self, part: _Part, field: str, text: str) -> bytes:
        """Get ready for pieces of a field, and say the first."""
        part.before, part.after = self._around(part.choice, {field: ""}, b'""')
        if text:
            part.said.append(text)
        return b"" if part.choice.has_role and not text else self._chunk(part.choice, {field: text})

    def _call_started(self, part: _Part, said: ToolCall) -> bytes:
        part.position = part.choice.calls
        part.choice.calls += 1
        part.signature = said.signature
        if said.arguments:
            part.said.append(said.arguments)
        if self._framing.functions:
            if part.position:
                return b""  # there was no second function in one reply
            part.before, part.after = self._around(part.choice, {"function_call": {"arguments": ""}}, b'""')
            return self._chunk(part.choice, {"function_call": {"name": said.name, "arguments": said.arguments}})
        started = render_call(said, part.position, self._framing, said.arguments)
        inner = {"input": ""} if started["type"] == "custom" else {"arguments": ""}
        part.before, part.after = self._around(part.choice, _of_call(part, {started["type"]: inner}), b'""')
        return self._chunk(part.choice, _of_call(part, started))

    def _media_started(self, part: _Part, said: Media) -> bytes:
        delta: dict[str, Any] = {}
        render_media(delta, said, self._framing)
        return self._chunk(part.choice, delta) if delta else b""

    def _opaque_started(self, part: _Part, said: Opaque) -> bytes:
        if said.dialect == NAME:
            return self._chunk(part.choice, said.raw)
        return self._cited(part.choice, said.citations)

    def _cited(self, choice: _Written, found: Iterable[Citation]) -> bytes:
        annotations = citations.to_openai(found)
        return self._chunk(choice, {"annotations": annotations}) if annotations else b""

    # Ends of parts

    def _text_ended(self, part: _Part) -> bytes:
        said, cited = b"", part.part.extra.get("citations")
        if cited:
            whole = Text("".join(part.said), extra=part.part.extra)
            said = self._cited(part.choice, citations.of_text(whole, part.choice.length))
        part.choice.length += sum(map(len, part.said))
        if part.signature is None or part.signature.family != "gemini":
            return said
        return said + self._chunk(part.choice, {"extra_content": render_extra_content(part.signature)})

    def _thinking_ended(self, part: _Part) -> bytes:
        """What is signed is said once more, whole: text and signature belong together."""
        if part.signature is None:
            return b""
        assert isinstance(part.part, Thinking)
        thought = Thinking("".join(part.said), part.signature, part.part.is_redacted)
        return self._chunk(part.choice, {"reasoning_details": render_detail(thought, part.position)})

    def _refusal_ended(self, part: _Part) -> bytes:
        part.choice.refusal += "".join(part.said)
        return b""

    def _call_ended(self, part: _Part) -> bytes:
        said = b""
        is_custom = part.part.extra.get("type") == "custom"
        if part.after and not is_custom and not any(piece.strip() for piece in part.said):
            said = part.before + b'"{}"' + part.after
        if part.signature is None or part.signature.family != "gemini" or self._framing.functions:
            return said
        kind, field = ("custom", "input") if is_custom else ("function", "arguments")
        signed = {kind: {field: ""}, "extra_content": render_extra_content(part.signature)}  # SDKs want a function
        return said + self._chunk(part.choice, _of_call(part, signed))

    # Bytes

    def _render_head(self, model: str) -> bytes:
        common = {
            "id": self._framing.id,
            "object": "chat.completion.chunk",
            "created": self._framing.created,
            "model": model,
            "choices": [],
        }
        return b"data: " + _encode(common)[:-3]

    def _chunk(
        self,
        choice: _Written,
        delta: Mapping[str, Any],
        *,
        finish: str | None = None,
        logprobs: list[Any] | None = None,
    ) -> bytes:
        if not choice.has_role:
            choice.has_role = True
            delta = {"role": "assistant", "content": None, **delta}
        said: dict[str, Any] = {"index": choice.number, "delta": delta, "finish_reason": finish}
        if logprobs:
            said["logprobs"] = {"content": logprobs, "refusal": None}
        return b"%b[%b]}\n\n" % (self._head, _encode(said))

    def _around(self, choice: _Written, delta: dict[str, Any], hole: bytes) -> tuple[bytes, bytes]:
        """The bytes of a chunk before and after the only piece of it that changes."""
        said = _encode({"index": choice.number, "delta": delta, "finish_reason": None})
        before, _, after = said.rpartition(hole)
        return b"%b[%b" % (self._head, before), after + b"]}\n\n"


def _of_call(part: _Part, said: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"index": part.position, **said}]}


_RENDER: Mapping[type, Callable[[StreamRenderer, Any], bytes]] = {
    ReplyStarted: StreamRenderer._reply_started,
    PartStarted: StreamRenderer._part_started,
    PartDelta: StreamRenderer._part_delta,
    PartSigned: StreamRenderer._part_signed,
    PartEnded: StreamRenderer._part_ended,
    ChoiceEnded: StreamRenderer._choice_ended,
    ReplyEnded: StreamRenderer._reply_ended,
    ReplyFailed: StreamRenderer._reply_failed,
}

_START: Mapping[type, Callable[[StreamRenderer, _Part, Any], bytes]] = {
    Text: StreamRenderer._text_started,
    Thinking: StreamRenderer._thinking_started,
    Refusal: StreamRenderer._refusal_started,
    ToolCall: StreamRenderer._call_started,
    Media: StreamRenderer._media_started,
    Opaque: StreamRenderer._opaque_started,
}

_END: Mapping[type, Callable[[StreamRenderer, _Part], bytes]] = {
    Text: StreamRenderer._text_ended,
    Thinking: StreamRenderer._thinking_ended,
    Refusal: StreamRenderer._refusal_ended,
    ToolCall: StreamRenderer._call_ended,
}
