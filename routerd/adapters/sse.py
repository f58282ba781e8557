"""Server-sent events as bytes: where one ends, and what it says.

The stream may end its lines with LF, CRLF or CR, hold comments, and be cut at any byte
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def split_events(block: bytes) -> Iterator[bytes]:
    """Each event of a block of whole events, with the blank line that ends it."""
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
    return b"data: %b\n\n" % data
