"""Where a provider says which models it has, and how it says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from routerd.adapters.base import UNREADABLE

_LONGEST = 256  # characters of a name
_MOST = 10_000


class _Entry(msgspec.Struct):
    """What is read of a model; lists of a megabyte have much else in them."""

    id: str | None = None
    name: str | None = None
    model: str | None = None
    methods: list[str] | None = msgspec.field(default=None, name="supportedGenerationMethods")


class _List(msgspec.Struct):
    """OpenAI's and Anthropic's lists have `data`; Gemini's and that of Ollama's own API have `models`."""

    data: list[_Entry] | None = None
    models: list[_Entry] | None = None


_decode = msgspec.json.Decoder(_List | list[_Entry]).decode  # Together answers with a bare array


@dataclass(frozen=True, slots=True)
class ModelList:
    """`path` follows the base URL and asks for one long page; `name` gives the name of an entry, if it is a model."""

    path: str
    name: Callable[[_Entry], str | None]


def _usual_name(entry: _Entry) -> str | None:
    return entry.id or entry.name or entry.model


def _gemini_name(entry: _Entry) -> str | None:
    """https://ai.google.dev/api/models: what can't generate content is left out."""
    can_chat = entry.methods is None or "generateContent" in entry.methods
    return entry.name.removeprefix("models/") if entry.name and can_chat else None


_OPENAI = ModelList("/models", _usual_name)

MODEL_LISTS: Mapping[str, ModelList] = MappingProxyType({
    "openai": _OPENAI,
    # https://docs.claude.com/en/api/models-list: at most 1,000 on a page
    "anthropic": ModelList("/models?limit=1000", _usual_name),
    "gemini": ModelList("/models?pageSize=1000", _gemini_name),
})
"""By adapter; the echo provider has none."""


def names_in(adapter: str, body: bytes) -> list[str] | None:
    """The names in a list of models, each once, in its order; None: this is no such list."""
    try:
        found = _decode(body)
    except msgspec.ValidationError:
        found = _odd(body)
    except UNREADABLE:
        return None
    entries = found if isinstance(found, list) else found.data if found.data is not None else found.models
    if entries is None:
        return None
    name = MODEL_LISTS.get(adapter, _OPENAI).name
    return list(dict.fromkeys(known for known in map(name, entries[:_MOST]) if known and _is_name(known)))


def _odd(body: bytes) -> list[_Entry] | _List:
    """A list of which some entries are not as they should be: the others."""
    decoded: Any = msgspec.json.decode(body)
    if isinstance(decoded, dict):
        decoded = decoded.get("data") if isinstance(decoded.get("data"), list) else decoded.get("models")
    if not isinstance(decoded, list):
        return _List()
    return [entry for each in decoded if (entry := _entry(each)) is not None]


def _entry(each: Any) -> _Entry | None:
    try:
        return _Entry(id=each) if isinstance(each, str) else msgspec.convert(each, _Entry)
    except msgspec.ValidationError:
        return None


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST and name.isprintable() and name == name.strip()
