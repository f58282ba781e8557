"""Every field of the vendors' request types, each set once in a request that is otherwise as small as it can be.

The types are those of the SDKs `openai`, `anthropic` (beta) and `google-genai`; `cases` walks them. A case is a body
with one field and the same body without it, so that what becomes of the field can be seen in what is rendered.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from os import PathLike
from typing import IO, Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from google.genai import types as google
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from typing_extensions import is_typeddict

Body = Any  # a JSON object; of a stream the list of its events
Put = Callable[[Any], tuple[Body, str]]
"""Sets a value at a place: the whole body, and the JSON pointer to the place."""


class GenerationConfig(google.GenerationConfig):
    """The type of the SDK's batches, and what `_GenerateContentConfig_to_mldev` writes beside it."""

    image_config: google.ImageConfig | None = None


class GenerateContentRequest(BaseModel):
    """The body that google-genai sends (https://ai.google.dev/api/generate-content#request-body).

    Names may be written in both ways of proto JSON; Google's own SDK mixes them.
    """

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    contents: list[google.Content]
    system_instruction: google.Content | None = None
    generation_config: GenerationConfig | None = None
    safety_settings: list[google.SafetySetting] | None = None
    tools: list[google.Tool] | None = None
    tool_config: google.ToolConfig | None = None
    labels: dict[str, str] | None = None
    cached_content: str | None = None
    service_tier: google.ServiceTier | None = None
    store: bool | None = None


REQUESTS: Mapping[str, Any] = {
    "openai": CompletionCreateParamsBase,
    "anthropic": MessageCreateParamsBase,
    "gemini": GenerateContentRequest,
}
"""The type of a request's body, by dialect."""


@dataclass(frozen=True, slots=True)
class Case:
    """One field: its name for people, the pointer to it in `body`, and the `baseline` without it."""

    path: str
    pointer: str
    body: Body
    baseline: Body


# Samples --------------------------------------------------------------------------------------------------------

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

# By the field's name, or by its type and name.
_SAMPLES: Mapping[str, Any] = {
    # tools and calls belong together
    "ChatCompletionToolMessageParam.tool_call_id": "call_1",
    "ChatCompletionFunctionMessageParam.name": "look",
    "ChatCompletionMessageFunctionToolCallParam.id": "call_1",
    "ChatCompletionMessageCustomToolCallParam.id": "call_1",
    "BetaToolResultBlockParam.tool_use_id": "call_1",
    "BetaToolUseBlockParam.id": "call_1",
    "FunctionCall.id": "call_1",
    "FunctionResponse.id": "call_1",
    "name": "look",
    "tool_name": "look",
    "arguments": '{"city":"Oslo"}',
    "input": {"city": "Oslo"},
    "Custom.input": "Oslo",
    "args": {"city": "Oslo"},
    "response": {"result": "sunny"},
    "schema": _SCHEMA,
    "input_schema": _SCHEMA,
    "parameters": _SCHEMA,
    "parametersJsonSchema": _SCHEMA,
    "responseJsonSchema": _SCHEMA,
    "jsonSchema": _SCHEMA,
    "defs": {"place": {"type": "STRING"}},
    "configs": {"look": {"enabled": True}},
    "allowedFunctionNames": ["look"],
    "ToolChoiceAllowedTools.tools": [{"type": "function", "function": {"name": "look"}}],
    "ChatCompletionAllowedToolsParam.tools": [{"type": "function", "function": {"name": "look"}}],
    # files
    "ImageURL.url": "https://files.example.org/cat.png",
    "BetaURLImageSourceParam.url": "https://files.example.org/cat.png",
    "BetaURLPDFSourceParam.url": "https://files.example.org/cat.pdf",
    "url": "https://files.example.org/",
    "data": PNG,
    "thoughtSignature": PNG,
    "voiceSampleAudio": PNG,
    "consentAudio": PNG,
    "mimeType": "image/png",
    "media_type": "image/png",
    "FileFile.file_data": f"data:application/pdf;base64,{PNG}",
    "fileUri": "https://files.example.org/cat.png",
    # numbers and switches that say something other than the default
    "max_tokens": 2_000,
    "budget_tokens": 2_048,
    "thinkingBudget": 2_048,
    "candidateCount": 2,
    "n": 2,
    "topK": 40,
    "top_logprobs": 3,
    "logprobs": True,
    "GenerationConfig.logprobs": 3,
    "parallel_tool_calls": False,
    "logit_bias": {"50256": -100},
    "metadata": {"topic": "weather"},
    "labels": {"topic": "weather"},
    "reasoning_effort": "high",
    "effort": "high",
    "service_tier": "flex",
    "MessageCreateParamsBase.service_tier": "standard_only",
    "BetaThinkingConfigAdaptiveParam.display": "omitted",
    "BetaThinkingConfigEnabledParam.display": "omitted",
    "modalities": ["text", "audio"],
    "thinkingLevel": "HIGH",
    "responseMimeType": "application/json",
    "temperature": 0.5,
    "detail": "low",
    "stop": "END",
    "stop_sequences": ["END"],
    "stopSequences": ["END"],
    "start_time": "2026-01-01T00:00:00Z",
    "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-01-02T00:00:00Z",
    "startOffset": "1s",
    "endOffset": "2s",
    "timeout": "3s",
    "role": "user",
}

# Google's types require nothing, and some of Anthropic's cannot be empty.
_MINIMAL: Mapping[str, Any] = {
    "google.Content": {"role": "user", "parts": [{"text": "Hello"}]},
    "google.Blob": {"mimeType": "image/png", "data": PNG},
    "google.FunctionResponseBlob": {"mimeType": "image/png", "data": PNG},
    "google.FileData": {"fileUri": _SAMPLES["fileUri"], "mimeType": "image/png"},
    "google.FunctionResponseFileData": {"fileUri": _SAMPLES["fileUri"], "mimeType": "image/png"},
    "google.FunctionCall": {"name": "look", "args": {"city": "Oslo"}},
    "google.FunctionResponse": {"name": "look", "response": {"result": "sunny"}},
    "google.FunctionResponsePart": {"inlineData": {"mimeType": "image/png", "data": PNG}},
    "google.FunctionDeclaration": {"name": "see"},
    "google.FunctionCallingConfig": {"mode": "ANY"},
    "google.Schema": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
    "google.SafetySetting": {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
    "google.ExecutableCode": {"language": "PYTHON", "code": "1 + 1"},
    "google.CodeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"},
    "openai.ChatCompletionAssistantMessageParam": {"role": "assistant", "content": "Hm."},
    "openai.File": {"type": "file", "file": {"file_data": _SAMPLES["FileFile.file_data"], "filename": "cat.pdf"}},
    "openai.FileFile": {"file_data": _SAMPLES["FileFile.file_data"], "filename": "cat.pdf"},
    "openai.ResponseFormatJSONSchema": {"type": "json_schema", "json_schema": {"name": "place", "schema": _SCHEMA}},
    "openai.JSONSchema": {"name": "place", "schema": _SCHEMA},
    "anthropic.BetaSystemMessageParam": {"role": "system", "content": "Be brief."},
    "anthropic.BetaToolParam": {"name": "see", "input_schema": _SCHEMA},
    "anthropic.BetaToolResultBlockParam": {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
    "openai.FunctionDefinition": {"name": "see", "parameters": _SCHEMA},
}

# What must stand beside a field, where the smallest object of its type will not do.
_BESIDE: Mapping[str, Body] = {
    "FileFile.file_id": {},
    "GenerationConfig.responseSchema": {"responseMimeType": "application/json"},
    "GenerationConfig.responseJsonSchema": {"responseMimeType": "application/json"},
    "GenerationConfig.logprobs": {"responseLogprobs": True},
    "Schema.propertyOrdering": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
}

# Of these an empty one says nothing: the smallest has its first field.
_NEVER_EMPTY = (
    google.ToolCall, google.ToolResponse, google.Transcription, google.SpeechMetadata, google.DocumentMetadata,
    google.SpreadsheetMetadata, google.AudioMetadata, google.VideoMetadata, google.PartMediaResolution,
    google.ImageConfig, google.TranslationConfig, google.AudioTranscriptionConfig, google.AudioResponseFormat,
    google.ImageResponseFormat, google.VideoResponseFormat, google.TextResponseFormat, google.ResponseFormat,
    google.SpeechConfig, google.VoiceConfig, google.ModelSelectionConfig, google.RetrievalConfig, google.LatLng,
    google.McpServer, google.SpeakerVoiceConfig, google.MultiSpeakerVoiceConfig,
)  # fmt: skip

# Blocks that the types allow in both roles, and that only the model ever says.
_OF_ASSISTANT = (
    "thinking", "tool_use", "advisor", "web_search", "web_fetch", "code_execution", "tool_search", "mcp_tool",
    "compaction", "fallback",
)  # fmt: skip

# Conversations around one message -------------------------------------------------------------------------------

_OPENAI_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Oslo"}'}}
_OPENAI_TOOL = {"type": "function", "function": {"name": "look", "parameters": _SCHEMA}}
_ANTHROPIC_CALL = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"city": "Oslo"}}
_ANTHROPIC_TOOL = {"name": "look", "input_schema": _SCHEMA}
_GEMINI_CALL = {"functionCall": {"name": "look", "args": {"city": "Oslo"}}}
_GEMINI_ANSWER = {"functionResponse": {"name": "look", "response": {"result": "sunny"}}}
_GEMINI_TOOL = {"functionDeclarations": [{"name": "look", "parametersJsonSchema": _SCHEMA}]}


def _openai_talk(message: Body) -> tuple[list[Body], int]:
    """The message, with the call that it answers or the answers that it asks for."""
    hello, question = {"role": "user", "content": "Hello"}, {"role": "user", "content": "Go on"}
    match message["role"]:
        case "system" | "developer":
            return [message, hello], 0
        case "tool":
            return [hello, {"role": "assistant", "tool_calls": [_OPENAI_CALL]}, message], 2
        case "function":
            call = {"name": "look", "arguments": "{}"}
            return [hello, {"role": "assistant", "content": None, "function_call": call}, message], 2
        case "assistant" if calls := message.get("tool_calls"):
            answers = [{"role": "tool", "tool_call_id": call.get("id"), "content": "sunny"} for call in calls]
            return [hello, message, *answers], 1
        case "assistant" if message.get("function_call"):
            return [hello, message, {"role": "function", "name": "look", "content": "sunny"}], 1
        case "assistant":
            return [hello, message, question], 1
    return [hello, {"role": "assistant", "content": "Hm."}, message], 2


def _anthropic_talk(message: Body) -> tuple[list[Body], int]:
    hello, thought = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hm."}
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    if any(block.get("type") == "tool_result" for block in blocks):
        return [hello, {"role": "assistant", "content": [_ANTHROPIC_CALL]}, message], 2
    if calls := [block["id"] for block in blocks if block.get("type") == "tool_use"]:
        answers = [{"type": "tool_result", "tool_use_id": call, "content": "sunny"} for call in calls]
        return [hello, message, {"role": "user", "content": answers}], 1
    if message["role"] == "assistant":
        return [hello, message, {"role": "user", "content": "Go on"}], 1
    return [hello, thought, message], 2


_SAID_BY_MODELS = {"thought", "thoughtSignature", "toolCall", "toolResponse", "executableCode", "codeExecutionResult"}


def _gemini_talk(content: Body) -> tuple[list[Body], int]:
    hello, thought = {"role": "user", "parts": [{"text": "Hello"}]}, {"role": "model", "parts": [{"text": "Hm."}]}
    parts = content.get("parts") or []
    if answers := [part["functionResponse"] for part in parts if "functionResponse" in part]:
        ids = {"id": answers[0]["id"]} if "id" in answers[0] else {}
        call = {"functionCall": {**_GEMINI_CALL["functionCall"], **ids}}
        return [hello, {"role": "model", "parts": [call]}, content], 2
    if any("functionCall" in part for part in parts):
        return [hello, {**content, "role": "model"}, {"role": "user", "parts": [_GEMINI_ANSWER]}], 1
    if any(_SAID_BY_MODELS & set(part) for part in parts):
        return [hello, {**content, "role": "model"}, {"role": "user", "parts": [{"text": "Go on"}]}], 1
    return [hello, thought, content], 2


@dataclass(frozen=True)
class _Dialect:
    """What is special about one vendor's body: its messages, its smallest body, and lists that need a neighbour."""

    messages: str
    talk: Callable[[Body], tuple[list[Body], int]]
    base: Body
    tool: Body
    anchors: Mapping[str, Sequence[Any]]


_TEXT = {"type": "text", "text": "Look:"}

_DIALECTS: Mapping[str, _Dialect] = {
    "openai": _Dialect(
        "messages",
        _openai_talk,
        {"messages": [{"role": "user", "content": "Hello"}]},
        _OPENAI_TOOL,
        {"content": [_TEXT], "tools": [_OPENAI_TOOL]},
    ),
    "anthropic": _Dialect(
        "messages",
        _anthropic_talk,
        {"max_tokens": 40_000, "messages": [{"role": "user", "content": "Hello"}]},
        _ANTHROPIC_TOOL,
        {"content": [_TEXT], "system": [_TEXT], "tools": [_ANTHROPIC_TOOL]},
    ),
    "gemini": _Dialect(
        "contents",
        _gemini_talk,
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        _GEMINI_TOOL,
        {"parts": [{"text": "Look:"}], "tools": [_GEMINI_TOOL]},
    ),
}

# Without tools these say nothing; and who asks for probabilities must want them.
_NEEDS: Mapping[str, Mapping[str, Body]] = {
    "openai": {
        "tool_choice": {"tools": [_OPENAI_TOOL]},
        "parallel_tool_calls": {"tools": [_OPENAI_TOOL]},
        "function_call": {"functions": [{"name": "look", "parameters": _SCHEMA}]},
        "top_logprobs": {"logprobs": True},
        "stream_options": {"stream": True},
    },
    "anthropic": {"tool_choice": {"tools": [_ANTHROPIC_TOOL]}},
    "gemini": {"toolConfig": {"tools": [_GEMINI_TOOL]}},
}

# What an annotation allows --------------------------------------------------------------------------------------


def _plain(annotation: Any) -> Any:
    """An annotation without Required, NotRequired and Annotated."""
    while get_origin(annotation) in (Required, NotRequired, Annotated):
        annotation = get_args(annotation)[0]
    return annotation


def _is_object(annotation: Any) -> bool:
    return isinstance(annotation, type) and (is_typeddict(annotation) or issubclass(annotation, BaseModel))


_NO_JSON = (IO[bytes], PathLike, PathLike[str])


def _choices(annotation: Any) -> list[Any]:
    """The members of a union, flat, without None and what is no JSON; a Literal beside objects is each of its words."""
    annotation = _plain(annotation)
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation]
    members = [each for member in get_args(annotation) for each in _choices(member) if each is not type(None)]
    if any(map(is_typeddict, members)):
        members = [each for each in members if not (isinstance(each, type) and issubclass(each, BaseModel))]
        words = [Literal[word] for each in members if get_origin(each) is Literal for word in get_args(each)]
        members = [*words, *(each for each in members if get_origin(each) is not Literal)]
    elif str in members:
        members = [each for each in members if get_origin(each) is not Literal]
    return [each for each in members if each not in _NO_JSON]


def _label(choice: Any) -> str:
    """What tells a choice from the others, for people."""
    if is_typeddict(choice):
        hints = get_type_hints(choice, include_extras=True)
        for name in ("type", "role"):
            words = get_args(_choices(hints[name])[0]) if name in hints else ()
            if words:
                return f"[{words[0]}]"
        return f"[{choice.__name__}]"
    if get_origin(choice) is Literal:
        return f'="{get_args(choice)[0]}"'
    return {str: "[string]", int: "[number]"}.get(choice, "[list]" if _item(choice) else "")


def _variants(annotation: Any) -> list[tuple[str, Any]]:
    choices = _choices(annotation)
    return [(_label(choice) if len(choices) > 1 else "", choice) for choice in choices]


def _item(annotation: Any) -> Any:
    """What a list holds; None when the annotation is none."""
    origin = get_origin(annotation)
    return (
        get_args(annotation)[0]
        if isinstance(origin, type) and issubclass(origin, Iterable) and origin is not dict
        else None
    )


def is_for_vertex(description: str | None) -> bool:
    """Whether Google says of a field that the Gemini API does not take it."""
    return "not supported in Gemini API" in (description or "")


def _fields(shape: Any) -> dict[str, tuple[Any, bool]]:
    """Name on the wire → its type, and whether it is required."""
    if is_typeddict(shape):
        hints = get_type_hints(shape, include_extras=True)
        return {name: (hint, get_origin(hint) is Required) for name, hint in hints.items()}
    return {
        field.alias or to_camel(name): (field.annotation, False)
        for name, field in shape.model_fields.items()
        if not is_for_vertex(field.description)
    }


def _sample(owner: Any, name: str, annotation: Any) -> Any:
    """A value for a field."""
    choice = _choices(annotation)[0]
    words = get_args(choice) if get_origin(choice) is Literal else None
    for key in (f"{owner.__name__}.{name}", name):
        if key in _SAMPLES and not _is_object(choice) and (words is None or _SAMPLES[key] in words):
            return _SAMPLES[key]
    return _smallest(choice, name)


def _smallest(shape: Any, name: str = "") -> Any:
    """The smallest value of a type that is valid; strings say where they stand."""
    if _is_object(shape):
        fields = _fields(shape)
        first = next(iter(fields)) if shape in _NEVER_EMPTY else None
        required = {
            each: _sample(shape, each, hint) for each, (hint, needed) in fields.items() if needed or each == first
        }
        return {**required, **_MINIMAL.get(f"{shape.__module__.partition('.')[0]}.{shape.__name__}", {})}
    if get_origin(shape) is Literal:
        return get_args(shape)[0]
    if (item := _item(shape)) is not None:
        return [_smallest(_choices(item)[0], name)]
    if isinstance(shape, type) and issubclass(shape, Enum):
        return next(each.value for each in shape if not each.value.endswith("UNSPECIFIED"))
    return {str: f"some {name}", int: 7, float: 0.5, bool: True}.get(shape, {"key": "value"})


_DEEPEST = 2  # blocks inside the blocks of a tool's result are what they are elsewhere

# The walk -------------------------------------------------------------------------------------------------------


def cases(dialect: str) -> Iterator[Case]:
    """Every field of the request of a dialect, with what is needed beside it."""
    yield from _Walk(dialect).request()


class _Walk:
    """One walk over a request's type; `_open` are the types that we are inside of, since some hold themselves."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.vendor = _DIALECTS[dialect]
        self._open: list[Any] = []

    def request(self) -> Iterator[Case]:
        shape = REQUESTS[self.dialect]
        for name, (annotation, _) in _fields(shape).items():
            base = {**self.vendor.base, **_NEEDS[self.dialect].get(name, {})}
            if name == self.vendor.messages:
                yield from self._items(_item(_choices(annotation)[0]), name, self._put_message(base), base)
            elif name not in base and name != "model":
                yield from self._field(shape, name, annotation, name, _put_field(base, name), base)

    def _put_message(self, base: Body) -> Put:
        """Puts one message into the talk that it needs, with the tool that is spoken of."""

        def put(message: Body) -> tuple[Body, str]:
            talk, index = self.vendor.talk(message)
            tools = {"tools": [self.vendor.tool]} if "look" in str(talk) else {}
            return {**base, **tools, self.vendor.messages: talk}, f"/{self.vendor.messages}/{index}"

        return put

    def _field(
        self, owner: Any, name: str, annotation: Any, path: str, put: Put, without: Body | None
    ) -> Iterator[Case]:
        """The field's variants; `without` is the body that lacks it, None where it is required."""
        first = put(_sample(owner, name, annotation))[0]
        for index, (label, shape) in enumerate(_variants(annotation)):
            value = _sample(owner, name, annotation) if index == 0 else _smallest(shape, name)
            body, pointer = put(value)
            if (index or without is not None) and (value not in ({}, [{}]) or path.startswith("tools[")):
                yield Case(path + label, pointer, body, first if without is None else without)
            yield from self._inside(shape, path + label, put, without)

    def _inside(self, shape: Any, path: str, put: Put, without: Body | None) -> Iterator[Case]:
        if shape in self._open or path.count(".") > _DEEPEST or (shape is google.Schema and path.endswith("response")):
            return
        self._open.append(shape)
        if shape is google.Part:
            yield from self._part(path, put, without or {})
        elif _is_object(shape):
            yield from self._object(shape, path, put)
        elif (item := _item(shape)) is not None and _is_object(_choices(item)[0]):
            yield from self._list(item, path, put)
        self._open.pop()

    def _object(self, shape: Any, path: str, put: Put) -> Iterator[Case]:
        smallest = _smallest(shape)
        for name, (annotation, _) in _fields(shape).items():
            if name in ("type", "role"):
                continue
            beside = _BESIDE.get(f"{shape.__name__}.{name}", smallest)
            without = None if name in smallest else put(beside or smallest)[0]
            yield from self._field(shape, name, annotation, f"{path}.{name}", _put_in(put, beside, name), without)

    def _list(self, item: Any, path: str, put: Put) -> Iterator[Case]:
        """Items of a list, behind the neighbour that keeps it from being empty without them."""
        path = path.removesuffix("[list]")
        anchor = self.vendor.anchors.get(path.rpartition(".")[2], ())
        without = put([*anchor])[0] if anchor else None

        def put_item(value: Any) -> tuple[Body, str]:
            if anchor and value.get("type") == "tool_result":  # they must come first
                body, pointer = put([value, *anchor])
                return body, f"{pointer}/0"
            body, pointer = put([*anchor, value])
            return body, f"{pointer}/{len(anchor)}"

        yield from self._items(item, path, put_item, without)

    def _items(self, item: Any, path: str, put: Put, without: Body | None) -> Iterator[Case]:
        variants = _variants(item)
        first = put(_smallest(variants[0][1]))[0]
        for index, (label, shape) in enumerate(variants):
            if not self._belongs(path, label):
                continue
            body, pointer = put(_smallest(shape))
            if (index or without is not None) and shape not in (google.Part, google.Tool):
                yield Case(path + (label or "[]"), pointer, body, first if without is None else without)
            yield from self._inside(shape, path + (label or "[]"), put, without)

    def _belongs(self, path: str, label: str) -> bool:
        """Whether Anthropic's types mean it: they allow every block in every role."""
        if self.dialect != "anthropic" or not path.startswith("messages["):
            return True
        is_said = any(word in label for word in _OF_ASSISTANT)
        return ".content" not in path or label == "[text]" or is_said == path.startswith("messages[assistant]")

    def _part(self, path: str, put: Put, without: Body) -> Iterator[Case]:
        """Google's Part is a union in disguise: one field says what it is, others say more about it."""
        for name, (annotation, _) in _fields(google.Part).items():
            if path.startswith("systemInstruction") and name != "text":
                continue
            about = _ABOUT.get(name)
            absent = without if about is None else put(about)[0]
            yield from self._field(
                google.Part, name, annotation, f"{path}.{name}", _put_in(put, about or {}, name), absent
            )


_FILM = {"inlineData": {"mimeType": "video/mp4", "data": PNG}}
_ABOUT: Mapping[str, Body] = {
    "thought": {"text": "Hm."},
    "thoughtSignature": {"text": "Hm."},
    "partMetadata": {"text": "Hm."},
    "mediaResolution": _FILM,
    "videoMetadata": _FILM,
    "mediaProcessing": _FILM,
    "speechMetadata": {"text": "Hm."},
    "documentMetadata": {"inlineData": {"mimeType": "application/pdf", "data": PNG}},
    "spreadsheetMetadata": {"inlineData": {"mimeType": "text/csv", "data": PNG}},
    "audioMetadata": {"inlineData": {"mimeType": "audio/wav", "data": PNG}},
}


def _put_field(base: Body, name: str) -> Put:
    return lambda value: ({**base, name: value}, f"/{name}")


def _put_in(put: Put, beside: Body, name: str) -> Put:
    """Sets a field of the object that `put` sets."""

    def inner(value: Any) -> tuple[Body, str]:
        body, pointer = put({**beside, name: value})
        return body, f"{pointer}/{name}"

    return inner
