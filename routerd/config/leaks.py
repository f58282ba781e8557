"""Keys that stand in a text as they are, also where no parser looks: in comments, and in files that are no YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from routerd.config.places import places
from routerd.config.problem import Path, Problem, path_text
from routerd.config.references import BadReference, parse_value

if TYPE_CHECKING:
    from routerd.config.document import Document

_SEALING = "seal it with `routerd key seal`, or write `env:NAME`"
_ELSEWHERE = "delete it, and take back the key where it was given"

# What keys look like. Each has a beginning that hardly anything else has, and a length that no example has.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_/+-])(?:"
    r"sk-[A-Za-z0-9_-]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|csk-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|fw_[A-Za-z0-9]{20,}|tgp_v1_[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35}|AGE-SECRET-KEY-1[0-9A-Z]{58}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)
_KEY_LINE = re.compile(r"""api_key["']?\s*[:=]\s*["']?([^\s"',}#]+)""")


def scan(text: str) -> list[Problem]:
    """Every key in plain text, in the order of the text. The problems don't repeat them."""
    from routerd.config.document import parse  # here: what serves looks for shapes alone

    text = text.removeprefix("\ufeff")
    document = parse(text)
    found = [*_in_places(document)] if document.root is not None else [*_on_key_lines(text)]
    told = {problem.line for problem in found}
    found += [problem for problem in by_shape(text) if problem.line not in told]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def shaped(text: str) -> Iterator[re.Match[str]]:
    """Everything in a text that looks like a key, wherever it stands."""
    return _SHAPES.finditer(text)


def _in_places(document: Document) -> Iterator[Problem]:
    from routerd.config.shape import shape

    config = shape(document).config
    for place in places(config) if config is not None else ():
        if place.kind == "plain":
            line, column = document.position(place.path)
            yield _leak(line, column, place.path, _SEALING)


def _on_key_lines(text: str) -> Iterator[Problem]:
    """What follows `api_key:` where the text is no YAML."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _KEY_LINE.finditer(line):
            try:
                is_plain = parse_value(found[1]).kind == "plain"
            except BadReference:
                is_plain = False
            if is_plain:
                yield _leak(number, found.start(1) + 1, (), _SEALING)


def by_shape(text: str) -> Iterator[Problem]:
    """What looks like a key, wherever it stands. Does not parse the text."""
    for number, line in enumerate(text.splitlines(), 1):
        if (found := _SHAPES.search(line)) is not None:
            yield _leak(number, found.start() + 1, (), _ELSEWHERE)


def _leak(line: int, column: int, path: Path, hint: str) -> Problem:
    return Problem("error", line, column, path_text(path), "a key stands here in plain text", hint)
