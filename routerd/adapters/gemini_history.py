"""Whether a history can go to Google as the caller sent it.

Gemini 3 refuses signatures that are not its own, and steps of the current turn whose first function call has none
(https://ai.google.dev/gemini-api/docs/thought-signatures). Both come about when another provider answered before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routerd.adapters.base import UNREADABLE
from routerd.adapters.gemini_models import is_third
from routerd.adapters.gemini_words import FOREIGN_SIGNATURE


def goes_as_it_is(fields: Mapping[str, msgspec.Raw], model: str) -> bool:
    """Whether nothing in the raw `contents` has to be left out or made good for `model`."""
    history = bytes(fields.get("contents", b""))
    if FOREIGN_SIGNATURE in history:
        return False
    if not is_third(model) or (b'"functionCall"' not in history and b'"function_call"' not in history):
        return True
    try:
        contents = msgspec.json.decode(history)
    except UNREADABLE:
        return True  # Google says best what is wrong with it
    return not isinstance(contents, list) or all(_is_signed(step) for step in _steps(contents))


def _steps(contents: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """The parts of each run of the model's contents: SDKs put every chunk of a stream into one of its own."""
    step: list[dict[str, Any]] = []
    for content in contents:
        if not isinstance(content, dict):
            continue
        if content.get("role") == "model":
            step += [part for part in content.get("parts") or () if isinstance(part, dict)]
        elif step:
            yield step
            step = []
    if step:
        yield step


def _is_signed(step: list[dict[str, Any]]) -> bool:
    first = next((part for part in step if "functionCall" in part or "function_call" in part), None)
    return first is None or "thoughtSignature" in first or "thought_signature" in first
