"""Server-sent events, written as oddly as a test wants and read as strictly as the standard says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"


@dataclass(frozen=True)
class Event:
    """One event or comment block as it was read."""

    data: str | None
    name: str | None = None
    comment: str | None = None

    def json(self) -> Any:
        """The data as JSON. Raises when there is none."""
        assert self.data is not None, self
        return json.loads(self.data)


def encode(data: Any, *, newline: str = "\n", name: str | None = None) -> bytes:
    """One event: `data` is text as it stands, or anything else as compact JSON."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    lines = ([f"event: {name}"] if name else []) + [f"data: {line}" for line in text.split("\n")]
    return (newline.join(lines) + newline * 2).encode()


def comment(text: str, *, newline: str = "\n") -> bytes:
    """A comment line with its blank line."""
    return f": {text}{newline}{newline}".encode()


def decode(body: bytes) -> list[Event]:
    """Every event and comment of a finished stream, by the rules of the HTML standard. Bad UTF-8 raises."""
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    blocks = text.split("\n\n")
    assert not blocks[-1].strip("\n"), f"the stream ends inside an event: {blocks[-1]!r}"
    return [event for block in blocks[:-1] for event in _events(block.split("\n"))]


def _events(lines: list[str]) -> Iterator[Event]:
    yield from (Event(None, comment=line[1:].removeprefix(" ")) for line in lines if line.startswith(":"))
    data = _field(lines, "data")
    if data:
        yield Event("\n".join(data), name=next(iter(_field(lines, "event")), None))


def _field(lines: list[str], name: str) -> list[str]:
    return [line[len(name) + 1 :].removeprefix(" ") for line in lines if line.startswith(f"{name}:")]


@dataclass(frozen=True)
class Story:
    """What a chat stream told its caller, added up."""

    text: str
    finish: str | None
    usage: dict[str, Any] | None
    error: dict[str, Any] | None
    done: bool
    comments: tuple[str, ...]
    chunks: tuple[dict[str, Any], ...]


def story(events: Iterable[Event]) -> Story:
    """Read a chat stream as a careful client would."""
    seen = list(events)
    data = [event for event in seen if event.data is not None]
    chunks = tuple(event.json() for event in data if event.data != DONE)
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
    return Story(
        text="".join(choice.get("delta", {}).get("content") or "" for choice in choices),
        finish=next((choice["finish_reason"] for choice in choices if choice.get("finish_reason")), None),
        usage=next((chunk["usage"] for chunk in chunks if chunk.get("usage")), None),
        error=next((chunk["error"] for chunk in chunks if "error" in chunk), None),
        done=bool(data) and data[-1].data == DONE,
        comments=tuple(event.comment for event in seen if event.comment is not None),
        chunks=chunks,
    )
