"""A stream on its way from any dialect to any: as much in one write as came in one read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain, product

import pytest

from routerd.adapters.base import Framing, Losses
from routerd.adapters.table import ADAPTERS
from routerd.chat.events import ChoiceEnded, Event, PartDelta, PartEnded, PartStarted, ReplyEnded, ReplyStarted
from routerd.chat.parts import Text, ToolCall
from routerd.chat.reply import StopReason, Usage
from routerd.proxy.lanes import Translation
from tests.support.outlet import RecordingOutlet

FRAMING = Framing("req_1", 1_700_000_000, "model")
PIECES = [f'"{number}":{number},' for number in range(12)]


def told() -> Iterator[Event]:
    """A text and a tool call, both in many pieces."""
    yield ReplyStarted("reply_1", "model", Usage(prompt=3))
    yield PartStarted(0, Text(""))
    yield from (PartDelta(0, piece) for piece in PIECES)
    yield PartEnded(0)
    yield PartStarted(1, ToolCall(id="call_1", name="count", arguments="{"))
    yield from (PartDelta(1, piece) for piece in [*PIECES, '"last":0}'])
    yield PartEnded(1)
    yield ChoiceEnded(0, StopReason.TOOL_CALLS)
    yield ReplyEnded(Usage(prompt=3, completion=24))


def stream(dialect: str) -> list[bytes]:
    """What a provider of the dialect sends, event by event."""
    renderer = ADAPTERS[dialect].stream_renderer(FRAMING)
    said = b"".join(map(renderer.render, told())).replace(b"\r\n", b"\n")
    return [event + b"\n\n" for event in said.split(b"\n\n") if event]


def carry(source: str, caller: str, reads: list[bytes]) -> list[list[bytes]]:
    """What the caller is written at each read, and at the end."""
    lane = Translation(ADAPTERS[source], ADAPTERS[caller], FRAMING, Losses(), is_verbatim=source == caller)
    loop = asyncio.new_event_loop()
    try:
        outlet = RecordingOutlet()
        carrier = lane.carrier(outlet, loop.create_future(), str, b"")
        written = []
        for read in reads:
            carrier.on_data(read)
            written.append(outlet.writes)
            outlet.writes = []
        carrier.on_end()
        assert carrier.done.result() is None
        return [*written, outlet.writes]
    finally:
        loop.close()


@pytest.mark.parametrize(("source", "caller"), list(product(ADAPTERS, ADAPTERS)))
def test_one_read_is_one_write(source: str, caller: str) -> None:
    events = stream(source)
    [[whole], *end] = carry(source, caller, [b"".join(events)])
    for size in range(1, len(events)):
        written = carry(source, caller, [b"".join(events[at : at + size]) for at in range(0, len(events), size)])
        assert max(map(len, written)) == 1, f"{size} events in a read"
        assert b"".join(chain(*written)) == b"".join([whole, *chain(*end)])
