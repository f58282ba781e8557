"""What the adapters share."""

from __future__ import annotations

from enum import Enum

import msgspec

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case, with their values."""


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding somebody else's JSON may raise; deep nesting is the last."""


class Sign(Enum):
    """What an event of a stream means for the attempt that waits for it."""

    NOTHING = "nothing yet"
    CONTENT = "first content"
    DONE = "end of stream"


NOTHING, CONTENT, DONE = Sign.NOTHING, Sign.CONTENT, Sign.DONE
