"""Plain data as YAML text, the way a person would write it: one line for what is small, a key a line for the rest."""

from __future__ import annotations

import re
from math import isfinite, isnan
from typing import Any, NamedTuple

from routerd.config.problem import Path
from routerd.config.scalars import NotANumber, resolve

WIDEST = 100  # columns; what is wider takes several lines

_PLAIN = re.compile(r"[\w/](?:[\w/.+=%@~#$^;()-]|:(?=[\w/])| (?=[\w/(]))*")
# What readers of YAML 1.1 take for something else than text.
_WORDS_OF_OLD = frozenset({"yes", "no", "on", "off", "y", "n"})
_NUMBERS_OF_OLD = re.compile(r"[-+.\d][\d_:.,-]*|0b[01_]+")
_ONE_LINE_SECTIONS = frozenset({"clients", "admins"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Style(NamedTuple):
    """How far a map's keys stand behind the key that it belongs to, and how far a list's dashes do."""

    step: int = 2
    dash: int = 2


def flow(value: Any, quote: str | None = None) -> str:
    """A value on one line. A text gets the kind of `quote` that stood there, where that can hold it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(name)}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _text(value, quote) if isinstance(value, str) else _word(value)


def json(value: Any) -> str:
    """A value on one line, as JSON has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json(name)}: {json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json, value)) + "]"
    return _text(value, '"') if isinstance(value, str) else _word(value)


def is_block(path: Path, value: Any, indent: int) -> bool:
    """Whether the value at `path` takes several lines where it is written anew; its key stands at `indent`."""
    if not value or not isinstance(value, dict | list) or any(isinstance(step, int) for step in path):
        return False
    if len(path) <= 1:
        return True
    if path[0] in _ONE_LINE_SECTIONS:
        return False
    return _has_parts(path, value) or indent + len(str(path[-1])) + 2 + len(flow(value)) > WIDEST


def _has_parts(path: Path, value: Any) -> bool:
    """Whether a provider, a route or its nodes are more than what one line tells well."""
    if path[0] not in ("providers", "routes") or len(path) > 3:
        return False
    if len(path) == 3:
        return path[0] == "routes" and path[2] == "nodes"
    nodes = value.get("nodes") if isinstance(value, dict) else value
    has_long_nodes = isinstance(nodes, list) and any(isinstance(node, dict) for node in nodes)
    return has_long_nodes or (isinstance(value, dict) and len(value) > 2)


def block(value: Any, path: Path, indent: int, style: Style) -> list[str]:
    """The lines of a map or a list whose key stands at `indent`, without line ends."""
    if isinstance(value, list):
        return [item(each, indent + style.dash) for each in value]
    lines: list[str] = []
    for name, each in value.items():
        lines += entry((*path, name), each, indent + style.step, style)
    return lines


def entry(path: Path, value: Any, indent: int, style: Style) -> list[str]:
    """The lines of a key, the last step of `path`, that stands at `indent`."""
    head = f"{' ' * indent}{flow(path[-1])}:"
    if is_block(path, value, indent):
        return [head, *block(value, path, indent, style)]
    return [f"{head} {flow(value)}"]


def item(value: Any, indent: int) -> str:
    """The line of an item of a list, whose dash stands at `indent`."""
    return f"{' ' * indent}- {flow(value)}"


def literal(value: Any, header: str, indent: int) -> list[str] | None:
    """The lines of a text that stands after `|`, or None when they would not say the same."""
    endings = {"|": 1, "|-": 0}
    if not isinstance(value, str) or header not in endings:
        return None
    text = value.rstrip("\n")
    lines = text.split("\n")
    is_fit = all(line.isprintable() and line == line.rstrip() for line in lines) and text[:1] not in ("", " ")
    if not is_fit or len(value) - len(text) != endings[header]:
        return None
    return [" " * indent + line if line else "" for line in lines]


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and not isfinite(value):  # which a strict parse refuses, while `inf` would be a word
        return ".nan" if isnan(value) else f"{'-' if value < 0 else ''}.inf"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _text(value: str, quote: str | None) -> str:
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if quote is None and _is_plain(value):
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _is_plain(value: str) -> bool:
    """Whether a text needs no quotes, wherever it stands."""
    if not _PLAIN.fullmatch(value) or value.casefold() in _WORDS_OF_OLD or _NUMBERS_OF_OLD.fullmatch(value):
        return False
    try:
        return isinstance(resolve(value), str)
    except NotANumber:
        return False


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
