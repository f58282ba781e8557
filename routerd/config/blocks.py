"""Where the text of router.yaml has to change so that it says what is wanted: patches that touch nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from routerd.config import rendering
from routerd.config.brackets import Brackets, is_brackets, renamed
from routerd.config.changes import says
from routerd.config.document import Node, plain
from routerd.config.layout import BREAKS, Layout
from routerd.config.plan import Add, Keep, Move, Refused, Step, plan_of
from routerd.config.problem import Path
from routerd.config.rows import Rows

_NODES = "nodes"


class Patch(NamedTuple):
    """`text` in the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


class Slot(NamedTuple):
    """Where a value stands: its path, the column of its key or dash, and the place behind the colon or dash."""

    path: Path
    indent: int
    after: int


def patches(text: str, root: Node | None, value: dict[str, Any]) -> list[Patch]:
    """What to change in `text`, whose last line has its end, in order. Raises Refused."""
    layout = Layout(text)
    blocks = _Blocks(layout, style_of(layout, root))
    if root is None:
        return [blocks.first(value)]
    found = blocks.value(root, value, Slot((), -blocks.style.step, 0))
    return sorted(found, key=lambda patch: (patch.start, patch.end))  # stable: what is put at one place keeps its order


def style_of(layout: Layout, root: Node | None) -> rendering.Style:
    """How the file indents: as the first map and the first list in it do."""
    usual = rendering.Style()
    found: dict[type, int] = {}
    waiting = [root] if root is not None and _is_block(root) else []
    for node in waiting:  # which grows while it is walked
        if len(found) == 2 or not isinstance(node.value, dict):
            break
        for key, value in node.value.values():
            if not _is_block(value):
                continue
            waiting += [value] if isinstance(value.value, dict) else []
            further = layout.column(layout.begin(value)) - layout.column(key.start)
            if further > 0 or (further == 0 and isinstance(value.value, list)):
                found.setdefault(type(value.value), further)
    return rendering.Style(found.get(dict, usual.step), found.get(list, usual.dash))


def _is_block(node: Node) -> bool:
    return isinstance(node.value, dict | list) and not node.is_flow and node.original is None


def _kind(value: Any) -> type | None:
    return next((kind for kind in (dict, list) if isinstance(value, kind)), None)


def _quote(text: str) -> str | None:
    return text[:1] if text[:1] in ("'", '"') else None


class _Blocks:
    """The patches of the block collections of one text."""

    def __init__(self, layout: Layout, style: rendering.Style) -> None:
        self._layout = layout
        self._text = layout.text
        self._brackets = Brackets(layout)
        self.style = style

    def first(self, value: dict[str, Any]) -> Patch:
        """The first entries of a file that says nothing yet."""
        end = len(self._text)
        gap = self._gap(end, is_apart=False) if self._text else ""
        return Patch(end, end, gap + self._lines(self._block(value, Slot((), -self.style.step, 0)), end))

    def value(self, node: Node, value: Any, slot: Slot) -> Iterator[Patch]:
        """The patches that make a node of a block say `value`.

        An alias stays: what it then says is looked at when all is done.
        """
        if says(node, value) or node.original is not None:
            return
        is_same_kind = _kind(node.value) is not None and _kind(node.value) is _kind(value)
        if node.is_flow and is_same_kind and not self._opens(node, value, slot):
            yield self._flow(node, value)
        elif self._is_short_route(node, value, slot):
            yield from self._lengthened(node, value, slot)
        elif not _is_block(node):
            yield from self._inline(node, value, slot)
        elif is_same_kind and value:
            yield from self._changed(node, plan_of(node, value), slot)
        else:
            yield from self._closed(node, value, slot)

    # Values beside their key

    def _opens(self, node: Node, value: Any, slot: Slot) -> bool:
        """Whether empty brackets give way to lines."""
        begin = self._layout.begin(node)
        is_empty = not self._text[begin + 1 : node.end - 1].strip(" \t")
        return is_empty and rendering.is_block(slot.path, value, slot.indent)

    def _flow(self, node: Node, value: Any) -> Patch:
        begin = self._layout.begin(node)
        if not is_brackets(self._layout, node):
            raise Refused(node.line)
        old, new = self._text[begin : node.end], self._brackets.written(node, value)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
        return Patch(begin + same, node.end, new[same:])

    def _inline(self, node: Node, value: Any, slot: Slot) -> Iterator[Patch]:
        """Another value in the place of a scalar, of nothing, or of brackets."""
        begin, end = self._layout.begin(node), self._layout.end(node)
        is_below = bool(slot.path) and self._layout.line_start(begin) > slot.after
        is_block = rendering.is_block(slot.path, value, slot.indent) and not (is_below and self._is_said_behind(end))
        if self._layout.is_block_scalar(node):
            yield from self._instead_of_text(node, value, slot, is_block)
        elif not is_block:
            said = rendering.flow(value, _quote(self._text[begin:end]))
            yield Patch(begin, end, said if end > begin else f" {said}")
        elif not slot.path and not self._is_said_behind(end):
            yield Patch(begin, end, self._lines(self._block(value, slot), begin).rstrip(BREAKS))
        elif is_below:
            lines = self._lines(self._block(value, slot), begin)
            yield Patch(self._layout.line_start(begin), self._layout.line_end(end), lines)
        else:
            yield Patch(self._prefix(node, slot) if slot.path else begin, end, "")
            yield self._opened(value, slot, self._layout.line_end(end))

    def _instead_of_text(self, node: Node, value: Any, slot: Slot, is_block: bool) -> Iterator[Patch]:
        """Another value in the place of a block scalar; the comment behind its `|` stays."""
        begin = self._layout.begin(node)
        header = self._layout.header(node)
        content, end = self._layout.line_end(begin), self._layout.line_end(self._layout.end(node))
        first = len(self._text[content:end]) - len(self._text[content:end].lstrip(f" {BREAKS}"))
        lines = rendering.literal(value, header, self._layout.column(content + first))
        if lines is not None:
            yield Patch(content, end, self._lines(lines, content))
            return
        start = self._prefix(node, slot) if is_block else begin
        yield Patch(start, begin + len(header), "" if is_block else rendering.flow(value))
        yield Patch(content, end, self._lines(self._block(value, slot), content) if is_block else "")

    def _is_said_behind(self, end: int) -> bool:
        """Whether a comment stands behind a value."""
        return "#" in self._text[end : self._layout.line_end(end)]

    def _prefix(self, node: Node, slot: Slot) -> int:
        """Behind the colon, and behind the anchor if there is one."""
        behind = self._layout.behind_anchor(node)
        return slot.after if behind is None else behind

    def _opened(self, value: Any, slot: Slot, at: int) -> Patch:
        return Patch(at, at, self._lines(self._block(value, slot), at))

    def _block(self, value: Any, slot: Slot) -> list[str]:
        return rendering.block(value, slot.path, slot.indent, self.style)

    def _lines(self, lines: Sequence[str], at: int) -> str:
        ending = self._layout.line_ending(at)
        return "".join(line + ending for line in lines)

    # Blocks that stay blocks

    def _rows(self, node: Node, slot: Slot) -> Rows:
        return Rows(self._layout, node, self._layout.line_end(self._prefix(node, slot)) if slot.path else 0)

    def _changed(self, node: Node, steps: list[Step], slot: Slot) -> Iterator[Patch]:
        """The patches of a block that keeps at least one entry, or gets one."""
        rows = self._rows(node, slot)
        steps = [self._as_new(rows, step) for step in steps] if rows.is_beside else steps
        kept = [at for at, step in enumerate(steps) if isinstance(step, Keep)]
        head = self._new(rows, steps[: kept[0]] if kept else steps, slot)
        gone = set(range(len(rows))) - {step.old for step in steps if isinstance(step, Keep)}
        if rows.is_beside:
            yield from self._beside(rows, head, gone, slot)
        else:
            start = rows.region(0)[0]
            yield Patch(start, start, head)
            yield from (Patch(*rows.region(index), "") for index in sorted(gone))
        for number, at in enumerate(kept):
            following = steps[at + 1 : kept[number + 1] if number + 1 < len(kept) else None]
            yield from self._kept(rows, steps[at], slot)
            yield from self._after(node, rows, steps[at], following, slot)

    def _kept(self, rows: Rows, step: Step, slot: Slot) -> Iterator[Patch]:
        assert isinstance(step, Keep)
        row = rows.all[step.old]
        if row.key is not None and row.key.value != step.name:
            begin = self._layout.begin(row.key)
            yield Patch(begin, row.key.end, renamed(self._text[begin], str(step.name)))
        yield from self.value(row.value, step.value, Slot((*slot.path, step.name), rows.column, row.after))

    def _after(self, node: Node, rows: Rows, step: Step, following: Sequence[Step], slot: Slot) -> Iterator[Patch]:
        """The entries that come after one that stays."""
        assert isinstance(step, Keep)
        if not following:
            return
        if slot.path or step.old < len(rows) - 1:
            at, gap = self._layout.far_below(rows.all[step.old].end, rows.column), ""
        else:
            at = node.end  # a missing section is made at the end of the file
            gap = self._gap(at, rows.are_apart())
        yield Patch(at, at, gap + self._new(rows, following, slot))

    def _gap(self, at: int, is_apart: bool) -> str:
        """An empty line before a new section, if the others have it, or if a comment would seem to be about it."""
        last = self._layout.line_start(at - 1)
        is_needed = not self._layout.is_empty(last) and (is_apart or self._text[last] == "#")
        return self._layout.line_ending(at) if is_needed else ""

    def _new(self, rows: Rows, steps: Sequence[Step], slot: Slot) -> str:
        """The lines of entries that are new here."""
        said = []
        for step in steps:
            if isinstance(step, Move):
                start, end = rows.region(step.old)
                said.append(self._text[start:end])
            elif isinstance(step.name, str):
                lines = rendering.entry((*slot.path, step.name), step.value, rows.column, self.style)
                said.append(self._lines(lines, rows.first.start))
            else:
                said.append(self._lines([rendering.item(step.value, rows.column)], rows.first.start))
        return "".join(said)

    # Blocks whose first entry stands beside a dash

    def _as_new(self, rows: Rows, step: Step) -> Step:
        """An item that moves has no line to move when the first of them stands beside a dash."""
        if not isinstance(step, Move):
            return step
        row = rows.all[step.old]
        start = self._layout.line_start(row.start)
        if "#" in self._text[start : self._layout.below(row.end, rows.column)]:
            raise Refused(row.value.line)
        return Add(step.old, plain(row.value))

    def _beside(self, rows: Rows, head: str, gone: set[int], slot: Slot) -> Iterator[Patch]:
        """The patches of entries that go, and of new ones before all that stay."""
        first = rows.first
        stays = next((index for index in range(len(rows)) if index not in gone), None)
        if stays == 0:
            yield Patch(first.start, first.start, head.lstrip(" ") + " " * rows.column if head else "")
        elif stays is not None and not head and rows.are_joined(stays):
            yield Patch(first.start, rows.all[stays].start, "")
            gone = gone - set(range(stays))
        else:
            stop = self._layout.line_break(self._layout.below(first.end, rows.column) - 1)
            yield Patch(first.start if head else slot.after, stop, head.strip(" " + BREAKS))
        yield from (Patch(*rows.region(index), "") for index in sorted(gone - {0}))

    # Blocks that give way to something else

    def _closed(self, node: Node, value: Any, slot: Slot) -> Iterator[Patch]:
        """Another value in the place of a block; the comments that are about none of its entries stay."""
        rows = self._rows(node, slot)
        prefix = self._prefix(node, slot)
        if self._has_nodes_that_stay(node, value) and "#" in self._text[prefix : rows.region(len(rows) - 1)[1]]:
            raise Refused(node.line)  # what is said about them would get lost
        if rows.is_beside:
            yield Patch(rows.first.start, rows.first.end, rendering.flow(value))
        elif not slot.path:
            start = rows.region(0)[0]
            yield Patch(start, start, self._lines([rendering.flow(value)], start))
        elif rendering.is_block(slot.path, value, slot.indent):
            yield self._opened(value, slot, self._layout.line_end(prefix))
        else:
            yield Patch(prefix, prefix, f" {rendering.flow(value)}")
        yield from (Patch(*rows.region(index), "") for index in range(1 if rows.is_beside else 0, len(rows)))

    def _has_nodes_that_stay(self, node: Node, value: Any) -> bool:
        nodes = value.get(_NODES) if isinstance(value, dict) else None
        if not isinstance(nodes, list) or not isinstance(node.value, list):
            return False
        return any(says(item, each) for item in node.value for each in nodes)

    def _is_short_route(self, node: Node, value: Any, slot: Slot) -> bool:
        """Whether a route that is a list of nodes becomes a map that has them."""
        if len(slot.path) != 2 or slot.path[0] != "routes" or not isinstance(value, dict):
            return False
        nodes = value.get(_NODES)
        if not node.value or not nodes or not isinstance(node.value, list) or not isinstance(nodes, list):
            return False
        return node.is_flow or self._layout.column(self._layout.begin(node)) > slot.indent or says(node, nodes)

    def _lengthened(self, node: Node, value: dict[str, Any], slot: Slot) -> Iterator[Patch]:
        """A route that was a list of nodes becomes a map, and the nodes keep their lines."""
        others = {name: each for name, each in value.items() if name != _NODES}
        begin = self._layout.begin(node)
        if node.is_flow and not rendering.is_block(slot.path, value, slot.indent):
            said = "".join(f"{rendering.flow(name)}: {rendering.flow(each)}, " for name, each in others.items())
            yield Patch(begin, node.end, f"{{{said}{_NODES}: {self._brackets.written(node, value[_NODES])}}}")
            return
        column = 0 if node.is_flow else self._layout.column(begin)
        column = column if column > slot.indent else slot.indent + self.style.step
        lines = self._lines(rendering.block(others, slot.path, column - self.style.step, self.style), begin)
        key = " " * column + f"{_NODES}:"
        if node.is_flow:
            head = self._layout.line_ending(begin) + lines + key + " "
            yield Patch(self._prefix(node, slot), node.end, head + self._brackets.written(node, value[_NODES]))
        else:
            start = self._rows(node, slot).region(0)[0]
            yield Patch(start, start, lines + self._lines([key], begin))
            yield from self._moved_in(node, value[_NODES], column, slot)

    def _moved_in(self, node: Node, nodes: list[Any], column: int, slot: Slot) -> Iterator[Patch]:
        """The items of a list that gets a key of its own; they must not stand further out than that."""
        rows = self._rows(node, slot)
        missing = column - rows.column
        if not missing:
            yield from self.value(node, nodes, Slot((*slot.path, _NODES), column, slot.after))
        at, end = rows.region(0)[0], self._layout.below(rows.all[-1].end, rows.column)
        while missing and at < end:
            yield Patch(at, at, "" if self._layout.is_empty(at) else " " * missing)
            at = self._layout.line_end(at)
