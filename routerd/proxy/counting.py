"""How many tokens a prompt has: the provider's own word where it speaks the caller's dialect, else an estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from routerd.adapters import anthropic, gemini
from routerd.adapters.base import UNREADABLE
from routerd.chat import estimate
from routerd.errors import RouterError
from routerd.proxy import body
from routerd.proxy.attempt import Attempt
from routerd.proxy.inbound import Inbound
from routerd.proxy.journey import Journey
from routerd.proxy.services import Services
from routerd.snapshot import Target

PATIENCE = 10.0  # seconds; agents ask often, and an estimate at once is worth more than the truth later

ESTIMATED = b"x-routerd-estimated: true\r\n"


async def count(request: Inbound, journey: Journey, services: Services) -> None:
    """Answer with the count. Raises RouterError as `exchange` does, and what the provider says against the request.

    It counts for no one's health and moves no rotation: a provider that can't count may answer very well.
    """
    way = _WAYS[request.dialect.NAME]
    for step in journey.plan().steps:
        if step.target.provider.dialect is request.dialect:
            said = await _ask(request, step.target, way, services)
            if said is not None:
                return journey.whole(said, step.target)
    tokens = estimate.tokens(request.chat)
    journey.whole(msgspec.json.encode({way.field: tokens}), None, ESTIMATED)


async def _ask(request: Inbound, target: Target, way: _Way, services: Services) -> bytes | None:
    """The provider's own answer; None when it has none."""
    extra, content = request.forwarded(request.dialect), way.body(_fields(request, target), target.model)
    attempt = Attempt(target, content, extra, False, services.now(), way.path(target.model))
    try:
        async with asyncio.timeout(PATIENCE):
            await services.upstreams.open(attempt)
    except (RouterError, TimeoutError):
        attempt.close()
        return None
    except BaseException:
        attempt.close()
        raise
    if attempt.status == 400:
        raise request.dialect.parse_error(attempt.status, attempt.headers, attempt.take())
    return _checked(attempt.take(), way.field) if attempt.status == 200 else None


def _fields(request: Inbound, target: Target) -> body.Fields:
    """The fields as the target would be asked them: it refuses to count what it would refuse to answer."""
    if request.dialect.goes_as_it_is(request.fields, target.model):
        return request.fields
    call, _ = request.dialect.render_request(request.chat, target.model, target.provider.quirks)
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in call.body.items()}


def _checked(said: bytes, field: str) -> bytes | None:
    try:
        decoded = msgspec.json.decode(said)
    except UNREADABLE:
        return None
    return said if isinstance(decoded, dict) and field in decoded else None


class _Way(msgspec.Struct, frozen=True):
    """Where a dialect counts, what it is asked there, and how the answer calls it."""

    path: Callable[[str], str]
    body: Callable[[body.Fields, str], bytes]
    field: str


def _anthropic_body(fields: body.Fields, model: str) -> bytes:
    kept = {name: raw for name, raw in fields.items() if name not in _NOT_COUNTED}
    return body.render(kept, {"model": msgspec.json.encode(model)})


_NOT_COUNTED = frozenset({"stream", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata"})


def _gemini_body(fields: body.Fields, model: str) -> bytes:
    name = model if "/" in model else f"models/{model}"
    inner = body.render(fields, {"model": msgspec.json.encode(name)})
    return msgspec.json.encode({"generateContentRequest": msgspec.Raw(inner)})


def _gemini_path(model: str) -> str:
    return gemini.call_path(model, is_stream=False).replace(":generateContent", ":countTokens")


_WAYS: Mapping[str, _Way] = {
    anthropic.NAME: _Way(lambda _: "/messages/count_tokens", _anthropic_body, "input_tokens"),
    gemini.NAME: _Way(_gemini_path, _gemini_body, "totalTokens"),
}
