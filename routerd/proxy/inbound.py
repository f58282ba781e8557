"""A caller's request, read as far as routing needs it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from routerd.access import Caller
from routerd.adapters import openai_chat
from routerd.adapters.base import UNREADABLE, Headers
from routerd.errors import RouterError
from routerd.proxy import body
from routerd.proxy.attempt import Attempt
from routerd.proxy.door import Head
from routerd.snapshot import Target

_BRACKET, _BRACE = ord("["), ord("{")
_LONGEST_MODEL = 256  # characters; names are remembered, logged and sent back
_FORWARDED = frozenset({b"openai-beta", b"traceparent", b"tracestate"})


@dataclass(slots=True)
class Inbound:
    """One request for a completion. Immutable by habit: every attempt is rendered afresh from it."""

    head: Head
    caller: Caller
    fields: body.Fields
    model: str
    is_stream: bool
    stream_options: dict[str, Any] | None  # None: no stream
    forwarded: Headers  # the headers that go to the provider

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for the closing usage chunk."""
        return bool(self.stream_options and self.stream_options.get("include_usage"))

    def attempt(self, target: Target, started: float) -> Attempt:
        """The request to `target`."""
        changes = openai_chat.relay_changes(self.fields, target.model, self.stream_options, target.provider.quirks)
        return Attempt(target, body.render(self.fields, changes), self.forwarded, self.is_stream, started)

    def dropped(self, target: Target) -> bytes:
        """The header line that names what `target` is not told; empty when it is told all."""
        if self.stream_options and not target.provider.quirks.get("stream_options", True):
            return b"x-routerd-dropped: /stream_options\r\n"
        return b""

    def affinity(self, rule: str) -> bytes | None:
        """What keeps this request with its like: by caller, by a header, or by the conversation's opening."""
        if rule == "client":
            return self.caller.name.encode()
        if rule.startswith("header:"):
            return self.head.fields.get(rule[7:].lower().encode())
        return self._opening()

    def _opening(self) -> bytes:
        """A digest of the messages up to the first of the user: the same all through a conversation."""
        digest = hashlib.sha256()
        try:
            for message in msgspec.json.decode(self.fields["messages"], type=list[msgspec.Raw]):
                digest.update(message)
                if memoryview(message)[0] == _BRACE and msgspec.json.decode(message).get("role") == "user":
                    break
        except UNREADABLE as error:
            raise RouterError("invalid_request", f"`messages` can't be read: {error}.", param="messages") from None
        return digest.digest()


def parse(head: Head, caller: Caller, data: bytes | bytearray) -> Inbound:
    """Read a chat completion request. Raises RouterError(invalid_request); the rest is the provider's to judge."""
    fields = body.parse(data)
    model = _string(fields, "model")
    if len(model) > _LONGEST_MODEL:
        raise RouterError("invalid_request", f"`model` has more than {_LONGEST_MODEL} characters.", param="model")
    _list(fields, "messages")
    is_stream = "stream" in fields and _boolean(fields, "stream")
    options = _options(fields) if is_stream else None
    return Inbound(head, caller, fields, model, is_stream, options, _forwarded(head))


def _forwarded(head: Head) -> Headers:
    fields = head.fields
    return [] if _FORWARDED.isdisjoint(fields) else [(name, fields[name]) for name in _FORWARDED if name in fields]


def _string(fields: body.Fields, name: str) -> str:
    value = body.decode(fields, name)
    if not isinstance(value, str) or not value:
        raise RouterError("invalid_request", f"`{name}` must be a string{_absent(fields, name)}.", param=name)
    return value


def _list(fields: body.Fields, name: str) -> None:
    if name not in fields or memoryview(fields[name])[0] != _BRACKET:
        raise RouterError("invalid_request", f"`{name}` must be a list{_absent(fields, name)}.", param=name)


def _boolean(fields: body.Fields, name: str) -> bool:
    value = body.decode(fields, name)
    if value is not None and not isinstance(value, bool):
        raise RouterError("invalid_request", f"`{name}` must be true or false.", param=name)
    return bool(value)


def _options(fields: body.Fields) -> dict[str, Any]:
    value = body.decode(fields, "stream_options")
    if value is not None and not isinstance(value, dict):
        raise RouterError("invalid_request", "`stream_options` must be an object.", param="stream_options")
    return value or {}


def _absent(fields: body.Fields, name: str) -> str:
    return "" if name in fields else " and is required"
