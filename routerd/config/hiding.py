"""A text of router.yaml without its keys, line for line: for texts that can't be understood, or can't be sealed.

What the parser can read is hidden by its place in the tree, however it is written. Where it can't, what stands behind
the names of keys is hidden, with the lines that may belong to it: rather too much than too little. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Self

from routerd.config import sealed
from routerd.config.document import Document, Node, parse
from routerd.config.layout import Layout
from routerd.config.leaks import by_shape
from routerd.config.places import SECRET_HEADER
from routerd.config.problem import Path
from routerd.config.references import BadReference, parse_value

REDACTED = "[redacted]"

_BOM = "\ufeff"
_NAME = r"(?:[\w-]*[_-])?(?:api[_-]?keys?|key|authorization|token|secret|password|cookie)|proxy"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_NO_SECRETS = frozenset({"first_token", "require_token"})
_BEHIND_NAME = re.compile(rf"""(?<![\w-])({_NAME})["']?[ \t]*[:=][ \t]*""", re.IGNORECASE)
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|["'].*""")
_BARE = re.compile(r"(?:(?!\s#).)*")
_BARE_IN_BRACKETS = re.compile(r"(?:(?!\s#)[^,}\r\n])*")
_KEY_LIKE = re.compile(r"""[\w"'-][ \t]*:(?:\s|$)""")
_LINES = re.compile(r"[^\r\n]+")
_ENDING = re.compile(r"[\r\n]*\Z")


def hidden(text: str) -> str:
    """The text with every key in plain text hidden; it has as many lines as before."""
    bare = text.removeprefix(_BOM)
    document = parse(text)
    if document.root is not None:
        bare = _by_place(bare, document)
    if document.root is None or document.problems:
        bare = _by_line(bare)
    return text[: len(text) - len(text.removeprefix(_BOM))] + _by_shape(bare)


def diff(before: str, after: str, name: str, new_name: str, *, has_secrets: bool = True) -> str:
    """The lines that differ, as git shows them; with `has_secrets` without their keys."""
    import difflib  # only here: nothing that serves needs it

    lines_of = _hidden_lines if has_secrets else _lines
    return "".join(difflib.unified_diff(lines_of(before), lines_of(after), name, new_name))


class _Line(str):
    """A line as it may be shown, which is told from others by what it really says."""

    real: str

    def __new__(cls, shown: str, real: str) -> Self:
        line = super().__new__(cls, shown)
        line.real = real
        return line

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Line) and self.real == other.real

    def __hash__(self) -> int:
        return hash(self.real)


def _lines(text: str) -> Sequence[str]:
    return [line if line.endswith("\n") else f"{line}\n" for line in text.splitlines(keepends=True)]


def _hidden_lines(text: str) -> Sequence[str]:
    return [_Line(*pair) for pair in zip(_lines(hidden(text)), _lines(text), strict=True)]


def secret_nodes(document: Document) -> Iterator[tuple[Path, Node]]:
    """Every scalar that stands where a secret does and refers to none elsewhere; of an alias what it stands for."""
    if document.root is not None:
        yield from _below(document.root, (), is_secret=False)


def _below(node: Node, path: Path, *, is_secret: bool) -> Iterator[tuple[Path, Node]]:
    node = node.original or node
    if isinstance(node.value, dict):
        for name, entry in node.value.items():
            yield from _below(entry.value, (*path, name), is_secret=is_secret or _is_secret((*path, name)))
    elif isinstance(node.value, list):
        for at, item in enumerate(node.value):
            yield from _below(item, (*path, at), is_secret=is_secret)
    elif is_secret and _is_plain(node, path):
        yield path, node


def _is_secret(path: Path) -> bool:
    """Whether a secret stands below a name."""
    name = str(path[-1])
    if len(path) == 4 and (path[0], path[2]) == ("providers", "headers"):
        return SECRET_HEADER.search(name) is not None
    is_named_by_a_person = len(path) == 2
    return not is_named_by_a_person and name not in _NO_SECRETS and _SECRET_NAME.fullmatch(name) is not None


def _is_plain(node: Node, path: Path) -> bool:
    if node.value is None or isinstance(node.value, bool):
        return False
    if node.value == REDACTED.strip("[]"):
        return False
    if path[-1] == "proxy" and "@" not in str(node.value):
        return False
    return _is_plain_text(str(node.value))


def _is_plain_text(value: str) -> bool:
    try:
        return parse_value(value.strip()).kind == "plain"
    except BadReference:
        return True


def _by_place(text: str, document: Document) -> str:
    layout = Layout(text)
    spans = sorted({_span(layout, node) for _, node in secret_nodes(document)})
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], _LINES.sub(_redacted, text[start:end])]
        at = end
    return "".join([*pieces, text[at:]])


def _span(layout: Layout, node: Node) -> tuple[int, int]:
    """Where the value itself stands, without the `|` before it."""
    begin = layout.begin(node)
    return (layout.line_end(begin) if layout.is_block_scalar(node) else begin), max(begin, layout.end(node))


def _redacted(line: re.Match[str]) -> str:
    said = line[0].lstrip(" \t")
    return line[0][: len(line[0]) - len(said)] + REDACTED if said else line[0]


def _by_line(text: str) -> str:
    lines = []
    column: int | None = None  # of the name whose value may go on
    is_open = False  # it has not begun yet, or has no end yet
    for line in text.splitlines(keepends=True):
        said = line.strip()
        if said.startswith(sealed.ARMOR):
            column = None
        is_more = column is not None and (not said or _indent(line) > column)
        if is_more and (is_open or not _KEY_LIKE.search(line)):
            lines.append(_LINES.sub(_redacted, line))
            continue
        shown, is_hidden, is_open = _hide_behind(line)
        column = _indent(line) if is_hidden or is_open else None
        lines.append(shown)
    return "".join(lines)


def _hide_behind(line: str) -> tuple[str, bool, bool]:
    """A line without the values behind names of secrets; whether one was hidden, and whether it may only be to come."""
    shown, at = "", 0
    is_hidden = is_open = False
    while (found := _BEHIND_NAME.search(line, at)) is not None:
        written, is_cut = _value(line, found.end())
        shown += line[at : found.end()]
        is_open = found[1] not in _NO_SECRETS and (is_cut or written[:1] in ("", "|", ">", "&"))
        is_secret = written[:1] not in ("", "|", ">") and _may_be_secret(found[1], written)
        shown += REDACTED if is_secret else written
        is_hidden |= is_secret
        at = found.end() + len(written)
    return shown + line[at:], is_hidden, is_open


def _value(line: str, at: int) -> tuple[str, bool]:
    """What stands at `at` as a value, and whether it is a quoted one that goes on below."""
    quoted = _QUOTED.match(line, at)
    if quoted is not None:
        return quoted[0].rstrip("\r\n"), quoted[1] is None
    found = (_BARE_IN_BRACKETS if "{" in line[:at] else _BARE).match(line, at)
    return found[0].rstrip() if found is not None else "", False


def _may_be_secret(name: str, written: str) -> bool:
    if name in _NO_SECRETS or written == REDACTED or (name.casefold() == "proxy" and "@" not in written):
        return False
    return _is_plain_text(written.strip("\"'"))


def _by_shape(text: str) -> str:
    lines = text.splitlines(keepends=True)
    for leak in by_shape(text):
        line = lines[leak.line - 1]
        if REDACTED not in line[leak.column - 1 :][: len(REDACTED)]:
            ending = _ENDING.search(line)
            lines[leak.line - 1] = line[: leak.column - 1] + REDACTED + (ending[0] if ending else "")
    return "".join(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
