"""What is asked of a model, in words that every adapter can read and render."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from routerd.chat.parts import Part

Role = Literal["system", "user", "assistant"]
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every level of `Reasoning.effort`, weakest first."""


class Message(Struct, kw_only=True):
    """One turn. Tool results stand in user messages, as Anthropic has them; `system` may stand anywhere."""

    role: Role
    parts: list[Part] = field(default_factory=list)
    name: str | None = None
    at: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Tool(Struct, kw_only=True):
    """A function that the model may call. `raw`: a tool that only the request's own dialect knows, whole."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache: Any = None
    raw: dict[str, Any] | None = None
    at: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class ToolChoice(Struct, kw_only=True):
    """`required`: some tool must be called; `names`: only these may be."""

    mode: Literal["auto", "none", "required"]
    names: list[str] = field(default_factory=list)


class ResponseFormat(Struct, kw_only=True):
    """What the text of the reply must be: any JSON object, or JSON that fits `schema`."""

    kind: Literal["text", "json", "schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class Reasoning(Struct, kw_only=True):
    """How much the model may think. All None: nothing was said.

    `is_on` False forbids it. `effort` is one of EFFORTS, `budget` is in tokens (-1: as the model likes), `is_adaptive`:
    the model decides; `is_visible`: whether the caller wants to see the thoughts.
    """

    is_on: bool | None = None
    is_adaptive: bool = False
    effort: str | None = None
    budget: int | None = None
    is_visible: bool | None = None


class ChatRequest(Struct, kw_only=True):
    """One request. Values are None where the caller said nothing.

    `dialect` is the adapter that read it. `where` tells, for the fields below whose place in the caller's body is not
    their own name, the JSON pointer to it. `extra` maps JSON pointers to what that dialect alone knows.
    """

    dialect: str
    model: str
    messages: list[Message] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, Any] | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    is_stream: bool = False
    include_usage: bool = False
    where: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def pointer(self, name: str) -> str:
        """The JSON pointer to the field `name` in the caller's body."""
        return self.where.get(name, f"/{name}")
