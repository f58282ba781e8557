"""What a provider of chat completions is told: by callers of other dialects, and with each vendor's quirks."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters import openai_chat
from routerd.adapters.base import UNANSWERED, UNASKED
from routerd.adapters.vendors import VENDORS
from routerd.chat.parts import Media, Opaque, Part, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Tool, ToolChoice
from routerd.errors import RouterError
from tests.adapters import official

EPHEMERAL = {"type": "ephemeral"}
WEATHER = Tool(name="weather", schema={"type": "object"}, at="/tools/0")
TIME = Tool(name="time", at="/tools/1")


def request(*messages: Message, **fields: Any) -> ChatRequest:
    """A request of Anthropic's dialect, where nothing else is said."""
    return ChatRequest(**{"dialect": "anthropic", "model": "m", "messages": [*messages] or [user("Hello")], **fields})


def user(*parts: str | Part, at: str = "/messages/0") -> Message:
    return Message(role="user", parts=placed(parts, at), at=at)


def assistant(*parts: str | Part, at: str = "/messages/1") -> Message:
    return Message(role="assistant", parts=placed(parts, at), at=at)


def system(*parts: str | Part, at: str = "/system") -> Message:
    return Message(role="system", parts=placed(parts, at), at=at)


def placed(parts: tuple[str | Part, ...], at: str) -> list[Part]:
    made = [Text(part) if isinstance(part, str) else part for part in parts]
    for number, part in enumerate(made):
        part.at = f"{at}/content/{number}"
    return made


def told(
    asked: ChatRequest, model: str = "m", vendor: str | None = None, **quirks: Any
) -> tuple[dict[str, Any], list[str]]:
    """The body that a provider gets, and what is lost; valid by OpenAI's own types but for vendors' fields."""
    quirks = {**VENDORS[vendor].quirks, **quirks} if vendor else quirks
    call, losses = openai_chat.render_request(asked, model, quirks)
    assert call.path == "/chat/completions"
    if vendor is None:
        assert official.REQUEST["openai"](call.body) == []
    return call.body, list(losses)


def messages(*said: Message, vendor: str | None = None, **quirks: Any) -> list[dict[str, Any]]:
    body, _ = told(request(*said), vendor=vendor, **quirks)
    found: list[dict[str, Any]] = body["messages"]
    return found


# Options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "model", "said", "lost"),
    [
        ({"max_tokens": 5}, "gpt-5.2", {"max_completion_tokens": 5}, []),
        ({"max_tokens": 5}, "openai/o3-mini", {"max_completion_tokens": 5}, []),
        ({"max_tokens": 5}, "gpt-4.1", {"max_tokens": 5}, []),
        ({"max_tokens": 5}, "openai/gpt-oss-120b", {"max_tokens": 5}, []),
        ({"temperature": 0.5, "top_p": 0.5}, "gpt-4.1", {"temperature": 0.5, "top_p": 0.5}, []),
        ({"temperature": 0.5, "top_p": 1}, "gpt-5.2", {}, ["/temperature"]),
        ({"temperature": 1}, "gpt-5.2", {}, []),
        ({"temperature": 0.5}, "gpt-5-chat-latest", {"temperature": 0.5}, []),
        ({"top_k": 5}, "m", {}, ["/top_k"]),
        ({"stop": ["a"]}, "m", {"stop": ["a"]}, []),
        ({"stop": [*"abcde"]}, "m", {"stop": [*"abcd"]}, ["/stop/4"]),
        ({"stop": ["a"]}, "gpt-5.4", {}, ["/stop"]),
        ({"stop": ["a"], "where": {"stop": "/stop_sequences"}}, "openai/o3", {}, ["/stop_sequences"]),
        ({"stop": ["a"]}, "gpt-5.5", {"stop": ["a"]}, []),
        ({"stop": ["a"]}, "gpt-5-chat-latest", {"stop": ["a"]}, []),
        ({"user": "u", "where": {"user": "/metadata/user_id"}}, "m", {"user": "u"}, []),
        (
            {"user": "u" * 65},
            "m",
            {"user": "f20e249d15fa4b9f44ba21d154f62e1efa76ddfdce5d25139a33a4787cee5a8b"},
            [],
        ),
        ({"metadata": {"a": "b"}}, "m", {}, ["/metadata"]),
        ({"service_tier": "auto"}, "m", {}, []),
        ({"service_tier": "standard_only"}, "m", {"service_tier": "default"}, []),
        ({"service_tier": "other"}, "m", {}, ["/service_tier"]),
        ({"is_stream": True}, "m", {"stream": True, "stream_options": {"include_usage": True}}, []),
        ({"extra": {"/context_management": {}}}, "m", {}, ["/context_management"]),
        ({"tool_choice": ToolChoice(mode="required")}, "m", {}, ["/tool_choice"]),
        ({"parallel_tool_calls": False}, "m", {}, ["/parallel_tool_calls"]),
        (
            {"response_format": ResponseFormat(kind="schema", schema={"type": "object"})},
            "m",
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "reply", "schema": {"type": "object"}},
                }
            },
            [],
        ),
        ({"reasoning": Reasoning(effort="high")}, "gpt-5.2", {"reasoning_effort": "high"}, []),
        ({"reasoning": Reasoning(effort="max")}, "gpt-5.2", {"reasoning_effort": "xhigh"}, []),
        ({"reasoning": Reasoning(effort="max")}, "gpt-6.1-sol", {"reasoning_effort": "max"}, []),
        ({"reasoning": Reasoning(effort="max")}, "openai/o3", {"reasoning_effort": "high"}, []),
        ({"reasoning": Reasoning(effort="low")}, "gpt-5-pro", {"reasoning_effort": "high"}, []),
        ({"reasoning": Reasoning(effort="minimal")}, "gpt-5-mini", {"reasoning_effort": "minimal"}, []),
        ({"reasoning": Reasoning(effort="minimal")}, "gpt-5.1", {"reasoning_effort": "low"}, []),
        ({"reasoning": Reasoning(is_on=False)}, "gpt-5.1", {"reasoning_effort": "none"}, []),
        ({"reasoning": Reasoning(budget=0, is_on=False)}, "gpt-5.2", {"reasoning_effort": "none"}, []),
        ({"reasoning": Reasoning(is_on=False)}, "gpt-5", {"reasoning_effort": "minimal"}, ["/reasoning"]),
        ({"reasoning": Reasoning(is_on=False)}, "gpt-5.2-codex", {"reasoning_effort": "low"}, ["/reasoning"]),
        ({"reasoning": Reasoning(effort="low")}, "o1-mini", {}, ["/reasoning"]),
        ({"reasoning": Reasoning(is_on=False)}, "gpt-4.1", {}, []),
        ({"reasoning": Reasoning(effort="none")}, "gpt-5-chat-latest", {}, []),
        ({"logprobs": True, "top_logprobs": 2}, "gpt-5.2", {}, ["/logprobs", "/top_logprobs"]),
        ({"logprobs": True, "top_logprobs": 2}, "gpt-4.1", {"logprobs": True, "top_logprobs": 2}, []),
        ({"reasoning": Reasoning(effort="max")}, "gpt-oss-120b", {"reasoning_effort": "high"}, []),
        ({"reasoning": Reasoning(effort="minimal")}, "m", {"reasoning_effort": "low"}, []),
        ({"reasoning": Reasoning(effort="high")}, "gpt-4.1", {}, ["/reasoning"]),
        ({"reasoning": Reasoning(effort="high")}, "meta-llama/llama-3.3-70b", {}, ["/reasoning"]),
        ({"reasoning": Reasoning(is_on=True, budget=9000)}, "m", {"reasoning_effort": "medium"}, []),
        ({"reasoning": Reasoning(is_adaptive=True)}, "m", {}, ["/reasoning"]),
        (
            {"reasoning": Reasoning(effort="low", is_visible=True), "where": {"reasoning": "/thinking"}},
            "m",
            {"reasoning_effort": "low"},
            ["/thinking/display"],
        ),
        ({"reasoning": Reasoning(is_on=False), "where": {"reasoning": "/thinking"}}, "m", {}, ["/thinking"]),
        ({"reasoning": Reasoning(budget=-1)}, "m", {}, ["/reasoning"]),
    ],
)
def test_options(fields: dict[str, Any], model: str, said: dict[str, Any], lost: list[str]) -> None:
    expected = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **said}
    assert told(request(**fields), model) == (expected, lost)


@pytest.mark.parametrize(
    ("quirks", "reasoning", "said"),
    [
        ({"effort": "reasoning"}, Reasoning(effort="max"), {"reasoning": {"effort": "xhigh"}}),
        (
            {"effort": "reasoning"},
            Reasoning(is_on=True, budget=9000),
            {"reasoning": {"max_tokens": 9000, "enabled": True}},
        ),
        ({"effort": "reasoning"}, Reasoning(is_on=False), {"reasoning": {"enabled": False}}),
        ({"effort": "reasoning"}, Reasoning(is_adaptive=True), {"reasoning": {"enabled": True}}),
        ({"effort": "reasoning"}, Reasoning(budget=0), {"reasoning": {"enabled": False}}),
        ({"effort": "reasoning"}, Reasoning(is_visible=False), {"reasoning": {"exclude": True}}),
        ({"effort": "reasoning"}, Reasoning(), {}),
        ({"effort": "thinking"}, Reasoning(is_on=False), {"thinking": {"type": "disabled"}}),
        ({"effort": "thinking"}, Reasoning(is_on=True), {"thinking": {"type": "enabled"}}),
        ({"effort": "thinking"}, Reasoning(effort="max"), {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
        ({"effort": "thinking"}, Reasoning(is_adaptive=True), {"thinking": {"type": "enabled"}}),
        ({"effort": "high"}, Reasoning(effort="low"), {"reasoning_effort": "high"}),
        ({"effort": "high"}, Reasoning(is_on=False), {"reasoning_effort": "none"}),
        ({"effort": "none"}, Reasoning(effort="low"), None),
    ],
)
def test_effort(quirks: dict[str, Any], reasoning: Reasoning, said: dict[str, Any] | None) -> None:
    call, losses = openai_chat.render_request(request(reasoning=reasoning), "m", quirks)
    assert {name: call.body[name] for name in call.body.keys() - {"model", "messages"}} == (said or {})
    assert list(losses) == (["/reasoning"] if said is None else [])


@pytest.mark.parametrize(
    ("choice", "names", "said"),
    [
        (ToolChoice(mode="auto"), ["weather", "time"], "auto"),
        (ToolChoice(mode="none"), ["weather", "time"], "none"),
        (ToolChoice(mode="required"), ["weather", "time"], "required"),
        (
            ToolChoice(mode="required", names=["time"]),
            ["weather", "time"],
            {"type": "function", "function": {"name": "time"}},
        ),
        (ToolChoice(mode="auto", names=["time"]), ["time"], "auto"),
        (ToolChoice(mode="required", names=["time", "weather"]), ["weather", "time"], "required"),
        (ToolChoice(mode="required", names=["time", "x"]), ["time"], "required"),
    ],
)
def test_choices_of_several_leave_the_others_out(choice: ToolChoice, names: list[str], said: Any) -> None:
    body, lost = told(request(tools=[WEATHER, TIME], tool_choice=choice))
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert (body["tool_choice"], lost) == (said, [])


def test_tools() -> None:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    more: dict[str, Any] = {"description": "d", "schema": parameters, "strict": True}
    marked = Tool(name="f", **more, cache=EPHEMERAL, at="/tools/0", extra={"type": "custom"})
    served = Tool(name="web_search", raw={"type": "web_search_20250305"}, at="/tools/1")
    body, lost = told(request(tools=[marked, served], parallel_tool_calls=False))
    function = {"name": "f", "description": "d", "parameters": parameters, "strict": True}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["parallel_tool_calls"] is False
    assert lost == ["/tools/0/cache_control", "/tools/0/type", "/tools/1"]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ([user("Hello")], {"role": "system", "content": "Reply with one JSON object and nothing else."}),
        (
            [system("Rules."), user("Hello")],
            {"role": "system", "content": "Rules.\n\nReply with one JSON object and nothing else."},
        ),
        ([user("As Json.")], {"role": "user", "content": "As Json."}),
    ],
)
def test_json_has_to_be_asked_for_in_words(said: list[Message], first: dict[str, Any]) -> None:
    body, _ = told(request(*said, response_format=ResponseFormat(kind="json")))
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0] == first


# Messages -------------------------------------------------------------------------------------------------------

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def png() -> Media:
    return Media("image", media_type="image/png", data="AA==")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            [user("a", "b")],
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
        ),
        ([user("a", png())], [{"role": "user", "content": [{"type": "text", "text": "a"}, PNG]}]),
        ([user()], [{"role": "user", "content": ""}]),
        (
            [system("a", "b"), system("c"), user("d")],
            [{"role": "system", "content": "a\n\nb\n\nc"}, {"role": "user", "content": "d"}],
        ),
        (
            [user("a"), system("b", at="/messages/1"), user("c")],
            [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "user", "content": "c"}],
        ),
        ([user("a"), assistant("b", "c")], [{"role": "user", "content": "a"}, {"role": "assistant", "content": "bc"}]),
        (
            [user("a"), assistant("b"), assistant("c")],
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": "bc"}],
        ),
        ([user("a"), assistant()], [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]),
    ],
)
def test_messages(said: list[Message], expected: list[Any]) -> None:
    assert messages(*said) == expected


def called(*ids: str) -> Message:
    return assistant(*(ToolCall(id_, "weather", "{}") for id_ in ids))


def test_the_same_dialect_keeps_its_order_and_its_names() -> None:
    said: list[dict[str, Any]] = [
        {"role": "user", "content": "Hello"},
        {"role": "tool", "tool_call_id": "call_0", "content": "an orphan", "name": "look"},
        {"role": "user", "content": "So?"},
    ]
    body, lost = told(openai_chat.parse_request({"messages": said}, "m", False), vendor="openai")
    assert (body["messages"], lost) == (said, [])


def test_a_system_message_that_the_user_says_is_told() -> None:
    late = system("Now be brief.", at="/messages/1")
    body, lost = told(request(user("Hello"), late))
    assert [message["role"] for message in body["messages"]] == ["user", "user"]
    assert lost == ["/messages/1/role"]
    assert told(request(user("Hello"), late), vendor="openai")[1] == []


def test_results_come_first_and_show_their_images_after() -> None:
    found = messages(
        user("Weather?"),
        called("a", "b"),
        user(
            "Go on.",
            ToolResult("b", [Text("no city")], is_error=True),
            ToolResult("a", [Text("sun"), Text("warm"), png()]),
            at="/messages/2",
        ),
    )
    assert [message["role"] for message in found] == ["user", "assistant", "tool", "tool", "user"]
    assert found[1]["content"] is None
    assert [(message["tool_call_id"], message["content"]) for message in found[2:4]] == [
        ("b", "Error: no city"),
        ("a", "sun\nwarm"),
    ]
    assert found[4]["content"] == [
        {"type": "text", "text": "From the tool call a:"},
        PNG,
        {"type": "text", "text": "Go on."},
    ]


def test_a_result_that_only_shows() -> None:
    found = messages(user("Look."), called("a"), user(ToolResult("a", [png()])))
    assert found[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "(shown in the next message)"},
        {"role": "user", "content": [{"type": "text", "text": "From the tool call a:"}, PNG]},
    ]


def test_a_system_message_between_call_and_result_waits() -> None:
    found = messages(user("a"), called("a"), system("b", at="/messages/2"), user(ToolResult("a")), system="anywhere")
    assert [message["role"] for message in found] == ["user", "assistant", "tool", "system"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([user("a"), called("a"), user("b")], ["user", "assistant", "tool", "user"]),
        ([user("a"), called("a")], ["user", "assistant", "tool"]),
        ([user("a"), called("a"), user(ToolResult("b", [Text("sun")]))], ["user", "assistant", "tool", "user"]),
        ([user(ToolResult("a", [Text("sun")]))], ["user"]),
    ],
)
def test_calls_and_results_that_do_not_match_are_made_to(said: list[Message], expected: list[str]) -> None:
    """As towards Anthropic and Gemini: a call gets a result that says there is none, an orphan is told in words."""
    found = messages(*said)
    assert [message["role"] for message in found] == expected
    answers = [message["content"] for message in found if message["role"] == "tool"]
    assert answers == [UNANSWERED] * expected.count("tool")
    if any(isinstance(part, ToolResult) for message in said for part in message.parts):
        assert UNASKED in str(found[-1]["content"]) and "sun" in str(found[-1]["content"])


@pytest.mark.parametrize(
    ("said", "param", "word"),
    [
        ([user(Media("video", url="https://e.org/a"))], "messages.0.content.0", "film"),
        ([user(Media("document", file_id="file_1"))], "messages.0.content.0", "another provider"),
        ([user(Media("document", url="https://e.org/a"))], "messages.0.content.0", "send its data"),
        ([user(Media("image"))], "messages.0.content.0", "neither"),
    ],
)
def test_what_can_not_be_said_is_refused(said: list[Message], param: str, word: str) -> None:
    with pytest.raises(RouterError, match=word) as raised:
        messages(*said)
    assert (raised.value.kind, raised.value.param) == ("invalid_request", param)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            Media("image", url="https://e.org/a", detail="low"),
            {"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "low"}},
        ),
        (
            Media("audio", media_type="audio/mpeg", data="AA=="),
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        ),
        (
            Media("document", media_type="application/pdf", data="AA=="),
            {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,AA=="}},
        ),
        (Media("document", text="Once.", name="story"), {"type": "text", "text": "story:\nOnce."}),
    ],
)
def test_media(part: Media, said: dict[str, Any]) -> None:
    [message] = messages(user(part, "?"))
    assert message["content"][0] == said


def test_what_is_lost_is_declared() -> None:
    said = [
        system(Text("Rules.", cache=EPHEMERAL)),
        user(Text("a", cache=EPHEMERAL, extra={"citations": []}), Opaque("anthropic", {"type": "search_result"})),
        assistant(
            Thinking("t", Signature("anthropic", "S")),
            Text("b", Signature("gemini", "S")),
            ToolCall("c", "weather", signature=Signature("gemini", "S"), cache=EPHEMERAL),
            png(),
        ),
        user(ToolResult("c", [Text("d", cache=EPHEMERAL), Opaque("anthropic", {})], cache=EPHEMERAL), at="/messages/2"),
    ]
    for number, part in enumerate(said[3].parts[0].parts):  # type: ignore[attr-defined]
        part.at = f"/messages/2/content/0/content/{number}"
    _, lost = told(request(*said))
    assert sorted(lost) == [
        "/messages/0/content/0/cache_control",
        "/messages/0/content/0/citations",
        "/messages/0/content/1",
        "/messages/1/content/0",
        "/messages/1/content/1/signature",
        "/messages/1/content/2/cache_control",
        "/messages/1/content/2/signature",
        "/messages/1/content/3",
        "/messages/2/content/0/cache_control",
        "/messages/2/content/0/content/0/cache_control",
        "/messages/2/content/0/content/1",
        "/system/content/0/cache_control",
    ]


# Quirks ---------------------------------------------------------------------------------------------------------


def thoughtful() -> list[Message]:
    call = ToolCall("call_1", "weather", "{}", Signature("gemini", "G"))
    thought = assistant(Thinking("t", Signature("anthropic", "S")), "b", call)
    return [user("a"), thought, user(ToolResult("call_1"), at="/messages/2")]


TEXT = {"type": "reasoning.text", "text": "t", "signature": "S", "format": "anthropic-claude-v1", "index": 0}
SEAL = {"type": "reasoning.encrypted", "data": "G", "id": "call_1", "format": "google-gemini-v1", "index": 1}


@pytest.mark.parametrize(
    ("vendor", "fields", "lost"),
    [
        ("openai", {"content": "b"}, ["/messages/1/content/0", "/messages/1/content/2/signature"]),
        ("groq", {"content": "b"}, ["/messages/1/content/0", "/messages/1/content/2/signature"]),
        (
            "deepseek",
            {"content": "b", "reasoning_content": "t"},
            ["/messages/1/content/0/signature", "/messages/1/content/2/signature"],
        ),
        (
            "vllm",
            {"content": "b", "reasoning": "t"},
            ["/messages/1/content/0/signature", "/messages/1/content/2/signature"],
        ),
        ("openrouter", {"content": "b", "reasoning_details": [TEXT, SEAL]}, []),
        (
            "mistral",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "b"},
                ]
            },
            ["/messages/1/content/2/signature"],
        ),
    ],
)
def test_thinking_goes_back_where_the_vendor_wants_it(vendor: str, fields: dict[str, Any], lost: list[str]) -> None:
    body, losses = told(request(*thoughtful()), vendor=vendor)
    found = body["messages"][1]
    assert {name: found[name] for name in found.keys() - {"role", "tool_calls"}} == fields
    assert losses == lost


def test_a_call_without_a_thought_where_one_is_needed() -> None:
    found = messages(user("a"), called("c"), user(ToolResult("c")), vendor="deepseek")
    assert found[1]["reasoning_content"] == ""


@pytest.mark.parametrize(
    ("reasoning", "lost"),
    [(None, []), (Reasoning(effort="none"), []), (Reasoning(effort="low"), ["/reasoning"])],
)
def test_who_forces_no_tool_while_thinking_does_not_think(reasoning: Reasoning | None, lost: list[str]) -> None:
    asked = request(tools=[WEATHER], tool_choice=ToolChoice(mode="required"), reasoning=reasoning)
    body, losses = told(asked, vendor="deepseek")
    assert (body["thinking"], body["tool_choice"], losses) == ({"type": "disabled"}, "required", lost)
    free, _ = told(request(tools=[WEATHER], tool_choice=ToolChoice(mode="auto")), vendor="deepseek")
    assert "thinking" not in free


@pytest.mark.parametrize(
    ("model", "reasoning", "quirks", "effort", "lost"),
    [
        ("gpt-5.2", Reasoning(effort="high"), {}, "high", []),
        ("gpt-5.4", Reasoning(effort="high"), {}, None, ["/reasoning"]),
        ("gpt-5.4-mini", Reasoning(effort="none"), {}, None, []),
        ("gpt-5.5", None, {}, "none", []),
        ("gpt-5.6-terra", Reasoning(is_adaptive=True), {}, "none", ["/reasoning"]),
        ("gpt-6.1-sol", Reasoning(is_on=False), {}, "none", []),
        ("openai/gpt-5.5", Reasoning(effort="high"), {}, "high", []),
        ("gpt-5.5", Reasoning(effort="high"), {"effort": "reasoning_effort"}, "high", []),
    ],
)
def test_the_newest_of_openai_do_not_think_beside_tools(
    model: str, reasoning: Reasoning | None, quirks: dict[str, Any], effort: str | None, lost: list[str]
) -> None:
    body, losses = told(request(tools=[WEATHER], reasoning=reasoning), model, **quirks)
    assert (body.get("reasoning_effort"), losses) == (effort, lost)


CITY = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"additionalProperties": False}, {"type": "object", "properties": {}, "additionalProperties": False}),
        (CITY, CITY),
        (
            {**CITY, "properties": {"a": {"type": "array"}, "b": {"anyOf": [{"type": ["array", "null"]}]}}},
            {
                **CITY,
                "properties": {
                    "a": {"type": "array", "items": {}},
                    "b": {"anyOf": [{"type": ["array", "null"], "items": {}}]},
                },
            },
        ),
        (
            {
                **CITY,
                "properties": {"type": {"enum": ["array"]}, "items": {"type": "array", "items": {"type": "array"}}},
            },
            {
                **CITY,
                "properties": {
                    "type": {"enum": ["array"]},
                    "items": {"type": "array", "items": {"type": "array", "items": {}}},
                },
            },
        ),
        ({"anyOf": [CITY, CITY]}, {"anyOf": [CITY, CITY]}),
        ({**CITY, "properties": None, "required": 1}, {**CITY, "properties": None, "required": 1}),
    ],
)
def test_parameters_say_what_openai_wants_to_hear(schema: dict[str, Any] | None, said: dict[str, Any]) -> None:
    body, lost = told(request(tools=[Tool(name="f", schema=schema, at="/tools/0")]))
    assert (body["tools"][0]["function"]["parameters"], lost) == (said, [])


@pytest.mark.parametrize(
    ("schema", "is_told"),
    [
        ({**CITY, "required": ["city"], "additionalProperties": False}, True),
        ({"type": "object", "additionalProperties": False}, True),
        ({**CITY, "required": ["city"]}, False),
        ({**CITY, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": CITY}, "required": ["a"], "additionalProperties": False}, False),
    ],
)
def test_strict_is_said_of_what_openai_takes_for_strict(schema: dict[str, Any], *, is_told: bool) -> None:
    body, lost = told(request(tools=[Tool(name="f", schema=schema, strict=True, at="/tools/0")]))
    assert ("strict" in body["tools"][0]["function"], lost) == (is_told, [] if is_told else ["/tools/0/strict"])


@pytest.mark.parametrize(
    ("image", "url"),
    [
        (Media("image", media_type="image/jpg", data="aGk="), "data:image/jpeg;base64,aGk="),
        (Media("image", media_type="image/png", data="/9j/4AAQ"), "data:image/jpeg;base64,/9j/4AAQ"),
        (Media("image", data="aGk="), "data:image/png;base64,aGk="),
    ],
)
def test_an_image_has_the_type_that_its_bytes_tell(image: Media, url: str) -> None:
    assert messages(user(image))[0]["content"] == [{"type": "image_url", "image_url": {"url": url}}]


def test_a_shortened_id_is_shortened_in_words_as_well() -> None:
    id_ = "toolu_" + "x" * 60
    image = Media("image", media_type="image/png", data="iVBO")
    said = messages(user("a"), assistant(ToolCall(id_, "weather")), user(ToolResult(id_, [image])))
    short = said[1]["tool_calls"][0]["id"]
    assert said[3]["content"][0]["text"] == f"From the tool call {short}:"


def test_mistral_gets_ids_of_its_own_and_no_user_after_a_tool() -> None:
    found = messages(user("a"), called("toolu_1", "D681PevKs"), user(ToolResult("toolu_1", [Text("sun")]),
        ToolResult("D681PevKs"), "Go on.", "Now."), vendor="mistral")  # fmt: skip
    ids = [call["id"] for call in found[1]["tool_calls"]]
    assert ids[1] == "D681PevKs"
    assert len(ids[0]) == 9
    assert ids[0].isalnum()
    assert found[2:] == [
        {"role": "tool", "tool_call_id": ids[0], "content": "sun"},
        {"role": "tool", "tool_call_id": ids[1], "content": "Go on.\n\nNow."},
    ]
    shown = messages(user("a"), called("c"), user(ToolResult("c", [Text("sun")]), png()), vendor="mistral")
    assert shown[-1]["content"] == [{"type": "text", "text": "sun"}, PNG]


def test_long_ids_are_shortened_alike() -> None:
    long = "functions.weather:" + "1" * 40
    found = messages(user("a"), called(long), user(ToolResult(long)))
    [call] = found[1]["tool_calls"]
    assert len(call["id"]) <= 40
    assert call["id"] == found[2]["tool_call_id"]


OWN = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "x": 1},
        {"role": "user", "content": "c", "name": "Ann", "cache_control": EPHEMERAL},
        {"role": "assistant", "content": "d", "reasoning_content": "t"},
        {"role": "user", "content": "e"},
    ],
    "max_completion_tokens": 5,
    "max_tokens": 4,
    "seed": 7,
    "logprobs": True,
    "user": "u",
    "store": False,
    "reasoning_effort": "medium",
    "stream_options": {"include_obfuscation": False},
}  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "options", "said", "lost"),
    [
        (
            "mistral",
            {"max_tokens": 5, "random_seed": 7, "reasoning_effort": "high", "stream": True},
            [
                {"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "user", "content": "c"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                        {"type": "text", "text": "d"},
                    ],
                },
                {"role": "user", "content": "e"},
            ],
            [
                "/messages/0/x", "/messages/1/cache_control", "/messages/1/name",
                "/stream_options/include_obfuscation", "/max_tokens", "/logprobs", "/store", "/user",
            ],
        ),
        (
            "groq",
            {
                "max_completion_tokens": 5, "max_tokens": 4, "seed": 7, "user": "u", "store": False,
                "reasoning_effort": "medium", "stream": True,
                "stream_options": {"include_usage": True, "include_obfuscation": False},
            },
            [
                {"role": "system", "content": "a\n\nb"},
                {"role": "user", "content": "c"},
                {"role": "assistant", "content": "d"},
                {"role": "user", "content": "e"},
            ],
            [
                "/messages/0/x", "/messages/1/cache_control", "/messages/1/name",
                "/messages/2/reasoning_content", "/logprobs",
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_strict_vendor_refuses_is_left_out_of_its_own_dialect(
    vendor: str, options: dict[str, Any], said: list[Any], lost: list[str]
) -> None:
    body, losses = told(openai_chat.parse_request(OWN, "m", True), vendor=vendor)
    assert body == {"model": "m", "messages": said, **options}
    assert losses == lost


def test_openrouter_reads_marks() -> None:
    said = [
        system(Text("Rules.", cache=EPHEMERAL)),
        user("a"),
        called("c"),
        user(ToolResult("c", [Text("d")], cache=EPHEMERAL), at="/messages/2"),
    ]
    body, lost = told(request(*said, tools=[Tool(name="f", cache=EPHEMERAL)], top_k=5), vendor="openrouter")
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Rules.", "cache_control": EPHEMERAL}]
    assert body["messages"][3]["content"] == [{"type": "text", "text": "d", "cache_control": EPHEMERAL}]
    assert body["tools"][0]["cache_control"] == EPHEMERAL
    assert (body["top_k"], lost) == (5, [])


@pytest.mark.parametrize("vendor", [each for each, row in VENDORS.items() if row.adapter == "openai"])
def test_every_vendor_can_be_told_everything(vendor: str) -> None:
    said = [system("Rules.", "More."), *thoughtful(), assistant("Well."), system("Later."), user("b", png())]
    asked = request(*said, tools=[WEATHER], tool_choice=ToolChoice(mode="auto"), reasoning=Reasoning(effort="high"))
    body, _ = told(asked, vendor=vendor)
    assert body["tools"][0]["function"]["name"] == "weather"
    assert body["messages"][0]["role"] == "system"
