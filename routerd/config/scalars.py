"""What a plain (unquoted) YAML scalar stands for: the core schema of YAML 1.2, so `no` and `on` are words.

https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# Python refuses to read integers of more than 4,300 digits; nothing here needs more than a byte count.
_MOST_CHARACTERS = 40

Scalar = str | int | float | bool | None


class NotANumber(ValueError):
    """Infinite, not a number, or longer than any number that has a use here."""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar. Raises NotANumber."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] in "+-.0123456789":
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if _NOT_FINITE.fullmatch(text):
        raise NotANumber(text)
    read = next((read for pattern, read in _READERS if pattern.fullmatch(text)), None)
    if read is None:
        return text
    if len(text) > _MOST_CHARACTERS:
        raise NotANumber(text)
    return read(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise NotANumber(text)
    return value


_READERS = (
    (_INTEGER, int),
    (_OCTAL, lambda text: int(text[2:], 8)),
    (_HEXADECIMAL, lambda text: int(text[2:], 16)),
    (_FLOAT, _finite),
)
