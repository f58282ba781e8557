"""The entries of a block of the text, each with the lines and the comments that go with it."""

from __future__ import annotations

from typing import NamedTuple

from routerd.config.document import Entry, Node
from routerd.config.layout import Layout
from routerd.config.plan import Refused


class Row(NamedTuple):
    """An entry of a block: its key if it has one, where it begins, where its value does and ends."""

    key: Node | None
    value: Node
    start: int
    after: int  # the colon or the dash
    end: int


class Rows:
    """The entries of one block. `column` is where they begin; `is_beside`: the first stands behind a dash."""

    def __init__(self, layout: Layout, node: Node, floor: int) -> None:
        self._layout = layout
        self._floor = floor
        self.all = _entries(layout, node.value) if isinstance(node.value, dict) else _items(layout, node)
        self.first = self.all[0]
        self.column = layout.column(self.first.start)
        self.is_beside = not layout.is_first(self.first.start)

    def __len__(self) -> int:
        return len(self.all)

    def region(self, index: int) -> tuple[int, int]:
        """The lines of an entry, with the comments that are about it."""
        row = self.all[index]
        if not self._layout.is_first(row.start):
            raise Refused(row.value.line)
        floor = self._layout.line_end(self.all[index - 1].end) if index else self._floor
        start = self._layout.above(self._layout.line_start(row.start), self.column, floor)
        return start, self._layout.below(row.end, self.column)

    def are_joined(self, index: int) -> bool:
        """Whether nothing, comments neither, stands between the first entry and the one at `index` but others."""
        ends = [self._layout.below(row.end, self.column) for row in self.all[:index]]
        starts = [self.region(each)[0] for each in range(1, index + 1)]
        return ends == starts and starts[-1] == self._layout.line_start(self.all[index].start)

    def are_apart(self) -> bool:
        """Whether an empty line stands before the last entry."""
        if len(self.all) < 2:
            return False
        start = self._layout.line_end(self.all[-2].end)
        while start < self._layout.line_start(self.all[-1].start):
            if self._layout.is_empty(start):
                return True
            start = self._layout.line_end(start)
        return False


def _entries(layout: Layout, entries: dict[str, Entry]) -> list[Row]:
    found = []
    for key, value in entries.values():
        colon = layout.skip(key.end)
        if layout.text[colon] != ":":
            raise Refused(key.line)
        found.append(Row(key, value, _start(layout, key), colon + 1, max(colon + 1, layout.end(value))))
    return found


def _start(layout: Layout, key: Node) -> int:
    """Where an entry begins: with its key, or with the `?` before it."""
    line = layout.line_start(key.start)
    before = layout.text[line : key.start].rstrip(" ")
    return line + len(before) - 1 if before.endswith("?") else key.start


def _items(layout: Layout, node: Node) -> list[Row]:
    assert isinstance(node.value, list)
    found = []
    at = layout.begin(node)
    for item in node.value:
        if layout.text[at] != "-":
            raise Refused(item.line)
        found.append(Row(None, item, at, at + 1, max(at + 1, layout.end(item))))
        at = layout.skip(found[-1].end)
    return found
