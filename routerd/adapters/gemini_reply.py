"""Gemini's replies as they are read: whole, and chunk by chunk (https://ai.google.dev/api/generate-content#response).

A stream's chunks have the shape of a whole reply, so that one reader serves both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from zlib import crc32

import msgspec

from routerd.adapters import citations, sse
from routerd.adapters.base import CONTENT, NOTHING, UNREADABLE, Sign
from routerd.adapters.gemini_errors import error_of
from routerd.adapters.gemini_parts import OUTSIDE, media_at
from routerd.adapters.gemini_words import NAME, parse_signature
from routerd.adapters.leftover import extra_of, leftover
from routerd.adapters.media import kind_of
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
    collect,
)
from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from routerd.chat.reply import Reply, StopReason, Usage
from routerd.errors import RouterError

_STOPS: Mapping[str, StopReason] = {
    "STOP": StopReason.END,
    "MAX_TOKENS": StopReason.LENGTH,
    "CONTINUATION": StopReason.PAUSED,
}
"""All other reasons are a filter's, or as good as one, but for those that say that the model went wrong."""

_BROKEN = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
})  # fmt: skip

_MISREAD = (AttributeError, TypeError, ValueError, KeyError, IndexError)
"""What reading raises where a type is not what it must be."""


def parse_reply(body: bytes) -> Reply:
    """Read a 200's body. Raises RouterError: upstream_garbled, or the error that it tells."""
    reader = _Reader()
    events = [event for chunk in _chunks(body) for event in reader.read(chunk)]
    if not (reader.has_choices or isinstance(events[-1], ReplyFailed)):
        raise RouterError("upstream_garbled", f"answered 200 without `candidates`: {excerpt(body)}")
    return collect([*events, *reader.finish("STOP")])


def parse_whole(body: bytes) -> Usage | None:
    """Check a 200's body that is passed on as it is, and return its usage. Raises as `parse_reply`."""
    return parse_reply(body).usage


def _chunks(body: bytes) -> list[Any]:
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}") from None
    chunks = decoded if isinstance(decoded, list) else [decoded]
    if not chunks or not all(isinstance(chunk, dict) for chunk in chunks):
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}")
    return chunks


def parse_usage(said: Mapping[str, Any]) -> Usage | None:
    """The tokens that `usageMetadata` counts; None when it counts none."""
    counts = [said.get(name) for name in _COUNTS]
    if counts == _NO_COUNTS:
        return None
    prompt, completion, thoughts, tools, cached = (count if isinstance(count, int) else 0 for count in counts)
    return Usage(prompt + tools, completion + thoughts, cached, thoughts)


_COUNTS = (
    "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount",
    "cachedContentTokenCount",
)  # fmt: skip


_NO_COUNTS = [None] * len(_COUNTS)
_MOST_CANDIDATES = 128


class _Choice:
    """One candidate as far as it has come. `index` is the part that is open: text, thinking, or a call that grows.

    `beside` is what stands beside the content; it may come in any chunk, and the last one counts.
    """

    __slots__ = (
        "beside", "call", "finish", "has_calls", "has_content", "index", "kind", "logprobs", "message", "number",
        "said",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.index = -1
        self.kind: type[Part] | None = None
        self.call: Arguments | None = None
        self.has_calls = False
        self.has_content = False
        self.beside: dict[str, Any] = {}
        self.logprobs: list[Any] | None = None
        self.finish: str | None = None
        self.message: str | None = None
        self.said: list[str] = []


class _Reader:
    """Turns chunks into events."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._choices: dict[int, _Choice] = {}
        self._parts = 0
        self._calls = 0
        self._key = ""
        self._usage: dict[str, Any] = {}
        self._is_started = False
        self._blocked: dict[str, Any] | None = None
        self._extra: dict[str, Any] = {}
        self.is_over = False

    @property
    def has_choices(self) -> bool:
        """Whether there was a candidate, or word of why there is none."""
        return bool(self._choices or self._blocked)

    def read(self, chunk: dict[str, Any]) -> list[Event]:
        """The events of one chunk; a failure is the last."""
        try:
            self._read(chunk)
        except _MISREAD:
            self._fail(RouterError("upstream_garbled", f"sent what is no reply: {_excerpt(chunk)}"))
        return self._taken()

    def finish(self, otherwise: str | None = None) -> list[Event]:
        """The events of the end. `otherwise` is the reason where a candidate told none; None: that is a failure."""
        if self.is_over:
            return []
        choices = [self._choices[number] for number in sorted(self._choices)]
        if self._blocked is not None:
            otherwise = str(self._blocked["blockReason"])  # what was being said has been cut off by it
        if not self.has_choices or any(choice.finish is None and otherwise is None for choice in choices):
            return self.failed(RouterError("upstream_garbled", "the stream ended without a finish"))
        for choice in choices:
            self._end(choice, choice.finish or otherwise or "STOP")
        if self._blocked is not None and not choices:
            self._refused(self._blocked)
        elif self._blocked is not None:
            self._extra["/promptFeedback"] = self._blocked
        self._extra.update(leftover(self._usage, _KNOWN_OF_USAGE, "/usageMetadata"))
        self._events.append(ReplyEnded(parse_usage(self._usage), extra_of(NAME, self._extra)))
        self.is_over = True
        return self._taken()

    def failed(self, error: RouterError) -> list[Event]:
        """The reply broke off."""
        self._fail(error)
        return self._taken()

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _fail(self, error: RouterError) -> None:
        self._events.append(ReplyFailed(error))
        self.is_over = True

    # Down into a chunk

    def _read(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error"):
            return self._fail(error_of(chunk["error"]))
        if not _USUAL.issuperset(chunk):
            self._extra.update(leftover(chunk, _KNOWN))
        usage = chunk.get("usageMetadata")
        if usage:
            self._usage.update(usage)
        if not self._is_started:
            self._start(chunk)
        feedback = chunk.get("promptFeedback")
        if feedback and feedback.get("blockReason"):
            self._blocked = feedback
        for candidate in chunk.get("candidates") or ():
            if not self.is_over:
                self._candidate(candidate)

    def _start(self, chunk: dict[str, Any]) -> None:
        self._is_started = True
        id = chunk.get("responseId") or ""
        # Calls get their ids from it; other providers take 40 characters of these kinds, and each id but once.
        self._key = id if _ID.fullmatch(id) else f"{crc32(id.encode() or msgspec.json.encode(chunk)):08x}"
        self._events.append(ReplyStarted(id, str(chunk.get("modelVersion") or ""), parse_usage(self._usage)))

    def _candidate(self, candidate: dict[str, Any]) -> None:
        number = candidate.get("index") or 0
        choice = self._choices.get(number)
        if choice is None:
            if number not in range(_MOST_CANDIDATES):
                raise ValueError("no such candidate")
            choice = self._choices[number] = _Choice(number)
        if candidate.get("logprobsResult"):
            choice.logprobs = parse_logprobs(candidate["logprobsResult"])
            found = leftover(candidate["logprobsResult"], _KNOWN_OF_LOGPROBS, f"/candidates/{number}/logprobsResult")
            self._extra.update(found)
        content = candidate.get("content")
        for index, part in enumerate((content.get("parts") or ()) if content else ()):
            if len(part) > 1 and not _OF_PART.issuperset(part):
                self._beside(part, f"/candidates/{number}/content/parts/{index}")
            self._part(choice, part)
        for name, value in candidate.items():
            if name in OUTSIDE:
                if value:
                    choice.beside[name] = value
            elif name not in _OF_CANDIDATE:
                self._extra.update(leftover(value, None, f"/candidates/{number}/{name}"))
        reason = candidate.get("finishReason")
        if reason:
            self._finished(choice, reason, candidate)

    def _beside(self, part: dict[str, Any], at: str) -> None:
        """What a text or a call has beside it; a file keeps it."""
        if ("text" in part or "functionCall" in part) and not part.get("inlineData"):
            known = dict.fromkeys(_OF_PART, True)
            self._extra.update(leftover(part, known, at))

    def _finished(self, choice: _Choice, reason: str, candidate: dict[str, Any]) -> None:
        """Older models say STOP in every chunk, so nothing ends here but what went wrong."""
        choice.finish = reason
        choice.message = str(candidate.get("finishMessage") or "") or choice.message
        if reason in _BROKEN:
            self._fail(broken(reason, choice.message))

    # One method per kind of part

    def _part(self, choice: _Choice, part: dict[str, Any]) -> None:
        if "text" in part:
            return self._text(choice, part["text"] or "", part.get("thoughtSignature"), part.get("thought"))
        is_thought = part.get("thought")
        for name, read in _PARTS.items():
            if name in part and not is_thought:
                return read(self, choice, part[name], part)
        if "thoughtSignature" in part and len(part) == 1 + ("thought" in part):
            return self._text(choice, "", part["thoughtSignature"], is_thought)
        if part:
            self._whole(choice, Opaque(dialect=NAME, raw=part))

    def _text(self, choice: _Choice, text: str, signature: str | None, is_thought: bool | None) -> None:
        """More text. A signature closes its part: what follows is not signed by it."""
        if not (text or signature):
            return
        if not isinstance(text, str):
            raise TypeError("text is no text")
        kind = Thinking if is_thought else Text
        if choice.kind is not kind:
            self._close(choice)
            choice.index, choice.kind = self._open(choice, kind(text="")), kind
        if text:
            if not is_thought:
                choice.has_content = True
                choice.said.append(text)
            self._events.append(PartDelta(choice.index, text, None if is_thought else choice.logprobs))
            choice.logprobs = None
        if signature:
            self._events.append(PartSigned(choice.index, parse_signature(signature)[0]))
            self._close(choice)

    def _call(self, choice: _Choice, call: dict[str, Any], part: dict[str, Any]) -> None:
        """A call whole, or a piece of one: Vertex can stream arguments, and ends them with an empty call."""
        name = call.get("name")
        if name:
            self._close(choice)
            name = str(name)
            given = call.get("id")
            id = given if given and isinstance(given, str) else f"call_{self._key}_{self._calls}"
            self._calls += 1
            choice.index, choice.kind = self._open(choice, ToolCall(id=id, name=name)), ToolCall
            choice.call = Arguments(call.get("args"))
            choice.has_calls = choice.has_content = True
            if part.get("thoughtSignature"):
                self._events.append(PartSigned(choice.index, parse_signature(part["thoughtSignature"])[0]))
        if choice.call is None:
            return
        for piece in call.get("partialArgs") or ():
            choice.call.add(piece)
        if not call.get("willContinue"):
            self._close(choice)

    def _data(self, choice: _Choice, blob: dict[str, Any], part: dict[str, Any]) -> None:
        media_type = blob.get("mimeType")
        media = Media(kind=kind_of(media_type), media_type=media_type, data=blob["data"], name=blob.get("displayName"))
        self._media(choice, media, part)

    def _file(self, choice: _Choice, file: dict[str, Any], part: dict[str, Any]) -> None:
        media = media_at(file["fileUri"], file.get("mimeType"))
        media.name = file.get("displayName")
        self._media(choice, media, part)

    def _media(self, choice: _Choice, media: Media, part: dict[str, Any]) -> None:
        media.extra = {name: value for name, value in part.items() if name not in ("inlineData", "fileData") and value}
        choice.has_content = True
        self._whole(choice, media)

    # Parts

    def _open(self, choice: _Choice, part: Part) -> int:
        index = self._parts
        self._parts += 1
        self._events.append(PartStarted(index, part, choice.number))
        return index

    def _whole(self, choice: _Choice, part: Part) -> None:
        self._close(choice)
        self._events.append(PartEnded(self._open(choice, part)))

    def _close(self, choice: _Choice) -> None:
        if choice.kind is None:
            return
        if choice.call is not None:
            self._events.append(PartDelta(choice.index, choice.call.text()))
            choice.call = None
        self._events.append(PartEnded(choice.index))
        choice.kind = None

    # The end

    def _end(self, choice: _Choice, reason: str) -> None:
        stop = _STOPS.get(reason, StopReason.FILTERED)
        if stop is StopReason.FILTERED:
            choice.beside.pop("finishMessage", None)  # that is what is refused with
        for name, value in choice.beside.items():
            cited = citations.from_gemini(name, value, "".join(choice.said))
            index = self._open(choice, Opaque(dialect=NAME, raw={name: value}, citations=cited))
            self._events.append(PartEnded(index))
        self._close(choice)
        if stop is StopReason.END and choice.has_calls:
            stop = StopReason.TOOL_CALLS
        if stop is StopReason.FILTERED and (choice.message or not choice.has_content):
            self._refuse(
                choice, choice.message or _why(reason, choice.beside.get("safetyRatings")), {"finishReason": reason}
            )
        self._events.append(ChoiceEnded(choice.number, stop))

    def _refused(self, feedback: dict[str, Any]) -> None:
        """The one answer to a prompt that was blocked: why."""
        reason = feedback["blockReason"]
        message = str(feedback.get("blockReasonMessage") or "") or why_blocked(reason)
        choice = _Choice(0)
        self._refuse(choice, message, {"blockReason": reason})
        self._events.append(ChoiceEnded(0, StopReason.FILTERED))

    def _refuse(self, choice: _Choice, text: str, extra: dict[str, Any]) -> None:
        index = self._open(choice, Refusal(text="", extra=extra))
        self._events += [PartDelta(index, text), PartEnded(index)]


_USUAL = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_OF_PART = frozenset({"text", "thought", "thoughtSignature", "functionCall"})
_OF_CANDIDATE = frozenset({"content", "index", "finishReason", "logprobsResult"})
_KNOWN: Mapping[str, Any] = {
    **dict.fromkeys((*_USUAL, "error"), True),
    "promptFeedback": {"blockReason": True, "blockReasonMessage": True},
}
_KNOWN_OF_USAGE: Mapping[str, Any] = dict.fromkeys((*_COUNTS, "totalTokenCount"), True)
_CANDIDATES = [{"token": True, "logProbability": True}]
_KNOWN_OF_LOGPROBS: Mapping[str, Any] = {
    "chosenCandidates": _CANDIDATES,
    "topCandidates": [{"candidates": _CANDIDATES}],
}
"""What is read of each."""

_ID = re.compile(r"[a-zA-Z0-9_-]{1,28}")

_PARTS: Mapping[str, Callable[[_Reader, _Choice, Any, dict[str, Any]], None]] = {
    "functionCall": _Reader._call,
    "inlineData": _Reader._data,
    "fileData": _Reader._file,
}


def broken(reason: str, message: str | None) -> RouterError:
    """The error for a reply that ended because the model went wrong."""
    return RouterError("upstream_garbled", f"ended the reply with {reason}{f': {message}' if message else ''}")


def why_blocked(reason: str) -> str:
    """What a caller reads where a prompt was blocked without a word."""
    return f"Google blocked the prompt: {reason}."


def _why(reason: str, ratings: Any) -> str:
    """What a caller reads in place of a reply that a filter stopped."""
    rated = ratings if isinstance(ratings, list) else ()
    blocked = [str(each.get("category")) for each in rated if isinstance(each, dict) and each.get("blocked")]
    about = f" ({', '.join(blocked)})" if blocked else ""
    return f"Google stopped the reply: {reason}{about}."


def parse_logprobs(result: dict[str, Any]) -> list[Any]:
    """As OpenAI's `logprobs.content`."""
    top = result.get("topCandidates") or ()
    found = []
    for index, chosen in enumerate(result.get("chosenCandidates") or ()):
        others = top[index].get("candidates") or () if index < len(top) else ()
        found.append({**_logprob(chosen), "top_logprobs": [_logprob(each) for each in others]})
    return found


def _logprob(candidate: dict[str, Any]) -> dict[str, Any]:
    token = candidate.get("token") or ""
    return {"token": token, "logprob": candidate.get("logProbability") or 0.0, "bytes": list(token.encode())}


def _excerpt(chunk: Any) -> str:
    return excerpt(msgspec.json.encode(chunk))


# Arguments in pieces ----------------------------------------------------------------------------------------------

_STEP = re.compile(r"""\.([^.\[]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_VALUES = ("stringValue", "numberValue", "boolValue")
_LONGEST_LIST = 10_000


class Arguments:
    """The arguments of one call, put together from pieces that name their place by JSON path.

    https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
    """

    __slots__ = ("_value",)

    def __init__(self, value: dict[str, Any] | None) -> None:
        self._value: dict[str, Any] = value or {}

    def text(self) -> str:
        """The whole as JSON."""
        return msgspec.json.encode(self._value).decode()

    def add(self, piece: dict[str, Any]) -> None:
        """Set a value, or add to a text. Raises ValueError for a path that leads nowhere."""
        steps = [_step(found) for found in _STEP.finditer(piece["jsonPath"])]
        here: Any = self._value
        for step, following in pairwise(steps):
            here = _entry(here, step, [] if isinstance(following, int) else {})
        value = next((piece[name] for name in _VALUES if name in piece), None)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # proto has one kind of number
        before = _entry(here, steps[-1], None)
        here[steps[-1]] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _step(found: re.Match[str]) -> str | int:
    if found[2] is not None:
        return int(found[2])
    return found[1] if found[1] is not None else re.sub(r"\\(.)", r"\1", found[3] or found[4] or "")


def _entry(here: Any, step: str | int, otherwise: Any) -> Any:
    """What stands at a step; `otherwise`, put there, where there is nothing."""
    if isinstance(step, str):
        return here.setdefault(step, otherwise)
    if step > _LONGEST_LIST:
        raise ValueError("a list of arguments is too long")
    while len(here) <= step:
        here.append(None)
    if here[step] is None:
        here[step] = otherwise
    return here[step]


# Streams ----------------------------------------------------------------------------------------------------------


class Stream:
    """Reads a stream of server-sent events; also one of a JSON list, and plain JSON where a stream was asked for."""

    def __init__(self) -> None:
        self._carry = b""
        self._reader = _Reader()
        self._is_plain: bool | None = None

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, however the stream is split."""
        if self._reader.is_over:
            return []
        block = self._carry + data if self._carry else data
        if self._is_plain is None:
            start = block.lstrip()[:1]
            self._is_plain = start in (b"{", b"[") if start else None
        end = 0 if self._is_plain else sse.whole_events(block)
        self._carry = block[end:]
        events: list[Event] = []
        for event in sse.split_events(block[:end]) if end else ():
            events += self._event(event)
        return events

    def end(self) -> list[Event]:
        """The stream has ended: what that means."""
        rest, self._carry = self._carry, b""
        events = self._event(rest) if rest.strip() else []
        return events + self._reader.finish("STOP" if self._is_plain and self._reader.has_choices else None)

    def _event(self, event: bytes) -> list[Event]:
        if self._reader.is_over:
            return []
        try:
            chunks = chunks_of(event)
        except RouterError as error:
            return self._reader.failed(error)
        return [found for chunk in chunks for found in self._reader.read(chunk)]


def chunks_of(event: bytes) -> list[dict[str, Any]]:
    """What one event says. Google writes some errors without `data:`. Raises RouterError(upstream_garbled)."""
    said = sse.payload(event)
    data = said or event.strip()
    if data == b"[DONE]" or not (said or data.startswith((b"{", b"["))):
        return []
    try:
        found = msgspec.json.decode(data)
    except UNREADABLE:
        found = None
    chunks = found if isinstance(found, list) else [found]
    if not all(isinstance(chunk, dict) for chunk in chunks):
        raise RouterError("upstream_garbled", f"streamed what is no event: {excerpt(data)}")
    return chunks


def read_event(event: bytes) -> Sign | RouterError:
    """What one event of a stream means for an attempt that waits for its first content. Gemini marks no end."""
    try:
        chunks = chunks_of(event)
        signs = [_sign(chunk) for chunk in chunks]
    except RouterError as error:
        return error
    except _MISREAD:
        return RouterError("upstream_garbled", f"streamed what is no event: {excerpt(event)}")
    return next((sign for sign in signs if sign is not NOTHING), NOTHING)


def _sign(chunk: dict[str, Any]) -> Sign | RouterError:
    if chunk.get("error"):
        return error_of(chunk["error"])
    if (chunk.get("promptFeedback") or {}).get("blockReason"):
        return CONTENT
    found: Sign = NOTHING
    for candidate in chunk.get("candidates") or ():
        reason = candidate.get("finishReason")
        if reason in _BROKEN:
            return broken(reason, candidate.get("finishMessage"))
        if reason or any(map(_says_something, (candidate.get("content") or {}).get("parts") or ())):
            found = CONTENT
    return found


def _says_something(part: dict[str, Any]) -> bool:
    return bool(part.get("text")) or any(part[name] for name in part if name not in _QUIET)


_QUIET = frozenset({"text", "thought", "thoughtSignature"})
