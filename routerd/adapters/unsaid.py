"""What of a provider's reply the caller's dialect has no place for: JSON pointers into the provider's whole reply.

A stream is judged by the reply that it folds to; a part's number is its place when its pieces are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from routerd.adapters.base import Framing, escape
from routerd.adapters.diagnostics import is_diagnostic
from routerd.adapters.gemini_parts import OUTSIDE
from routerd.adapters.leftover import IN_LISTS, leftover, streamed
from routerd.chat.parts import Media, Opaque, Part, Text, ToolCall
from routerd.chat.reply import Choice, Reply

_PLACES = dict.fromkeys(("type", "url", "source", "title"), True)
_SOURCE = dict.fromkeys(("uri", "title", "startIndex", "endIndex"), True)
_SEGMENT = dict.fromkeys(("startIndex", "endIndex", "text"), True)

# What of the sources of a text every dialect has a place for.
_CITED: Mapping[str, Any] = {
    "annotations": [
        {"type": True, "url_citation": dict.fromkeys(("url", "title", "start_index", "end_index"), True)},
    ],
    "groundingMetadata": {
        "groundingChunks": [{"web": {"uri": True, "title": True}}],
        "groundingSupports": [{"segment": _SEGMENT, "groundingChunkIndices": True}],
    },
    "citationMetadata": {"citationSources": [_SOURCE], "citations": [_SOURCE]},
}

# Anthropic's citations stand at a text, not at some of its words; and they quote the page.
_CITED_BY_ANTHROPIC: Mapping[str, Any] = {
    "annotations": [{"type": True, "url_citation": {"url": True, "title": True, "content": True}}],
    "groundingMetadata": {**_CITED["groundingMetadata"], "groundingSupports": [{"groundingChunkIndices": True}]},
    "citationMetadata": {name: [{"uri": True, "title": True}] for name in ("citationSources", "citations")},
}


def unsaid(reply: Reply, source: str, target: str, framing: Framing, *, is_stream: bool) -> list[str]:
    """The pointers into a reply of the dialect `source` that a caller of `target` does not get to see."""
    found: list[str] = []
    for number, choice in enumerate(reply.choices):
        root = _ROOTS[source].format(number)
        if number and target == "anthropic":  # it knows one answer
            found.append(root)
            continue
        found += _beside(choice, root, source, target)
        for index, part in enumerate(choice.parts):
            if (judge := _JUDGES.get(type(part))) is not None:
                found += judge(part, root, f"{root}{_PARTS[source].format(index)}", target)
    if reply.usage is not None and reply.usage.cache_write and target == "gemini":
        found.append(_CACHE_WRITE[source])
    if reply.extra is not None:
        left = {at for at, value in reply.extra.raw.items() if is_diagnostic(source, at, value)}
        told = _told(reply.extra, source, target, framing, is_stream=is_stream)
        found += [each for each in reply.extra.raw if each not in left and each not in told]
    return list(dict.fromkeys(found))


def _told(extra: Opaque, source: str, target: str, framing: Framing, *, is_stream: bool) -> Collection[str]:
    """What of it a caller of the same dialect gets."""
    if source != target:
        return ()
    if is_stream:
        return streamed(extra, target, framing)
    return [each for each in extra.raw if not each.startswith(IN_LISTS)]


_ROOTS = {"openai": "/choices/{}", "anthropic": "", "gemini": "/candidates/{}"}
_PARTS = {"openai": "/message", "anthropic": "/content/{}", "gemini": "/content/parts/{}"}
_LOGPROBS = {"openai": "/logprobs", "anthropic": "/logprobs", "gemini": "/logprobsResult"}
_SEQUENCE = {"openai": "/stop_reason", "anthropic": "/stop_sequence", "gemini": "/stopSequence"}
_CACHE_WRITE = {
    "openai": "/usage/prompt_tokens_details/cache_write_tokens",
    "anthropic": "/usage/cache_creation_input_tokens",
    "gemini": "/usageMetadata",
}


def _beside(choice: Choice, root: str, source: str, target: str) -> Iterator[str]:
    if choice.logprobs and target == "anthropic":
        yield root + _LOGPROBS[source]
    if choice.stop_sequence and target != "anthropic":
        yield root + _SEQUENCE[source]


def _block(part: Opaque, root: str, at: str, target: str) -> Iterator[str]:
    """A block of the provider's own; what stands beside Gemini's content has its place in the candidate."""
    if part.dialect == target:
        return
    if part.dialect == "anthropic":
        yield at
        return
    for name, value in part.raw.items():
        is_beside = part.dialect == "gemini" and name in OUTSIDE
        place = f"{root if is_beside else at}/{escape(name)}"
        known = _known(name, target) if name in _CITED and part.citations else None
        if not is_diagnostic(part.dialect, place, value):
            yield from (pointer for pointer, _ in leftover(value, known, place))


def _known(name: str, target: str) -> Any:
    return _CITED_BY_ANTHROPIC[name] if target == "anthropic" else _CITED[name]


def _text(part: Text, root: str, at: str, target: str) -> Iterator[str]:
    if target == "anthropic":
        return
    known = {**_PLACES, "cited_text": True} if target == "openai" else _PLACES
    for name, value in part.extra.items():
        if name != "citations" or not isinstance(value, list):
            yield f"{at}/{escape(name)}"
            continue
        for index, said in enumerate(value):
            found = leftover(said, known if _cited(said) else None, f"{at}/citations/{index}")
            yield from (pointer for pointer, _ in found)


def _cited(said: Any) -> bool:
    """Whether one of Anthropic's citations names a page by its address."""
    url = (said.get("url") or said.get("source")) if isinstance(said, dict) else None
    return isinstance(url, str) and url.startswith(("https://", "http://"))


def _call(part: ToolCall, root: str, at: str, target: str) -> Iterator[str]:
    for name, value in part.extra.items():
        if target != "anthropic" and name != "type" and value != {"type": "direct"}:  # as every call is
            yield f"{at}/{escape(name)}"


def _media(part: Media, root: str, at: str, target: str) -> Iterator[str]:
    """Anthropic's models show nothing; OpenAI's show pictures and let hear sounds."""
    is_image = at.endswith("/message")
    place = f"{at}/images" if is_image else at
    is_shown = (part.kind == "image" and bool(part.data or part.url)) or (part.kind == "audio" and bool(part.data))
    if target == "anthropic" or (target == "openai" and not is_shown):
        yield place
        return
    if part.name is not None:
        yield f"{place}/{'fileData' if part.data is None else 'inlineData'}/displayName"
    yield from (f"{place}/{escape(name)}" for name in part.extra if target != "gemini")


_JUDGES: Mapping[type[Part], Callable[[Any, str, str, str], Iterator[str]]] = {
    Opaque: _block,
    Text: _text,
    ToolCall: _call,
    Media: _media,
}
