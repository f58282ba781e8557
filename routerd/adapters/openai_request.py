"""OpenAI chat completions: a request, written for a provider.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from routerd.adapters import openai_models as models
from routerd.adapters import searching
from routerd.adapters.base import Call, Losses, put
from routerd.adapters.openai_schema import as_parameters, may_be_strict
from routerd.adapters.openai_turns import Writing, render_messages
from routerd.adapters.openai_words import NAME, PATH
from routerd.adapters.thinking import effort_of
from routerd.chat.parts import Text
from routerd.chat.request import ChatRequest, Reasoning, ResponseFormat, Tool

# Told alike on both sides; `service_tier` and others that mean something else elsewhere have functions of their own.
_OPTIONS = (
    "temperature",
    "top_p",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
)
_JSON = re.compile("json", re.I)
_JSON_ONLY = "Reply with one JSON object and nothing else."
_OWN_SAMPLING = {
    "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False,
    "top_logprobs": None,
}  # fmt: skip
"""What models that reason refuse to be told otherwise."""
_MISTRAL = frozenset({
    "model",
    "messages",
    "temperature",
    "top_p",
    "max_tokens",
    "stream",
    "stop",
    "random_seed",
    "metadata",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "prediction",
    "parallel_tool_calls",
    "reasoning_effort",
    "prompt_mode",
    "guardrails",
    "prompt_cache_key",
    "safe_prompt",
})
"""What Mistral knows; it answers 422 to the rest (https://docs.mistral.ai/api/#tag/chat)."""
_NOT_GROQ = frozenset({"logit_bias", "logprobs", "top_logprobs"})
"""What Groq answers 400 to (https://console.groq.com/docs/openai)."""
LONGEST_USER = 64  # characters that OpenAI takes
MOST_STOPS = 4
"""How many stop sequences OpenAI takes."""


def render_request(request: ChatRequest, model: str, quirks: Mapping[str, Any]) -> tuple[Call, Losses]:
    """The request for `model`. Raises RouterError(invalid_request) for what the target would refuse or spoil."""
    writing = Writing(request, quirks, model)
    body: dict[str, Any] = {"model": model, "messages": render_messages(writing)}
    for render in (_render_limit, _render_sampling, _render_tools, _render_stop, _render_format, _render_effort):
        render(body, writing)
    _render_account(body, writing)
    _render_stream(body, writing)
    _render_extra(body, writing)
    _leave_out(body, writing)
    return Call(PATH, body), writing.losses


def _render_limit(body: dict[str, Any], writing: Writing) -> None:
    """Under the name that the provider takes, else the caller's, else the one that most servers take."""
    request = writing.request
    if request.max_tokens is None:
        return
    said = request.pointer("max_tokens").removeprefix("/") if writing.is_own else None
    usual = "max_completion_tokens" if models.thinks(body["model"]) else "max_tokens"
    body[writing.quirks.get("max_tokens_field") or said or usual] = request.max_tokens


def _render_sampling(body: dict[str, Any], writing: Writing) -> None:
    request = writing.request
    body |= {name: value for name in _OPTIONS if (value := getattr(request, name)) is not None}
    if not writing.is_own and models.thinks(body["model"]):
        for name, usual in _OWN_SAMPLING.items():
            if body.pop(name, usual) != usual:
                writing.losses.fields(request, name)
    if request.top_k is None:
        return
    if writing.is_own or writing.quirks.get("top_k"):
        body["top_k"] = request.top_k
    else:
        writing.losses.fields(request, "top_k")


def _render_stop(body: dict[str, Any], writing: Writing) -> None:
    stop = writing.request.stop
    if writing.is_own:
        body |= {"stop": stop} if stop else {}
    elif models.refuses_stop(body["model"]):
        writing.losses.fields(writing.request, "stop")
    elif stop:
        body["stop"] = stop[:MOST_STOPS]
        writing.losses.add(*(f"{writing.request.pointer('stop')}/{at}" for at in range(MOST_STOPS, len(stop))))


# Tools ----------------------------------------------------------------------------------------------------------


def _render_tools(body: dict[str, Any], writing: Writing) -> None:
    request = writing.request
    tools = [rendered for tool in _chosen(writing) if (rendered := _render_tool(tool, writing)) is not None]
    if not tools:  # the two below are refused without tools
        writing.losses.fields(request, "tool_choice")
        _lose_parallel(writing)
        return
    if writing.has_functions:
        body["functions"] = [tool["function"] for tool in tools]
        _lose_parallel(writing)
    else:
        body["tools"] = tools
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.tool_choice is not None:
        body["function_call" if writing.has_functions else "tool_choice"] = _render_choice(writing)


def _lose_parallel(writing: Writing) -> None:
    if writing.request.parallel_tool_calls is not None:
        writing.losses.add(writing.request.pointer("parallel_tool_calls"))


def _chosen(writing: Writing) -> list[Tool]:
    """The tools; without those that the choice leaves out, where the target can't be told a choice of several."""
    tools, choice = writing.request.tools, writing.request.tool_choice
    if choice is None or not choice.names or writing.knows_allowed_tools:
        return tools
    if choice.mode == "required" and len(choice.names) == 1:
        return tools
    return [tool for tool in tools if tool.name in choice.names] or tools


def _render_tool(tool: Tool, writing: Writing) -> dict[str, Any] | None:
    if tool.raw is not None:
        if writing.is_own:
            return tool.raw
        if not (searching.is_search(tool) and "search" in writing.model):
            writing.losses.add(tool.at)
        return None
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if not writing.is_own:
        function["parameters"] = as_parameters(tool.schema or {})
    elif tool.schema is not None or writing.is_strict:
        function["parameters"] = {"type": "object", "properties": {}} if tool.schema is None else tool.schema
    if tool.strict and not writing.is_own and not may_be_strict(function["parameters"]):
        writing.losses.add(f"{tool.at}/strict")
    elif tool.strict is not None:
        function["strict"] = tool.strict
    rendered: dict[str, Any] = {"type": "function", "function": function}
    writing.mark(rendered, tool)
    writing.keep(function if writing.has_functions else rendered, tool)
    return rendered


def _render_choice(writing: Writing) -> Any:
    choice = writing.request.tool_choice
    assert choice is not None
    if choice.mode == "required" and len(choice.names) == 1:
        return {"name": choice.names[0]} if writing.has_functions else _naming(choice.names[0], writing)
    if not choice.names or not writing.knows_allowed_tools:
        return choice.mode
    tools = [_naming(name, writing) for name in choice.names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}


def _naming(name: str, writing: Writing) -> dict[str, Any]:
    """The object that names a tool in a choice."""
    raw = next((tool.raw for tool in writing.request.tools if tool.name == name and tool.raw is not None), None)
    kind = "function" if raw is None else raw["type"]
    return {"type": kind, kind: {"name": name}} if raw is None or kind in raw else {"type": kind}


# Output ---------------------------------------------------------------------------------------------------------


def _render_format(body: dict[str, Any], writing: Writing) -> None:
    format_ = writing.request.response_format
    if format_ is None:
        return
    if format_.kind == "schema":
        body["response_format"] = {"type": "json_schema", "json_schema": _render_schema(format_)}
        return
    body["response_format"] = {"type": {"text": "text", "json": "json_object"}[format_.kind]}
    if format_.kind == "json" and not writing.is_own and not _says_json(writing.request):
        _ask_for_json(body["messages"], is_joined=not writing.has_system_anywhere)


def _ask_for_json(messages: list[dict[str, Any]], *, is_joined: bool) -> None:
    first = messages[0] if messages else {}
    if is_joined and first.get("role") == "system" and isinstance(first["content"], str):
        messages[0] = {**first, "content": f"{first['content']}\n\n{_JSON_ONLY}"}
    else:
        messages.insert(0, {"role": "system", "content": _JSON_ONLY})


def _says_json(request: ChatRequest) -> bool:
    """Whether a message has the word, as `json_object` demands.

    Source: https://platform.openai.com/docs/guides/structured-outputs#json-mode
    """
    parts = (part for message in request.messages for part in message.parts)
    return any(isinstance(part, Text) and _JSON.search(part.text) for part in parts)


def _render_schema(format_: ResponseFormat) -> dict[str, Any]:
    said = {"description": format_.description, "schema": format_.schema, "strict": format_.strict}
    return {"name": format_.name or "reply", **{name: value for name, value in said.items() if value is not None}}


def _render_effort(body: dict[str, Any], writing: Writing) -> None:
    """How much to think, in the field that the provider has for it: see the quirk `effort`."""
    reasoning = writing.request.reasoning
    if not writing.is_own and "effort" not in writing.quirks and "tools" in body and models.thinks_alone(body["model"]):
        return _render_tools_alone(body, writing)
    if writing.quirks.get("effort") == "thinking" and _is_forced(body, writing):
        reasoning = _without_thinking(reasoning, writing)
    if reasoning is None:
        return
    asked = writing.request.pointer("reasoning").removeprefix("/") if writing.is_own else None
    quirk = writing.quirks.get("effort")
    field = asked if quirk is None or (quirk == "none" and writing.is_own) else quirk
    if field == "reasoning":
        if said := _reasoning_object(reasoning, is_own=writing.is_own):
            body["reasoning"] = said
        return
    if field == "thinking":
        is_told = _render_thinking(body, reasoning)
    else:
        is_told = field != "none" and _render_level(body, reasoning, writing)
    _lose_reasoning(writing, reasoning, is_told=is_told)


def _render_tools_alone(body: dict[str, Any], writing: Writing) -> None:
    """Beside tools OpenAI lets its newest models think in another API only, and they have to be told so."""
    reasoning = writing.request.reasoning
    if reasoning is not None and reasoning.is_on is not False and reasoning.effort != "none":
        writing.losses.fields(writing.request, "reasoning")
    if models.thinks_unasked(body["model"]):
        body["reasoning_effort"] = "none"


def _is_forced(body: dict[str, Any], writing: Writing) -> bool:
    return not writing.is_own and body.get("tool_choice") not in (None, "auto", "none")


def _without_thinking(reasoning: Reasoning | None, writing: Writing) -> Reasoning:
    """DeepSeek and Moonshot force no tool while they think, which they do unasked."""
    if reasoning is not None and reasoning.is_on is not False and reasoning.effort != "none":
        writing.losses.fields(writing.request, "reasoning")
    return Reasoning(is_on=False)


_VISIBLE = {"anthropic": "display", "gemini": "includeThoughts"}


def _lose_reasoning(writing: Writing, reasoning: Reasoning, *, is_told: bool) -> None:
    """Declare lost what was not told: all of it, or only whether thoughts are to be seen."""
    request = writing.request
    if not is_told:
        writing.losses.fields(request, "reasoning")
    elif reasoning.is_visible is not None:
        writing.losses.add(f"{request.pointer('reasoning')}/{_VISIBLE.get(request.dialect, 'exclude')}")


def _reasoning_object(reasoning: Reasoning, *, is_own: bool) -> dict[str, Any]:
    """OpenRouter wants an effort or a budget, not both."""
    has_budget = (reasoning.budget or 0) > 0 and (is_own or reasoning.effort is None)
    said = {
        "effort": "xhigh" if reasoning.effort == "max" and not is_own else reasoning.effort,
        "max_tokens": reasoning.budget if has_budget else None,
        "enabled": _is_enabled(reasoning),
        "exclude": None if reasoning.is_visible is None else not reasoning.is_visible,
    }
    return {name: value for name, value in said.items() if value is not None}


def _is_enabled(reasoning: Reasoning) -> bool | None:
    if reasoning.budget == 0:
        return False
    if reasoning.effort == "none":
        return None
    return True if reasoning.is_adaptive else reasoning.is_on


def _render_thinking(body: dict[str, Any], reasoning: Reasoning) -> bool:
    """`thinking`, on or off; False when there is nothing to say of it.

    Source: https://api-docs.deepseek.com/guides/thinking_mode, https://docs.z.ai/guides/capabilities/thinking-mode
    """
    level = _level(reasoning)
    if level == "none" or reasoning.is_on is False:
        body["thinking"] = {"type": "disabled"}
    elif level is not None or reasoning.is_on or reasoning.is_adaptive:
        body["thinking"] = {"type": "enabled"}
        if level is not None:
            body["reasoning_effort"] = level
    return "thinking" in body


def _render_level(body: dict[str, Any], reasoning: Reasoning, writing: Writing) -> bool:
    """`reasoning_effort`; False when that can't tell it: it has no word for "as you like"."""
    level = _level(reasoning)
    if level is None and reasoning.is_on is not False:
        return False
    quirk, model = writing.quirks.get("effort"), body["model"]
    if not writing.is_own and level in (None, "none") and models.never_thinks(model):
        return True
    if not writing.is_own and quirk != "reasoning_effort" and models.refuses_effort(model):
        return False
    if quirk == "high":
        body["reasoning_effort"] = "none" if level in (None, "none") else "high"
    elif writing.is_own:
        body["reasoning_effort"] = level or "none"
    elif level in (None, "none"):
        return _render_no_effort(body)
    else:
        body["reasoning_effort"] = models.nearest(level, model)
    return True


def _render_no_effort(body: dict[str, Any]) -> bool:
    """Thinking is forbidden; False where it can't be. OpenAI's models then think as little as they can."""
    if models.thinks(body["model"]):
        body["reasoning_effort"] = models.levels(body["model"])[0]
    return body.get("reasoning_effort") == "none"


def _level(reasoning: Reasoning) -> str | None:
    if reasoning.effort is not None or reasoning.budget is None:
        return reasoning.effort
    return effort_of(reasoning.budget) if reasoning.budget >= 0 else None


# The rest -------------------------------------------------------------------------------------------------------


def _render_account(body: dict[str, Any], writing: Writing) -> None:
    """Who asks, and how it is served."""
    request = writing.request
    if writing.is_own:
        said = {"user": request.user, "metadata": request.metadata, "service_tier": request.service_tier}
        body |= {name: value for name, value in said.items() if value is not None}
        return
    if request.user is not None:
        is_long = len(request.user) > LONGEST_USER
        body["user"] = hashlib.sha256(request.user.encode()).hexdigest() if is_long else request.user
    writing.losses.fields(request, "metadata")
    if request.service_tier == "standard_only":  # Anthropic's word for it
        body["service_tier"] = "default"
    elif request.service_tier != "auto":  # which is the default
        writing.losses.fields(request, "service_tier")


def _render_stream(body: dict[str, Any], writing: Writing) -> None:
    """Usage is wanted whether the caller asked for it or not: it is counted."""
    if writing.request.is_stream:
        body["stream"] = True
        if writing.quirks.get("stream_options", True):
            body["stream_options"] = {"include_usage": True}


def _render_extra(body: dict[str, Any], writing: Writing) -> None:
    extra = writing.request.extra
    if not writing.is_own:
        _render_search(body, writing)
        writing.losses.add(*extra)
        return
    for pointer, value in extra.items():
        _, parent, *deeper = pointer.split("/")
        has_place = isinstance(body.get(parent, {}), dict) if deeper else parent not in body
        if has_place and (parent != "stream_options" or parent in body):
            put(body, pointer, value)
        else:
            writing.losses.add(pointer)


def _render_search(body: dict[str, Any], writing: Writing) -> None:
    """Search models alone take it; others are not told, and `_render_tool` says so."""
    search = searching.asked(writing.request) if "search" in body["model"] else None
    if search is not None:
        search.lose(writing.losses, has_place=True)
        body["web_search_options"] = {}
        if search.place is not None:
            body["web_search_options"]["user_location"] = {"type": "approximate", "approximate": search.place}


def _leave_out(body: dict[str, Any], writing: Writing) -> None:
    """Take out what the provider is known to refuse."""
    name = writing.quirks.get("max_tokens_field")
    if name is not None:
        _lose(body, writing, {"max_tokens", "max_completion_tokens"} - {name})
    whose = writing.quirks.get("fields")
    if whose == "mistral":
        if "seed" in body:
            body["random_seed"] = body.pop("seed")
        _lose(body, writing, body.keys() - _MISTRAL)
    elif whose == "groq":
        _lose(body, writing, body.keys() & _NOT_GROQ)


def _lose(body: dict[str, Any], writing: Writing, names: Iterable[str]) -> None:
    for name in sorted(names):
        if name in body:
            del body[name]
            writing.losses.add(writing.request.where.get(name, f"/{name}"))


__all__ = ["NAME", "PATH", "render_request"]
