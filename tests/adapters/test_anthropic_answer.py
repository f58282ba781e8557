"""What a caller of Anthropic's dialect is answered, whole and streamed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import structs

from routerd.adapters import anthropic, sse
from routerd.adapters.base import Framing
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
    replay,
)
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError
from tests.adapters import official
from tests.adapters.test_anthropic_reply import CASES, parsed, whole

FRAMING = Framing("msg_router", 1_700_000_000, "some-model")
USAGE = Usage(prompt=2125, completion=60, cached=2000, reasoning=45, cache_write=100)


def written(events: list[Event]) -> bytes:
    renderer = anthropic.stream_renderer(FRAMING)
    return b"".join(map(renderer.render, events))


def said(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each of which bears its own name."""
    found = []
    for event in sse.split_events(stream):
        name = event.splitlines()[0].removeprefix(b"event: ").decode()
        found.append(msgspec.json.decode(sse.payload(event)))
        assert found[-1]["type"] == name
    return found


def reply_of(*parts: Part, stop: StopReason = StopReason.END, usage: Usage | None = USAGE) -> Reply:
    return Reply(id="msg_1", model="claude-x", choices=[Choice(parts=list(parts), stop=stop)], usage=usage)


def content(reply: Reply) -> list[dict[str, Any]]:
    """The blocks of a reply; its stream tells the same."""
    message = anthropic.render_reply(reply, FRAMING)
    assert official.REPLY["anthropic"](message) == []
    stream = written(list(replay(reply)))
    assert official.stream_faults("anthropic", stream) == []
    assert collect(parsed(stream)) == anthropic.parse_reply(msgspec.json.encode(message))
    blocks: list[dict[str, Any]] = message["content"]
    return blocks


@pytest.mark.parametrize("case", CASES)
def test_what_was_read_can_be_said(case: str) -> None:
    reply = whole(case)
    content(reply)
    again = collect(parsed(written(list(replay(reply)))))
    spoken = [Text(text=part.text) if isinstance(part, Refusal) else part for part in reply.choices[0].parts]
    assert again.choices[0] == Choice(
        parts=spoken, stop=reply.choices[0].stop, stop_sequence=reply.choices[0].stop_sequence
    )
    assert again.usage == reply.usage


def test_a_message() -> None:
    call = ToolCall(id="call_1", name="look", arguments='{"at": [1]}')
    reply = reply_of(Text(text="Hm."), call, stop=StopReason.TOOL_CALLS)
    assert anthropic.render_reply(reply, FRAMING) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "some-model",
        "content": [
            {"type": "text", "text": "Hm."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": [1]}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 2000,
            "output_tokens": 60,
            "output_tokens_details": {"thinking_tokens": 45},
        },
    }


GEMINI = Signature("gemini", "QUJD:x")


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        ([], []),
        ([Text(text="")], []),
        ([Thinking(text="")], []),
        (
            [Thinking(text="Hm.", signature=Signature("anthropic", "EqQB"))],
            [{"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}],
        ),
        (
            [Thinking(text="Hm.", signature=GEMINI)],
            [{"type": "thinking", "thinking": "Hm.", "signature": "routerd:gemini:QUJD:x"}],
        ),
        ([Thinking(text="Hm.")], [{"type": "thinking", "thinking": "Hm.", "signature": ""}]),
        (
            [Thinking(text="", signature=Signature("anthropic", "EuYB"))],
            [{"type": "thinking", "thinking": "", "signature": "EuYB"}],
        ),
        (
            [Thinking(text="", signature=Signature("anthropic", "EmwK"), is_redacted=True)],
            [{"type": "redacted_thinking", "data": "EmwK"}],
        ),
        ([Text(text="a", signature=GEMINI)], [{"type": "text", "text": "a"}]),
        (
            [ToolCall(id="c", name="look", arguments="", signature=GEMINI)],
            [{"type": "tool_use", "id": "c", "name": "look", "input": {}}],
        ),
        ([Refusal(text="No.")], [{"type": "text", "text": "No."}]),
        ([Opaque(dialect="gemini", raw={"executableCode": {}})], []),
        ([Media(kind="image", media_type="image/png", data="aGk=")], []),
    ],
)
def test_blocks(parts: list[Part], blocks: list[dict[str, Any]]) -> None:
    assert content(reply_of(*parts)) == blocks


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (StopReason.END, "end_turn"),
        (StopReason.STOP_SEQUENCE, "stop_sequence"),
        (StopReason.LENGTH, "max_tokens"),
        (StopReason.CONTEXT, "model_context_window_exceeded"),
        (StopReason.TOOL_CALLS, "tool_use"),
        (StopReason.FILTERED, "refusal"),
        (StopReason.PAUSED, "pause_turn"),
    ],
)
def test_stop_reasons(stop: StopReason, word: str) -> None:
    assert anthropic.render_reply(reply_of(Text(text="a"), stop=stop), FRAMING)["stop_reason"] == word


def test_every_stop_reason_has_a_word() -> None:
    for stop in StopReason:
        assert content(reply_of(Text(text="a"), stop=stop)) == [{"type": "text", "text": "a"}]


def test_a_refusal_is_explained_and_visible() -> None:
    reply = reply_of(Refusal(text="I won't."), stop=StopReason.FILTERED)
    assert content(reply) == [{"type": "text", "text": "I won't."}]
    details = {"type": "refusal", "category": None, "explanation": "I won't."}
    assert anthropic.render_reply(reply, FRAMING)["stop_details"] == details
    assert said(written(list(replay(reply))))[-2]["delta"]["stop_details"] == details


def test_a_filter_that_left_nothing_is_visible() -> None:
    assert content(reply_of(stop=StopReason.FILTERED)) == [{"type": "text", "text": "The model refused to answer."}]


def test_an_empty_reply() -> None:
    assert [each["type"] for each in said(written(list(replay(Reply()))))] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    assert official.REPLY["anthropic"](anthropic.render_reply(Reply(), FRAMING)) == []


def test_one_answer_of_several() -> None:
    two = Reply(choices=[Choice(parts=[Text(text="a")]), Choice(parts=[Text(text="b")])])
    assert content(two) == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize("arguments", ["", "{}", "null"])
def test_a_call_may_say_nothing_in_many_ways(arguments: str) -> None:
    reply = reply_of(ToolCall(id="c", name="look", arguments=arguments))
    [block] = anthropic.render_reply(reply, FRAMING)["content"]
    assert block["input"] == {}


@pytest.mark.parametrize("arguments", ["[1, 2]", "{broken", '"text"'])
def test_arguments_that_are_no_object_reach_the_tool_all_the_same(arguments: str) -> None:
    reply = reply_of(ToolCall(id="c", name="look", arguments=arguments))
    (block,) = anthropic.render_reply(reply, FRAMING)["content"]
    assert list(block["input"]) == ["arguments"]


GOLDEN = b"""\
event: message_start
data: {"type":"message_start","message":{"id":"chatcmpl-1","type":"message","role":"assistant","model":"some-model",\
"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,\
"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm \\"\xe4\xb8\x96\\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"routerd:gemini:QUJD:x"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c1","name":"look","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"at\\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":25,\
"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":60,"output_tokens_details":\
{"thinking_tokens":45}}}

event: message_stop
data: {"type":"message_stop"}

"""


def test_a_stream() -> None:
    events: list[Event] = [
        ReplyStarted("chatcmpl-1", "upstreams-name"),
        PartStarted(0, Thinking(text="")),
        PartDelta(0, 'Hm "世"'),
        PartSigned(0, GEMINI),
        PartEnded(0),
        PartStarted(1, ToolCall(id="c1", name="look")),
        PartDelta(1, '{"at":'),
        PartDelta(1, "1}"),
        PartEnded(1),
        ChoiceEnded(0, StopReason.TOOL_CALLS),
        ReplyEnded(USAGE),
    ]
    assert written(events) == GOLDEN


def test_the_start_tells_what_is_known_of_the_usage() -> None:
    start = said(written([ReplyStarted("a", "b", USAGE)]))[0]
    assert start["message"]["usage"]["input_tokens"] == 25
    assert start["message"]["usage"]["cache_read_input_tokens"] == 2000


def test_the_start_tells_about_how_much_was_asked_where_nothing_is_known() -> None:
    renderer = anthropic.stream_renderer(structs.replace(FRAMING, prompt=120))
    [started] = said(renderer.render(ReplyStarted()))
    assert started["message"]["usage"]["input_tokens"] == 120
    told = anthropic.stream_renderer(structs.replace(FRAMING, prompt=120))
    [started] = said(told.render(ReplyStarted(usage=Usage(prompt=7))))
    assert started["message"]["usage"]["input_tokens"] == 7


def test_an_end_without_usage_takes_nothing_back_of_what_the_start_told() -> None:
    renderer = anthropic.stream_renderer(structs.replace(FRAMING, prompt=120))
    events: list[Event] = [ReplyStarted(), ChoiceEnded(0, StopReason.END), ReplyEnded()]
    *_, end, _ = said(b"".join(map(renderer.render, events)))
    assert end["usage"] == {"output_tokens": 0}


def test_parts_that_overlap_become_blocks_that_do_not() -> None:
    events: list[Event] = [
        ReplyStarted("a"),
        PartStarted(0, ToolCall(id="c0", name="zero")),
        PartDelta(0, '{"a'),
        PartStarted(1, ToolCall(id="c1", name="one")),
        PartDelta(1, '{"b":2'),
        PartStarted(2, ToolCall(id="c2", name="two", arguments="{}")),
        PartEnded(2),
        PartDelta(0, '":1}'),
        PartEnded(0),
        PartDelta(1, "}"),
        PartEnded(1),
        ChoiceEnded(0, StopReason.TOOL_CALLS),
        ReplyEnded(),
    ]
    stream = written(events)
    indexes = [each["index"] for each in said(stream) if "index" in each]
    assert indexes == sorted(indexes)
    assert collect(parsed(stream)).choices[0].parts == collect(events).choices[0].parts
    assert official.stream_faults("anthropic", stream) == []


def test_each_delta_of_the_open_block_leaves_at_once() -> None:
    renderer = anthropic.stream_renderer(FRAMING)
    opening: list[Event] = [ReplyStarted("a"), PartStarted(0, Text(text=""))]
    for event in opening:
        renderer.render(event)
    for text in ("a", "b"):
        assert said(renderer.render(PartDelta(0, text)))[-1]["delta"] == {"type": "text_delta", "text": text}


def test_parts_that_were_not_ended_are_when_the_choice_is() -> None:
    events: list[Event] = [
        PartStarted(0, Text(text="a")),
        PartStarted(1, Text(text="b")),
        ChoiceEnded(0, StopReason.LENGTH),
        ReplyEnded(),
    ]
    assert [part.text for part in collect(parsed(written(events))).choices[0].parts] == ["a", "b"]  # type: ignore[attr-defined]


def test_other_choices_are_left_out() -> None:
    events: list[Event] = [
        ReplyStarted("a"),
        PartStarted(0, Text(text="mine")),
        PartStarted(1, Text(text="other"), 1),
        PartDelta(1, "!"),
        PartEnded(1),
        PartEnded(0),
        ChoiceEnded(1, StopReason.LENGTH),
        ChoiceEnded(0, StopReason.END),
        ReplyEnded(),
    ]
    reply = collect(parsed(written(events)))
    assert reply.choices == [Choice(parts=[Text(text="mine")])]


def test_a_failure_ends_in_an_error_event_and_nothing_that_looks_like_success() -> None:
    error = RouterError("upstream_overloaded", "Overloaded")
    stream = written([ReplyStarted("a"), PartStarted(0, Text(text="a")), ReplyFailed(error)])
    last = said(stream)[-1]
    assert last == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert b"message_stop" not in stream and b'stop_reason":"' not in stream


def test_keep_alive_is_a_ping() -> None:
    assert said(anthropic.KEEP_ALIVE) == [{"type": "ping"}]
