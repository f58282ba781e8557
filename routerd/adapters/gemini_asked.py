"""Gemini's generateContent as callers send it (https://ai.google.dev/api/generate-content#request-body)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routerd.adapters.gemini_parts import INVENTED, Calls, parse_part
from routerd.adapters.gemini_schema import from_gemini
from routerd.adapters.gemini_words import FAMILY, NAME, Names
from routerd.adapters.reading import refuse
from routerd.chat.parts import Part, Text, Thinking
from routerd.chat.request import EFFORTS, ChatRequest, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice

NUMBERS: Mapping[str, str] = {
    "temperature": "temperature", "topP": "top_p", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}  # fmt: skip
WHOLE_NUMBERS: Mapping[str, str] = {
    "topK": "top_k", "maxOutputTokens": "max_tokens", "candidateCount": "n", "seed": "seed", "logprobs": "top_logprobs",
}  # fmt: skip
"""Of generationConfig: Google's names → ours."""

_ROLES: Mapping[str, Role] = {"user": "user", "function": "user", "model": "assistant"}
_JSON = "application/json"


def parse_request(body: Mapping[str, Any], model: str, is_stream: bool) -> ChatRequest:
    """Read a decoded body. Raises RouterError(invalid_request) with `param`."""
    fields = Names(dict(body), "")
    fields.any("model")
    request = ChatRequest(dialect=NAME, model=model, is_stream=is_stream, include_usage=True)
    try:
        request.messages = [*_system(fields), *_contents(fields)]
        request.tools = _tools(fields)
    except RecursionError:
        refuse("", "is nested too deeply")
    _tool_choice(fields, request)
    _config(fields, request)
    request.service_tier = fields.take("serviceTier", str)
    request.where["service_tier"] = fields.place("serviceTier")
    request.extra |= fields.pointers()
    return request


# Contents ---------------------------------------------------------------------------------------------------------


def _system(fields: Names) -> list[Message]:
    """The system instruction; its role says nothing, whatever it is."""
    value = fields.any("systemInstruction")
    if value is None:
        return []
    inner = Names(value, fields.place("systemInstruction"))
    inner.any("role")
    message = _message(inner, "system", Calls(), -1)
    return [message] if message.parts else []


def _contents(fields: Names) -> list[Message]:
    calls, messages = Calls(), list[Message]()
    if isinstance(fields.left.get("contents"), str):
        at = fields.place("contents")
        return [Message(role="user", parts=[Text(text=fields.need("contents", str), at=at)], at=at)]
    for index, (at, value) in enumerate(fields.each("contents")):
        inner = Names(value, at)
        role = (inner.take("role", str) or "user").lower()
        if role not in _ROLES:
            refuse(inner.place("role"), "must be user or model")
        is_more = role == "model" and bool(messages) and messages[-1].role == "assistant"
        if role == "model" and not is_more:
            calls.turn()
        message = _message(inner, _ROLES[role], calls, index)
        if is_more:
            _join(messages[-1], message)
        else:
            messages.append(message)
    if not messages:
        refuse(fields.place("contents"), "must be a list and is required")
    return messages


def _join(message: Message, more: Message) -> None:
    """Add what the model said next: the SDKs give a streamed turn back as the chunks in which they got it."""
    before, parts = message.parts, more.parts
    if before and parts and _is_plain(before[-1]) and _is_plain(parts[0]):
        assert isinstance(before[-1], Text) and isinstance(parts[0], Text)
        before[-1].text += parts[0].text
        parts = parts[1:]
    for part in parts:
        before.append(_with_its_text(part, before) if isinstance(part, Thinking) else part)
    message.extra |= more.extra


def _is_plain(part: Part) -> bool:
    return isinstance(part, Text) and part.signature is None and not part.extra


def _with_its_text(part: Thinking, before: list[Part]) -> Thinking:
    """Thinking that another family signed, with the text that the chunks before it brought; they are taken away."""
    if part.text or part.is_redacted or part.signature is None or part.signature.family == FAMILY:
        return part
    texts: list[str] = []
    while before and isinstance(before[-1], Thinking) and before[-1].signature is None:
        thinking = before.pop()
        assert isinstance(thinking, Thinking)
        texts.insert(0, thinking.text)
    part.text = "".join(texts)
    return part


def _message(fields: Names, role: Role, calls: Calls, index: int) -> Message:
    parts = [
        parse_part(value, at, calls, f"{INVENTED}{index}_{number}")
        for number, (at, value) in enumerate(fields.each("parts"))
    ]
    return Message(role=role, parts=parts, at=fields.at, extra=fields.rest())


# Tools ------------------------------------------------------------------------------------------------------------


def _tools(fields: Names) -> list[Tool]:
    """Functions, and Google's own tools, each by itself."""
    found = []
    for at, value in fields.each("tools"):
        inner = Names(value, at)
        found += [_function(each, place) for place, each in inner.each("functionDeclarations")]
        found += [Tool(name=name, raw={name: each}, at=inner.place(name)) for name, each in inner.left.items()]
    return found


def _function(value: Any, at: str) -> Tool:
    fields = Names(value, at)
    older = fields.take("parameters", dict)
    schema = fields.take("parametersJsonSchema", dict)
    return Tool(
        name=fields.need("name", str),
        description=fields.take("description", str),
        schema=from_gemini(older) if schema is None else schema,
        at=at,
        extra=fields.rest(),
    )


def _tool_choice(fields: Names, request: ChatRequest) -> None:
    value = fields.any("toolConfig")
    if value is None:
        return
    inner = Names(value, fields.place("toolConfig"))
    calling = Names(inner.any("functionCallingConfig") or {}, inner.place("functionCallingConfig"))
    request.where["tool_choice"] = calling.at
    mode, names = calling.word("mode"), calling.texts("allowedFunctionNames")
    if mode is not None or names:
        request.tool_choice = _choice(mode, names, calling)
    if mode == "VALIDATED":
        request.extra[calling.place("mode")] = mode
    request.extra |= calling.pointers() | inner.pointers()


def _choice(mode: str | None, names: list[str], fields: Names) -> ToolChoice:
    match mode:
        case "ANY":
            return ToolChoice(mode="required", names=names)
        case "NONE":
            return ToolChoice(mode="none")
        case None | "AUTO" | "VALIDATED":
            return ToolChoice(mode="auto", names=names)
        case _:
            refuse(fields.place("mode"), "must be AUTO, ANY, NONE or VALIDATED")


# generationConfig -------------------------------------------------------------------------------------------------


def _config(fields: Names, request: ChatRequest) -> None:
    value = fields.any("generationConfig")
    if value is None:
        return
    config = Names(value, fields.place("generationConfig"))
    for theirs, ours in NUMBERS.items():
        _set(request, ours, config, theirs, config.number)
    for theirs, ours in WHOLE_NUMBERS.items():
        _set(request, ours, config, theirs, config.whole_number)
    _set(request, "stop", config, "stopSequences", config.texts)
    _set(request, "logprobs", config, "responseLogprobs", lambda name: config.take(name, bool))
    _set(request, "response_format", config, _schema_name(config), lambda _: _format(config))
    _set(request, "reasoning", config, "thinkingConfig", lambda _: _reasoning(config, request))
    request.extra |= config.pointers()


def _set(request: ChatRequest, ours: str, config: Names, theirs: str, read: Callable[[str], Any]) -> None:
    request.where[ours] = config.place(theirs)
    setattr(request, ours, read(theirs))


def _schema_name(config: Names) -> str:
    """The field that says most about the reply's format."""
    names = ("responseJsonSchema", "responseSchema", "responseMimeType")
    return next((name for name in names if name in config.left), names[-1])


def _format(config: Names) -> ResponseFormat | None:
    """Media types of Google's own, such as text/x.enum, are left where they are, with their schema."""
    media_type = config.left.get("responseMimeType")
    if media_type not in (None, _JSON, "text/plain"):
        return None
    config.take("responseMimeType", str)
    older = config.take("responseSchema", dict)
    schema = config.take("responseJsonSchema", dict)
    if schema is None and older is not None:
        schema = from_gemini(older)
    if schema is not None:
        return ResponseFormat(kind="schema", schema=schema)
    return None if media_type is None else ResponseFormat(kind="json" if media_type == _JSON else "text")


def _reasoning(config: Names, request: ChatRequest) -> Reasoning | None:
    value = config.any("thinkingConfig")
    if value is None:
        return None
    fields = Names(value, config.place("thinkingConfig"))
    budget, level = fields.whole_number("thinkingBudget"), fields.word("thinkingLevel")
    if level is not None and level.lower() not in EFFORTS[1:]:
        refuse(fields.place("thinkingLevel"), f"must be one of {', '.join(EFFORTS[1:]).upper()}")
    is_visible = fields.take("includeThoughts", bool)
    request.extra |= fields.pointers()
    return Reasoning(
        is_on=False if budget == 0 else None,
        is_adaptive=budget == -1,
        effort=level.lower() if level else None,
        budget=budget,
        is_visible=is_visible,
    )
