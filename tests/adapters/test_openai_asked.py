"""What callers of chat completions ask: read, refused where it is wrong, and given back in the same dialect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters import openai_chat
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Tool, ToolChoice
from routerd.errors import RouterError
from tests.adapters import corpus

HELLO = [{"role": "user", "content": "Hello"}]
PNG = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
EPHEMERAL = {"type": "ephemeral"}


def asked(**fields: Any) -> ChatRequest:
    body = {"model": "m", "messages": HELLO, **fields}
    return openai_chat.parse_request(body, "m", bool(fields.get("stream")))


def said(*messages: dict[str, Any]) -> list[Message]:
    return asked(messages=list(messages)).messages


def parts(message: dict[str, Any]) -> list[Part]:
    return said(message)[0].parts


# Options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 5, "max_tokens": 4}, "max_tokens", 5),
        ({"max_tokens": None}, "max_tokens", None),
        ({"temperature": 0}, "temperature", 0),
        ({"stop": "END"}, "stop", ["END"]),
        ({"stop": ["END", "\n"]}, "stop", ["END", "\n"]),
        ({"stop": None}, "stop", []),
        ({"logit_bias": {"5": -100}}, "logit_bias", {"5": -100}),
        ({"stream_options": {"include_usage": True}}, "include_usage", True),
        ({"stream_options": {"include_usage": None}}, "include_usage", False),
        ({"tool_choice": "any"}, "tool_choice", ToolChoice(mode="required")),
        ({"tool_choice": "none"}, "tool_choice", ToolChoice(mode="none")),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            "tool_choice",
            ToolChoice(mode="required", names=["f"]),
        ),
        (
            {"tool_choice": {"type": "custom", "custom": {"name": "f"}}},
            "tool_choice",
            ToolChoice(mode="required", names=["f"]),
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
                {"type": "function", "function": {"name": "f"}}, {"type": "web_search"}]}}},
            "tool_choice",
            ToolChoice(mode="auto", names=["f", "web_search"]),
        ),
        ({"function_call": {"name": "f"}}, "tool_choice", ToolChoice(mode="required", names=["f"])),
        ({"response_format": {"type": "text"}}, "response_format", ResponseFormat(kind="text")),
        ({"response_format": {"type": "json_object"}}, "response_format", ResponseFormat(kind="json")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}},
            "response_format",
            ResponseFormat(kind="schema", name="n", schema={}, strict=True),
        ),
        ({"reasoning_effort": "high"}, "reasoning", Reasoning(effort="high")),
        ({"reasoning_effort": "none"}, "reasoning", Reasoning(effort="none", is_on=False)),
        ({"reasoning_effort": "default"}, "reasoning", None),
        ({"reasoning": {"max_tokens": 2000, "exclude": True}}, "reasoning", Reasoning(budget=2000, is_visible=False)),
        ({"reasoning": {"enabled": True}}, "reasoning", Reasoning(is_on=True)),
    ],
)  # fmt: skip
def test_options(fields: dict[str, Any], name: str, value: Any) -> None:
    request = asked(**fields)
    assert getattr(request, name) == value
    assert request.pointer(name).removeprefix("/") in {*fields, name} or name == "include_usage"


@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        ({"store": True, "verbosity": "low"}, {"/store": True, "/verbosity": "low"}),
        ({"a/b~c": 1}, {"/a~1b~0c": 1}),
        ({"store": None}, {}),
        ({"max_completion_tokens": 5, "max_tokens": 4}, {"/max_tokens": 4}),
        ({"stream_options": {"include_obfuscation": False}}, {"/stream_options/include_obfuscation": False}),
        ({"response_format": {"type": "grammar"}}, {"/response_format": {"type": "grammar"}}),
        ({"response_format": {"type": "json_object", "x": 1}}, {"/response_format/x": 1}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"/reasoning/summary": "auto"}),
        ({"reasoning_effort": "default"}, {"/reasoning_effort": "default"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}, "x": 1}}, {"/tool_choice/x": 1}),
    ],
)  # fmt: skip
def test_what_is_not_known_is_kept(fields: dict[str, Any], extra: dict[str, Any]) -> None:
    assert asked(**fields).extra == extra


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
            Tool(name="f", description="d", schema={"type": "object"}, at="/tools/0"),
        ),
        (
            {"function": {"name": "f", "strict": False}, "cache_control": EPHEMERAL, "eager_input_streaming": True},
            Tool(name="f", strict=False, cache=EPHEMERAL, at="/tools/0", extra={"eager_input_streaming": True}),
        ),
        (
            {"type": "custom", "custom": {"name": "draw"}},
            Tool(name="draw", raw={"type": "custom", "custom": {"name": "draw"}}, at="/tools/0"),
        ),
        ({"type": "web_search"}, Tool(name="web_search", raw={"type": "web_search"}, at="/tools/0")),
    ],
)
def test_tools(tool: dict[str, Any], expected: Tool) -> None:
    assert asked(tools=[tool]).tools == [expected]


def test_functions_are_tools() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    request = asked(
        messages=[*HELLO, call, {"role": "function", "name": "f", "content": "1"}],
        functions=[{"name": "f", "parameters": {}}],
    )
    assert request.tools == [Tool(name="f", schema={}, at="/functions/0")]
    assert request.pointer("tools") == "/functions"
    [made], [result] = request.messages[1].parts, request.messages[2].parts
    assert isinstance(made, ToolCall)
    assert isinstance(result, ToolResult)
    assert made.id == result.id == "function_call_1"


# Messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, "", []])
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_empty_content(role: str, content: Any) -> None:
    assert parts({"role": role, "content": content}) == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ("a", Text("a")),
        ({"type": "text", "text": "a", "cache_control": EPHEMERAL}, Text("a", cache=EPHEMERAL)),
        ({"type": "text", "text": "a", "x": 1, "y": None}, Text("a", extra={"x": 1})),
        (
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            Media("image", media_type="image/png", data="iVBORw0KGgo=", detail="low"),
        ),
        ({"type": "image_url", "image_url": {"url": "https://e.org/a"}}, Media("image", url="https://e.org/a")),
        ({"type": "image_url", "image_url": "https://e.org/a"}, Media("image", url="https://e.org/a")),
        (
            {"type": "image_url", "image_url": {"url": "https://e.org/a", "x": 1}},
            Media("image", url="https://e.org/a", extra={"image_url": {"x": 1}}),
        ),
        ({"type": "video_url", "video_url": {"url": "https://e.org/a"}}, Media("video", url="https://e.org/a")),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            Media("audio", media_type="audio/wav", data="AA=="),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
            Media("document", media_type="application/pdf", data="AA==", name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"filename": "a.PDF", "file_data": "AA=="}},
            Media("document", media_type="application/pdf", data="AA==", name="a.PDF"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("document", file_id="file-1")),
        (
            {"type": "file", "file": {"file_data": "https://e.org/a.pdf"}},
            Media("document", url="https://e.org/a.pdf"),
        ),
        ({"type": "document_url", "x": "u"}, Opaque("openai", {"type": "document_url", "x": "u"})),
    ],
)  # fmt: skip
def test_parts(part: Any, expected: Part) -> None:
    expected.at = "/messages/0/content/0"
    assert parts({"role": "user", "content": [part]}) == [expected]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "a", "tool_calls": None}, [Text("a", at="/messages/0/content")]),
        ({"content": None, "refusal": "No."}, [Refusal("No.", at="/messages/0/refusal")]),
        ({"content": "No.", "refusal": "No."}, [Refusal("No.", at="/messages/0/refusal")]),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, [Refusal("No.", at="/messages/0/content/0")]),
        (
            {"content": None, "tool_calls": [{**CALL, "index": 0}]},
            [ToolCall("call_1", "weather", '{"city":"Oslo"}', at="/messages/0/tool_calls/0")],
        ),
        (
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "draw", "input": "x"}}]},
            [ToolCall("c", "draw", "x", at="/messages/0/tool_calls/0", extra={"type": "custom"})],
        ),
        (
            {"tool_calls": [{"function": {"name": "f"}, "extra_content": {"google": {"thought_signature": "S"}}}]},
            [ToolCall("", "f", "", Signature("gemini", "S"), at="/messages/0/tool_calls/0")],
        ),
        (
            {"content": "a", "extra_content": {"google": {"thought_signature": "S"}}},
            [Text("a", Signature("gemini", "S"), at="/messages/0/content")],
        ),
        (
            {"content": "a", "reasoning_content": "t"},
            [Thinking("t", at="/messages/0/reasoning_content"), Text("a", at="/messages/0/content")],
        ),
        (
            {"content": "a", "reasoning": "t", "reasoning_content": "t"},
            [Thinking("t", at="/messages/0/reasoning_content"), Text("a", at="/messages/0/content")],
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}]},
            [Thinking("t", at="/messages/0/content/0")],
        ),
    ],
)  # fmt: skip
def test_answers(message: dict[str, Any], expected: list[Part]) -> None:
    assert parts({"role": "assistant", **message}) == expected


CLAUDE = {"format": "anthropic-claude-v1", "index": 0}
TEXT = {"type": "reasoning.text", "text": "t", "signature": "S", **CLAUDE}


@pytest.mark.parametrize(
    ("details", "text", "expected"),
    [
        ([TEXT], None, [("t", "anthropic S", False)]),
        ([TEXT], "t", [("t", "anthropic S", False)]),
        ([{**TEXT, "text": ""}], "t", [("t", "anthropic S", False)]),
        (
            [{**TEXT, "text": "a", "signature": None}, {**TEXT, "text": "b", "signature": None}, {**TEXT, "text": ""}],
            "ab",
            [("ab", "anthropic S", False)],
        ),
        ([TEXT, {**TEXT, "index": 1}], "tt", [("t", "anthropic S", False), ("t", "anthropic S", False)]),
        (
            [{"type": "reasoning.encrypted", "data": "D", **CLAUDE}],
            None,
            [("", "anthropic D", True)],
        ),
        (
            [{"type": "reasoning.encrypted", "data": "D", **CLAUDE}],
            "t",
            [("t", None, False), ("", "anthropic D", True)],
        ),
        (
            [
                {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "D", "id": "rs", "format": "openai-responses-v1", "index": 0},
            ],
            "s",
            [("s", "openai-responses-v1 rs:D", False)],
        ),
        (
            [{"type": "reasoning.encrypted", "data": "D", "id": "rs", "format": "openai-responses-v1"}],
            "s",
            [("s", "openai-responses-v1 rs:D", False)],
        ),
        ([None, {}, {"type": "reasoning.text"}], "t", [("t", None, False)]),
    ],
)
def test_details_of_thinking(details: list[Any], text: str | None, expected: list[Any]) -> None:
    message = {"role": "assistant", "content": None, "reasoning_details": details, "reasoning_content": text}
    thoughts = [part for part in parts(message) if isinstance(part, Thinking)]
    found = [(each.text, _signature(each.signature), each.is_redacted) for each in thoughts]
    assert found == expected


def _signature(signature: Signature | None) -> str | None:
    return None if signature is None else f"{signature.family} {signature.value}"


def test_a_detail_that_signs_a_call() -> None:
    detail = {"type": "reasoning.encrypted", "data": "D", "id": "call_1", "format": "google-gemini-v1", "index": 0}
    [call] = parts({"role": "assistant", "tool_calls": [CALL], "reasoning_details": [detail]})
    assert isinstance(call, ToolCall)
    assert call.signature == Signature("gemini", "D")


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ({"content": "sun"}, ToolResult("c", [Text("sun", at="/messages/0/content")])),
        ({"content": ""}, ToolResult("c")),
        ({"content": "sun", "name": "f"}, ToolResult("c", [Text("sun", at="/messages/0/content")], name="f")),
        (
            {"content": [{"type": "image_url", "image_url": {"url": PNG}}], "cache_control": EPHEMERAL},
            ToolResult(
                "c",
                [Media("image", media_type="image/png", data="iVBORw0KGgo=", at="/messages/0/content/0")],
                cache=EPHEMERAL,
            ),
        ),
    ],
)
def test_results(message: dict[str, Any], part: ToolResult) -> None:
    part.at = "/messages/0"
    assert said({"role": "tool", "tool_call_id": "c", **message}) == [
        Message(role="user", parts=[part], at="/messages/0")
    ]


def test_roles_and_names() -> None:
    messages = said(
        {"role": "developer", "content": "Rules."},
        {"role": "user", "content": "Hello", "name": "Ann", "x": 1},
        {"role": "system", "content": "More."},
    )
    assert [(message.role, message.name, message.extra) for message in messages] == [
        ("system", None, {"role": "developer"}),
        ("user", "Ann", {"x": 1}),
        ("system", None, {}),
    ]


def test_the_mark_of_a_whole_message() -> None:
    [text] = parts({"role": "user", "content": "a", "cache_control": EPHEMERAL})
    assert (text.cache, text.at) == (EPHEMERAL, "/messages/0")
    [_, last] = parts({"role": "user", "content": ["a", "b"], "cache_control": EPHEMERAL})
    assert (last.cache, last.at) == (EPHEMERAL, "/messages/0/content/1")


# What is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["a"]}, "messages.0"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages.0.content.0.file"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "function", "name": "f", "content": "a"}]}, "messages.0"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages.0.tool_calls.0.function"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}]},
            "messages.0.tool_calls.0.function.arguments",
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": True}, "n"),
        ({"stop": ["a", 1]}, "stop.1"),
        ({"stop": 1}, "stop"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools.0.function.parameters"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none"}}},
            "tool_choice.allowed_tools.mode",
        ),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice.function.name"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format.type"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"stream_options": 1}, "stream_options"),
        ({"metadata": []}, "metadata"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RouterError) as raised:
        asked(**fields)
    assert (raised.value.kind, raised.value.param) == ("invalid_request", param)
    assert f"`{param}`" in raised.value.message


# Both sides the same --------------------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "Rules."},
        {"role": "system", "content": [{"type": "text", "text": "More.", "cache_control": EPHEMERAL}]},
        {"role": "user", "content": "Hello", "name": "Ann"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "document_url", "document_url": "https://e.org/a"},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_details": [
                TEXT,
                {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1", "index": 1},
                {"type": "reasoning.encrypted", "data": "D", "id": "rs", "format": "openai-responses-v1", "index": 1},
            ],
            "tool_calls": [
                {**CALL, "extra_content": {"google": {"thought_signature": "S"}}},
                {"id": "call_2", "type": "custom", "custom": {"name": "draw", "input": "a circle"}},
            ],
            "audio": {"id": "audio_1"},
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
        {
            "role": "tool",
            "tool_call_id": "call_2",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": "Well.", "reasoning": "t"},
        {"role": "system", "content": "Later."},
        {"role": "user", "content": " "},
    ],
    "tools": [
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {}, "strict": True}},
        {"type": "custom", "custom": {"name": "draw", "format": {"type": "text"}}},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "weather"}}, {"type": "custom", "custom": {"name": "draw"}}]}},
    "parallel_tool_calls": False,
    "max_completion_tokens": 100,
    "temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 7, "n": 2, "stop": ["END"],
    "logprobs": True, "top_logprobs": 2, "presence_penalty": 0.5, "frequency_penalty": -0.5, "logit_bias": {"5": 1},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "reasoning_effort": "xhigh",
    "user": "u" * 80, "metadata": {"a": "b"}, "service_tier": "flex", "safety_identifier": "s",
    "store": True, "verbosity": "low", "prompt_cache_key": "k", "modalities": ["text"],
    "stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False},
}  # fmt: skip

FUNCTIONS: dict[str, Any] = {
    "model": "m",
    "messages": [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ],
    "functions": [{"name": "f", "parameters": {"type": "object"}}],
    "function_call": {"name": "f"},
}


@pytest.mark.parametrize("body", [FULL, FUNCTIONS], ids=["full", "functions"])
def test_the_same_dialect_gets_the_request_back(body: dict[str, Any]) -> None:
    assert again(body) == canonical(body)


CLIENTS: list[Any] = [*corpus.sent_to("/chat/completions")] or [
    pytest.param(None, marks=pytest.mark.skip(corpus.NOT_GIVEN)),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each and f"{each.client}-{each.scenario}-{each.n}")
def test_what_clients_send_comes_back(client: corpus.Client) -> None:
    assert again(client.body) == canonical(client.body)


@pytest.mark.parametrize("name", [name for name in FULL if name not in ("model", "messages", "tools")])
def test_every_option_alone_comes_back(name: str) -> None:
    body = {"model": "m", "messages": HELLO, "tools": FULL["tools"], name: FULL[name]}
    if name == "stream_options":
        body["stream"] = True
    assert again(body) == canonical(body)


def again(body: dict[str, Any]) -> dict[str, Any]:
    """The request as a provider of the same dialect gets it, after holding it against what was read."""
    request = openai_chat.parse_request(body, body["model"], bool(body.get("stream")))
    call, losses = openai_chat.render_request(request, body["model"], {})
    assert list(losses) == []
    written = msgspec.json.decode(msgspec.json.encode(call.body))
    request.include_usage = request.is_stream  # usage is always wanted
    assert openai_chat.parse_request(written, body["model"], request.is_stream) == request
    return canonical(written)


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """The same request, said in one way: no nulls, nothing empty, one word for a list of one."""
    said: dict[str, Any] = without_nulls(body)
    said["messages"] = [{key: each for key, each in message.items() if each != ""} for message in said["messages"]]
    if said.pop("stream", False):
        said["stream"] = True
        said["stream_options"] = {**said.get("stream_options", {}), "include_usage": True}
    if isinstance(said.get("stop"), str):
        said["stop"] = [said["stop"]]
    return said


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
