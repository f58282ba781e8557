"""Streams through adapters: read in pieces, written whole; and the grammar that every stream of events keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from routerd.adapters.base import Adapter, Framing
from routerd.chat.events import (
    ChoiceEnded,
    Event,
    PartDelta,
    PartEnded,
    PartSigned,
    PartStarted,
    ReplyEnded,
    ReplyFailed,
    ReplyStarted,
)
from routerd.chat.reply import Reply

FRAMING = Framing(id="reply-1", created=1_700_000_000, model="some-model")


def parsed(adapter: Adapter, stream: bytes, size: int | None = None) -> list[Event]:
    """The events of a stream that comes in pieces of `size` bytes; None: in one."""
    parser, step = adapter.stream_parser(), size or len(stream) or 1
    events = [event for at in range(0, len(stream), step) for event in parser.feed(stream[at : at + step])]
    return [*events, *parser.end()]


def comparable(events: Iterable[Event]) -> list[Any]:
    """The events so that they can be compared: a failure by what it says."""
    return [repr(event.error) if isinstance(event, ReplyFailed) else event for event in events]


def parsed_halves(adapter: Adapter, stream: bytes, at: int) -> list[Event]:
    """The events of a stream that is cut in two."""
    parser = adapter.stream_parser()
    return [*parser.feed(stream[:at]), *parser.feed(stream[at:]), *parser.end()]


def written(adapter: Adapter, events: Iterable[Event]) -> bytes:
    """The stream that says these events."""
    renderer = adapter.stream_renderer(FRAMING)
    return b"".join(map(renderer.render, events))


def whole(adapter: Adapter, reply: Reply) -> bytes:
    """The body that says a reply."""
    return msgspec.json.encode(adapter.render_reply(reply, FRAMING))


def breaches(events: Sequence[Event]) -> list[str]:
    """Where events break the grammar of chat/events.py."""
    found: list[str] = []
    grown: dict[int, bool] = {}  # part → is it open
    if not events or not isinstance(events[0], ReplyStarted | ReplyFailed):
        found.append("does not begin with ReplyStarted")
    for number, event in enumerate(events):
        is_last = number == len(events) - 1
        match event:
            case ReplyStarted():
                if number:
                    found.append(f"{number}: starts again")
            case PartStarted(index=index):
                if index != len(grown):
                    found.append(f"{number}: part {index} follows {len(grown) - 1}")
                grown[index] = True
            case PartDelta(index=index) | PartSigned(index=index):
                if not grown.get(index):
                    found.append(f"{number}: part {index} is not open")
            case PartEnded(index=index):
                if not grown.get(index):
                    found.append(f"{number}: part {index} is not open")
                grown[index] = False
            case ChoiceEnded():
                pass
            case ReplyEnded():
                if not is_last or any(grown.values()):
                    found.append(f"{number}: ends before its parts")
            case ReplyFailed():
                if not is_last:
                    found.append(f"{number}: goes on after a failure")
    if events and not isinstance(events[-1], ReplyEnded | ReplyFailed):
        found.append("does not end")
    return found
