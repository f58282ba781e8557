"""Writes docs/fidelity.md: what becomes of every field of the vendors' requests and replies on their way.

Nothing in the table is written by hand. `vendor_fields.cases` sets each field once, and what the adapters render with
it and without it tells its fate. A field that neither changes what is rendered nor stands in the losses is SILENT: the
tests fail, and so does this script. Usage: python -m scripts.fidelity [--check]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from routerd.adapters.base import Framing
from routerd.adapters.diagnostics import DIAGNOSTICS, is_diagnostic
from routerd.adapters.table import ADAPTERS
from routerd.adapters.unsaid import unsaid
from routerd.adapters.vendors import VENDORS
from routerd.chat.events import Event, ReplyFailed, collect, replay
from routerd.errors import RouterError
from scripts.vendor_fields import Case, cases
from scripts.vendor_replies import replies
from scripts.vendor_streams import encoded, streams

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fidelity.md"

KEPT, MAPPED, IMPLIED, DROPPED, PARTLY, REFUSED, OURS, LEFT_OUT, SILENT = (
    "kept", "mapped", "implied", "dropped", "partly", "refused", "ours", "left out", "SILENT",
)  # fmt: skip

# One model of each vendor: some fields depend on it.
MODELS: Mapping[str, str] = {
    "openai": "gpt-5.2",
    "anthropic": "claude-opus-4-6",
    "gemini": "gemini-3-pro-preview",
}

QUIRKS: Mapping[str, Mapping[str, Any]] = {name: VENDORS[name].quirks for name in MODELS}

# What the router answers to itself, whatever the upstream.
_OURS: Mapping[str, Sequence[str]] = {"openai": ("/stream_options",), "anthropic": (), "gemini": ()}

# What is so anyway where nothing is rendered: text is the default, both vendors hold to every schema, and a model that
# can't think doesn't.
_IMPLIED: Mapping[str, Sequence[str]] = {
    "openai": ("response_format[text]", "response_format[json_schema].json_schema.strict"),
    "anthropic": ("thinking[disabled]",),
    "gemini": (),
}

Rendered = tuple[dict[str, Any], list[str]]


def rendered(ingress: str, upstream: str, body: dict[str, Any], model: str | None = None) -> Rendered:
    """The body that `upstream` gets, and the pointers that are declared lost. Raises RouterError."""
    model = model or MODELS[upstream]
    request = ADAPTERS[ingress].parse_request(body, model, bool(body.get("stream")))
    call, losses = ADAPTERS[upstream].render_request(request, model, QUIRKS[upstream])
    return call.body, list(losses)


def fate(ingress: str, upstream: str, case: Case, model: str | None = None) -> str:
    """What becomes of the case's field on the way to a model, MODELS' where none is named."""
    if any(is_within(case.pointer, ours) for ours in _OURS[ingress]):
        return OURS
    try:
        before, lost_before = rendered(ingress, upstream, case.baseline, model)
    except RouterError as error:  # what the field stands in can't be told at all
        return _refusal(error, case)
    try:
        after, lost = rendered(ingress, upstream, case.body, model)
    except RouterError as error:
        return _refusal(error, case)
    if any(is_within(case.pointer, pointer) for pointer in lost):
        return DROPPED
    if after != before:
        return KEPT if _stands_in(after, before, case) else MAPPED
    if any(is_within(pointer, case.pointer) for pointer in set(lost) - set(lost_before)):
        return DROPPED
    return IMPLIED if case.path in _IMPLIED[ingress] else SILENT


# Of replies: OpenAI's own bytes of a token follow from its text, a segment's text from its place, and every call of
# Anthropic's is direct. What signs a text is kept by the router itself.
_IMPLIED_OF_REPLIES = frozenset({
    "choices[].logprobs.content[].bytes",
    "choices[].logprobs.content[].top_logprobs[].bytes",
    "content[tool_use].caller[direct]",
    "candidates[].groundingMetadata.groundingSupports[].segment.text",
})
# Of streams: how much was thought so far is counted in the usage, what an end is told by counts once, and a reply does
# not end as it begins. What makes events of one length is the router's own to say.
_IMPLIED_OF_STREAMS = re.compile(
    r"delta\[thinking_delta\]\.estimated_tokens|content_block\[tool_use\]\.caller\[direct\]"
    r"|message_start\.stop_(reason|sequence|details).*|chunk\d\.(choices|candidates)\[\]\.finish_?[rR]eason"
)
_OURS_OF_STREAMS = frozenset({"obfuscation"})
_OURS_OF_REPLIES = frozenset({"candidates[].content.parts[].thoughtSignature"})


def replied(source: str, caller: str, body: dict[str, Any], *, is_stream: bool = False) -> Rendered:
    """The whole reply that a caller gets, and the pointers into the provider's that are declared lost."""
    reply = ADAPTERS[source].parse_reply(msgspec.json.encode(body))
    framing = Framing("reply-2", 0)
    if is_stream:
        reply = collect(replay(reply))
    return ADAPTERS[caller].render_reply(reply, framing), unsaid(reply, source, caller, framing, is_stream=is_stream)


def reply_fate(source: str, caller: str, case: Case) -> str:
    """What becomes of the case's field on the way from a provider's reply to a caller."""
    after, lost = replied(source, caller, case.body)
    before, lost_before = replied(source, caller, case.baseline)
    if any(is_within(case.pointer, pointer) for pointer in lost):
        return DROPPED
    if any(is_within(pointer, case.pointer) for pointer in set(lost) - set(lost_before)):
        return PARTLY if after != before else DROPPED
    if after != before:
        return KEPT if _stands_in(after, before, case) else MAPPED
    return _quiet(source, case)


def _quiet(source: str, case: Case) -> str:
    """The fate of what neither changes what the caller gets nor is declared lost."""
    if case.path in _OURS_OF_REPLIES:
        return OURS
    if case.path in _IMPLIED_OF_REPLIES:
        return IMPLIED
    return LEFT_OUT if _is_left_out(source, case.pointer, case.body) else SILENT


def _is_left_out(source: str, pointer: str, body: Any) -> bool:
    steps = pointer.split("/")
    for count in range(2, len(steps) + 1):
        at = "/".join(steps[:count])
        try:
            if is_diagnostic(source, at, _at(body, at)):
                return True
        except (KeyError, IndexError):  # of another place in a stream
            return False
    return False


Streamed = tuple[bytes, list[str]]


def parsed(source: str, events: list[dict[str, Any]]) -> list[Event]:
    """What is read of a provider's stream."""
    parser = ADAPTERS[source].stream_parser()
    return [*parser.feed(encoded(source, events)), *parser.end()]


def streamed(source: str, caller: str, events: list[dict[str, Any]]) -> Streamed:
    """The stream that a caller gets, and the pointers into the provider's whole reply that are declared lost."""
    framing, found = Framing("reply-2", 0), parsed(source, events)
    renderer = ADAPTERS[caller].stream_renderer(framing)
    said = b"".join(map(renderer.render, found))
    if isinstance(found[-1], ReplyFailed):
        return said, []
    return said, unsaid(collect(found), source, caller, framing, is_stream=True)


def stream_fate(source: str, caller: str, case: Case) -> str:
    """What becomes of a field of one event of a provider's stream."""
    after, lost = streamed(source, caller, case.body)
    before, lost_before = streamed(source, caller, case.baseline)
    place = whole_place(source, case)
    if any(is_within(place, pointer) for pointer in lost):
        return DROPPED
    if set(lost) - set(lost_before):
        return PARTLY if after != before else DROPPED
    if after != before:
        return MAPPED
    if (path := case.path.partition(".")[2]) in _OURS_OF_REPLIES | _OURS_OF_STREAMS:
        return OURS
    if path in _IMPLIED_OF_REPLIES or _IMPLIED_OF_STREAMS.fullmatch(case.path):
        return IMPLIED
    event = case.body[int(case.pointer.split("/")[1])]
    return LEFT_OUT if _is_left_out(source, place, event.get("message", event)) else SILENT


# What of an event stands elsewhere in the whole reply.
_PLACES = {
    ("openai", "chat.completion.chunk"): ("/delta/", "/message/"),
    ("anthropic", "message_start"): ("/message/", "/"),
    ("anthropic", "message_delta"): ("/delta/", "/"),
    ("anthropic", "content_block_start"): ("/content_block", "/content/0"),
    ("anthropic", "content_block_delta"): ("/delta", "/content/0"),
}


def whole_place(source: str, case: Case) -> str:
    """The pointer into the whole reply to what a case's pointer leads to in one of its events."""
    _, number, place = case.pointer.split("/", 2)
    event = case.body[int(number)]
    place = place.replace("delta/citation", "delta/citations/0")
    return f"/{place}".replace(*_PLACES.get((source, event.get("type") or event.get("object")), ("", "")), 1)


def _refusal(error: RouterError, case: Case) -> str:
    return REFUSED if error.kind == "invalid_request" and _names(error, case.pointer) else SILENT


def is_within(pointer: str, outer: str) -> bool:
    """Whether a JSON pointer leads to what `outer` leads to, or into it."""
    return pointer == outer or pointer.startswith(f"{outer}/")


def _names(error: RouterError, pointer: str) -> bool:
    """Whether a refusal names the field: it, what is in it, or what it is in."""
    named = "/" + re.sub(r"[.\[]", "/", error.param or "").replace("]", "").strip("/")
    return error.param is not None and (is_within(named, pointer) or is_within(pointer, named))


def _stands_in(after: Any, before: Any, case: Case) -> bool:
    """Whether the field stands in what is rendered under its own name and with its own value."""
    name, value = case.pointer.rpartition("/")[2], _at(case.body, case.pointer)
    if name.isdigit():  # an item of a list
        return _count(after, None, value) > _count(before, None, value)
    return _count(after, _plain(name), value) > _count(before, _plain(name), value)


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _plain(name: str) -> str:
    """A field's name, in snake_case or in camelCase."""
    return name.replace("_", "").lower()


def _count(tree: Any, name: str | None, value: Any) -> int:
    """How often the value stands in the tree, under that name; None: in a list."""
    if isinstance(tree, dict):
        here = [key for key, each in tree.items() if name is not None and _plain(key) == name and each == value]
        return len(here) + sum(_count(each, name, value) for each in tree.values())
    if isinstance(tree, list):
        own: int = tree.count(value) if name is None else 0
        return own + sum(_count(each, name, value) for each in tree)
    return 0


# The page -------------------------------------------------------------------------------------------------------

_INTRODUCTION = """# Fidelity

What becomes of every field of a request on its way to every kind of provider, and of every field of a reply on its way
to every kind of caller. `scripts/fidelity.py` writes this page from the types of the vendors' SDKs (`openai`,
`anthropic` with its betas, `google-genai`): it sets each field once, and looks at what the adapters render. Tests hold
the page fresh, and fail when a field gets lost in silence.

- **kept**: it reaches the provider under its own name and with its own value.
- **mapped**: it reaches the provider in the provider's words.
- **implied**: the provider does so anyway.
- **dropped**: the provider can't be told. `x-routerd-dropped` names it in the reply; with `on_loss: reject` the next
  target is tried instead.
- **refused**: an error 400 that names it, since the reply would be another one than asked for.
- **ours**: the router itself answers to it.

A row stands for everything below it that has no row of its own. `[type]` is one kind of what may stand in a place,
`="word"` a value with an effect of its own. Some fields depend on the model; the table was made with
{models}.
"""

_TITLES = {
    "openai": ("OpenAI Chat Completions", "`/v1/chat/completions`"),
    "anthropic": ("Anthropic Messages", "`/v1/messages`"),
    "gemini": ("Gemini", "`/v1beta/models/{model}:generateContent`"),
}


@cache
def fates(ingress: str) -> dict[str, tuple[str, ...]]:
    """Each field's path → its fate at every upstream."""
    return {case.path: tuple(fate(ingress, upstream, case) for upstream in ADAPTERS) for case in cases(ingress)}


def page() -> str:
    """The whole of docs/fidelity.md."""
    models = ", ".join(f"`{model}`" for model in MODELS.values())
    sections = [*(line for name in ADAPTERS for line in _section(name)), _REPLIES]
    sections += [line for name in ADAPTERS for line in _reply_section(name)]
    return "\n".join([_INTRODUCTION.format(models=models), *sections, *_diagnostics()])


_REPLIES = """# Replies

What becomes of every field of a provider's reply on its way to a caller of each dialect. Where provider and caller
speak the same, the reply passes as it is; the column tells what is left of it where a stream is repaired, or a history
had to be set right.

- **kept**, **mapped**, **implied**, **ours**: as above; a signature that has no place is kept by the router itself.
- **partly**: mapped, but for some of it, which is named as what is dropped.
- **left out**: what the provider says of its own work ("Left out, not told" below). No caller of another dialect could
  miss it, so nothing names it.
- **dropped**: the caller's dialect has no place for it. A whole reply says so in `x-routerd-dropped`, a stream in a
  comment at its end (`: x-routerd-dropped: …`; Gemini's clients take no comments), and both in the log's line of the
  attempt. Such an entry is a JSON pointer into the provider's whole reply after `reply:`, as in
  `reply:/choices/0/message/audio`. `on_loss` is about requests alone: a reply is given once it is there.

Streams fare as whole replies do. Each field of every kind of event is set once as well, in each place of a stream where
it may stand (the first piece, a later one, the last, the usage behind it), and none of them gets lost in silence.
"""


@cache
def reply_fates(source: str) -> dict[str, tuple[str, ...]]:
    """Each field's path → what every caller gets of it."""
    return {case.path: tuple(reply_fate(source, caller, case) for caller in ADAPTERS) for case in replies(source)}


@cache
def stream_fates(source: str) -> dict[str, tuple[str, ...]]:
    """Each field's path, with the event that it stands in → what every caller gets of it."""
    return {case.path: tuple(stream_fate(source, caller, case) for caller in ADAPTERS) for case in streams(source)}


def _reply_section(source: str) -> Iterator[str]:
    yield f"## Of {_TITLES[source][0]}\n"
    yield "| field | " + " | ".join(f"to {name}" for name in ADAPTERS) + " |"
    yield "|---" * (len(ADAPTERS) + 1) + "|"
    for path, row in _short(reply_fates(source)).items():
        yield f"| `{path}` | " + " | ".join(row) + " |"
    yield ""


_LEFT_OUT = """## Left out, not told

What providers say of their own work, mostly in every reply. A caller of another dialect gets none of it, and neither
`x-routerd-dropped` nor the log names it: an entry in there is to mean that something was lost.

| of | field | what it is | named after all when |
|---|---|---|---|"""


def _diagnostics() -> Iterator[str]:
    """The table of what is left out."""
    yield _LEFT_OUT
    for row in DIAGNOSTICS:
        fields = ", ".join(f"`{field}`" for field in row.fields)
        yield f"| {row.dialect} | {fields} | {row.about} | {row.when or 'never'} |"
    yield ""


def _section(ingress: str) -> Iterator[str]:
    title, path = _TITLES[ingress]
    yield f"## From {title}\n"
    yield f"What callers of {path} send.\n"
    yield "| field | " + " | ".join(f"to {name}" for name in ADAPTERS) + " |"
    yield "|---" * (len(ADAPTERS) + 1) + "|"
    for path, row in _short(fates(ingress)).items():
        yield f"| `{path}` | " + " | ".join(row) + " |"
    yield ""


def _short(rows: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The rows without those that say the same as the row above them."""
    return {path: row for path, row in rows.items() if rows.get(_above(path, rows)) != row}


def _above(path: str, rows: Mapping[str, Any]) -> str:
    """The nearest row that a path lies in, "" when there is none."""
    steps = re.split(r"(?=[.\[=])", path)
    shorter = ("".join(steps[:count]) for count in range(len(steps) - 1, 0, -1))
    return next((each for each in shorter if each in rows), "")


def silent() -> list[str]:
    """The fields that get lost in silence."""
    return [
        f"{ingress} → {upstream}: {path}"
        for found in (fates, reply_fates, stream_fates)
        for ingress in ADAPTERS
        for path, row in found(ingress).items()
        for upstream, each in zip(ADAPTERS, row, strict=True)
        if each == SILENT
    ]


if __name__ == "__main__":
    if lost := silent():
        sys.exit("lost in silence:\n" + "\n".join(lost))
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text() != page() and f"{PAGE} is stale: python -m scripts.fidelity")
    PAGE.write_text(page())
