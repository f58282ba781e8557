"""What callers of chat completions are told: replies of every kind, whole and streamed, and errors."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters import openai_chat, sse
from routerd.adapters.base import Framing, Headers
from routerd.adapters.openai_answer import REFUSED
from routerd.adapters.table import ADAPTERS
from routerd.adapters.trouble import excerpt, kind_of
from routerd.chat.events import (
    ChoiceEnded,
    Event,
    PartDelta,
    PartEnded,
    PartStarted,
    ReplyEnded,
    ReplyFailed,
    ReplyStarted,
    replay,
)
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError
from tests.adapters import official
from tests.adapters.harness import FRAMING

USAGE = Usage(11, 7, 4, 2, 3)


def reply(*parts: Part, stop: StopReason = StopReason.END, logprobs: list[Any] | None = None) -> Reply:
    return Reply(id="upstream-1", model="their-model", choices=[Choice(parts=[*parts], stop=stop, logprobs=logprobs)])


def streamed(said: Reply, framing: Framing = FRAMING) -> list[dict[str, Any]]:
    """The chunks that say a reply."""
    renderer = openai_chat.stream_renderer(framing)
    stream = b"".join(map(renderer.render, replay(said)))
    assert stream.endswith(b"data: [DONE]\n\n")
    chunks: list[dict[str, Any]] = official.said(stream)
    return chunks


def message_of(said: Reply, framing: Framing = FRAMING) -> dict[str, Any]:
    """The message of a whole reply, without what is null."""
    [choice] = openai_chat.render_reply(said, framing)["choices"]
    return {name: each for name, each in choice["message"].items() if each is not None}


def gathered(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client gathers from the chunks."""
    message: dict[str, Any] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for name, each in choice["delta"].items():
                gather(message, name, each)
    return {name: each for name, each in message.items() if each not in (None, "")}


def gather(message: dict[str, Any], name: str, each: Any) -> None:
    if name == "tool_calls":
        calls = message.setdefault(name, [])
        for piece in each:
            index = piece.pop("index")
            calls.extend({} for _ in range(index + 1 - len(calls)))
            for key, value in piece.items():
                if key in ("function", "custom"):
                    inner = calls[index].setdefault(key, {})
                    inner.update({field: inner.get(field, "") + text for field, text in value.items()})
                else:
                    calls[index][key] = value
    elif name == "function_call":
        inner = message.setdefault(name, {})
        inner.update({field: inner.get(field, "") + text for field, text in each.items()})
    elif isinstance(each, str) and name != "role":
        message[name] = (message.get(name) or "") + each
    elif isinstance(each, list):
        message[name] = message.get(name, []) + each
    elif each is not None:
        message[name] = each


def call(name: str = "weather", arguments: str = '{"city":"Oslo"}', id_: str = "call_1", **more: Any) -> ToolCall:
    return ToolCall(id_, name, arguments, **more)


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
CLAUDE = {"format": "anthropic-claude-v1", "index": 0}
GPT = {"format": "openai-responses-v1", "index": 0}
SIGNED = {"google": {"thought_signature": "S"}}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Text("Hello")], {"content": "Hello"}),
        ([Text("a"), Text("b")], {"content": "ab"}),
        ([], {}),
        ([Refusal("No.")], {"refusal": "No."}),
        ([Thinking("t"), Text("a")], {"reasoning_content": "t", "content": "a"}),
        (
            [Thinking("t", Signature("anthropic", "S"))],
            {
                "reasoning_content": "t",
                "reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "S", **CLAUDE}],
            },
        ),
        (
            [Thinking("", Signature("anthropic", "S"), is_redacted=True)],
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "S", **CLAUDE}]},
        ),
        (
            [Thinking("s", Signature("openai-responses-v1", "rs_1:D"))],
            {
                "reasoning_content": "s",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1", "index": 0},
                    {
                        "type": "reasoning.encrypted",
                        "data": "D",
                        "id": "rs_1",
                        "format": "openai-responses-v1",
                        "index": 0,
                    },
                ],
            },
        ),
        ([call()], {"tool_calls": [CALL]}),
        (
            [call(arguments=""), call("time", "", "call_2")],
            {
                "tool_calls": [
                    {**CALL, "function": {"name": "weather", "arguments": "{}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
                ]
            },
        ),
        ([call(signature=Signature("gemini", "S"))], {"tool_calls": [{**CALL, "extra_content": SIGNED}]}),
        ([Text("a", Signature("gemini", "S"))], {"content": "a", "extra_content": SIGNED}),
        ([call(signature=Signature("other", "S"))], {"tool_calls": [CALL]}),
        ([call(id_="")], {"tool_calls": [{**CALL, "id": "call_reply-1_0"}]}),
        (
            [call("draw", "a circle", extra={"type": "custom"})],
            {"tool_calls": [{"id": "call_1", "type": "custom", "custom": {"name": "draw", "input": "a circle"}}]},
        ),
        (
            [Media("image", media_type="image/png", data="AA==")],
            {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}, "index": 0}]},
        ),
        (
            [Media("audio", media_type="audio/wav", data="AA==")],
            {"audio": {"id": "audio_reply-1", "data": "AA==", "expires_at": 1_700_000_000, "transcript": ""}},
        ),
        ([Media("document", data="AA==")], {}),
        (
            [Text("a"), Opaque("openai", {"annotations": [1]}), Opaque("openai", {"annotations": [2]})],
            {"content": "a", "annotations": [1, 2]},
        ),
        ([Opaque("anthropic", {"type": "server_tool_use"})], {}),
    ],
)
def test_whole_and_streamed_say_the_same(parts: list[Part], message: dict[str, Any]) -> None:
    expected = {"role": "assistant", **message}
    assert message_of(reply(*parts)) == expected
    assert gathered(streamed(reply(*parts))) == expected


@pytest.mark.parametrize(
    ("parts", "stop", "finish"),
    [
        ([Text("a")], StopReason.END, "stop"),
        ([Text("a")], StopReason.STOP_SEQUENCE, "stop"),
        ([Text("a")], StopReason.LENGTH, "length"),
        ([Text("a")], StopReason.CONTEXT, "length"),
        ([Text("a")], StopReason.PAUSED, "length"),
        ([Text("a")], StopReason.FILTERED, "content_filter"),
        ([Text("a")], StopReason.TOOL_CALLS, "stop"),
        ([call()], StopReason.TOOL_CALLS, "tool_calls"),
        ([call()], StopReason.END, "tool_calls"),
        ([call()], StopReason.LENGTH, "length"),
    ],
)
def test_finish_reasons(parts: list[Part], stop: StopReason, finish: str) -> None:
    said = reply(*parts, stop=stop)
    assert openai_chat.render_reply(said, FRAMING)["choices"][0]["finish_reason"] == finish
    finishes = [choice["finish_reason"] for chunk in streamed(said) for choice in chunk["choices"]]
    assert [each for each in finishes if each] == [finish]


@pytest.mark.parametrize(
    ("parts", "content"),
    [([], REFUSED), ([Refusal("No.")], "No."), ([Text("a")], "a")],
)
def test_what_a_filter_cut_off_is_never_empty(parts: list[Part], content: str) -> None:
    said = reply(*parts, stop=StopReason.FILTERED)
    assert message_of(said)["content"] == content
    assert gathered(streamed(said))["content"] == content


def test_who_knows_functions_only() -> None:
    framing = Framing("reply-1", 1, "m", functions=True)
    said = reply(call(arguments=""), stop=StopReason.TOOL_CALLS)
    expected = {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}}
    assert message_of(said, framing) == expected
    chunks = streamed(said, framing)
    assert gathered(chunks) == expected
    assert chunks[-2]["choices"][0]["finish_reason"] == "function_call"
    assert openai_chat.render_reply(said, framing)["choices"][0]["finish_reason"] == "function_call"


def test_logprobs() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    said = reply(Text("a"), logprobs=[token])
    expected = {"content": [token], "refusal": None}
    assert openai_chat.render_reply(said, FRAMING)["choices"][0]["logprobs"] == expected
    assert [chunk["choices"][0]["logprobs"] for chunk in streamed(said) if "logprobs" in str(chunk)] == [expected]


# Framing --------------------------------------------------------------------------------------------------------


def test_the_frame() -> None:
    said = reply(Text("a"))
    said.usage = USAGE
    whole = openai_chat.render_reply(said, FRAMING)
    assert official.REPLY["openai"](whole) == []
    assert (whole["id"], whole["created"], whole["model"]) == (FRAMING.id, FRAMING.created, FRAMING.model)
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert whole["usage"] == usage
    assert streamed(said)[-1]["usage"] == usage


def test_usage_is_zero_where_it_is_not_told() -> None:
    assert openai_chat.render_reply(reply(Text("a")), FRAMING)["usage"]["total_tokens"] == 0
    assert streamed(reply(Text("a")))[-1]["usage"]["total_tokens"] == 0


def test_usage_is_streamed_when_it_is_asked_for() -> None:
    said = reply(Text("a"))
    said.usage = USAGE
    chunks = streamed(said, Framing("reply-1", 1, "m", include_usage=False))
    assert [chunk for chunk in chunks if "usage" in chunk or not chunk["choices"]] == []


def test_the_providers_model_where_no_other_is_said() -> None:
    framing = Framing("reply-1", 1)
    assert openai_chat.render_reply(reply(Text("a")), framing)["model"] == "their-model"
    assert {chunk["model"] for chunk in streamed(reply(Text("a")), framing)} == {"their-model"}


def test_two_answers() -> None:
    said = Reply(choices=[Choice(parts=[Text("a")]), Choice(parts=[call()], stop=StopReason.TOOL_CALLS)])
    deltas = [choice for chunk in streamed(said) for choice in chunk["choices"]]
    assert [choice["index"] for choice in deltas if "role" in choice["delta"]] == [0, 1]
    assert [choice["index"] for choice in deltas if choice["finish_reason"]] == [0, 1]
    assert [choice["index"] for choice in openai_chat.render_reply(said, FRAMING)["choices"]] == [0, 1]


def test_parts_that_overlap_and_parts_without_pieces() -> None:
    renderer = openai_chat.stream_renderer(FRAMING)
    events: list[Event] = [
        ReplyStarted(), PartStarted(0, ToolCall("a", "f")), PartStarted(1, ToolCall("b", "g", '{"x"')),
        PartDelta(1, ":1}"), PartEnded(1), PartEnded(0), ChoiceEnded(0, StopReason.TOOL_CALLS), ReplyEnded(),
    ]  # fmt: skip
    message = gathered(official.said(b"".join(map(renderer.render, events))))
    assert [each["function"]["arguments"] for each in message["tool_calls"]] == ["{}", '{"x":1}']


def test_each_event_leaves_at_once() -> None:
    renderer = openai_chat.stream_renderer(FRAMING)
    for event in (ReplyStarted(), PartStarted(0, Text(""))):
        renderer.render(event)
    said = renderer.render(PartDelta(0, 'ü "\n'))
    [chunk] = official.said(said)
    assert said.count(b"\n") == 2
    assert chunk["choices"][0]["delta"] == {"content": 'ü "\n'}
    assert official.EVENT["openai"](chunk) == []


def test_a_signature_of_a_call_comes_with_a_function() -> None:
    """SDKs want one in every piece of a call."""
    chunks = streamed(reply(call(signature=Signature("gemini", "S"))))
    pieces = [each for chunk in chunks for choice in chunk["choices"] for each in choice["delta"].get("tool_calls", ())]
    assert pieces[-1] == {"index": 0, "function": {"arguments": ""}, "extra_content": SIGNED}
    custom = call(signature=Signature("gemini", "S"), extra={"type": "custom"})
    *_, last, _, _ = streamed(reply(custom))
    [piece] = last["choices"][0]["delta"]["tool_calls"]
    assert piece == {"index": 0, "custom": {"input": ""}, "extra_content": SIGNED}


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_failure_looks_like_none_other(has_begun: bool) -> None:
    renderer = openai_chat.stream_renderer(FRAMING)
    if has_begun:
        renderer.render(PartStarted(0, Text("a")))
    error = RouterError("upstream_overloaded", "Full.")
    said = renderer.fail(error)
    assert said == renderer.render(ReplyFailed(error))
    [event] = official.said(said)
    assert event == {"error": {"message": "Full.", "type": "server_error", "code": "overloaded", "param": None}}


# Errors ---------------------------------------------------------------------------------------------------------

JSON: Headers = [(b"content-type", b"application/json")]
DATE = b"Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "code"),
    [
        (
            400,
            {"error": {"message": "Bad.", "type": "invalid_request_error", "code": "c", "param": "p"}},
            "upstream_rejected",
            400,
            "c",
        ),
        (422, {"object": "error", "message": "Bad.", "code": 3001}, "upstream_rejected", 422, None),
        (400, {"error": {"message": "Bad.", "code": "1214"}}, "upstream_rejected", 400, None),
        (
            400,
            {"error": {"message": "This model's maximum context length is 8", "code": None}},
            "context_length",
            400,
            "context_length_exceeded",
        ),
        (
            400,
            {"error": {"message": "x", "code": "context_length_exceeded"}},
            "context_length",
            400,
            "context_length_exceeded",
        ),
        (
            400,
            {"error": {"message": "API key not valid. Please pass a valid API key."}},
            "upstream_credentials",
            502,
            "provider_auth",
        ),
        (401, {"error": {"message": "Bad key."}}, "upstream_credentials", 502, "provider_auth"),
        (402, {"error": {"message": "Insufficient Balance"}}, "upstream_exhausted", 429, "insufficient_quota"),
        (404, {"error": {"message": "The model `x` does not exist"}}, "upstream_exhausted", 429, "insufficient_quota"),
        (429, {"error": {"message": "Slow down."}}, "upstream_rate_limited", 429, "upstream_rate_limited"),
        (
            429,
            {"error": {"message": "x", "code": "insufficient_quota"}},
            "upstream_exhausted",
            429,
            "insufficient_quota",
        ),
        (
            429,
            [{"error": {"message": "Slow down.", "code": 429}}],
            "upstream_rate_limited",
            429,
            "upstream_rate_limited",
        ),
        (503, {"error": {"message": "Loading model", "code": 503}}, "upstream_overloaded", 503, "overloaded"),
        (529, {"error": "Full."}, "upstream_overloaded", 503, "overloaded"),
        (500, None, "upstream_overloaded", 503, "overloaded"),
    ],
)
def test_errors_of_providers(status: int, body: Any, kind: str, said: int, code: str | None) -> None:
    error = openai_chat.parse_error(status, JSON, b"" if body is None else msgspec.json.encode(body))
    assert (error.kind, openai_chat.error_status(error), error.code) == (kind, said, code)
    told = msgspec.json.decode(openai_chat.render_error(error))["error"]
    assert set(told) == {"message", "type", "code", "param"}
    assert told["message"] == (error.message or f"HTTP {status}")
    assert not isinstance(told["code"], int)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty body"),
        (b"<html><h1>502</h1> Bad\n\nGateway</html>", "502 Bad Gateway"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"null", "null"),
        (b'{"error":{}}', '{"error":{}}'),
        (b"[" * 100_000, "[" * 200),
    ],
)
def test_errors_that_are_no_json(body: bytes, message: str) -> None:
    assert openai_chat.parse_error(502, [], body).message == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "No tools here."}, "No tools here."),
        ({"detail": [{"loc": ["body", "top_k"], "msg": "Not permitted", "input": 5}, {"msg": "b"}]},
         "body.top_k: Not permitted; b"),
        ({"message": {"detail": [{"loc": ["body"], "msg": "a"}]}, "type": "invalid"}, "body: a"),
        ({"success": False, "errors": [{"code": 5004, "message": "Bad input"}]}, "Bad input"),
        ({"error": {"message": ""}, "detail": "x"}, "HTTP 422"),
        ({"detail": [[[[["deep"]]]]]}, "[['deep']]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ADAPTERS)
def test_what_is_said_in_other_fields_is_heard(dialect: str, body: Any, message: str) -> None:
    error = ADAPTERS[dialect].parse_error(422, JSON, msgspec.json.encode(body))
    assert (error.kind, error.message) == ("upstream_rejected", message)


@pytest.mark.parametrize("arguments", [None, "", "null", "{}"])
def test_a_call_without_arguments_has_none_in_the_whole_reply_either(arguments: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": arguments}}
    body = {"id": "r", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    message = openai_chat.render_reply(openai_chat.parse_reply(msgspec.json.encode(body)), FRAMING)["choices"][0]
    assert message["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_prompt_that_is_too_long_is_known_by_the_detail() -> None:
    said = msgspec.json.encode({"detail": "This model's maximum context length is 8192 tokens."})
    assert openai_chat.parse_error(400, JSON, said).kind == "context_length"


def test_how_long_to_wait_is_told() -> None:
    headers = [*JSON, (b"date", DATE), (b"retry-after", b"7")]
    assert openai_chat.parse_error(429, headers, b"{}").retry_after == 7


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "prompt is too long: 250000 tokens > 200000 maximum", "context_length"),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed", "context_length"),
        (400, "the request exceeds the available context size, try increasing it", "context_length"),
        (400, "This model's maximum prompt length is 131072", "context_length"),
        (400, "Prompt exceeds max length", "context_length"),
        (400, "the message exceeds 20 characters", "upstream_rejected"),
        (413, "context window", "context_length"),
        (500, "context window", "upstream_overloaded"),
        (400, "Your credit balance is too low", "upstream_exhausted"),
        (403, "", "upstream_credentials"),
        (404, "no such path", "upstream_rejected"),
        (408, "", "upstream_timeout"),
        (200, "", "upstream_garbled"),
    ],
)
def test_kinds(status: int, words: str, kind: str) -> None:
    assert kind_of(status, words) == kind


def test_an_excerpt_is_short() -> None:
    assert excerpt(b"x" * 5000) == "x" * 200


def test_the_relays_replay_still_says_a_whole_reply() -> None:
    body = msgspec.json.encode(openai_chat.render_reply(reply(call()), FRAMING))
    events = [sse.payload(event) for event in sse.split_events(openai_chat.replay(body, with_usage=False))]
    assert events[-1] == b"[DONE]"
    assert gathered(list(map(msgspec.json.decode, events[:-1])))["tool_calls"][0]["id"] == "call_1"
