"""Which parts of a message come back with what, by what its caller returned of the reply."""

from __future__ import annotations

from copy import deepcopy

import pytest

from routerd.chat.parts import Part, Signature, Text, Thinking, ToolCall
from routerd.chat.request import Message
from routerd.chat.signed import give_back, keep

ANTHROPIC, GEMINI = "anthropic", "gemini"


def signed(value: str, family: str = ANTHROPIC) -> Signature:
    return Signature(family, value)


def think(text: str, signature: Signature | None = None, at: str = "") -> Thinking:
    return Thinking(text=text, signature=signature, at=at)


def hidden(value: str, at: str = "") -> Thinking:
    return Thinking(text="", signature=signed(value), is_redacted=True, at=at)


def call(name: str, signature: Signature | None = None) -> ToolCall:
    return ToolCall(id=name, name="tool", arguments="{}", signature=signature)


def text(words: str, signature: Signature | None = None, cache: object = None) -> Text:
    return Text(text=words, signature=signature, cache=cache)


AT = "/messages/1"
A, B = think("first", signed("s1")), think(" second ", signed("s2"))
Row = tuple[list[Part], list[Part], str, list[Part]]

# case → the reply, what came back of it, for which family, what goes out
CASES: dict[str, Row] = {
    "thoughts before a call": (
        [A, call("1")],
        [call("1")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), call("1")],
    ),
    "thoughts open the message, as in the reply": (
        [A, B, text("so"), call("1"), call("2")],
        [text("so"), call("1"), call("2")],
        ANTHROPIC,
        [
            think("first", signed("s1"), AT),
            think(" second ", signed("s2"), AT),
            text("so"),
            call("1"),
            call("2"),
        ],
    ),
    "redacted thoughts": (
        [A, hidden("data"), call("1")],
        [call("1")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), hidden("data", AT), call("1")],
    ),
    "thoughts between two calls": (
        [A, call("1"), B, call("2")],
        [call("1"), call("2")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), call("1"), think(" second ", signed("s2"), AT), call("2")],
    ),
    "a call taken out takes the thoughts that led to it": (
        [A, call("1"), B, call("2")],
        [call("1")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), call("1")],
    ),
    "each message of a divided reply": (
        [A, call("1"), call("2")],
        [call("2")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), call("2")],
    ),
    "an unsigned copy is replaced, spaces or not": (
        [B, call("1")],
        [think("second", at="/messages/1/reasoning_content"), call("1")],
        ANTHROPIC,
        [think(" second ", signed("s2"), "/messages/1/reasoning_content"), call("1")],
    ),
    "copies run together": (
        [A, B, text("so")],
        [think("first second ", at="/x"), text("so")],
        ANTHROPIC,
        [think("first", signed("s1"), "/x"), think(" second ", signed("s2"), "/x"), text("so")],
    ),
    "copies cut elsewhere": (
        [A, B, call("1")],
        [think("fir"), think("st second"), call("1")],
        ANTHROPIC,
        [think("first", signed("s1")), think(" second ", signed("s2")), call("1")],
    ),
    "one copy of two": (
        [A, B, text("so")],
        [think("first"), text("so")],
        ANTHROPIC,
        [think("first", signed("s1")), think(" second ", signed("s2")), text("so")],
    ),
    "other thoughts stay, for their loss must be told": (
        [A, call("1")],
        [think("edited"), call("1")],
        ANTHROPIC,
        [think("first", signed("s1"), AT), think("edited"), call("1")],
    ),
    "what came back signed is the caller's": (
        [A, B, call("1")],
        [think("first", signed("s1")), call("1")],
        ANTHROPIC,
        [think("first", signed("s1")), call("1")],
    ),
    "thoughts of another family are left out": (
        [A, call("1", signed("g", GEMINI))],
        [call("1")],
        GEMINI,
        [call("1", signed("g", GEMINI))],
    ),
    "calls of another family are left alone": (
        [call("1", signed("g", GEMINI))],
        [call("1")],
        ANTHROPIC,
        [call("1")],
    ),
    "the first of parallel calls is signed": (
        [think("summary"), call("1", signed("g", GEMINI)), call("2")],
        [think("summary"), text("so"), call("1"), call("2")],
        GEMINI,
        [think("summary"), text("so"), call("1", signed("g", GEMINI)), call("2")],
    ),
    "a call that came back signed": (
        [call("1", signed("g", GEMINI))],
        [call("1", signed("own", GEMINI))],
        GEMINI,
        [call("1", signed("own", GEMINI))],
    ),
    "text": (
        [text("all", signed("g", GEMINI))],
        [text("all")],
        GEMINI,
        [text("all", signed("g", GEMINI))],
    ),
    "text cut where it was": (
        [text("one "), text("two", signed("g", GEMINI)), text("", signed("h", GEMINI))],
        [text("one two", cache="mark")],
        GEMINI,
        [text("one "), text("two", signed("g", GEMINI)), text("", signed("h", GEMINI), cache="mark")],
    ),
    "text that lost its spaces": (
        [text("one "), text("two\n", signed("g", GEMINI))],
        [text("one two")],
        GEMINI,
        [text("one two", signed("g", GEMINI))],
    ),
    "text in pieces of its own": (
        [text("one "), text("two", signed("g", GEMINI))],
        [text("one "), text("two")],
        GEMINI,
        [text("one "), text("two", signed("g", GEMINI))],
    ),
    "text beside a call": (
        [text("one", signed("g", GEMINI)), call("1")],
        [text("one"), call("1")],
        GEMINI,
        [text("one", signed("g", GEMINI)), call("1")],
    ),
    "other text": (
        [text("one", signed("g", GEMINI)), call("1")],
        [text("two"), call("1")],
        GEMINI,
        [text("two"), call("1")],
    ),
    "text for another family": (
        [text("one", signed("g", GEMINI))],
        [text("one")],
        ANTHROPIC,
        [text("one")],
    ),
}


@pytest.mark.parametrize(("reply", "back", "family", "out"), CASES.values(), ids=CASES)
def test_what_is_given_back(reply: list[Part], back: list[Part], family: str, out: list[Part]) -> None:
    kept = keep(reply)
    assert kept is not None
    message = Message(role="assistant", parts=back, at=AT)
    before = deepcopy(message)
    given = give_back(message, [kept], family)
    assert given.parts == out
    assert message == before
    assert (given is message) == (out == back)


def test_two_replies_in_one_message_keep_their_thoughts_apart() -> None:
    replies = [keep([A, text("one"), call("1")]), keep([B, text("two"), call("2")])]
    message = Message(role="assistant", parts=[text("one"), call("1"), text("two"), call("2")], at=AT)
    given = give_back(message, [kept for kept in replies if kept], ANTHROPIC)
    first, second = think("first", signed("s1"), AT), think(" second ", signed("s2"), AT)
    assert given.parts == [first, text("one"), call("1"), text("two"), second, call("2")]


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [text("just text")],
        [think("unsigned"), call("1")],
        [text("  ", signed("g", GEMINI))],
        [hidden("data"), text("nothing to tell it by")],
    ],
)
def test_what_is_not_kept(reply: list[Part]) -> None:
    assert keep(reply) is None


def test_what_a_reply_is_known_by() -> None:
    kept = keep([A, B, text("x", signed("g")), call("1"), call("2")])
    assert kept is not None and kept.names[:2] == ("1", "2")
    assert [name.partition(":")[0] for name in kept.names[2:]] == ["thoughts"] * 3
    alone = keep([text("x", signed("g"))])
    assert alone is not None and [name.partition(":")[0] for name in alone.names] == ["text"]
