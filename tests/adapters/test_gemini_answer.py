"""Gemini's replies, written for callers: what its SDKs can read, and what comes back from it as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from routerd.adapters import gemini
from routerd.adapters.base import Framing
from routerd.chat.events import Event, PartDelta, PartEnded, PartStarted, ReplyFailed, ReplyStarted, collect, replay
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError
from tests.adapters import official
from tests.adapters.harness import parsed

FOLDER = Path(__file__).parent / "gemini"
FRAMING = Framing("reply-1", 1_700_000_000, "some-model")
FRAME = {"modelVersion": "some-model", "responseId": "reply-1"}


def answer(*parts: Part, stop: StopReason = StopReason.END, usage: Usage | None = None) -> Reply:
    return Reply(choices=[Choice(parts=list(parts), stop=stop)], usage=usage)


def chunks(reply: Reply) -> list[Any]:
    """The chunks of the stream that tells a reply; each must be what Google's types know."""
    renderer = gemini.stream_renderer(FRAMING)
    stream = b"".join(map(renderer.render, replay(reply)))
    assert official.stream_faults("gemini", stream) == []
    assert stream.endswith(b"\r\n\r\n")
    return [msgspec.json.decode(event.removeprefix(b"data: ")) for event in stream.split(b"\r\n\r\n") if event]


def candidates(reply: Reply) -> list[Any]:
    """What each chunk says, without what is the same in all of them."""
    found = chunks(reply)
    assert all(chunk["modelVersion"] == "some-model" and chunk["responseId"] == "reply-1" for chunk in found)
    assert all(candidate["content"]["parts"] for chunk in found for candidate in chunk["candidates"]), "SDKs drop it"
    return [candidate for chunk in found for candidate in chunk["candidates"]]


def said(reply: Reply) -> list[Any]:
    return [part for candidate in candidates(reply) for part in candidate["content"]["parts"]]


def test_each_piece_of_text_leaves_at_once() -> None:
    renderer = gemini.stream_renderer(FRAMING)
    events: list[Event] = [ReplyStarted("id", "model"), PartStarted(0, Text(text="")), PartDelta(0, "Hé")]
    assert [renderer.render(event) for event in events] == [
        b"",
        b"",
        'data: {"candidates":[{"content":{"parts":[{"text":"Hé"}],"role":"model"},"index":0}],'
        '"modelVersion":"some-model","responseId":"reply-1"}\r\n\r\n'.encode(),
    ]


def test_the_last_chunk_ends_the_reply() -> None:
    last = chunks(answer(Text(text="Hello"), usage=Usage(prompt=10, completion=7, cached=4, reasoning=5)))[-1]
    assert last == {
        "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 2,
            "totalTokenCount": 17,
            "cachedContentTokenCount": 4,
            "thoughtsTokenCount": 5,
        },
        **FRAME,
    }


CALL = ToolCall(id="toolu_1", name="weather", arguments='{"city":"Oslo"}')
CALLED = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}, "id": "toolu_1"}}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Text(text="Hello"), [{"text": "Hello"}]),
        (Text(text="Hello", signature=Signature("gemini", "c2ln")), [{"text": "Hello", "thoughtSignature": "c2ln"}]),
        (Thinking(text="Hm."), [{"text": "Hm.", "thought": True}]),
        (Refusal(text="I won't."), [{"text": "I won't."}]),
        (CALL, [CALLED]),
        (ToolCall(id="a", name="ping"), [{"functionCall": {"name": "ping", "args": {}, "id": "a"}}]),
        (
            ToolCall(id="a", name="ping", signature=Signature("gemini", "c2ln")),
            [{"functionCall": {"name": "ping", "args": {}, "id": "a"}, "thoughtSignature": "c2ln"}],
        ),
        (
            Media(kind="image", media_type="image/png", data="iVBO", extra={"thoughtSignature": "c2ln"}),
            [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thoughtSignature": "c2ln"}],
        ),
        (
            Media(kind="image", url="https://example.org/a.png"),
            [{"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}}],
        ),
        (
            Opaque(dialect="gemini", raw={"executableCode": {"code": "1"}}),
            [{"executableCode": {"code": "1"}}],
        ),
        (Opaque(dialect="anthropic", raw={"type": "server_tool_use"}), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parts(part: Part, expected: list[Any]) -> None:
    whole = gemini.render_reply(answer(part), FRAMING)
    assert official.REPLY["gemini"](whole) == []
    assert whole["candidates"][0]["content"].get("parts", []) == expected
    streamed = [piece for piece in said(answer(part)) if piece != {"text": ""}]
    joined = [streamed[0] | streamed[1] | {"text": "Hello"}] if len(streamed) == 2 else streamed
    assert joined == expected


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        (StopReason.END, "STOP"),
        (StopReason.STOP_SEQUENCE, "STOP"),
        (StopReason.TOOL_CALLS, "STOP"),
        (StopReason.LENGTH, "MAX_TOKENS"),
        (StopReason.CONTEXT, "MAX_TOKENS"),
        (StopReason.PAUSED, "MAX_TOKENS"),
        (StopReason.FILTERED, "SAFETY"),
    ],
)
def test_finish_reasons(stop: StopReason, finish: str) -> None:
    reply = answer(Text(text="Hello"), stop=stop)
    assert candidates(reply)[-1]["finishReason"] == finish
    assert gemini.render_reply(reply, FRAMING)["candidates"][0]["finishReason"] == finish


def test_a_filter_says_why_where_google_has_it() -> None:
    reply = answer(Refusal(text="It is a poem."), stop=StopReason.FILTERED)
    reply.choices[0].parts[0].extra = {"finishReason": "RECITATION"}
    expected = {"finishReason": "RECITATION", "finishMessage": "It is a poem."}
    assert expected.items() <= candidates(reply)[-1].items()
    assert expected.items() <= gemini.render_reply(reply, FRAMING)["candidates"][0].items()


def test_calls_that_grow_side_by_side_are_told_in_their_order() -> None:
    renderer = gemini.stream_renderer(FRAMING)
    events: list[Event] = [
        PartStarted(0, ToolCall(id="a", name="first")),
        PartStarted(1, ToolCall(id="b", name="second")),
        PartDelta(1, '{"x":'),
        PartDelta(0, "{"),
        PartDelta(1, "1}"),
        PartEnded(1),
        PartDelta(0, "}"),
        PartEnded(0),
    ]
    *quiet, both = [renderer.render(event) for event in events]
    assert not any(quiet)
    assert [event["candidates"][0]["content"]["parts"][0]["functionCall"] for event in official.said(both)] == [
        {"name": "first", "args": {}, "id": "a"},
        {"name": "second", "args": {"x": 1}, "id": "b"},
    ]


@pytest.mark.parametrize("thinking", [
    Thinking(text="Hm.", signature=Signature("anthropic", "EqQB+/=")),
    Thinking(text="", signature=Signature("openai-responses-v1", "gAAAA")),
    Thinking(text="", signature=Signature("anthropic", "Ez8B"), is_redacted=True),
    Thinking(text="Hm.", signature=Signature("gemini", "c2ln")),
])  # fmt: skip
@pytest.mark.parametrize("url_safe", [False, True])
def test_a_signature_comes_back_through_a_chat_of_the_sdk(thinking: Thinking, url_safe: bool) -> None:
    """The SDKs give the chunks of a turn back, one by one; Python's writes base64 of its own."""
    contents = [candidate["content"] for candidate in candidates(answer(thinking, Text(text="Hello"), CALL))]
    if url_safe:
        contents = msgspec.json.decode(msgspec.json.encode(contents).replace(b"+", b"-").replace(b"/", b"_"))
    request = gemini.parse_request({"contents": contents}, "some-model", False)
    found = [part for message in request.messages for part in message.parts if not isinstance(part, Text)]
    if thinking.signature is not None and thinking.signature.family == "gemini":
        assert [type(part) for part in found] == [Thinking, Thinking, ToolCall]  # as they came, for Google
        return
    assert len(request.messages) == 1
    for part in found:
        part.at = ""
    assert found == [thinking, CALL]


def test_what_holds_another_familys_signature_is_told_by_its_bytes() -> None:
    body = msgspec.json.encode(gemini.render_reply(answer(Thinking(text="", signature=Signature("a", "b"))), FRAMING))
    assert gemini.FOREIGN_SIGNATURE in body
    own = msgspec.json.encode(
        gemini.render_reply(answer(Thinking(text="", signature=Signature("gemini", "b"))), FRAMING)
    )
    assert gemini.FOREIGN_SIGNATURE not in own


# Failures ---------------------------------------------------------------------------------------------------------

ERROR = RouterError("upstream_overloaded", "The provider is busy.")
SAID = {"error": {"code": 503, "message": "The provider is busy.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("as_event", [False, True])
def test_a_failure_is_an_error_and_no_end(as_event: bool) -> None:
    renderer = gemini.stream_renderer(FRAMING)
    for event in list(replay(answer(Text(text="Hello"))))[:3]:
        renderer.render(event)
    last = renderer.render(ReplyFailed(ERROR)) if as_event else renderer.fail(ERROR)
    assert official.said(last) == [SAID]
    assert renderer.render(list(replay(answer()))[-1]) == b""


BROKEN = answer(ToolCall(id="a", name="ping", arguments='{"x":'), stop=StopReason.TOOL_CALLS)


@pytest.mark.parametrize("stop", [StopReason.LENGTH, StopReason.CONTEXT])
def test_a_call_in_which_the_reply_was_cut_off_is_left_out(stop: StopReason) -> None:
    whole, cut = ToolCall(id="a", name="look", arguments="{}"), ToolCall(id="b", name="look", arguments='{"at": "pa')
    *_, call, last = candidates(reply := answer(whole, cut, stop=stop))
    assert call["content"]["parts"] == [{"functionCall": {"name": "look", "args": {}, "id": "a"}}]
    assert last["finishReason"] == "MAX_TOKENS"
    [found] = gemini.render_reply(reply, FRAMING)["candidates"]
    assert (found["content"]["parts"], found["finishReason"]) == (call["content"]["parts"], "MAX_TOKENS")


def test_a_call_with_broken_arguments_breaks_the_reply() -> None:
    renderer = gemini.stream_renderer(FRAMING)
    stream = b"".join(map(renderer.render, replay(BROKEN)))
    assert "no JSON object" in official.said(stream)[-1]["error"]["message"]
    with pytest.raises(RouterError, match="no JSON object"):
        gemini.render_reply(BROKEN, FRAMING)


# There and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sse")), ids=lambda path: path.name)
def test_what_google_said_comes_back_from_what_we_say(path: Path) -> None:
    events = parsed(gemini, path.read_bytes())
    if isinstance(events[-1], ReplyFailed):
        return
    reply = structs.replace(collect(events), extra=None)  # the ids of tokens, say, which no other place holds
    framing = Framing(reply.id, 0, reply.model)
    whole = gemini.render_reply(reply, framing)
    assert official.REPLY["gemini"](whole) == []
    assert gemini.parse_reply(msgspec.json.encode(whole)) == reply
    renderer = gemini.stream_renderer(framing)
    stream = b"".join(map(renderer.render, replay(reply)))
    assert official.stream_faults("gemini", stream) == []
    assert collect(parsed(gemini, stream)) == reply
