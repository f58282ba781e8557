"""OpenAI chat completions: a provider's whole reply, read.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from routerd.adapters import citations
from routerd.adapters.base import UNREADABLE
from routerd.adapters.leftover import extra_of, leftover
from routerd.adapters.media import parse_data_url
from routerd.adapters.openai_errors import error_of
from routerd.adapters.openai_thoughts import (
    parse_extra_content,
    parse_thoughts,
    sign,
)
from routerd.adapters.openai_words import NAME
from routerd.adapters.trouble import excerpt, trouble
from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.errors import RouterError

STOP_OF: Mapping[str, StopReason] = {
    "stop": StopReason.END,
    "eos": StopReason.END,
    "eos_token": StopReason.END,
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "length": StopReason.LENGTH,
    "max_tokens": StopReason.LENGTH,
    "model_length": StopReason.CONTEXT,
    "model_context_window_exceeded": StopReason.CONTEXT,
    "tool_calls": StopReason.TOOL_CALLS,
    "tool_use": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "content_filter": StopReason.FILTERED,
    "sensitive": StopReason.FILTERED,
    "safety": StopReason.FILTERED,
    "refusal": StopReason.FILTERED,
}
"""What providers write as `finish_reason`: beside OpenAI's words those of TGI, Mistral, Z.ai and translators."""

_BROKEN = frozenset({"error", "network_error", "insufficient_system_resource", "abort", "unexpected_state"})
"""What providers write as `finish_reason` when they failed (OpenRouter, Z.ai, DeepSeek, SGLang)."""

NOISE = frozenset({"role", "index", "channel", "name", "prefix", "thought_signature", "token_ids", "tool_call_id"})
"""Fields of a message that say nothing to a caller."""


def parse_reply(body: bytes) -> Reply:
    """Read a 200's body. Raises RouterError: upstream_garbled, or the error that it tells."""
    try:
        said = msgspec.json.decode(body)
    except UNREADABLE:
        said = None
    if not isinstance(said, dict):
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}")
    if said.get("error"):
        raise error_of(said["error"], None)
    choices = said.get("choices")
    if not isinstance(choices, list) or not choices:
        raise RouterError("upstream_garbled", f"answered 200 without `choices`: {excerpt(body)}")
    reply = Reply(id=text_of(said.get("id")), model=text_of(said.get("model")), usage=usage_in(said))
    calls = 0
    for value in choices:
        choice = _parse_choice(value, said, calls)
        calls += sum(isinstance(part, ToolCall) for part in choice.parts)
        reply.choices.append(choice)
    reply.extra = extra_of(NAME, dict(leftover(said, KNOWN_OF_REPLY)))
    return reply


def _parse_choice(value: Any, reply: Mapping[str, Any], calls: int) -> Choice:
    if not isinstance(value, dict):
        raise RouterError("upstream_garbled", "answered 200 with a choice that is no object")
    message = value.get("message") or {"content": value.get("text")}
    if not isinstance(message, dict):
        raise RouterError("upstream_garbled", "answered 200 with a message that is no object")
    parts = _parse_message(message, reply, calls)
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    stop, sequence = stop_of(value, has_calls=has_calls)
    return Choice(parts=parts, stop=stop, stop_sequence=sequence, logprobs=logprobs_of(value) or None)


def stop_of(choice: Mapping[str, Any], *, has_calls: bool) -> tuple[StopReason, str | None]:
    """Why a choice ended, and the stop sequence where it is told. Raises RouterError where it failed."""
    finish = choice.get("finish_reason")
    if choice.get("error"):
        raise error_of(choice["error"], None)
    finish = finish.lower() if isinstance(finish, str) else None
    if finish in _BROKEN:
        raise trouble(500, f"broke off with the finish reason `{finish}`")
    sequence = choice.get("stop_reason")  # vLLM's
    stop = STOP_OF.get(finish or "", StopReason.END)
    if stop in (StopReason.END, StopReason.TOOL_CALLS):
        stop = StopReason.TOOL_CALLS if has_calls else StopReason.END
    if stop is StopReason.END and isinstance(sequence, str) and sequence:
        return StopReason.STOP_SEQUENCE, sequence
    return stop, None


def _parse_message(message: Mapping[str, Any], reply: Mapping[str, Any], calls: int) -> list[Part]:
    made = [_parse_call(value, reply, calls + at) for at, value in enumerate(_entries(message.get("tool_calls")))]
    function = message.get("function_call")
    if isinstance(function, dict):
        made.append(_parse_call({"function": function}, reply, calls + len(made)))
    make_unique(made, reply, calls)
    said = list(content_parts(message.get("content")))
    text = message.get("reasoning_content") or message.get("reasoning")
    thoughts, signatures = parse_thoughts(
        message.get("reasoning_details"), text if isinstance(text, str) else None, {call.id for call in made}
    )
    for call in made:
        call.signature = call.signature or signatures.get(call.id)
    said = without_echo(said, text_of(message.get("refusal")))
    parts: list[Part] = [*thoughts, *said, *images_of(message.get("images")), *made]
    sign(parts, parse_extra_content(message.get("extra_content")))
    rest = rest_of(message)
    return [*parts, beside(rest)] if rest else parts


def _parse_call(value: Mapping[str, Any], reply: Mapping[str, Any], number: int) -> ToolCall:
    kind = "custom" if isinstance(value.get("custom"), dict) else "function"
    inner = value.get(kind)
    inner = inner if isinstance(inner, dict) else {}
    arguments = arguments_of(inner.get("input" if kind == "custom" else "arguments"))
    return ToolCall(
        id=text_of(value.get("id")) or make_id(reply, number),
        name=text_of(inner.get("name")),
        arguments="" if arguments == "null" and kind == "function" else arguments,
        signature=parse_extra_content(value.get("extra_content")),
        extra={"type": kind} if kind == "custom" else {},
    )


def without_echo(said: list[Part], refusal: str) -> list[Part]:
    """What is said, and the refusal, once: those who can't show a refusal are told it as the content as well."""
    if not refusal:
        return said
    return [*(part for part in said if not (isinstance(part, Text) and part.text == refusal)), Refusal(refusal)]


def make_unique(calls: list[ToolCall], reply: Mapping[str, Any], number: int) -> None:
    """Give calls that share an id others."""
    seen: set[str] = set()
    for at, call in enumerate(calls):
        if call.id in seen:
            call.id = make_id(reply, number + at)
        seen.add(call.id)


def make_id(reply: Mapping[str, Any], number: int) -> str:
    """An id for a tool call that came without one: always the same in one reply, another in every other."""
    digest = hashlib.sha256(f"{reply.get('id')} {reply.get('created')}".encode()).hexdigest()
    return f"call_{digest[:16]}_{number}"


def content_parts(content: Any) -> list[Part]:
    """The parts of a `content`: a string, or Mistral's list of texts and thoughts. Neighbours are joined."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for entry in _entries(content):
        is_thought = entry.get("type") == "thinking"
        text = thought_text(entry) if is_thought else entry.get("text")
        if not isinstance(text, str):
            continue  # a reference to a document, say
        if parts and isinstance(parts[-1], Thinking if is_thought else Text):
            parts[-1].text += text
        elif text:
            parts.append(Thinking(text) if is_thought else Text(text))
    return parts


def thought_text(entry: Mapping[str, Any]) -> str:
    """The text of one of Mistral's thinking chunks (https://docs.mistral.ai/capabilities/reasoning/)."""
    inner = entry.get("thinking")
    if isinstance(inner, str):
        return inner
    texts = [each.get("text") for each in _entries(inner)]
    return "".join(text for text in texts if isinstance(text, str))


def images_of(values: Any) -> list[Part]:
    """OpenRouter's pictures (https://openrouter.ai/docs/features/multimodal/image-generation)."""
    images: list[Part] = []
    for entry in _entries(values):
        place = entry.get("image_url")
        url = place.get("url") if isinstance(place, dict) else place
        if not isinstance(url, str):
            continue
        found = parse_data_url(url)
        images.append(Media("image", media_type=found[0], data=found[1]) if found else Media("image", url=url))
    return images


_READ = frozenset({
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "tool_calls",
    "function_call",
    "images",
    "extra_content",
})
KNOWN = _READ | NOISE


def rest_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """What else a message or a delta says: `annotations`, `audio`, `executed_tools`, …"""
    return {name: each for name, each in message.items() if name not in KNOWN and each not in (None, "", [], {})}


def beside(rest: dict[str, Any]) -> Opaque:
    """What `rest_of` found, as a part."""
    return Opaque(NAME, rest, citations=citations.from_openai(rest.get("annotations")))


def arguments_of(value: Any) -> str:
    """The text of a call's arguments; some send the object itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def logprobs_of(choice: Mapping[str, Any]) -> list[Any]:
    """The `logprobs.content` of a choice."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else []


def text_of(value: Any) -> str:
    """A string, "" for everything else."""
    return value if isinstance(value, str) else ""


def _entries(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


# What is read of a reply: the message's own fields that nobody reads are parts.
_COUNTS = (
    "prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "prompt_cache_hit_tokens",
    "prompt_cache_miss_tokens", "cached_tokens", "num_cached_tokens",
)  # fmt: skip
_KNOWN_OF_USAGE = {
    **dict.fromkeys(_COUNTS, True),
    "prompt_tokens_details": dict.fromkeys(("cached_tokens", "cache_write_tokens", "cache_creation_tokens"), True),
    "completion_tokens_details": {"reasoning_tokens": True},
}
KNOWN_OF_CHOICE: Mapping[str, Any] = {
    **dict.fromkeys(("index", "finish_reason", "message", "delta", "text", "stop_reason", "error"), True),
    "logprobs": {"content": True},
}
KNOWN_OF_REPLY: Mapping[str, Any] = {
    **dict.fromkeys(("id", "object", "created", "model", "error"), True),
    "usage": _KNOWN_OF_USAGE,
    "x_groq": {"id": True, "usage": True, "error": True},
    "choices": [KNOWN_OF_CHOICE],
}


# Usage ----------------------------------------------------------------------------------------------------------


def usage_in(reply: Mapping[str, Any]) -> Usage | None:
    """The tokens that a reply or a chunk counts, in `usage` or where Groq has them."""
    usage = usage_of(reply.get("usage"))
    if usage is None and isinstance(groq := reply.get("x_groq"), dict):
        usage = usage_of(groq.get("usage"))
    return usage


def usage_of(said: Any) -> Usage | None:
    """The tokens of a `usage` object; None when it is none, or counts nothing.

    What the total has beyond prompt and completion was thought: xAI and Gemini leave that out of the completion.
    """
    if not isinstance(said, dict):
        return None
    prompt, completion = _count(said, "prompt_tokens"), _count(said, "completion_tokens")
    asked, answered = said.get("prompt_tokens_details"), said.get("completion_tokens_details")
    cached = _count(asked, "cached_tokens") or _first(
        said, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"
    )
    reasoning = _count(answered, "reasoning_tokens") or _count(said, "reasoning_tokens")
    apart = _count(said, "total_tokens") - prompt - completion
    if apart > 0:
        completion, reasoning = completion + apart, reasoning or apart
    written = _first(asked, "cache_write_tokens", "cache_creation_tokens")
    usage = Usage(prompt, completion, cached, reasoning, written)
    return usage if usage != _NOTHING else None


_NOTHING = Usage()


def _first(fields: Any, *names: str) -> int:
    return next((count for name in names if (count := _count(fields, name))), 0)


def _count(fields: Any, name: str) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 53 else 0
