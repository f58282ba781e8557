"""Gemini's generateContent as Google gets it (https://ai.google.dev/api/generate-content#request-body)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, field, structs

from routerd.adapters import gemini_models as models
from routerd.adapters import searching
from routerd.adapters.base import UNASKED, Call, Losses, escape, put
from routerd.adapters.gemini_asked import NUMBERS, WHOLE_NUMBERS
from routerd.adapters.gemini_parts import (
    OUTSIDE,
    arguments_of,
    is_given,
    is_ours,
    render_call,
    render_media,
    render_text,
    response_of,
    with_extra,
)
from routerd.adapters.gemini_schema import to_subset
from routerd.adapters.gemini_words import NAME, SKIP_VALIDATION, call_path, camel
from routerd.adapters.media import image_type, kind_of, parse_data_url
from routerd.adapters.reading import refuse
from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Reasoning, Tool

Body = dict[str, Any]
_Part = TypeVar("_Part", bound=Part)

_MOST_STOPS = 5
_OUR_NAMES = {ours: theirs for theirs, ours in {**NUMBERS, **WHOLE_NUMBERS}.items()}
_TIERS = {"flex": "flex", "priority": "priority", "standard": "standard", "default": "standard"}
_RESOLUTIONS = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
"""OpenAI's `detail` of an image (https://ai.google.dev/gemini-api/docs/media-resolution, by part)."""
_PLAIN = frozenset({
    "application/json", "application/jsonl", "application/x-ndjson", "application/xml", "application/yaml",
    "application/toml",
})  # fmt: skip
"""Types of text that Google refuses by their own names."""
_UNSAID = ("logit_bias", "user", "metadata")

# Where a caller's body has what is named, below a part or a tool; the other dialects are ours to know here only so far.
_FILE_NAME = {"openai": "/file/filename", "anthropic": "/title"}
_DETAIL = {"openai": "/image_url/detail"}
_SCHEMA = {"openai": "/function/parameters", "anthropic": "/input_schema"}
_FORMAT_SCHEMA = {"openai": "/json_schema/schema", "anthropic": "/schema"}


def render_request(request: ChatRequest, model: str, quirks: Mapping[str, Any]) -> tuple[Call, Losses]:
    """The request for `model`. Raises RouterError(invalid_request) for what the target would refuse or spoil."""
    losses = Losses()
    body: Body = _Contents(request, model, losses).render()
    is_subset = quirks.get("schema") == "subset"
    may_stub = models.is_third(model) or not _wants_json(request)
    _put_tools(body, request, losses, is_subset=is_subset, may_stub=may_stub)
    config = _config(request, model, losses, is_subset=is_subset)
    if config:
        body["generationConfig"] = config
    _put_tier(body, request, losses)
    _put_extra(body, request, losses)
    losses.fields(request, *_UNSAID)
    return Call(call_path(model, request.is_stream), body), losses


# Contents ---------------------------------------------------------------------------------------------------------


class _Turn(Struct):
    """One content to be: neighbours of the same role are one. `results` go first, in the order of the calls before."""

    role: str
    parts: list[Body] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[tuple[ToolResult, Body]] = field(default_factory=list)


class _Contents:
    """Renders the messages of one request."""

    def __init__(self, request: ChatRequest, model: str, losses: Losses) -> None:
        self._request = request
        self._is_own = request.dialect == NAME
        self._is_third = models.is_third(model)
        self._losses = losses
        self._turns: list[_Turn] = []

    def render(self) -> Body:
        leading = 0
        for message in self._request.messages:
            if message.role != "system":
                break
            leading += 1
        system = [part for message in self._request.messages[:leading] for part in self._message(message)]
        for message in self._request.messages[leading:]:
            self._take(message)
        self._answer_calls()
        self._begin_with_user()
        if self._is_third:
            self._sign_calls()
        contents = [{"role": turn.role, "parts": turn.parts} for turn in self._turns]
        found: Body = {"systemInstruction": {"parts": system}} if system else {}
        return {**found, "contents": contents or [{"role": "user", "parts": [{"text": ""}]}]}

    def _take(self, message: Message) -> None:
        """Add a message to the turns. What a system message in the middle says, the user says."""
        if message.role == "system":
            self._losses.add(f"{message.at}/role")
        role = "model" if message.role == "assistant" else "user"
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        self._turns[-1].parts += self._message(message)
        turn = self._turns[-1]
        if not (turn.parts or turn.results):
            self._turns.pop()

    def _message(self, message: Message) -> list[Body]:
        if message.name is not None:
            self._losses.add(f"{message.at}/name")
        self._losses.extra(message.at, {name: value for name, value in message.extra.items() if name != "role"})
        rendered = [self._part(part, message) for part in message.parts]
        return [part for part in rendered if part is not None]

    # One method per kind of part; None: there is nothing to say

    def _part(self, part: Part, message: Message) -> Body | None:
        if part.cache is not None:
            self._losses.add(f"{part.at}/cache_control")
        if message.role == "system" and not isinstance(part, Text):
            refuse(part.at, "is not text, and a system message can say nothing else to Gemini")
        found = _RENDER[type(part)](self, part)
        if found is None:
            return None
        return self._with_extra(found, part)

    def _with_extra(self, found: Body, part: Part) -> Body:
        if self._is_own:
            return with_extra(found, part.extra)
        self._losses.extra(part.at, part.extra)
        return found

    def _text(self, part: Text) -> Body | None:
        part = self._unsigned(part)
        if part.signature is None and not part.text.strip() and not self._is_own:
            return None
        return render_text(part)

    def _refusal(self, part: Refusal) -> Body | None:
        return render_text(part) if part.text.strip() else None

    def _thinking(self, part: Thinking) -> Body | None:
        """Only Gemini's own: signed by it, or given back by a caller that speaks its dialect."""
        if is_ours(part) or (self._is_own and part.signature is None):
            return render_text(part)
        self._losses.add(part.at)
        return None

    def _unsigned(self, part: Text) -> Text:
        """Without a signature that isn't Gemini's."""
        if part.signature is None or is_ours(part):
            return part
        self._losses.add(f"{part.at}/signature")
        return Text(text=part.text, at=part.at, extra=part.extra)

    def _call(self, part: ToolCall) -> Body:
        arguments = arguments_of(part)
        if arguments is None:
            refuse(part.at, f"calls the tool {part.name} with arguments that are no JSON object")
        self._turns[-1].calls.append(part)
        found = render_call(part, arguments)
        if part.signature is not None and not is_ours(part):
            del found["thoughtSignature"]
            self._losses.add(f"{part.at}/signature")
        return found

    def _result(self, part: ToolResult) -> None:
        """Set aside until its call is known, with the files that can't stand in it behind it."""
        texts = [each.text for each in part.parts if isinstance(each, Text | Refusal)]
        inner: Body = {"name": part.name, "response": response_of("\n".join(texts), part.is_error)}
        for each in part.parts:
            if each.cache is not None:
                self._losses.add(f"{each.at}/cache_control")
            if isinstance(each, Media):
                self._file_of_result(each, inner)
            elif not isinstance(each, Text | Refusal):
                self._losses.add(each.at)
            else:
                self._losses.extra(each.at, each.extra)
        found: Body = {"functionResponse": inner}
        self._turns[-1].results.append((part, self._with_extra(found, part)))

    def _file_of_result(self, media: Media, inner: Body) -> None:
        """Gemini 3 takes images and documents in a result; anything else stands behind all results of the turn."""
        rendered = self._with_extra(self._media(media), media)
        if "inlineData" in rendered and self._is_third and media.kind in ("image", "document"):
            if not self._is_own and rendered.pop("mediaResolution", None):
                self._lose_detail(media)
            inner.setdefault("parts", []).append(rendered)
        else:
            self._turns[-1].parts.append(rendered)

    def _media(self, media: Media) -> Body:
        if media.text is not None:
            self._lose_name(media)
            return {"text": media.text}
        if media.url is not None:
            media = _opened(media)
        elif media.data is None and (media.file_id is None or not self._is_own):
            refuse(media.at, "is a file that only its own provider can open: send its data or a URL")
        told = structs.replace(media, media_type=_type_of(media, is_own=self._is_own))
        found = render_media(told, with_name=self._is_own)
        level = _RESOLUTIONS.get(media.detail or "") if self._is_third else None
        if level is not None:
            found["mediaResolution"] = {"level": level}
        elif media.detail not in (None, "auto"):
            self._lose_detail(media)
        if not self._is_own:
            self._lose_name(media)
        return found

    def _lose_detail(self, media: Media) -> None:
        self._losses.add(media.at + _DETAIL.get(self._request.dialect, "/detail"))

    def _lose_name(self, media: Media) -> None:
        if media.name:
            self._losses.add(media.at + _FILE_NAME.get(self._request.dialect, "/name"))

    def _opaque(self, part: Opaque) -> Body | None:
        if part.dialect != NAME or not self._is_own:
            self._losses.add(part.at)
            return None
        return None if OUTSIDE & part.raw.keys() else {**part.raw}

    # What holds between turns

    def _answer_calls(self) -> None:
        """As many results as calls in the next turn, first and in the same order; a call without one is told so."""
        index = 0
        while index < len(self._turns):
            turn = self._turns[index]
            index += 1
            calls = turn.calls
            if calls and (index == len(self._turns) or self._turns[index].role == "model"):
                self._turns.insert(index, _Turn("user"))
            answers = [self._answer(call, self._turns[index]) for call in calls]
            if calls:
                self._turns[index].parts[:0] = answers
            for result, _ in turn.results:
                self._unasked(turn, result)

    def _unasked(self, turn: _Turn, result: ToolResult) -> None:
        """A result without its call is told in words."""
        self._losses.add(result.at)
        said = [part.text for part in result.parts if isinstance(part, Text) and part.text.strip()]
        if said or not turn.parts:
            before = sum("functionResponse" in part for part in turn.parts)
            turn.parts.insert(before, {"text": "\n".join([UNASKED, *said])})

    def _answer(self, call: ToolCall, turn: _Turn) -> Body:
        """The result of a call, taken out of those that wait."""
        for entry in turn.results:
            if entry[0].id == call.id:
                turn.results.remove(entry)
                found = entry[1]
                break
        else:
            found = {"functionResponse": {"name": call.name, "response": {"error": "There is no result."}}}
        inner = found["functionResponse"]
        inner["name"] = call.name
        if is_given(call.id):
            inner["id"] = call.id
        return found

    def _begin_with_user(self) -> None:
        """Google refuses calls that do not come after a user's turn."""
        if self._turns and self._turns[0].calls:
            self._turns.insert(0, _Turn("user", [{"text": ""}]))

    def _sign_calls(self) -> None:
        """Gemini 3 wants a signature on the first call of every step since the user last spoke.

        https://ai.google.dev/gemini-api/docs/thought-signatures
        """
        for turn in reversed(self._turns):
            if turn.role == "user" and not any("functionResponse" in part for part in turn.parts):
                return
            first = next((part for part in turn.parts if "functionCall" in part), None)
            if turn.calls and first is not None:
                first.setdefault("thoughtSignature", SKIP_VALIDATION)


_RENDER: Mapping[type[Part], Callable[[_Contents, Any], Body | None]] = {
    Text: _Contents._text,
    Thinking: _Contents._thinking,
    Refusal: _Contents._refusal,
    Media: _Contents._media,
    ToolCall: _Contents._call,
    ToolResult: _Contents._result,
    Opaque: _Contents._opaque,
}


def _type_of(media: Media, *, is_own: bool) -> str | None:
    """The media type as Google takes it."""
    if media.kind == "image" and media.data is not None:
        return image_type(media)
    return "text/plain" if media.media_type in _PLAIN and not is_own else media.media_type


def _opened(media: Media) -> Media:
    """A file by URL; a data URL is its data."""
    assert media.url is not None
    if not media.url.lower().startswith("data:"):
        return media
    found = parse_data_url(media.url)
    if found is None:
        refuse(media.at, "is a data URL that is not base64")
    media_type = found[0] or media.media_type
    return Media(
        kind=kind_of(media_type),
        media_type=media_type,
        data=found[1],
        name=media.name,
        detail=media.detail,
        at=media.at,
    )


# Tools ------------------------------------------------------------------------------------------------------------


def _put_tools(body: Body, request: ChatRequest, losses: Losses, *, is_subset: bool, may_stub: bool) -> None:
    functions = [_function(tool, request, losses, is_subset) for tool in request.tools if tool.raw is None]
    others = [tool for tool in request.tools if tool.raw is not None]
    search = None
    if request.dialect != NAME:
        search = searching.asked(request) if not functions else None  # older models take either, not both
        losses.add(*(tool.at for tool in others if search is None or not searching.is_search(tool)))
        others = []
    stubs = [] if functions or not may_stub else _stubs(request.messages)
    tools: list[Body] = [{"functionDeclarations": functions or stubs}] if functions or stubs else []
    tools += [tool.raw for tool in others if tool.raw is not None]
    if search is not None and not stubs:
        search.lose(losses, has_place=False)
        tools.append({"googleSearch": {}})
    elif search is not None:
        losses.add(search.at)
    if tools:
        body["tools"] = tools
    if request.parallel_tool_calls is False:
        losses.add(request.pointer("parallel_tool_calls"))
    if stubs:
        body["toolConfig"] = {"functionCallingConfig": {"mode": "NONE"}}
    elif functions or (tools and request.dialect == NAME):  # Google's own tools are not called by this
        calling = _calling(request)
        body |= {"toolConfig": {"functionCallingConfig": calling}} if calling else {}
    elif request.tool_choice is not None and request.tool_choice.mode == "required":
        losses.fields(request, "tool_choice")


def _function(tool: Tool, request: ChatRequest, losses: Losses, is_subset: bool) -> Body:
    """A declaration; `strict` is said by the mode in which functions are called."""
    found: Body = {"name": tool.name}
    if tool.description is not None:
        found["description"] = tool.description
    if tool.schema is not None:
        found |= _parameters(tool.schema, tool.at + _SCHEMA.get(request.dialect, "/parameters"), losses, is_subset)
    if tool.cache is not None:
        losses.add(f"{tool.at}/cache_control")
    if request.dialect == NAME:
        return with_extra(found, tool.extra)
    losses.extra(tool.at, tool.extra)
    return found


def _parameters(schema: Body, at: str, losses: Losses, is_subset: bool) -> Body:
    """A schema of an object, in the form that the model takes; older models refuse an object without properties."""
    if not {"type", "$ref", "anyOf", "oneOf", "allOf"} & schema.keys():
        schema = {"type": "object", **schema}
    if not is_subset:
        return {"parametersJsonSchema": schema}
    subset, lost = to_subset(schema, at)
    losses.add(*lost)
    return {"parameters": subset} if subset.get("properties") or subset.get("type") != "OBJECT" else {}


def _stubs(messages: Sequence[Message]) -> list[Body]:
    """Declarations of the functions that the history calls, for a request without any."""
    names = [part.name for message in messages for part in message.parts if isinstance(part, ToolCall)]
    return [{"name": name, "description": "Not available any more."} for name in dict.fromkeys(names)]


def _calling(request: ChatRequest) -> Body:
    """AUTO, NONE or ANY; VALIDATED is an AUTO that keeps to the schemas, and the only one that takes names."""
    choice, is_strict = request.tool_choice, any(tool.strict for tool in request.tools)
    names = {"allowedFunctionNames": choice.names} if choice is not None and choice.names else {}
    match choice.mode if choice is not None else None:
        case "required":
            return {"mode": "ANY", **names}
        case "none":
            return {"mode": "NONE"}
        case mode:
            said = {"mode": "AUTO"} if mode else {}
            return {"mode": "VALIDATED", **names} if is_strict or names else said


# generationConfig -------------------------------------------------------------------------------------------------


def _config(request: ChatRequest, model: str, losses: Losses, *, is_subset: bool) -> Body:
    found = {theirs: value for ours, theirs in _OUR_NAMES.items() if (value := getattr(request, ours)) is not None}
    if not -(2**31) <= found.get("seed", 0) < 2**31:
        found["seed"] &= 0x7FFFFFFF  # Google's is of 32 bits
    if request.logprobs is not None:
        found["responseLogprobs"] = request.logprobs
    if request.stop:
        found["stopSequences"] = request.stop[:_MOST_STOPS]
        losses.add(*(f"{request.pointer('stop')}/{index}" for index in range(_MOST_STOPS, len(request.stop))))
    if request.response_format is not None:
        found |= _format(request, model, losses, is_subset)
    if request.reasoning is not None:
        found |= _thinking(request, request.reasoning, model, losses)
    return found


def _wants_json(request: ChatRequest) -> bool:
    return request.response_format is not None and request.response_format.kind != "text"


def _format(request: ChatRequest, model: str, losses: Losses, is_subset: bool) -> Body:
    wanted, at = request.response_format, request.pointer("response_format")
    assert wanted is not None
    if wanted.kind == "text":
        return {"responseMimeType": "text/plain"} if request.dialect == NAME else {}
    if not models.is_third(model) and any(tool.raw is None for tool in request.tools):
        refuse(at, f"asks for JSON, which {model} can't give when there are tools; Gemini 3 can")
    found: Body = {"responseMimeType": "application/json"}
    if wanted.schema is None:
        return found
    schema = {**wanted.schema}
    for name, value in (("title", wanted.name), ("description", wanted.description)):
        if value is not None:
            schema.setdefault(name, value)
    if not is_subset:
        return {**found, "responseJsonSchema": schema}
    subset, lost = to_subset(schema, at + _FORMAT_SCHEMA.get(request.dialect, ""))
    losses.add(*lost)
    return {**found, "responseSchema": subset}


def _thinking(request: ChatRequest, reasoning: Reasoning, model: str, losses: Losses) -> Body:
    """How much to think. Thoughts are shown to callers of other dialects that ask for thinking and don't forbid it."""
    found, is_lost = models.thinking_config(reasoning, model)
    is_visible = reasoning.is_visible
    if is_visible is None and request.dialect != NAME and models.wishes(reasoning):
        is_visible = True
    if is_visible is not None and models.thinks(model):
        found["includeThoughts"] = is_visible
    if reasoning.budget == -1 and request.dialect == NAME and models.thinks(model):
        found.setdefault("thinkingBudget", -1)  # as the model likes, which others tell by saying nothing
    if is_lost or (is_visible and not models.thinks(model)):
        losses.fields(request, "reasoning")
    return {"thinkingConfig": found} if found else {}


# The rest ---------------------------------------------------------------------------------------------------------


def _put_tier(body: Body, request: ChatRequest, losses: Losses) -> None:
    tier = request.service_tier
    if tier is None or tier == "auto":
        return
    if tier in _TIERS or request.dialect == NAME:
        body["serviceTier"] = _TIERS.get(tier, tier)
    else:
        losses.fields(request, "service_tier")


def _put_extra(body: Body, request: ChatRequest, losses: Losses) -> None:
    """What only Gemini knows goes back to its place, whose steps may have been written in snake_case."""
    if request.dialect != NAME:
        losses.add(*(pointer for pointer in request.extra if pointer != searching.OPTIONS or "tools" not in body))
        return
    for pointer, value in request.extra.items():
        steps = [escape(camel(step)) for step in pointer.split("/")[1:]]
        put(body, "/" + "/".join(steps), value)
