"""router.yaml in the layout of the house: what `routerd fmt` writes, and nothing else does unasked. Pure.

Keys stand in the order of the documentation, names in the order of the file; a node is one line, and so is whatever
fits; sections are apart. Comments stay with what they are about. The result counts only if a strict parse of it says
the same, and no comment is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from routerd.config import rendering
from routerd.config.changes import says
from routerd.config.comments import Comment, comments
from routerd.config.document import Document, Entry, Node, parse, plain
from routerd.config.layout import Layout
from routerd.config.model import RouterConfig, Shape
from routerd.config.problem import Path

_BOM = "\ufeff"
_STYLE = rendering.Style()
_MOST_ROUNDS = 4  # after the first there is hardly ever anything left to do


class CantFormat(Exception):
    """The text stays as it is: what stands at `line`, from 1, can't be written otherwise for sure."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


@dataclass(slots=True)
class _Line:
    """A line of the result, with the comments around it and the lines below it."""

    start: int  # where its key or dash stands in the old text
    end: int  # where its value ends there, if that is on this line in the new one
    column: int  # there, too
    indent: int
    text: str
    below: list[_Line] = field(default_factory=list)
    name: str = ""
    is_apart: bool = False
    above: list[Comment] = field(default_factory=list)
    behind: Comment | None = None
    after: list[Comment] = field(default_factory=list)
    more: tuple[str, ...] = ()  # of a text on lines of its own


def formatted(text: str) -> str:
    """The text in the layout of the house. Raises CantFormat."""
    for _ in range(_MOST_ROUNDS):
        before, text = text, _once(text)
        if text == before:
            return text
    raise CantFormat(1, "it would never come to rest")


def _once(text: str) -> str:
    bare = text.removeprefix(_BOM)
    document = parse(bare)
    if document.problems:
        raise CantFormat(document.problems[0].line, document.problems[0].text)
    root = document.root
    if root is None or not isinstance(root.value, dict):
        raise CantFormat(1, "there is no configuration in here")
    layout = Layout(bare)
    said = list(comments(layout, root))
    writer = _Writer(layout, said, has_anchors=_has_anchors(root))
    lines = writer.of_map(root, (), 0)
    if not lines:
        return bare  # nothing to put in order
    head, tail = _place(lines, said)
    lines = lines if writer.has_anchors else _in_order(lines, ())  # an alias stands behind what it stands for
    result = _written(head, lines, tail, "\r\n" if "\r\n" in bare else "\n")
    _verify(document, result, said, layout)
    return result


class _Writer:
    """The lines of the values of one text."""

    def __init__(self, layout: Layout, said: list[Comment], *, has_anchors: bool) -> None:
        self._layout = layout
        self._said = said
        self.has_anchors = has_anchors

    def of_map(self, node: Node, path: Path, indent: int) -> list[_Line]:
        assert isinstance(node.value, dict)
        lines = []
        for name, (key, value) in node.value.items():
            head = f"{self._anchor(key)}{rendering.flow(name)}:"
            line = self._line(key.start, value, indent, name)
            lines.append(self._filled(line, head, value, (*path, name)))
        return lines

    def _of_list(self, node: Node, path: Path, indent: int) -> list[_Line]:
        assert isinstance(node.value, list)
        lines = []
        for at, item in enumerate(node.value):
            line = self._line(self._dash(item), item, indent, "")
            line.text = f"- {self._flow(item, (*path, at))}"
            lines.append(line)
        return lines

    def _dash(self, item: Node) -> int:
        """Where the dash of an item stands, if it is on the same line; in brackets, where the item does."""
        line = self._layout.line_start(item.start)
        before = self._layout.text[line : item.start].rstrip(" ")
        return line + len(before) - 1 if before.endswith("-") else item.start

    def _line(self, start: int, node: Node, indent: int, name: str) -> _Line:
        layout = self._layout
        at = layout.line_start(start)
        is_apart = at > 0 and layout.is_first(start) and layout.is_empty(layout.line_start(at - 1))
        end = max(start, layout.end(node))
        return _Line(start, end, layout.column(start), indent, "", name=name, is_apart=is_apart)

    def _filled(self, line: _Line, head: str, node: Node, path: Path) -> _Line:
        """A line with its value, or with the lines of its value below it."""
        value = plain(node)
        indent = line.indent
        has_lines = node.original is None and bool(node.value) and isinstance(node.value, dict | list)
        if has_lines and (
            rendering.is_block(path, value, indent) or self._has_text(node) or self._has_comments(line, node)
        ):
            line.text, line.end = f"{head}{self._anchor(node, behind=True)}", line.start
            if isinstance(node.value, dict):
                line.below = self.of_map(node, path, indent + _STYLE.step)
            else:
                line.below = self._of_list(node, path, indent + _STYLE.dash)
            return line
        literal = self._literal(node, indent + _STYLE.step) if self._layout.is_block_scalar(node) else None
        if literal is not None:
            line.text, line.more = f"{head} {self._anchor(node)}{self._layout.header(node)}", tuple(literal)
            line.end = line.start
        else:
            line.text = f"{head} {self._flow(node, path)}".rstrip()
        return line

    def _literal(self, node: Node, indent: int) -> list[str] | None:
        header = "|" if str(node.value).endswith("\n") else "|-"
        return rendering.literal(node.value, header, indent) if self._layout.header(node) == header else None

    def _has_comments(self, line: _Line, node: Node) -> bool:
        """Whether something is said about parts of a value: on one line with them nobody would know about which."""
        begin, end = self._layout.begin(node), self._layout.end(node)
        if not node.is_flow:
            begin = min(begin, self._layout.line_end(line.start))
            end = self._layout.below(end, line.column)
        return any(begin < comment.start < end for comment in self._said)

    def _has_text(self, node: Node) -> bool:
        """Whether a map has a text on lines of its own, for which brackets have no room."""
        if not isinstance(node.value, dict) or node.is_flow:
            return False
        return any(
            self._layout.is_block_scalar(value) or self._has_text(value)
            for _, value in node.value.values()
            if value.original is None
        )

    def _flow(self, node: Node, path: Path) -> str:
        """A value on one line, with its anchors and aliases."""
        if node.original is not None:
            return self._layout.text[node.start : node.end]
        anchor = self._anchor(node)
        if isinstance(node.value, dict):
            names = list(node.value) if self.has_anchors else sorted(node.value, key=_rank(path))
            parts = [self._pair(name, node.value[name], path) for name in names]
            return f"{anchor}{{{', '.join(parts)}}}"
        if isinstance(node.value, list):
            return f"{anchor}[{', '.join(self._flow(item, (*path, at)) for at, item in enumerate(node.value))}]"
        if isinstance(node.value, str) or node.text is None:
            return anchor + rendering.flow(node.value)
        return anchor + (node.text or "null")  # numbers as they are written

    def _pair(self, name: str, entry: Entry, path: Path) -> str:
        return f"{self._anchor(entry.key)}{rendering.flow(name)}: {self._flow(entry.value, (*path, name))}"

    def _anchor(self, node: Node, *, behind: bool = False) -> str:
        end = self._layout.behind_anchor(node)
        if end is None:
            return ""
        name = self._layout.text[node.start : end]
        return f" {name}" if behind else f"{name} "


def _has_anchors(node: Node) -> bool:
    if node.is_anchored or node.original is not None:
        return True
    if isinstance(node.value, dict):
        return any(_has_anchors(key) or _has_anchors(value) for key, value in node.value.values())
    return isinstance(node.value, list) and any(map(_has_anchors, node.value))


# Comments


def _place(lines: list[_Line], said: list[Comment]) -> tuple[list[Comment], list[Comment]]:
    """Give each comment to the line that it is about; what the file begins and ends with is about the file."""
    first = lines[0].start
    last = max(max(line.start, line.end) for line in _flat(lines))
    head = [comment for comment in said if comment.start < first]
    tail = [comment for comment in said if comment.start > last and comment.is_own]
    tail = tail[next((at for at, each in enumerate(tail) if each.column <= lines[0].column), len(tail)) :]
    for comment in said[len(head) : len(said) - len(tail)]:
        _give(lines, comment)
    return head, tail


def _flat(lines: list[_Line]) -> Iterator[_Line]:
    for line in lines:
        yield line
        yield from _flat(line.below)


def _give(lines: list[_Line], comment: Comment) -> None:
    chain = _chain(lines, comment.start)
    owner = chain[-1]
    following = next((line for line in _flat(lines) if line.start > comment.start), None)
    if comment.start < owner.end:
        owner.above.append(comment)  # from within what is one line now
    elif not comment.is_own and owner.behind is None:
        owner.behind = comment
    elif following is not None and comment.column <= following.column:
        following.above.append(comment)
    else:  # what stands deeper than the next line is the end of what comes before
        deepest = next((line for line in reversed(chain) if line.column <= comment.column), chain[0])
        deepest.after.append(comment)


def _chain(lines: list[_Line], start: int) -> list[_Line]:
    """The lines that `start` is in or behind, from the outermost."""
    chain: list[_Line] = []
    while lines and lines[0].start < start:
        chain.append([line for line in lines if line.start < start][-1])
        lines = chain[-1].below
    return chain


# Order, and the result


def _in_order(lines: list[_Line], path: Path) -> list[_Line]:
    for line in lines:
        line.below = _in_order(line.below, (*path, line.name))
    return sorted(lines, key=lambda line: _rank(path)(line.name))  # stable: names of people keep their order


def _rank(path: Path) -> Callable[[str], int]:
    """Where a key of the map at `path` stands among those that are documented; all are alike where none is."""
    known: Any = RouterConfig
    for step in path:
        if isinstance(step, int) and _has(known, "nodes"):
            known = known.model_fields["nodes"].annotation  # a route that is a list of them
        known = known.model_fields[step].annotation if _has(known, step) else _values_of(known)
        known = _shape_in(known)
    order = list(known.model_fields) if isinstance(known, type) and issubclass(known, Shape) else []
    places = {name: at for at, name in enumerate(order)}
    return lambda name: places.get(name, len(places))


def _has(known: Any, step: str | int) -> bool:
    return isinstance(known, type) and issubclass(known, Shape) and step in known.model_fields


def _values_of(known: Any) -> Any:
    """The type of the values of a map or list."""
    arguments = get_args(known)
    return arguments[-1] if arguments else None


def _shape_in(known: Any) -> Any:
    """Of `X | None` the X."""
    return next((each for each in get_args(known) if each is not type(None)), None) if _is_union(known) else known


def _is_union(known: Any) -> bool:
    return type(None) in get_args(known)


def _written(head: list[Comment], lines: list[_Line], tail: list[Comment], ending: str) -> str:
    out: list[str] = []
    for comment in head:
        _put(out, comment.text, comment.is_apart)
    for at, line in enumerate(lines):
        is_first_of_old = line.start == min(each.start for each in lines)
        _write(out, line, is_apart=bool(at) or (bool(head) and (line.is_apart or not is_first_of_old)))
    for comment in tail:
        _put(out, comment.text, comment.is_apart)
    return "".join(line + ending for line in out)


def _write(out: list[str], line: _Line, *, is_apart: bool) -> None:
    """Add a line with all that goes with it; with an empty line before it if it is to be `is_apart`."""
    pad = " " * line.indent
    for at, comment in enumerate(line.above):
        _put(out, pad + comment.text, comment.is_apart if at else is_apart or comment.is_apart)
    behind = f"  {line.behind.text}" if line.behind is not None else ""
    _put(out, pad + line.text + behind, line.is_apart if line.above else is_apart)
    out += line.more
    for at, below in enumerate(line.below):
        _write(out, below, is_apart=bool(at) and below.is_apart)
    for comment in line.after:
        deeper = " " * (_STYLE.step if comment.column > line.column else 0)
        _put(out, pad + deeper + comment.text, comment.is_apart)


def _put(out: list[str], line: str, is_apart: bool) -> None:
    if is_apart and out and out[-1]:
        out.append("")
    out.append(line)


def _verify(document: Document, result: str, said: list[Comment], layout: Layout) -> None:
    after = parse(result)
    if after.problems or after.root is None or not says(after.root, document.data):
        raise CantFormat(1, "it can't be written otherwise and say the same for sure")
    missing = Counter(comment.text for comment in said)
    missing.subtract(comment.text for comment in comments(Layout(result), after.root))
    for comment in said:
        if missing[comment.text] > 0:
            raise CantFormat(layout.text.count("\n", 0, comment.start) + 1, "this comment would get lost")
