"""OpenAI chat completions, as callers and as providers speak it, and what the relay has to know of the format.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.adapters import sse
from routerd.adapters.base import CONTENT, DONE, NOTHING, UNREADABLE, Sign
from routerd.adapters.late import Late
from routerd.adapters.openai_errors import error_of, error_status, parse_error, render_error
from routerd.adapters.openai_words import DONE_EVENT, NAME, PATH
from routerd.adapters.trouble import excerpt
from routerd.chat.reply import Usage
from routerd.errors import RouterError

if TYPE_CHECKING:
    from routerd.adapters.openai_answer import StreamRenderer as stream_renderer
    from routerd.adapters.openai_answer import render_reply
    from routerd.adapters.openai_asked import parse_request
    from routerd.adapters.openai_reply import parse_reply
    from routerd.adapters.openai_request import render_request
    from routerd.adapters.openai_stream import StreamParser as stream_parser

__all__ = [
    "COMMENTS", "DONE_EVENT", "FAMILY", "FORWARDED", "HEADERS", "KEEP_ALIVE", "NAME", "PATH", "TOOL_NAME", "base_path",
    "call_path", "error_of", "error_status", "goes_as_it_is", "is_complete", "is_usage_chunk", "load", "parse_error",
    "parse_reply", "parse_request", "parse_usage", "parse_whole", "read_event", "relay_changes", "render_error",
    "render_reply", "render_request", "replay", "stream_parser", "stream_renderer",
]  # fmt: skip

__getattr__ = Late(
    globals(),
    {
        "parse_reply": "openai_reply.parse_reply",
        "parse_request": "openai_asked.parse_request",
        "render_reply": "openai_answer.render_reply",
        "render_request": "openai_request.render_request",
        "stream_parser": "openai_stream.StreamParser",
        "stream_renderer": "openai_answer.StreamRenderer",
    },
)
load = __getattr__.load

FAMILY = "openai"
HEADERS: Mapping[str, str] = MappingProxyType({})
FORWARDED = frozenset({b"openai-beta"})
KEEP_ALIVE = b": routerd\n\n"
COMMENTS = True
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_DELTAS = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
    "images",
)


def base_path(path: str) -> str:
    """A base URL's path as it is: OpenAI's has its version in it."""
    return path


def call_path(model: str, is_stream: bool) -> str:
    """What follows the base path in the URL that `model` is asked at."""
    return PATH


def goes_as_it_is(fields: Mapping[str, msgspec.Raw], model: str) -> bool:
    """Always: nothing in a history of this dialect is signed."""
    return True


# Replies that are relayed ---------------------------------------------------------------------------------------


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Whole(msgspec.Struct):
    choices: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def parse_whole(body: bytes) -> Usage | None:
    """Check a 200's body and return its usage, if it tells any. Raises RouterError when it is no reply."""
    try:
        body.isascii() or body.decode()
        reply = _decode_whole(body)
    except UNREADABLE:
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}") from None
    if reply.error:
        raise error_of(reply.error, None)
    if not len(reply.choices):
        raise RouterError("upstream_garbled", f"answered 200 without `choices`: {excerpt(body)}")
    return parse_usage(reply.usage) if len(reply.usage) else None


def parse_usage(raw: msgspec.Raw | bytes) -> Usage | None:
    """The tokens that a `usage` object counts; None when it is not such an object."""
    try:
        said = _decode_usage(raw)
    except UNREADABLE:
        return _odd_usage(raw)
    if said.prompt_tokens + said.completion_tokens != said.total_tokens or said.prompt_tokens_details is None:
        return _odd_usage(raw)
    answered = said.completion_tokens_details
    return Usage(
        said.prompt_tokens,
        said.completion_tokens,
        said.prompt_tokens_details.cached_tokens or 0,
        (answered.reasoning_tokens or 0) if answered else 0,
        said.prompt_tokens_details.cache_write_tokens or 0,
    )


def _odd_usage(raw: msgspec.Raw | bytes) -> Usage | None:
    """As `parse_usage`, of one that is not just as OpenAI's: vendors have many ways to count."""
    from routerd.adapters.openai_reply import usage_of

    try:
        return usage_of(msgspec.json.decode(raw))
    except UNREADABLE:
        return None


def read_event(event: bytes) -> Sign | RouterError:
    """What one event of a stream means for the attempt: NOTHING yet, first CONTENT, DONE, or an error."""
    data = sse.payload(event)
    if not data:
        return NOTHING
    if data == b"[DONE]":
        return DONE
    try:
        chunk = msgspec.json.decode(data)
    except UNREADABLE:
        return RouterError("upstream_garbled", f"streamed what is no event: {excerpt(data)}")
    if not isinstance(chunk, dict):
        return RouterError("upstream_garbled", f"streamed what is no event: {excerpt(data)}")
    if chunk.get("error"):
        return error_of(chunk["error"], None)
    return CONTENT if any(map(_has_content, _choices(chunk))) else NOTHING


def is_complete(event: bytes) -> bool:
    """Whether an event whose blank line never came says something whole."""
    data = sse.payload(event)
    try:
        return data.strip() == b"[DONE]" or bool(msgspec.json.decode(data))
    except UNREADABLE:
        return False


def is_usage_chunk(event: bytes) -> tuple[bool, Usage | None]:
    """Whether an event is the closing usage chunk (`choices` empty), and the usage that it tells."""
    try:
        chunk = _decode_whole(sse.payload(event))
    except UNREADABLE:
        return False, None
    usage = parse_usage(chunk.usage) if len(chunk.usage) else None
    return usage is not None and bytes(chunk.choices).translate(None, b" \t\r\n") in (b"[]", b"null", b""), usage


def _choices(chunk: dict[str, Any]) -> Sequence[Any]:
    choices = chunk.get("choices")
    return choices if isinstance(choices, list) else ()


def _has_content(choice: Any) -> bool:
    if not isinstance(choice, dict):
        return False
    delta = choice.get("delta")
    if isinstance(delta, dict) and any(delta.get(name) for name in _DELTAS):
        return True
    return bool(choice.get("finish_reason") or choice.get("text"))


def replay(body: bytes, *, with_usage: bool) -> bytes:
    """The stream that says the same as a whole reply: for providers that answer plain JSON to `stream: true`."""
    try:
        return _replay(msgspec.json.decode(body), with_usage)
    except (AttributeError, TypeError, ValueError):
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {excerpt(body)}") from None


def _replay(reply: dict[str, Any], with_usage: bool) -> bytes:
    common = {key: value for key, value in reply.items() if key not in ("choices", "usage", "object")}
    common["object"] = "chat.completion.chunk"
    chunks: list[dict[str, Any]] = []
    for choice in _choices(reply):
        index, message = choice.get("index", 0), dict(choice.get("message") or {})
        for position, call in enumerate(message.get("tool_calls") or ()):
            call.setdefault("index", position)
        chunks.append({**common, "choices": [{"index": index, "delta": message, "finish_reason": None}]})
        finish = choice.get("finish_reason") or "stop"
        chunks.append({**common, "choices": [{"index": index, "delta": {}, "finish_reason": finish}]})
    if with_usage and reply.get("usage"):
        chunks.append({**common, "choices": [], "usage": reply["usage"]})
    return b"".join([*(sse.render_event(msgspec.json.encode(chunk)) for chunk in chunks), DONE_EVENT])


# Requests that are relayed --------------------------------------------------------------------------------------

_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_USAGE_WANTED = b'{"include_usage":true}'


def relay_changes(
    fields: Mapping[str, Any], model: str, stream_options: Any, quirks: Mapping[str, Any]
) -> dict[str, bytes | None]:
    """What a relayed request says differently: its model, usage wanted at a stream's end, the vendor's field names.

    `fields` are the request's raw top-level fields; `stream_options` is that field decoded when the request streams,
    else None. The values are raw JSON; None takes a field out.
    """
    changes: dict[str, bytes | None] = {"model": msgspec.json.encode(model)}
    if stream_options is not None:
        if not quirks.get("stream_options", True):
            changes["stream_options"] = None
        elif not stream_options.get("include_usage"):
            wanted = {**stream_options, "include_usage": True}
            changes["stream_options"] = msgspec.json.encode(wanted) if stream_options else _USAGE_WANTED
    if (name := quirks.get("max_tokens_field")) is not None:
        other = _OTHER_NAME[name]
        if other in fields and name not in fields:
            changes |= {name: bytes(fields[other]), other: None}
    return changes
