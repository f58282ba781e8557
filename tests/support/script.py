"""What a scripted model says and how its provider misbehaves, in words that every dialect can be rendered from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.support.chat import ToolCall

_SECRET = b"only the provider can sign its thoughts"


@dataclass(frozen=True)
class Tokens:
    """What a turn is billed. `prompt` includes `cached`, `completion` includes `reasoning`."""

    prompt: int = 40
    completion: int = 12
    cached: int = 8
    reasoning: int = 5


@dataclass(frozen=True)
class Turn:
    """One reply of the model: it thinks (where it was asked to), speaks, and calls tools. Ids are the provider's."""

    text: str = ""
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    tokens: Tokens = Tokens()
    is_redacted: bool = False  # the thought comes encrypted, where the dialect has that


class Trouble(Enum):
    """What goes wrong instead of a turn. The last three happen after the first words, all others before them."""

    LIMITED = "429 with a second to wait"
    OVERLOADED = "the status of an overloaded provider"
    BROKEN = "500"
    OVERLOADED_INSIDE = "an error event in a 200 stream"
    CUT = "the stream begins and is cut"
    DOWN = "the connection is reset before a byte"
    STALL = "the stream begins and says nothing more"
    LATE_ERROR = "an error event after the first words"
    LATE_CUT = "a cut after the first words"
    LATE_STALL = "silence after the first words"

    @property
    def is_late(self) -> bool:
        return self.name.startswith("LATE")


FIRST_THOUGHT = "Well then."  # of a turn without a thought, where a model can't begin without one
RETRY_AFTER = 1  # seconds, of Trouble.LIMITED


@dataclass
class Said:
    """One turn of the model as the caller's history tells it."""

    text: str = ""
    thinking: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    signatures: int = 0  # how many of the provider's own came back


@dataclass
class Asked:
    """One request, whatever its dialect."""

    model: str
    prompt: str  # everything that the user said
    is_stream: bool = False
    thinks: bool = False
    shows_thinking: bool = True
    must_think: bool = False
    wants_usage: bool = True
    tools: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)  # what the tools answered, by the id (or name) of the call


def pieces(text: str, size: int = 7) -> Iterator[str]:
    """The text as a model streams it."""
    return (text[start : start + size] for start in range(0, len(text), size))


def token(seed: str, length: int = 22) -> str:
    """Letters and digits that look like an id and are always the same for `seed`."""
    return hashlib.sha256(seed.encode()).hexdigest()[:length]


def sign(kind: str, subject: Any) -> str:
    """A signature of `subject` (JSON), opaque to everyone else, as long as real ones are."""
    digest = hmac.digest(_SECRET, _canonical(kind, subject), "sha512")
    return base64.b64encode(digest + digest[::-1]).decode()


def is_signed(kind: str, subject: Any, signature: Any) -> bool:
    """Whether `signature` is the one for `subject`, unaltered."""
    return isinstance(signature, str) and hmac.compare_digest(sign(kind, subject), signature)


def _canonical(kind: str, subject: Any) -> bytes:
    return json.dumps([kind, subject], sort_keys=True, separators=(",", ":")).encode()
