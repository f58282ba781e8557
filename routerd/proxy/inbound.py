"""A caller's request, read as far as routing needs it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from routerd.access import Caller
from routerd.adapters import anthropic, gemini, openai_chat
from routerd.adapters.base import UNREADABLE, Adapter, Headers
from routerd.adapters.table import ADAPTERS
from routerd.chat.request import ChatRequest
from routerd.errors import RouterError
from routerd.proxy import body
from routerd.proxy.door import Head

_BRACKET, _BRACE, _QUOTE = b'[{"'
_LONGEST_MODEL = 256  # characters; names are remembered, logged and sent back
_TRACE = frozenset({b"traceparent", b"tracestate"})

_PASSING = {
    name: _TRACE | (dialect.FORWARDED - {each.lower().encode() for each in dialect.HEADERS})
    for name, dialect in ADAPTERS.items()
}
"""Headers that pass between two who speak a dialect, but for those that every provider is sent anyway."""


class Inbound:
    """One request for a completion. Immutable by habit: every attempt is rendered afresh from it."""

    __slots__ = ("_chat", "caller", "dialect", "fields", "head", "is_stream", "model", "stream_options")

    def __init__(
        self,
        dialect: Adapter,
        head: Head,
        caller: Caller,
        fields: body.Fields,
        model: str,
        is_stream: bool,
        stream_options: dict[str, Any] | None,
    ) -> None:
        self.dialect = dialect
        self.head = head
        self.caller = caller
        self.fields = fields
        self.model = model
        self.is_stream = is_stream
        self.stream_options = stream_options  # None: no stream
        self._chat: ChatRequest | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for the closing usage chunk, or its dialect has usage in every stream."""
        return self.dialect is not openai_chat or bool(self.stream_options and self.stream_options.get("include_usage"))

    @property
    def chat(self) -> ChatRequest:
        """The whole request, read at first need. Raises RouterError(invalid_request)."""
        if self._chat is None:
            try:
                decoded = {name: msgspec.json.decode(raw) for name, raw in self.fields.items()}
                self._chat = self.dialect.parse_request(decoded, self.model, self.is_stream)
            except UNREADABLE as error:
                raise body.unreadable(error) from None
        return self._chat

    def forwarded(self, dialect: Adapter) -> Headers:
        """The caller's headers that go to a provider of `dialect`."""
        fields = self.head.fields
        names = _PASSING[dialect.NAME] if dialect is self.dialect else _TRACE
        return [] if names.isdisjoint(fields) else [(name, fields[name]) for name in names if name in fields]

    def affinity(self, rule: str) -> bytes | None:
        """What keeps this request with its like: by caller, by a header, or by the conversation's opening."""
        if rule == "client":
            return self.caller.name.encode()
        if rule.startswith("header:"):
            return self.head.fields.get(rule[7:].lower().encode())
        return self._opening()

    def _opening(self) -> bytes:
        """A digest of the messages up to the first of the user: the same all through a conversation."""
        name = _TURNS[self.dialect.NAME]
        digest = hashlib.sha256()
        try:
            for message in msgspec.json.decode(self.fields[name], type=list[msgspec.Raw]):
                digest.update(message)
                if memoryview(message)[0] == _BRACE and msgspec.json.decode(message).get("role") in ("user", None):
                    break
        except UNREADABLE as error:
            raise RouterError("invalid_request", f"`{name}` can't be read: {error}.", param=name) from None
        return digest.digest()


_TURNS = {"openai": "messages", "anthropic": "messages", "gemini": "contents"}


def parse_chat(head: Head, caller: Caller, data: bytes | bytearray) -> Inbound:
    """Read a chat completion request. Raises RouterError(invalid_request); the rest is the provider's to judge."""
    fields = body.parse(data)
    model = _string(fields, "model")
    if len(model) > _LONGEST_MODEL:
        raise _too_long()
    _list(fields, "messages")
    is_stream = "stream" in fields and _boolean(fields, "stream")
    options = _options(fields) if is_stream else None
    return Inbound(openai_chat, head, caller, fields, model, is_stream, options)


def parse_messages(head: Head, caller: Caller, data: bytes | bytearray) -> Inbound:
    """As `parse_chat`, of Anthropic's Messages."""
    fields = body.parse(data)
    model = _string(fields, "model")
    if len(model) > _LONGEST_MODEL:
        raise _too_long()
    _list(fields, "messages")
    return Inbound(anthropic, head, caller, fields, model, "stream" in fields and _boolean(fields, "stream"), None)


def parse_contents(head: Head, caller: Caller, data: bytes | bytearray, model: str, is_stream: bool) -> Inbound:
    """As `parse_chat`, of Gemini's generateContent: its path tells the model."""
    return _contents(head, caller, body.parse(data), model, is_stream)


def parse_count(head: Head, caller: Caller, data: bytes | bytearray, model: str) -> Inbound:
    """As `parse_contents`, of Gemini's countTokens: what is counted may stand one level down."""
    fields = body.parse(data)
    inner = fields.get("generateContentRequest") or fields.get("generate_content_request")
    return _contents(head, caller, fields if inner is None else body.parse(bytes(inner)), model, is_stream=False)


def _contents(head: Head, caller: Caller, fields: body.Fields, model: str, is_stream: bool) -> Inbound:
    if len(model) > _LONGEST_MODEL:
        raise _too_long()
    if "contents" not in fields or memoryview(fields["contents"])[0] not in (_BRACKET, _BRACE, _QUOTE):
        raise RouterError("invalid_request", "`contents` must be a list and is required.", param="contents")
    return Inbound(gemini, head, caller, fields, model, is_stream, None)


def _too_long() -> RouterError:
    return RouterError("invalid_request", f"`model` has more than {_LONGEST_MODEL} characters.", param="model")


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
