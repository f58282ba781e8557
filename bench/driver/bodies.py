"""Request bodies like those of a coding agent: many messages of code, so that strings are full of escapes."""

from __future__ import annotations

import json
from pathlib import Path

_CODE = r'''def parse_line(line: str, number: int) -> Entry:
    """One line of the log: time, level and message, split at "|"."""
    fields = line.rstrip("\n").split("|", 2)
    if len(fields) != 3:
        raise ParseError(f"line {number}: expected 3 fields, got {len(fields)}")
    time, level, message = (field.strip() for field in fields)
    return Entry(time=datetime.fromisoformat(time), level=Level[level.upper()], message=message)

'''
_TURN = 2000


def _messages(size: int) -> list[dict[str, str]]:
    """A system message and turns of code whose text adds up to about `size` characters."""
    turns = max(1, size // _TURN)
    text = (_CODE * (size // len(_CODE) + 1))[: max(1, size // turns)]
    roles = ("user", "assistant")
    talk = [{"role": roles[turn % 2], "content": f"Step {turn}.\n{text}"} for turn in range(turns)]
    return [{"role": "system", "content": "You are a careful programmer. Answer with code."}, *talk]


def chat(model: str, size: int, stream: bool = False) -> bytes:
    """A chat request of about `size` bytes, its fields in the order in which the OpenAI SDK for Node sends them."""
    body: dict[str, object] = {"model": model, "messages": _messages(int(size / 1.06) - 200), "temperature": 0}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, separators=(",", ":")).encode()


class Bodies:
    """Body files, written when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def chat(self, model: str, size: int = 1000, stream: bool = False) -> Path:
        """The file of `chat(model, size, stream)`."""
        path = self._folder / f"{model.replace('/', '_')}-{size}{'-stream' if stream else ''}.json"
        if not path.exists():
            path.write_bytes(chat(model, size, stream))
        return path
