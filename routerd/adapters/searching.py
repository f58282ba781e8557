"""Searching the web, which each vendor's own servers do, as each dialect asks for it.

Source: https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat (`web_search_options`, of search models),
https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool,
https://ai.google.dev/gemini-api/docs/google-search
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from routerd.adapters.base import Losses, escape
from routerd.chat.request import ChatRequest, Tool

OPTIONS = "/web_search_options"
"""Where OpenAI has it."""


class Search(Struct):
    """That the web may be searched. `place` is roughly where the user is; `fields` are all other wishes, by pointer.

    `place_at` points to the place, `at` to the whole.
    """

    at: str
    place: dict[str, Any] | None
    place_at: str
    fields: list[str]

    def lose(self, losses: Losses, *, has_place: bool) -> None:
        """Declare lost what another vendor can't be told."""
        losses.add(*self.fields)
        if self.place is not None and not has_place:
            losses.add(self.place_at)


def asked(request: ChatRequest) -> Search | None:
    """What a request of any dialect says of it; None when it says nothing."""
    options = request.extra.get(OPTIONS)
    if request.dialect == "openai" and isinstance(options, dict):
        return _of_openai(options)
    return next(_tools(request), None)


def is_search(tool: Tool) -> bool:
    """Whether a vendor's own tool is the search of the web."""
    return tool.raw is not None and ("googleSearch" in tool.raw or str(tool.raw.get("type")).startswith("web_search_2"))


def _of_openai(options: dict[str, Any]) -> Search:
    location = options.get("user_location")
    place = location.get("approximate") if isinstance(location, dict) else None
    fields = [f"{OPTIONS}/{escape(name)}" for name in options if name != "user_location"]
    return Search(OPTIONS, place if isinstance(place, dict) else None, f"{OPTIONS}/user_location", fields)


def _tools(request: ChatRequest) -> Iterator[Search]:
    for tool in request.tools:
        if tool.raw is None or not is_search(tool):
            continue
        wishes = tool.raw.get("googleSearch", tool.raw)
        wishes = wishes if isinstance(wishes, dict) else {}
        location, place = wishes.get("user_location"), None
        if isinstance(location, dict):
            place = {name: each for name, each in location.items() if name != "type"}
        known = ("type", "name", "user_location")
        fields = [f"{tool.at}/{escape(name)}" for name in wishes if name not in known]
        yield Search(tool.at, place, f"{tool.at}/user_location", fields)
