"""The text of router.yaml as places: where lines, values, entries and the comments about them begin and end.

Lines are those of the parser: it takes U+0085, U+2028 and U+2029 for line ends as well.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from routerd.config.document import Node

BREAKS = "\n\r\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n|[{BREAKS}]")
_USUAL_BREAK = re.compile("\r?\n|\r")
_NOTHING = re.compile(f"(?:[ \t{BREAKS}]|#[^{BREAKS}]*)*+")
_ANCHOR = re.compile("&[0-9A-Za-z_-]+")
_COMMENT_LINE = re.compile(" *(?=#)")
_HEADER = re.compile("[|>][-+0-9]*")


class Layout:
    """Places in one text, as indices. An entry is a key with its value, or a dash with its item."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        usual = _USUAL_BREAK.search(text)
        self._break = usual[0] if usual else "\n"

    def line_start(self, index: int) -> int:
        """Where the line of `index` begins."""
        return self._starts[bisect_right(self._starts, index) - 1]

    def line_end(self, index: int) -> int:
        """Where the line after that of `index` begins."""
        after = bisect_right(self._starts, index)
        return self._starts[after] if after < len(self._starts) else len(self.text)

    def line_break(self, index: int) -> int:
        """Where the line of `index` has its text behind it, and its line end before it."""
        start, end = self.line_start(index), self.line_end(index)
        return start + len(self.text[start:end].rstrip(BREAKS))

    def line_ending(self, index: int) -> str:
        """The line end that a new line at `index` gets: that of the line above."""
        above = self.text[max(0, index - 2) : index]
        return above if above == "\r\n" else above[-1:] if above[-1:] in ("\n", "\r") else self._break

    def column(self, index: int) -> int:
        """How far `index` stands from the beginning of its line."""
        return index - self.line_start(index)

    def is_first(self, index: int) -> bool:
        """Whether nothing but spaces stands before `index` on its line."""
        return not self.text[self.line_start(index) : index].strip(" ")

    def skip(self, index: int) -> int:
        """Where the next thing stands that is neither space nor comment."""
        found = _NOTHING.match(self.text, index)
        return found.end() if found else index

    def is_nothing(self, text: str) -> bool:
        """Whether a piece of the text is only space and comments."""
        return _NOTHING.fullmatch(text) is not None

    # Values

    def begin(self, node: Node) -> int:
        """Where a value itself begins, behind its anchor."""
        behind = self.behind_anchor(node)
        return node.start if behind is None else min(self.skip(behind), max(node.end, behind))

    def behind_anchor(self, node: Node) -> int | None:
        """Where a value's anchor ends, if it has one."""
        found = _ANCHOR.match(self.text, node.start) if node.is_anchored else None
        return found.end() if found else None

    def end(self, node: Node) -> int:
        """Where a value ends: what follows on that line can only be a comment."""
        while (last := _last(node)) is not None:
            node = last
        return self._end_of_block(node) if self.is_block_scalar(node) else node.end

    def is_block_scalar(self, node: Node) -> bool:
        """Whether a value is text on lines of its own, after `|` or `>`."""
        is_quoted = isinstance(node.value, str) and node.text is None and node.original is None
        return is_quoted and self.text[self.begin(node)] in "|>"

    def header(self, node: Node) -> str:
        """The `|` or `>` of a block scalar, with what stands right behind it."""
        found = _HEADER.match(self.text, self.begin(node))
        return found[0] if found else ""

    def _end_of_block(self, node: Node) -> int:
        begin = self.begin(node)
        if "+" in self.header(node):  # empty lines are part of it
            return max(begin, node.end - 1)
        return begin + len(self.text[begin : node.end].rstrip(f" \t{BREAKS}"))

    # Entries, and the comments about them

    def above(self, line: int, column: int, floor: int) -> int:
        """Where the comments begin that stand right above a line, at `column`; they reach up to `floor` at most.

        With what the whole file begins with it is about the file.
        """
        at = line
        while at > floor:
            previous = self.line_start(at - 1)
            if previous < floor or self._comment_column(previous) != column:
                break
            at = previous
        return at if at > 0 else line

    def below(self, index: int, column: int) -> int:
        """Where the lines of an entry at `column` end whose value ends at `index`: deeper comments go with it."""
        at = self.line_end(index)
        while self._is_deeper(at, column):
            at = self.line_end(at)
        return at

    def far_below(self, index: int, column: int) -> int:
        """The same, with deeper comments that stand after empty lines: where the next entry may be put."""
        at = end = self.below(index, column)
        while at < len(self.text):
            if self._is_deeper(at, column):
                end = self.line_end(at)
            elif not self.is_empty(at):
                break
            at = self.line_end(at)
        return end

    def is_empty(self, line: int) -> bool:
        """Whether a line has nothing on it."""
        return not self.text[line : self.line_end(line)].strip(f" \t{BREAKS}")

    def _is_deeper(self, line: int, column: int) -> bool:
        found = self._comment_column(line)
        return found is not None and found > column

    def _comment_column(self, line: int) -> int | None:
        """Where the comment begins on a line that has nothing else on it."""
        found = _COMMENT_LINE.match(self.text, line)
        return found.end() - line if found else None


def _last(node: Node) -> Node | None:
    """What a block ends with."""
    if node.is_flow or node.original is not None or not node.value:
        return None
    if isinstance(node.value, dict):
        return next(reversed(node.value.values())).value
    return node.value[-1] if isinstance(node.value, list) else None
