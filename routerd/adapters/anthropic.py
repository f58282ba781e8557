"""Anthropic's Messages API: the adapter.

What callers ask is read in `anthropic_asked`, and asked of a model by `anthropic_request`; what models reply is read in
`anthropic_reply`, and answered to callers by `anthropic_answer`.

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.adapters import sse
from routerd.adapters.anthropic_errors import error_of, error_status, parse_error, render_error
from routerd.adapters.anthropic_words import FAMILY, KEEP_ALIVE, NAME, PATH
from routerd.adapters.base import CONTENT, DONE, NOTHING, UNREADABLE, Sign
from routerd.adapters.late import Late
from routerd.adapters.trouble import excerpt
from routerd.errors import RouterError

if TYPE_CHECKING:
    from routerd.adapters.anthropic_answer import Renderer as stream_renderer
    from routerd.adapters.anthropic_answer import render_reply
    from routerd.adapters.anthropic_asked import parse_request
    from routerd.adapters.anthropic_history import goes_as_it_is
    from routerd.adapters.anthropic_reply import Parser as stream_parser
    from routerd.adapters.anthropic_reply import parse_reply, parse_whole
    from routerd.adapters.anthropic_request import render_request

__getattr__ = Late(
    globals(),
    {
        "goes_as_it_is": "anthropic_history.goes_as_it_is",
        "parse_reply": "anthropic_reply.parse_reply",
        "parse_request": "anthropic_asked.parse_request",
        "parse_whole": "anthropic_reply.parse_whole",
        "render_reply": "anthropic_answer.render_reply",
        "render_request": "anthropic_request.render_request",
        "stream_parser": "anthropic_reply.Parser",
        "stream_renderer": "anthropic_answer.Renderer",
    },
)
load = __getattr__.load

HEADERS: Mapping[str, str] = MappingProxyType({"anthropic-version": "2023-06-01"})
FORWARDED = frozenset({b"anthropic-version", b"anthropic-beta"})
COMMENTS = True
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # Anthropic itself takes 128 by now; not all platforms do


def base_path(path: str) -> str:
    """The base path with the API's version, which Anthropic's own base URL leaves out."""
    return path if path.endswith("/v1") else f"{path}/v1"


def call_path(model: str, is_stream: bool) -> str:
    """The same for every model."""
    return PATH


_CONTENT = frozenset({"content_block_start", "content_block_delta", "message_delta"})


def read_event(event: bytes) -> Sign | RouterError:
    """What one event of a stream means for an attempt that waits for its first content.

    A block's start counts but for texts and thoughts, which start empty.
    """
    data = sse.payload(event)
    if not data:
        return NOTHING
    try:
        said = msgspec.json.decode(data)
    except UNREADABLE:
        said = None
    if not isinstance(said, dict):
        return RouterError("upstream_garbled", f"streamed what is no event: {excerpt(data)}")
    kind = said.get("type")
    kind = kind if isinstance(kind, str) else None
    if kind == "error" or (said.get("error") and kind is None):
        return error_of(said, None)
    if kind == "message_stop":
        return DONE
    return CONTENT if kind in _CONTENT and not _is_empty_start(said) else NOTHING


def _is_empty_start(said: dict[str, Any]) -> bool:
    block = said.get("content_block")
    return isinstance(block, dict) and block.get("type") in ("text", "thinking")


__all__ = [
    "COMMENTS",
    "FAMILY",
    "FORWARDED",
    "HEADERS",
    "KEEP_ALIVE",
    "NAME",
    "TOOL_NAME",
    "base_path",
    "call_path",
    "error_status",
    "goes_as_it_is",
    "load",
    "parse_error",
    "parse_reply",
    "parse_request",
    "parse_whole",
    "read_event",
    "render_error",
    "render_reply",
    "render_request",
    "stream_parser",
    "stream_renderer",
]
