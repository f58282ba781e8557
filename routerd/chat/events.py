"""A reply as it is streamed, and how it folds into a whole one.

    ReplyStarted (PartStarted (PartDelta | PartSigned)* PartEnded | ChoiceEnded)* (ReplyEnded | ReplyFailed)

Parts may overlap: parallel tool calls grow side by side. An index counts parts from 0 over the whole reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, structs

from routerd.chat.parts import Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason, Usage


class ReplyStarted(Struct):
    """`usage` tells the prompt's tokens where the provider knows them already."""

    id: str = ""
    model: str = ""
    usage: Usage | None = None


class PartStarted(Struct):
    """`part` as far as it is known: its text, or the arguments of a call, may grow. Other kinds come whole."""

    index: int
    part: Part
    choice: int = 0


class PartDelta(Struct):
    """More of the part's text, or of its arguments. `logprobs` as in `Choice`."""

    index: int
    text: str
    logprobs: list[Any] | None = None


class PartSigned(Struct):
    """The part's signature; a second one replaces the first."""

    index: int
    signature: Signature


class PartEnded(Struct):
    """The part is whole."""

    index: int


class ChoiceEnded(Struct):
    """One answer is whole."""

    choice: int
    stop: StopReason
    stop_sequence: str | None = None


class ReplyEnded(Struct):
    """Everything is whole. `usage` None: not told; `extra` as in `Reply`."""

    usage: Usage | None = None
    extra: Opaque | None = None


class ReplyFailed(Struct):
    """The reply broke off: a RouterError says why. Nothing follows."""

    error: Any


Event: TypeAlias = (
    ReplyStarted | PartStarted | PartDelta | PartSigned | PartEnded | ChoiceEnded | ReplyEnded | ReplyFailed
)


class Collector:
    """Folds events into the reply that they tell. Raises the error of a ReplyFailed."""

    def __init__(self) -> None:
        self.reply = Reply()
        self._parts: dict[int, Part] = {}
        self._grown: dict[int, list[str]] = {}
        self._choice_of: dict[int, int] = {}

    def add(self, event: Event) -> None:
        """Take one event in."""
        _ADD[type(event)](self, event)

    def _reply_started(self, event: ReplyStarted) -> None:
        self.reply.id, self.reply.model, self.reply.usage = event.id, event.model, event.usage

    def _part_started(self, event: PartStarted) -> None:
        part = self._parts[event.index] = structs.replace(event.part)
        self._choice_of[event.index] = event.choice
        self._choice(event.choice).parts.append(part)
        self._grown[event.index] = []

    def _part_delta(self, event: PartDelta) -> None:
        self._grown[event.index].append(event.text)
        if event.logprobs:
            choice = self._choice(self._choice_of[event.index])
            choice.logprobs = (choice.logprobs or []) + event.logprobs

    def _part_signed(self, event: PartSigned) -> None:
        part = self._parts[event.index]
        if isinstance(part, Text | Thinking | ToolCall):
            part.signature = event.signature

    def _part_ended(self, event: PartEnded) -> None:
        part, grown = self._parts[event.index], "".join(self._grown.pop(event.index, ()))
        if isinstance(part, Text | Thinking | Refusal):
            part.text += grown
        elif isinstance(part, ToolCall):
            part.arguments += grown

    def _choice_ended(self, event: ChoiceEnded) -> None:
        choice = self._choice(event.choice)
        choice.stop, choice.stop_sequence = event.stop, event.stop_sequence

    def _reply_ended(self, event: ReplyEnded) -> None:
        self.reply.usage = event.usage or self.reply.usage
        self.reply.extra = event.extra

    def _reply_failed(self, event: ReplyFailed) -> None:
        raise event.error

    def _choice(self, index: int) -> Choice:
        while len(self.reply.choices) <= index:
            self.reply.choices.append(Choice())
        return self.reply.choices[index]


_ADD: Mapping[type, Callable[[Collector, Any], None]] = {
    ReplyStarted: Collector._reply_started,
    PartStarted: Collector._part_started,
    PartDelta: Collector._part_delta,
    PartSigned: Collector._part_signed,
    PartEnded: Collector._part_ended,
    ChoiceEnded: Collector._choice_ended,
    ReplyEnded: Collector._reply_ended,
    ReplyFailed: Collector._reply_failed,
}


def collect(events: Iterable[Event]) -> Reply:
    """The reply that a stream tells. Raises the error that broke it off."""
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.reply


def replay(reply: Reply) -> Iterator[Event]:
    """The stream that tells a whole reply, each part in one piece."""
    yield ReplyStarted(reply.id, reply.model, reply.usage)
    index = 0
    for number, choice in enumerate(reply.choices):
        logprobs = choice.logprobs
        for part in choice.parts:
            text, skeleton = _grown(part)
            yield PartStarted(index, skeleton, number)
            if text:
                yield PartDelta(index, text, logprobs if isinstance(part, Text) else None)
                logprobs = None if isinstance(part, Text) else logprobs
            if isinstance(part, Text | Thinking | ToolCall) and part.signature:
                yield PartSigned(index, part.signature)
            yield PartEnded(index)
            index += 1
        yield ChoiceEnded(number, choice.stop, choice.stop_sequence)
    yield ReplyEnded(reply.usage, reply.extra)


def _grown(part: Part) -> tuple[str, Part]:
    """What of a part comes in pieces, and the part as it starts."""
    if isinstance(part, ToolCall):
        return part.arguments, structs.replace(part, arguments="", signature=None)
    if isinstance(part, Text | Thinking):
        if isinstance(part, Thinking) and part.is_redacted:
            return "", part
        return part.text, structs.replace(part, text="", signature=None)
    if isinstance(part, Refusal):
        return part.text, structs.replace(part, text="")
    return "", part
