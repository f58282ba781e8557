"""The laws of every adapter, over chats that Hypothesis makes up: nothing said is lost on the way there and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.adapters import sse
from routerd.adapters.base import Adapter
from routerd.adapters.table import ADAPTERS
from routerd.chat.events import Event, ReplyFailed, ReplyStarted, collect, replay
from routerd.chat.parts import Media, Opaque, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError
from scripts.fidelity import MODELS, QUIRKS
from tests.adapters import official, strategies
from tests.adapters.harness import FRAMING, breaches, parsed, parsed_halves, whole, written
from tests.adapters.normal import normal_reply, normal_request, normal_usage, unsaid

bounded = settings(max_examples=40, derandomize=True, deadline=None, database=None)

FAMILIES = sorted({adapter.FAMILY for adapter in ADAPTERS.values()})
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


def replies() -> st.SearchStrategy[Reply]:
    return st.sampled_from(FAMILIES).flatmap(strategies.replies)


def streams() -> st.SearchStrategy[list[Event]]:
    return st.sampled_from(FAMILIES).flatmap(strategies.streams)


@bounded
@given(streams())
def test_events_fold_and_are_told_again(events: list[Event]) -> None:
    reply = collect(events)
    assert breaches(events) == []
    assert breaches(list(replay(reply))) == []
    assert collect(replay(reply)) == reply


@every_adapter
@bounded
@given(reply=replies())
def test_a_whole_reply_comes_back(adapter: Adapter, reply: Reply) -> None:
    body = whole(adapter, reply)
    assert official.REPLY[adapter.NAME](msgspec.json.decode(body)) == []
    check_same(adapter, adapter.parse_reply(body), reply)


@every_adapter
@bounded
@given(events=streams())
def test_a_stream_comes_back(adapter: Adapter, events: list[Event]) -> None:
    stream = written(adapter, events)
    assert official.stream_faults(adapter.NAME, stream) == []
    again = parsed(adapter, stream)
    assert breaches(again) == []
    check_same(adapter, collect(again), collect(events))


def check_same(adapter: Adapter, again: Reply, reply: Reply) -> None:
    assert normal_reply(again, adapter.NAME) == normal_reply(reply, adapter.NAME)
    assert normal_usage(again.usage, adapter.NAME) == normal_usage(reply.usage, adapter.NAME)


@every_adapter
@settings(parent=bounded, max_examples=6)
@given(events=streams())
def test_a_stream_cut_anywhere_says_the_same(adapter: Adapter, events: list[Event]) -> None:
    stream = written(adapter, events)
    expected = parsed(adapter, stream)
    assert parsed(adapter, stream, 1) == expected
    for at in range(0, len(stream), max(1, len(stream) // 200)):
        assert parsed_halves(adapter, stream, at) == expected


@every_adapter
@bounded
@given(events=streams())
def test_keep_alives_change_nothing(adapter: Adapter, events: list[Event]) -> None:
    stream = written(adapter, events)
    alive = [part for event in sse.split_events(stream) for part in (adapter.KEEP_ALIVE, event)]
    assert parsed(adapter, b"".join(alive)) == parsed(adapter, stream)


@every_adapter
@bounded
@given(events=streams(), at=st.integers(0, 10_000))
def test_a_stream_that_breaks_off_is_a_failure(adapter: Adapter, events: list[Event], at: int) -> None:
    """Cut before its finish, a stream fails; what has been said until then is what it would have said."""
    stream = written(adapter, events)
    expected = parsed(adapter, stream)
    *said, last = parsed(adapter, stream[: at % (len(stream) // 2)])
    assert isinstance(last, ReplyFailed)
    assert last.error.kind == "upstream_garbled"
    assert said == expected[: len(said)]


@every_adapter
@bounded
@given(events=streams(), keep=st.integers(1, 30))
def test_a_failure_is_no_finish(adapter: Adapter, events: list[Event], keep: int) -> None:
    """What a renderer says of a failure is read as one, wherever it comes, by `fail` and as an event alike."""
    error = RouterError("upstream_overloaded", "too many others")
    before = events[: min(keep, len(events) - 2)]
    for stream in (failed(adapter, before, error), written(adapter, [*before, ReplyFailed(error)])):
        *_, last = parsed(adapter, stream)
        assert isinstance(last, ReplyFailed)
        assert (last.error.kind, last.error.message) == ("upstream_overloaded", "too many others")
        assert b"[DONE]" not in stream


def failed(adapter: Adapter, events: list[Event], error: RouterError) -> bytes:
    renderer = adapter.stream_renderer(FRAMING)
    return b"".join([*map(renderer.render, events), renderer.fail(error)])


# Requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", ADAPTERS)
@pytest.mark.parametrize("caller", ADAPTERS)
@bounded
@given(data=st.data())
def test_a_request_comes_back(caller: str, upstream: str, data: st.DataObject) -> None:
    """What a provider gets is valid, and reads back as what was asked, without what is declared lost."""
    adapter = ADAPTERS[upstream]
    request = data.draw(strategies.requests(caller, adapter.FAMILY))
    try:
        call, losses = adapter.render_request(request, MODELS[upstream], QUIRKS[upstream])
    except RouterError as error:
        assert error.kind == "invalid_request" and error.param
        return
    assert official.REQUEST[upstream](call.body) == []
    again = adapter.parse_request(call.body, request.model, request.is_stream)
    assert normal_request(again) == normal_request(request, list(losses))
    names = ["top_p", "seed", "is_stream", "user", *(["max_tokens"] if request.reasoning is None else [])]
    assert unsaid(request, again, list(losses), *names) == {}


@every_adapter
@bounded
@given(data=st.data())
def test_rendering_twice_says_the_same(adapter: Adapter, data: st.DataObject) -> None:
    """What is rendered from a parsed request is the request: the adapter relays its own dialect unchanged."""
    request = data.draw(strategies.requests(adapter.NAME, adapter.FAMILY))
    model = MODELS[adapter.NAME]
    try:
        call, _ = adapter.render_request(request, model, QUIRKS[adapter.NAME])
    except RouterError:
        return
    again, losses = adapter.render_request(
        adapter.parse_request(call.body, model, request.is_stream), model, QUIRKS[adapter.NAME]
    )
    assert list(losses) == []
    assert again == call


# Every word has a rendering -------------------------------------------------------------------------------------

SIGNED = Signature("gemini", "c2lnbmVk")
PARTS: dict[str, Any] = {
    "text": Text(text="Hello"),
    "signed text": Text(text="Hello", signature=SIGNED),
    "thinking": Thinking(text="Hm."),
    "signed thinking": Thinking(text="Hm.", signature=SIGNED),
    "redacted thinking": Thinking(text="", signature=Signature("anthropic", "c2VjcmV0"), is_redacted=True),
    "refusal": Refusal(text="No."),
    "call": ToolCall(id="call_1", name="look", arguments='{"city":"Oslo"}'),
    "signed call": ToolCall(id="call_1", name="look", arguments='{"city":"Oslo"}', signature=SIGNED),
    "call of nothing": ToolCall(id="call_1", name="look"),
    "picture": Media(kind="image", media_type="image/png", data=strategies.PNG),
    "own block": Opaque(
        dialect="", raw={"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    ),
    "foreign block": Opaque(dialect="another", raw={"type": "surprise"}),
    "empty text": Text(text=""),
}


@every_adapter
@pytest.mark.parametrize("stop", StopReason)
def test_every_stop_reason_has_a_rendering(adapter: Adapter, stop: StopReason) -> None:
    part = PARTS["call"] if stop is StopReason.TOOL_CALLS else PARTS["text"]
    sequence = "END" if stop is StopReason.STOP_SEQUENCE else None
    check_both_ways(
        adapter, Reply(choices=[Choice(parts=[part], stop=stop, stop_sequence=sequence)], usage=Usage(7, 3))
    )


@every_adapter
@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_a_rendering(adapter: Adapter, name: str) -> None:
    part = PARTS[name]
    if name == "own block":
        part = Opaque(dialect=adapter.NAME, raw=OWN_BLOCKS[adapter.NAME])
    stop = StopReason.TOOL_CALLS if isinstance(part, ToolCall) else StopReason.END
    check_both_ways(adapter, Reply(choices=[Choice(parts=[PARTS["text"], part], stop=stop)], usage=Usage(7, 3)))


# A block that only the dialect itself knows, as it stands in a reply.
OWN_BLOCKS: dict[str, dict[str, Any]] = {
    "openai": {
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1},
            }
        ]
    },
    "anthropic": {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "cats"}},
    "gemini": {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
}


def check_both_ways(adapter: Adapter, reply: Reply) -> None:
    """Whole and streamed, it reads back as it was; a filter's cut may be told in words."""
    body, stream = whole(adapter, reply), written(adapter, replay(reply))
    assert official.REPLY[adapter.NAME](msgspec.json.decode(body)) == []
    assert official.stream_faults(adapter.NAME, stream) == []
    for again in (adapter.parse_reply(body), collect(parsed(adapter, stream))):
        [told], [expected] = normal_reply(again, adapter.NAME), normal_reply(reply, adapter.NAME)
        if expected["stop"] == "FILTERED":
            told["said"] = told["said"][: len(expected["said"])]
        assert told == expected


# What is not known never hurts ----------------------------------------------------------------------------------

SURPRISES = (
    b'{"type":"surprise","index":99,"delta":{"type":"surprise_delta","x":1}}',
    b'{"choices":[{"index":0,"delta":{"surprise":{"a":[1]}},"surprise":null}],"surprise":1}',
    b'{"candidates":[{"content":{"parts":[{"surprise":{"a":1}}],"role":"model"},"surprise":1}],"surprise":2}',
    b'{"type":"content_block_start","index":50,"content_block":{"type":"surprise","a":1}}',
    b"{}",
    b'{"object":"surprise","choices":null,"candidates":null,"usage":null}',
)


@every_adapter
@pytest.mark.parametrize("surprise", SURPRISES)
def test_an_unknown_event_never_raises(adapter: Adapter, surprise: bytes) -> None:
    """Among the events of a stream it changes nothing that is said."""
    reply = Reply(choices=[Choice(parts=[PARTS["thinking"], PARTS["text"]])], usage=Usage(7, 3))
    first, *rest = sse.split_events(written(adapter, replay(reply)))
    odd = b"event: surprise\ndata: " + surprise + b"\n\n: a comment\n\n"
    events = parsed(adapter, b"".join([first, odd, *rest]))
    assert not isinstance(events[-1], ReplyFailed), events[-1]
    assert normal_reply(collect(events), "openai", "anthropic", "gemini") == normal_reply(
        reply, "openai", "anthropic", "gemini"
    )


GARBAGE = (
    b"",
    b"null",
    b"[]",
    b"3",
    b'"x"',
    b"{}",
    b"<html>",
    b'{"choices":3}',
    b'{"candidates":[3]}',
    b'{"content":{}}',
    b"\xff",
)


@every_adapter
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_an_error_of_the_provider(adapter: Adapter, garbage: bytes) -> None:
    with pytest.raises(RouterError) as caught:
        adapter.parse_reply(garbage)
    assert caught.value.kind == "upstream_garbled"
    events = parsed(adapter, b"data: " + garbage + b"\n\n")
    assert isinstance(events[-1], ReplyFailed)
    assert events[-1].error.kind == "upstream_garbled"
    assert adapter.parse_error(500, [], garbage).kind == "upstream_overloaded"


BODIES = (
    b"",
    b"<html><title>502 Bad Gateway</title></html>",
    b"null",
    b"[]",
    b'{"error":"no"}',
    b'{"error":{"message":"no"}}',
    b"\xff",
)


@every_adapter
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 429, 500, 503, 529])
def test_every_error_body_is_read(adapter: Adapter, status: int, body: bytes) -> None:
    error = adapter.parse_error(status, [(b"retry-after", b"3")], body)
    assert error.upstream_status == status
    assert error.message
    if status == 429:
        assert error.retry_after == 3


@every_adapter
def test_a_stream_without_a_start_is_told_from_its_first_event(adapter: Adapter) -> None:
    events = parsed(adapter, b"")
    assert isinstance(events[-1], ReplyFailed)
    assert not any(isinstance(event, ReplyStarted) for event in events[1:])
