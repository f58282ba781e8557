"""Heads that come again: on a kept connection an SDK sends the same one over and over, but for the body's length."""

from __future__ import annotations

import re
from dataclasses import dataclass

from routerd.edge.requests import Proxied

_LENGTH = re.compile(rb"(?<=\r\ncontent-length: )[0-9]{1,15}(?=\r\n)", re.IGNORECASE)
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Known:
    """The head of `request`, which was parsed and judged: one with the same bytes needs neither.

    `before` and `after` are those bytes, up to and from the digits of Content-Length.
    """

    request: Proxied
    before: bytes
    after: bytes

    def match(self, data: memoryview) -> tuple[int, int] | None:
        """The sizes of head and body, when `data` begins with this head, whole; else None."""
        at = len(self.before)
        most = at + _MOST_DIGITS + len(self.after)
        start = bytes(data[:most])
        if not start.startswith(self.before):
            return None
        end = start.find(b"\r", at)
        digits = start[at:end]
        if end < 0 or not digits.isdigit() or not start.startswith(self.after, end):
            return None
        return end + len(self.after), int(digits)


def learn(request: Proxied, data: bytes) -> Known | None:
    """What `data`, which began with the head of `request`, shows; None: a head that can't be told by its bytes."""
    end = data.find(b"\r\n\r\n")
    lengths = list(_LENGTH.finditer(data, 0, end + 2))
    if end < 0 or len(lengths) != 1:
        return None
    digits = lengths[0]
    return Known(request, data[: digits.start()], data[digits.end() : end + 4])
