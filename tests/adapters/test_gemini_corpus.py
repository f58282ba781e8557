"""What was really sent to Google, and what it really answered, through our adapter and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import structs

from routerd.adapters import gemini
from routerd.adapters.base import Framing
from routerd.adapters.gemini_schema import from_gemini
from routerd.adapters.gemini_words import camel, plain_base64
from routerd.chat.events import collect, replay
from routerd.chat.parts import Opaque
from routerd.chat.reply import Reply
from tests.adapters import official
from tests.adapters.corpus import NOT_GIVEN, Recording, chosen
from tests.adapters.harness import parsed

SKIPPED = [pytest.param(None, marks=pytest.mark.skip(NOT_GIVEN))]
ASKED = [each for each in chosen("gemini") if each.values[0] and each.values[0].request] or SKIPPED
ANSWERED = chosen("gemini", status=200)
NO_NAMES = ("args", "response", "labels", "partMetadata", "raw")


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """A request in one of the many ways to say the same: camelCase, lists of one, one kind of schema and of base64."""
    body = camels(body)
    body.get("systemInstruction", {}).pop("role", None)
    for content in body["contents"]:
        content.setdefault("role", "user")
        for part in content["parts"]:
            tidy_part(part)
    body["tools"] = sorted(tools_of(body), key=lambda tool: "name" not in tool)  # functions first, else as they came
    config = body.pop("generationConfig", {})
    return {**body, **({"generationConfig": config} if config else {})}


def camels(value: Any) -> Any:
    if isinstance(value, list):
        return [camels(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        camel(name): each if camel(name) in NO_NAMES or "chema" in name else camels(each)
        for name, each in value.items()
    }


def tidy_part(part: dict[str, Any]) -> None:
    if "inlineData" in part:
        part["inlineData"]["data"] = plain_base64(part["inlineData"]["data"])
    if "functionCall" in part:
        part["functionCall"].setdefault("args", {})


def tools_of(body: dict[str, Any]) -> Iterator[Any]:
    tools = body.get("tools") or []
    for tool in [tools] if isinstance(tools, dict) else tools:
        for name, value in tool.items():
            for each in value if name == "functionDeclarations" else ():
                if "parameters" in each:
                    each["parametersJsonSchema"] = from_gemini(each.pop("parameters"))
                yield each
            if name != "functionDeclarations":
                yield {name: value}


def model_of(recording: Recording) -> str:
    return recording.body.partition('"modelVersion": "')[2].partition('"')[0]


@pytest.mark.parametrize("recording", ASKED)
def test_a_request_comes_back_as_it_was(recording: Recording) -> None:
    model, before = model_of(recording), repr(recording.request)
    request = gemini.parse_request(recording.request, model, False)
    call, losses = gemini.render_request(request, model, {})
    assert repr(recording.request) == before
    assert list(losses) == []
    assert canonical(call.body) == canonical(recording.request)
    again = gemini.parse_request(call.body, model, False)
    assert gemini.render_request(again, model, {})[0] == call
    for_vertex_alone = {"modelArmorConfig"} & call.body.keys()
    assert for_vertex_alone or official.REQUEST["gemini"](call.body) == []


@pytest.mark.parametrize("recording", ASKED)
def test_a_request_reads_the_same_again(recording: Recording) -> None:
    model = model_of(recording)
    body = gemini.render_request(gemini.parse_request(recording.request, model, True), model, {})[0].body
    first = gemini.parse_request(body, model, True)
    assert gemini.parse_request(gemini.render_request(first, model, {})[0].body, model, True) == first


@pytest.mark.parametrize("recording", ANSWERED)
def test_a_reply_comes_back_as_it_was(recording: Recording) -> None:
    reply = collect(parsed(gemini, recording.data))
    framing = Framing(reply.id, 0, reply.model)
    whole = gemini.render_reply(reply, framing)
    assert said_again(gemini.parse_reply(msgspec.json.encode(whole))) == said_again(reply)
    renderer = gemini.stream_renderer(framing)
    stream = b"".join(map(renderer.render, replay(reply)))
    assert said_again(collect(parsed(gemini, stream))) == said_again(reply)
    if recording.kind == "json":
        assert gemini.parse_reply(recording.data) == reply
        assert gemini.parse_whole(recording.data) == reply.usage


def said_again(reply: Reply) -> Reply:
    """The reply without the ids of its tokens: probabilities are kept as OpenAI has them."""
    raw = {
        pointer: value
        for pointer, value in (reply.extra.raw if reply.extra else {}).items()
        if "/candidates/" not in pointer
    }
    return structs.replace(reply, extra=Opaque(dialect="gemini", raw=raw) if raw else None)


@pytest.mark.parametrize("recording", chosen("gemini", kind="sse"))
def test_streams_cut_anywhere(recording: Recording) -> None:
    expected = parsed(gemini, recording.data)
    assert parsed(gemini, recording.data, 1) == expected
    assert collect(expected).choices[0].parts


@pytest.mark.parametrize("recording", chosen("gemini", status=429))
def test_a_minutes_quota_comes_back_by_itself(recording: Recording) -> None:
    error = gemini.parse_error(recording.status, [], recording.data)
    assert (error.kind, error.retry_after) == ("upstream_rate_limited", 34.4)
