"""What Anthropic's models are asked, whoever's caller it comes from: options, tools, thinking, formats."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest

from routerd.adapters import anthropic
from routerd.adapters.anthropic_models import abilities
from routerd.chat.parts import Media, Part, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice
from routerd.errors import RouterError
from tests.adapters import official

NEW, ALWAYS, OLD, SIX = "claude-opus-4-8", "claude-opus-5-5", "claude-haiku-4-5", "claude-sonnet-4-6"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOK = Tool(name="look", description="Looks.", schema=SCHEMA, at="/tools/0")
CACHE = {"type": "ephemeral"}


def user(*parts: Part | str) -> Message:
    return said("user", *parts)


def said(role: Role, *parts: Part | str, at: str = "") -> Message:
    return Message(role=role, parts=[Text(text=part) if isinstance(part, str) else part for part in parts], at=at)


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    where = {"reasoning": "/reasoning_effort", "max_tokens": "/max_completion_tokens"}
    talk = list(messages) or [user("Hi")]
    return ChatRequest(**{"dialect": "openai", "model": "m", "messages": talk, "where": where} | fields)


def rendered(request: ChatRequest, model: str = NEW) -> tuple[dict[str, Any], list[str]]:
    call, losses = anthropic.render_request(request, model, {})
    assert official.REQUEST["anthropic"](call.body) == []
    return call.body, list(losses)


def refused(request: ChatRequest, model: str = NEW) -> RouterError:
    with pytest.raises(RouterError) as caught:
        anthropic.render_request(request, model, {})
    assert caught.value.kind == "invalid_request"
    return caught.value


# Options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields", "body", "lost"),
    [
        (NEW, {}, {"max_tokens": 64000}, []),
        (OLD, {}, {"max_tokens": 64000}, []),
        ("claude-3-haiku-20240307", {}, {"max_tokens": 4096}, []),
        ("claude-3-5-haiku-latest", {}, {"max_tokens": 8192}, []),
        ("glm-5", {}, {"max_tokens": 8192}, []),
        (NEW, {"max_tokens": 10}, {"max_tokens": 10}, []),
        (NEW, {"max_tokens": 500_000}, {"max_tokens": 128_000}, []),
        ("glm-5", {"max_tokens": 500_000}, {"max_tokens": 500_000}, []),
        (OLD, {"temperature": 0.3}, {"temperature": 0.3}, []),
        (OLD, {"temperature": 1.7}, {"temperature": 1}, ["/temperature"]),
        (NEW, {"temperature": 0.3}, {}, ["/temperature"]),
        (NEW, {"temperature": 1, "top_p": 1}, {}, []),
        (NEW, {"top_p": 0.5, "top_k": 4}, {}, ["/top_p", "/top_k"]),
        (OLD, {"top_p": 0.5, "top_k": 4}, {"top_p": 0.5, "top_k": 4}, []),
        (OLD, {"temperature": 0.3, "top_p": 0.5}, {"temperature": 0.3}, ["/top_p"]),
        (OLD, {"temperature": 0.3, "top_p": 1}, {"temperature": 0.3}, []),
        ("claude-3-haiku-20240307", {"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}, []),
        (NEW, {"stop": ["END", "\n", " "]}, {"stop_sequences": ["END"]}, ["/stop/1", "/stop/2"]),
        (NEW, {"stop": ["END"]}, {"stop_sequences": ["END"]}, []),
        (NEW, {"stop": ["\n"]}, {}, ["/stop"]),
        (NEW, {"user": "u-1"}, {"metadata": {"user_id": "u-1"}}, []),
        (NEW, {"user": "u" * 257}, {}, ["/user"]),
        (NEW, {"service_tier": "auto"}, {"service_tier": "auto"}, []),
        (NEW, {"service_tier": "default"}, {"service_tier": "standard_only"}, []),
        (NEW, {"service_tier": "flex"}, {}, ["/service_tier"]),
        (NEW, {"is_stream": True, "include_usage": True}, {"stream": True}, []),
        (NEW, {"n": 1}, {}, []),
        (NEW, {"seed": 0}, {}, ["/seed"]),
        (
            NEW,
            {"logprobs": True, "top_logprobs": 2, "presence_penalty": 0.5, "frequency_penalty": 0.5},
            {},
            ["/logprobs", "/top_logprobs", "/presence_penalty", "/frequency_penalty"],
        ),
        (NEW, {"presence_penalty": 0, "frequency_penalty": 0.0, "logprobs": False}, {}, []),
        (NEW, {"logit_bias": {"1": 1}, "metadata": {"a": "b"}}, {}, ["/logit_bias", "/metadata"]),
        (NEW, {"extra": {"/prediction": {}, "/audio/voice": "x"}}, {}, ["/prediction", "/audio/voice"]),
    ],
)
def test_options(model: str, fields: dict[str, Any], body: dict[str, Any], lost: list[str]) -> None:
    found, losses = rendered(ask(**fields), model)
    assert {"max_tokens": found["max_tokens"]} | found == {"model": model, "messages": found["messages"]} | (
        {"max_tokens": found["max_tokens"]} | body
    )
    assert losses == lost


def test_several_answers_are_refused() -> None:
    error = refused(ask(n=2))
    assert (error.param, error.message) == ("n", "`n` is 2, and Anthropic gives one answer: ask several times.")


# Models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelt", "model"),
    [
        ("us.anthropic.claude-opus-4-8-v1:0", "claude-opus-4-8"),
        ("anthropic/claude-opus-4.8", "claude-opus-4-8"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("Claude-3.5-Sonnet", "claude-3-5-sonnet-20241022"),
        ("claude-opus-4@20250514", "claude-opus-4-20250514"),
        ("claude-fable-5-2", "claude-fable-5"),
        ("claude-haiku-5-5", "claude-opus-5"),
        ("claude-something-7", "claude-opus-5-5"),
    ],
)
def test_spellings(spelt: str, model: str) -> None:
    assert abilities(spelt, "openai") == abilities(model, "openai")


# most, types of thinking, what turns it off, strongest effort; then: sampling, forced tools, formats, system turns,
# prefills
@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("claude-fable-5-1", (128000, {"adaptive"}, None, "max", False, False, True, True, False)),
        ("claude-mythos-preview", (128000, {"adaptive"}, None, "max", False, False, True, False, False)),
        ("claude-opus-5-5", (128000, {"adaptive"}, None, "max", False, False, True, True, False)),
        ("claude-opus-5", (128000, {"adaptive"}, "disabled", "max", False, True, True, True, False)),
        ("claude-sonnet-5-5", (128000, {"adaptive"}, "between_tools", "max", False, False, True, True, False)),
        ("claude-sonnet-5", (128000, {"adaptive"}, "disabled", "max", False, True, True, False, False)),
        ("claude-opus-4-7", (128000, {"adaptive"}, "disabled", "max", False, True, True, False, False)),
        ("claude-opus-4-6", (128000, {"adaptive", "enabled"}, "disabled", "max", True, True, True, False, False)),
        ("claude-opus-4-5", (64000, {"enabled"}, "disabled", "high", True, True, True, False, True)),
        ("claude-haiku-4-5", (64000, {"enabled"}, "disabled", None, True, True, True, False, True)),
        ("claude-opus-4-1", (32000, {"enabled"}, "disabled", None, True, True, True, False, True)),
        ("claude-sonnet-4-0", (64000, {"enabled"}, "disabled", None, True, True, False, False, True)),
        ("claude-3-5-haiku", (8192, set(), "disabled", None, True, True, False, False, True)),
    ],
)  # fmt: skip
def test_rows(model: str, row: tuple[Any, ...]) -> None:
    able = abilities(model, "openai")
    strongest = able.efforts[-1] if able.efforts else None
    found = (able.most, set(able.thinks), able.off, strongest, able.samples, able.forces, able.formats)
    assert (*found, able.system_turns, able.prefills) == row
    assert able.default <= able.most


# Thinking ---------------------------------------------------------------------------------------------------------

ADAPTIVE = {"type": "adaptive", "display": "summarized"}
HIDDEN = {"type": "adaptive", "display": "omitted"}
OFF = {"type": "disabled"}
SAMPLING = {"temperature": 0.5, "top_p": 0.5, "top_k": 3}
LOST = ["/reasoning_effort"]


def budgeted(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


def effort(level: str) -> dict[str, Any]:
    return {"reasoning": Reasoning(effort=level)}


@pytest.mark.parametrize(
    ("model", "fields", "thinking", "config", "most", "lost"),
    [
        (NEW, {}, None, None, 64000, []),
        (NEW, {"reasoning": Reasoning()}, None, None, 64000, []),
        (NEW, effort("minimal"), ADAPTIVE, "low", 64000, []),
        (NEW, effort("medium"), ADAPTIVE, "medium", 64000, []),
        (NEW, effort("xhigh"), ADAPTIVE, "xhigh", 64000, []),
        (SIX, effort("xhigh"), {"type": "adaptive"}, "max", 64000, []),
        (SIX, effort("high"), {"type": "adaptive"}, "high", 64000, []),
        (NEW, effort("none"), OFF, None, 64000, []),
        (OLD, effort("none"), OFF, None, 64000, []),
        (NEW, {"reasoning": Reasoning(is_on=False)}, OFF, None, 64000, []),
        (NEW, {"reasoning": Reasoning(budget=0)}, OFF, None, 64000, []),
        (ALWAYS, effort("none"), None, "low", 64000, LOST),
        ("claude-sonnet-5-5", effort("none"), {"type": "between_tools"}, None, 64000, []),
        ("claude-opus-5", {"reasoning": Reasoning(is_on=False, effort="max")}, OFF, "high", 64000, LOST),
        (NEW, {"reasoning": Reasoning(is_on=True)}, ADAPTIVE, None, 64000, []),
        (NEW, {"reasoning": Reasoning(is_visible=True)}, ADAPTIVE, None, 64000, []),
        (NEW, {"reasoning": Reasoning(is_visible=False)}, None, None, 64000, []),
        (NEW, {"reasoning": Reasoning(effort="low", is_visible=False)}, HIDDEN, "low", 64000, []),
        (NEW, {"reasoning": Reasoning(budget=30000)}, ADAPTIVE, "high", 64000, []),
        (NEW, {"reasoning": Reasoning(budget=-1)}, ADAPTIVE, None, 64000, []),
        (OLD, effort("high"), budgeted(24576), None, 64000, []),
        (OLD, effort("max"), budgeted(51200), None, 64000, []),
        (OLD, {"reasoning": Reasoning(is_adaptive=True)}, budgeted(8192), None, 64000, []),
        (OLD, {"reasoning": Reasoning(budget=500)}, budgeted(1024), None, 64000, []),
        (OLD, {"reasoning": Reasoning(budget=-1)}, budgeted(8192), None, 64000, []),
        (OLD, effort("high") | {"max_tokens": 10000}, budgeted(8000), None, 10000, []),
        (OLD, effort("high") | {"max_tokens": 1100}, budgeted(1024), None, 1100, []),
        (OLD, effort("low") | {"max_tokens": 200}, budgeted(1024), None, 1224, ["/max_completion_tokens"]),
        ("glm-5", effort("high"), budgeted(24576), None, 32768, []),
        ("claude-opus-4-5", effort("high"), budgeted(24576), None, 64000, []),
        ("claude-3-5-haiku-latest", effort("high"), None, None, 8192, LOST),
        ("claude-3-5-haiku-latest", effort("none"), None, None, 8192, []),
        (OLD, effort("low") | SAMPLING, budgeted(1024), None, 64000, ["/temperature", "/top_p", "/top_k"]),
    ],
)  # fmt: skip
def test_thinking(
    model: str, fields: dict[str, Any], thinking: Any, config: str | None, most: int, lost: list[str]
) -> None:
    body, losses = rendered(ask(**fields), model)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == config
    assert body["max_tokens"] == most
    assert losses == lost


def test_thinking_leaves_a_high_top_p() -> None:
    body, losses = rendered(ask(reasoning=Reasoning(effort="low"), top_p=0.97), OLD)
    assert (body["top_p"], losses) == (0.97, [])


@pytest.mark.parametrize(
    ("model", "thinking", "lost"),
    [(OLD, OFF, LOST), (SIX, {"type": "adaptive"}, []), (NEW, ADAPTIVE, [])],
)
def test_a_forced_tool_forbids_a_budget(model: str, thinking: Any, lost: list[str]) -> None:
    request = ask(tools=[LOOK], tool_choice=ToolChoice(mode="required"), reasoning=Reasoning(effort="low"))
    body, losses = rendered(request, model)
    assert body["thinking"] == thinking
    assert body["tool_choice"] == {"type": "any"}
    assert losses == lost


SIGNED = Thinking(text="Hm.", signature=Signature("anthropic", "EqQB"))
CALL, RESULT = ToolCall(id="a", name="look", arguments="{}"), ToolResult(id="a", parts=[Text(text="fine")])
AGAIN, AGAIN_RESULT = ToolCall(id="b", name="look"), ToolResult(id="b")
MORE = [said("assistant", AGAIN), user(AGAIN_RESULT)]


@pytest.mark.parametrize(
    ("talk", "is_on"),
    [
        ([user("Hi"), said("assistant", CALL), user(RESULT)], False),
        ([user("Hi"), said("assistant", SIGNED, CALL), user(RESULT)], True),
        ([user("Hi"), said("assistant", "First.", SIGNED, CALL), user(RESULT)], False),
        ([user("Hi"), said("assistant", SIGNED, CALL), user(RESULT), *MORE], True),
        ([user("Hi"), said("assistant", CALL), user(RESULT), said("assistant", "Done."), user("And?")], True),
        ([user("Hi"), said("assistant", CALL), user(RESULT, "and quick")], False),
        ([user("Hi"), said("assistant", "The answer")], False),
    ],
)  # fmt: skip
def test_a_budget_demands_signed_thinking_of_the_turn_under_way(talk: list[Message], is_on: bool) -> None:
    body, losses = rendered(ask(*talk, tools=[LOOK], reasoning=Reasoning(effort="low")), OLD)
    assert body["thinking"]["type"] == ("enabled" if is_on else "disabled")
    assert losses == ([] if is_on else LOST)


def test_adaptive_thinking_demands_nothing() -> None:
    talk = [user("Hi"), said("assistant", CALL), user(RESULT)]
    body, losses = rendered(ask(*talk, tools=[LOOK], reasoning=Reasoning(effort="low")))
    assert (body["thinking"], losses) == (ADAPTIVE, [])


def own(**body: Any) -> ChatRequest:
    body = {"max_tokens": 9000, "messages": [{"role": "user", "content": "Hi"}]} | body
    return anthropic.parse_request(body, "m", is_stream=False)


TOLD = {"thinking": budgeted(2000)}


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "config", "lost"),
    [
        (OLD, {"thinking": {"type": "adaptive"}}, budgeted(7200), None, []),
        (NEW, {"thinking": budgeted(2000)}, {"type": "adaptive"}, "low", []),
        (NEW, {"output_config": {"effort": "low"}}, None, "low", []),
        (OLD, {"output_config": {"effort": "low"}}, None, None, ["/output_config/effort"]),
        (ALWAYS, {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, None, "high", ["/thinking"]),
        ("claude-opus-4-5", TOLD | {"output_config": {"effort": "max"}}, budgeted(2000), "high", []),
    ],
)  # fmt: skip
def test_a_caller_of_the_same_dialect_and_another_model(
    model: str, asked: dict[str, Any], thinking: Any, config: str | None, lost: list[str]
) -> None:
    body, losses = rendered(own(**asked), model)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == config
    assert losses == lost


# Tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "choice", "lost"),
    [
        ({}, None, []),
        ({"tool_choice": ToolChoice(mode="auto")}, {"type": "auto"}, []),
        ({"tool_choice": ToolChoice(mode="none")}, {"type": "none"}, []),
        ({"tool_choice": ToolChoice(mode="required")}, {"type": "any"}, []),
        ({"tool_choice": ToolChoice(mode="required", names=["look"])}, {"type": "tool", "name": "look"}, []),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}, []),
        ({"parallel_tool_calls": True}, {"type": "auto"}, []),
        (
            {"parallel_tool_calls": False, "tool_choice": ToolChoice(mode="required")},
            {"type": "any", "disable_parallel_tool_use": True},
            [],
        ),
        ({"parallel_tool_calls": False, "tool_choice": ToolChoice(mode="none")}, {"type": "none"}, []),
    ],
)
def test_tool_choice(fields: dict[str, Any], choice: Any, lost: list[str]) -> None:
    body, losses = rendered(ask(tools=[LOOK], **fields))
    assert (body.get("tool_choice"), losses) == (choice, lost)


def test_models_that_can_not_be_forced_are_asked() -> None:
    body, losses = rendered(ask(tools=[LOOK], tool_choice=ToolChoice(mode="required", names=["look"])), ALWAYS)
    assert (body["tool_choice"], losses) == ({"type": "auto"}, ["/tool_choice"])


@pytest.mark.parametrize(("mode", "choice"), [("auto", {"type": "auto"}), ("required", {"type": "any"})])
def test_of_allowed_tools_only_those_are_told(mode: Any, choice: Any) -> None:
    tools = [Tool(name=name, schema=SCHEMA) for name in "abc"]
    body, losses = rendered(ask(tools=tools, tool_choice=ToolChoice(mode=mode, names=["a", "c"])))
    assert [tool["name"] for tool in body["tools"]] == ["a", "c"]
    assert (body["tool_choice"], losses) == (choice, [])


@pytest.mark.parametrize("mode", ["auto", "none"])
def test_a_choice_without_tools_is_none(mode: Any) -> None:
    body, losses = rendered(ask(tool_choice=ToolChoice(mode=mode), parallel_tool_calls=False))
    assert "tool_choice" not in body and "tools" not in body and losses == []


def test_a_call_can_not_be_demanded_without_tools() -> None:
    assert refused(ask(tool_choice=ToolChoice(mode="required"))).param == "tool_choice"


def test_tools_of_the_history_are_declared_and_not_callable() -> None:
    body, _ = rendered(ask(user("Hi"), said("assistant", CALL, AGAIN), user(RESULT, AGAIN_RESULT)))
    assert [tool["name"] for tool in body["tools"]] == ["look"]
    assert body["tool_choice"] == {"type": "none"}


STRICT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "model", "is_strict"),
    [
        (STRICT, NEW, True),
        (STRICT | {"$schema": "http://json-schema.org/draft-07/schema#"}, NEW, True),
        (STRICT, "claude-sonnet-4-0", False),
        (STRICT | {"additionalProperties": True}, NEW, False),
        (STRICT | {"properties": {"n": {"type": "integer", "minimum": 1}}}, NEW, False),
        (STRICT | {"properties": {"n": {}}}, NEW, False),
        (None, NEW, False),
    ],
)
def test_strict(schema: Any, model: str, is_strict: bool) -> None:
    body, losses = rendered(ask(tools=[Tool(name="a", schema=schema, strict=True, at="/tools/0")]), model)
    assert body["tools"][0].get("strict") == (True if is_strict else None)
    assert losses == ([] if is_strict else ["/tools/0/function/strict"])


def test_only_so_many_tools_are_strict() -> None:
    tools = [Tool(name=f"t{index}", schema=STRICT, strict=True, at=f"/tools/{index}") for index in range(22)]
    body, losses = rendered(ask(tools=tools))
    assert sum("strict" in tool for tool in body["tools"]) == 20
    assert losses == ["/tools/20/function/strict", "/tools/21/function/strict"]


def test_tools() -> None:
    tools = [
        LOOK,
        Tool(name="bare", strict=False, at="/tools/1", cache=CACHE, extra={"x": 1}),
        Tool(name="web", raw={"type": "web_search"}, at="/tools/2"),
    ]
    body, losses = rendered(ask(tools=tools))
    assert body["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA},
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}, "cache_control": CACHE},
    ]
    assert losses == ["/tools/1/x", "/tools/2"]


@pytest.mark.parametrize("name", ["fs.read", "", "ä", "a" * 129])
def test_names_that_anthropic_refuses(name: str) -> None:
    assert refused(ask(tools=[Tool(name=name, at="/tools/0")])).param == "tools.0"


def test_parameters_that_are_no_object() -> None:
    assert refused(ask(tools=[Tool(name="a", schema={"type": "array"}, at="/tools/0")])).param == "tools.0"


# The reply's format -----------------------------------------------------------------------------------------------

FORM = ResponseFormat(kind="schema", name="place", description="A place.", schema=SCHEMA, strict=True)
TITLED = SCHEMA | {"title": "place", "description": "A place."}
ANY = ResponseFormat(kind="json")
NAMED = ResponseFormat(kind="schema", name="place")
OPEN = ResponseFormat(kind="schema", schema={"type": "object", "additionalProperties": {"type": "string"}})


def test_a_format_is_enforced() -> None:
    body, losses = rendered(ask(response_format=FORM, tools=[LOOK]))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": TITLED}}
    assert losses == []


def test_a_title_of_its_own_stays() -> None:
    form = ResponseFormat(kind="schema", name="place", schema=SCHEMA | {"title": "Place"})
    body, losses = rendered(ask(response_format=form))
    assert body["output_config"]["format"]["schema"]["title"] == "Place"
    assert losses == ["/response_format/json_schema/name"]


@pytest.mark.parametrize(
    ("form", "model", "schema"),
    [
        (FORM, "claude-sonnet-4-0", TITLED),
        (FORM, "glm-5", TITLED),
        (ANY, NEW, {"type": "object", "properties": {}}),
        (OPEN, NEW, {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
    ],
)
def test_else_a_tool_gives_the_reply(form: ResponseFormat, model: str, schema: dict[str, Any]) -> None:
    body, losses = rendered(ask(response_format=form), model)
    assert body["tools"] == [{"name": "routerd_reply", "description": "Gives the reply.", "input_schema": schema}]
    assert body["tool_choice"] == {"type": "tool", "name": "routerd_reply", "disable_parallel_tool_use": True}
    assert losses == []


@pytest.mark.parametrize(
    ("dialect", "schema", "lost"),
    [
        ("openai", {"type": ["object", "null"]}, "/response_format/json_schema/schema/type"),
        ("gemini", {"anyOf": [{"type": "object"}]}, "/response_format/anyOf"),
        ("gemini", {"type": ["object", "null"]}, "/response_format/nullable"),
    ],
)
def test_what_the_tool_s_schema_can_not_say_is_lost(dialect: str, schema: dict[str, Any], lost: str) -> None:
    form = ResponseFormat(kind="schema", schema=schema)
    assert rendered(ask(dialect=dialect, response_format=form), "claude-3-5-haiku-20241022")[1] == [lost]


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": []}}},
        {"type": "object", "properties": {"a": {"type": "null"}}, "required": 3, "additionalProperties": False},
        {"allOf": [{"type": "object", "properties": [3]}]},
        {"allOf": [{"type": "object", "required": [{}]}]},
    ],
)
def test_what_is_no_schema_is_refused(dialect: str, schema: dict[str, Any]) -> None:
    tool = Tool(name="look", schema=schema, strict=True, at="/tools/0")
    where = {"openai": "tools.0.function.parameters", "gemini": "tools.0.parameters"}[dialect]
    assert refused(ask(dialect=dialect, tools=[tool])).param == where


def test_the_name_of_an_image_is_lost_where_it_stood() -> None:
    images = [
        Media(kind="image", data="iVBO", media_type="image/png", name="a.png", at="/contents/0/parts/0"),
        Media(kind="image", url="https://example.org/b.png", name="b.png", at="/contents/0/parts/1"),
    ]
    assert rendered(ask(user(*images), dialect="gemini"))[1] == [
        "/contents/0/parts/0/inlineData/displayName",
        "/contents/0/parts/1/fileData/displayName",
    ]


def test_else_the_model_is_told() -> None:
    for form, (model, tools) in product((ANY, NAMED), ((ALWAYS, []), (NEW, [LOOK]))):
        body, losses = rendered(ask(said("system", "Be brief."), user("Hi"), response_format=form, tools=tools), model)
        assert "output_config" not in body
        assert body["system"][-1] == {"type": "text", "text": "Reply with one JSON object and nothing else."}
        assert losses == ["/response_format"]


@pytest.mark.parametrize(
    ("form", "model", "tools"), [(OPEN, ALWAYS, []), (OPEN, NEW, [LOOK]), (FORM, "claude-sonnet-4-0", [LOOK])]
)
def test_else_it_is_refused(form: ResponseFormat, model: str, tools: list[Tool]) -> None:
    error = refused(ask(response_format=form, tools=tools), model)
    assert error.param == "response_format"
    assert "can't be enforced" in error.message


def test_text_is_no_format() -> None:
    assert "output_config" not in rendered(ask(response_format=ResponseFormat(kind="text")))[0]


# Cache marks ------------------------------------------------------------------------------------------------------


def test_at_most_four_marks_the_last_ones() -> None:
    talk = [
        said("system", Text(text="s", cache=CACHE, at="/messages/0/content/0")),
        user(*(Text(text=str(index), cache=CACHE, at=f"/messages/1/content/{index}") for index in range(4))),
    ]
    tool = Tool(name="a", cache=CACHE, at="/tools/0")
    body, losses = rendered(ask(*talk, tools=[tool]))
    assert ["cache_control" in block for block in body["messages"][0]["content"]] == [True] * 4
    assert "cache_control" not in body["tools"][0] and "cache_control" not in body["system"][0]
    assert losses == ["/tools/0/cache_control", "/messages/0/content/0/cache_control"]


def test_a_mark_for_everything_counts() -> None:
    blocks = [{"type": "text", "text": str(index), "cache_control": CACHE} for index in range(4)]
    body, losses = rendered(own(messages=[{"role": "user", "content": blocks}], cache_control=CACHE))
    assert ["cache_control" in block for block in body["messages"][0]["content"]] == [False, True, True, True]
    assert losses == ["/messages/0/content/0/cache_control"]


def test_marks_stand_on_calls_results_and_images() -> None:
    picture = Media(kind="image", url="https://e.x/a.png", cache=CACHE)
    call = ToolCall(id="a", name="look", cache=CACHE)
    result = ToolResult(id="a", parts=[Text(text="fine")], cache=CACHE)
    body, losses = rendered(ask(user(picture), said("assistant", call), user(result), tools=[LOOK]))
    assert [block["cache_control"] for message in body["messages"] for block in message["content"]] == [CACHE] * 3
    assert losses == []


@pytest.mark.parametrize("cache", [True, "ephemeral"])
def test_marks_that_are_none(cache: Any) -> None:
    body, losses = rendered(ask(user(Text(text="a", cache=cache, at="/messages/0/content/0"))))
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "a"}]}]
    assert losses == ["/messages/0/content/0/cache_control"]


@pytest.mark.parametrize("messages", ["null", "3", "true", "{}", '"x"', "[3]", "["])
def test_a_history_that_is_none_goes_as_it_is(messages: str) -> None:
    """Anthropic says best what is wrong with it."""
    fields = {"messages": msgspec.Raw(messages.encode()), "thinking": msgspec.Raw(b'{"type":"enabled"}')}
    assert anthropic.goes_as_it_is(fields, OLD)
    assert anthropic.goes_as_it_is({"thinking": fields["thinking"]}, OLD)
