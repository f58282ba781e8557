"""The parts of Gemini's contents, both ways (https://ai.google.dev/api/caching#Part)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routerd.adapters.base import UNREADABLE
from routerd.adapters.gemini_words import FAMILY, NAME, Names, camel, parse_signature, plain_base64, render_signature
from routerd.adapters.media import kind_of, type_by_name
from routerd.adapters.reading import refuse
from routerd.chat.parts import Media, MediaKind, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

INVENTED = "gemini_call_"
"""How the ids begin that callers' calls get here when they have none; Google never sees them."""

OUTSIDE = frozenset({
    "groundingMetadata", "urlContextMetadata", "citationMetadata", "continuationToken", "safetyRatings",
    "avgLogprobs", "tokenCount", "finishMessage",
})  # fmt: skip
"""What stands beside a candidate's content; it is kept as an Opaque part."""

_DATA = frozenset({"text", "inlineData", "fileData", "functionCall", "functionResponse"})
_OWN_FILES = ("gs://", "https://generativelanguage.googleapis.com/")


# From the wire ----------------------------------------------------------------------------------------------------


class Calls:
    """The calls of a conversation that wait for their results. Gemini may tell a result's call by name and order."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []

    def turn(self) -> None:
        """The model speaks: what it asked before is past."""
        self._open = []

    def asked(self, call: ToolCall) -> None:
        """One more call waits."""
        self._open.append(call)

    def answered(self, id: str | None, name: str, otherwise: str) -> str:
        """The id of the call that a result belongs to; `otherwise` when it belongs to none and tells no id."""
        for call in self._open:
            if call.id == id or (call.name == name and (id is None or call.id.startswith(INVENTED))):
                self._open.remove(call)
                return call.id
        return id or otherwise


def parse_part(value: Any, at: str, calls: Calls, invented: str) -> Part:
    """One part of a caller's contents; `invented` is the id for a call or a result without one."""
    fields = Names(value, at)
    kinds = _DATA & fields.left.keys()
    is_thought = fields.left.get("thought") is True
    if len(kinds) > 1:
        refuse(at, f"must have one of {', '.join(sorted(kinds))}, not all")
    if not fields.left:
        refuse(at, "must say something")
    is_bare = fields.left.keys() <= {"thought", "thoughtSignature"}
    if not (kinds or is_bare) or (is_thought and kinds - {"text"}):
        return Opaque(dialect=NAME, raw=value, at=at)
    kind = next(iter(kinds), "text")
    if kind == "functionCall":
        return _call(fields, calls, invented)
    if kind == "functionResponse":
        return _result(fields, calls, invented)
    return _text(fields) if kind == "text" else _media(fields, kind)


def _text(fields: Names) -> Part:
    text = fields.take("text", str) or ""
    is_thought = fields.take("thought", bool)
    value = fields.take("thoughtSignature", str)
    signature, is_redacted = parse_signature(value) if value else (None, False)
    if is_thought:
        return Thinking(text=text, signature=signature, is_redacted=is_redacted, at=fields.at, extra=fields.rest())
    return Text(text=text, signature=signature, at=fields.at, extra=fields.rest())


def _call(fields: Names, calls: Calls, invented: str) -> ToolCall:
    inner = Names(fields.any("functionCall"), fields.place("functionCall"))
    value = fields.take("thoughtSignature", str)
    call = ToolCall(
        id=inner.take("id", str) or invented,
        name=inner.need("name", str),
        arguments=_json(inner.take("args", dict) or {}),
        signature=parse_signature(value)[0] if value else None,
        at=fields.at,
    )
    fields.take("thought", bool)
    call.extra = _nested(fields, "functionCall", inner)
    calls.asked(call)
    return call


def _nested(fields: Names, name: str, inner: Names) -> dict[str, Any]:
    """What is left of a part, and of its one field, under that field's name."""
    return {**fields.rest(), name: inner.rest()} if inner.left else fields.rest()


def _result(fields: Names, calls: Calls, invented: str) -> ToolResult:
    inner = Names(fields.any("functionResponse"), fields.place("functionResponse"))
    name = inner.need("name", str)
    text, is_error = _output(inner.take("response", dict) or {})
    files = [_file(Names(each, at), at) for at, each in inner.each("parts")]
    return ToolResult(
        id=calls.answered(inner.take("id", str), name, invented),
        name=name,
        parts=[*([Text(text=text, at=inner.place("response"))] if text else []), *files],
        is_error=is_error,
        at=fields.at,
        extra=_nested(fields, "functionResponse", inner),
    )


def _output(response: dict[str, Any]) -> tuple[str, bool]:
    """A result's text, and whether it is an error."""
    is_error = response.get("error") is not None
    plain = _plain(response, is_error)
    return _json(response) if plain is None else plain, is_error


def _file(fields: Names, at: str) -> Part:
    kind = next((name for name in ("inlineData", "fileData") if name in fields.left), None)
    return _media(fields, kind) if kind else Opaque(dialect=NAME, raw=fields.rest(), at=at)


def _media(fields: Names, kind: str) -> Media:
    """A file, sent along or by its address. Its signature, if it has one, is for Gemini alone."""
    inner = Names(fields.any(kind), fields.place(kind))
    media_type = inner.take("mimeType", str)
    name = inner.take("displayName", str)
    fields.left.pop("thought", None)
    if kind == "inlineData":
        data = plain_base64(inner.need("data", str))
        media = Media(kind=kind_of(media_type), media_type=media_type, data=data, name=name, at=fields.at)
    else:
        media = media_at(inner.need("fileUri", str), media_type)
        media.name, media.at = name, fields.at
    media.extra = _nested(fields, kind, inner)
    return media


def media_at(address: str, media_type: str | None) -> Media:
    """A file by its address: a URL, or an id where only Google can open it."""
    is_own = address.startswith(_OWN_FILES)
    kind: MediaKind = kind_of(media_type or type_by_name(address))
    if not media_type and ("youtube.com/" in address or "youtu.be/" in address):
        kind = "video"
    return Media(kind=kind, media_type=media_type, url=None if is_own else address, file_id=address if is_own else None)


# To the wire ------------------------------------------------------------------------------------------------------


def render_text(part: Text | Thinking | Refusal) -> dict[str, Any]:
    """A part that is text; a signature is written whosever it is."""
    found: dict[str, Any] = {"text": part.text}
    if isinstance(part, Thinking):
        found["thought"] = True
    if not isinstance(part, Refusal) and part.signature is not None:
        is_redacted = isinstance(part, Thinking) and part.is_redacted
        found["thoughtSignature"] = render_signature(part.signature, is_redacted=is_redacted)
    return found


def render_call(call: ToolCall, arguments: dict[str, Any]) -> dict[str, Any]:
    """A call with its arguments decoded."""
    inner: dict[str, Any] = {"name": call.name, "args": arguments}
    if is_given(call.id):
        inner["id"] = call.id
    found: dict[str, Any] = {"functionCall": inner}
    if call.signature is not None:
        found["thoughtSignature"] = render_signature(call.signature)
    return found


def is_given(id: str) -> bool:
    """Whether a call's id came from somebody: Google takes any, and works without."""
    return bool(id) and not id.startswith(INVENTED)


def render_media(media: Media, *, with_name: bool) -> dict[str, Any]:
    """A file that has data or an address. A type that nobody knows is left for Google to see."""
    name = {"displayName": media.name} if with_name and media.name else {}
    if media.data is not None:
        media_type = media.media_type or type_by_name(media.name) or "application/octet-stream"
        return {"inlineData": {"mimeType": media_type, "data": media.data, **name}}
    address = media.url or media.file_id or ""
    known = media.media_type or type_by_name(address) or type_by_name(media.name)
    return {"fileData": {**({"mimeType": known} if known else {}), "fileUri": address, **name}}


def with_extra(found: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A rendered part with the fields that only Gemini knows, in it and in its one field."""
    for name, value in extra.items():
        name = camel(name)
        inner = found.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            inner.update({camel(key): each for key, each in value.items()})
        else:
            found[name] = value
    return found


def arguments_of(call: ToolCall) -> dict[str, Any] | None:
    """The arguments as an object, None when they are not the text of one."""
    try:
        found = msgspec.json.decode(call.arguments if call.arguments.strip() else "{}")
    except UNREADABLE:
        return None
    found = {} if found is None else found  # some models write `null` where a tool takes nothing
    return found if isinstance(found, dict) else None


def response_of(text: str, is_error: bool) -> dict[str, Any]:
    """A result's text as the object that `response` must be: the one that it is, or `output` or `error` with it inside.

    Every text, and every object, comes back from the other as it was.
    """
    found = _object(text)
    if found is not None and (found.get("error") is not None) is is_error and _plain(found, is_error) is None:
        return found
    return {"error" if is_error else "output": text}


def _plain(response: dict[str, Any], is_error: bool) -> str | None:
    """The text inside `output` or `error`, if it is all that a result says."""
    inner = response.get("error" if is_error else "output")
    is_all = len(response) == 1 and isinstance(inner, str) and response_of(inner, is_error) == response
    return inner if is_all else None


def _object(text: str) -> dict[str, Any] | None:
    """The object that a text is; None where it could not be written as the very same text again."""
    if not text.startswith("{"):
        return None
    try:
        found = msgspec.json.decode(text)
    except UNREADABLE:
        return None
    return found if _json(found) == text else None


def is_ours(part: Text | Thinking | ToolCall) -> bool:
    """Whether Gemini can read the part's signature."""
    return part.signature is not None and part.signature.family == FAMILY


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
