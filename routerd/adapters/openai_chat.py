"""OpenAI chat completions: what the relay has to know of the format, and its errors.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routerd.adapters import sse
from routerd.adapters.base import CONTENT, DONE, NOTHING, UNREADABLE, Headers, Sign
from routerd.adapters.retry_after import retry_after
from routerd.chat.reply import Usage
from routerd.errors import RouterError

PATH = "/chat/completions"
DONE_EVENT = b"data: [DONE]\n\n"
KEEP_ALIVE = b": routerd\n\n"

_DELTAS = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
)
_EMPTY_WALLET = re.compile(
    r"insufficient[_ ](quota|balance|funds|credits?)|credit balance is too low|exceeded your current quota"
    r"|billing_hard_limit",
    re.I,
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|prompt is too long|input token count exceeds"
    r"|exceeds? the (model'?s )?(maximum )?context|context window",
    re.I,
)


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = 0


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Whole(msgspec.Struct):
    choices: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_usage = msgspec.json.Decoder(_Usage | None).decode


def parse_whole(body: bytes) -> Usage | None:
    """Check a 200's body and return its usage, if it tells any. Raises RouterError when it is no reply."""
    try:
        body.isascii() or body.decode()
        reply = _decode_whole(body)
    except UNREADABLE:
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {_excerpt(body)}") from None
    if reply.error:
        raise error_of(reply.error, None)
    if not len(reply.choices):
        raise RouterError("upstream_garbled", f"answered 200 without `choices`: {_excerpt(body)}")
    return parse_usage(reply.usage) if len(reply.usage) else None


def parse_usage(raw: msgspec.Raw | bytes) -> Usage | None:
    """The tokens that a `usage` object counts; None when it is not such an object."""
    try:
        usage = _decode_usage(raw)
    except msgspec.DecodeError:
        return None
    if usage is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        (prompt.cached_tokens or 0) if prompt else 0,
        (completion.reasoning_tokens or 0) if completion else 0,
    )


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
        return RouterError("upstream_garbled", f"streamed what is no event: {_excerpt(data)}")
    if not isinstance(chunk, dict):
        return RouterError("upstream_garbled", f"streamed what is no event: {_excerpt(data)}")
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
        raise RouterError("upstream_garbled", f"answered 200 with what is no reply: {_excerpt(body)}") from None


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


# Errors ---------------------------------------------------------------------------------------------------------


def parse_error(status: int, headers: Headers, body: bytes) -> RouterError:
    """What an upstream's answer other than 200 means. HTML and empty bodies survive."""
    try:
        decoded = msgspec.json.decode(body)
    except UNREADABLE:
        decoded = None
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    said = decoded.get("error", decoded) if isinstance(decoded, dict) else None
    error = error_of(said if said else _excerpt(body), status)
    error.retry_after = retry_after(headers)
    return error


def error_of(said: Any, status: int | None) -> RouterError:
    """The RouterError for an `error` object (or string); `status` None: it came inside a 200."""
    fields = said if isinstance(said, dict) else {"message": said}
    message, type_, code = (_text(fields.get(name)) for name in ("message", "type", "code"))
    status = status or _status_within(fields)
    kind = _kind(status, f"{code} {type_} {message}")
    rejected = kind in ("upstream_rejected", "context_length")
    return RouterError(
        kind,
        message or f"HTTP {status}",
        param=_text(fields.get("param")) if rejected else None,
        status=status if kind == "upstream_rejected" and 400 <= status < 500 else None,
        type=type_ if rejected else None,
        code=code if kind == "upstream_rejected" and not _is_number(code) else None,
        upstream_status=status,
    )


_STATUSES = frozenset(map(str, range(400, 600)))

_STATUS_OF_TYPE: Mapping[str, int] = {
    "rate_limit": 429,
    "overloaded": 529,
    "invalid_request": 400,
    "authentication": 401,
    "permission": 403,
    "timeout": 504,
}


def _status_within(fields: dict[str, Any]) -> int:
    """The status an error inside a 200 stands for: its number if it has one, else what its type says, else 500."""
    for name in ("code", "status"):
        value = fields.get(name)
        if str(value) in _STATUSES:
            return int(str(value))
    words = f"{fields.get('type')} {fields.get('code')}"
    return next((status for word, status in _STATUS_OF_TYPE.items() if word in words), 500)


_KIND_OF_STATUS: Mapping[int, str] = {
    401: "upstream_credentials", 403: "upstream_credentials", 402: "upstream_exhausted", 408: "upstream_timeout",
    429: "upstream_rate_limited",
}  # fmt: skip


def _kind(status: int, words: str) -> str:
    if 400 <= status < 500 and _EMPTY_WALLET.search(words):
        return "upstream_exhausted"
    if status in (400, 413, 422) and _TOO_LONG.search(words):
        return "context_length"
    if status == 404 and "model" in words.lower():
        return "upstream_exhausted"
    if status >= 500:
        return "upstream_overloaded"
    if status < 400:
        return "upstream_garbled"
    return _KIND_OF_STATUS.get(status, "upstream_rejected")


def render_error(error: RouterError) -> bytes:
    """The body that says an error in this dialect."""
    said = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": said})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _is_number(code: str | None) -> bool:
    return code is None or code.lstrip("-").isdigit()


def _excerpt(body: bytes) -> str:
    text = " ".join(re.sub(r"<[^>]*>", " ", body[:2000].decode("utf-8", "replace")).split())
    return text[:200] if text else "an empty body"


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
