"""Changing values in the text of router.yaml, or adding one key, and touching nothing else.

The text is cut at the places that the parser noted. The result is parsed again, and counts only if it says what was
meant and nothing else; what can't be done so is refused, with the line to edit by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from routerd.config.document import Document, Entry, Node, parse, plain
from routerd.config.problem import Path, path_text
from routerd.config.scalars import resolve

_BOM = "\ufeff"
_PLAIN = re.compile(r"[\w/](?:[\w/.+=%@-]|:(?=[^ ])| (?=\w))*", re.ASCII)
_BLOCK = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)?\r?\n")
_COMMENT = re.compile(r"[ \t]*#")
_AFTER = ("base_url", "vendor", "adapter", "version")  # a new key stands after these, if they are there

Quote = Callable[[str], str]
Content = str | list[str] | dict[str, str]


class CantEdit(Exception):
    """No program can change the text so: edit it by hand at `line`. The error's own text says what is to be done."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"edit it by hand at line {line}: {what}")
        self.line = line


def replace_scalar(text: str, path: Path, value: str) -> str:
    """`text` with another scalar at `path`, which is there. Raises CantEdit."""
    edited, refused = replace_scalars(text, {path: value})
    if refused:
        raise refused[path]
    return edited


def replace_scalars(text: str, values: Mapping[Path, str]) -> tuple[str, dict[Path, CantEdit]]:
    """`text` with other scalars at these paths, which are there, and why some of them are not changed.

    The text is parsed once; only when all of them together don't give what is meant, once for each.
    Raises CantEdit for a text that can't be parsed.
    """
    bare, document = _parsed(text)
    edited = _replaced(bare, document, values)
    if edited is not None and _says(edited, document, values):
        return (_BOM if text.startswith(_BOM) else "") + edited, {}
    if len(values) == 1:
        (path,) = values
        return text, {path: CantEdit(document.find(path).value.line, f"`{path_text(path)}` is to have the new value")}
    refused: dict[Path, CantEdit] = {}
    for path, value in values.items():
        text, more = replace_scalars(text, {path: value})
        refused |= more
    return text, refused


def _replaced(bare: str, document: Document, values: Mapping[Path, str]) -> str | None:
    """The text with the values; None when one of them is no scalar of its own."""
    places = []
    for path, value in values.items():
        found = document.find(path)
        if found.path != path or isinstance(found.value.value, dict | list):
            return None
        places.append((found.value.start, found.value.end, value))
    pieces, at = [], 0
    for start, end, value in sorted(places):
        if start < at:
            return None  # two names of one place
        pieces += [bare[at:start], _like(bare[start:end], value)]
        at = end
    return "".join([*pieces, bare[at:]])


def _says(edited: str, before: Document, values: Mapping[Path, str]) -> bool:
    after = parse(edited)
    wanted: Any = plain(before.root) if before.root is not None else None  # made anew, to be changed here
    for path, value in values.items():
        holder = wanted
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
    return not after.problems and after.root is not None and after.data == wanted


def insert_key(text: str, path: Path, value: Content) -> str:
    """`text` with a new key, the last of `path`, in a map that is there. Raises CantEdit.

    A text or a map goes on the key's line, a list below it.
    """
    bare, document = _parsed(text)
    found = document.find(path[:-1])
    entries = found.value.value
    what = f"`{path_text(path)}` belongs here"
    if found.path != path[:-1] or not isinstance(entries, dict) or path[-1] in entries:
        raise CantEdit(found.value.line, what)
    insert: Callable[[str, Node, str, Content], str] = _into_flow if found.value.is_flow else _into_block
    edited = insert(bare, found.value, str(path[-1]), value)
    return _verified(text, edited, document, path, value, found.value.line, what)


def _parsed(text: str) -> tuple[str, Document]:
    """The text without its byte order mark, which the parser does not count, and the document."""
    document = parse(text)
    if document.root is None or document.problems:
        first = document.problems[0] if document.problems else None
        raise CantEdit(first.line if first else 1, first.message if first else "there is no configuration in here")
    return text.removeprefix(_BOM), document


def _verified(text: str, edited: str, before: Document, path: Path, value: Content, line: int, what: str) -> str:
    after = parse(edited)
    if after.problems or after.root is None or after.data != _with(before.data, path, value):
        raise CantEdit(line, what)
    return (_BOM if text.startswith(_BOM) else "") + edited


def _with(data: Any, path: Path, value: Content) -> Any:
    """Plain data with the value at `path`."""
    if not path:
        return value
    if isinstance(data, list):
        return [_with(item, path[1:], value) if at == path[0] else item for at, item in enumerate(data)]
    return {**data, path[0]: _with(data.get(path[0]), path[1:], value)}


def _like(old: str, value: str) -> str:
    """`value` written as `old` was: its quotes, and the comment and line ends that go with a block."""
    if (block := _BLOCK.match(old)) is not None:
        ending = re.search(r"(?:[ \t]*\r?\n)*\Z", old)
        return _plain(value) + (block[1] or "") + (ending[0] if ending else "")
    if old.startswith("'") and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False) if old.startswith(('"', "'")) else _plain(value)


def _plain(value: str) -> str:
    """`value` without quotes where it can do without."""
    is_plain = _PLAIN.fullmatch(value) and isinstance(resolve(value), str)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _on_one_line(value: Content, quote: Quote) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(quote, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quote(name)}: {quote(text)}' for name, text in value.items())}}}"
    return quote(value)


def _into_flow(text: str, node: Node, key: str, value: Content) -> str:
    quote: Quote = json.dumps if re.match(r"\{\s*\"", text[node.start : node.end]) else _plain
    comma = ", " if node.value else ""
    at = text.index("{", node.start) + 1
    return f"{text[:at]}{quote(key)}: {_on_one_line(value, quote)}{comma}{text[at:]}"


def _into_block(text: str, node: Node, key: str, value: Content) -> str:
    assert isinstance(node.value, dict)
    first = next(iter(node.value.values()))
    at = _place(text, node, node.value)
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * (first.key.column - 1)
    lines = _list_lines(key, value) if isinstance(value, list) else [f"{_plain(key)}: {_on_one_line(value, _plain)}"]
    if at > 0 and text[at - 1] != "\n":  # the last line has no end
        return text[:at] + "".join(newline + indent + line for line in lines) + text[at:]
    return text[:at] + "".join(indent + line + newline for line in lines) + text[at:]


def _list_lines(key: str, items: list[str]) -> list[str]:
    return [f"{_plain(key)}:", *(f"  - {_plain(item)}" for item in items)]


def _place(text: str, node: Node, entries: dict[str, Entry]) -> int:
    """Where a new line goes: after a key that introduces the others, else before the first and what is said of it."""
    for name in _AFTER:
        entry = entries.get(name)
        if entry is not None and _line_end(text, entry.key.start) == _line_end(text, entry.value.end):
            return _line_end(text, entry.value.end)
    first = next(iter(entries.values())).key
    start = text.rfind("\n", 0, first.start) + 1
    return _above_comments(text, start) if first.column == 1 else start


def _above_comments(text: str, start: int) -> int:
    """The start of the comment directly above, unless the file begins with it: then it is about the file."""
    at = start
    while at > 0:
        above = text.rfind("\n", 0, at - 1) + 1
        if not _COMMENT.match(text, above):
            return at
        at = above
    return start


def _line_end(text: str, index: int) -> int:
    """The start of the line after the one of `index`."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1
