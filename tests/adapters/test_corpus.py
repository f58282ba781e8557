"""What providers really said: every recording is read, told as events, and said again in every dialect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pydantic.alias_generators import to_camel

from routerd.adapters import sse
from routerd.adapters.base import Adapter, Sign
from routerd.adapters.table import ADAPTERS
from routerd.adapters.vendors import VENDORS
from routerd.chat.events import Event, ReplyFailed, collect, replay
from routerd.chat.reply import Reply
from routerd.errors import KINDS, RouterError
from tests.adapters import official
from tests.adapters.corpus import Recording, chosen
from tests.adapters.harness import breaches, comparable, parsed, whole, written
from tests.adapters.normal import normal_reply, normal_usage

OURS = tuple(ADAPTERS)
STREAMS = chosen(*OURS, kind="sse", status=200)
WHOLES = chosen(*OURS, kind="json", status=200)
SMALL = 4_000  # bytes: a stream with a larger event is cut into pieces of a few bytes, not of one


def adapter_of(recording: Recording) -> Adapter:
    return ADAPTERS[recording.protocol]


def told(recording: Recording) -> list[Event]:
    return parsed(adapter_of(recording), recording.data)


def has_failed(events: list[Event]) -> bool:
    return isinstance(events[-1], ReplyFailed)


@pytest.mark.parametrize("recording", STREAMS)
def test_a_stream_is_read_and_folds(recording: Recording) -> None:
    events = told(recording)
    assert breaches(events) == []
    if has_failed(events):
        assert recording.id.rpartition("/")[2] in FAILED
    else:
        reply = collect(events)
        assert collect(replay(reply)) == reply
        assert has_said_something(reply)


# Two with an error of Groq's at their end, and one with a second beginning, made by those who recorded it.
FAILED = frozenset({
    "test_tool_use_failed_error_streaming.yaml#0",
    "test_tool_use_failed_error_streaming_with_text.yaml#0",
    "spliced-message-start.chunks.txt",
})


def has_said_something(reply: Reply) -> bool:
    """An empty reply would pass every law."""
    return any(choice.parts or choice.stop.name != "END" for choice in reply.choices) and bool(reply.choices)


@pytest.mark.parametrize("recording", STREAMS)
def test_however_a_stream_is_cut_it_says_the_same(recording: Recording) -> None:
    adapter, data = adapter_of(recording), recording.data
    events = comparable(told(recording))
    longest = max(map(len, sse.split_events(data)))
    for size in (1,) if longest < SMALL else (61, 1021):
        assert comparable(parsed(adapter, data, size)) == events
    for ending in (b"\r\n", b"\r"):
        assert comparable(parsed(adapter, data.replace(b"\r\n", b"\n").replace(b"\n", ending), 4096)) == events


@pytest.mark.parametrize("dialect", OURS)
@pytest.mark.parametrize("recording", STREAMS)
def test_a_stream_is_said_again_in_every_dialect(recording: Recording, dialect: str) -> None:
    events = told(recording)
    if not has_failed(events):
        check_said_again(recording.protocol, dialect, events, collect(events))


@pytest.mark.parametrize("dialect", OURS)
@pytest.mark.parametrize("recording", WHOLES)
def test_a_whole_reply_is_said_again_in_every_dialect(recording: Recording, dialect: str) -> None:
    try:
        reply = adapter_of(recording).parse_reply(recording.data)
    except RouterError as error:
        assert error.kind in KINDS
        assert recording.id.rpartition("/")[2] in REFUSED
        return
    assert collect(replay(reply)) == reply
    assert has_said_something(reply)
    check_said_again(recording.protocol, dialect, list(replay(reply)), reply)


# A 200 that is no reply: an error, and what another service answered.
REFUSED = frozenset({"test_invalid_response.yaml#0", "reasoning-model-legacy-parameter-error.json"})


def check_said_again(source: str, dialect: str, events: list[Event], reply: Reply) -> None:
    """Whole and streamed, the dialect's SDK understands it, and it reads back as what was said."""
    adapter = ADAPTERS[dialect]
    stream, body = written(adapter, events), whole(adapter, reply)
    if source != dialect:  # vendors have fields of their own, which stay in their dialect
        assert official.stream_faults(dialect, stream) == []
        assert official.REPLY[dialect](msgspec.json.decode(body)) == []
    again = collect(parsed(adapter, stream)), adapter.parse_reply(body)
    for each in again:
        assert normal_reply(each, source, dialect) == normal_reply(reply, source, dialect)
        assert normal_usage(each.usage, source, dialect) == normal_usage(reply.usage, source, dialect)


@pytest.mark.parametrize("recording", STREAMS)
def test_an_attempt_sees_content_and_the_end(recording: Recording) -> None:
    """What the relay reads of each event tells of content where the parser does, and of a failure where it fails."""
    adapter = adapter_of(recording)
    signs = [adapter.read_event(event) for event in sse.split_events(recording.data)]
    failures = [sign for sign in signs if isinstance(sign, RouterError)]
    events = told(recording)
    assert Sign.CONTENT in signs
    if not failures:
        assert not has_failed(events) or recording.id.endswith("spliced-message-start.chunks.txt")
    else:
        assert repr(events[-1]) == repr(ReplyFailed(failures[0]))


@pytest.mark.parametrize("recording", WHOLES)
def test_a_whole_reply_is_checked_without_being_read(recording: Recording) -> None:
    """A relayed reply counts the same tokens as a parsed one, and is refused alike."""
    adapter = adapter_of(recording)
    try:
        usage = adapter.parse_whole(recording.data)
    except RouterError as error:
        with pytest.raises(RouterError) as caught:
            adapter.parse_reply(recording.data)
        assert repr(caught.value) == repr(error)
        return
    assert usage == adapter.parse_reply(recording.data).usage


@pytest.mark.parametrize("recording", [each for status in (400, 404, 429) for each in chosen(*OURS, status=status)])
def test_errors_are_read(recording: Recording) -> None:
    error = adapter_of(recording).parse_error(recording.status, [], recording.data)
    assert error.kind in {"upstream_rejected", "upstream_exhausted", "upstream_rate_limited", "context_length"}
    assert error.message in recording.body.replace("\\n", "\n").replace('\\"', '"')


REQUESTS = [each for each in chosen(*OURS, status=200) if each.values[0] is None or each.values[0].request]


@pytest.mark.parametrize("recording", REQUESTS)
def test_the_same_adapter_on_both_sides_gives_the_request_back(recording: Recording) -> None:
    adapter, body, name = adapter_of(recording), recording.request, recording.protocol
    model = body.get("model", "gemini-3-pro-preview")
    request = adapter.parse_request(body, model, bool(body.get("stream")))
    call, losses = adapter.render_request(request, model, VENDORS[name].quirks)
    assert list(losses) == []
    if recording.id.rpartition("/")[2] not in SAID_OTHERWISE:
        assert CANONICAL[name](call.body) == CANONICAL[name](body)


# An assistant's turn without any content, which is left out; and a part of Mistral's without its type.
SAID_OTHERWISE = frozenset({
    "test_anthropic_model_retrying_after_empty_response.yaml#0",
    "test_mid_conversation_system_prompt_before_another_request.yaml#0",
    "test_mid_conversation_system_prompt_before_empty_response.yaml#0",
    "test_mistral_model_thinking_part.yaml#1",
})


def without(value: Any, *silent: tuple[str, Any]) -> Any:
    """The value without fields that are null, and without those that say what is so anyway."""
    if isinstance(value, dict):
        return {
            name: without(each, *silent)
            for name, each in value.items()
            if each is not None and (name, each) not in silent
        }
    return [without(each, *silent) for each in value] if isinstance(value, list) else value


def canonical_openai(body: Any) -> Any:
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            call.pop("index", None)
    for tool in body.get("tools") or ():
        tool.setdefault("type", "function")
    body = {**body, "tool_choice": "required" if body.get("tool_choice") == "any" else body.get("tool_choice")}
    body.pop("stream_options", None)
    return without(body, ("stream", False), ("tools", []), ("content", ""), ("content", []), ("reasoning_content", ""))


def canonical_anthropic(body: Any) -> Any:
    return without(body, ("stream", False), ("is_error", False))


def canonical_gemini(body: Any) -> Any:
    """Names in camelCase, one tool, one of the two ways to write a schema, one of the two alphabets of base64."""
    body = camel(without(body, ("generationConfig", {}), ("thoughtSignature", "skip_thought_signature_validator")))
    body.get("systemInstruction", {}).pop("role", None)
    if tools := body.get("tools"):
        body["tools"] = {
            name: each for tool in (tools if isinstance(tools, list) else [tools]) for name, each in tool.items()
        }
    return body


def camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {NAMES.get(name, to_camel(name)): camel(each) for name, each in value.items()}
    if isinstance(value, list):
        return [camel(each) for each in value]
    if isinstance(value, str):
        return value.lower() if value in TYPES else value.translate(URL_SAFE)
    return value


NAMES = {"parameters": "parametersJsonSchema"}
TYPES = ("OBJECT", "STRING", "INTEGER", "NUMBER", "BOOLEAN", "ARRAY")
URL_SAFE = str.maketrans("-_", "+/")
CANONICAL = {"openai": canonical_openai, "anthropic": canonical_anthropic, "gemini": canonical_gemini}
