"""Conversations as Anthropic's models accept them: the talk of a caller on the left, the messages on the right."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters import anthropic
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Role, Tool
from routerd.errors import RouterError
from tests.adapters import official

NEW, OLD = "claude-opus-4-8", "claude-haiku-4-5"
PNG, JPEG = "iVBORw0KGgoAAAA=", "/9j/4AAQSkZJRg=="


def talk(*said: tuple[Role, Any], dialect: str = "openai", tools: bool = True) -> ChatRequest:
    """A request: texts stand as strings, parts get the pointers that an OpenAI caller's would have."""
    messages = []
    for index, (role, content) in enumerate(said):
        at = f"/messages/{index}"
        if isinstance(content, str):
            parts: list[Part] = [Text(text=content, at=f"{at}/content")]
        else:
            parts = [Text(text=each) if isinstance(each, str) else each for each in content]
            for number, part in enumerate(parts):
                part.at = part.at or f"{at}/content/{number}"
        messages.append(Message(role=role, parts=parts, at=at))
    declared = [Tool(name="look", schema={"type": "object", "properties": {}})] if tools else []
    return ChatRequest(dialect=dialect, model="m", messages=messages, tools=declared)


def rendered(request: ChatRequest, model: str = NEW) -> tuple[dict[str, Any], list[str]]:
    call, losses = anthropic.render_request(request, model, {})
    assert official.REQUEST["anthropic"](call.body) == []
    return call.body, list(losses)


def refused(request: ChatRequest, model: str = NEW) -> RouterError:
    with pytest.raises(RouterError) as caught:
        anthropic.render_request(request, model, {})
    assert caught.value.kind == "invalid_request"
    return caught.value


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def one(role: str, *content: Any) -> dict[str, Any]:
    return {"role": role, "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)}


def use(id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "look", "input": arguments}


def result(id: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id} | ({} if content is None else {"content": content}) | more


def call(id: str, arguments: str = "", **more: Any) -> ToolCall:
    return ToolCall(id=id, name="look", arguments=arguments, **more)


def answer(id: str, *parts: Part | str, **more: Any) -> ToolResult:
    return ToolResult(id=id, parts=[Text(text=each) if isinstance(each, str) else each for each in parts], **more)


MISSED = result("c1", "No result was given for this call.", is_error=True)
UNASKED = text("Result of a tool call that is no longer part of this conversation:")


@pytest.mark.parametrize(
    ("said", "messages"),
    [
        ([("user", "Hi")], [one("user", "Hi")]),
        ([("user", ["Hi"])], [one("user", text("Hi"))]),
        ([("user", "a"), ("user", "b")], [one("user", text("a"), text("b"))]),
        (
            [("user", "a"), ("assistant", "b"), ("assistant", ["c"]), ("user", "d")],
            [one("user", "a"), one("assistant", text("b"), text("c")), one("user", "d")],
        ),
        ([("user", ["", "a", " \n"])], [one("user", text("a"))]),
        ([("user", "a"), ("assistant", ""), ("user", "b")], [one("user", text("a"), text("b"))]),
        ([("user", "a"), ("assistant", []), ("user", "b")], [one("user", text("a"), text("b"))]),
        ([("user", "a"), ("assistant", "The answer \n")], [one("user", "a"), one("assistant", "The answer")]),
        (
            [("user", "a"), ("assistant", "b "), ("user", "c ")],
            [one("user", "a"), one("assistant", "b "), one("user", "c ")],
        ),
        (
            [("assistant", "Welcome!"), ("user", "Hi")],
            [one("user", text(".")), one("assistant", "Welcome!"), one("user", "Hi")],
        ),
        (
            [("user", "a"), ("assistant", [Refusal(text="No.")]), ("user", "b")],
            [one("user", "a"), one("assistant", text("No.")), one("user", "b")],
        ),
    ],
)
def test_turns(said: list[Any], messages: list[Any]) -> None:
    body, losses = rendered(talk(*said, tools=False), OLD)
    assert (body["messages"], losses) == (messages, [])


@pytest.mark.parametrize(
    ("said", "messages"),
    [
        (
            [("user", "a"), ("assistant", ["b", call("c1", '{"at": 1}')]), ("user", [answer("c1", "fine")])],
            [one("user", "a"), one("assistant", text("b"), use("c1", at=1)), one("user", result("c1", "fine"))],
        ),
        (  # as OpenAI has them: a message for each result, and out of order
            [
                ("user", "a"),
                ("assistant", [call("c1"), call("c2", "{}")]),
                ("user", [answer("c2", "two")]),
                ("user", [answer("c1", "one")]),
                ("user", "Go on."),
            ],
            [
                one("user", "a"),
                one("assistant", use("c1"), use("c2")),
                one("user", result("c2", "two"), result("c1", "one"), text("Go on.")),
            ],
        ),
        (  # results come first, whatever was said before them
            [("user", "a"), ("assistant", [call("c1")]), ("user", ["wait", answer("c1", "one")])],
            [one("user", "a"), one("assistant", use("c1")), one("user", result("c1", "one"), text("wait"))],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("user", [answer("c1")])],
            [one("user", "a"), one("assistant", use("c1")), one("user", result("c1"))],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("user", [answer("c1", "no", is_error=True)])],
            [one("user", "a"), one("assistant", use("c1")), one("user", result("c1", "no", is_error=True))],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("user", [answer("c1", "", "b", "c")])],
            [one("user", "a"), one("assistant", use("c1")), one("user", result("c1", [text("b"), text("c")]))],
        ),
        (  # a call and a word after it, in two messages
            [("user", "a"), ("assistant", [call("c1")]), ("assistant", "b"), ("user", [answer("c1", "one")])],
            [one("user", "a"), one("assistant", use("c1"), text("b")), one("user", result("c1", "one"))],
        ),
    ],
)
def test_calls_and_results(said: list[Any], messages: list[Any]) -> None:
    body, losses = rendered(talk(*said))
    assert (body["messages"], losses) == (messages, [])


def test_ids_are_plain_and_unique_and_twins_stay_two() -> None:
    turn = ("assistant", [call("call:1/ä"), call("call_1__"), call("x"), call("x")])
    said = [
        ("user", "a"),
        turn,
        ("user", [answer("x", "first"), answer("call:1/ä", "odd"), answer("call_1__", "plain"), answer("x", "second")]),
    ]
    again = [("assistant", [call("x"), call("")]), ("user", [answer("x", "third"), answer("", "nameless")])]
    body, losses = rendered(talk(*said, *again))  # type: ignore[arg-type]
    assert body["messages"][1:] == [
        one("assistant", use("call_1__"), use("call_1___2"), use("x"), use("x_2")),
        one(
            "user",
            result("x", "first"),
            result("call_1__", "odd"),
            result("call_1___2", "plain"),
            result("x_2", "second"),
        ),
        one("assistant", use("x_3"), use("call")),
        one("user", result("x_3", "third"), result("call", "nameless")),
    ]
    assert losses == []


@pytest.mark.parametrize(
    ("said", "messages", "lost"),
    [
        (
            [("user", "a"), ("assistant", [call("c1"), call("c2")]), ("user", [answer("c2", "two"), "b"])],
            [one("assistant", use("c1"), use("c2")), one("user", result("c2", "two"), MISSED, text("b"))],
            [],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("user", "never mind"), ("assistant", "ok"), ("user", "b")],
            [
                one("assistant", use("c1")),
                one("user", MISSED, text("never mind")),
                one("assistant", "ok"),
                one("user", "b"),
            ],
            [],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")])],
            [one("assistant", use("c1")), one("user", MISSED)],
            [],
        ),
        (
            [("user", "a"), ("assistant", "b"), ("user", [answer("gone", "late")])],
            [one("assistant", "b"), one("user", UNASKED, text("late"))],
            ["/messages/2/content/0"],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("user", [answer("c1", "one"), answer("c1", "twice")])],
            [one("assistant", use("c1")), one("user", result("c1", "one"), UNASKED, text("twice"))],
            ["/messages/2/content/1"],
        ),
        (
            [
                ("user", "a"),
                ("assistant", [call("c1")]),
                ("user", "b"),
                ("assistant", "c"),
                ("user", [answer("c1", "late")]),
            ],
            [
                one("assistant", use("c1")),
                one("user", MISSED, text("b")),
                one("assistant", "c"),
                one("user", UNASKED, text("late")),
            ],
            ["/messages/4/content/0"],
        ),
    ],
)
def test_what_does_not_pair_is_repaired(said: list[Any], messages: list[Any], lost: list[str]) -> None:
    body, losses = rendered(talk(*said))
    assert (body["messages"][1:], losses) == (messages, lost)


@pytest.mark.parametrize("arguments", ["", " ", "{}", "null"])
def test_a_call_may_say_nothing_in_many_ways(arguments: str) -> None:
    body, _ = rendered(talk(("user", "a"), ("assistant", [call("c1", arguments)]), ("user", [answer("c1", "one")])))
    assert body["messages"][1] == one("assistant", use("c1"))


@pytest.mark.parametrize("arguments", ["{broken", "[1]", '"text"', "1"])
def test_broken_arguments_are_refused(arguments: str) -> None:
    error = refused(talk(("user", "a"), ("assistant", [call("c1", arguments)]), ("user", [answer("c1", "one")])))
    assert error.param == "messages.1.content.0"
    assert arguments in error.message


def test_names_in_the_history_are_plain() -> None:
    odd = ToolCall(id="c1", name="fs.read")
    body, losses = rendered(talk(("user", "a"), ("assistant", [odd]), ("user", [answer("c1", "one")]), tools=False))
    assert body["messages"][1]["content"][0]["name"] == body["tools"][0]["name"] == "fs_read"
    assert losses == ["/messages/1/content/0/name"]


# System -----------------------------------------------------------------------------------------------------------


def test_leading_system_messages_are_the_system_prompt() -> None:
    body, losses = rendered(talk(("system", "Be brief."), ("system", ["Be kind.", ""]), ("user", "Hi")))
    assert body["system"] == [text("Be brief."), text("Be kind.")]
    assert (body["messages"], losses) == ([one("user", "Hi")], [])
    assert rendered(talk(("system", "Be brief."), ("user", "Hi")))[0]["system"] == "Be brief."


@pytest.mark.parametrize(
    ("said", "messages", "lost"),
    [
        ([("user", "a"), ("system", "S")], [one("user", "a"), one("system", "S")], []),
        (
            [("user", "a"), ("system", "S"), ("assistant", "b"), ("user", "c")],
            [one("user", "a"), one("system", "S"), one("assistant", "b"), one("user", "c")],
            [],
        ),
        (
            [("user", "a"), ("system", "S"), ("system", "T"), ("assistant", "b"), ("user", "c")],
            [one("user", "a"), one("system", "S"), one("system", "T"), one("assistant", "b"), one("user", "c")],
            [],
        ),
        (
            [("user", "a"), ("system", "S"), ("user", "b")],
            [one("user", text("a"), text("S"), text("b"))],
            ["/messages/1/role"],
        ),
        (
            [("user", "a"), ("assistant", "b"), ("system", "S"), ("user", "c")],
            [one("user", "a"), one("assistant", "b"), one("user", text("S"), text("c"))],
            ["/messages/2/role"],
        ),
        (
            [("user", "a"), ("assistant", [call("c1")]), ("system", "S"), ("user", [answer("c1", "one")])],
            [one("user", "a"), one("assistant", use("c1")), one("user", result("c1", "one"), text("S"))],
            ["/messages/2/role"],
        ),
        ([("user", "a"), ("system", " ")], [one("user", "a")], []),
    ],
)
def test_system_messages_in_the_middle(said: list[Any], messages: list[Any], lost: list[str]) -> None:
    body, losses = rendered(talk(*said))
    assert (body["messages"], losses) == (messages, lost)


def test_older_models_hear_them_from_the_user() -> None:
    request = talk(("user", "a"), ("system", "S"), ("assistant", "b"), ("user", "c"))
    body, losses = rendered(request, OLD)
    assert body["messages"] == [one("user", text("a"), text("S")), one("assistant", "b"), one("user", "c")]
    assert losses == ["/messages/1/role"]


@pytest.mark.parametrize("said", [[("system", "S"), ("system", "T")], [("system", ["S", "T"]), ("user", "")]])
def test_a_prompt_that_stands_alone_is_the_users(said: list[Any]) -> None:
    body, losses = rendered(talk(*said))
    assert "system" not in body
    assert body["messages"] == [one("user", text("S"), text("T"))]
    assert losses == [f"/messages/{index}/role" for index, (role, _) in enumerate(said) if role == "system"]


def test_names_and_unknown_fields_of_messages() -> None:
    request = talk(("system", "S"), ("user", "a"))
    request.messages[0].extra = {"role": "developer"}
    request.messages[1].name, request.messages[1].extra = "ada", {"audio": {"id": "x"}}
    assert rendered(request)[1] == ["/messages/1/name", "/messages/1/audio"]


# Prefill ----------------------------------------------------------------------------------------------------------


def test_a_reply_that_is_begun_needs_a_model_that_goes_on_with_it() -> None:
    request = talk(("user", "a"), ("assistant", "The answer"))
    assert rendered(request, OLD)[0]["messages"][-1] == one("assistant", "The answer")
    assert refused(request, NEW).param == "messages.1"


def test_nothing_to_reply_to() -> None:
    assert refused(talk(("user", ""))).param == "messages"


# Thinking ---------------------------------------------------------------------------------------------------------


def signed(family: str, said: str = "Hm.", **more: Any) -> Thinking:
    return Thinking(text=said, signature=Signature(family, "EqQB"), **more)


def test_only_anthropics_own_thinking_goes_back() -> None:
    thoughts = [
        signed("anthropic"),
        signed("anthropic", "", is_redacted=True),
        signed("gemini"),
        Thinking(text="unsigned"),
    ]
    body, losses = rendered(talk(("user", "a"), ("assistant", [*thoughts, "b"]), ("user", "c")))
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EqQB"},
        text("b"),
    ]
    assert losses == ["/messages/1/content/2", "/messages/1/content/3"]


@pytest.mark.parametrize(
    ("dialect", "lost"),
    [
        ("gemini", ["/messages/1/content/0/thoughtSignature", "/messages/1/content/1/thoughtSignature"]),
        ("openai", [f"/messages/1/content/{index}/extra_content/google/thought_signature" for index in (0, 1)]),
        ("anthropic", []),
    ],
)
def test_signatures_beside_thinking(dialect: str, lost: list[str]) -> None:
    signature = Signature("gemini", "QUJD")
    said = [Text(text="b", signature=signature), call("c1", signature=signature)]
    request = talk(("user", "a"), ("assistant", said), ("user", [answer("c1", "one")]), dialect=dialect)
    assert rendered(request)[1] == lost


def test_opaque_blocks_of_others() -> None:
    request = talk(("user", ["a", Opaque(dialect="gemini", raw={"executableCode": {}})]))
    body, losses = rendered(request)
    assert (body["messages"], losses) == ([one("user", text("a"))], ["/messages/0/content/1"])


def test_unknown_fields_of_parts() -> None:
    request = talk(("user", [Text(text="a", extra={"annotations": [], "a/b": 1})]))
    assert rendered(request)[1] == ["/messages/0/content/0/annotations", "/messages/0/content/0/a~1b"]


# Files ------------------------------------------------------------------------------------------------------------


def source(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Media(kind="image", media_type="image/png", data=PNG),
            {"type": "image", "source": source("base64", media_type="image/png", data=PNG)},
        ),
        (
            Media(kind="image", media_type="image/png", data=JPEG),  # what clients say, and what it is
            {"type": "image", "source": source("base64", media_type="image/jpeg", data=JPEG)},
        ),
        (
            Media(kind="image", data=PNG),
            {"type": "image", "source": source("base64", media_type="image/png", data=PNG)},
        ),
        (
            Media(kind="image", media_type="image/jpg", data="AAAA"),
            {"type": "image", "source": source("base64", media_type="image/jpeg", data="AAAA")},
        ),
        (
            Media(kind="image", url="https://e.x/a.png"),
            {"type": "image", "source": source("url", url="https://e.x/a.png")},
        ),
        (
            Media(kind="document", media_type="application/pdf", data="JVBE", name="a.pdf"),
            {
                "type": "document",
                "source": source("base64", media_type="application/pdf", data="JVBE"),
                "title": "a.pdf",
            },
        ),
        (
            Media(kind="document", media_type="text/csv; charset=utf-8", data="YSxi"),
            {"type": "document", "source": source("text", media_type="text/plain", data="a,b")},
        ),
        (
            Media(kind="document", text="words"),
            {"type": "document", "source": source("text", media_type="text/plain", data="words")},
        ),
        (
            Media(kind="document", url="https://e.x/a.pdf"),
            {"type": "document", "source": source("url", url="https://e.x/a.pdf")},
        ),
    ],
)
def test_files(part: Media, block: dict[str, Any]) -> None:
    body, losses = rendered(talk(("user", [part])))
    assert (body["messages"][0]["content"], losses) == ([block], [])
    body, losses = rendered(talk(("user", "a"), ("assistant", [call("c1")]), ("user", [answer("c1", part)])))
    assert (body["messages"][2]["content"], losses) == ([result("c1", [block])], [])


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="image", media_type="image/svg+xml", data="AAAA"),
        Media(kind="image", data="AAAA"),
        Media(kind="image", url="http://e.x/a.png"),
        Media(kind="image", url="gs://bucket/a.png"),
        Media(kind="image", file_id="file-abc"),
        Media(kind="document", media_type="application/msword", data="AAAA"),
        Media(kind="document", media_type="text/plain", data="////"),
        Media(kind="audio", media_type="audio/wav", data="AAAA"),
        Media(kind="video", url="https://e.x/a.mp4"),
    ],
)
def test_files_that_anthropic_can_not_take(part: Media) -> None:
    assert refused(talk(("user", ["a", part]))).param == "messages.0.content.1"


def test_what_is_lost_of_files() -> None:
    seen = Media(kind="image", data=PNG, detail="high", name="a.png")
    made = Media(kind="image", data=PNG)
    _, losses = rendered(talk(("user", ["a", seen]), ("assistant", ["b", made]), ("user", "c")))
    at = "/messages/0/content/1"
    assert losses == [f"{at}/image_url/detail", f"{at}/file/filename", "/messages/1/content/1"]
