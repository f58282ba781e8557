"""Where a large body lands: straight from the socket in its own memory, with no copy in between."""

from __future__ import annotations

_FIRST = 64 * 1024
_ZEROS = memoryview(bytes(1024 * 1024))  # untouched, so it takes no memory


class Landing:
    """A body of known length while it arrives.

    Its memory grows with what has come, so that a caller who declares 32 MiB and sends nothing costs 64 KiB.
    """

    __slots__ = ("_filled", "_length", "body")

    def __init__(self, begun: bytes | bytearray, length: int) -> None:
        self._length = length
        self._filled = len(begun)
        self.body = bytearray(max(min(length, _FIRST), self._filled))
        self.body[: self._filled] = begun

    def room(self) -> memoryview:
        """Memory for the next bytes; never past the end of the body."""
        size = len(self.body)
        if self._filled == size:
            self.body += _ZEROS[: min(3 * size, self._length - size)]
        return memoryview(self.body)[self._filled :]

    def advance(self, size: int) -> bool:
        """`size` bytes more have come; returns whether those were the last."""
        self._filled += size
        return self._filled == self._length
