"""Flow collections, `[…]` and `{…}` on one line or on many, changed item by item.

Each item is a cell: what stands before it, itself, its comma, and the comment behind that. The cells are put together
again in the new order; those that stay give exactly the text they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from routerd.config import rendering
from routerd.config.changes import says
from routerd.config.document import Node
from routerd.config.layout import BREAKS, Layout
from routerd.config.plan import Add, Keep, Refused, Step, plan_of

_TRAIL = re.compile(f"[ \t]*(?:#[^{BREAKS}]*|(?=[{BREAKS}]))")
_BREAK = re.compile(f"\r\n|[{BREAKS}]")
_LAST_LINE = re.compile(f"(?:\r\n|[{BREAKS}])[ \t]*\\Z")
_FIRST_BREAK = re.compile(f"\\A[ \t]*(?:\r\n|[{BREAKS}])")
_BEGINS_LINE = re.compile(f"[ \t]*[{BREAKS}]")


@dataclass(frozen=True, slots=True)
class Cell:
    """One item: `lead` before it, `post` between it and its comma, `trail` behind the comma to the end of the line."""

    lead: str
    body: str
    post: str = ""
    comma: bool = False
    trail: str = ""


@dataclass(frozen=True, slots=True)
class Interior:
    """What stands between the brackets: the rest of the line of the opening one, cells, and all before the closing."""

    opening: str
    cells: tuple[Cell, ...]
    closing: str

    def __str__(self) -> str:
        said = (f"{cell.lead}{cell.body}{cell.post}{',' if cell.comma else ''}{cell.trail}" for cell in self.cells)
        return self.opening + "".join(said) + self.closing


def is_brackets(layout: Layout, node: Node) -> bool:
    """Whether a node has brackets: a pair in a list, `[a: 1]`, is a map without any."""
    return node.is_flow and isinstance(node.value, dict | list) and layout.text[layout.begin(node)] in "[{"


class Brackets:
    """Flow collections of one text."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._text = layout.text

    def written(self, node: Node, value: Any, is_json: bool = False) -> str:
        """What stands for a node inside of brackets, or for brackets, when it is to say `value`.

        An alias stays: what it then says is looked at when all is done.
        """
        begin, end = self._layout.begin(node), self._end(node)
        if says(node, value) or node.original is not None:
            return self._text[begin:end]
        is_same_kind = isinstance(value, dict | list) and isinstance(node.value, dict) == isinstance(value, dict)
        if is_same_kind and is_brackets(self._layout, node):
            return self._rebuilt(node, value, is_json)
        quote = self._text[begin:end][:1]
        said = rendering.json(value) if is_json else rendering.flow(value, quote if quote in ("'", '"') else None)
        return said if end > begin else f" {said}"

    def _rebuilt(self, node: Node, value: Any, is_json: bool) -> str:
        begin = self._layout.begin(node)
        is_json = is_json or self._is_json(node)
        steps = plan_of(node, value)
        interior = self._interior(node)
        bodies = [self._body(node, step, is_json) for step in steps]
        arranged = _Arranger(interior, self._indents(begin)).arranged(steps, bodies)
        return f"{self._text[begin]}{arranged}{self._text[node.end - 1]}"

    def _is_json(self, node: Node) -> bool:
        first = next(iter(node.value.values())).key if isinstance(node.value, dict) and node.value else None
        return first is not None and self._text[first.start] == '"'

    def _indents(self, begin: int) -> tuple[str, str]:
        """A new line with the indentation of what is inside the brackets, and one with that of the closing bracket."""
        start = self._layout.line_start(begin)
        found = re.match(" *", self._text[start:begin])
        space = found[0] if found else ""
        ending = self._layout.line_ending(self._layout.line_end(begin))
        return f"{ending}{space}  ", f"{ending}{space}"

    # Reading

    def _interior(self, node: Node) -> Interior:
        at = self._layout.begin(node) + 1
        opening = self._trail(at)
        at += len(opening)
        cells = []
        for start, end in self._spans(node):
            lead = self._nothing(node, at, start)
            comma = self._layout.skip(end)
            has_comma = self._text[comma] == ","
            post = self._text[end:comma] if has_comma else ""
            at = comma + 1 if has_comma else end
            trail = self._trail(at)
            at += len(trail)
            cells.append(Cell(lead, self._text[start:end], post, has_comma, trail))
        return Interior(opening, tuple(cells), self._nothing(node, at, node.end - 1))

    def _trail(self, at: int) -> str:
        found = _TRAIL.match(self._text, at)
        return found[0] if found else ""

    def _nothing(self, node: Node, start: int, end: int) -> str:
        text = self._text[start:end]
        if not self._layout.is_nothing(text):
            raise Refused(node.line)
        return text

    def _spans(self, node: Node) -> Iterator[tuple[int, int]]:
        if isinstance(node.value, dict):
            for entry in node.value.values():
                yield entry.key.start, self._value_end(entry.key, entry.value)
        elif isinstance(node.value, list):
            for item in node.value:
                yield item.start, self._end(item)

    def _end(self, node: Node) -> int:
        """Where a value inside of brackets ends."""
        is_map = node.is_flow and node.original is None and isinstance(node.value, dict)
        if not is_map or not node.value or is_brackets(self._layout, node):
            return node.end
        assert isinstance(node.value, dict)
        return self._value_end(*list(node.value.values())[-1])

    def _value_end(self, key: Node, value: Node) -> int:
        is_empty = value.start == value.end
        return self._after(key) if is_empty else self._end(value)

    def _after(self, key: Node) -> int:
        """Behind the colon."""
        colon = self._layout.skip(key.end)
        if self._text[colon] != ":":
            raise Refused(key.line)
        return colon + 1

    # Writing

    def _body(self, node: Node, step: Step, is_json: bool) -> str:
        """The text of one item of the result."""
        if isinstance(step, Add):
            said = rendering.json if is_json else rendering.flow
            return f"{said(step.name)}: {said(step.value)}" if isinstance(step.name, str) else said(step.value)
        if isinstance(node.value, dict):
            return self._entry(node, step, is_json)
        assert isinstance(node.value, list)
        item = node.value[step.old]
        if not isinstance(step, Keep):
            return self._text[item.start : self._end(item)]
        return self._text[item.start : self._layout.begin(item)] + self.written(item, step.value, is_json)

    def _entry(self, node: Node, step: Step, is_json: bool) -> str:
        assert isinstance(node.value, dict) and isinstance(step, Keep)
        old = list(node.value)[step.old]
        key, value = node.value[old]
        said = self._text[key.start : key.end]
        if old != step.name:
            begin = self._layout.begin(key)
            said = self._text[key.start : begin] + renamed(self._text[begin], str(step.name))
        begin = self._layout.begin(value)
        if value.start == value.end:
            between = self._text[key.end : self._after(key)]
            return said + between + ("" if says(value, step.value) else self.written(value, step.value, is_json))
        return said + self._text[key.end : begin] + self.written(value, step.value, is_json)


def renamed(quote: str, name: str) -> str:
    """A key's new name, in the quotes that it had."""
    return rendering.flow(name, quote if quote in ("'", '"') else None)


class _Arranger:
    """Puts cells together anew."""

    def __init__(self, interior: Interior, indents: tuple[str, str]) -> None:
        self._old = interior
        self._cells = interior.cells
        self._inside, self._outside = indents
        leads = [cell.lead for cell in self._cells[1:]] or [cell.lead for cell in self._cells]
        self._is_one_a_line = all(map(_BREAK.search, leads)) if leads else _BREAK.search(interior.closing) is not None
        self._new_line = next(filter(None, (_last_line(cell.lead) for cell in self._cells)), self._inside)

    def arranged(self, steps: Sequence[Step], bodies: Sequence[str]) -> str:
        """The interior with the items that the steps say, whose texts are `bodies`."""
        if not self._cells:
            return str(self._filled(bodies))
        rows: list[Cell] = []
        at = 0  # the first of the old cells that has not been dealt with
        for step, body in zip(steps, bodies, strict=True):
            if isinstance(step, Keep):
                gone = self._cells[at : step.old]
                rows = self._with_comments(rows, gone)
                rows.append(replace(self._cells[step.old], lead=self._kept(step.old, gone, not rows), body=body))
                at = step.old + 1
            else:
                rows.append(self._placed(step, body, not rows))
        gone = self._cells[at:]
        rows = self._with_comments(rows, gone)
        return str(self._joined(rows, _closed_up([cell.lead for cell in gone], self._old.closing)))

    def _filled(self, bodies: Sequence[str]) -> Interior:
        """What was empty. What is said inside of it stays above."""
        old = self._old.opening + self._old.closing
        last = _last_line(old)
        if last is None:
            return self._joined([Cell(old if not at else " ", body) for at, body in enumerate(bodies)], old)
        above = old[: -len(last)]
        return self._joined([Cell(self._inside, body) for body in bodies], last, above)

    def _kept(self, index: int, gone: Sequence[Cell], is_first: bool) -> str:
        """What comes before a cell that stays, when those right before it are gone."""
        own = self._cells[index].lead
        broken = [cell.lead for cell in gone if _BREAK.search(cell.lead)]
        if _BREAK.search(own) or broken:
            return _closed_up(broken, own if _BREAK.search(own) else _last_line(broken[-1]) or "")
        if is_first:
            return self._cells[0].lead
        return own if index else self._separator()

    def _placed(self, step: Step, body: str, is_first: bool) -> Cell:
        """The cell of an item that is new here."""
        old = None if isinstance(step, Add | Keep) else self._cells[step.old]
        cell = replace(old, body=body) if old else Cell("", body)
        loose = _loose(cell.lead)
        own = cell.lead[len(loose) :]
        if "#" in own:
            return replace(cell, lead=_first_break(self._new_line) + own if loose else own)
        first = self._cells[0].lead
        return replace(cell, lead=(_last_line(first) or first) if is_first else self._separator())

    def _separator(self) -> str:
        if self._is_one_a_line:
            return self._new_line
        return next((cell.lead for cell in self._cells[1:] if not _BREAK.search(cell.lead)), " ")

    def _with_comments(self, rows: list[Cell], gone: Sequence[Cell]) -> list[Cell]:
        """A comment behind a line of several items stays when the last of them goes."""
        is_on_line = bool(rows and gone) and not any(_BREAK.search(cell.lead) for cell in gone)
        if is_on_line and "#" in gone[-1].trail and not rows[-1].trail:
            return [*rows[:-1], replace(rows[-1], trail=gone[-1].trail)]
        return rows

    def _joined(self, rows: list[Cell], closing: str, opening: str | None = None) -> Interior:
        """The rows with their commas, and with new lines behind comments."""
        opening = self._old.opening if opening is None else opening
        if not rows:
            return Interior(opening, (), closing if "#" in opening + closing else "")
        is_comma_last = bool(self._cells) and self._cells[-1].comma
        is_open = "#" in (_last_line(opening) or opening)
        cells = []
        for at, cell in enumerate(rows):
            lead = cell.lead
            if is_open and not _BEGINS_LINE.match(lead):
                lead = self._new_line + lead.lstrip(" \t")
            cells.append(_with_comma(replace(cell, lead=lead), at < len(rows) - 1 or is_comma_last, self._cells))
            is_open = "#" in cell.trail or "#" in (cell.post if not cell.comma else "")
        if is_open and not _BEGINS_LINE.match(closing):
            closing = self._outside + closing.lstrip(" \t")
        return Interior(opening, tuple(cells), closing)


def _with_comma(cell: Cell, has_comma: bool, others: Sequence[Cell]) -> Cell:
    if cell.comma == has_comma:
        return cell
    if not has_comma:
        return replace(cell, comma=False, post=cell.post if "#" in cell.post else "")
    like = [other.post for other in others if other.comma and "#" not in other.post and other.body[:1] != "*"]
    return replace(cell, comma=True, post=like[-1] if like else "")


def _last_line(lead: str) -> str | None:
    """The line end and the indentation that a lead ends with, if it has a line end."""
    found = _LAST_LINE.search(lead)
    return found[0] if found else None


def _first_break(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else ""


def _loose(lead: str) -> str:
    """The part of a lead that stays when its item goes: all before what stands directly above the item."""
    lines = re.split(f"((?:\r\n|[{BREAKS}]))", lead)  # text, break, text, break, …, text
    for at in range(len(lines) - 3, 1, -2):
        if not lines[at].strip(" \t"):
            return "".join(lines[: at + 2])
    return ""


def _closed_up(gone: Sequence[str], lead: str) -> str:
    """A lead with what stays of those before it; the first line end is that of a line that stays."""
    first = next(filter(None, map(_first_break, (*gone, lead))), "")
    return first + "".join(_FIRST_BREAK.sub("", text) for text in (*map(_loose, gone), lead))
