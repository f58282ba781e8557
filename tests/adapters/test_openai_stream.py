"""OpenAI's streams as vendors send them: each file of openai/ says what its golden tells, however it is split.

All of it is composed after the vendors' references. `ROUTERD_GOLDEN=write` writes the goldens again: read the
difference before you keep it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.adapters import openai_chat, sse
from routerd.adapters.openai_stream import LONGEST_EVENT
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
from routerd.chat.parts import Media, Opaque, Part, Thinking, ToolCall
from routerd.chat.reply import Usage
from tests.adapters import corpus, official
from tests.adapters.harness import FRAMING, breaches, parsed, parsed_halves, written
from tests.adapters.normal import normal_reply

FOLDER = Path(__file__).parent / "openai"
STREAMS = sorted(FOLDER.glob("*.sse"))
WHOLE = [path for path in STREAMS if "Error(" not in path.with_suffix(".txt").read_text()]
ENDINGS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def told(events: list[Event]) -> str:
    """A stream in words, one event a line; the pieces of a part in one line while nothing comes between."""
    lines: list[str] = []
    before: Event | None = None
    for event in events:
        if isinstance(event, PartDelta) and isinstance(before, PartDelta) and event.index == before.index:
            lines[-1] += f" + {event.text!r}"
        else:
            lines.append(line_of(event))
        if isinstance(event, PartDelta) and event.logprobs:
            lines[-1] += f" ({len(event.logprobs)} logprobs)"
        before = event
    return "\n".join(lines) + "\n"


def line_of(event: Event) -> str:
    match event:
        case ReplyStarted():
            return f"{event.id or '-'} of {event.model or '-'}"
        case PartStarted():
            return f"{event.index} of choice {event.choice}: {in_words(event.part)}"
        case PartDelta():
            return f"{event.index} {event.text!r}"
        case PartSigned():
            return f"{event.index} signed {event.signature.family} {event.signature.value}"
        case PartEnded():
            return f"{event.index} ends"
        case ChoiceEnded():
            return f"choice {event.choice} ends: {event.stop.name} {event.stop_sequence or ''}".rstrip()
        case ReplyEnded():
            return f"{event.usage or 'no usage'}"
        case ReplyFailed():
            return repr(event.error)


def in_words(part: Part) -> str:
    match part:
        case ToolCall():
            return f"call {part.id} {part.name}" + (f" {part.extra}" if part.extra else "")
        case Opaque():
            return f"opaque {msgspec.json.encode(part.raw).decode()}"
        case Media():
            return f"{part.kind} {part.media_type} {part.data}"
        case Thinking(is_redacted=True, signature=signature) if signature is not None:
            return f"redacted thinking {signature.family} {signature.value}"
        case _:
            return type(part).__name__.lower()


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_streams(path: Path) -> None:
    events = parsed(openai_chat, path.read_bytes())
    golden = path.with_suffix(".txt")
    if os.environ.get("ROUTERD_GOLDEN") == "write":
        golden.write_text(told(events))
    assert told(events) == golden.read_text()
    assert breaches(events) == []


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_byte_by_byte(path: Path, ending: bytes) -> None:
    data = path.read_bytes()
    assert told(parsed(openai_chat, data.replace(b"\n", ending), 1)) == told(parsed(openai_chat, data))


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_cut_in_two_anywhere(path: Path) -> None:
    data = path.read_bytes()
    expected = told(parsed(openai_chat, data))
    assert [at for at in range(len(data)) if told(parsed_halves(openai_chat, data, at)) != expected] == []


# What ends a stream ---------------------------------------------------------------------------------------------

HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    "late",
    [
        b"",
        b"data: [DONE]\n\n",
        b"data: [DONE]\n\ndata: nonsense\n\n",
        b": comment\n\nevent: ping\n\ndata:[DONE]\r\n\r\n",
    ],
    ids=["nothing", "DONE", "more after it", "comments"],
)
def test_the_end(late: bytes) -> None:
    events = parsed(openai_chat, HELLO + late)
    assert isinstance(events[-1], ReplyEnded)
    assert breaches(events) == []


def test_a_parser_that_failed_says_no_more() -> None:
    parser = openai_chat.stream_parser()
    assert [type(event) for event in parser.feed(b"data: nonsense\n\n" + HELLO)] == [ReplyFailed]
    assert parser.feed(HELLO) == []
    assert parser.end() == []


def test_an_event_without_end_is_given_up() -> None:
    parser = openai_chat.stream_parser()
    piece = b"data: " + b"x" * (1 << 20)
    events = [event for _ in range((LONGEST_EVENT >> 20) + 1) for event in parser.feed(piece)]
    assert [type(event) for event in events] == [ReplyFailed]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "the stream ended without a finish"),
        (b"\n", "the stream ended without a finish"),
        (b"data: [DONE]\n\n", "the stream ended without a finish"),
        (b"data: 1\n\n", "streamed what is no event: 1"),
        (b"{}", "answered 200 without `choices`: {}"),
        (b'{"error":{"message":"No.","code":429}}', "No."),
    ],
)
def test_what_is_no_reply(stream: bytes, message: str) -> None:
    [event] = parsed(openai_chat, stream)
    assert isinstance(event, ReplyFailed)
    assert event.error.message == message


ODD: list[Any] = [
    {"choices": None}, {"choices": {}}, {"choices": [None, 1, []]}, {"choices": [{"delta": None}]},
    {"choices": [{"index": "0", "delta": "text"}]}, {"choices": [{"delta": {"content": 1}}]},
    {"choices": [{"delta": {"content": [None, {"type": "text", "text": None}, {"type": "thinking"}]}}]},
    {"choices": [{"delta": {"reasoning_content": {"a": 1}, "reasoning_details": {"a": 1}}}]},
    {"choices": [{"delta": {"reasoning_details": [None, {}, {"type": 1, "text": 2, "signature": 3}]}}]},
    {"choices": [{"delta": {"tool_calls": {"a": 1}}}]}, {"choices": [{"delta": {"tool_calls": [None, {}, []]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": {}, "id": 1, "function": "f"}]}}]},
    {"choices": [{"delta": {"function_call": "f", "images": "i", "refusal": 1, "extra_content": []}}]},
    {"choices": [{"delta": {}, "logprobs": "l"}]}, {"choices": [], "usage": "u", "x_groq": "x"},
    {"choices": [{"delta": {}, "finish_reason": ["stop"]}]}, {"choices": [{"delta": {}, "finish_reason": {"a": 1}}]},
    {"choices": [], "usage": {"prompt_tokens": "1", "completion_tokens": -1, "total_tokens": None}},
]  # fmt: skip


@pytest.mark.parametrize("chunk", ODD, ids=repr)
def test_odd_chunks_never_raise(chunk: Any) -> None:
    events = parsed(openai_chat, sse.render_event(msgspec.json.encode(chunk)) + HELLO)
    assert breaches(events) == []


# What is made of it for a caller --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_repaired_stream_is_in_order(path: Path) -> None:
    events = parsed(openai_chat, path.read_bytes())
    assert disorder(written(openai_chat, events), events) == []


@pytest.mark.parametrize("recording", corpus.chosen("openai", kind="sse"))
def test_a_repaired_recording_is_in_order(recording: corpus.Recording) -> None:
    events = parsed(openai_chat, recording.data)
    assert disorder(written(openai_chat, events), events) == []


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_repaired_stream_says_the_same(path: Path) -> None:
    events = parsed(openai_chat, path.read_bytes())
    again = collect(parsed(openai_chat, written(openai_chat, events)))
    reply = collect(events)
    if path.stem not in ("azure_filtered", "custom_tool"):  # one is given words, the other's input is no JSON
        assert normal_reply(again, "openai") == normal_reply(reply, "openai")
    assert again.usage == reply.usage


def disorder(stream: bytes, events: list[Event]) -> list[str]:
    """Where a stream that we wrote is not what T2 to T5 of the protocol promise to callers."""
    *payloads, last = map(sse.payload, sse.split_events(stream))
    if isinstance(events[-1], ReplyFailed):
        is_told = "error" in msgspec.json.decode(last) and b"[DONE]" not in stream
        return [*Order(payloads).found, *([] if is_told else ["a failure looks like success"])]
    extra = events[-1].extra.raw if isinstance(events[-1], ReplyEnded) and events[-1].extra else {}
    order = Order(payloads, {pointer.rpartition("/")[2] for pointer in extra} | {each.split("/")[1] for each in extra})
    order.check_end()
    return order.found if last == b"[DONE]" else [*order.found, "no [DONE]"]


class Order:
    """Reads chunks one by one, and notes each promise that one breaks."""

    def __init__(self, payloads: list[bytes], vendors: Collection[str] = ()) -> None:
        """`vendors`: the fields that are the vendor's own, and passed on in the last chunk."""
        self._strangers = frozenset({"annotations", "executed_tools", *vendors} - {"usage", "choices"})
        self.found: list[str] = []
        self._finishes: dict[int, str | None] = {}
        self._calls: dict[int, list[dict[str, str]]] = {}
        self._usages = 0
        for number, payload in enumerate(payloads):
            self._read(msgspec.json.decode(payload), is_last=number == len(payloads) - 1)

    def _check(self, is_kept: bool, promise: str) -> None:
        if not is_kept:
            self.found.append(promise)

    def _read(self, chunk: dict[str, Any], *, is_last: bool) -> None:
        if "'custom'" not in str(chunk):  # nor have they for these
            self.found += official.EVENT["openai"](official.without(self._strangers, chunk))
        common = chunk["id"], chunk["created"], chunk["model"], chunk["object"]
        expected = FRAMING.id, FRAMING.created, FRAMING.model, "chat.completion.chunk"
        self._check(common == expected, f"differs: {common}")
        if not chunk["choices"]:
            self._usages += 1
            usage = chunk["usage"]
            total = usage["prompt_tokens"] + usage["completion_tokens"]
            self._check(is_last and usage["total_tokens"] == total, "usage is not the last, or does not add up")
        for choice in chunk["choices"]:
            self._read_choice(choice)

    def _read_choice(self, choice: dict[str, Any]) -> None:
        number, delta = choice["index"], choice["delta"]
        self._check(("role" in delta) == (number not in self._finishes), f"choice {number}: role not once, first")
        self._check(self._finishes.setdefault(number, None) is None, f"choice {number}: goes on after its finish")
        for call in delta.get("tool_calls", ()):
            self._read_call(self._calls.setdefault(number, []), call)
        self._finishes[number] = choice["finish_reason"]

    def _read_call(self, calls: list[dict[str, str]], call: dict[str, Any]) -> None:
        kind = "custom" if "custom" in call else "function"
        inner = call.get(kind, {})
        if "id" in call:
            self._check(call["index"] == len(calls) and call["type"] == kind, f"{call}: gap, or no type")
            calls.append({"id": call["id"], "name": inner["name"], "kind": kind, "said": ""})
        else:
            self._check(not {"type", "name"} & {*call, *inner}, f"{call}: says type or name again")
        if call["index"] < len(calls):
            calls[call["index"]]["said"] += inner.get("arguments", inner.get("input", ""))

    def check_end(self) -> None:
        """What a whole stream keeps."""
        self._check(self._usages == 1, "no usage")
        self._check(None not in self._finishes.values(), "a choice without finish")
        ids = [call["id"] for calls in self._calls.values() for call in calls]
        self._check(all(ids) and len(set(ids)) == len(ids), f"ids {ids}")
        for number, calls in self._calls.items():
            self._check(self._finishes[number] == "tool_calls", f"choice {number} calls and ends otherwise")
            for call in calls:
                is_object = call["kind"] == "custom" or isinstance(msgspec.json.decode(call["said"]), dict)
                self._check(is_object and bool(call["name"]), f"{call}")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, Usage(3, 2)),
        ({"prompt_tokens": 3, "completion_tokens": 2.0, "total_tokens": None}, Usage(3, 2)),
        ({"prompt_tokens": 3, "prompt_tokens_details": None, "cached_tokens": 1}, Usage(3, cached=1)),
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9}, Usage(3, 6, reasoning=4)),
        ({"completion_tokens": 2, "reasoning_tokens": 1, "total_tokens": 2}, Usage(0, 2, reasoning=1)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cache_write_tokens": 2}}, Usage(3, cache_write=2)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({}, None),
        ([], None),
        ("many", None),
    ],
)  # fmt: skip
def test_usage_however_it_is_told(usage: Any, expected: Usage | None) -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}
    assert openai_chat.parse_reply(msgspec.json.encode(body)).usage == expected
    assert openai_chat.parse_whole(msgspec.json.encode(body)) == expected


def test_the_counting_can_fail() -> None:
    events = parsed(openai_chat, (FOLDER / "tools.sse").read_bytes())
    stream = written(openai_chat, events)
    assert disorder(stream, events) == []
    for good, bad in ((b'"index":1,"id"', b'"index":2,"id"'), (b'"role"', b'"rule"'), (b'"tool_calls"}', b'"stop"}')):
        broken = stream.replace(good, bad)
        assert broken != stream
        assert disorder(broken, events) != []
