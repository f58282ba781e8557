"""Judges that are not ours: the vendors' own types, strict, with unknown fields refused.

OpenAI's and Anthropic's request types are TypedDicts, which pydantic reads leniently: unknown keys pass, an Iterable is
never looked into, and the response models stand among the choices of a union. So the schema that pydantic makes of
them is hardened before it judges. Google's types forbid unknown fields themselves, and say in the description of a
field when it is for Vertex alone.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from anthropic.types import beta as anthropic
from google.genai import types as google
from openai.types import chat as openai
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from routerd.adapters import sse
from scripts.vendor_fields import REQUESTS, is_for_vertex

Judge = Callable[[Any], list[str]]
"""Takes JSON-to-be, returns what is wrong with it; [] is a pass."""

# What the vendors' documents allow beside their Python types.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    # https://openrouter.ai/docs/use-cases/reasoning-tokens, https://openrouter.ai/docs/features/multimodal/image-generation,
    # https://ai.google.dev/gemini-api/docs/openai, and https://docs.litellm.ai/docs/completion/prompt_caching
    "openai": frozenset({"reasoning_content", "reasoning_details", "images", "extra_content", "cache_control"}),
    # https://platform.claude.com/docs/en/api/messages has them; the types of the newest SDK have lost them.
    "anthropic": frozenset({"temperature", "top_p", "top_k", "stream"}),
    "gemini": frozenset(),
}


# The schema, hardened -------------------------------------------------------------------------------------------


def hardened(schema: Any) -> Any:
    """The core schema with unknown fields forbidden, lists looked into, and models no choice beside a TypedDict."""
    if isinstance(schema, list):
        return [hardened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: each if name == "metadata" else hardened(each) for name, each in schema.items()}
    match schema.get("type"):
        case "typed-dict" | "model-fields":
            schema.pop("extras_schema", None)
            return {**schema, "extra_behavior": "forbid"}
        case "model":
            return {**schema, "config": {**(schema.get("config") or {}), "extra_fields_behavior": "forbid"}}
        case "generator":
            return {**schema, "type": "list"}
        case "function-before":  # Google's only looks for a frequent slip, and would turn JSON into Python
            return schema["schema"]
    return schema


@cache
def validator(shape: Any) -> SchemaValidator:
    """A strict validator of a list of a vendor's type: some types alone have no schema before their first use."""
    schema = hardened(TypeAdapter(list[shape]).core_schema)
    return SchemaValidator(schema, _use_prebuilt=False)  # what pydantic prepared for a model is not hardened


def faults(shape: Any, value: Any) -> list[str]:
    """What the type says against a value; objects must be objects, so that response models are no way around."""
    try:
        validator(shape).validate_python([value], strict=True)
    except ValidationError as error:
        return [f"{_place(each['loc'][1:])}: {each['msg']}" for each in error.errors()]
    return []


def response_faults(shape: Any, value: Any) -> list[str]:
    """The same for a response, whose types are models."""
    try:
        validator(shape).validate_json(msgspec.json.encode([value]), strict=True)
    except ValidationError as error:
        return [f"{_place(each['loc'][1:])}: {each['msg']}" for each in error.errors()]
    return []


def google_faults(shape: type[BaseModel], value: Any) -> list[str]:
    """What one of Google's models says; an unknown word of an enum is a warning there, and a fault here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            [read] = validator(shape).validate_json(msgspec.json.encode([value]), strict=True)
    except ValidationError as error:
        return [f"{_place(each['loc'][1:])}: {each['msg']}" for each in error.errors()]
    except UserWarning as warning:
        return [str(warning)]
    return list(_for_vertex(read, ""))


def _for_vertex(model: BaseModel, at: str) -> Iterator[str]:
    """Fields that are set, and that the Gemini API does not take."""
    for name in sorted(model.model_fields_set):
        field, value = type(model).model_fields[name], getattr(model, name)
        if is_for_vertex(field.description):
            yield f"{at}/{name}: is for Vertex alone"
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, BaseModel):
                yield from _for_vertex(each, f"{at}/{name}/{index}")


def _place(loc: tuple[int | str, ...]) -> str:
    return "/".join(map(str, loc))


# One judge for each dialect and direction -----------------------------------------------------------------------


def without(names: frozenset[str], value: Any) -> Any:
    """The value without the fields of those names, wherever they stand."""
    if isinstance(value, dict):
        return {name: without(names, each) for name, each in value.items() if name not in names}
    if isinstance(value, list):
        return [without(names, each) for each in value]
    return value


def _openai_request(body: Any) -> list[str]:
    names = EXTENSIONS["openai"] | {"stream"}
    return faults(REQUESTS["openai"], without(names, body))


def _anthropic_request(body: Any) -> list[str]:
    told = {name: value for name, value in body.items() if name not in EXTENSIONS["anthropic"]}
    return faults(REQUESTS["anthropic"], told) or list(_anthropic_manners(body))


def _anthropic_manners(body: Any) -> Iterator[str]:
    """What the API refuses and the types can't say: https://platform.claude.com/docs/en/api/messages."""
    thinking = body.get("thinking") or {}
    budget = thinking.get("budget_tokens", 0)
    if budget and not 1024 <= budget < body["max_tokens"]:
        yield f"thinking/budget_tokens: {budget} is not from 1024 to below max_tokens {body['max_tokens']}"
    if thinking.get("type") == "enabled":
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "tool_choice: thinking forbids a forced tool"
        if body.get("temperature", 1) != 1 or body.get("top_k"):
            yield "temperature, top_k: thinking forbids them"
    if body.get("tool_choice") and not body.get("tools"):
        yield "tool_choice: without tools"
    yield from _tool_pairs(body["messages"])
    for index, message in enumerate(body["messages"]):
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block.get("type") == "text" and not block["text"].strip():
                yield f"messages/{index}: text content blocks must be non-empty"
        if not message["content"]:
            yield f"messages/{index}: content must not be empty"


def _tool_pairs(messages: list[Any]) -> Iterator[str]:
    """Each tool_use is answered in the next message, results first; and nothing else is answered."""
    asked: list[str] = []
    for index, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        kinds = [block.get("type") == "tool_result" for block in blocks]
        answered = [block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"]
        if sorted(answered) != sorted(asked):
            yield f"messages/{index}: answers {answered}, asked were {asked}"
        if kinds != sorted(kinds, reverse=True):
            yield f"messages/{index}: tool results must come first"
        asked = [block["id"] for block in blocks if block.get("type") == "tool_use"]
    if asked:
        yield f"messages: nothing answers {asked}"


def _gemini_request(body: Any) -> list[str]:
    found = google_faults(REQUESTS["gemini"], body)
    return found or list(_gemini_manners(body))


def _gemini_manners(body: Any) -> Iterator[str]:
    """What the API refuses and the types can't say: https://ai.google.dev/api/caching#Content."""
    config = body.get("generationConfig") or {}
    if len(config.get("stopSequences") or ()) > 5:
        yield "generationConfig/stopSequences: more than 5"
    for index, content in enumerate(body["contents"]):
        if content.get("role") not in ("user", "model"):
            yield f"contents/{index}/role: must be user or model"
        if not content.get("parts"):
            yield f"contents/{index}/parts: must not be empty"
        for part in content.get("parts") or ():
            kinds = {"text", "inlineData", "fileData", "functionCall", "functionResponse"} & set(part)
            if len(kinds) > 1:
                yield f"contents/{index}/parts: {sorted(kinds)} in one part"
    yield from _answered_calls(body["contents"])


def _answered_calls(contents: list[Any]) -> Iterator[str]:
    """As many functionResponses in the next turn as there were functionCalls, by name."""
    asked: list[str] = []
    for index, content in enumerate(contents):
        answered = [part["functionResponse"]["name"] for part in content["parts"] if "functionResponse" in part]
        if sorted(asked) != sorted(answered):
            yield f"contents/{index}: answers {answered}, asked were {asked}"
        asked = [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]


REQUEST: Mapping[str, Judge] = {
    "openai": _openai_request,
    "anthropic": _anthropic_request,
    "gemini": _gemini_request,
}
"""By dialect: whether its provider would take a body."""


def _openai_reply(reply: Any) -> list[str]:
    reply = without(EXTENSIONS["openai"], reply)
    for choice in reply.get("choices", []):
        for each in choice.get("message", {}).get("annotations") or ():
            each["url_citation"].pop("content", None)  # https://openrouter.ai/docs/features/web-search has it
    return response_faults(openai.ChatCompletion, reply)


def _anthropic_reply(reply: Any) -> list[str]:
    return response_faults(anthropic.BetaMessage, reply)


def _gemini_reply(reply: Any) -> list[str]:
    return google_faults(google.GenerateContentResponse, reply)


REPLY: Mapping[str, Judge] = {"openai": _openai_reply, "anthropic": _anthropic_reply, "gemini": _gemini_reply}
"""By dialect: whether its SDK understands a whole reply."""


def _openai_event(event: Any) -> list[str]:
    names = EXTENSIONS["openai"] | {"annotations"}  # OpenAI streams them, and its types have them in whole replies only
    return response_faults(openai.ChatCompletionChunk, without(names, event))


def _anthropic_event(event: Any) -> list[str]:
    if event.get("type") == "ping":
        return [] if event == {"type": "ping"} else ["ping: says more"]
    return response_faults(anthropic.BetaRawMessageStreamEvent, event)


EVENT: Mapping[str, Judge] = {"openai": _openai_event, "anthropic": _anthropic_event, "gemini": _gemini_reply}
"""By dialect: whether its SDK understands one event of a stream."""


def said(stream: bytes) -> list[Any]:
    """What the events of a stream say, decoded; comments and `[DONE]` left out."""
    payloads = map(sse.payload, sse.split_events(stream))
    return [msgspec.json.decode(data) for data in payloads if data and data != b"[DONE]"]


def stream_faults(dialect: str, stream: bytes) -> list[str]:
    """What is wrong with a stream's events, each by itself."""
    return [fault for event in said(stream) for fault in EVENT[dialect](event)]


def is_base64(text: str) -> bool:
    """Whether a file's data can be read."""
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False
