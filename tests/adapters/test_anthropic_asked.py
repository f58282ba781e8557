"""What callers of Anthropic's dialect ask: every field of the request, and what becomes of it on its way back."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters import anthropic
from routerd.chat.parts import Media, Opaque, Part, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Tool, ToolChoice
from routerd.errors import RouterError
from tests.adapters import official

ASK: dict[str, Any] = {"model": "m", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hi"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOK: dict[str, Any] = {"name": "look", "input_schema": SCHEMA}
CACHE = {"type": "ephemeral", "ttl": "1h"}


def parse(body: dict[str, Any]) -> ChatRequest:
    return anthropic.parse_request(body, body.get("model", "m"), bool(body.get("stream")))


def comes_back(body: dict[str, Any], model: str = "claude-opus-4-8") -> None:
    """The same adapter on both sides gives the request back, and Anthropic's own types accept it."""
    body = body | {"model": model}
    asked = parse(body)
    call, losses = anthropic.render_request(asked, model, {})
    assert list(losses) == []
    assert call.path == "/messages"
    assert call.body == body
    assert parse(call.body) == asked
    assert official.REQUEST["anthropic"](call.body) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"max_tokens": 1024}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5, "top_k": 5}, {"top_p": 0.5, "top_k": 5}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stream": True}, {"is_stream": True}),
        ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
        ({"metadata": {"user_id": "u-1"}}, {"user": "u-1"}),
        ({"metadata": None, "thinking": None, "tools": None, "stop_sequences": None}, {"user": None, "tools": []}),
        ({"tool_choice": {"type": "auto"}}, {"tool_choice": ToolChoice(mode="auto"), "parallel_tool_calls": None}),
        ({"tool_choice": {"type": "any"}}, {"tool_choice": ToolChoice(mode="required")}),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": ToolChoice(mode="none")}),
        (
            {"tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True}},
            {"tool_choice": ToolChoice(mode="required", names=["look"]), "parallel_tool_calls": False},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            {"reasoning": Reasoning(is_on=True, budget=2048)},
        ),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
            {"reasoning": Reasoning(is_on=True, is_adaptive=True, effort="max", is_visible=True)},
        ),
        ({"thinking": {"type": "disabled"}}, {"reasoning": Reasoning(is_on=False)}),
        (
            {"thinking": {"type": "between_tools"}},
            {"reasoning": Reasoning(is_on=False), "extra": {"/thinking/type": "between_tools"}},
        ),
        (
            {"thinking": {"type": "adaptive", "display": "updates", "block_binding": {}}},
            {"extra": {"/thinking/display": "updates", "/thinking/block_binding": {}}},
        ),
        ({"output_config": {"effort": "low"}}, {"reasoning": Reasoning(effort="low")}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {"response_format": ResponseFormat(kind="schema", schema=SCHEMA)},
        ),
        (
            {"output_format": {"type": "json_schema", "schema": SCHEMA}},
            {"response_format": ResponseFormat(kind="schema", schema=SCHEMA)},
        ),
        (
            {"container": "c-1", "context_management": {"edits": []}, "output_config": {"task_budget": {"total": 1}}},
            {
                "extra": {
                    "/container": "c-1",
                    "/context_management": {"edits": []},
                    "/output_config/task_budget": {"total": 1},
                }
            },
        ),
    ],
)
def test_options(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    asked = parse(ASK | fields)
    assert {name: getattr(asked, name) for name in expected} == expected
    assert (asked.dialect, asked.model) == ("anthropic", "m")


@pytest.mark.parametrize(
    ("fields", "name", "pointer"),
    [
        ({"stop_sequences": ["a"]}, "stop", "/stop_sequences"),
        ({"metadata": {"user_id": "u"}}, "user", "/metadata/user_id"),
        ({"thinking": {"type": "disabled"}}, "reasoning", "/thinking"),
        ({"output_config": {"effort": "low"}}, "reasoning", "/output_config/effort"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
            "response_format",
            "/output_config/format",
        ),
        ({"output_format": {"type": "json_schema", "schema": {}}}, "response_format", "/output_format"),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            "parallel_tool_calls",
            "/tool_choice/disable_parallel_tool_use",
        ),
        ({}, "temperature", "/temperature"),
    ],
)
def test_where_an_option_stands(fields: dict[str, Any], name: str, pointer: str) -> None:
    assert parse(ASK | fields).pointer(name) == pointer


def image(source: dict[str, Any]) -> dict[str, Any]:
    return {"type": "image", "source": source}


def document(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "document", "source": source, **more}


BLOCKS: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "a", "cache_control": CACHE}, Text(text="a", cache=CACHE)),
    ({"type": "text", "text": "a", "citations": [{"type": "x"}]}, Text(text="a", extra={"citations": [{"type": "x"}]})),
    (
        image({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}),
        Media(kind="image", media_type="image/png", data="iVBORw0KGgo="),
    ),
    (image({"type": "url", "url": "https://e.x/a.png"}), Media(kind="image", url="https://e.x/a.png")),
    (image({"type": "file", "file_id": "file_1"}), Media(kind="image", file_id="file_1")),
    (
        document({"type": "base64", "media_type": "application/pdf", "data": "JVBE"}, title="T", context="c"),
        Media(kind="document", media_type="application/pdf", data="JVBE", name="T", extra={"context": "c"}),
    ),
    (
        document({"type": "text", "media_type": "text/plain", "data": "words"}, citations={"enabled": True}),
        Media(kind="document", media_type="text/plain", text="words", extra={"citations": {"enabled": True}}),
    ),
    (document({"type": "url", "url": "https://e.x/a.pdf"}), Media(kind="document", url="https://e.x/a.pdf")),
    (
        document({"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        Media(
            kind="document",
            text="a\n\nb",
            extra={
                "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
            },
        ),
    ),
    (
        {"type": "search_result", "source": "s", "title": "t", "content": [], "cache_control": CACHE},
        Opaque(
            dialect="anthropic",
            raw={"type": "search_result", "source": "s", "title": "t", "content": [], "cache_control": CACHE},
            cache=CACHE,
        ),
    ),
]


@pytest.mark.parametrize(("block", "part"), BLOCKS)
def test_blocks_of_the_user(block: dict[str, Any], part: Part) -> None:
    body = ASK | {"messages": [{"role": "user", "content": [block]}]}
    part.at = "/messages/0/content/0"
    assert parse(body).messages[0].parts == [part]
    if "citations" not in block or block["type"] != "text":
        comes_back(body)


def test_a_turn_with_tools() -> None:
    body = ASK | {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHE}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "system", "content": [{"type": "text", "text": "It is late.", "cache_control": CACHE}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                    {"type": "redacted_thinking", "data": "EmwK"},
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "look",
                        "input": {"at": 1},
                        "caller": {"type": "direct"},
                    },
                    {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [
                            {"type": "text", "text": "fine"},
                            image({"type": "url", "url": "https://e.x/a.png"}),
                            {"type": "tool_reference", "tool_name": "look"},
                        ],
                        "cache_control": CACHE,
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "broken", "is_error": True},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
        "tools": [{"name": "look", "input_schema": SCHEMA}],
    }
    asked = parse(body)
    assert [message.role for message in asked.messages] == ["system", "user", "system", "assistant", "user"]
    assert [message.at for message in asked.messages] == ["/system", *(f"/messages/{index}" for index in range(4))]
    assert asked.messages[3].parts == [
        Thinking(text="Hm.", signature=Signature("anthropic", "EqQB"), at="/messages/2/content/0"),
        Thinking(text="", signature=Signature("anthropic", "EmwK"), is_redacted=True, at="/messages/2/content/1"),
        ToolCall(
            id="toolu_1",
            name="look",
            arguments='{"at":1}',
            at="/messages/2/content/2",
            extra={"caller": {"type": "direct"}},
        ),
        ToolCall(id="toolu_2", name="look", arguments="{}", at="/messages/2/content/3"),
    ]
    first, second, text = asked.messages[4].parts
    assert isinstance(first, ToolResult) and len(first.parts) == 3 and first.cache == CACHE
    at = "/messages/3/content/1"
    broken = Text(text="broken", at=f"{at}/content")
    assert second == ToolResult(id="toolu_2", parts=[broken], is_error=True, at=at)
    assert text == Text(text="Go on.", at="/messages/3/content/2")
    comes_back(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"system": "Be brief."},
        {"system": [{"type": "text", "text": "Be brief."}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Late.", "clear_at": "never"}]},
        {"tools": [{"type": "web_search_20260209", "name": "web_search", "max_uses": 3, "cache_control": CACHE}]},
        {"tools": [LOOK | {"description": "d", "strict": True, "cache_control": CACHE}]},
        {"tools": [LOOK | {"input_examples": [{}], "eager_input_streaming": True, "defer_loading": True}]},
        {"tools": [LOOK], "tool_choice": {"type": "any", "disable_parallel_tool_use": False}},
        {"tools": [LOOK], "tool_choice": {"type": "tool", "name": "look"}},
        {"tools": [LOOK], "tool_choice": {"type": "none"}},
        {"thinking": {"type": "adaptive", "display": "updates"}, "output_config": {"effort": "xhigh"}},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
        {"mcp_servers": [{"type": "url", "name": "n", "url": "https://e.x"}], "container": "c", "inference_geo": "us"},
        {"speed": "fast", "service_tier": "auto", "cache_control": {"type": "ephemeral"}},
        {"diagnostics": {"previous_message_id": "msg_1"}, "fallbacks": "default", "metadata": {"user_id": "u"}},
        {"stop_sequences": ["END"], "stream": True},
    ],
)  # fmt: skip
def test_what_comes_back(fields: dict[str, Any]) -> None:
    comes_back(ASK | fields)


def test_a_message_that_only_directs_stays_where_it_is() -> None:
    talk = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
        {"role": "user", "content": "Hi"},
    ]
    call, losses = anthropic.render_request(parse(ASK | {"messages": talk}), "claude-opus-5-5", {})
    assert (call.body["messages"], list(losses)) == (talk, [])


def test_older_models_take_older_fields() -> None:
    comes_back(
        ASK | {"thinking": {"type": "enabled", "budget_tokens": 1023 + 1}, "max_tokens": 4096}, "claude-haiku-4-5"
    )
    comes_back(ASK | {"temperature": 0.25, "top_k": 3}, "claude-haiku-4-5")
    comes_back(ASK | {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4096}, "claude-sonnet-4-6")


@pytest.mark.parametrize(
    ("model", "thinking", "lost"),
    [
        (
            "claude-3-5-haiku-20241022",
            {"type": "adaptive", "block_binding": {}},
            ["/thinking", "/thinking/block_binding"],
        ),
        ("claude-3-5-haiku-20241022", {"type": "between_tools"}, ["/thinking/type"]),
        ("claude-fable-5", {"type": "between_tools"}, ["/thinking", "/thinking/type"]),
    ],
)
def test_what_stands_beside_thinking_goes_with_it(model: str, thinking: dict[str, Any], lost: list[str]) -> None:
    call, losses = anthropic.render_request(parse(ASK | {"thinking": thinking}), model, {})
    assert "thinking" not in call.body
    assert list(losses) == lost


def test_a_model_of_somebody_elses_is_told_everything() -> None:
    comes_back(ASK | {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}, "top_p": 1}, "glm-5")


def test_tools() -> None:
    raw = {"type": "bash_20250124", "name": "bash", "cache_control": CACHE}
    own = {"type": "custom", "name": "look", "description": "d", "input_schema": SCHEMA, "strict": False, "x": 1}
    assert parse(ASK | {"tools": [raw, own]}).tools == [
        Tool(name="bash", raw=raw, cache=CACHE, at="/tools/0"),
        Tool(name="look", description="d", schema=SCHEMA, strict=False, at="/tools/1", extra={"x": 1}),
    ]


def test_foreign_signatures_come_back() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "routerd:gemini:QUJD:x"}
    body = ASK | {"messages": [{"role": "assistant", "content": [block, {"type": "thinking", "thinking": "a"}]}]}
    assert parse(body).messages == [
        Message(
            role="assistant",
            parts=[
                Thinking(text="", signature=Signature("gemini", "QUJD:x"), at="/messages/0/content/0"),
                Thinking(text="a", at="/messages/0/content/1"),
            ],
            at="/messages/0",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages.0"),
        ({"messages": [{"content": "Hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"text": "a"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.source"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": ""}}]}]},
            "messages.0.content.0.source.media_type",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": "c"}]}
                ]
            },
            "messages.0.content.0.input",
        ),
        ({"system": 1}, "system"),
        ({"max_tokens": "1"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": [1]}, "stop_sequences.0"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "sometimes"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"effort": "extreme"}}, "output_config.effort"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id"),
    ],
)
def test_wrong_types_name_their_place(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RouterError) as caught:
        parse(ASK | fields)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", param)
