"""What scripted providers of all dialects share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.support.reply import Close, Reply, Reset, Stall, Step, event_stream, raw, whole
from tests.support.script import Asked, Trouble, Turn
from tests.support.wire import Request


class Refused(Exception):
    """The provider answers 400 with this message."""


class Dialect(ABC):
    """A wire format as its vendor's servers speak it."""

    NAME: ClassVar[str]  # as `adapter` in router.yaml
    MODEL: ClassVar[str]  # one that the vendor has
    BASE: ClassVar[str] = ""  # what a base URL ends with

    @abstractmethod
    def is_chat(self, request: Request) -> bool:
        """Whether a model is asked to speak."""

    @abstractmethod
    def aside(self, request: Request) -> Reply | None:
        """The answer to anything else: a list of models, a count of tokens. None: there is no such thing."""

    @abstractmethod
    def judge(self, request: Request) -> None:
        """Raises Refused for what the vendor's server would answer 400 to."""

    @abstractmethod
    def asked(self, request: Request) -> Asked:
        """What a valid request asks."""

    @abstractmethod
    def whole(self, asked: Asked, turn: Turn, seed: str) -> dict[str, Any]:
        """The turn as one object. Ids are made from `seed`."""

    @abstractmethod
    def events(self, asked: Asked, turn: Turn, seed: str) -> list[bytes]:
        """The turn as a stream's events."""

    @abstractmethod
    def call_id(self, seed: str, number: int) -> str:
        """The id of the turn's call with this number; "" where calls have none."""

    @abstractmethod
    def signs(self, asked: Asked, turn: Turn) -> bool:
        """Whether the turn goes out with a signature, which is to come back."""

    @abstractmethod
    def opening(self, events: list[bytes]) -> int:
        """How many of a stream's events come before its first content."""

    @abstractmethod
    def error(self, status: int, message: str, trouble: Trouble | None = None) -> Reply:
        """An error with a status."""

    @abstractmethod
    def error_event(self) -> bytes:
        """The event by which an overloaded provider ends a stream that has begun."""

    def answer(self, asked: Asked, turn: Turn, seed: str) -> Reply:
        """The turn, as it was asked for."""
        if asked.is_stream:
            return event_stream(*self.events(asked, turn, seed))
        return whole(self.whole(asked, turn, seed))

    def misbehave(self, asked: Asked, trouble: Trouble, turn: Turn, seed: str) -> Reply:
        """The trouble, in the place of the turn."""
        if trouble is Trouble.DOWN:
            return raw(Reset())
        if trouble in _STATUSES:
            status, message = _STATUSES[trouble]
            return self.error(status, message, trouble)
        if not asked.is_stream:
            return _UNSTREAMED.get(trouble) or self.error(*_STATUSES[Trouble.OVERLOADED], Trouble.OVERLOADED)
        events = self.events(asked, turn, seed)
        said = self.opening(events) + 2 * trouble.is_late
        ending = self.error_event() if trouble in _INSIDE else _ENDS[trouble]
        return event_stream(*events[:said], ending, ended=trouble in _INSIDE)


_STATUSES: Mapping[Trouble, tuple[int, str]] = {
    Trouble.LIMITED: (429, "You have sent too many requests."),
    Trouble.OVERLOADED: (503, "Overloaded"),
    Trouble.BROKEN: (500, "Internal server error"),
}
_INSIDE = {Trouble.OVERLOADED_INSIDE, Trouble.LATE_ERROR}
_ENDS: Mapping[Trouble, Step] = {
    Trouble.CUT: Reset(), Trouble.LATE_CUT: Reset(), Trouble.STALL: Stall(), Trouble.LATE_STALL: Stall(),
}  # fmt: skip
_UNSTREAMED: Mapping[Trouble, Reply] = {
    Trouble.CUT: raw(Close()), Trouble.LATE_CUT: raw(Close()),
    Trouble.STALL: raw(Stall()), Trouble.LATE_STALL: raw(Stall()),
}  # fmt: skip


def body_of(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    try:
        body = request.json()
    except ValueError as error:
        raise Refused(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused("the body is not an object")
    return body


def refuse(wrong: bool, message: str) -> None:
    """Raise Refused when it is wrong."""
    if wrong:
        raise Refused(message)


def texts(content: Any) -> Iterator[str]:
    """Every text of a message's content, which is text itself or a list of parts."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part.get("text"), str):
            yield part["text"]


def is_object(text: Any) -> bool:
    """Whether this is the text of a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError):
        return False
