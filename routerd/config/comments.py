"""The comments of a YAML text, with where they stand. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from routerd.config.document import Node
from routerd.config.layout import Layout

_COMMENT = re.compile("(?:^|(?<=[ \t\n\r\x85\u2028\u2029]))#[^\n\r\x85\u2028\u2029]*")


class Comment(NamedTuple):
    """One comment, from its `#`. `column` counts from 0, `is_own`: nothing else stands on its line."""

    start: int
    column: int
    text: str
    is_own: bool
    is_apart: bool  # an empty line stands before it


def comments(layout: Layout, root: Node | None) -> Iterator[Comment]:
    """Every comment of the text, in its order."""
    at = 0
    for start, end in [*sorted(_scalars(layout, root)), (len(layout.text), len(layout.text))]:
        for found in _COMMENT.finditer(layout.text, at, max(at, start)):
            line = layout.line_start(found.start())
            is_own = not layout.text[line : found.start()].strip(" \t")
            is_apart = is_own and line > 0 and layout.is_empty(layout.line_start(line - 1))
            yield Comment(found.start(), found.start() - line, found[0].rstrip(), is_own, is_apart)
        at = max(at, end)


def _scalars(layout: Layout, node: Node | None) -> Iterator[tuple[int, int]]:
    """Where words stand, in which a `#` is no comment; behind the `|` of a text on lines of its own it is."""
    if node is None:
        return
    if node.original is not None:
        yield node.start, node.end
    elif isinstance(node.value, dict):
        for key, value in node.value.values():
            yield key.start, key.end
            yield from _scalars(layout, value)
    elif isinstance(node.value, list):
        for item in node.value:
            yield from _scalars(layout, item)
    elif layout.is_block_scalar(node):
        yield layout.line_end(layout.begin(node)), layout.end(node)
    else:
        yield node.start, node.end
