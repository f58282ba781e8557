"""OpenAI chat completions: a provider's stream, read, whatever the vendor makes of the format.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from routerd.adapters import sse
from routerd.adapters.base import UNREADABLE
from routerd.adapters.diagnostics import is_diagnostic
from routerd.adapters.leftover import extra_of, leftover
from routerd.adapters.openai_errors import error_of
from routerd.adapters.openai_reply import (
    KNOWN,
    KNOWN_OF_CHOICE,
    KNOWN_OF_REPLY,
    arguments_of,
    beside,
    images_of,
    logprobs_of,
    make_id,
    parse_reply,
    rest_of,
    stop_of,
    text_of,
    thought_text,
    usage_of,
)
from routerd.adapters.openai_thoughts import Detail, is_of_call, is_seal, parse_detail, parse_extra_content
from routerd.adapters.openai_words import NAME
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
    replay,
)
from routerd.chat.parts import Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Usage
from routerd.errors import RouterError

LONGEST_EVENT = 1 << 24  # bytes

_USUAL = frozenset({"role", "content", "reasoning_content", "reasoning", "reasoning_details"})
"""What most deltas hold."""

_USUAL_OF_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})

_KNOWN_OF_CHUNK = {**KNOWN_OF_REPLY, "choices": True, "obfuscation": True}

_decode = msgspec.json.Decoder().decode


class Payloads:
    """Cuts a stream of server-sent events into what each of them says, however its bytes come.

    A body that is no stream but plain JSON is kept, for `whole` to give.
    """

    def __init__(self) -> None:
        self._carry = bytearray()
        self._is_new = True
        self._is_whole = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What each event says that `data` completes. Raises RouterError when one has no end."""
        if self._is_new and (head := data.lstrip(b" \t\r\n")):
            self._is_new = False
            self._is_whole = head[:1] in (b"{", b"[")
        if self._is_whole or (self._carry and b"\n" not in data and b"\r" not in data):
            self._hold(data)
            return
        if self._carry:
            data = bytes(self._carry) + data
            self._carry.clear()
        if b"\r" in data:
            yield from self._slowly(data)
            return
        *events, rest = data.split(b"\n\n")
        for event in events:
            yield event[6:] if event.startswith(b"data: ") and b"\n" not in event else sse.payload(event)
        if rest:
            self._hold(rest)

    def _slowly(self, data: bytes) -> Iterator[bytes]:
        end = sse.whole_events(data)
        yield from map(sse.payload, sse.split_events(data[:end]))
        if end < len(data):
            self._hold(data[end:])

    def rest(self) -> bytes:
        """What an event says that came without its blank line."""
        return b"" if self._is_whole else sse.payload(bytes(self._carry))

    def whole(self) -> bytes | None:
        """The body, when it is no stream."""
        return bytes(self._carry) if self._is_whole else None

    def _hold(self, data: bytes) -> None:
        self._carry += data
        if len(self._carry) > LONGEST_EVENT:
            raise RouterError("upstream_garbled", "sent an event of more than 16 MiB")


class _Chunk(Struct):
    """What is read of a chunk."""

    choices: Any = None
    error: Any = None
    usage: Any = None
    x_groq: Any = None
    id: Any = None
    model: Any = None
    created: Any = None


class _Usual(_Chunk, forbid_unknown_fields=True):
    """A chunk that holds nothing else but what says nothing: most are such."""

    object: msgspec.Raw = msgspec.Raw()
    obfuscation: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()
    system_fingerprint: msgspec.Raw = msgspec.Raw()
    provider: msgspec.Raw = msgspec.Raw()  # OpenRouter's


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_usual = msgspec.json.Decoder(_Usual).decode


class _Call(Struct):
    """A tool call as far as it has come. `part` is None while its name is still to come.

    `wire_id` and `wire_index` are the provider's.
    """

    id: str
    wire_id: str
    wire_index: Any
    name: str = ""
    part: int | None = None
    said: list[str] = []
    signature: Signature | None = None


class _Choice(Struct):
    """One answer: the part that is open, and its tool calls, which all stay open to its end.

    `said` is what a thought or a refusal has said so far, `refusals` are those that are whole.
    """

    number: int
    part: int | None = None
    kind: type[Part] | None = None
    is_signed: bool = False
    said: list[str] = []
    refusals: list[str] = []
    calls: list[_Call] = []
    signatures: dict[str, Signature] = {}
    is_over: bool = False


class StreamParser:
    """Reads one stream."""

    def __init__(self) -> None:
        self._payloads = Payloads()
        self._events: list[Event] = []
        self._choices: dict[int, _Choice] = {}
        self._parts = 0
        self._ids: set[str] = set()
        self._made = 0
        self._start: Mapping[str, Any] | None = None
        self._usage: Usage | None = None
        self._extra: dict[str, Any] = {}
        self._is_odd = False
        self._is_over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, however the stream is split."""
        if self._is_over:
            return []
        try:
            for payload in self._payloads.feed(data):
                if payload and not self._is_over:
                    self._on_payload(payload)
        except RouterError as error:
            self._fail(error)
        events, self._events = self._events, []
        return events

    def end(self) -> list[Event]:
        """The stream has ended: what that means. A ReplyFailed when it broke off before its finish."""
        if self._is_over:
            return []
        whole, rest = self._payloads.whole(), self._payloads.rest()
        try:
            if whole is not None:
                return list(replay(parse_reply(whole)))
            if _is_complete(rest):
                self._on_payload(rest)
            if not self._is_over:
                self._on_done()
        except RouterError as error:
            self._fail(error)
        events, self._events = self._events, []
        return events

    def _fail(self, error: RouterError) -> None:
        if not self._is_over:
            self._is_over = True
            self._events.append(ReplyFailed(error))

    # Chunks

    def _on_payload(self, payload: bytes) -> None:
        chunk = self._read(payload)
        if chunk is None:
            self._on_done()
            return
        if chunk.error:
            raise error_of(chunk.error, None)
        if chunk.usage or chunk.x_groq:
            self._on_usage(chunk)
        if self._is_odd or self._start is None or chunk.usage:
            self._leave(leftover(_decode(payload), _KNOWN_OF_CHUNK))
        if not isinstance(chunk.choices, list):
            _check_other(_decode(payload))
            return
        for said in chunk.choices:
            if type(said) is dict:
                if self._start is None:
                    self._on_start(chunk)
                self._on_choice(said)

    def _read(self, payload: bytes) -> _Chunk | None:
        """A chunk; None for the last word. Once one holds more than most do, all are looked through."""
        if not self._is_odd:
            try:
                return _decode_usual(payload)
            except UNREADABLE:
                pass
        if payload.strip() == b"[DONE]":
            return None
        self._is_odd = True
        try:
            return _decode_chunk(payload)
        except UNREADABLE:
            raise RouterError("upstream_garbled", f"streamed what is no event: {excerpt(payload)}") from None

    def _leave(self, found: Iterable[tuple[str, Any]]) -> None:
        """Keep what nobody reads. The last word counts, but for one that says less than what was said before."""
        for at, value in found:
            if at not in self._extra or is_diagnostic(NAME, at, self._extra[at]) or not is_diagnostic(NAME, at, value):
                self._extra[at] = value

    def _on_usage(self, chunk: _Chunk) -> None:
        groq = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
        self._usage = usage_of(chunk.usage) or usage_of(groq.get("usage")) or self._usage
        if groq.get("error"):
            raise error_of(groq["error"], None)

    def _on_start(self, chunk: _Chunk) -> None:
        self._start = {"id": chunk.id, "created": chunk.created}
        self._events.append(ReplyStarted(text_of(chunk.id), text_of(chunk.model)))

    def _on_done(self) -> None:
        """A reply is whole when all its choices are."""
        if not self._choices or not all(choice.is_over for choice in self._choices.values()):
            raise RouterError("upstream_garbled", "the stream ended without a finish")
        self._is_over = True
        self._events.append(ReplyEnded(self._usage, extra_of(NAME, self._extra)))

    # Choices

    def _on_choice(self, said: dict[str, Any]) -> None:
        number = said.get("index")
        number = number if type(number) is int else 0
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice(number)
        if choice.is_over:
            return  # some say more after the finish, or say it twice
        delta = said.get("delta") or said.get("message")
        if type(delta) is dict:
            self._on_delta(choice, delta, said)
        elif said.get("text") or said.get("logprobs"):
            self._on_content(choice, said.get("text"), said)
        if not _USUAL_OF_CHOICE.issuperset(said):
            self._leave(leftover(said, KNOWN_OF_CHOICE, f"/choices/{number}"))
        if said.get("finish_reason") or said.get("error"):
            self._on_finish(choice, said)

    def _on_finish(self, choice: _Choice, said: dict[str, Any]) -> None:
        calls = [call for call in choice.calls if call.name or call.said]
        stop, sequence = stop_of(said, has_calls=bool(calls))
        self._close(choice)
        for call in calls:
            if call.part is None:
                raise RouterError("upstream_garbled", "streamed a tool call without a name")
            self._events.append(PartEnded(call.part))
        choice.is_over = True
        self._events.append(ChoiceEnded(choice.number, stop, sequence))

    # Deltas

    def _on_delta(self, choice: _Choice, delta: dict[str, Any], said: dict[str, Any]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and isinstance(thought, str):
            self._grow(choice, Thinking, thought)
        if details := delta.get("reasoning_details"):
            self._on_details(choice, details, has_text=bool(thought))
        content = delta.get("content")
        if content or said.get("logprobs"):
            self._on_content(choice, content, said)
        if not _USUAL.issuperset(delta):
            self._on_more(choice, delta)

    def _on_more(self, choice: _Choice, delta: dict[str, Any]) -> None:
        """What few deltas hold."""
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._grow(choice, Refusal, refusal)
        if images := delta.get("images"):
            for image in images_of(images):
                self._add(choice, image)
        if calls := delta.get("tool_calls"):
            self._on_calls(choice, calls)
        if isinstance(delta.get("function_call"), dict):
            self._on_call(choice, {"index": "function_call", "function": delta["function_call"]})
        if "extra_content" in delta:
            self._on_signature(choice, parse_extra_content(delta["extra_content"]))
        if not KNOWN.issuperset(delta) and (rest := rest_of(delta)):
            self._add(choice, beside(rest), is_beside=True)

    def _on_content(self, choice: _Choice, content: Any, said: dict[str, Any]) -> None:
        if isinstance(content, list):
            self._on_chunks(choice, content)
            return
        logprobs = self._on_logprobs(choice, said) if said.get("logprobs") else None
        if (content or logprobs) and not _is_echo(choice, content):
            self._grow(choice, Text, text_of(content), logprobs)

    def _on_logprobs(self, choice: _Choice, said: dict[str, Any]) -> list[Any]:
        self._leave(leftover(said, KNOWN_OF_CHOICE, f"/choices/{choice.number}"))
        return logprobs_of(said)

    def _on_chunks(self, choice: _Choice, chunks: list[Any]) -> None:
        """Mistral's content while it thinks."""
        for chunk in chunks:
            if not isinstance(chunk, dict):
                continue
            is_thought = chunk.get("type") == "thinking"
            text = thought_text(chunk) if is_thought else text_of(chunk.get("text"))
            if text:
                self._grow(choice, Thinking if is_thought else Text, text)

    def _on_signature(self, choice: _Choice, signature: Signature | None) -> None:
        """Gemini's, of the text that it stands beside."""
        if signature is not None and choice.part is not None and choice.kind is Text:
            self._events.append(PartSigned(choice.part, signature))

    # Details of thinking

    def _on_details(self, choice: _Choice, details: Any, *, has_text: bool) -> None:
        values = details if isinstance(details, list) else ()
        parsed = [detail for value in values if (detail := parse_detail(value)) is not None]
        is_signing = any(detail.signature is not None for detail in parsed)
        for detail in parsed:
            if detail.text and not has_text and not (is_signing and _is_said(choice, detail.text)):
                self._grow(choice, Thinking, detail.text)
            if detail.signature is not None:
                self._on_seal(choice, detail, detail.signature)

    def _on_seal(self, choice: _Choice, detail: Detail, signature: Signature) -> None:
        """The signature of the thought that is open, or of a tool call, or a thought that only its maker can read."""
        if detail.is_encrypted and detail.format == "google-gemini-v1" and detail.id:
            self._on_call_seal(choice, detail, signature)
        elif choice.part is None or choice.kind is not Thinking or (detail.is_encrypted and not is_seal(detail)):
            self._add(choice, Thinking("", signature, is_redacted=detail.is_encrypted))
        else:
            choice.is_signed = True
            self._events.append(PartSigned(choice.part, signature))

    def _on_call_seal(self, choice: _Choice, detail: Detail, signature: Signature) -> None:
        """It may come before its call."""
        call = next((call for call in choice.calls if is_of_call(detail, (call.wire_id,))), None)
        if call is None:
            choice.signatures[str(detail.id)] = signature
        else:
            self._sign(call, signature)

    def _sign(self, call: _Call, signature: Signature) -> None:
        if call.part is None:
            call.signature = signature
        else:
            self._events.append(PartSigned(call.part, signature))

    # Tool calls

    def _on_calls(self, choice: _Choice, values: Any) -> None:
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict):
                self._on_call(choice, value)

    def _on_call(self, choice: _Choice, value: dict[str, Any]) -> None:
        kind = "custom" if isinstance(value.get("custom"), dict) else "function"
        inner = value.get(kind)
        inner = inner if isinstance(inner, dict) else {}
        name = text_of(inner.get("name"))
        call = _call_of(choice, value, name) or self._begin_call(choice, value)
        if name and call.part is None:
            self._open_call(choice, call, name, kind)
        if "extra_content" in value and (signature := parse_extra_content(value["extra_content"])):
            self._sign(call, signature)
        arguments = arguments_of(inner.get("input" if kind == "custom" else "arguments"))
        if arguments == "null" and not call.said and kind == "function":
            return  # what some models write where a tool takes nothing; no object begins like that
        if arguments:
            call.said.append(arguments)
            if call.part is not None:
                self._events.append(PartDelta(call.part, arguments))

    def _begin_call(self, choice: _Choice, value: dict[str, Any]) -> _Call:
        wire_id = text_of(value.get("id"))
        id_ = wire_id if wire_id and wire_id not in self._ids else make_id(self._start or {}, self._made)
        self._made += 1
        self._ids.add(id_)
        call = _Call(id_, wire_id, value.get("index"))
        choice.calls.append(call)
        return call

    def _open_call(self, choice: _Choice, call: _Call, name: str, kind: str) -> None:
        """Its name is there: what came before it follows."""
        self._close(choice)
        call.name, call.part = name, self._next()
        extra = {"type": kind} if kind == "custom" else {}
        self._events.append(PartStarted(call.part, ToolCall(id=call.id, name=name, extra=extra), choice.number))
        signature = call.signature or choice.signatures.get(call.wire_id)
        if signature is not None:
            self._events.append(PartSigned(call.part, signature))
        if call.said:
            self._events.append(PartDelta(call.part, "".join(call.said)))

    # Parts

    def _grow(self, choice: _Choice, kind: type[Any], text: str, logprobs: list[Any] | None = None) -> None:
        if choice.kind is not kind or choice.is_signed:
            self._close(choice)
            choice.part, choice.kind = self._next(), kind
            self._events.append(PartStarted(choice.part, kind(""), choice.number))
        assert choice.part is not None
        if kind is not Text:
            choice.said.append(text)
        self._events.append(PartDelta(choice.part, text, logprobs))

    def _close(self, choice: _Choice) -> None:
        if choice.part is not None:
            self._events.append(PartEnded(choice.part))
            if choice.kind is Refusal:
                choice.refusals.append("".join(choice.said))
            choice.part, choice.kind, choice.is_signed = None, None, False
            choice.said.clear()

    def _add(self, choice: _Choice, part: Part, *, is_beside: bool = False) -> None:
        """A part that comes whole; `is_beside`: without ending the text that it stands beside."""
        if not is_beside:
            self._close(choice)
        index = self._next()
        self._events += (PartStarted(index, part, choice.number), PartEnded(index))

    def _next(self) -> int:
        self._parts += 1
        return self._parts - 1


def _check_other(chunk: dict[str, Any]) -> None:
    """A chunk without choices. Raises RouterError where it has the shape of an error."""
    if chunk.get("object") == "error" or ("message" in chunk and "code" in chunk) or "detail" in chunk:
        raise error_of(chunk if chunk.get("message") else {**chunk, "message": chunk.get("detail")}, None)


def _is_said(choice: _Choice, text: str) -> bool:
    """Whether it is the whole of the thought that is open: who signs it may say it once more."""
    return choice.kind is Thinking and len(text) == sum(map(len, choice.said)) and "".join(choice.said) == text


def _is_echo(choice: _Choice, content: Any) -> bool:
    """Whether it is the refusal once more, for those who only read the content."""
    if choice.kind is Refusal:
        return bool(content == "".join(choice.said))
    return bool(choice.refusals) and content in choice.refusals


def _is_complete(payload: bytes) -> bool:
    """Whether an event whose blank line never came says something whole."""
    try:
        return payload.strip() == b"[DONE]" or bool(_decode(payload))
    except UNREADABLE:
        return False


def _call_of(choice: _Choice, value: dict[str, Any], name: str) -> _Call | None:
    """The call that a piece belongs to; None when it begins another.

    Some leave the index out, some say 0 for every call, some say id and name again with each piece.
    """
    index, id_ = value.get("index"), text_of(value.get("id"))
    if index is None and id_:
        return next((call for call in choice.calls if call.wire_id == id_), None)
    alike = [call for call in choice.calls if index is None or call.wire_index == index]
    if not alike:
        return None
    last = alike[-1]
    if not name or not last.name or (id_ and id_ == last.wire_id):
        return last
    is_other = bool(last.wire_id) if id_ else index is None or _is_object("".join(last.said))
    return None if is_other else last


def _is_object(text: str) -> bool:
    try:
        return isinstance(_decode(text), dict)
    except UNREADABLE:
        return False
