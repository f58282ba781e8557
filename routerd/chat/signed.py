"""What a provider signed in a reply, so that it can be given back where a caller left it out.

Most callers return a reply without its signatures, many without its thoughts. A message that comes back is known by the
ids of its tool calls, else by its thoughts, else by its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import accumulate

from msgspec import Struct, structs

from routerd.chat.parts import Part, Signature, Text, Thinking, ToolCall
from routerd.chat.request import Message

PLAIN = "plain"
"""The family of thoughts that nobody signs, and that their provider wants back all the same."""


class Thought(Struct, frozen=True, array_like=True):
    """A signed piece of thinking. `call` is the id of the call after it; "" when it opened the reply."""

    text: str
    signature: Signature
    is_redacted: bool = False
    call: str = ""


class Words(Struct, frozen=True, array_like=True):
    """How many characters one text of the reply had, and its signature."""

    length: int
    signature: Signature | None = None


class Kept(Struct, frozen=True, omit_defaults=True):
    """What a reply is known by, and what can be given back of it.

    `calls`: the id of every tool call → its signature. `words`: every text, if any is signed; `said` marks them all
    together. `marks`: of the thoughts one by one, and of all together as callers join them.
    """

    thoughts: tuple[Thought, ...] = ()
    calls: dict[str, Signature | None] = {}
    words: tuple[Words, ...] = ()
    marks: tuple[str, ...] = ()
    said: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is known by. Text counts only where nothing else does: many replies just say "Done"."""
        known = (*self.calls, *self.marks)
        return known or ((self.said,) if self.said else ())


def mark(kind: str, text: str) -> str:
    """A text by its digest: callers trim spaces, and texts are long."""
    return f"{kind}:{sha256(text.strip().encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def keep(parts: Sequence[Part]) -> Kept | None:
    """What to keep of a reply's parts; None when nothing is signed, or nothing could tell the reply again."""
    if not any(isinstance(part, Text | Thinking | ToolCall) and part.signature for part in parts):
        return None
    thoughts, words = tuple(_thoughts(parts)), tuple(_words(parts))
    kept = Kept(
        thoughts=thoughts,
        calls={part.id: part.signature for part in parts if isinstance(part, ToolCall)},
        words=words,
        marks=tuple(_marks_of_thoughts(parts)) if thoughts else (),
        said=mark_of_text(parts) if words else "",
    )
    return kept if kept.names else None


def _thoughts(parts: Sequence[Part]) -> Iterator[Thought]:
    """The signed ones, each with the call that it led to."""
    opens, waiting = True, list[Thought]()
    for part in parts:
        if isinstance(part, Thinking) and part.signature:
            waiting.append(Thought(part.text, part.signature, part.is_redacted))
        elif isinstance(part, ToolCall):
            yield from (structs.replace(thought, call="" if opens else part.id) for thought in waiting)
            waiting = []
        if opens and not isinstance(part, Thinking):
            yield from waiting
            opens, waiting = False, []
    yield from waiting


def _words(parts: Sequence[Part]) -> list[Words]:
    texts = [part for part in parts if isinstance(part, Text)]
    return [Words(len(text.text), text.signature) for text in texts] if any(text.signature for text in texts) else []


def _marks_of_thoughts(parts: Iterable[Part]) -> Iterator[str]:
    """Of all thinking together, then of each alone."""
    texts = [part.text for part in parts if isinstance(part, Thinking) and part.text.strip()]
    if texts:
        yield mark("thoughts", "".join(texts))
    if len(texts) > 1:
        yield from (mark("thoughts", text) for text in texts)


def as_signed(parts: Iterable[Part]) -> list[Part]:
    """A reply's parts with a signature of the family PLAIN at the thoughts that have none."""
    return [
        structs.replace(part, signature=Signature(PLAIN, PLAIN))
        if isinstance(part, Thinking) and part.signature is None
        else part
        for part in parts
    ]


def call_ids(message: Message) -> list[str]:
    """The ids of a message's tool calls."""
    return [part.id for part in message.parts if isinstance(part, ToolCall)]


def marks_of_thoughts(message: Message) -> Iterator[str]:
    """The marks by which a message that came back may be known; none when its thoughts are signed."""
    return iter(()) if _is_signed(message) else _marks_of_thoughts(message.parts)


def mark_of_text(parts: Iterable[Part]) -> str:
    """The mark of all the text; "" where there is none."""
    text = "".join([part.text for part in parts if isinstance(part, Text)])
    return mark("text", text) if text.strip() else ""


def _is_signed(message: Message) -> bool:
    return any(isinstance(part, Thinking) and part.signature for part in message.parts)


def give_back(message: Message, replies: Sequence[Kept], family: str) -> Message:
    """`message` with what `family` signed of the replies it consists of; the very same when there is nothing to add."""
    parts, has_thoughts = message.parts, _is_signed(message)
    for number, kept in enumerate(replies):
        if not has_thoughts:
            parts = _with_thoughts(parts, kept, family, message.at, is_first=not number)
        parts = _with_signed_calls(parts, kept, family)
        parts = _with_signed_texts(parts, kept, family)
    return message if parts is message.parts else structs.replace(message, parts=parts)


def _with_thoughts(parts: list[Part], kept: Kept, family: str, at: str, *, is_first: bool) -> list[Part]:
    """The reply's thoughts at its start, or before the call that they led to, in place of the caller's copies."""
    thoughts = [thought for thought in kept.thoughts if thought.signature.family == family]
    if not thoughts:
        return parts
    copies = _copies(parts, kept)
    calls = {index: part.id for index, part in enumerate(parts) if isinstance(part, ToolCall) and part.id in kept.calls}
    start = 0 if is_first else min([*copies, *calls], default=-1)
    at = next(iter(copies.values()), at)
    found: list[Part] = []
    for index, part in enumerate(parts):
        if index == start:
            found += [_thinking(thought, at) for thought in thoughts if not thought.call]
        if index in calls:
            found += [_thinking(thought, at) for thought in thoughts if thought.call == calls[index]]
        if index not in copies:
            found.append(part)
    return found


def _thinking(thought: Thought, at: str) -> Thinking:
    return Thinking(text=thought.text, signature=thought.signature, is_redacted=thought.is_redacted, at=at)


def _copies(parts: list[Part], kept: Kept) -> dict[int, str]:
    """Where the reply's thoughts came back without their signature: index → pointer."""
    bare = {index: part for index, part in enumerate(parts) if isinstance(part, Thinking) and not part.signature}
    if bare and mark("thoughts", "".join([part.text for part in bare.values()])) in kept.marks:
        return {index: part.at for index, part in bare.items()}
    return {index: part.at for index, part in bare.items() if mark("thoughts", part.text) in kept.marks}


def _with_signed_calls(parts: list[Part], kept: Kept, family: str) -> list[Part]:
    signed = {name: signature for name, signature in kept.calls.items() if signature and signature.family == family}
    bare = [part.id for part in parts if isinstance(part, ToolCall) and part.id in signed and not part.signature]
    if not bare:
        return parts
    return [
        structs.replace(part, signature=signed[part.id]) if isinstance(part, ToolCall) and part.id in bare else part
        for part in parts
    ]


def _with_signed_texts(parts: list[Part], kept: Kept, family: str) -> list[Part]:
    """Text is cut again where the reply's own texts ended; where that can't be told, its last one is signed."""
    signed = [word.signature for word in kept.words if word.signature and word.signature.family == family]
    texts = [part for part in parts if isinstance(part, Text)]
    if not signed or not texts or any(text.signature for text in texts) or mark_of_text(texts) != kept.said:
        return parts
    if len(texts) == 1 and len(texts[0].text) == sum(word.length for word in kept.words):
        new = _cut(texts[0], kept.words, family)
    else:
        new = [structs.replace(texts[-1], signature=signed[-1])]
    index = next(index for index, part in enumerate(parts) if part is texts[-1])
    return [*parts[:index], *new, *parts[index + 1 :]]


def _cut(text: Text, words: Sequence[Words], family: str) -> list[Text]:
    """`text` in as many pieces as there are words; a cache mark stays at its end."""
    ends = accumulate(word.length for word in words)
    pieces = [
        structs.replace(text, text=text.text[end - word.length : end], signature=_of(family, word), cache=None)
        for word, end in zip(words, ends, strict=True)
    ]
    pieces[-1].cache = text.cache
    return pieces


def _of(family: str, word: Words) -> Signature | None:
    return word.signature if word.signature and word.signature.family == family else None
