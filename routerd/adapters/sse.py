"""Server-sent events as bytes: where one ends, and what it says.

The stream may end its lines with LF, CRLF or CR, hold comments, and be cut at any byte
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

_BOUNDARY = re.compile(rb"\n\r?\n|\r\r")
_USUAL_ENDS = (b"\n\n", b"\r\n\r\n")


def whole_events(data: bytes) -> int:
    """How many of the leading bytes of `data` are whole events."""
    if data.endswith(_USUAL_ENDS):
        return len(data)
    end = 0
    for boundary in _BOUNDARY.finditer(data):
        end = boundary.end()
    return end


def split_events(block: bytes) -> Iterable[bytes]:
    """Each event of a block of whole events, with the blank line that ends it."""
    if b"\r" in block:
        return _split(block)
    *events, rest = block.split(b"\n\n")
    whole = [event + b"\n\n" for event in events]
    return [*whole, rest] if rest else whole


def _split(block: bytes) -> Iterator[bytes]:
    start = 0
    for boundary in _BOUNDARY.finditer(block):
        yield block[start : boundary.end()]
        start = boundary.end()
    if start < len(block):
        yield block[start:]


def payload(event: bytes) -> bytes:
    """The joined `data:` lines of one event; empty for a comment."""
    lines = [
        line[5:].removeprefix(b" ")
        for line in event.removeprefix(b"\xef\xbb\xbf").splitlines()
        if line.startswith(b"data:")
    ]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


def render_event(data: bytes) -> bytes:
    """One event that says `data` (a single line)."""
    return b"data: %b\n\n" % one_line(data)


def one_line(json: bytes) -> bytes:
    """JSON without U+2028 and U+2029, which some clients take for ends of lines: @google/genai up to 1.x does."""
    if b"\xe2\x80" not in json:
        return json
    return json.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


_encode = msgspec.json.Encoder().encode


def encode(value: Any) -> bytes:
    """A value as JSON that may stand in an event."""
    return one_line(_encode(value))
