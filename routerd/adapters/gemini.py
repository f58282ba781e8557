"""Google's Gemini API: generateContent and streamGenerateContent, as callers and as Google speak it.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from routerd.adapters.gemini_errors import error_status, parse_error, render_error
from routerd.adapters.gemini_words import FAMILY, FOREIGN_SIGNATURE, NAME, call_path
from routerd.adapters.late import Late

if TYPE_CHECKING:
    from routerd.adapters.gemini_answer import render_reply, stream_renderer
    from routerd.adapters.gemini_asked import parse_request
    from routerd.adapters.gemini_history import goes_as_it_is
    from routerd.adapters.gemini_reply import Stream as stream_parser
    from routerd.adapters.gemini_reply import parse_reply, parse_whole, read_event
    from routerd.adapters.gemini_request import render_request

__all__ = [
    "COMMENTS", "FAMILY", "FOREIGN_SIGNATURE", "FORWARDED", "HEADERS", "KEEP_ALIVE", "NAME", "TOOL_NAME", "base_path",
    "call_path", "error_status", "goes_as_it_is", "load", "parse_error", "parse_reply", "parse_request", "parse_whole",
    "read_event", "render_error", "render_reply", "render_request", "stream_parser", "stream_renderer",
]  # fmt: skip

__getattr__ = Late(
    globals(),
    {
        "goes_as_it_is": "gemini_history.goes_as_it_is",
        "parse_reply": "gemini_reply.parse_reply",
        "parse_request": "gemini_asked.parse_request",
        "parse_whole": "gemini_reply.parse_whole",
        "read_event": "gemini_reply.read_event",
        "render_reply": "gemini_answer.render_reply",
        "render_request": "gemini_request.render_request",
        "stream_parser": "gemini_reply.Stream",
        "stream_renderer": "gemini_answer.stream_renderer",
    },
)
load = __getattr__.load

HEADERS: Mapping[str, str] = MappingProxyType({})
FORWARDED: frozenset[bytes] = frozenset()
# @google/genai up to 1.x (in gemini-cli) matches `data:` at the beginning of what it holds, and google-genai for Python
# takes every other line for the JSON of an error: a comment, or anything beside chunks, ends the stream for both.
KEEP_ALIVE = b""
COMMENTS = False
TOOL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")

_VERSIONED = re.compile(r"/v\d+((alpha|beta)\d*)?$|/publishers/[^/]+$")


def base_path(path: str) -> str:
    """A base URL's path with the version where it is missing; on Vertex models are below a publisher."""
    return path if _VERSIONED.search(path) else f"{path}/v1beta"
