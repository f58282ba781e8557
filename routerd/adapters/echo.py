"""The built-in provider that needs no network: it says the last user message back, or fails on purpose.

Pure: `script` turns a request and a random source into steps, which the proxy plays as if a provider had sent them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from routerd.adapters import sse
from routerd.adapters.base import Headers
from routerd.adapters.openai_words import DONE_EVENT

_TOKEN = re.compile(r"\w+|[^\w\s]")
_JSON: Headers = [(b"content-type", b"application/json")]
_SSE: Headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
_CREATED = 1_700_000_000  # a constant: the echo provider answers the same every time


@dataclass(frozen=True, slots=True)
class HeadStep:
    """The reply's head."""

    status: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class DataStep:
    """Some bytes of the reply, `delay` seconds after the step before."""

    data: bytes
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class EndStep:
    """`end`: the reply is complete; `cut`: the connection is lost; `stall`: nothing comes any more."""

    how: str


Step = HeadStep | DataStep | EndStep


def script(request: Mapping[str, Any], settings: Mapping[str, Any], rng: random.Random) -> Iterator[Step]:
    """The steps of one reply to a chat completion request."""
    fail = settings.get("fail")
    if fail is not None and rng.random() >= settings.get("fail_rate", 1.0):
        fail = None
    if str(fail) in ("429", "500"):
        return _refuse(int(str(fail)))
    text = settings.get("text") or _last_user_text(request)
    usage = _usage(request, text)
    if request.get("stream"):
        return _stream(request, text, usage, settings, str(fail) if fail else None)
    return _whole(request, text, usage, settings, str(fail) if fail else None)


def _refuse(status: int) -> Iterator[Step]:
    yield HeadStep(status, _JSON + ([(b"retry-after", b"1")] if status == 429 else []))
    message = "The echo provider was told to refuse this."
    yield DataStep(msgspec.json.encode({"error": {"message": message, "type": "echo", "code": f"echo_{status}"}}))
    yield EndStep("end")


def _whole(
    request: Mapping[str, Any], text: str, usage: dict[str, int], settings: Mapping[str, Any], fail: str | None
) -> Iterator[Step]:
    reply = {
        **_common(request, "chat.completion"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": usage,
    }
    body = msgspec.json.encode(reply)
    if fail == "error-event":
        body = msgspec.json.encode(_FAILURE)
    yield HeadStep(200, _JSON)
    if fail == "stall":
        yield EndStep("stall")
    yield DataStep(
        b"<html>no reply</html>" if fail == "garbage" else body[: len(body) // 2] if fail == "cut" else body,
        settings.get("delay", 0.0),
    )
    yield EndStep("cut" if fail == "cut" else "end")


def _stream(
    request: Mapping[str, Any], text: str, usage: dict[str, int], settings: Mapping[str, Any], fail: str | None
) -> Iterator[Step]:
    delay, size = settings.get("delay", 0.0), settings.get("chunk") or 12
    yield HeadStep(200, _SSE)
    yield DataStep(_chunk(request, {"role": "assistant", "content": ""}), delay)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    for count, piece in enumerate(pieces):
        if fail and count >= settings.get("after_chunks", 0):
            break
        yield DataStep(_chunk(request, {"content": piece}), delay)
    if fail:
        yield from _broken_off(fail)
        return
    yield DataStep(_chunk(request, {}, "stop"))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield DataStep(sse.render_event(msgspec.json.encode({**_common(request), "choices": [], "usage": usage})))
    yield DataStep(DONE_EVENT)
    yield EndStep("end")


_FAILURE = {"error": {"message": "The echo provider was told to fail.", "type": "overloaded_error", "code": None}}


def _broken_off(fail: str) -> Iterator[Step]:
    if fail == "error-event":
        yield DataStep(sse.render_event(msgspec.json.encode(_FAILURE)))
    if fail == "garbage":
        yield DataStep(b"data: <html>no event</html>\n\n")
    yield EndStep({"stall": "stall", "cut": "cut"}.get(fail, "end"))


def _common(request: Mapping[str, Any], kind: str = "chat.completion.chunk") -> dict[str, Any]:
    return {"id": "chatcmpl-echo", "object": kind, "created": _CREATED, "model": request.get("model")}


def _chunk(request: Mapping[str, Any], delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse.render_event(msgspec.json.encode({**_common(request), "choices": [choice]}))


def _usage(request: Mapping[str, Any], text: str) -> dict[str, int]:
    """Tokens as words and signs: an honest count of something, and the same whole and streamed."""
    prompt = sum(len(_TOKEN.findall(_text(message))) for message in request.get("messages") or ())
    completion = len(_TOKEN.findall(text))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _last_user_text(request: Mapping[str, Any]) -> str:
    users = [
        message
        for message in request.get("messages") or ()
        if isinstance(message, dict) and message.get("role") == "user"
    ]
    return _text(users[-1]) if users else "Say something, and I will say it back."


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text", "")) for part in content if isinstance(part, dict) and part.get("type") == "text"
        )
    return content if isinstance(content, str) else ""
