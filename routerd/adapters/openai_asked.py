"""OpenAI chat completions: a caller's request, read.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routerd.adapters.media import kind_of, parse_data_url
from routerd.adapters.openai_thoughts import parse_extra_content, parse_thoughts, sign
from routerd.adapters.openai_words import NAME
from routerd.adapters.reading import Fields, refuse
from routerd.chat.parts import Media, MediaKind, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import EFFORTS, ChatRequest, Message, Reasoning, ResponseFormat, Tool, ToolChoice

FUNCTION_CALL = "function_call_"
"""How the ids begin that we give to calls of `functions`, the tools before tools; they had none."""

_OPTIONS: Mapping[str, type] = {
    "parallel_tool_calls": bool,
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "seed": int,
    "n": int,
    "logprobs": bool,
    "top_logprobs": int,
    "presence_penalty": float,
    "frequency_penalty": float,
    "logit_bias": dict,
    "user": str,
    "metadata": dict,
    "service_tier": str,
}


def parse_request(body: Mapping[str, Any], model: str, is_stream: bool) -> ChatRequest:
    """Read a decoded body. Raises RouterError(invalid_request) with `param`."""
    fields = Fields(body, "")
    fields.any("model")
    fields.any("stream")
    request = ChatRequest(dialect=NAME, model=model, is_stream=is_stream)
    request.messages = _parse_messages(fields.need("messages", list))
    for name, kind in _OPTIONS.items():
        setattr(request, name, fields.number(name) if kind is float else fields.take(name, kind))
    request.stop = _parse_stop(fields)
    for parse in (_parse_limit, _parse_stream_options, _parse_tools, _parse_tool_choice, _parse_format, _parse_effort):
        parse(fields, request)
    request.extra.update(fields.pointers())
    return request


def _parse_stop(fields: Fields) -> list[str]:
    if isinstance(fields.left.get("stop"), str):
        return [fields.need("stop", str)]
    return fields.texts("stop")


def _parse_limit(fields: Fields, request: ChatRequest) -> None:
    """The newer name counts; the older one beside it is kept as it is."""
    for name in ("max_completion_tokens", "max_tokens"):
        if request.max_tokens is None and (limit := fields.take(name, int)) is not None:
            request.max_tokens = limit
            request.where["max_tokens"] = f"/{name}"


def _parse_stream_options(fields: Fields, request: ChatRequest) -> None:
    options = Fields(fields.take("stream_options", dict) or {}, "/stream_options")
    request.include_usage = bool(options.take("include_usage", bool))
    request.extra.update(options.pointers())


# Tools ----------------------------------------------------------------------------------------------------------


def _parse_tools(fields: Fields, request: ChatRequest) -> None:
    tools = fields.take("tools", list) or []
    request.tools = [_parse_tool(value, f"/tools/{index}") for index, value in enumerate(tools)]
    functions = fields.take("functions", list)
    if functions and not tools:
        request.where["tools"] = "/functions"
        request.tools = [
            _parse_function(Fields(value, f"/functions/{index}"), f"/functions/{index}")
            for index, value in enumerate(functions)
        ]


def _parse_tool(value: Any, at: str) -> Tool:
    fields = Fields(value, at)
    kind = fields.take("type", str) or "function"
    if kind != "function":
        custom = value.get(kind)
        name = custom.get("name") if isinstance(custom, dict) else value.get("name")
        return Tool(name=name if isinstance(name, str) else kind, raw=value, at=at)
    cache = fields.any("cache_control")
    tool = _parse_function(Fields(fields.need("function", dict), f"{at}/function"), at)
    tool.cache = cache
    tool.extra = {**fields.left, **({"function": tool.extra} if tool.extra else {})}
    return tool


def _parse_function(fields: Fields, at: str) -> Tool:
    return Tool(
        name=fields.need("name", str),
        description=fields.take("description", str),
        schema=fields.take("parameters", dict),
        strict=fields.take("strict", bool),
        at=at,
        extra=fields.left,
    )


_MODES: Mapping[str, Any] = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def _parse_tool_choice(fields: Fields, request: ChatRequest) -> None:
    value = fields.any("tool_choice")
    if value is not None:
        request.tool_choice = _parse_choice(value, "/tool_choice", request.extra)
        return
    value = fields.any("function_call")
    if value is not None:
        request.where["tool_choice"] = "/function_call"
        named = {"type": "function", "function": value} if isinstance(value, dict) else value
        request.tool_choice = _parse_choice(named, "/function_call", request.extra)


def _parse_choice(value: Any, at: str, extra: dict[str, Any]) -> ToolChoice:
    if isinstance(value, str):
        if value not in _MODES:
            refuse(at, "must be `auto`, `none`, `required` or an object that names a tool")
        return ToolChoice(mode=_MODES[value])
    choice = Fields(value, at)
    kind = choice.need("type", str)
    if kind != "allowed_tools":
        choice.any(kind)
        extra.update(choice.pointers())
        return ToolChoice(mode="required", names=[_name_in(value, at)])
    allowed = Fields(choice.need(kind, dict), f"{at}/{kind}")
    mode = allowed.need("mode", str)
    if mode not in ("auto", "required"):
        refuse(allowed.place("mode"), "must be `auto` or `required`")
    tools = allowed.need("tools", list)
    place = allowed.place("tools")
    extra.update({**choice.pointers(), **allowed.pointers()})
    return ToolChoice(mode=_MODES[mode], names=[_name_in(tool, f"{place}/{i}") for i, tool in enumerate(tools)])


def _name_in(value: Any, at: str) -> str:
    """The name of the tool that an object like `{"type": "function", "function": {"name": …}}` means."""
    fields = Fields(value, at)
    kind = fields.need("type", str)
    return Fields(fields.left[kind], f"{at}/{kind}").need("name", str) if kind in fields.left else kind


# Output ---------------------------------------------------------------------------------------------------------

_KINDS: Mapping[str, Any] = {"text": "text", "json_object": "json", "json_schema": "schema"}


def _parse_format(fields: Fields, request: ChatRequest) -> None:
    value = fields.take("response_format", dict)
    if value is None:
        return
    format_ = Fields(value, "/response_format")
    kind = format_.need("type", str)
    if kind not in _KINDS:  # `grammar`, say, of some vendors
        request.extra["/response_format"] = value
        return
    schema = Fields(format_.take("json_schema", dict) or {}, "/response_format/json_schema")
    request.response_format = ResponseFormat(
        kind=_KINDS[kind],
        name=schema.take("name", str),
        description=schema.take("description", str),
        schema=schema.take("schema", dict),
        strict=schema.take("strict", bool),
    )
    request.extra.update({**format_.pointers(), **schema.pointers()})


def _parse_effort(fields: Fields, request: ChatRequest) -> None:
    """`reasoning_effort`, or OpenRouter's `reasoning` object, which counts when both are there."""
    if isinstance(fields.left.get("reasoning"), dict):
        request.where["reasoning"] = "/reasoning"
        request.reasoning = _parse_reasoning(fields.need("reasoning", dict), request)
    elif "reasoning_effort" in fields.left and fields.left["reasoning_effort"] != "default":  # Groq: say nothing
        request.where["reasoning"] = "/reasoning_effort"
        effort = _checked(fields.need("reasoning_effort", str), "/reasoning_effort")
        request.reasoning = Reasoning(effort=effort, is_on=False if effort == "none" else None)


def _parse_reasoning(value: dict[str, Any], request: ChatRequest) -> Reasoning:
    """Source: https://openrouter.ai/docs/use-cases/reasoning-tokens#controlling-reasoning-tokens"""
    fields = Fields(value, "/reasoning")
    effort = fields.take("effort", str)
    is_excluded = fields.take("exclude", bool)
    reasoning = Reasoning(
        is_on=fields.take("enabled", bool),
        effort=effort and _checked(effort, "/reasoning/effort"),
        budget=fields.take("max_tokens", int),
        is_visible=None if is_excluded is None else not is_excluded,
    )
    if effort == "none":
        reasoning.is_on = False
    request.extra.update(fields.pointers())
    return reasoning


def _checked(effort: str, at: str) -> str:
    if effort not in EFFORTS:
        refuse(at, f"must be one of {', '.join(EFFORTS)}")
    return effort


# Messages -------------------------------------------------------------------------------------------------------


def _parse_messages(values: list[Any]) -> list[Message]:
    if not values:
        refuse("/messages", "must not be empty")
    functions: dict[str, str] = {}
    return [_parse_message(value, f"/messages/{index}", functions) for index, value in enumerate(values)]


def _parse_message(value: Any, at: str, functions: dict[str, str]) -> Message:
    """`functions` maps the name of each called function to the id of its last call."""
    fields = Fields(value, at)
    role = fields.need("role", str)
    if role not in _PARTS:
        refuse(f"{at}/role", f"must be one of {', '.join(_PARTS)}")
    message_role, parse = _PARTS[role]
    parts = parse(fields, functions)
    is_result = bool(parts) and isinstance(parts[0], ToolResult)
    message = Message(role=message_role, parts=parts, at=at, extra={} if is_result else fields.left)
    message.name = None if is_result else fields.take("name", str)
    if role == "developer":
        message.extra["role"] = role
    return message


def _parse_said(fields: Fields, functions: dict[str, str]) -> list[Part]:
    parts = _parse_content(fields.any("content"), f"{fields.at}/content")
    _parse_cache(fields, parts)
    return parts


def _parse_cache(fields: Fields, parts: list[Part]) -> None:
    """The mark of a whole message stands for one at its end."""
    cache = fields.any("cache_control")
    if cache is not None and parts:
        last = parts[-1]
        last.cache = last.cache or cache
        if last.at == f"{fields.at}/content":
            last.at = fields.at


def _parse_answer(fields: Fields, functions: dict[str, str]) -> list[Part]:
    said = _parse_said(fields, functions)
    refusal = fields.take("refusal", str)
    if refusal:
        said = [part for part in said if not (isinstance(part, Text) and part.text == refusal)]  # we say it twice
        said.append(Refusal(refusal, at=fields.place("refusal")))
    calls = _parse_calls(fields, functions)
    parts = [*_parse_thinking(fields, calls), *said, *calls]
    sign(parts, _parse_signature(fields))
    return parts


def _parse_thinking(fields: Fields, calls: list[ToolCall]) -> list[Thinking]:
    details = fields.take("reasoning_details", list)
    name = "reasoning_content" if "reasoning_content" in fields.left else "reasoning"
    text = fields.take(name, str)
    if text is not None and fields.left.get("reasoning") == text:
        del fields.left["reasoning"]
    thoughts, signatures = parse_thoughts(details, text, {call.id for call in calls}, fields.at, name)
    for call in calls:
        call.signature = call.signature or signatures.get(call.id)
    return thoughts


def _parse_signature(fields: Fields) -> Signature | None:
    """Takes `extra_content` when it says no more than the signature."""
    signature = parse_extra_content(fields.left.get("extra_content"))
    if signature is not None and len(fields.left["extra_content"]["google"]) == len(fields.left["extra_content"]) == 1:
        del fields.left["extra_content"]
    return signature


def _parse_calls(fields: Fields, functions: dict[str, str]) -> list[ToolCall]:
    place = fields.place("tool_calls")
    values = fields.take("tool_calls", list) or []
    calls = [_parse_call(value, f"{place}/{index}") for index, value in enumerate(values)]
    function = fields.take("function_call", dict)
    if function is not None:
        at = fields.place("function_call")
        id_ = f"{FUNCTION_CALL}{at.split('/')[2]}"
        call = _parse_call({"id": id_, "function": function}, at)
        functions[call.name] = id_
        calls.append(call)
    return calls


def _parse_call(value: Any, at: str) -> ToolCall:
    fields = Fields(value, at)
    fields.any("index")  # some hand back what they got in a stream
    kind = fields.take("type", str) or "function"
    inner = Fields(fields.need("custom" if kind == "custom" else "function", dict), f"{at}/{kind}")
    call = ToolCall(
        id=fields.take("id", str) or "",
        name=inner.need("name", str),
        arguments=inner.take("input" if kind == "custom" else "arguments", str) or "",
        signature=_parse_signature(fields),
        at=at,
        cache=fields.any("cache_control"),
        extra=fields.left,
    )
    if kind == "custom":
        call.extra["type"] = kind
    if inner.left:
        call.extra[kind] = inner.left
    return call


def _parse_result(fields: Fields, functions: dict[str, str]) -> list[Part]:
    return [
        ToolResult(
            id=fields.need("tool_call_id", str),
            name=fields.take("name", str),
            parts=_parse_content(fields.any("content"), fields.place("content")),
            cache=fields.any("cache_control"),
            at=fields.at,
            extra=fields.left,
        )
    ]


def _parse_function_result(fields: Fields, functions: dict[str, str]) -> list[Part]:
    name = fields.need("name", str)
    if name not in functions:
        refuse(fields.at, f"answers a function that was not called before: `{name}`")
    parts = _parse_content(fields.any("content"), fields.place("content"))
    return [ToolResult(id=functions[name], name=name, parts=parts, at=fields.at, extra=fields.left)]


_PARTS: Mapping[str, tuple[Any, Callable[[Fields, dict[str, str]], list[Part]]]] = {
    "system": ("system", _parse_said),
    "developer": ("system", _parse_said),
    "user": ("user", _parse_said),
    "assistant": ("assistant", _parse_answer),
    "tool": ("user", _parse_result),
    "function": ("user", _parse_function_result),
}


# Parts ----------------------------------------------------------------------------------------------------------


def _parse_content(value: Any, at: str) -> list[Part]:
    if value is None or value in ("", []):
        return []
    if isinstance(value, str):
        return [Text(value, at=at)]
    if not isinstance(value, list):
        refuse(at, "must be a string or a list of parts")
    parts = [_parse_part(each, f"{at}/{index}") for index, each in enumerate(value)]
    return [part for part in parts if not (isinstance(part, Text) and not part.text)]


def _parse_part(value: Any, at: str) -> Part:
    if isinstance(value, str):
        return Text(value, at=at)
    fields = Fields(value, at)
    read = _READERS.get(str(fields.any("type")))
    if read is None:
        return Opaque(NAME, value, at=at)
    cache = fields.any("cache_control")
    part = read(fields)
    part.at, part.cache, part.extra = at, cache, fields.left
    return part


def _read_text(fields: Fields) -> Part:
    return Text(fields.need("text", str))


def _read_refusal(fields: Fields) -> Part:
    return Refusal(fields.need("refusal", str))


def _read_thinking(fields: Fields) -> Part:
    """Mistral's; source: https://docs.mistral.ai/capabilities/reasoning/"""
    value = fields.any("thinking")
    chunks = value if isinstance(value, list) else [value]
    texts = [chunk.get("text") if isinstance(chunk, dict) else chunk for chunk in chunks]
    return Thinking("".join(text for text in texts if isinstance(text, str)))


def _read_image(fields: Fields) -> Part:
    value = fields.any("image_url")
    if isinstance(value, str):  # Mistral takes that, too
        return _from_url("image", value, fields.place("image_url"))
    image = Fields(value, fields.place("image_url"))
    media = _from_url("image", image.need("url", str), image.place("url"))
    media.detail = image.take("detail", str)
    return _keeping(media, fields, "image_url", image)


def _read_video(fields: Fields) -> Part:
    """OpenRouter's; source: https://openrouter.ai/docs/features/multimodal/videos"""
    video = Fields(fields.need("video_url", dict), fields.place("video_url"))
    media = _from_url("video", video.need("url", str), video.place("url"))
    return _keeping(media, fields, "video_url", video)


def _from_url(kind: MediaKind, url: str, at: str) -> Media:
    if url[:5].lower() != "data:":
        return Media(kind, url=url)
    found = parse_data_url(url)
    if found is None:
        refuse(at, "must be an https URL, or a data URL with `;base64,`")
    return Media(kind, media_type=found[0], data=found[1])


def _read_audio(fields: Fields) -> Part:
    audio = Fields(fields.need("input_audio", dict), fields.place("input_audio"))
    format_ = audio.take("format", str)
    media = Media("audio", media_type=format_ and f"audio/{format_}", data=audio.need("data", str))
    return _keeping(media, fields, "input_audio", audio)


def _read_file(fields: Fields) -> Part:
    file = Fields(fields.need("file", dict), fields.place("file"))
    name, id_, data = file.take("filename", str), file.take("file_id", str), file.take("file_data", str)
    if data is None and id_ is None:
        refuse(file.at, "must have `file_data` or `file_id`")
    media = _from_data(data, name) if data is not None else Media("document")
    media.name, media.file_id = name, id_
    return _keeping(media, fields, "file", file)


def _from_data(data: str, name: str | None) -> Media:
    found = parse_data_url(data)
    if found is not None:
        return Media(kind_of(found[0]), media_type=found[0], data=found[1])
    if data[:8].lower() == "https://":  # OpenRouter takes that, too
        return Media("document", url=data)
    media_type = "application/pdf" if name and name.lower().endswith(".pdf") else None
    return Media("document", media_type=media_type, data=data)


def _keeping(media: Media, fields: Fields, name: str, inner: Fields) -> Media:
    """Keep what is not known of the object inside a part."""
    if inner.left:
        fields.left[name] = inner.left
    return media


_READERS: Mapping[str, Callable[[Fields], Part]] = {
    "text": _read_text,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
    "image_url": _read_image,
    "video_url": _read_video,
    "input_audio": _read_audio,
    "file": _read_file,
}
