"""Request bodies like those of a coding agent: many messages of code, so that strings are full of escapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
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


_PARAMETERS = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
    "required": ["path", "content"],
}
_TOOL = {"name": "write_file", "description": "Write a text file, replacing what is there."}


def agent(dialect: str, model: str, size: int = 1000) -> bytes:
    """A streamed request with a tool, in OpenAI's dialect or Anthropic's; without the tool of about `size` bytes."""
    body = json.loads(chat(model, size, stream=True))
    if dialect == "openai":
        body["tools"] = [{"type": "function", "function": {**_TOOL, "parameters": _PARAMETERS}}]
    else:
        system, *talk = body["messages"]
        body |= {"max_tokens": 4096, "system": system["content"], "messages": talk}
        body["tools"] = [{**_TOOL, "input_schema": _PARAMETERS}]
        del body["stream_options"]
    return json.dumps(body, separators=(",", ":")).encode()


class Bodies:
    """Body files, written when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def chat(self, model: str, size: int = 1000, stream: bool = False) -> Path:
        """The file of `chat(model, size, stream)`."""
        name = f"{model.replace('/', '_')}-{size}{'-stream' if stream else ''}"
        return self._file(name, partial(chat, model, size, stream))

    def agent(self, dialect: str, model: str) -> Path:
        """The file of `agent(dialect, model)`."""
        return self._file(f"agent-{dialect}-{model}", partial(agent, dialect, model))

    def _file(self, name: str, make: Callable[[], bytes]) -> Path:
        path = self._folder / f"{name}.json"
        if not path.exists():
            path.write_bytes(make())
        return path
