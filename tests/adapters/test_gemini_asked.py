"""Gemini's requests, read from callers: the Google Gen AI SDKs, Gemini CLI and curl."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters import gemini
from routerd.chat.parts import Media, Opaque, Part, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Reasoning, ResponseFormat, Tool, ToolChoice
from routerd.errors import RouterError


def parse(**body: Any) -> ChatRequest:
    return gemini.parse_request({"contents": [{"parts": [{"text": "Hello"}]}], **body}, "some-model", False)


def said(*contents: Any) -> list[tuple[str, list[Part]]]:
    return [(each.role, each.parts) for each in parse(contents=list(contents)).messages]


def one(part: dict[str, Any]) -> Part:
    ((_, [found]),) = said({"role": "user", "parts": [part]})
    return found


AT = "/contents/0/parts/0"


@pytest.mark.parametrize(
    ("wire", "part"),
    [
        ({"text": "Hello"}, Text(text="Hello", at=AT)),
        (
            {"text": "Hello", "thoughtSignature": "c2ln"},
            Text(text="Hello", signature=Signature("gemini", "c2ln"), at=AT),
        ),
        ({"thought_signature": "c2ln"}, Text(text="", signature=Signature("gemini", "c2ln"), at=AT)),
        ({"text": "Hm.", "thought": True}, Thinking(text="Hm.", at=AT)),
        (
            {"text": "Hello", "thought": False, "partMetadata": {"a": 1}},
            Text(text="Hello", at=AT, extra={"partMetadata": {"a": 1}}),
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "_9j_-A=="}},
            Media(kind="image", media_type="image/png", data="/9j/+A==", at=AT),
        ),
        (
            {"inline_data": {"mime_type": "application/pdf", "data": "JVBE", "display_name": "a.pdf"}},
            Media(kind="document", media_type="application/pdf", data="JVBE", name="a.pdf", at=AT),
        ),
        (
            {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}, "videoMetadata": {"fps": 2}},
            Media(kind="video", media_type="video/mp4", data="AAAA", at=AT, extra={"videoMetadata": {"fps": 2}}),
        ),
        (
            {"fileData": {"fileUri": "https://example.org/a.png"}},
            Media(kind="image", url="https://example.org/a.png", at=AT),
        ),
        ({"fileData": {"fileUri": "https://youtu.be/abc"}}, Media(kind="video", url="https://youtu.be/abc", at=AT)),
        (
            {"file_data": {"file_uri": "gs://bucket/a.wav", "mime_type": "audio/wav"}},
            Media(kind="audio", media_type="audio/wav", file_id="gs://bucket/a.wav", at=AT),
        ),
        (
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
            Media(kind="document", file_id="https://generativelanguage.googleapis.com/v1beta/files/a", at=AT),
        ),
        (
            {"functionCall": {"name": "ping"}},
            ToolCall(id="gemini_call_0_0", name="ping", arguments="{}", at=AT),
        ),
        (
            {"function_call": {"id": "a", "name": "look", "args": {"city": "Oslo"}}, "thought_signature": "c2ln"},
            ToolCall(id="a", name="look", arguments='{"city":"Oslo"}', signature=Signature("gemini", "c2ln"), at=AT),
        ),
        (
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            Opaque(dialect="gemini", raw={"executableCode": {"language": "PYTHON", "code": "1"}}, at=AT),
        ),
        ({"surprise": {"a": 1}}, Opaque(dialect="gemini", raw={"surprise": {"a": 1}}, at=AT)),
    ],
)
def test_parts(wire: dict[str, Any], part: Part) -> None:
    assert one(wire) == part


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "sun"}, "sun", False),
        ({"output": ""}, "", False),
        ({"error": "no such city"}, "no such city", True),
        ({"result": "sun"}, '{"result":"sun"}', False),
        ({"output": "sun", "error": None}, '{"output":"sun","error":null}', False),
        ({"output": {"sun": True}}, '{"output":{"sun":true}}', False),
        ({"output": '{"sun":true}'}, '{"output":"{\\"sun\\":true}"}', False),
        ({"output": '{"sun": true}'}, '{"sun": true}', False),
        ({"error": '{"error":"x"}'}, '{"error":"x"}', True),
        ({"error": {"code": 1}}, '{"error":{"code":1}}', True),
        ({}, "{}", False),
    ],
)
def test_results_and_back(response: dict[str, Any], text: str, is_error: bool) -> None:
    """What a tool answered is text for everyone else, and the same object again for Gemini."""
    contents = [
        {"role": "user", "parts": [{"text": "?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "look"}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": response}}]},
    ]
    request = parse(contents=contents)
    (result,) = request.messages[-1].parts
    assert isinstance(result, ToolResult)
    assert "".join(part.text for part in result.parts if isinstance(part, Text)) == text
    assert result.is_error is is_error
    assert gemini.render_request(request, "gemini-3-pro", {})[0].body["contents"] == [
        contents[0],
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"}]},
        contents[2],
    ]


@pytest.mark.parametrize(
    "text", ["sun", "", "{}", '{"a":1}', '{"a": 1}', '{"output":"x"}', '{"error":"x"}', "[1]", "{"]
)
@pytest.mark.parametrize("is_error", [False, True])
def test_every_text_comes_back(text: str, is_error: bool) -> None:
    request = parse(contents=[{"role": "model", "parts": [{"functionCall": {"id": "a", "name": "look"}}]}])
    request.messages.append(parse().messages[0])
    request.messages[-1].parts = [ToolResult(id="a", parts=[Text(text=text)] if text else [], is_error=is_error)]
    body = gemini.render_request(request, "gemini-3-pro", {})[0].body
    (result,) = gemini.parse_request(body, "some-model", False).messages[-1].parts
    assert isinstance(result, ToolResult)
    assert ("".join(part.text for part in result.parts if isinstance(part, Text)), result.is_error) == (text, is_error)


def ids(*contents: Any) -> list[str]:
    return [part.id for _, parts in said(*contents) for part in parts if isinstance(part, ToolCall | ToolResult)]


def calls(*names: str, id: str | None = None) -> dict[str, Any]:
    return {
        "role": "model",
        "parts": [{"functionCall": {"name": name, **({"id": id} if id else {})}} for name in names],
    }


def results(*names: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {}, **more}} for name in names]}


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ([calls("a", "b"), results("a", "b")], [0, 1, 0, 1]),
        ([calls("a", "b"), results("b", "a")], [0, 1, 1, 0]),
        ([calls("a", "a"), results("a", "a")], [0, 1, 0, 1]),
        ([calls("a"), calls("b"), results("a", "b")], [0, 1, 0, 1]),
        ([calls("a"), results("a"), calls("a"), results("a")], [0, 0, 2, 2]),
        ([calls("a"), results("a", id="given")], [0, 0]),
        ([calls("a", id="x"), calls("a", id="y"), results("a", id="y"), results("a", id="x")], [0, 1, 1, 0]),
        ([calls("a", id="x"), results("a")], [0, 0]),
        ([calls("a"), results("b")], [0, 1]),
    ],
)
def test_results_find_their_calls(contents: list[Any], expected: list[int]) -> None:
    """By id where there is one, else by name, in order."""
    found = ids(*contents)
    assert [found.index(id) for id in found] == expected


def test_chunks_of_a_turn_are_one_message() -> None:
    """As the chats of the SDKs give a streamed turn back."""
    pieces: list[dict[str, Any]] = [{"text": "Hel"}, {"text": "lo"}, {"functionCall": {"name": "a"}}, {"text": ""}]
    found = said({"parts": [{"text": "?"}]}, *({"role": "model", "parts": [piece]} for piece in pieces))
    assert [(role, [type(part).__name__ for part in parts]) for role, parts in found] == [
        ("user", ["Text"]),
        ("assistant", ["Text", "ToolCall", "Text"]),
    ]
    assert found[1][1][0] == Text(text="Hello", at="/contents/1/parts/0")


def test_roles_and_lists_of_one() -> None:
    """Google takes one object where it wants a list, roles in any case, and `function` as it once was."""
    found = said({"role": "USER", "parts": {"text": "a"}}, {"role": "model", "parts": []}, {"role": "function"})
    assert [role for role, _ in found] == ["user", "assistant", "user"]
    assert found[0][1] == [Text(text="a", at="/contents/0/parts")]
    request = parse(contents={"parts": {"text": "a"}}, tools={"function_declarations": {"name": "f"}})
    assert request.messages[0].parts == [Text(text="a", at="/contents/parts")]
    assert [tool.name for tool in request.tools] == ["f"]
    assert parse(contents="Hi").messages[0].parts == [Text(text="Hi", at="/contents")]


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_the_system_instruction_comes_first(name: str) -> None:
    first, _ = parse(**{name: {"role": "user", "parts": [{"text": "Be terse."}]}}).messages
    assert (first.role, first.at, first.extra) == ("system", f"/{name}", {})
    assert first.parts == [Text(text="Be terse.", at=f"/{name}/parts/0")]


CONFIG = {
    "temperature": 0.5, "topP": 0.9, "topK": 40.0, "candidateCount": 2, "maxOutputTokens": 100, "seed": 7,
    "stopSequences": ["END"], "presencePenalty": 0.1, "frequencyPenalty": -0.1, "responseLogprobs": True, "logprobs": 3,
}  # fmt: skip
SNAKES = {
    "topP": "top_p", "topK": "top_k", "candidateCount": "candidate_count", "maxOutputTokens": "max_output_tokens",
    "stopSequences": "stop_sequences", "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "response_logprobs",
}  # fmt: skip


@pytest.mark.parametrize("in_snake_case", [False, True])
def test_options(in_snake_case: bool) -> None:
    config = {(SNAKES.get(name, name) if in_snake_case else name): value for name, value in CONFIG.items()}
    place = "generation_config" if in_snake_case else "generationConfig"
    request = parse(**{place: config})
    found = {
        "temperature": request.temperature, "topP": request.top_p, "topK": request.top_k, "candidateCount": request.n,
        "maxOutputTokens": request.max_tokens, "seed": request.seed, "stopSequences": request.stop,
        "presencePenalty": request.presence_penalty, "frequencyPenalty": request.frequency_penalty,
        "responseLogprobs": request.logprobs, "logprobs": request.top_logprobs,
    }  # fmt: skip
    assert found == CONFIG
    assert request.extra == {}
    assert request.pointer("max_tokens") == f"/{place}/{'max_output_tokens' if in_snake_case else 'maxOutputTokens'}"


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({}, Reasoning()),
        ({"thinkingBudget": 0}, Reasoning(is_on=False, budget=0)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(is_adaptive=True, budget=-1, is_visible=True)),
        ({"thinking_budget": 512}, Reasoning(budget=512)),
        ({"thinkingLevel": "LOW"}, Reasoning(effort="low")),
        ({"thinkingLevel": "xhigh"}, Reasoning(effort="xhigh")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Reasoning()),
    ],
)
def test_thinking(config: dict[str, Any], reasoning: Reasoning) -> None:
    assert parse(generationConfig={"thinkingConfig": config}).reasoning == reasoning


SCHEMA = {"type": "object", "properties": {"type": {"type": ["string", "null"]}}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, ResponseFormat(kind="text")),
        ({"responseMimeType": "application/json"}, ResponseFormat(kind="json")),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            ResponseFormat(kind="schema", schema=SCHEMA),
        ),
        (
            {
                "response_mime_type": "application/json",
                "response_schema": {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True}}},
            },
            ResponseFormat(kind="schema", schema=SCHEMA),
        ),
    ],
)
def test_formats(config: dict[str, Any], expected: ResponseFormat | None) -> None:
    assert parse(generationConfig=config).response_format == expected


def test_tools() -> None:
    request = parse(
        tools=[
            {
                "functionDeclarations": [
                    {"name": "old", "description": "Old.", "parameters": {"type": "OBJECT", "properties": {}}},
                    {"name": "new", "parameters_json_schema": SCHEMA, "behavior": "BLOCKING"},
                    {"name": "bare"},
                ],
                "google_search": {},
            },
            {"codeExecution": {}},
        ]
    )
    at = "/tools/0/functionDeclarations"
    assert request.tools == [
        Tool(name="old", description="Old.", schema={"type": "object", "properties": {}}, at=f"{at}/0"),
        Tool(name="new", schema=SCHEMA, at=f"{at}/1", extra={"behavior": "BLOCKING"}),
        Tool(name="bare", at=f"{at}/2"),
        Tool(name="googleSearch", raw={"googleSearch": {}}, at="/tools/0/google_search"),
        Tool(name="codeExecution", raw={"codeExecution": {}}, at="/tools/1/codeExecution"),
    ]


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({}, None),
        ({"mode": "AUTO"}, ToolChoice(mode="auto")),
        ({"mode": "any"}, ToolChoice(mode="required")),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, ToolChoice(mode="required", names=["a"])),
        ({"mode": "NONE"}, ToolChoice(mode="none")),
        ({"mode": "VALIDATED", "allowed_function_names": ["a"]}, ToolChoice(mode="auto", names=["a"])),
        ({"mode": "MODE_UNSPECIFIED"}, None),
    ],
)
def test_tool_choice(calling: dict[str, Any], choice: ToolChoice | None) -> None:
    request = parse(toolConfig={"functionCallingConfig": calling})
    assert request.tool_choice == choice
    is_validated = calling.get("mode") == "VALIDATED"
    assert request.extra == ({"/toolConfig/functionCallingConfig/mode": "VALIDATED"} if is_validated else {})


def test_what_only_google_knows_is_kept_by_its_place() -> None:
    request = parse(
        safetySettings=[{"category": "X"}],
        cached_content="cachedContents/1",
        generationConfig={
            "speechConfig": {},
            "thinkingConfig": {"new": 1},
            "response_modalities": ["TEXT"],
            "seed": None,
        },
        toolConfig={"retrievalConfig": {}, "function_calling_config": {"stream_function_call_arguments": True}},
        serviceTier="flex",
        model="models/x",
    )
    assert request.extra == {
        "/safetySettings": [{"category": "X"}],
        "/cached_content": "cachedContents/1",
        "/generationConfig/speechConfig": {},
        "/generationConfig/response_modalities": ["TEXT"],
        "/generationConfig/thinkingConfig/new": 1,
        "/toolConfig/retrievalConfig": {},
        "/toolConfig/function_calling_config/stream_function_call_arguments": True,
    }
    assert request.service_tier == "flex"
    body = gemini.render_request(request, "gemini-3-pro", {})[0].body
    assert body["cachedContent"] == "cachedContents/1"
    assert body["generationConfig"]["responseModalities"] == ["TEXT"]
    assert body["toolConfig"]["functionCallingConfig"] == {"streamFunctionCallArguments": True}


THINKING_LEVEL = "generationConfig.thinkingConfig.thinkingLevel"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": []}, "contents"),
        ({"contents": None}, "contents"),
        ({"contents": 3}, "contents"),
        ({"contents": [3]}, "contents.0"),
        ({"contents": [{"role": "assistant"}]}, "contents.0.role"),
        ({"contents": [{"parts": [{}]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"text": 3}]}]}, "contents.0.parts.0.text"),
        ({"contents": [{"parts": [{"text": "a", "functionCall": {"name": "b"}}]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"functionCall": {"args": {}}}]}]}, "contents.0.parts.0.functionCall.name"),
        ({"contents": [{"parts": [{"inline_data": {"data": 3}}]}]}, "contents.0.parts.0.inline_data.data"),
        ({"tools": [{"functionDeclarations": [{"name": 3}]}]}, "tools.0.functionDeclarations.0.name"),
        ({"tools": "x"}, "tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "toolConfig.functionCallingConfig.mode"),
        ({"generation_config": {"max_output_tokens": "9"}}, "generation_config.max_output_tokens"),
        ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        ({"generationConfig": {"stopSequences": ["a", 1]}}, "generationConfig.stopSequences.1"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "EXTREME"}}}, THINKING_LEVEL),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "none"}}}, THINKING_LEVEL),
    ],
)
def test_what_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RouterError) as raised:
        parse(**body)
    assert (raised.value.kind, raised.value.param) == ("invalid_request", param)


def test_deep_schemas_are_refused_not_fatal() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"type": "ARRAY", "items": schema}
    with pytest.raises(RouterError, match="nested too deeply"):
        parse(tools=[{"functionDeclarations": [{"name": "f", "parameters": schema}]}])
