"""A sealed key as it stands in router.yaml: an age file, as one line of base64 after `age:`, or armored.

Only its header is read here, and it is read before anything is done with it: scrypt is slow on purpose, and each stanza
costs a try of every identity. The format: https://c2sp.org/age
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PREFIX = "age:"
ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----"
MOST_STANZAS = 20
MOST_HEADER = 16 * 1024
MOST_BYTES = 64 * 1024  # of the whole: no key is as long

_ARMOR_END = "-----END AGE ENCRYPTED FILE-----"
_VERSION = b"age-encryption.org/v1"
_COLUMNS = 64
_ARGUMENTS = re.compile(rb"->((?: [!-~]+)+)")
_BODY = re.compile(rb"[A-Za-z0-9+/]{0,64}")
_MAC = re.compile(rb"--- [A-Za-z0-9+/]{43}")
_PORTS = {"https": 443, "http": 80}
_AGAIN = "seal the key again with `routerd key set`"


class Malformed(ValueError):
    """This is no sealed key that can be read: `message` and `hint`."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class AgeFile:
    """The binary age file, and the types of its stanzas."""

    data: bytes = field(repr=False)
    stanzas: tuple[str, ...]

    @property
    def recipients(self) -> int:
        """How many it is sealed to. `…-grease` stanzas are there so that nobody relies on the types we have today."""
        return sum(not stanza.endswith("-grease") for stanza in self.stanzas)


def parse(text: str) -> AgeFile:
    """The sealed key that is written as `text`. Raises Malformed."""
    if len(text) > 2 * MOST_BYTES:
        raise Malformed("this is longer than any sealed key")
    data = _binary(text) if text.startswith(PREFIX) else _dearmored(text)
    return AgeFile(data, parse_header(data))


def render(data: bytes) -> str:
    """A binary age file as one line for router.yaml."""
    return PREFIX + base64.b64encode(data).decode()


def _binary(text: str) -> bytes:
    sealed = text.removeprefix(PREFIX)
    data = _decoded(sealed)
    if data is None:
        raise Malformed("this is no sealed key", "after `age:` stands an age file in base64, on one line")
    return data


def _dearmored(text: str) -> bytes:
    lines = text.strip(" \t\r\n").replace("\r\n", "\n").split("\n")
    if lines[0] != ARMOR or lines[-1] != _ARMOR_END:
        raise Malformed(
            "this is not the whole of an armored age file", f"it ends with `{_ARMOR_END}`; use `|`, not `>`"
        )
    body = lines[1:-1]
    is_regular = all(len(line) == _COLUMNS for line in body[:-1]) and body and 0 < len(body[-1]) <= _COLUMNS
    data = _decoded("".join(body)) if is_regular else None
    if data is None:
        raise Malformed("this armored age file is damaged", _AGAIN)
    return data


def _decoded(text: str) -> bytes | None:
    """What the base64 `text` means; None when it is none, or not written the one way it can be."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def parse_header(data: bytes) -> tuple[str, ...]:
    """The types of the stanzas of an age file. Raises Malformed, also for what is not worth a try."""
    lines = _lines(data)
    first = next(lines, b"")
    if first != _VERSION:
        if first.startswith(b"age-encryption.org/"):
            raise Malformed("this is sealed with another version of age, or damaged", _AGAIN)
        raise Malformed("this is no sealed key", "after `age:` stands an age file in base64, on one line")
    stanzas: list[str] = []
    for line in lines:
        if _MAC.fullmatch(line):
            return _judged(stanzas)
        stanzas.append(_stanza(line, lines))
        if len(stanzas) > MOST_STANZAS:
            raise Malformed(f"this is sealed to more than {MOST_STANZAS} recipients", _AGAIN)
    raise _cut(data)


def _lines(data: bytes) -> Iterator[bytes]:
    """The header's lines, as far as it may reach; the payload after it may look like some more."""
    *whole, _ = data[:MOST_HEADER].split(b"\n")
    return iter(whole)


def _cut(data: bytes) -> Malformed:
    if len(data) > MOST_HEADER:
        return Malformed(f"the header of this sealed key is longer than {MOST_HEADER // 1024} KiB", _AGAIN)
    return Malformed("this sealed key is damaged, or a part of it is missing", _AGAIN)


def _stanza(line: bytes, lines: Iterator[bytes]) -> str:
    """The type of the stanza that begins with `line`; its body is taken from `lines`."""
    arguments = _ARGUMENTS.fullmatch(line)
    if arguments is None:
        raise _cut(b"")
    for body in lines:
        if not _BODY.fullmatch(body):
            raise _cut(b"")
        if len(body) < _COLUMNS:
            break
    return arguments[1].split()[0].decode()


def _judged(stanzas: list[str]) -> tuple[str, ...]:
    if "scrypt" in stanzas:
        raise Malformed("this is sealed with a passphrase, and nobody is there to type it", _AGAIN)
    if not stanzas:
        raise _cut(b"")
    return tuple(stanzas)


def short_origin(text: str) -> str:
    """`https://host:443` as `https://host`: how an origin stands in a sealed key. What is no origin stays as it is."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    host = parts.hostname or ""
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        return text
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _PORTS.get(parts.scheme)) else f":{port}")
