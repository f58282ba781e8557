"""Agents of a page each, built with the vendors' own packages: they run tools until the model has said all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import anthropic
import openai
from google import genai
from google.genai import types

from tests.clients.tasks import LOG, Deed, Read, Write
from tests.support.chat import ToolCall
from tests.support.gate import PATIENCE

MOST_TURNS = 12


@dataclass(frozen=True)
class Outcome:
    """How a task ended for the agent's user: whether well, and the last words."""

    is_done: bool
    text: str
    detail: str = ""


class Agent(Protocol):
    """Something that works off tasks at a base address. `dialect` is the wire format that it speaks."""

    @property
    def name(self) -> str: ...
    @property
    def dialect(self) -> str: ...

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        """The deed as a call of its tools."""

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        """Work off a task in the folder `project`."""


def kit(deed: Deed, _: Path) -> ToolCall:
    """The deeds as calls of the tools in a workshop."""
    if isinstance(deed, Read):
        return ToolCall("read_file", {"path": deed.path})
    if isinstance(deed, Write):
        return ToolCall("write_file", {"path": deed.path, "text": deed.text})
    return ToolCall("note", {"line": deed.line})


@dataclass
class Workshop:
    """The tools of the agents here, at work in one folder."""

    project: Path

    def use(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Run one tool; returns what it answers."""
        tool: Callable[..., str] = getattr(self, name)
        return tool(**arguments)

    def read_file(self, path: str) -> str:
        """Read a file."""
        target = self.project / path
        return target.read_text() if target.exists() else f"there is no {path}"

    def write_file(self, path: str, text: str) -> str:
        """Write a new file."""
        (self.project / path).write_text(text)
        return ""

    def note(self, line: str) -> str:
        """Add a line to the log."""
        with (self.project / LOG).open("a") as log:
            log.write(f"{line}\n")
        return "noted"


def _schema(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}


TOOLS = {
    "read_file": ("Read a file.", _schema("path")),
    "write_file": ("Write a new file.", _schema("path", "text")),
    "note": ("Add a line to the log.", _schema("line")),
}


@dataclass(frozen=True)
class OpenAIAgent:
    """With the `openai` package. `keeps` thinking: most agents send back nothing but text and calls."""

    keeps: bool = False
    streams: bool = True
    retries: int = 4
    dialect: str = "openai"
    name: str = "openai"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        return kit(deed, project)

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        shop = Workshop(project)
        messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
        options: Any = {"api_key": "anything", "max_retries": self.retries, "timeout": PATIENCE}
        with openai.OpenAI(base_url=f"{origin}/v1", **options) as client:
            for _ in range(MOST_TURNS):
                message = self._turn(client, model, messages)
                if not message.tool_calls:
                    return Outcome(True, message.content or "")
                messages.append(self._said(message))
                messages += [self._result(shop, call) for call in message.tool_calls]
        return Outcome(False, "", "it never ends")

    def asks(self, model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """What it sends for one turn, streamed or not."""
        tools = [
            {"type": "function", "function": {"name": name, "description": about, "parameters": schema}}
            for name, (about, schema) in TOOLS.items()
        ]
        return {"model": model, "messages": messages, "tools": tools, "reasoning_effort": "medium"}

    def _turn(self, client: openai.OpenAI, model: str, messages: list[dict[str, Any]]) -> Any:
        asked = self.asks(model, messages)
        if not self.streams:
            return client.chat.completions.create(**asked).choices[0].message
        with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            final = stream.get_final_completion()
        assert final.usage is not None, "no usage came"
        return final.choices[0].message

    def _said(self, message: Any) -> dict[str, Any]:
        if self.keeps:
            told: dict[str, Any] = message.model_dump(exclude_none=True)
            told.pop("parsed", None)
            for call in told["tool_calls"]:
                call["function"].pop("parsed_arguments", None)
                call.pop("index", None)
            return told
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls
        ]
        return {"role": "assistant", "content": message.content, "tool_calls": calls}

    def _result(self, shop: Workshop, call: Any) -> dict[str, Any]:
        answer = shop.use(call.function.name, json.loads(call.function.arguments))
        return {"role": "tool", "tool_call_id": call.id, "content": answer}


def _function(call: Any) -> dict[str, str]:
    return {"name": call.function.name, "arguments": call.function.arguments}


@dataclass(frozen=True)
class AnthropicAgent:
    """With the `anthropic` package, thinking out loud."""

    streams: bool = True
    retries: int = 4
    thinking: Mapping[str, Any] = field(default_factory=lambda: {"type": "enabled", "budget_tokens": 2048})
    dialect: str = "anthropic"
    name: str = "anthropic"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        return kit(deed, project)

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        shop = Workshop(project)
        messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
        options: Any = {"api_key": "anything", "max_retries": self.retries, "timeout": PATIENCE}
        with anthropic.Anthropic(base_url=origin, **options) as client:
            for _ in range(MOST_TURNS):
                message = self._turn(client, model, messages)
                calls = [block for block in message.content if block.type == "tool_use"]
                if not calls:
                    return Outcome(True, "".join(block.text for block in message.content if block.type == "text"))
                messages.append({"role": "assistant", "content": message.content})
                messages.append({"role": "user", "content": [self._result(shop, call) for call in calls]})
        return Outcome(False, "", "it never ends")

    def _turn(self, client: anthropic.Anthropic, model: str, messages: Any) -> Any:
        tools: Any = [
            {"name": name, "description": about, "input_schema": schema} for name, (about, schema) in TOOLS.items()
        ]
        system: Any = [{"type": "text", "text": "You work.", "cache_control": {"type": "ephemeral"}}]
        asked: Any = {"model": model, "messages": messages, "tools": tools, "system": system, "max_tokens": 8192}
        if self.thinking:
            asked["thinking"] = self.thinking
        if not self.streams:
            return client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            message = stream.get_final_message()
        assert message.usage.input_tokens, "no usage came"
        return message

    def _result(self, shop: Workshop, call: Any) -> dict[str, Any]:
        return {"type": "tool_result", "tool_use_id": call.id, "content": shop.use(call.name, call.input)}


@dataclass(frozen=True)
class GeminiAgent:
    """With the `google-genai` package, whose chat runs the tools itself. `version`: of the API, in the path."""

    version: str | None = None
    streams: bool = True
    retries: int = 4
    dialect: str = "gemini"
    name: str = "google-genai"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        return kit(deed, project)

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        shop = Workshop(project)
        patience = types.HttpRetryOptions(attempts=self.retries + 1, initial_delay=0.2, max_delay=2)
        options = types.HttpOptions(
            base_url=origin, api_version=self.version, timeout=int(PATIENCE * 1000), retry_options=patience
        )
        config = types.GenerateContentConfig(
            tools=[shop.read_file, shop.write_file, shop.note],
            thinking_config=types.ThinkingConfig(include_thoughts=True),
        )
        with genai.Client(api_key="anything", http_options=options) as client:
            chat = client.chats.create(model=model, config=config)
            if not self.streams:
                return Outcome(True, chat.send_message(prompt).text or "")
            last = ""
            for chunk in chat.send_message_stream(prompt):
                last = "" if chunk.function_calls else last + (chunk.text or "")
            return Outcome(True, last)


AGENTS: dict[str, Agent] = {
    agent.name: agent
    for agent in (OpenAIAgent(), OpenAIAgent(keeps=True, name="openai-that-keeps"), AnthropicAgent(), GeminiAgent())
}
