"""Replies that are compressed although identity was asked for, made plain within bounds."""

from __future__ import annotations

import zlib

from routerd.adapters.base import Headers

MOST_AT_ONCE = 16 * 1024 * 1024  # bytes out of one network read: more is a bomb

_WINDOW_BITS = {b"gzip": zlib.MAX_WBITS | 16, b"x-gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS}


class Inflater:
    """Takes the bytes of one reply as they come. Raises ValueError when they are broken, or a bomb."""

    def __init__(self, coding: bytes) -> None:
        self._stream = zlib.decompressobj(_WINDOW_BITS[coding])

    def __call__(self, data: bytes) -> bytes:
        """What `data` adds to the plain reply; may be nothing yet."""
        try:
            plain = self._stream.decompress(data, MOST_AT_ONCE)
        except zlib.error:
            raise ValueError("sent a broken compression") from None
        if self._stream.unconsumed_tail:
            raise ValueError("sent a compression that unpacks to too much")
        return plain


def inflater(headers: Headers) -> Inflater | None:
    """What makes a reply with these headers plain; None: it is."""
    coding = next((value.strip().lower() for name, value in headers if name == b"content-encoding"), None)
    return Inflater(coding) if coding in _WINDOW_BITS else None
