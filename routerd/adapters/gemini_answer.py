"""Gemini's replies as callers get them: whole, and chunk by chunk (https://ai.google.dev/api/generate-content#response).

Google's SDKs keep a streamed turn only if every chunk has a content with parts, and the last one a finishReason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from routerd.adapters import citations, sse
from routerd.adapters.base import Framing, StreamRenderer, put
from routerd.adapters.gemini_errors import error_body
from routerd.adapters.gemini_parts import OUTSIDE, arguments_of, render_call, render_media, render_text, with_extra
from routerd.adapters.gemini_reply import why_blocked
from routerd.adapters.gemini_words import NAME, render_signature
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
from routerd.chat.parts import Citation, Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError

_FINISH: Mapping[StopReason, str] = {
    StopReason.END: "STOP",
    StopReason.STOP_SEQUENCE: "STOP",
    StopReason.TOOL_CALLS: "STOP",
    StopReason.LENGTH: "MAX_TOKENS",
    StopReason.CONTEXT: "MAX_TOKENS",
    StopReason.FILTERED: "SAFETY",
    StopReason.PAUSED: "MAX_TOKENS",  # without a token that continues it
}


_CUT = (StopReason.LENGTH, StopReason.CONTEXT)
"""How a reply ends in the middle of a call, which Gemini then leaves out."""


def render_reply(reply: Reply, framing: Framing) -> dict[str, Any]:
    """The whole reply, JSON to be. Raises RouterError(upstream_garbled) for a call whose arguments are no object."""
    feedback = next((_feedback(choice.parts) for choice in reply.choices), None)
    if feedback is not None:
        said: dict[str, Any] = {"promptFeedback": feedback}
    else:
        said = {"candidates": [_candidate(choice, number) for number, choice in enumerate(reply.choices)]}
    said |= _frame(reply.usage, framing, reply)
    put_back(said, reply.extra, NAME)
    return said


def _candidate(choice: Choice, number: int) -> dict[str, Any]:
    parts, beside, refused = [], dict[str, Any](), list[Refusal]()
    for part in choice.parts:
        if isinstance(part, Refusal) and choice.stop is StopReason.FILTERED:
            refused.append(part)
        elif isinstance(part, Opaque) and OUTSIDE & part.raw.keys():
            beside |= part.raw if part.dialect == NAME else {}
        elif isinstance(part, ToolCall) and choice.stop in _CUT and arguments_of(part) is None:
            continue
        elif (rendered := _whole_part(part)) is not None:
            parts.append(rendered)
    if cited := list(citations.in_parts(choice.parts, NAME)):
        text = "".join(part.text for part in choice.parts if isinstance(part, Text))
        beside["groundingMetadata"] = citations.to_gemini(cited, text)
    content = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    found = {"content": content, "index": number, **_finish(choice.stop, refused, beside)}
    if choice.logprobs:
        found["logprobsResult"] = render_logprobs(choice.logprobs)
    return found


def _whole_part(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text | Thinking | Refusal):
        return render_text(part)
    if isinstance(part, ToolCall):
        return _call(part)
    return _other_part(part)


def _other_part(part: Part) -> dict[str, Any] | None:
    """What is neither text nor a call; None for another dialect's own blocks."""
    if isinstance(part, Media):
        return with_extra(render_media(part, with_name=False), part.extra)
    return part.raw if isinstance(part, Opaque) and part.dialect == NAME else None


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = arguments_of(call)
    if arguments is None:
        raise RouterError("upstream_garbled", f"called the tool {call.name} with arguments that are no JSON object")
    return render_call(call, arguments)


def _finish(stop: StopReason, refused: list[Refusal], beside: dict[str, Any]) -> dict[str, Any]:
    """The finishReason, by its own name where it was Google's, what a filter had to say, and what stands beside."""
    reason = "CONTINUATION" if stop is StopReason.PAUSED and "continuationToken" in beside else _FINISH[stop]
    reasons = [part.extra["finishReason"] for part in refused if "finishReason" in part.extra]
    message = {"finishMessage": "".join(part.text for part in refused)} if refused else {}
    return {"finishReason": (reasons or [reason])[0], **message, **beside}


def _beside(end: _End) -> dict[str, Any]:
    """What stands beside the content of a choice, the sources of a stream among it."""
    return end.beside | ({"groundingMetadata": citations.to_gemini(end.cited, "".join(end.texts))} if end.cited else {})


def _feedback(parts: list[Part]) -> dict[str, Any] | None:
    """What is told in place of candidates when it was the prompt that was blocked."""
    if len(parts) != 1 or not isinstance(parts[0], Refusal) or "blockReason" not in parts[0].extra:
        return None
    reason = parts[0].extra["blockReason"]
    message = {} if parts[0].text == why_blocked(reason) else {"blockReasonMessage": parts[0].text}
    return {"blockReason": reason, **message}


def _frame(usage: Usage | None, framing: Framing, reply: Reply | ReplyStarted) -> dict[str, Any]:
    """What stands beside the candidates."""
    counts = {"usageMetadata": render_usage(usage)} if usage is not None else {}
    return {**counts, "modelVersion": framing.model or reply.model, "responseId": framing.id or reply.id}


def render_usage(usage: Usage) -> dict[str, int]:
    """As `usageMetadata`: thoughts are counted beside the candidates."""
    found = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion - usage.reasoning,
        "totalTokenCount": usage.prompt + usage.completion,
    }
    if usage.cached:
        found["cachedContentTokenCount"] = usage.cached
    if usage.reasoning:
        found["thoughtsTokenCount"] = usage.reasoning
    return found


def render_logprobs(entries: list[Any]) -> dict[str, Any]:
    """As `logprobsResult`, from the shape of OpenAI's `logprobs.content`."""
    said = _entries(entries)
    return {
        "chosenCandidates": [_logprob(entry) for entry in said],
        "topCandidates": [
            {"candidates": [_logprob(each) for each in _entries(entry.get("top_logprobs"))]} for entry in said
        ],
    }


def _entries(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _logprob(entry: dict[str, Any]) -> dict[str, Any]:
    return {"token": entry.get("token", ""), "logProbability": entry.get("logprob", 0.0)}


# Streams ----------------------------------------------------------------------------------------------------------


def stream_renderer(framing: Framing) -> StreamRenderer:
    """A writer for one stream of server-sent events, as callers get it who say `alt=sse`."""
    return _Writer(framing)


class _Open(Struct):
    """A part that is not whole yet. `told` is what waits for its end: arguments, or a refusal."""

    part: Part
    choice: int
    signature: Signature | None = None
    told: list[str] = field(default_factory=list)


class _End(Struct):
    """How a choice ended, as far as it is known."""

    stop: StopReason | None = None
    broken: RouterError | None = None
    refused: list[Refusal] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    cited: list[Citation] = field(default_factory=list)


class _Writer:
    """Each piece of text is a chunk of its own; a call is one, whole."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._started = ReplyStarted()
        self._parts: dict[int, _Open] = {}
        self._ends: dict[int, _End] = {}
        self._calls: dict[int, bytes | None] = {}  # those that are whole wait for the ones that began before them
        self._tail: dict[str, Any] = {}
        self._is_over = False

    def render(self, event: Event) -> bytes:
        """The bytes that say `event`, b"" where Gemini says nothing."""
        return b"" if self._is_over else _WRITE[type(event)](self, event)

    def fail(self, error: RouterError) -> bytes:
        """The stream's last bytes when it broke off: an error in place of a chunk, nothing that looks like an end."""
        self._is_over = True
        return self._event(error_body(error))

    def _event(self, chunk: dict[str, Any]) -> bytes:
        return b"data: %b\r\n\r\n" % sse.encode(chunk)

    def _chunk(self, part: dict[str, Any], choice: int, **more: Any) -> bytes:
        candidate = {"content": {"parts": [part], "role": "model"}, "index": choice, **more}
        return self._event({"candidates": [candidate], **self._tail})

    # One method per event

    def _start(self, event: ReplyStarted) -> bytes:
        self._started = event
        self._tail = _frame(None, self._framing, event)
        return b""

    def _part_started(self, event: PartStarted) -> bytes:
        part = event.part
        opened = self._parts[event.index] = _Open(part, event.choice)
        if isinstance(part, Text | Thinking):
            opened.signature = part.signature
            opened.told.append(part.text)
            return self._text(opened, part.text) if part.text else b""
        if isinstance(part, ToolCall):
            opened.signature = part.signature
            opened.told.append(part.arguments)
            self._calls[event.index] = None
            return b""
        if isinstance(part, Refusal):
            opened.told.append(part.text)
            return b""
        return self._other(part, event.choice)

    def _other(self, part: Part, choice: int) -> bytes:
        if isinstance(part, Opaque) and part.dialect == NAME and OUTSIDE & part.raw.keys():
            self._end_of(choice).beside |= part.raw
            return b""
        if isinstance(part, Opaque) and part.dialect != NAME:
            self._end_of(choice).cited += part.citations
            return b""
        rendered = _other_part(part)
        return b"" if rendered is None else self._chunk(rendered, choice)

    def _text(self, opened: _Open, text: str) -> bytes:
        if type(opened.part) is Thinking:
            return self._chunk({"text": text, "thought": True}, opened.choice)
        return self._chunk({"text": text}, opened.choice)

    def _part_delta(self, event: PartDelta) -> bytes:
        opened = self._parts[event.index]
        if type(opened.part) not in (Text, Thinking):
            opened.told.append(event.text)
            return b""
        opened.told.append(event.text)
        if event.logprobs:
            return self._chunk({"text": event.text}, opened.choice, logprobsResult=render_logprobs(event.logprobs))
        return self._text(opened, event.text)

    def _part_signed(self, event: PartSigned) -> bytes:
        self._parts[event.index].signature = event.signature
        return b""

    def _part_ended(self, event: PartEnded) -> bytes:
        opened = self._parts.pop(event.index)
        part = opened.part
        if isinstance(part, ToolCall):
            self._calls[event.index] = self._called(opened, part)
            return self._waiting()
        if isinstance(part, Refusal):
            self._end_of(opened.choice).refused.append(Refusal(text="".join(opened.told), extra=part.extra))
        elif isinstance(part, Text):
            self._text_ended(opened, part, self._end_of(opened.choice))
        return self._signed(opened) if opened.signature is not None else b""

    def _text_ended(self, opened: _Open, part: Text, end: _End) -> None:
        """Keep what the sources of the answer are counted by, and those of this text."""
        text = "".join(opened.told)
        if part.extra:
            end.cited += citations.of_text(Text(text=text, extra=part.extra), sum(map(len, end.texts)))
        end.texts.append(text)

    def _called(self, opened: _Open, part: ToolCall) -> bytes:
        call = ToolCall(id=part.id, name=part.name, arguments="".join(opened.told), signature=opened.signature)
        try:
            return self._chunk(_call(call), opened.choice)
        except RouterError as error:
            self._end_of(opened.choice).broken = error  # unless the reply is cut off here
            return b""

    def _waiting(self) -> bytes:
        """The calls that are whole, up to one that is not: Gemini tells them apart by their order."""
        said = []
        for index, call in list(self._calls.items()):
            if call is None:
                break
            said.append(call)
            del self._calls[index]
        return b"".join(said)

    def _signed(self, opened: _Open) -> bytes:
        """A text's signature, in an empty piece of it, as Google sends it."""
        assert opened.signature is not None
        is_redacted = isinstance(opened.part, Thinking) and opened.part.is_redacted
        found: dict[str, Any] = {"text": ""} | ({"thought": True} if isinstance(opened.part, Thinking) else {})
        found["thoughtSignature"] = render_signature(opened.signature, is_redacted=is_redacted)
        return self._chunk(found, opened.choice)

    def _end_of(self, choice: int) -> _End:
        return self._ends.setdefault(choice, _End())

    def _choice_ended(self, event: ChoiceEnded) -> bytes:
        """Told with the usage at the very end. A refusal that no filter made is what the model says."""
        end = self._end_of(event.choice)
        end.stop = event.stop
        if end.broken is not None and event.stop not in _CUT:
            return self.fail(end.broken)
        if event.stop is StopReason.FILTERED:
            return b""
        said, end.refused = end.refused, []
        return b"".join(self._chunk(render_text(part), event.choice) for part in said if part.text)

    def _reply_ended(self, event: ReplyEnded) -> bytes:
        frame = _frame(event.usage or self._started.usage, self._framing, self._started)
        for pointer, value in streamed(event.extra, NAME, self._framing).items():
            put(frame, pointer, value)
        self._is_over = True
        for end in self._ends.values():
            feedback = _feedback(list(end.refused))
            if feedback is not None:
                return self._event({"promptFeedback": feedback, **frame})
        empty = {"parts": [{"text": ""}], "role": "model"}
        candidates = [
            {"content": empty, "index": number, **_finish(end.stop, end.refused, _beside(end))}
            for number, end in sorted(self._ends.items())
            if end.stop is not None
        ]
        return self._event({"candidates": candidates, **frame})

    def _failed(self, event: ReplyFailed) -> bytes:
        return self.fail(event.error)


_WRITE: Mapping[type[Event], Callable[[_Writer, Any], bytes]] = {
    ReplyStarted: _Writer._start,
    PartStarted: _Writer._part_started,
    PartDelta: _Writer._part_delta,
    PartSigned: _Writer._part_signed,
    PartEnded: _Writer._part_ended,
    ChoiceEnded: _Writer._choice_ended,
    ReplyEnded: _Writer._reply_ended,
    ReplyFailed: _Writer._failed,
}
