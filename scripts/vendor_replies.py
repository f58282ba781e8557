"""Every field of the vendors' response types, each set once in a reply that is otherwise as small as it can be.

The types are those of the SDKs `openai`, `anthropic` (beta) and `google-genai`; `replies` walks them.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from anthropic.types.beta import BetaMessage
from google.genai import types as google
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from routerd.adapters.leftover import says_nothing
from scripts.vendor_fields import PNG, Case, is_for_vertex

REPLIES: Mapping[str, type[BaseModel]] = {
    "openai": ChatCompletion,
    "anthropic": BetaMessage,
    "gemini": google.GenerateContentResponse,
}

BASES: Mapping[str, dict[str, Any]] = {
    "openai": {
        "id": "reply-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-5.2",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}, "logprobs": {}}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    },
    "anthropic": {
        "id": "reply-1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 3},
    },
    "gemini": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8},
        "modelVersion": "gemini-3-pro-preview",
        "responseId": "reply-1",
    },
}
"""The smallest reply of each dialect."""

# What the SDK adds by itself, and no provider sends.
_OF_SDK = frozenset({"sdkHttpResponse", "automaticFunctionCallingHistory", "parsed"})

_SAMPLES: Mapping[str, Any] = {
    "url": "https://news.example.org/",
    "uri": "https://news.example.org/",
    "source": "https://news.example.org/",
    "fileUri": "https://files.example.org/cat.png",
    "arguments": '{"city":"Oslo"}',
    "input": {"city": "Oslo"},
    "args": {"city": "Oslo"},
    "mimeType": "image/png",
    "media_type": "image/png",
    "stop_sequence": "END",
    "start_index": 0,
    "end_index": 5,
    "startIndex": 1,
    "endIndex": 5,
    "groundingChunkIndices": [0],
    "modality": "AUDIO",
    "tokenCount": 2,
    "data": PNG,
    "FunctionCall.name": "look",
    "FunctionResponse.name": "look",
}

# What stands beside a field, where the smallest of its type says nothing.
_BESIDE: Mapping[str, dict[str, Any]] = {
    "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://news.example.org/"}}]},
    "candidates[].groundingMetadata.groundingSupports[]": {"segment": {"endIndex": 5}},
    "stop_details": {"category": "bio"},
    "candidates[].citationMetadata.citations[]": {"uri": "https://news.example.org/"},
    "function_call": {"name": "look", "arguments": '{"city":"Oslo"}'},
    "choices[].delta.tool_calls[]": {"id": "call_1", "function": {"name": "look", "arguments": "{}"}},
    "logprobsResult": {"chosenCandidates": [{"token": "Hello", "logProbability": -0.5}]},
}
_TEXT = {"text": "Hm."}
_FILM = {"inlineData": {"mimeType": "video/mp4", "data": PNG}}
_ABOUT: Mapping[str, dict[str, Any]] = {
    "thought": {"text": "Hm."},
    "thoughtSignature": {"text": "Hm."},
    **dict.fromkeys(("videoMetadata", "mediaResolution", "documentMetadata"), _FILM),
    **dict.fromkeys(("speechMetadata", "spreadsheetMetadata", "audioMetadata", "audioTranscription"), _TEXT),
    "partMetadata": {"functionCall": {"name": "look"}},
}
_DEEPEST = 5


def replies(dialect: str) -> Iterator[Case]:
    """Every field of the replies of a dialect."""
    yield from walk(REPLIES[dialect], "", "", BASES[dialect])


def walk(shape: type[BaseModel], path: str, at: str, body: Any) -> Iterator[Case]:
    """The fields of an object of this type that stands at a pointer of the body."""
    yield from _object(shape, path, at, body)


def variants_of(annotation: Any) -> list[tuple[str, Any]]:
    """The types of a union, each with what tells it."""
    return _variants(annotation)


def sample_of(shape: Any) -> dict[str, Any]:
    """The smallest object of a type that says something."""
    made: dict[str, Any] = _sample(shape, "")
    return made


def _object(shape: type[BaseModel], path: str, at: str, body: dict[str, Any]) -> Iterator[Case]:
    """The fields of the object that stands at a pointer of the body."""
    for name, annotation in _fields(shape).items():
        here, there = f"{path}.{name}".lstrip("."), f"{at}/{name}"
        baseline = body
        if shape is google.Part and name in _ABOUT:
            baseline = _with(body, at, _ABOUT[name])
        if name in ("type", "role", "object", "index") or here.count(".") > _DEEPEST:
            continue
        yield from _field(here, there, name, annotation, baseline)


def _field(path: str, at: str, name: str, annotation: Any, body: dict[str, Any]) -> Iterator[Case]:
    present = _at(body, at)
    item = _item(annotation)
    if item is not None and any(map(_is_model, _choices(item))):
        yield from _items(path, at, item, body, count=len(present) if isinstance(present, list) else 0)
        return
    if present is not None and not isinstance(present, dict):
        return  # the smallest reply has it
    for label, shape in _variants(annotation):
        value = _sample(shape, name) | _BESIDE.get(name, {}) if _is_model(shape) else _sample(shape, name)
        filled = _with(body, at, value if present is None else present)
        if present is None and not says_nothing(value):
            yield Case(path + label, at, filled, body)
        if _is_model(shape):
            yield from _object(shape, path + label, at, filled)


def _items(path: str, at: str, item: Any, body: dict[str, Any], *, count: int) -> Iterator[Case]:
    """The kinds of items of a list, behind those that it has; the one that the smallest reply has is looked into."""
    for label, shape in _variants(item):
        if count and name_of(path) in ("choices", "candidates"):
            yield from _object(shape, f"{path}[]", f"{at}/0", body)
            continue
        before = _at(body, at) or []
        value = {**_sample(shape, ""), **_BESIDE.get(f"{path}[]", {})}
        filled = _with(body, at, [*before, value])
        if not says_nothing({name: each for name, each in value.items() if name != "type"}):
            yield Case(f"{path}{label or '[]'}", f"{at}/{len(before)}", filled, body)
        yield from _object(shape, f"{path}{label or '[]'}", f"{at}/{len(before)}", filled)


def name_of(path: str) -> str:
    """The last name of a path."""
    return path.rpartition(".")[2]


def _fields(shape: type[BaseModel]) -> dict[str, Any]:
    """Name on the wire → its type."""
    is_google = shape.__module__.startswith("google")
    found = {
        (to_camel(name) if is_google else name): field.annotation
        for name, field in shape.model_fields.items()
        if not is_for_vertex(field.description)
    }
    return {name: annotation for name, annotation in found.items() if name not in _OF_SDK}


def _choices(annotation: Any) -> list[Any]:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for member in get_args(annotation) for each in _choices(member) if each is not type(None)]
    return [annotation]


def _variants(annotation: Any) -> list[tuple[str, Any]]:
    """What may stand in a place; of plain values, one is enough."""
    choices = _choices(annotation)
    models = [each for each in choices if _is_model(each)]
    return [(_label(each) if len(models) > 1 else "", each) for each in models] or [("", choices[0])]


def _label(shape: type[BaseModel]) -> str:
    field = shape.model_fields.get("type")
    words = get_args(_choices(field.annotation)[0]) if field is not None else ()
    return f"[{words[0] if words else shape.__name__}]"


def _is_model(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def _item(annotation: Any) -> Any:
    first = _choices(annotation)[0]
    return get_args(first)[0] if get_origin(first) is list else None


def _sample(shape: Any, name: str) -> Any:
    """The smallest value of a type that says something."""
    if _is_model(shape):
        hints = _fields(shape)
        needed = {
            each: hint
            for (each, hint), field in zip(hints.items(), _known(shape), strict=True)
            if field.is_required()
            or (shape.__module__.startswith("google") and (each in _SAMPLES or f"{shape.__name__}.{each}" in _SAMPLES))
        }
        return {
            each: _SAMPLES.get(f"{shape.__name__}.{each}") or _sample(_choices(hint)[0], each)
            for each, hint in needed.items()
        }
    if name in _SAMPLES:
        return _SAMPLES[name]
    if get_origin(shape) is Literal:
        return get_args(shape)[-1] if name not in ("type", "role") else get_args(shape)[0]
    if get_origin(shape) is list:
        return [_sample(_choices(get_args(shape)[0])[0], name)]
    if isinstance(shape, type) and issubclass(shape, Enum):
        return next(each.value for each in shape if not each.value.endswith("UNSPECIFIED"))
    plain = {str: f"some {name}", int: 7, float: 0.5, bool: True, bytes: PNG, datetime: "2026-01-01T00:00:00Z"}
    return plain.get(shape, {"key": "value"})


def _known(shape: type[BaseModel]) -> list[Any]:
    fields = [field for field in shape.model_fields.items() if not is_for_vertex(field[1].description)]
    is_google = shape.__module__.startswith("google")
    return [field for name, field in fields if (to_camel(name) if is_google else name) not in _OF_SDK]


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _with(body: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """A copy of the body with a value at a place."""
    copied = copy.deepcopy(body)
    *path, last = pointer.split("/")[1:]
    here: Any = copied
    for step in path:
        here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return copied
