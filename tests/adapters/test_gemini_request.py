"""Requests, written for Google: what it takes, in what order, and what it can't be told."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters import gemini
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice
from routerd.errors import RouterError
from tests.adapters import official

MODEL = "gemini-3-flash-preview"
SKIPPED = {"thoughtSignature": "skip_thought_signature_validator"}


def message(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def ask(*messages: Message, dialect: str = "openai", **more: Any) -> ChatRequest:
    """A request whose parts know their places, as parsers make it."""
    request = ChatRequest(dialect=dialect, model="m", messages=list(messages) or [message("user", "Hello")], **more)
    for number, each in enumerate(request.messages):
        each.at = f"/messages/{number}"
        for index, part in enumerate(each.parts):
            part.at = f"{each.at}/content/{index}"
            for inner, piece in enumerate(part.parts if isinstance(part, ToolResult) else ()):
                piece.at = f"{part.at}/content/{inner}"
    for number, tool in enumerate(request.tools):
        tool.at = f"/tools/{number}"
    return request


def render(request: ChatRequest, model: str = MODEL, **quirks: Any) -> tuple[dict[str, Any], list[str]]:
    """The body, which Google's types must know, and what is lost."""
    call, losses = gemini.render_request(request, model, quirks)
    assert official.REQUEST["gemini"](call.body) == []
    return call.body, list(losses)


def contents(*messages: Message, model: str = MODEL, dialect: str = "openai") -> list[Any]:
    body, lost = render(ask(*messages, dialect=dialect), model)
    assert lost == []
    return [(each["role"], *each["parts"]) for each in body["contents"]]


def refused(request: ChatRequest, model: str = MODEL) -> RouterError:
    with pytest.raises(RouterError) as raised:
        gemini.render_request(request, model, {})
    assert raised.value.kind == "invalid_request"
    return raised.value


@pytest.mark.parametrize(
    ("model", "is_stream", "path"),
    [
        ("gemini-3-pro", False, "/models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", True, "/models/gemini-3-pro:streamGenerateContent?alt=sse"),
        ("models/gemini-3-pro", False, "/models/gemini-3-pro:generateContent"),
        ("tunedModels/mine-1", False, "/tunedModels/mine-1:generateContent"),
        ("a/b?c d:é", False, "/models/a%2Fb%3Fc%20d%3A%C3%A9:generateContent"),
    ],
)
def test_paths(model: str, is_stream: bool, path: str) -> None:
    assert gemini.call_path(model, is_stream) == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/v1beta"),
        ("/proxy/google", "/proxy/google/v1beta"),
        ("/v1", "/v1"),
        ("/v1beta", "/v1beta"),
        ("/v1alpha", "/v1alpha"),
        ("/v1beta1", "/v1beta1"),
        ("/v1/projects/p/locations/global/publishers/google", "/v1/projects/p/locations/global/publishers/google"),
    ],
)
def test_base_paths(path: str, expected: str) -> None:
    assert gemini.base_path(path) == expected


# Turns ------------------------------------------------------------------------------------------------------------


def test_system_messages_lead_or_are_said_by_the_user() -> None:
    request = ask(
        message("system", "Be terse."),
        message("system", "Be kind."),
        message("user", "Hello"),
        message("system", "It is late."),
        message("assistant", "Hi"),
        message("system", "Now sleep."),
    )
    body, lost = render(request)
    assert lost == ["/messages/3/role", "/messages/5/role"]
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be terse."}, {"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}, {"text": "It is late."}]},
            {"role": "model", "parts": [{"text": "Hi"}]},
            {"role": "user", "parts": [{"text": "Now sleep."}]},
        ],
    }


def test_empty_messages_are_left_out_and_neighbours_joined() -> None:
    found = contents(message("user", "a", " \n"), message("assistant"), message("assistant", ""), message("user", "b"))
    assert found == [("user", {"text": "a"}, {"text": "b"})]


def test_a_request_of_system_messages_alone_has_an_empty_turn() -> None:
    assert contents(message("system", "Tell a joke.")) == [("user", {"text": ""})]


def call(id: str, name: str = "look", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments, **more)


def result(id: str, *parts: Part | str, **more: Any) -> ToolResult:
    return ToolResult(id=id, parts=[Text(text=part) if isinstance(part, str) else part for part in parts], **more)


def called(id: str, name: str = "look", **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, "id": id}, **more}


def answered(id: str, name: str = "look", **response: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, "id": id}}


@pytest.mark.parametrize("one_by_one", [False, True])
def test_results_come_first_in_the_order_of_their_calls(one_by_one: bool) -> None:
    """By id, also out of order and over several messages; two calls that look the same stay two."""
    results = [result("b", "two"), result("a", "one"), result("c", '{"hour":7}')]
    messages = [message("user", each) for each in results] if one_by_one else [message("user", *results)]
    found = contents(
        message("user", "?"),
        message("assistant", "I look.", call("a"), call("b"), call("c", "time", "")),
        *messages,
        message("user", "Go on"),
    )
    assert found == [
        ("user", {"text": "?"}),
        ("model", {"text": "I look."}, called("a", **SKIPPED), called("b"), called("c", "time")),
        (
            "user",
            answered("a", output="one"),
            answered("b", output="two"),
            answered("c", "time", hour=7),
            {"text": "Go on"},
        ),
    ]


@pytest.mark.parametrize("more", [[], [message("user", "Never mind.")], [message("user", result("b", "two"))]])
def test_a_call_without_a_result_is_told_so(more: list[Message]) -> None:
    _, _, (role, *parts) = contents(message("user", "?"), message("assistant", call("a"), call("b")), *more)
    assert role == "user"
    assert parts[0] == answered("a", error="There is no result.")
    assert ("functionResponse" in parts[1]) and (parts[1]["functionResponse"]["id"] == "b")


@pytest.mark.parametrize(
    "messages",
    [
        [message("user", result("a", "one"))],
        [message("assistant", call("a")), message("user", result("a", "one"), result("a", "again"))],
        [
            message("assistant", call("a")),
            message("user", "?"),
            message("assistant", "!"),
            message("user", result("a")),
        ],
    ],
)
def test_a_result_without_a_call_is_told_in_words(messages: list[Message]) -> None:
    body, losses = render(ask(*messages), MODEL)
    assert losses
    answers = [part for content in body["contents"] for part in content["parts"] if "functionResponse" in part]
    calls = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert len(answers) == len(calls)


def test_calls_need_a_turn_of_the_user_before_them() -> None:
    found = contents(message("assistant", call("a")), message("user", result("a", "x")))
    assert found[0] == ("user", {"text": ""})


@pytest.mark.parametrize("arguments", ["", " ", "{}", "null"])
def test_a_call_may_say_nothing_in_many_ways(arguments: str) -> None:
    body, _ = render(ask(message("user", "a"), message("assistant", call("a", arguments=arguments))))
    assert body["contents"][1]["parts"][0]["functionCall"] == {"name": "look", "args": {}, "id": "a"}


@pytest.mark.parametrize("arguments", ["{", "[]", '"x"'])
def test_broken_arguments_are_refused(arguments: str) -> None:
    error = refused(ask(message("assistant", "I look", call("a", arguments=arguments))))
    assert error.param == "messages.0.content.1"
    assert "look" in error.message


def inline(media_type: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


IMAGE = Media(kind="image", media_type="image/png", data="iVBO")
INLINE = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
LINKED = Media(kind="image", url="https://example.org/a.png")
FILE = {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}}


@pytest.mark.parametrize(
    ("model", "part", "inside", "behind"),
    [
        ("gemini-3-pro", IMAGE, [INLINE], []),
        ("gemini-3-pro", LINKED, [], [FILE]),
        ("gemini-2.5-pro", IMAGE, [], [INLINE]),
        ("gemini-3-pro", Media(kind="audio", media_type="audio/wav", data="UklG"), [], [
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}
        ]),
    ],
)  # fmt: skip
def test_files_in_results(model: str, part: Part, inside: list[Any], behind: list[Any]) -> None:
    """Gemini 3 takes images and documents in a result; anything else stands behind the results of the turn."""
    found = contents(
        message("user", "?"),
        message("assistant", call("a", signature=OURS), call("b")),
        message("user", result("a", "seen", part), result("b", "x")),
        model=model,
    )
    _, first, second, *rest = found[-1]
    assert first["functionResponse"].get("parts", []) == inside
    assert first["functionResponse"]["response"] == {"output": "seen"}
    assert second == answered("b", output="x")
    assert rest == behind


# Signatures -------------------------------------------------------------------------------------------------------

OURS = Signature("gemini", "c2ln")
THEIRS = Signature("anthropic", "EqQB")


def steps(model: str, *, signature: Signature | None = None) -> list[Any]:
    """The signatures of every call of two turns, of two steps each."""
    turn = [
        message("user", "?"),
        message("assistant", call("a", signature=signature), call("b")),
        message("user", result("a", "1"), result("b", "2")),
        message("assistant", "And", call("c")),
        message("user", result("c", "3")),
    ]
    body, _ = render(ask(*turn, message("assistant", "Done."), *turn), model)
    parts = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    return [part.get("thoughtSignature") for part in parts]


SKIP = SKIPPED["thoughtSignature"]


@pytest.mark.parametrize(
    ("model", "signature", "expected"),
    [
        ("gemini-3-pro-preview", None, [None, None, None, SKIP, None, SKIP]),
        ("gemini-3-pro-preview", OURS, ["c2ln", None, None, "c2ln", None, SKIP]),
        ("gemini-3-pro-preview", THEIRS, [None, None, None, SKIP, None, SKIP]),
        ("gemini-flash-latest", None, [None, None, None, SKIP, None, SKIP]),
        ("gemini-4-argon", None, [None, None, None, SKIP, None, SKIP]),
        ("gemini-2.5-pro", None, [None] * 6),
        ("gemini-2.5-pro", OURS, ["c2ln", None, None, "c2ln", None, None]),
    ],
)
def test_gemini_3_gets_a_signature_for_every_step_since_the_user_spoke(
    model: str, signature: Signature | None, expected: list[Any]
) -> None:
    assert steps(model, signature=signature) == expected


@pytest.mark.parametrize(
    ("part", "dialect", "rendered"),
    [
        (Thinking(text="Hm.", signature=OURS), "openai", {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"}),
        (Thinking(text="Hm."), "gemini", {"text": "Hm.", "thought": True}),
        (Thinking(text="Hm."), "openai", None),
        (Thinking(text="Hm.", signature=THEIRS), "openai", None),
        (Thinking(text="Hm.", signature=THEIRS), "gemini", None),
        (Thinking(text="", signature=THEIRS, is_redacted=True), "anthropic", None),
        (Text(text="Hi", signature=OURS), "openai", {"text": "Hi", "thoughtSignature": "c2ln"}),
        (Text(text="", signature=OURS), "openai", {"text": "", "thoughtSignature": "c2ln"}),
        (Text(text=""), "gemini", {"text": ""}),
    ],
)
def test_only_its_own_thoughts_go_back(part: Part, dialect: str, rendered: dict[str, Any] | None) -> None:
    body, lost = render(ask(message("user", "?"), message("assistant", part, "Hello"), dialect=dialect))
    assert body["contents"][1]["parts"] == ([rendered] if rendered else []) + [{"text": "Hello"}]
    assert lost == ([] if rendered else ["/messages/1/content/0"])


def test_a_text_loses_a_signature_that_is_not_googles() -> None:
    body, lost = render(ask(message("assistant", Text(text="Hi", signature=THEIRS)), message("user", "?")))
    assert body["contents"][0]["parts"] == [{"text": "Hi"}]
    assert lost == ["/messages/0/content/0/signature"]


# Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "rendered"),
    [
        (IMAGE, INLINE),
        (LINKED, FILE),
        (Media(kind="image", url="data:image/png;base64,iVBO"), INLINE),
        (Media(kind="image", url="https://example.org/a"), {"fileData": {"fileUri": "https://example.org/a"}}),
        (
            Media(kind="document", url="https://example.org/a.pdf?sig=1#x"),
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.org/a.pdf?sig=1#x"}},
        ),
        (
            Media(kind="audio", media_type="audio/mp3", data="SUQz"),
            {"inlineData": {"mimeType": "audio/mp3", "data": "SUQz"}},
        ),
        (Media(kind="document", text="Plain words."), {"text": "Plain words."}),
        (Media(kind="image", media_type="image/png", data="iVBO", detail="auto"), INLINE),
        (Media(kind="image", media_type="image/jpg", data="aGk="), inline("image/jpeg", "aGk=")),
        (Media(kind="image", media_type="image/png", data="/9j/4AAQ"), inline("image/jpeg", "/9j/4AAQ")),
        (Media(kind="image", data="UklGRg=="), inline("image/webp", "UklGRg==")),
        (Media(kind="image", url="data:image/jpg;base64,aGk="), inline("image/jpeg", "aGk=")),
        (Media(kind="document", media_type="application/json", data="e30="), inline("text/plain", "e30=")),
        (Media(kind="document", media_type="text/markdown", data="aGk="), inline("text/markdown", "aGk=")),
        (
            Media(kind="image", media_type="image/png", data="iVBO", detail="low"),
            {**INLINE, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
        ),
    ],
)
def test_files(media: Media, rendered: dict[str, Any]) -> None:
    assert contents(message("user", media)) == [("user", rendered)]


@pytest.mark.parametrize(
    ("media", "dialect", "lost"),
    [
        (Media(kind="document", data="JVBE", name="a.pdf"), "openai", "/file/filename"),
        (Media(kind="document", text="Words", name="Title"), "anthropic", "/title"),
        (Media(kind="image", data="iVBO", media_type="image/png", detail="original"), "openai", "/image_url/detail"),
        (
            Media(kind="image", data="iVBO", media_type="image/png", cache={"type": "ephemeral"}),
            "openai",
            "/cache_control",
        ),
        (Media(kind="image", data="iVBO", media_type="image/png", extra={"a/b": 1}), "openai", "/a~1b"),
    ],
)
def test_what_of_a_file_is_lost(media: Media, dialect: str, lost: str) -> None:
    assert render(ask(message("user", media), dialect=dialect))[1] == [f"/messages/0/content/0{lost}"]


def test_how_closely_an_image_is_looked_at_is_lost_where_it_can_not_be_said() -> None:
    image = Media(kind="image", data="iVBO", media_type="image/png", detail="high", at="/messages/2/content/0")
    history = [message("user", "?"), message("assistant", call("a")), message("user", result("a", "1", image))]
    assert render(ask(*history))[1] == [f"{image.at}/image_url/detail"]
    old = ask(message("user", image))
    assert list(gemini.render_request(old, "gemini-2.5-flash", {})[1]) == ["/messages/0/content/0/image_url/detail"]


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (ask(message("user", Media(kind="document", file_id="file-1"))), "messages.0.content.0"),
        (ask(message("user", Media(kind="image", url="data:image/png,x"))), "messages.0.content.0"),
        (ask(message("system", IMAGE)), "messages.0.content.0"),
    ],
)
def test_files_that_are_refused(request_: ChatRequest, place: str) -> None:
    assert refused(request_).param == place


def test_files_that_only_google_can_open_stay() -> None:
    found = contents(
        message("user", Media(kind="video", file_id="gs://b/a.mp4", media_type="video/mp4")), dialect="gemini"
    )
    assert found == [("user", {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a.mp4"}})]


def test_blocks_of_others_are_lost_and_its_own_stay() -> None:
    own, other = (
        Opaque(dialect="gemini", raw={"executableCode": {"code": "1", "language": "PYTHON"}}),
        Opaque(dialect="anthropic", raw={}),
    )
    assert contents(message("assistant", own), message("user", "?"), dialect="gemini")[0] == ("model", own.raw)
    for part, dialect in ((other, "anthropic"), (other, "gemini")):
        assert render(ask(message("assistant", "Hi", part), message("user", "?"), dialect=dialect))[1] == [
            "/messages/0/content/1"
        ]


def test_what_is_lost_inside_results() -> None:
    texts = Text(text="seen", cache={"type": "ephemeral"}, extra={"citations": []})
    image = Media(kind="image", media_type="image/png", data="iVBO", extra={"context": "x"})
    answer = result("a", texts, image, Opaque(dialect="anthropic", raw={}))
    _, lost = render(ask(message("user", "?"), message("assistant", call("a")), message("user", answer)))
    at = "/messages/2/content/0/content"
    assert lost == [f"{at}/0/cache_control", f"{at}/0/citations", f"{at}/1/context", f"{at}/2"]


def test_small_things_of_messages() -> None:
    named = Message(role="user", parts=[Text(text="Hi", cache={"type": "ephemeral"})], name="Ann", extra={"mood": 1})
    body, lost = render(ask(named, Message(role="assistant", parts=[Refusal(text="No.")], extra={"role": "developer"})))
    assert body["contents"][1] == {"role": "model", "parts": [{"text": "No."}]}
    assert lost == ["/messages/0/name", "/messages/0/mood", "/messages/0/content/0/cache_control"]


# Tools ------------------------------------------------------------------------------------------------------------

SCHEMA = {
    "$schema": "x",
    "type": "object",
    "properties": {"type": {"type": ["string", "null"]}},
    "additionalProperties": False,
}
LOOK = Tool(name="look", description="Looks.", schema=SCHEMA)


def tool_part(
    *tools: Tool, choice: ToolChoice | None = None, dialect: str = "openai", **more: Any
) -> tuple[Any, Any, Any]:
    body, lost = render(ask(tools=list(tools), tool_choice=choice, dialect=dialect, **more))
    calling = body.get("toolConfig", {}).get("functionCallingConfig")
    return body.get("tools"), calling, lost


def test_a_declaration_takes_the_whole_schema() -> None:
    tools, calling, lost = tool_part(LOOK, Tool(name="bare"), Tool(name="open", schema={}))
    assert tools == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Looks.", "parametersJsonSchema": SCHEMA},
                {"name": "bare"},
                {"name": "open", "parametersJsonSchema": {"type": "object"}},
            ]
        }
    ]
    assert (calling, lost) == (None, [])


def test_the_quirk_for_older_endpoints() -> None:
    formatted = ResponseFormat(
        kind="schema", schema={"type": "object", "properties": {"a": {"const": 1}}}, name="answer"
    )
    body, lost = render(
        ask(tools=[LOOK, Tool(name="bare", schema={"type": "object"})], response_format=formatted), schema="subset"
    )
    assert body["tools"][0]["functionDeclarations"] == [
        {
            "name": "look",
            "description": "Looks.",
            "parameters": {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True}}},
        },
        {"name": "bare"},
    ]
    assert body["generationConfig"]["responseSchema"]["properties"]["a"] == {
        "type": "INTEGER",
        "minimum": 1,
        "maximum": 1,
    }
    assert lost == []
    odd = Tool(name="odd", schema={"type": "object", "properties": {"x": {"type": "string", "format": "uuid"}}})
    assert render(ask(tools=[odd]), schema="subset")[1] == ["/tools/0/function/parameters/properties/x/format"]
    assert render(ask(tools=[odd], dialect="anthropic"), schema="subset")[1] == [
        "/tools/0/input_schema/properties/x/format"
    ]


@pytest.mark.parametrize(
    ("choice", "strict", "calling"),
    [
        (None, None, None),
        (ToolChoice(mode="auto"), False, {"mode": "AUTO"}),
        (ToolChoice(mode="none"), True, {"mode": "NONE"}),
        (ToolChoice(mode="required"), None, {"mode": "ANY"}),
        (ToolChoice(mode="required", names=["look"]), True, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (ToolChoice(mode="auto", names=["look"]), None, {"mode": "VALIDATED", "allowedFunctionNames": ["look"]}),
        (None, True, {"mode": "VALIDATED"}),
        (ToolChoice(mode="auto"), True, {"mode": "VALIDATED"}),
    ],
)
def test_how_functions_are_called(choice: ToolChoice | None, strict: bool | None, calling: Any) -> None:
    assert tool_part(Tool(name="look", strict=strict), choice=choice)[1:] == (calling, [])


@pytest.mark.parametrize(("mode", "lost"), [("auto", []), ("none", []), ("required", ["/tool_choice"])])
def test_no_choice_without_tools(mode: Any, lost: list[str]) -> None:
    assert tool_part(choice=ToolChoice(mode=mode)) == (None, None, lost)


def test_tools_of_the_history_are_declared_and_closed() -> None:
    body, lost = render(
        ask(message("user", "?"), message("assistant", call("a"), call("b")), message("user", result("a"), result("b")))
    )
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert declared["name"] == "look"
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert lost == []


def test_tools_that_only_one_dialect_knows() -> None:
    search = Tool(name="googleSearch", raw={"googleSearch": {}})
    assert tool_part(LOOK, search, dialect="gemini")[0][1:] == [search.raw]
    assert tool_part(LOOK, search, dialect="anthropic")[2] == ["/tools/1"]


@pytest.mark.parametrize(("mode", "lost"), [("auto", []), ("required", ["/tool_choice"])])
def test_no_choice_of_functions_where_there_is_but_the_search(mode: Any, lost: list[str]) -> None:
    search = Tool(name="web_search", raw={"type": "web_search_20250305", "name": "web_search"})
    choice = ToolChoice(mode=mode, names=["web_search"] if mode == "required" else [])
    assert tool_part(search, choice=choice, dialect="anthropic") == ([{"googleSearch": {}}], None, lost)


def test_what_of_tools_is_lost() -> None:
    odd = Tool(name="look", cache={"type": "ephemeral"}, extra={"input_examples": []})
    lost = tool_part(odd, parallel_tool_calls=False)[2]
    assert lost == ["/tools/0/cache_control", "/tools/0/input_examples", "/parallel_tool_calls"]
    assert tool_part(LOOK, parallel_tool_calls=True)[2] == []


# Options ----------------------------------------------------------------------------------------------------------


def config(model: str = MODEL, **more: Any) -> tuple[Any, list[str]]:
    body, lost = render(ask(**more), model)
    return body.get("generationConfig"), lost


def test_options() -> None:
    found, lost = config(
        max_tokens=100, temperature=1.5, top_p=0.9, top_k=40, seed=7, n=2, presence_penalty=0.1, frequency_penalty=-0.1,
        logprobs=True, top_logprobs=3, stop=["a"],
    )  # fmt: skip
    assert found == {
        "maxOutputTokens": 100, "temperature": 1.5, "topP": 0.9, "topK": 40, "seed": 7, "candidateCount": 2,
        "presencePenalty": 0.1, "frequencyPenalty": -0.1, "responseLogprobs": True, "logprobs": 3,
        "stopSequences": ["a"],
    }  # fmt: skip
    assert lost == []


@pytest.mark.parametrize(("seed", "expected"), [(0, 0), (-5, -5), (2**31, 0), (2**40 + 3, 3), (2**31 - 1, 2**31 - 1)])
def test_seeds_fit(seed: int, expected: int) -> None:
    assert config(seed=seed) == ({"seed": expected}, [])


def test_five_stops_and_no_more() -> None:
    assert config(stop=list("abcdefg")) == ({"stopSequences": list("abcde")}, ["/stop/5", "/stop/6"])


def test_what_google_has_no_word_for() -> None:
    request: dict[str, Any] = {"logit_bias": {"1": 1}, "user": "u", "metadata": {"a": "b"}, "extra": {"/store": True}}
    assert config(**request) == (None, ["/store", "/logit_bias", "/user", "/metadata"])


@pytest.mark.parametrize(
    ("tier", "dialect", "said", "lost"),
    [
        ("auto", "openai", None, []),
        ("default", "openai", "standard", []),
        ("flex", "openai", "flex", []),
        ("priority", "openai", "priority", []),
        ("scale", "openai", None, ["/service_tier"]),
        ("standard", "gemini", "standard", []),
    ],
)
def test_service_tiers(tier: str, dialect: str, said: str | None, lost: list[str]) -> None:
    body, found = render(ask(service_tier=tier, dialect=dialect))
    assert (body.get("serviceTier"), found) == (said, lost)


JSON = {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ResponseFormat(kind="text"), None),
        (ResponseFormat(kind="json"), JSON),
        (ResponseFormat(kind="schema", schema=SCHEMA, strict=True), {**JSON, "responseJsonSchema": SCHEMA}),
        (
            ResponseFormat(kind="schema", schema={"type": "object", "title": "T"}, name="n", description="d"),
            {**JSON, "responseJsonSchema": {"type": "object", "title": "T", "description": "d"}},
        ),
        (
            ResponseFormat(kind="schema", schema={"type": "object"}, name="n"),
            {**JSON, "responseJsonSchema": {"type": "object", "title": "n"}},
        ),
    ],
)
def test_formats(wanted: ResponseFormat, expected: Any) -> None:
    assert config(response_format=wanted) == (expected, [])


def test_json_beside_tools_needs_gemini_3() -> None:
    request = ask(tools=[LOOK], response_format=ResponseFormat(kind="json"))
    render(request, "gemini-3-flash-preview")
    error = refused(request, "gemini-2.5-flash")
    assert (error.param, "gemini-2.5-flash" in error.message) == ("response_format", True)
    history = [message("user", "?"), message("assistant", call("a")), message("user", result("a"))]
    body, _ = render(ask(*history, response_format=ResponseFormat(kind="json")), "gemini-2.5-flash")
    assert "tools" not in body


@pytest.mark.parametrize(
    ("model", "dialect", "reasoning", "thinking", "lost"),
    [
        (MODEL, "openai", Reasoning(effort="low"), {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        (MODEL, "gemini", Reasoning(effort="low"), {"thinkingLevel": "LOW"}, []),
        (MODEL, "anthropic", Reasoning(is_adaptive=True), {"includeThoughts": True}, []),
        (MODEL, "gemini", Reasoning(is_adaptive=True, budget=-1), {"thinkingBudget": -1}, []),
        (
            MODEL, "openai", Reasoning(effort="high", is_visible=False),
            {"thinkingLevel": "HIGH", "includeThoughts": False}, [],
        ),
        (MODEL, "openai", Reasoning(effort="none"), {"thinkingLevel": "MINIMAL"}, ["/reasoning_effort"]),
        ("gemini-2.5-flash", "openai", Reasoning(effort="none"), {"thinkingBudget": 0}, []),
        ("gemini-2.5-flash", "openai", Reasoning(effort="low"), {"thinkingBudget": 1024, "includeThoughts": True}, []),
        ("gemini-2.0-flash", "openai", Reasoning(effort="low"), None, ["/reasoning_effort"]),
        ("gemini-2.0-flash", "openai", Reasoning(effort="none"), None, []),
        ("gemini-3-pro-preview", "openai", Reasoning(), None, []),
    ],
)  # fmt: skip
def test_thinking(model: str, dialect: str, reasoning: Reasoning, thinking: Any, lost: list[str]) -> None:
    where = {"reasoning": "/reasoning_effort"}
    expected = None if thinking is None else {"thinkingConfig": thinking}
    assert config(model, dialect=dialect, reasoning=reasoning, where=where) == (expected, lost)


def test_rendering_leaves_the_request_as_it_is() -> None:
    """Every attempt is rendered from the same request."""
    own = Opaque(dialect="gemini", raw={"functionCall": {"name": "a"}, "thought": True})
    messages = [message("user", "?"), message("assistant", own, call("a")), message("user", result("a", "1", IMAGE))]
    request = ask(
        *messages, dialect="gemini", tools=[LOOK], response_format=ResponseFormat(kind="schema", schema=SCHEMA)
    )
    before = repr(request)
    first = gemini.render_request(request, MODEL, {})[0].body
    assert repr(request) == before
    assert gemini.render_request(request, MODEL, {})[0].body == first
