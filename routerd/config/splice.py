"""Edits of router.yaml's text that change only the lines they mean to; comments, quotes and order stay.

A change is found as patches of the text by the places of the parsed nodes, and aliases that then would say something
else get what they are to say. The result counts only when a strict parse of it gives exactly the data that was meant;
what can't be spliced so is refused, never reformatted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from routerd.config.aliases import openings, unshared
from routerd.config.blocks import Patch, patches
from routerd.config.changes import Change, Drop, Put, Rename, apply, says, words
from routerd.config.document import Document, Node, parse
from routerd.config.layout import BREAKS, Layout
from routerd.config.plan import Refused
from routerd.config.problem import Path, Problem

__all__ = ["Change", "Drop", "Put", "Rename", "Unspliceable", "data_in", "splice"]

_BOM = "\ufeff"
_LAST_BREAK = re.compile(f"(?:\r\n|[{BREAKS}])\\Z")


class Unspliceable(Exception):
    """No program can make the change in this text: edit it by hand at `line`, from 1.

    `problems` are those of a text that can't be understood at all.
    """

    def __init__(self, line: int, what: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(f"edit by hand at line {line}: {what}")
        self.line = line
        self.problems = tuple(problems)


def splice(text: str, changes: Sequence[Change]) -> str:
    """The text after the changes, made one after the other: a later path may go through what an earlier change made.

    Raises Unspliceable; KeyError for a change of what is not there, or a Rename to a name that is taken.
    """
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    if not changes:
        return mark + text
    return mark + _in_parts(text, changes)


def data_in(text: str) -> Any:
    """The data of a text that is to be changed; None when nothing stands in it. Raises Unspliceable."""
    return _parsed(text).data


def _in_parts(text: str, changes: Sequence[Change]) -> str:
    """All at once, or else in halves: this finds the one that can't be made."""
    try:
        return _spliced(text, changes)
    except Unspliceable:
        if len(changes) == 1:
            raise
    middle = len(changes) // 2
    return _in_parts(_in_parts(text, changes[:middle]), changes[middle:])


def _spliced(text: str, changes: Sequence[Change]) -> str:
    document = _parsed(text)
    wanted = apply(document.root, changes)
    layout = Layout(text)
    ending = "" if text[-1:] in ("", *BREAKS) else layout.line_ending(0)
    root = document.root
    meant = wanted
    if ending:  # a last line that has its end like the others makes everything simpler
        root = _parsed(text + ending).root
        meant = apply(root, changes)
    try:
        made = _patched(text + ending, patches(text + ending, root, meant))
    except Refused as refused:
        raise Unspliceable(refused.line, words(changes[0])) from None
    draft = parse(changed := _without(ending, made), is_draft=True)
    if draft.root is not None and not _is_right(draft, wanted):
        made = _patched(made, unshared(made, draft.root, wanted, openings(text + ending, root)))
        draft = parse(changed := _without(ending, made))
    if not _is_right(draft, wanted):
        raise Unspliceable(_line(document.root, changes[0].path), words(changes[0]))
    return changed


def _without(ending: str, text: str) -> str:
    return _LAST_BREAK.sub("", text) if ending else text


def _is_right(result: Document, wanted: Any) -> bool:
    return not result.problems and says(result.root, wanted)


def _parsed(text: str) -> Document:
    document = parse(text)
    if document.problems:
        raise Unspliceable(document.problems[0].line, document.problems[0].text, document.problems)
    return document


def _patched(text: str, found: Sequence[Patch]) -> str:
    pieces = []
    at = 0
    for patch in found:
        assert patch.start >= at, "patches never overlap"
        pieces += [text[at : patch.start], patch.text]
        at = patch.end
    return "".join([*pieces, text[at:]])


def _line(node: Node | None, path: Path) -> int:
    """The line of what comes nearest to `path`."""
    line = 1
    for step in (*path, None):
        if node is None:
            break
        line = node.line
        value = node.value if node.original is None else None
        if isinstance(value, dict) and step in value:
            node = value[str(step)].value
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            node = value[step]
        else:
            break
    return line
