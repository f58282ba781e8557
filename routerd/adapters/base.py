"""What the adapters share."""

from __future__ import annotations

from enum import Enum

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case, with their values."""


class Sign(Enum):
    """What an event of a stream means for the attempt that waits for it."""

    NOTHING = "nothing yet"
    CONTENT = "first content"
    DONE = "end of stream"


NOTHING, CONTENT, DONE = Sign.NOTHING, Sign.CONTENT, Sign.DONE
