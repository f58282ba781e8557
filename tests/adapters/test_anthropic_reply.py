"""What Anthropic's models reply: each recording, composed after the vendor's reference, whole and streamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.adapters import anthropic
from routerd.adapters.base import CONTENT, DONE, NOTHING
from routerd.chat.events import (
    ChoiceEnded,
    Event,
    PartDelta,
    PartEnded,
    PartStarted,
    ReplyEnded,
    ReplyFailed,
    ReplyStarted,
    collect,
)
from routerd.chat.parts import Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Reply, StopReason, Usage
from routerd.errors import RouterError
from tests.adapters.harness import breaches

FOLDER = Path(__file__).parent / "anthropic"
CASES = sorted(path.stem for path in FOLDER.glob("*.sse"))


def parsed(data: bytes, size: int = 1 << 20) -> list[Event]:
    parser = anthropic.stream_parser()
    events = [event for at in range(0, len(data), size) for event in parser.feed(data[at : at + size])]
    return events + parser.end()


def stream(case: str) -> bytes:
    return (FOLDER / f"{case}.sse").read_bytes()


def whole(case: str) -> Reply:
    return anthropic.parse_reply((FOLDER / f"{case}.json").read_bytes())


def sse(*said: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (each["type"].encode(), msgspec.json.encode(each)) for each in said)


@pytest.mark.parametrize("case", CASES)
def test_a_stream_tells_the_whole_reply(case: str) -> None:
    assert collect(parsed(stream(case))) == whole(case)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_byte_by_byte(case: str, ending: bytes) -> None:
    assert parsed(stream(case).replace(b"\n", ending), 1) == parsed(stream(case))


@pytest.mark.parametrize("case", ["text", "tools"])
def test_any_split_tells_the_same(case: str) -> None:
    data = stream(case)
    events = parsed(data)
    for at in range(len(data)):
        parser = anthropic.stream_parser()
        assert parser.feed(data[:at]) + parser.feed(data[at:]) + parser.end() == events


WEATHER, TIME = '{"location":"San Francisco, CA"}', "{}"
SOURCE = {
    "type": "web_search_result_location",
    "cited_text": "68 degrees",
    "url": "https://example.com/weather",
    "title": "Weather",
    "encrypted_index": "Eo8BCioIAh",
}


@pytest.mark.parametrize(
    ("case", "parts", "stop"),
    [
        ("text", [Text(text="Grüße, 世界 🌍!")], StopReason.END),
        ("stop_sequence", [Text(text="1, 2")], StopReason.STOP_SEQUENCE),
        (
            "tools",
            [
                Text(text="I'll look."),
                ToolCall(id="toolu_01A", name="get_weather", arguments=WEATHER),
                ToolCall(id="toolu_01B", name="get_time", arguments=TIME),
            ],
            StopReason.TOOL_CALLS,
        ),
        (
            "thinking",
            [
                Thinking(
                    text="27 is 3 * 9, so 27 * 453 is 12231.",
                    signature=Signature("anthropic", "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"),
                ),
                Thinking(text="", signature=Signature("anthropic", "EmwKAhgBEgy3va3pzix"), is_redacted=True),
                Thinking(text="", signature=Signature("anthropic", "EuYBCkQYBSJA")),
                Text(text="27 * 453 = 12,231"),
            ],
            StopReason.END,
        ),
        ("refusal", [Refusal(text="This can't be answered.")], StopReason.FILTERED),
        ("refusal_midway", [Text(text="First, take")], StopReason.FILTERED),
        ("paused", [Text(text="Searching")], StopReason.PAUSED),
        ("context", [Text(text="And then")], StopReason.CONTEXT),
        ("formatted", [Text(text='{"city":"Rome"}')], StopReason.END),
        ("empty", [], StopReason.END),
    ],
)
def test_parts(case: str, parts: list[Part], stop: StopReason) -> None:
    reply = whole(case)
    assert (reply.id, reply.model) == ("msg_01Example", "claude-opus-4-8")
    assert reply.choices[0].parts == parts
    assert reply.choices[0].stop is stop
    assert reply.choices[0].stop_sequence == ("3" if case == "stop_sequence" else None)


def test_blocks_of_anthropics_own_are_opaque_and_whole() -> None:
    call, result, text = whole("server_tool").choices[0].parts
    assert isinstance(call, Opaque) and call.raw["input"] == {"query": "weather"}
    assert isinstance(result, Opaque) and result.raw["type"] == "web_search_tool_result"
    assert text == Text(text="It is 68 degrees.", extra={"citations": [SOURCE]})
    summary = whole("compaction").choices[0].parts[0]
    assert isinstance(summary, Opaque) and summary.raw["content"] == "They spoke of state."


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"input_tokens": 25, "output_tokens": 15}, Usage(prompt=25, completion=15)),
        (
            {
                "input_tokens": 25,
                "cache_creation_input_tokens": 100,
                "cache_read_input_tokens": 2000,
                "output_tokens": 9,
            },
            Usage(prompt=2125, completion=9, cached=2000, cache_write=100),
        ),
        (
            {"input_tokens": 1, "output_tokens": 60, "output_tokens_details": {"thinking_tokens": 45}},
            Usage(prompt=1, completion=60, reasoning=45),
        ),
        ({"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": None}, Usage(prompt=3, completion=4)),
        ({"input_tokens": 0, "output_tokens": 0}, None),
        (None, None),
    ],
)
def test_usage(said: Any, expected: Usage | None) -> None:
    message = {"type": "message", "content": [], "stop_reason": "end_turn", "usage": said}
    assert anthropic.parse_whole(msgspec.json.encode(message)) == expected


def test_the_stream_tells_the_prompts_tokens_at_its_start() -> None:
    started = parsed(stream("tools"))[0]
    assert started.usage == Usage(prompt=2125, completion=1, cached=2000, cache_write=100)  # type: ignore[union-attr]


def test_tokens_that_were_told_stay_told() -> None:
    begun = sse({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 25, "output_tokens": 1}}})
    usage = {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 7}
    finish = sse(
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}, {"type": "message_stop"}
    )
    assert collect(parsed(begun + finish)).usage == Usage(prompt=25, completion=7)


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = parsed(stream("tools"))
    assert [event.text for event in events if isinstance(event, PartDelta) and event.index == 2] == ["{}"]


@pytest.mark.parametrize(
    ("said", "stop"),
    [("end_turn", StopReason.TOOL_CALLS), ("max_tokens", StopReason.LENGTH), ("tool_use", StopReason.TOOL_CALLS)],
)
def test_calls_are_waited_for_whatever_was_said(said: str, stop: StopReason) -> None:
    content = [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]
    message = {"content": content, "stop_reason": said}
    assert anthropic.parse_reply(msgspec.json.encode(message)).choices[0].stop is stop


@pytest.mark.parametrize("said", ["compaction", "something_new", None])
def test_other_stop_reasons_are_ends(said: str | None) -> None:
    message: dict[str, Any] = {"content": [], "stop_reason": said}
    assert anthropic.parse_reply(msgspec.json.encode(message)).choices[0].stop is StopReason.END


def test_a_refusal_without_a_word_is_readable() -> None:
    reply = anthropic.parse_reply(b'{"content":[],"stop_reason":"refusal","stop_details":null}')
    assert reply.choices[0].parts == [Refusal(text="The model refused to answer.")]


BEGUN = sse({"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": {}}})
TEXT = sse({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (BEGUN + sse(ERROR), "upstream_overloaded", "Overloaded"),
        (sse(ERROR), "upstream_overloaded", "Overloaded"),
        (b'data: {"error":{"message":"no","type":"rate_limit_error"}}\n\n', "upstream_rate_limited", "no"),
        (BEGUN + TEXT, "upstream_garbled", "the stream ended without a finish"),
        (b"", "upstream_garbled", "the stream ended without a finish"),
        (BEGUN + b"data: <html>Bad gateway</html>\n\n", "upstream_garbled", "streamed what is no event: Bad gateway"),
        (BEGUN + BEGUN.replace(b"msg_1", b"msg_2"), "upstream_garbled", "began a second reply inside the first"),
        (sse({"type": "message_stop"}), "upstream_garbled", "ended a reply that it had not begun"),
    ],
)
def test_failures(data: bytes, kind: str, message: str) -> None:
    *before, last = parsed(data)
    assert isinstance(last, ReplyFailed)
    assert (last.error.kind, last.error.message) == (kind, message)
    assert not any(isinstance(event, ReplyFailed | ChoiceEnded) for event in before)


def test_nothing_follows_a_failure_or_the_end() -> None:
    assert len(parsed(sse(ERROR) + stream("text"))) == 1
    assert parsed(stream("text") + stream("tools")) == parsed(stream("text"))


NEW = sse({"type": "a_new_event", "delta": "of another shape", "index": "one"}, {"type": "ping", "note": 1})


@pytest.mark.parametrize(
    "noise",
    [
        NEW,
        b": a comment\n\n",
        b"event: ping\ndata:{}\n\n",
        BEGUN,
        sse({"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "of no block"}}),
        sse({"type": "content_block_stop", "index": 7}),
    ],
)
def test_what_is_not_known_is_ignored(noise: bytes) -> None:
    tail = sse(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
    assert parsed(BEGUN + TEXT + noise + tail) == parsed(BEGUN + TEXT + tail)


@pytest.mark.parametrize(
    "odd",
    [
        b'data: {"type":[]}\n\n',
        b'data: {"type":{},"index":0}\n\n',
        BEGUN.replace(b'"type": "message_start"', b'"type": null').replace(b'"type":"message_start"', b'"type":null'),
    ],
)
def test_an_event_of_no_type_is_ignored(odd: bytes) -> None:
    finish = sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})
    events = parsed(odd + TEXT + finish)
    assert isinstance(events[0], ReplyStarted) and isinstance(events[-1], ReplyEnded)


@pytest.mark.parametrize("name", ["usage", "content"])
def test_a_start_of_another_shape_starts_all_the_same(name: str) -> None:
    for odd in (3, "x", [3], {"a": 1}, True):
        [first, *_] = parsed(sse({"type": "message_start", "message": {"id": "msg_1", name: odd}}))
        assert first == ReplyStarted("msg_1", "", None)


@pytest.mark.parametrize("block", [None, {}, {"type": 3}])
def test_what_is_no_block_is_a_failure(block: Any) -> None:
    *_, last = parsed(BEGUN + sse({"type": "content_block_start", "index": 0, "content_block": block}))
    assert isinstance(last, ReplyFailed) and last.error.kind == "upstream_garbled"


def test_a_block_begun_twice_is_ended_once_each() -> None:
    finish = sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"})
    assert breaches(parsed(BEGUN + TEXT + TEXT + finish)) == []


def test_an_input_that_is_no_json_is_the_last_word() -> None:
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    data = BEGUN + sse(
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{x"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
    assert breaches(parsed(data)) == []
    assert isinstance(parsed(data)[-1], ReplyFailed)


def test_an_end_without_its_last_words_is_one() -> None:
    data = stream("text")
    for cut in (data[: data.index(b"event: message_stop")], data.rstrip(b"\n")):
        assert parsed(cut) == parsed(data)


@pytest.mark.parametrize("kind", [[], {}, 3, None])
def test_an_event_of_no_type_is_no_sign(kind: Any) -> None:
    assert anthropic.read_event(b"data: " + msgspec.json.encode({"type": kind}) + b"\n\n") is NOTHING


def test_blocks_left_open_are_ended() -> None:
    finish = sse(
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {}}, {"type": "message_stop"}
    )
    events = parsed(BEGUN + TEXT + finish)
    assert [event.index for event in events if isinstance(event, PartEnded)] == [0]


def test_blocks_that_come_with_the_message() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}
    begun = sse({"type": "message_start", "message": {"id": "msg_1", "content": [block]}})
    finish = sse({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"})
    reply = collect(parsed(begun + finish))
    assert reply.choices[0].parts == [ToolCall(id="toolu_1", name="look", arguments='{"at":1}')]


def test_a_signature_of_another_family_comes_back() -> None:
    content = [{"type": "thinking", "thinking": "Hm.", "signature": "routerd:gemini:QUJD:x"}]
    reply = anthropic.parse_reply(msgspec.json.encode({"content": content, "stop_reason": "end_turn"}))
    assert reply.choices[0].parts == [Thinking(text="Hm.", signature=Signature("gemini", "QUJD:x"))]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>502</html>", "upstream_garbled"),
        (b"", "upstream_garbled"),
        (b"[]", "upstream_garbled"),
        (b'{"content": "text"}', "upstream_garbled"),
        (b'{"content": [{"type": "tool_use"}]}', "upstream_garbled"),
        (msgspec.json.encode(ERROR), "upstream_overloaded"),
    ],
)
def test_what_is_no_reply(body: bytes, kind: str) -> None:
    with pytest.raises(RouterError) as caught:
        anthropic.parse_reply(body)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        ({"type": "ping"}, NOTHING),
        ({"type": "message_start", "message": {}}, NOTHING),
        ({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}, NOTHING),
        ({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}}, NOTHING),
        ({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}, CONTENT),
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}, CONTENT),
        ({"type": "message_delta", "delta": {"stop_reason": "refusal"}}, CONTENT),
        ({"type": "content_block_stop", "index": 0}, NOTHING),
        ({"type": "a_new_event"}, NOTHING),
        ({"type": "message_stop"}, DONE),
    ],
)
def test_signs(said: dict[str, Any], sign: Any) -> None:
    assert anthropic.read_event(sse(said)) is sign
    assert anthropic.read_event(b": comment\n\n") is NOTHING


@pytest.mark.parametrize(
    ("event", "kind"), [(sse(ERROR), "upstream_overloaded"), (b"data: <html>\n\n", "upstream_garbled")]
)
def test_a_sign_of_trouble(event: bytes, kind: str) -> None:
    sign = anthropic.read_event(event)
    assert isinstance(sign, RouterError) and sign.kind == kind


def test_parts_are_counted_over_the_reply() -> None:
    started = [event.index for event in parsed(stream("thinking")) if isinstance(event, PartStarted)]
    assert started == [0, 1, 2, 3]
