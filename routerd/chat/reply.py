"""What a reply is made of."""

from __future__ import annotations

from enum import Enum
from typing import Any

from msgspec import Struct, field

from routerd.chat.parts import Opaque, Part


class StopReason(Enum):
    """Why a reply ended."""

    END = "the model had said all"
    STOP_SEQUENCE = "a stop sequence of the request came"
    LENGTH = "the token limit of the request was reached"
    CONTEXT = "the context window was full"
    TOOL_CALLS = "the model waits for tools"
    FILTERED = "the model refused, or a filter cut it off"
    PAUSED = "the provider interrupted a long turn, and would go on"


class Usage(Struct):
    """Tokens of one reply. `prompt` includes `cached` and `cache_write`; `completion` includes `reasoning`."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    cache_write: int = 0


class Choice(Struct, kw_only=True):
    """One answer; most replies have one. `logprobs` has the shape of OpenAI's `logprobs.content`."""

    parts: list[Part] = field(default_factory=list)
    stop: StopReason = StopReason.END
    stop_sequence: str | None = None
    logprobs: list[Any] | None = None


class Reply(Struct, kw_only=True):
    """A whole reply. `id` and `model` are the provider's, "" where it told none; `usage` None: not told.

    `extra` is what only its own dialect can say and no part holds: JSON pointer into the whole reply → value.
    """

    id: str = ""
    model: str = ""
    choices: list[Choice] = field(default_factory=list)
    usage: Usage | None = None
    extra: Opaque | None = None
