"""The `openai` package for Python, sync and async, through routerd."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.support import chat
from tests.support.chat import ToolCall
from tests.support.gate import PATIENCE, SOON
from tests.support.reply import Reply, Stall, raw
from tests.support.stage import PATIENT, Stage, staged

ROUTES = {
    "whole": 1, "stream": 1, "usage": 1, "tools": 1, "schema": 1, "schema-stream": 1, "rejected": 1, "retried": 1,
    "slow": 1, "async": 1, "async-tools": 1, "many": 2, "models": 1, "headers": 1, "broken-whole": 1,
}  # fmt: skip

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


class City(BaseModel):
    """What the model must fill in."""

    name: str
    inhabitants: int


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("python"), ROUTES, timeouts=PATIENT) as stage:
        yield stage


@pytest.fixture
def client(stage: Stage) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{stage.daemon.url}/v1", api_key="anything", max_retries=0, timeout=PATIENCE
    ) as client:
        yield client


def says(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_a_whole_reply_with_usage(client: openai.OpenAI, stage: Stage) -> None:
    reply = client.chat.completions.create(model="whole", messages=says("Hi!"), temperature=0.5)
    assert reply.choices[0].message.content == "Hello there."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "model-1"
    assert reply.usage is not None
    assert reply.usage.model_dump(exclude_none=True) == chat.USAGE
    asked = stage.upstream("whole").requests[0]
    assert asked.get("authorization") == "Bearer sk-test-1"
    assert asked.json() == {"model": "model-1", "messages": says("Hi!"), "temperature": 0.5}


def test_the_headers_say_where_the_reply_came_from(client: openai.OpenAI) -> None:
    raw_reply = client.chat.completions.with_raw_response.create(model="headers", messages=says("Hi!"))
    said = {name: raw_reply.headers[f"x-routerd-{name}"] for name in ("route", "provider", "model", "attempts")}
    assert said == {"route": "headers", "provider": "headers-1", "model": "model-1", "attempts": "1"}
    assert raw_reply.parse().choices[0].message.content == "Hello there."


def test_a_stream_arrives_in_its_pieces(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="stream", messages=says("Hi!"), stream=True) as stream:
        chunks = list(stream)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Hello ", "there.", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="usage", messages=says("Hi!"), stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last = list(stream)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.model_dump(exclude_none=True) == chat.USAGE
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_task_over_several_turns_with_streamed_parallel_tools(
    client: openai.OpenAI, stage: Stage, weather_calls: list[ToolCall]
) -> None:
    upstream = stage.upstream("tools")
    upstream.script(chat.stream(["Let me see."], calls=weather_calls), chat.stream(["Sun", " everywhere."]))
    messages: Any = says("What is the weather in Paris and São Paulo?")
    with client.chat.completions.stream(model="tools", messages=messages, tools=TOOLS) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.content == "Let me see."
    results = _run_tools(message)
    with client.chat.completions.stream(
        model="tools", messages=[*messages, _said(message), *results], tools=TOOLS
    ) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Sun everywhere."
    second = upstream.requests[1].json()
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "tool", "tool"]
    assert second["messages"][2:] == results
    assert [call["id"] for call in second["messages"][1]["tool_calls"]] == ["call_0", "call_1"]
    assert second["tools"] == TOOLS


def _said(message: Any) -> Any:
    return message.model_dump(exclude_none=True)


def _run_tools(message: Any) -> list[Any]:
    """What the caller's own functions answer."""
    calls = message.tool_calls or []
    cities = [(call.id, json.loads(call.function.arguments)["city"]) for call in calls]
    assert cities == [("call_0", "Paris"), ("call_1", "São Paulo")]
    return [{"role": "tool", "tool_call_id": id, "content": f"sunny in {city}"} for id, city in cities]


def test_structured_output_whole(client: openai.OpenAI, stage: Stage) -> None:
    upstream = stage.upstream("schema")
    upstream.answer = lambda request: chat.says('{"name": "Oslo", "inhabitants": 709000}', request=request)
    reply = client.chat.completions.parse(model="schema", messages=says("A city."), response_format=City)
    assert reply.choices[0].message.parsed == City(name="Oslo", inhabitants=709000)
    asked = upstream.requests[0].json()["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True


def test_structured_output_streamed(client: openai.OpenAI, stage: Stage) -> None:
    upstream = stage.upstream("schema-stream")
    upstream.answer = lambda request: chat.says('{"name": "Oslo", "inhabitants": 709000}', request=request)
    with client.chat.completions.stream(
        model="schema-stream", messages=says("A city."), response_format=City
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == City(name="Oslo", inhabitants=709000)


def test_the_models_are_the_routes_then_what_the_providers_list(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[: len(ROUTES)] == list(ROUTES)
    assert names[len(ROUTES) : len(ROUTES) + 2] == ["whole-1/model-1", "stream-1/model-1"]
    assert client.models.retrieve("models").id == "models"
    assert client.models.retrieve("models-1/model-1").id == "models-1/model-1"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("modeles")


def test_an_unknown_model_is_not_found_and_near_names_are_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="strem", messages=says("Hi!"))
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"
    assert "stream" in str(caught.value)


def test_what_the_provider_refuses_is_a_bad_request(client: openai.OpenAI, stage: Stage) -> None:
    refusal = chat.error(400, "The temperature is too high.", type="invalid_request_error", code="too_hot")
    stage.upstream("rejected").script(refusal)
    with pytest.raises(openai.BadRequestError, match="The temperature is too high") as caught:
        client.chat.completions.create(model="rejected", messages=says("Hi!"), temperature=99)
    assert caught.value.code == "too_hot"
    assert len(stage.upstream("rejected").requests) == 1


def test_wrong_types_are_bad_requests_that_name_the_field(client: openai.OpenAI, stage: Stage) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="broken-whole", messages="Hi!")  # type: ignore[arg-type]
    assert caught.value.param == "messages"
    assert stage.upstream("broken-whole").requests == []


def test_the_sdk_repeats_what_may_pass(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream("retried").script(*[chat.error(503, "Overloaded.")] * 3)
    again = client.with_options(max_retries=1)
    reply = again.chat.completions.with_raw_response.create(model="retried", messages=says("Hi!"))
    assert reply.retries_taken == 1
    assert reply.parse().choices[0].message.content == "Hello there."
    assert len(stage.upstream("retried").requests) == 4


def test_the_sdks_own_timeout_frees_the_upstream(client: openai.OpenAI, stage: Stage) -> None:
    upstream = stage.upstream("slow")
    upstream.answer = lambda _: raw(Stall())
    for timeout in (0.4, 4.0, 40.0):  # on a busy machine it may be over before the provider has been asked at all
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=timeout).chat.completions.create(model="slow", messages=says("Hi!"))
        left = time.monotonic()
        if upstream.requests:
            break
    assert upstream.wait_for(1).gone.wait() - left < SOON


def asynchronous(stage: Stage) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{stage.daemon.url}/v1", api_key="anything", max_retries=0, timeout=PATIENCE)


def test_async_whole_and_streamed(stage: Stage) -> None:
    async def run() -> tuple[str | None, str]:
        async with asynchronous(stage) as client:
            whole = await client.chat.completions.create(model="async", messages=says("Hi!"))
            stream = await client.chat.completions.create(model="async", messages=says("Hi!"), stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            return whole.choices[0].message.content, text

    assert asyncio.run(run()) == ("Hello there.", "Hello there.")


def test_async_streamed_tools(stage: Stage, weather_calls: list[ToolCall]) -> None:
    stage.upstream("async-tools").script(chat.stream([], calls=weather_calls))

    async def run() -> Any:
        async with asynchronous(stage) as client:
            manager = client.chat.completions.stream(model="async-tools", messages=says("Hi!"), tools=TOOLS)
            async with manager as stream:
                return (await stream.get_final_completion()).choices[0]

    choice = asyncio.run(run())
    assert choice.finish_reason == "tool_calls"
    _run_tools(choice.message)


def test_forty_streams_at_once_keep_apart(stage: Stage) -> None:
    def repeat(request: Any) -> Reply:
        return chat.says(request.json()["messages"][0]["content"], request=request)

    stage.upstream("many").answer = repeat

    async def one(client: openai.AsyncOpenAI, text: str) -> str:
        stream = await client.chat.completions.create(model="many", messages=says(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def run(texts: list[str]) -> list[str]:
        async with asynchronous(stage) as client:
            return await asyncio.gather(*[one(client, text) for text in texts])

    texts = [f"This is the text of caller number {number}." for number in range(40)]
    assert asyncio.run(run(texts)) == texts
