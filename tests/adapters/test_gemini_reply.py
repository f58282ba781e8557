"""Gemini's replies, read: each file of gemini/ says what its golden tells, however it is split.

`ROUTERD_GOLDEN=write` writes the goldens again: read the difference before you keep it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.adapters import gemini
from routerd.adapters.base import CONTENT, NOTHING, Framing
from routerd.adapters.gemini_reply import Arguments
from routerd.chat.events import Collector, Event, ReplyFailed, collect
from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from routerd.chat.reply import Reply, Usage
from routerd.errors import RouterError
from tests.adapters.harness import breaches, parsed, parsed_halves

FOLDER = Path(__file__).parent / "gemini"
STREAMS = sorted(FOLDER.glob("*.sse"))
WHOLES = sorted(FOLDER.glob("*.json"))
FRAMING = Framing("reply-1", 1_700_000_000, "some-model")


def told(events: list[Event]) -> str:
    """A stream in words: what it says, part by part, and how it ends; of one that broke off, what began."""
    collector, failure = Collector(), None
    for event in events:
        if isinstance(event, ReplyFailed):
            failure = event.error
        else:
            collector.add(event)
    if failure is not None:
        return "\n".join([*(line_of(part) for part in collector.reply.choices[0].parts), repr(failure)]) + "\n"
    return "\n".join(lines_of(collector.reply)) + "\n"


def lines_of(reply: Reply) -> Iterator[str]:
    yield f"{reply.id or '-'} of {reply.model}"
    for number, choice in enumerate(reply.choices):
        yield from (f"{number} {line_of(part)}" for part in choice.parts)
        yield f"{number} ends: {choice.stop.name}"
        if choice.logprobs:
            yield f"{number} logprobs: {choice.logprobs}"
    yield f"{reply.usage}"


def line_of(part: Part) -> str:
    match part:
        case Text() | Thinking() | Refusal():
            said = f"{type(part).__name__.lower()} {part.text!r}"
        case ToolCall():
            said = f"call {part.id} {part.name} {part.arguments}"
        case Media():
            said = f"{part.kind} {part.media_type} {part.data or part.url or part.file_id}"
        case Opaque():
            said = f"opaque {msgspec.json.encode(part.raw).decode()}"
        case _:
            said = repr(part)
    signature = getattr(part, "signature", None)
    extra = f" extra {part.extra}" if part.extra else ""
    return said + (f" signed {signature.family} {signature.value}" if signature else "") + extra


@pytest.mark.parametrize("path", [*STREAMS, *WHOLES], ids=lambda path: path.name)
def test_streams(path: Path) -> None:
    events = parsed(gemini, path.read_bytes())
    golden = path.with_suffix(".txt")
    if os.environ.get("ROUTERD_GOLDEN") == "write":
        golden.write_text(told(events))
    assert told(events) == golden.read_text()
    assert breaches(events) == []


@pytest.mark.parametrize("path", [*STREAMS, *WHOLES], ids=lambda path: path.name)
def test_streams_cut_anywhere(path: Path) -> None:
    stream = path.read_bytes()
    expected = parsed(gemini, stream)
    assert [str(event) for event in parsed(gemini, stream, 1)] == [str(event) for event in expected]
    for at in range(len(stream)):
        assert [str(event) for event in parsed_halves(gemini, stream, at)] == [str(event) for event in expected]


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_lines_may_end_in_any_way(ending: bytes) -> None:
    stream = (FOLDER / "thinking.sse").read_bytes()
    assert b"\r\n\r\n" in stream
    changed = b": hello" + 2 * ending + stream.replace(b"\r\n", ending)
    assert parsed(gemini, changed, 7) == parsed(gemini, stream)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.name)
def test_the_chunks_as_a_whole_reply_say_the_same(path: Path) -> None:
    """What streams is what is answered whole: the chunks, put in a list, are read as one reply."""
    events = parsed(gemini, path.read_bytes())
    if isinstance(events[-1], ReplyFailed):
        return
    chunks = [event.removeprefix(b"data: ") for event in path.read_bytes().replace(b"\r", b"").split(b"\n\n") if event]
    assert gemini.parse_reply(b"[%b]" % b",".join(chunks)) == collect(events)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>Not found</html>", "answered 200 with what is no reply: Not found"),
        (b"", "answered 200 with what is no reply: an empty body"),
        (b"[]", "answered 200 with what is no reply: []"),
        (b"{}", "answered 200 without `candidates`: {}"),
        (b'{"choices":[]}', 'answered 200 without `candidates`: {"choices":[]}'),
        (b'{"candidates":3}', 'sent what is no reply: {"candidates":3}'),
        (b'{"candidates":[{"content":{"parts":[{"text":7}]}}]}', "sent what is no reply"),
        (
            b'{"candidates":[{"finishReason":"UNEXPECTED_TOOL_CALL","finishMessage":"no such tool"}]}',
            "ended the reply with UNEXPECTED_TOOL_CALL: no such tool",
        ),
        (b'[{"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}]', "internal error"),
    ],
)
def test_whole_replies_that_are_none(body: bytes, error: str) -> None:
    with pytest.raises(RouterError) as raised:
        gemini.parse_reply(body)
    assert error in raised.value.message
    with pytest.raises(RouterError):
        gemini.parse_whole(body)


def test_a_whole_reply_without_a_finish_is_taken() -> None:
    reply = gemini.parse_reply(b'{"candidates":[{"content":{"parts":[{"text":"Hello"}]}}]}')
    assert told_parts(reply) == ["text 'Hello'"]
    assert reply.usage is None


def told_parts(reply: Reply) -> list[str]:
    return [line_of(part) for choice in reply.choices for part in choice.parts]


def test_usage_of_a_whole_reply() -> None:
    usage = gemini.parse_whole((FOLDER / "plain.json").read_bytes())
    assert usage == Usage(prompt=4, completion=1)


def test_calls_without_ids_get_their_own_in_every_reply() -> None:
    chunk = '{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"a"}}}}]}},"finishReason":"STOP"}}]{}}}'
    ids = [
        part.id
        for more in (
            "",
            ',"responseId":"r1"',
            ',"responseId":"r2"',
            f',"responseId":"{"long" * 20}"',
            ',"createTime":"2"',
        )
        for part in gemini.parse_reply(chunk.format(more).encode()).choices[0].parts
        if isinstance(part, ToolCall)
    ]
    assert len(set(ids)) == 5
    assert ids[1] == "call_r1_0"
    assert max(map(len, ids)) <= 40


@pytest.mark.parametrize("id_", ["3", "[3]", '{"a":1}', "true", "-1.5", "null", '""'])
def test_an_id_that_is_none_is_replaced(id_: str) -> None:
    body = (
        f'{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"a","id":{id_}}}}}]}}}}],"responseId":"r1"}}'
    )
    [part] = gemini.parse_reply(body.encode()).choices[0].parts
    assert isinstance(part, ToolCall) and part.id == "call_r1_0"


@pytest.mark.parametrize(
    ("event", "sign"),
    [
        (b": comment\n\n", NOTHING),
        (b"data: [DONE]\n\n", NOTHING),
        (b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]}\n\n', NOTHING),
        (b'data: {"usageMetadata":{"trafficType":"ON_DEMAND"}}\r\n\r\n', NOTHING),
        (b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\r\n\r\n', CONTENT),
        (b'data: {"candidates":[{"content":{"parts":[{"text":"a","thought":true}]}}]}\r\n\r\n', CONTENT),
        (b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"a"}}]}}]}\r\n\r\n', CONTENT),
        (b'data: {"candidates":[{"content":{},"finishReason":"STOP"}]}\r\n\r\n', CONTENT),
        (b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n', CONTENT),
        (b"data: <html>\n\n", "upstream_garbled"),
        (b'data: {"candidates":[3]}\n\n', "upstream_garbled"),
        (b'data: {"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}\n\n', "upstream_garbled"),
        (b'data: {"error":{"code":503,"message":"overloaded"}}\n\n', "upstream_overloaded"),
        (b'{\r\n "error": {\r\n  "code": 429, "message": "slow down"\r\n }\r\n}\r\n\r\n', "upstream_rate_limited"),
    ],
)
def test_what_an_event_means(event: bytes, sign: Any) -> None:
    found = gemini.read_event(event)
    assert (found.kind if isinstance(found, RouterError) else found) == sign


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([], "{}"),
        ([("$.a", "stringValue", "x"), ("$.a", "stringValue", "x"), ("$.a", "stringValue", "")], '{"a":"xx"}'),
        ([("$['a.b'][\"c\"]", "numberValue", 1)], '{"a.b":{"c":1}}'),
        ([("$.a[1]", "boolValue", True)], '{"a":[null,true]}'),
        ([("$.a[0][0].b", "numberValue", 1.5)], '{"a":[[{"b":1.5}]]}'),
    ],
)
def test_arguments_in_pieces(pieces: list[tuple[str, str, Any]], text: str) -> None:
    arguments = Arguments(None)
    for path, kind, value in pieces:
        arguments.add({"jsonPath": path, kind: value})
    assert arguments.text() == text


@pytest.mark.parametrize("path", ["", "$", "$.a[99999999999]", "$.text.below"])
def test_a_path_that_leads_nowhere_fails_the_stream(path: str) -> None:
    call = '{{"functionCall":{{{}"partialArgs":[{{"jsonPath":"{}","stringValue":"x"}}],"willContinue":true}}}}'
    parts = ",".join([call.format('"name":"a",', "$.text"), call.format("", path)])
    stream = f'data: {{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}\n\n'.encode()
    last = parsed(gemini, stream)[-1]
    assert isinstance(last, ReplyFailed)
    assert last.error.kind == "upstream_garbled"
