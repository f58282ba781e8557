"""What the adapters share: the face that each of them has, and the small things they hand over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Protocol

import msgspec

from routerd.chat.events import Event
from routerd.chat.reply import Reply, Usage
from routerd.chat.request import ChatRequest
from routerd.errors import RouterError

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


class Call(msgspec.Struct):
    """A request as it goes to a provider: `path` follows the provider's base path, `body` is JSON to be."""

    path: str
    body: dict[str, Any]


class Losses:
    """What a target can't be told: JSON pointers (RFC 6901) into the caller's body, each once, in order."""

    def __init__(self) -> None:
        self._pointers: dict[str, None] = {}

    def add(self, *pointers: str) -> None:
        """Declare them lost."""
        self._pointers.update(dict.fromkeys(pointers))

    def fields(self, request: ChatRequest, *names: str) -> None:
        """Declare those of the request's fields lost that the caller has set."""
        for name in names:
            value = getattr(request, name)
            is_neutral = value == 0 and name.endswith("_penalty")
            if value is not None and value is not False and value not in ([], {}) and not is_neutral:
                self.add(request.pointer(name))

    def extra(self, at: str, extra: Mapping[str, Any]) -> None:
        """Declare the fields lost that nobody else knows, of the part, message or tool at `at`."""
        self.add(*(f"{at}/{escape(name)}" for name in extra))

    def __iter__(self) -> Iterator[str]:
        return iter(self._pointers)

    def __len__(self) -> int:
        return len(self._pointers)


class Framing(msgspec.Struct):
    """What a rendered reply says beside the reply itself. `created` is in seconds since 1970.

    `functions`: the caller knows OpenAI's `functions` only, which `tools` replaced. `prompt` is about how many tokens
    were asked with, for dialects that tell it before the provider does; 0: nobody has counted.
    """

    id: str
    created: int
    model: str = ""
    include_usage: bool = True
    functions: bool = False
    prompt: int = 0


class StreamParser(Protocol):
    """Reads one stream. It keeps its state, and tells a failure as a ReplyFailed, its last event."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, however the stream is split."""

    def end(self) -> list[Event]:
        """The stream has ended: what that means. A ReplyFailed when it broke off before its finish."""


class StreamRenderer(Protocol):
    """Writes one stream."""

    def render(self, event: Event) -> bytes:
        """The bytes that say `event`, b"" where the dialect says nothing. For a ReplyFailed as `fail`."""

    def fail(self, error: RouterError) -> bytes:
        """The stream's last bytes when it broke off: never what looks like a success."""


class Adapter(Protocol):
    """One wire format. Modules implement it; they hold no state and do no IO.

    `NAME` is its word in router.yaml and in `ChatRequest.dialect`. `FAMILY` tells whose signatures it reads and writes.
    `HEADERS` are sent with every request to a provider; `FORWARDED` are the caller's that pass when both sides speak
    it. `KEEP_ALIVE` is what a silent stream may say, b"" where clients choke on everything. `COMMENTS`: whether
    clients take comment lines. `TOOL_NAME` matches what a tool may be called.
    """

    @property
    def NAME(self) -> str: ...
    @property
    def FAMILY(self) -> str: ...
    @property
    def HEADERS(self) -> Mapping[str, str]: ...
    @property
    def FORWARDED(self) -> frozenset[bytes]: ...
    @property
    def KEEP_ALIVE(self) -> bytes: ...
    @property
    def COMMENTS(self) -> bool: ...
    @property
    def TOOL_NAME(self) -> re.Pattern[str]: ...

    def base_path(self, path: str) -> str:
        """A base URL's path (no slash at its end), with the version where it is missing."""

    def call_path(self, model: str, is_stream: bool) -> str:
        """What follows the base path in the URL that `model` is asked at."""

    def load(self) -> None:
        """Import what only translation needs; else that is done when it is first needed."""

    # As the caller's dialect

    def parse_request(self, body: Mapping[str, Any], model: str, is_stream: bool) -> ChatRequest:
        """Read a decoded body. Raises RouterError(invalid_request) with `param`."""

    def render_reply(self, reply: Reply, framing: Framing) -> dict[str, Any]:
        """The whole reply, JSON to be."""

    def stream_renderer(self, framing: Framing) -> StreamRenderer:
        """A writer for one stream."""

    def error_status(self, error: RouterError) -> int:
        """The HTTP status that goes with it."""

    def render_error(self, error: RouterError) -> bytes:
        """The body that says it, with a status."""

    # As the provider's dialect

    def goes_as_it_is(self, fields: Mapping[str, msgspec.Raw], model: str) -> bool:
        """Whether a body of the same dialect, by its raw fields, holds nothing that `model` of its provider refuses
        since another provider answered before."""

    def render_request(self, request: ChatRequest, model: str, quirks: Mapping[str, Any]) -> tuple[Call, Losses]:
        """The request for `model`. Raises RouterError(invalid_request) for what the target would refuse or spoil."""

    def parse_reply(self, body: bytes) -> Reply:
        """Read a 200's body. Raises RouterError: upstream_garbled, or the error that it tells."""

    def stream_parser(self) -> StreamParser:
        """A reader for one stream."""

    def parse_error(self, status: int, headers: Headers, body: bytes) -> RouterError:
        """What an answer other than 200 means. HTML and empty bodies survive."""

    # What the attempt and the relay have to know

    def read_event(self, event: bytes) -> Sign | RouterError:
        """What one event of a stream means for an attempt that waits for its first content."""

    def parse_whole(self, body: bytes) -> Usage | None:
        """Check a 200's body that is passed on as it is, and return its usage. Raises as `parse_reply`."""


UNANSWERED = "No result was given for this call."
UNASKED = "Result of a tool call that is no longer part of this conversation:"
"""What providers are told where another dialect's tool calls and results don't match."""


def escape(name: str) -> str:
    """A name as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def put(body: dict[str, Any], pointer: str, value: Any) -> None:
    """Set the value at a JSON pointer of objects, making those that are missing."""
    *path, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for step in path:
        body = body.setdefault(step, {})
    body[last] = value
