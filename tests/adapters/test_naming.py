"""Names of tools that a provider refuses, told as others and told back."""

from __future__ import annotations

import pytest

from routerd.adapters.table import ADAPTERS
from routerd.chat.events import Event, PartDelta, PartStarted
from routerd.chat.naming import fitting, parts_told_back, told_back
from routerd.chat.parts import Text, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Tool, ToolChoice

LONG = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__get_console_message"


def asking(name: str) -> ChatRequest:
    call, result = ToolCall(id="c", name=name), ToolResult(id="c", name=name)
    messages = [Message(role="assistant", parts=[Text(text=name), call]), Message(role="user", parts=[result])]
    tools = [Tool(name=name), Tool(name="bash")]
    return ChatRequest(
        dialect="d", model="m", messages=messages, tools=tools, tool_choice=ToolChoice(mode="required", names=[name])
    )


@pytest.mark.parametrize(("name", "takers"), [
    ("mcp__server__tool", {"openai", "anthropic", "gemini"}),
    ("a" * 64, {"openai", "anthropic", "gemini"}),
    (LONG, set[str]()),
    ("files.read", {"gemini"}),
    ("2fa", {"openai", "anthropic"}),
    ("größe", set[str]()),
    ("a b", set[str]()),
])  # fmt: skip
def test_names(name: str, takers: set[str]) -> None:
    for dialect, adapter in ADAPTERS.items():
        told, names = fitting(asked := asking(name), adapter.TOOL_NAME)
        if dialect in takers:
            assert told is asked
            assert names == {}
            continue
        [new] = names
        assert adapter.TOOL_NAME.fullmatch(new)
        assert told == asking_with(name, new)
        assert names == {new: name}
        assert fitting(asking(name), adapter.TOOL_NAME)[1] == names, "always the same"


def asking_with(name: str, new: str) -> ChatRequest:
    asked = asking(new)
    asked.messages[0].parts[0] = Text(text=name)
    return asked


def test_names_alike_stay_two() -> None:
    request = ChatRequest(dialect="d", model="m", tools=[Tool(name="a.b"), Tool(name="a:b"), Tool(name="a_b")])
    told, names = fitting(request, ADAPTERS["openai"].TOOL_NAME)
    assert len({tool.name for tool in told.tools}) == 3
    assert told.tools[2].name == "a_b"
    assert sorted(names.values()) == ["a.b", "a:b"]


def test_a_vendors_own_tool_keeps_its_name() -> None:
    request = ChatRequest(dialect="d", model="m", tools=[Tool(name="own.tool", raw={})])
    assert fitting(request, ADAPTERS["openai"].TOOL_NAME)[0] is request


def test_a_reply_has_the_callers_names() -> None:
    call = ToolCall(id="c", name="short")
    events: list[Event] = [PartStarted(0, call), PartDelta(0, "{}"), PartStarted(1, Text(text="short"))]
    started = PartStarted(0, ToolCall(id="c", name="long"))
    assert told_back(events, {"short": "long"}) == [started, *events[1:]]
    assert parts_told_back([call, Text(text="short")], {"short": "long"}) == [started.part, Text(text="short")]
