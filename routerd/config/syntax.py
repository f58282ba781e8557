"""libyaml's syntax errors in words that say what to do, without a word of the text itself."""

from __future__ import annotations

import re
from typing import Any

from routerd.config.problem import Problem

_QUOTE = "put the value into quotes"
_SPACE = "a space belongs after the colon"
_SPACES = "indent with spaces"
_REFERENCE = "write `env:NAME`, or put `${NAME}` into quotes"

# What libyaml says → our message, our hint, and whether it begins where libyaml began ("context") or noticed it.
_EXPLANATIONS: tuple[tuple[str, str, str | None, bool], ...] = (
    (
        "mapping values are not allowed",
        "a colon stands where no key can be",
        f"{_QUOTE}, or correct the indentation",
        False,
    ),
    ("could not find expected ':'", "a key without its colon", _SPACE, True),
    (
        "did not find expected key",
        "the line does not fit those above it",
        "correct its indentation, or the quotes",
        False,
    ),
    ("did not find expected '-'", "the line does not fit the list above it", "correct its indentation", False),
    ("block sequence entries are not allowed", "a list can't begin here", "begin it on a line of its own", False),
    ("did not find expected ',' or '}'", "a `,` or `}` is missing", None, False),
    ("did not find expected ',' or ']'", "a `,` or `]` is missing", None, False),
    ("found unexpected end of stream", "the quotes are never closed", None, True),
    ("found unexpected document indicator", "the quotes are never closed", None, True),
    ("did not find expected alphabetic", "a value can't begin with `*` or `&`", _QUOTE, True),
    ("found unknown escape character", "no such escape exists inside double quotes", "use single quotes", False),
    ("did not find expected hexdecimal", "no such escape exists inside double quotes", "use single quotes", False),
    ("violates indentation", "a tab can't indent", _SPACES, False),
    ("found a tab character", "a tab can't indent", _SPACES, False),
    ("found unexpected ':'", "a colon stands where no key can be", _SPACE, False),
    ("did not find expected node content", "a value is missing here", None, False),
    ("did not find expected comment", "only a comment may follow here", None, False),
    ("undefined tag handle", "tags are not allowed", "delete the `!…`", False),
    ("did not find expected <document start>", "nothing may follow the end of the document", None, False),
    ("found incompatible YAML document", "this is read as YAML 1.2", "delete the %YAML line", False),
)


def explain(error: Any, text: str) -> Problem:
    """The Problem that a MarkedYAMLError means."""
    said = str(error.problem)
    mark = error.problem_mark or error.context_mark
    message, hint = "this is not YAML", None
    for phrase, ours, cure, begins in _EXPLANATIONS:
        if phrase in said:
            message, hint = ours, cure
            mark = error.context_mark if begins and error.context_mark else mark
            break
    else:
        if "cannot start any token" in said:
            message, hint = _bad_start(text, mark.index)
    if _is_at_end(mark.index, text) and error.context_mark and "flow" in str(error.context):
        mark, message = error.context_mark, "the bracket is never closed"
    return Problem("error", mark.line + 1, mark.column + 1, "", message, _better(hint, text, error))


def _bad_start(text: str, index: int) -> tuple[str, str]:
    if text[index : index + 1] == "\t":
        return "a tab can't indent", _SPACES
    character = text[index : index + 1]
    return f"a value can't begin with {'a backtick' if character == '`' else f'`{character}`'}", _QUOTE


def _better(hint: str | None, text: str, error: Any) -> str | None:
    """The hint that the line itself asks for, else `hint`."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    lines = [_line(text, mark.index) for mark in marks]
    if any(re.search(r"[:\[{,]\s*\$\{", line) for line in lines):
        return _REFERENCE
    if any(re.match(r"\s*(?:- +)?[A-Za-z_]+:[^\s/]", line) for line in lines):
        return _SPACE
    return hint


def _line(text: str, index: int) -> str:
    start = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    return text[start : end if end >= 0 else len(text)]


def _is_at_end(index: int, text: str) -> bool:
    return not text[index:].strip()
