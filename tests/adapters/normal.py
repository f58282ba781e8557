"""What of a chat every dialect can be held to: `normal` takes away what a dialect has no words for, and nothing else.

Each reduction is one row or one line with its reason, so that a loss which is not meant shows up as a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from routerd.chat.reply import Choice, Reply, StopReason, Usage
from routerd.chat.request import ChatRequest

END, CALLS, LENGTH = StopReason.END, StopReason.TOOL_CALLS, StopReason.LENGTH

# How a dialect says the stop reasons that it has no word for (v1-protocol.md, R11).
STOPS: Mapping[str, Mapping[StopReason, StopReason]] = {
    "openai": {StopReason.STOP_SEQUENCE: END, StopReason.CONTEXT: LENGTH, StopReason.PAUSED: LENGTH},
    "anthropic": {},
    "gemini": {StopReason.STOP_SEQUENCE: END, StopReason.CONTEXT: LENGTH, StopReason.PAUSED: LENGTH},
}

# The counts of tokens that a dialect tells apart.
COUNTS: Mapping[str, Collection[str]] = {
    "openai": ("prompt", "completion", "cached", "reasoning", "cache_write"),
    "anthropic": ("prompt", "completion", "cached", "reasoning", "cache_write"),
    "gemini": ("prompt", "completion", "cached", "reasoning"),
}


def normal_reply(reply: Reply, *dialects: str) -> list[dict[str, Any]]:
    """What is left of a reply, choice by choice, when it has gone through these dialects."""
    choices = reply.choices
    if "anthropic" in dialects:  # it knows one answer
        choices = choices[:1]
    return [_normal_choice(choice, dialects) for choice in choices]


def normal_usage(usage: Usage | None, *dialects: str) -> dict[str, int] | None:
    """The counts that every one of the dialects tells."""
    told = [name for name in Usage.__struct_fields__ if all(name in COUNTS[dialect] for dialect in dialects)]
    return None if usage is None else {name: getattr(usage, name) for name in told}


def _normal_choice(choice: Choice, dialects: Collection[str]) -> dict[str, Any]:
    parts = [part for part in choice.parts if not _is_unsayable(part, dialects)]
    stop = choice.stop
    for dialect in dialects:
        stop = STOPS[dialect].get(stop, stop)
    return {
        "thinking": _joined(part.text for part in parts if isinstance(part, Thinking)),
        "signatures": [
            (part.signature.family, part.signature.value)
            for part in parts
            if isinstance(part, Thinking | ToolCall) and part.signature and _is_kept(part, dialects)
        ],
        "said": _joined(part.text for part in parts if isinstance(part, Text | Refusal)),
        "calls": [(part.name, decoded(part.arguments)) for part in parts if isinstance(part, ToolCall)],
        "ids": [part.id for part in parts if isinstance(part, ToolCall)],
        "media": [(part.kind, part.data or part.url) for part in parts if isinstance(part, Media)],
        "opaque": _blocks(part for part in parts if isinstance(part, Opaque)),
        "stop": stop.name,
    }


def _is_unsayable(part: Part, dialects: Collection[str]) -> bool:
    """Blocks are their own dialect's; and Anthropic has no pictures in a reply."""
    if isinstance(part, Opaque):
        return any(part.dialect != dialect for dialect in dialects)
    return isinstance(part, Media) and "anthropic" in dialects


def _is_kept(part: Thinking | ToolCall, dialects: Collection[str]) -> bool:
    """A signed call has no place in Anthropic's dialect: the router keeps the signature by the call's id."""
    return isinstance(part, Thinking) or "anthropic" not in dialects


def _blocks(parts: Iterable[Opaque]) -> list[Any]:
    """The blocks; of OpenAI's dialect, whose messages are one object, all that they say together."""
    merged: dict[str, Any] = {}
    blocks: list[Any] = [merged]
    for part in parts:
        if part.dialect != "openai":
            blocks.append(part.raw)
            continue
        for name, value in part.raw.items():
            merged[name] = merged[name] + value if isinstance(merged.get(name), list) else merged.get(name, value)
    return blocks


def _joined(texts: Any) -> str:
    return "".join(texts)


def decoded(arguments: str) -> Any:
    """What the arguments of a call say; none is an empty object."""
    return msgspec.json.decode(arguments or "{}")


# Requests -------------------------------------------------------------------------------------------------------


def normal_request(request: ChatRequest, lost: Collection[str] = ()) -> dict[str, Any]:
    """What the messages and tools of a request say, without the places that are declared lost."""
    said = list(_said(request, lost))
    return {
        "system": [line for line in said if line[0] == "system" and line[2] not in OURS],
        "talk": _in_order([line for line in said if line[0] != "system"]),
        "tools": [(each.name, each.description or "", each.schema) for each in request.tools if each.name not in OURS],
    }


OURS = ("routerd_reply", "Reply with one JSON object and nothing else.")
"""What Anthropic is made to answer JSON with where no schema says which: a tool, or beside other tools a wish."""


def unsaid(request: ChatRequest, again: ChatRequest, lost: Collection[str], *names: str) -> dict[str, Any]:
    """The options among `names` that were asked for, and neither came through nor are declared lost."""
    asked = {name: getattr(request, name) for name in names if request.pointer(name) not in lost}
    return {name: value for name, value in asked.items() if value is not None and getattr(again, name) != value}


def _said(request: ChatRequest, lost: Collection[str]) -> Iterator[tuple[Any, ...]]:
    """Each thing that the messages say, in order; a call and its result by the call's number."""
    numbers: dict[str, int] = {}
    for message in request.messages:
        for part in message.parts:
            if any(part.at == place or part.at.startswith(f"{place}/") for place in lost):
                continue
            if isinstance(part, ToolCall):
                numbers[part.id] = len(numbers)
            line = _line(part, numbers)
            if line is not None:
                yield message.role, *line


def _line(part: Part, numbers: Mapping[str, int]) -> tuple[Any, ...] | None:
    match part:
        case Text() | Refusal() if part.text.strip():
            return "text", part.text.strip()
        case Thinking():
            return "thinking", part.text
        case ToolCall():
            return "call", part.name, decoded(part.arguments)
        case ToolResult():
            return "result", numbers[part.id], part.is_error, *(_line(each, numbers) for each in part.parts)
        case Media():
            return part.kind, part.data or part.url or part.file_id or part.text
        case Opaque():
            return "opaque", part.raw
    return None


def _in_order(lines: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The lines with the results of one turn in the order of their calls: a dialect that has no ids needs that."""
    ordered: list[tuple[Any, ...]] = []
    for is_result, group in groupby(lines, key=lambda line: line[1] == "result"):
        turn = list(group)
        ordered += sorted(turn, key=lambda line: int(line[2])) if is_result else turn
    return ordered
