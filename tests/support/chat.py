"""Replies of an OpenAI-compatible provider, composed from the public API reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support import sse
from tests.support.reply import Headers, Reply, Step, event_stream, whole
from tests.support.wire import Request

ID = "chatcmpl-0001"
CREATED = 1_790_000_000
MODEL = "upstream-model"
USAGE_PROMPT = 11
USAGE_COMPLETION = 7
USAGE = {
    "prompt_tokens": USAGE_PROMPT,
    "completion_tokens": USAGE_COMPLETION,
    "total_tokens": USAGE_PROMPT + USAGE_COMPLETION,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


@dataclass(frozen=True)
class ToolCall:
    """A call of a function; `arguments` is an object, or text exactly as the model wrote it."""

    name: str
    arguments: Any
    id: str = "call_0001"

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


def completion(
    text: str | None = "Hello there.",
    *,
    calls: Sequence[ToolCall] = (),
    model: str = MODEL,
    usage: Any = USAGE,
    finish: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """A whole `chat.completion` object; `extra` goes into its message."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, **extra}
    if calls:
        message["tool_calls"] = [_whole_call(call) for call in calls]
    reason = finish or ("tool_calls" if calls else "stop")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    frame = {"id": ID, "object": "chat.completion", "created": CREATED, "model": model}
    return {**frame, "choices": [choice], "usage": usage}


def _whole_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}


def delta(*, finish: str | None = None, model: str = MODEL, **fields: Any) -> dict[str, Any]:
    """One `chat.completion.chunk` whose delta holds `fields`."""
    choice = {"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish}
    return {"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": [choice]}


def usage_chunk(usage: Any = USAGE, *, model: str = MODEL) -> dict[str, Any]:
    """The chunk without choices that follows the finish when usage was asked for."""
    return {**delta(model=model), "choices": [], "usage": usage}


def chunks(
    pieces: Iterable[str] = ("Hello", " there", "."),
    *,
    calls: Sequence[ToolCall] = (),
    finish: str | None = None,
    usage: Any = None,
    model: str = MODEL,
) -> list[dict[str, Any]]:
    """The chunks of a stream: the role, the text in pieces, each call in pieces, the finish, usage when it is given."""
    story = [delta(role="assistant", content="" if not calls else None, model=model)]
    story += [delta(content=piece, model=model) for piece in pieces]
    for index, call in enumerate(calls):
        story += [delta(tool_calls=[part], model=model) for part in _call_parts(index, call)]
    story.append(delta(finish=finish or ("tool_calls" if calls else "stop"), model=model))
    return story + ([usage_chunk(usage, model=model)] if usage else [])


def _call_parts(index: int, call: ToolCall, size: int = 7) -> list[dict[str, Any]]:
    named = {"name": call.name, "arguments": ""}
    first = {"index": index, "id": call.id, "type": "function", "function": named}
    pieces = [call.text[start : start + size] for start in range(0, len(call.text), size)]
    return [first] + [{"index": index, "function": {"arguments": piece}} for piece in pieces]


def events(payloads: Iterable[Any], *, done: bool = True, newline: str = "\n") -> list[bytes]:
    """Chunks as server-sent events, one bytes piece each."""
    return [sse.encode(payload, newline=newline) for payload in [*payloads, *([sse.DONE] if done else [])]]


def stream(
    pieces: Iterable[str] = ("Hello", " there", "."),
    *,
    calls: Sequence[ToolCall] = (),
    usage: Any = None,
    finish: str | None = None,
    done: bool = True,
    newline: str = "\n",
    headers: Headers = (),
) -> Reply:
    """A whole streamed reply, one write per event."""
    payloads = chunks(pieces, calls=calls, usage=usage, finish=finish)
    return event_stream(*events(payloads, done=done, newline=newline), headers=headers)


def begun(*steps: Step | bytes, pieces: Sequence[str] = ("Hello", " there"), ended: bool = False) -> Reply:
    """A stream that has said the role and `pieces`, then does `steps`; no finish of its own, no `[DONE]`."""
    role = delta(role="assistant", content="")
    start = events([role, *(delta(content=piece) for piece in pieces)], done=False)
    return event_stream(*start, *steps, ended=ended)


def error_body(message: str, type: str = "server_error", code: str | None = None) -> dict[str, Any]:
    """The error object of the OpenAI dialect."""
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def error(
    status: int, message: str = "It broke.", *, type: str = "server_error", code: str | None = None,
    headers: Headers = (),
) -> Reply:  # fmt: skip
    """An error reply in the OpenAI shape."""
    return whole(error_body(message, type, code), status, headers)


def error_event(message: str = "It broke in the middle.", code: Any = "server_error") -> bytes:
    """An error inside a 200 stream."""
    return sse.encode({"error": {"message": message, "type": "server_error", "code": code}})


def says(text: str = "Hello there.", *, calls: Sequence[ToolCall] = (), request: Request, usage: Any = USAGE) -> Reply:
    """What a well-behaved provider answers: streamed if asked for, with usage if asked for, model as requested."""
    body = request.json()
    model = body["model"]
    if not body.get("stream"):
        return whole(completion(text or None, calls=calls, model=model, usage=usage))
    wanted = (body.get("stream_options") or {}).get("include_usage")
    pieces = [text[start : start + 6] for start in range(0, len(text), 6)]
    payloads = chunks(pieces, calls=calls, usage=usage if wanted else None, model=model)
    return event_stream(*events(payloads))


def good(request: Request) -> Reply:
    """An upstream's `answer` that is always well."""
    return says(request=request)


def good_at_once(request: Request) -> Reply:
    """The same in one write: an end that comes late may find its connection given up, and the next one is another."""
    return good(request).at_once()
