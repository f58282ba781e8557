"""What there is below `/v1` and `/v1beta`: each path and method, its dialect, and what answers it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from routerd.access import Caller
from routerd.adapters import anthropic, gemini, openai_chat
from routerd.adapters.base import Adapter
from routerd.errors import RouterError
from routerd.proxy import counting, inbound, listing
from routerd.proxy.array import JsonArray
from routerd.proxy.door import Head
from routerd.proxy.exchange import exchange
from routerd.proxy.journey import Journey
from routerd.proxy.services import Services
from routerd.snapshot import Snapshot


class Asked(Protocol):
    """What an endpoint has to know of a request beside its body."""

    @property
    def head(self) -> Head: ...

    @property
    def caller(self) -> Caller: ...

    @property
    def snapshot(self) -> Snapshot: ...


Body = bytes | bytearray
Answer = Callable[[Services, Asked, Body, Journey], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers one path and method, in one dialect."""

    dialect: Adapter
    answer: Answer


def find(head: Head) -> Endpoint:
    """The endpoint that a request is for. Raises RouterError: not_found, method_not_allowed."""
    methods = _PATHS.get(head.path) or _below(head.path)
    if methods is None:
        raise RouterError("not_found", f"There is no {head.path} here.")
    endpoint = methods.get(head.method)
    if endpoint is None:
        allowed = ", ".join(methods)
        raise RouterError("method_not_allowed", f"{head.path} takes {allowed}, not {head.method}.", allow=allowed)
    return endpoint


def dialect_of(path: str) -> Adapter:
    """The dialect that a path speaks, known or not."""
    if path.startswith("/v1beta") or _GEMINI.fullmatch(path):
        return gemini
    return anthropic if path == "/v1/messages" or path.startswith("/v1/messages/") else openai_chat


def _below(path: str) -> Mapping[str, Endpoint] | None:
    """The methods of a path that holds a name."""
    found = _GEMINI.fullmatch(path)
    if found is not None:
        return _GEMINI_ACTIONS[found["action"]]
    if path.startswith("/v1/models/"):
        return _MODEL
    return _GEMINI_MODEL if path.startswith("/v1beta/models/") else None


# Completions


def _chat(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    journey.take(inbound.parse_chat(asked.head, asked.caller, body))
    return exchange(journey, services)


def _messages(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    journey.take(inbound.parse_messages(asked.head, asked.caller, body))
    return exchange(journey, services)


def _generate(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    journey.take(_contents(asked, body, is_stream=False))
    return exchange(journey, services)


def _stream_generate(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    if b"alt=sse" not in asked.head.query.split(b"&"):
        journey.through(JsonArray)
    journey.take(_contents(asked, body, is_stream=True))
    return exchange(journey, services)


def _contents(asked: Asked, body: Body, *, is_stream: bool) -> inbound.Inbound:
    found = _GEMINI.fullmatch(asked.head.path)
    assert found is not None, "the path was matched when the request was admitted"
    return inbound.parse_contents(asked.head, asked.caller, body, found["model"], is_stream)


# Counting


def _count_messages(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    request = inbound.parse_messages(asked.head, asked.caller, body)
    journey.take(request)
    return counting.count(request, journey, services)


def _count_contents(services: Services, asked: Asked, body: Body, journey: Journey) -> Awaitable[None]:
    found = _GEMINI.fullmatch(asked.head.path)
    assert found is not None, "the path was matched when the request was admitted"
    request = inbound.parse_count(asked.head, asked.caller, body, found["model"])
    journey.take(request)
    return counting.count(request, journey, services)


# Models


async def _models(services: Services, asked: Asked, body: Body, journey: Journey) -> None:
    journey.whole(listing.models(asked.snapshot, asked.caller, asked.head))


async def _model(services: Services, asked: Asked, body: Body, journey: Journey) -> None:
    name = asked.head.path.removeprefix("/v1/models/")
    journey.whole(listing.model(asked.snapshot, asked.caller, asked.head, name))


async def _gemini_model(services: Services, asked: Asked, body: Body, journey: Journey) -> None:
    name = asked.head.path.removeprefix("/v1beta/models/")
    journey.whole(listing.model(asked.snapshot, asked.caller, asked.head, name))


# Google's SDKs for Python ask below /v1 unless told otherwise, those for Node below /v1beta.
_GEMINI = re.compile(r"/v1(?:beta)?/models/(?P<model>.+):(?P<action>generateContent|streamGenerateContent|countTokens)")

_PATHS: Mapping[str, Mapping[str, Endpoint]] = {
    "/v1/chat/completions": {"POST": Endpoint(openai_chat, _chat)},
    "/v1/messages": {"POST": Endpoint(anthropic, _messages)},
    "/v1/messages/count_tokens": {"POST": Endpoint(anthropic, _count_messages)},
    "/v1/models": {"GET": Endpoint(openai_chat, _models)},
    "/v1beta/models": {"GET": Endpoint(gemini, _models)},
}
_MODEL: Mapping[str, Endpoint] = {"GET": Endpoint(openai_chat, _model)}
_GEMINI_MODEL: Mapping[str, Endpoint] = {"GET": Endpoint(gemini, _gemini_model)}
_GEMINI_ACTIONS: Mapping[str, Mapping[str, Endpoint]] = {
    "generateContent": {"POST": Endpoint(gemini, _generate)},
    "streamGenerateContent": {"POST": Endpoint(gemini, _stream_generate)},
    "countTokens": {"POST": Endpoint(gemini, _count_contents)},
}
