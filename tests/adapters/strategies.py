"""Chats nobody thought of: requests, replies and streams that are valid in our words, for Hypothesis to draw from."""

from __future__ import annotations

import base64
import string
from typing import Any, cast

import msgspec
from hypothesis import strategies as st
from msgspec import structs

from routerd.chat.events import (
    ChoiceEnded,
    Event,
    PartDelta,
    PartEnded,
    PartSigned,
    PartStarted,
    ReplyEnded,
    ReplyStarted,
)
from routerd.chat.parts import Media, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.chat.request import EFFORTS, ChatRequest, Message, Reasoning, ResponseFormat, Tool, ToolChoice

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NAMES = ("look", "weather_in", "run-it")

texts = st.text(st.sampled_from("aZ9 .\n\t\"'\\{}<>&é–漢🙂\u2028"), min_size=1, max_size=12).filter(
    lambda text: text.strip()
)
names = st.sampled_from(NAMES)
leaves = st.none() | st.booleans() | st.integers(-5, 1 << 40) | st.sampled_from([0.5, 1e-9]) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
objects = st.dictionaries(st.sampled_from(["city", "type", "format", "a/b~c", ""]), values, max_size=3)
arguments = objects.map(lambda each: msgspec.json.encode(each).decode()) | st.just("")


def signatures(family: str) -> st.SearchStrategy[Signature | None]:
    """None, or one that the family could have made."""
    signed = st.text(string.ascii_letters + string.digits, min_size=2, max_size=3)
    return st.none() | signed.map(lambda text: Signature(family, base64.b64encode(text.encode()).decode()))


# Replies --------------------------------------------------------------------------------------------------------


@st.composite
def replies(draw: st.DrawFn, family: str) -> Reply:
    """A whole reply as `family`'s models give them: thoughts, then text, then calls; or a refusal."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Thinking(text=draw(texts), signature=draw(signatures(family))))
    if draw(st.booleans()):
        parts.append(Text(text=draw(texts)))
    for index in range(draw(st.integers(0, 3))):
        call = ToolCall(id=f"call_{index}", name=draw(names), arguments=draw(arguments))
        parts.append(call)
    is_calling = isinstance(parts[-1], ToolCall) if parts else False
    if not parts:
        parts.append(draw(st.sampled_from([Refusal, Text]))(text=draw(texts)))
    stop = StopReason.TOOL_CALLS if is_calling else draw(st.sampled_from(_stops(parts)))
    return Reply(
        id="reply-1",
        model="some-model",
        choices=[Choice(parts=parts, stop=stop, stop_sequence="END" if stop is StopReason.STOP_SEQUENCE else None)],
        usage=draw(usages),
    )


def _stops(parts: list[Part]) -> list[StopReason]:
    if isinstance(parts[-1], Refusal):
        return [StopReason.FILTERED]
    return [StopReason.END, StopReason.STOP_SEQUENCE, StopReason.LENGTH]


usages = st.builds(
    lambda fresh, cached, written, thought, said: Usage(
        fresh + cached + written, thought + said, cached, thought, written
    ),
    st.integers(1, 5000),
    *[st.integers(0, 5000)] * 4,
)


@st.composite
def streams(draw: st.DrawFn, family: str) -> list[Event]:
    """The events of a reply, its parts in pieces of any size; tool calls grow side by side, and end in order."""
    reply = draw(replies(family))
    [choice] = reply.choices
    lines = [list(_part_events(draw, index, part)) for index, part in enumerate(choice.parts)]
    serial = [line for line, part in zip(lines, choice.parts, strict=True) if not isinstance(part, ToolCall)]
    parallel = [line for line, part in zip(lines, choice.parts, strict=True) if isinstance(part, ToolCall)]
    told: list[Event] = [ReplyStarted(reply.id, reply.model, reply.usage)]
    told += [event for line in serial for event in line]
    told += [line.pop(0) for line in parallel]
    ends = [line.pop() for line in parallel]
    while any(parallel):
        told.append(draw(st.sampled_from([line for line in parallel if line])).pop(0))
    return [*told, *ends, ChoiceEnded(0, choice.stop, choice.stop_sequence), ReplyEnded(reply.usage)]


def _part_events(draw: st.DrawFn, index: int, part: Part) -> list[Event]:
    if isinstance(part, ToolCall):
        text, skeleton = part.arguments, cast("Part", structs.replace(part, arguments=""))
    else:
        assert isinstance(part, Text | Thinking | Refusal)
        text, skeleton = part.text, structs.replace(part, text="")
    signature = getattr(part, "signature", None)
    if signature is not None:
        skeleton = structs.replace(skeleton, signature=None)
    size = draw(st.integers(1, 5))
    return [
        PartStarted(index, skeleton),
        *(PartDelta(index, text[at : at + size]) for at in range(0, len(text), size)),
        *([PartSigned(index, signature)] if signature else []),
        PartEnded(index),
    ]


# Requests -------------------------------------------------------------------------------------------------------


@st.composite
def requests(draw: st.DrawFn, dialect: str, family: str) -> ChatRequest:
    """A conversation of a few turns that any provider could take, with some options."""
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message(role="system", parts=[Text(text=draw(texts))]))
    for turn in range(draw(st.integers(0, 2))):
        messages += _turn(draw, turn, family)
    messages.append(Message(role="user", parts=draw(st.lists(_said_by_users(dialect), min_size=1, max_size=2))))
    calls_exist = any(isinstance(part, ToolCall) for message in messages for part in message.parts)
    tools = [Tool(name=name, description=draw(st.none() | texts), schema=SCHEMA) for name in NAMES]
    request = ChatRequest(
        dialect=dialect,
        model="some-model",
        messages=messages,
        tools=tools if calls_exist or draw(st.booleans()) else [],
        **draw(st.fixed_dictionaries({}, optional=_OPTIONS)),
    )
    if not request.tools:
        request.tool_choice = request.parallel_tool_calls = None
    return _placed(request)


def _turn(draw: st.DrawFn, turn: int, family: str) -> list[Message]:
    """A question and its answer; with calls, their results follow."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Thinking(text=draw(texts), signature=Signature(family, draw(st.sampled_from(["c2ln", "b2xk"])))))
    parts.append(Text(text=draw(texts)))
    calls = [
        ToolCall(id=f"call_{turn}_{index}", name=draw(names), arguments=draw(arguments))
        for index in range(draw(st.integers(0, 2)))
    ]
    messages = [Message(role="user", parts=[Text(text=draw(texts))]), Message(role="assistant", parts=[*parts, *calls])]
    if calls:
        results: list[Part] = [
            ToolResult(id=call.id, name=call.name, parts=[Text(text=f"It is {draw(texts)}")])
            for call in draw(st.permutations(calls))
        ]
        messages += [Message(role="user", parts=results), Message(role="assistant", parts=[Text(text=draw(texts))])]
    return messages


def _said_by_users(dialect: str) -> st.SearchStrategy[Part]:
    image = st.builds(lambda: Media(kind="image", media_type="image/png", data=PNG))
    return st.builds(lambda text: Text(text=text), texts) | image


_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "tool_choice": st.sampled_from([
        ToolChoice(mode="auto"),
        ToolChoice(mode="none"),
        ToolChoice(mode="required"),
        ToolChoice(mode="required", names=["look"]),
    ]),
    "parallel_tool_calls": st.booleans(),
    "max_tokens": st.integers(1, 9000),
    "temperature": st.sampled_from([0.0, 0.5, 1.0, 1.5]),
    "top_p": st.sampled_from([0.1, 0.9]),
    "stop": st.lists(st.sampled_from(["END", "\n", "stop here"]), max_size=3, unique=True),
    "seed": st.integers(0, 99),
    "response_format": st.sampled_from([
        ResponseFormat(kind="json"),
        ResponseFormat(kind="schema", name="place", schema=SCHEMA, strict=True),
    ]),
    "reasoning": st.sampled_from(EFFORTS).map(lambda effort: Reasoning(effort=effort)),
    "user": st.just("user-1"),
    "is_stream": st.booleans(),
}


def _placed(request: ChatRequest) -> ChatRequest:
    """The request with a pointer at every message, part and tool, as a parser leaves them."""
    for number, message in enumerate(request.messages):
        message.at = f"/messages/{number}"
        for index, part in enumerate(message.parts):
            is_beside = isinstance(part, Thinking) and request.dialect == "openai"
            part.at = f"{message.at}/reasoning_content" if is_beside else f"{message.at}/content/{index}"
            if isinstance(part, ToolResult) and request.dialect == "openai":
                part.name = None  # its tool messages say none
            for inner, each in enumerate(part.parts if isinstance(part, ToolResult) else ()):
                each.at = f"{part.at}/content/{inner}"
    if request.dialect == "openai":
        request.where["reasoning"] = "/reasoning_effort"
    for index, tool in enumerate(request.tools):
        tool.at = f"/tools/{index}"
    return request
