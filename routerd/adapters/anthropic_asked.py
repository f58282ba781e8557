"""Anthropic's Messages API: what a caller asks.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from routerd.adapters.anthropic_words import NAME, parse_signature
from routerd.adapters.reading import Fields, refuse
from routerd.chat.parts import Media, MediaKind, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import EFFORTS, ChatRequest, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice

_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def parse_request(body: Mapping[str, Any], model: str, is_stream: bool) -> ChatRequest:
    """Read a decoded body. What we have no word for is kept in `extra`. Raises RouterError(invalid_request)."""
    fields = Fields(body, "")
    fields.any("model"), fields.any("stream")
    request = ChatRequest(dialect=NAME, model=model, is_stream=is_stream, include_usage=True)
    request.messages = [*_system(fields), *_messages(fields)]
    request.tools = [_tool(each, f"/tools/{index}") for index, each in enumerate(fields.take("tools", list) or ())]
    request.max_tokens = fields.take("max_tokens", int)
    request.temperature, request.top_p = fields.number("temperature"), fields.number("top_p")
    request.top_k = fields.take("top_k", int)
    request.stop = fields.texts("stop_sequences")
    request.service_tier = fields.take("service_tier", str)
    request.where["stop"] = "/stop_sequences"
    _tool_choice(fields, request)
    _output(fields, request)
    _thinking(fields, request)
    _user(fields, request)
    request.extra.update(fields.pointers())
    return request


# Options ----------------------------------------------------------------------------------------------------------


def _inner(fields: Fields, name: str) -> Fields | None:
    """An object inside another, or None."""
    value = fields.take(name, dict)
    return None if value is None else Fields(value, fields.place(name))


def _user(fields: Fields, request: ChatRequest) -> None:
    metadata = _inner(fields, "metadata")
    if metadata is not None:
        request.user, request.where["user"] = metadata.take("user_id", str), "/metadata/user_id"
        request.extra.update(metadata.pointers())


_MODES: Mapping[str, Literal["auto", "none", "required"]] = {"auto": "auto", "any": "required", "none": "none"}


def _tool_choice(fields: Fields, request: ChatRequest) -> None:
    choice = _inner(fields, "tool_choice")
    if choice is None:
        return
    kind = choice.need("type", str)
    if kind == "tool":
        request.tool_choice = ToolChoice(mode="required", names=[choice.need("name", str)])
    elif kind in _MODES:
        request.tool_choice = ToolChoice(mode=_MODES[kind])
    else:
        refuse(choice.place("type"), "must be auto, any, tool or none")
    alone = choice.take("disable_parallel_tool_use", bool)
    if alone is not None:
        request.parallel_tool_calls = not alone
        request.where["parallel_tool_calls"] = choice.place("disable_parallel_tool_use")
    request.extra.update(choice.pointers())


def _output(fields: Fields, request: ChatRequest) -> None:
    """`output_config`, and `output_format` as it was called in the beta."""
    output = _inner(fields, "output_config")
    if output is not None:
        effort = output.take("effort", str)
        if effort is not None:
            if effort not in EFFORTS:
                refuse(output.place("effort"), f"must be one of {', '.join(EFFORTS)}")
            request.reasoning, request.where["reasoning"] = Reasoning(effort=effort), output.place("effort")
        _format(output, "format", request)
        request.extra.update(output.pointers())
    _format(fields, "output_format", request)


def _format(fields: Fields, name: str, request: ChatRequest) -> None:
    form = _inner(fields, name)
    if form is None:
        return
    if form.left.get("type") != "json_schema":
        refuse(form.place("type"), "must be json_schema")
    form.any("type")
    request.response_format = ResponseFormat(kind="schema", schema=form.need("schema", dict))
    request.where["response_format"] = form.at
    request.extra.update(form.pointers())


_DISPLAYS = {"summarized": True, "omitted": False}


def _thinking(fields: Fields, request: ChatRequest) -> None:
    thinking = _inner(fields, "thinking")
    if thinking is None:
        return
    reasoning = request.reasoning = request.reasoning or Reasoning()
    request.where["reasoning"] = thinking.at
    kind = thinking.need("type", str)
    reasoning.is_on = kind not in ("disabled", "between_tools")
    if kind == "enabled":
        reasoning.budget = thinking.need("budget_tokens", int)
    elif kind == "adaptive":
        reasoning.is_adaptive = True
    elif kind == "between_tools":
        request.extra[thinking.place("type")] = kind  # off, but for notes between the calls
    elif kind != "disabled":
        refuse(thinking.place("type"), "must be enabled, adaptive, disabled or between_tools")
    if thinking.left.get("display") in _DISPLAYS:
        reasoning.is_visible = _DISPLAYS[thinking.left.pop("display")]
    request.extra.update(thinking.pointers())


def _tool(value: Any, at: str) -> Tool:
    """A tool. One that Anthropic defines itself is kept whole."""
    fields = Fields(value, at)
    kind = fields.take("type", str)
    if kind not in (None, "custom"):
        return Tool(name=str(value.get("name") or kind), raw=value, cache=value.get("cache_control"), at=at)
    return Tool(
        name=fields.need("name", str),
        description=fields.take("description", str),
        schema=fields.take("input_schema", dict),
        strict=fields.take("strict", bool),
        cache=fields.any("cache_control"),
        at=at,
        extra=fields.left,
    )


# Messages ---------------------------------------------------------------------------------------------------------


def _system(fields: Fields) -> list[Message]:
    content = fields.any("system")
    return [Message(role="system", parts=_content(content, "/system"), at="/system")] if content else []


def _messages(fields: Fields) -> list[Message]:
    values = fields.need("messages", list)
    return [_message(value, f"/messages/{index}") for index, value in enumerate(values)]


def _message(value: Any, at: str) -> Message:
    fields = Fields(value, at)
    role = _ROLES.get(fields.need("role", str))
    if role is None:
        refuse(f"{at}/role", "must be user, assistant or system")
    parts = _content(fields.any("content"), f"{at}/content")
    return Message(role=role, parts=parts, at=at, extra=fields.left)


def _content(content: Any, at: str) -> list[Part]:
    """A string, or a list of blocks."""
    if isinstance(content, str):
        return [Text(text=content, at=at)]
    if not isinstance(content, list | None):
        refuse(at, "must be a string or a list of blocks")
    return [_block(value, f"{at}/{index}") for index, value in enumerate(content or ())]


def _block(value: Any, at: str) -> Part:
    fields = Fields(value, at)
    read = _BLOCKS.get(fields.need("type", str), _opaque)
    return read(fields, value)


def _opaque(fields: Fields, value: dict[str, Any]) -> Part:
    return Opaque(dialect=NAME, raw=value, cache=value.get("cache_control"), at=fields.at)


def _text(fields: Fields, _: Any) -> Part:
    return Text(text=fields.need("text", str), cache=fields.any("cache_control"), at=fields.at, extra=fields.left)


def _thought(fields: Fields, _: Any) -> Part:
    signature = parse_signature(fields.take("signature", str) or "")
    return Thinking(text=fields.need("thinking", str), signature=signature, at=fields.at, extra=fields.left)


def _redacted(fields: Fields, _: Any) -> Part:
    signature = parse_signature(fields.need("data", str))
    return Thinking(text="", signature=signature, is_redacted=True, at=fields.at, extra=fields.left)


def _tool_use(fields: Fields, _: Any) -> Part:
    return ToolCall(
        id=fields.need("id", str),
        name=fields.need("name", str),
        arguments=msgspec.json.encode(fields.take("input", dict) or {}).decode(),
        cache=fields.any("cache_control"),
        at=fields.at,
        extra=fields.left,
    )


def _tool_result(fields: Fields, _: Any) -> Part:
    return ToolResult(
        id=fields.need("tool_use_id", str),
        parts=_content(fields.any("content"), fields.place("content")),
        is_error=fields.take("is_error", bool) or False,
        cache=fields.any("cache_control"),
        at=fields.at,
        extra=fields.left,
    )


# Files ------------------------------------------------------------------------------------------------------------


def _image(fields: Fields, value: dict[str, Any]) -> Part:
    return _media("image", fields, value)


def _document(fields: Fields, value: dict[str, Any]) -> Part:
    return _media("document", fields, value)


def _media(kind: MediaKind, fields: Fields, value: dict[str, Any]) -> Part:
    source = Fields(fields.need("source", dict), fields.place("source"))
    read = _SOURCES.get(source.need("type", str))
    if read is None:
        return _opaque(fields, value)
    part = Media(kind=kind, cache=fields.any("cache_control"), at=fields.at)
    if kind == "document":
        part.name = fields.take("title", str)
    read(part, source)
    part.extra = {**fields.left, "source": source.left} if source.left else fields.left
    return part


def _base64(part: Media, source: Fields) -> None:
    part.media_type, part.data = source.need("media_type", str), source.need("data", str)


def _url(part: Media, source: Fields) -> None:
    part.url = source.need("url", str)


def _file(part: Media, source: Fields) -> None:
    part.file_id = source.need("file_id", str)


def _plain(part: Media, source: Fields) -> None:
    part.media_type, part.text = source.take("media_type", str), source.need("data", str)


def _blocks(part: Media, source: Fields) -> None:
    """Content of one's own making: others get its text, Anthropic the source as it was."""
    content = source.left.get("content")
    texts = [content] if isinstance(content, str) else [each.get("text") for each in content or () if _is_text(each)]
    part.text = "\n\n".join(map(str, texts))
    source.left["type"] = "content"


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "text"


_SOURCES: Mapping[str, Callable[[Media, Fields], None]] = {
    "base64": _base64, "url": _url, "file": _file, "text": _plain, "content": _blocks,
}  # fmt: skip

_BLOCKS: Mapping[str, Callable[[Fields, dict[str, Any]], Part]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "thinking": _thought,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
"""Blocks that every dialect has a word for. All others are Anthropic's own, and opaque."""
