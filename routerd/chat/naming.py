"""Names of tools for a provider that takes fewer signs or letters than the caller's: told it as others, and told back.

Claude Code puts a server's name before each of its tools and comes to more than 64 letters, Gemini CLI leaves dots in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from msgspec import structs

from routerd.chat.events import Event, PartStarted
from routerd.chat.parts import Part, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message

_KEPT = 50  # letters of a name that are told, before what makes it unique
_ODD = re.compile(r"[^a-zA-Z0-9_-]")


def fitting(request: ChatRequest, legal: re.Pattern[str]) -> tuple[ChatRequest, Mapping[str, str]]:
    """The request with names that `legal` matches whole, and what each that is new stands for.

    The very same request where nothing has to be renamed. The same name always becomes the same.
    """
    new = {name: _new(name, legal) for name in dict.fromkeys(_names(request)) if not legal.fullmatch(name)}
    if not new:
        return request, {}
    choice = request.tool_choice
    told = structs.replace(
        request,
        messages=[_message(message, new) for message in request.messages],
        tools=[structs.replace(tool, name=new.get(tool.name, tool.name)) for tool in request.tools],
        tool_choice=choice and structs.replace(choice, names=[new.get(name, name) for name in choice.names]),
    )
    return told, {theirs: ours for ours, theirs in new.items()}


def _names(request: ChatRequest) -> Iterator[str]:
    """Every name of a function; a vendor's own tool has the one that the vendor gave it."""
    yield from (tool.name for tool in request.tools if tool.raw is None)
    for message in request.messages:
        yield from (part.name for part in message.parts if isinstance(part, ToolCall | ToolResult) and part.name)


def _new(name: str, legal: re.Pattern[str]) -> str:
    made = f"{_ODD.sub('_', name)[:_KEPT]}_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return made if legal.fullmatch(made) else f"_{made}"


def _message(message: Message, new: Mapping[str, str]) -> Message:
    return structs.replace(message, parts=[_part(part, new) for part in message.parts])


def _part(part: Part, new: Mapping[str, str]) -> Part:
    if isinstance(part, ToolCall | ToolResult) and part.name is not None and part.name in new:
        return structs.replace(part, name=new[part.name])
    return part


def told_back(events: Iterable[Event], names: Mapping[str, str]) -> list[Event]:
    """A reply's events with the caller's names in them; `names` as `fitting` gives them."""
    return [
        structs.replace(event, part=_part(event.part, names)) if isinstance(event, PartStarted) else event
        for event in events
    ]


def parts_told_back(parts: Iterable[Part], names: Mapping[str, str]) -> list[Part]:
    """The same of a whole reply's parts."""
    return [_part(part, names) for part in parts]
