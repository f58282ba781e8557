"""Proto JSON as Google has it: names in two spellings, lists of one, base64 of two kinds, and signatures.

https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote

from routerd.adapters.base import escape
from routerd.adapters.reading import Fields, refuse
from routerd.chat.parts import Signature

NAME = "gemini"
FAMILY = "gemini"

SKIP_VALIDATION = "skip_thought_signature_validator"
"""What stands for a signature that we have not (https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ)."""

FOREIGN_SIGNATURE = b'"cm91dGVyZD'
"""How the JSON of a `thoughtSignature` begins that holds another family's: base64 of `routerd:`."""

_OURS = "routerd:"
_WRAPPED = FOREIGN_SIGNATURE[1:].decode()
_REDACTED = "redacted:"
_WORD = re.compile(r"(?<=[^_])_([a-z0-9])")
_URL_SAFE = str.maketrans("-_", "+/")


def call_path(model: str, is_stream: bool) -> str:
    """What follows the base path; tuned models have a collection of their own."""
    collection, slash, name = model.partition("/")
    if not slash or collection not in ("models", "tunedModels"):
        collection, name = "models", model
    method = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    return f"/{collection}/{quote(name, safe='')}:{method}"


def camel(name: str) -> str:
    """A field's name in camelCase."""
    return _WORD.sub(lambda found: found[1].upper(), name) if "_" in name else name


class Names(Fields):
    """One object of proto JSON: read by camelCase names, however its fields are written."""

    def __init__(self, value: Any, at: str) -> None:
        super().__init__(value, at)
        self._spelt = {camel(name): name for name in self.left if "_" in name}
        if self._spelt:
            self.left = {camel(name): each for name, each in self.left.items()}

    def place(self, name: str) -> str:
        """The JSON pointer to a field, as it is written."""
        return f"{self.at}/{escape(self._spelt.get(name, name))}"

    def rest(self) -> dict[str, Any]:
        """What is left, by the names as they are written: for `extra`."""
        return {self._spelt.get(name, name): value for name, value in self.left.items()}

    def each(self, name: str) -> list[tuple[str, Any]]:
        """The entries of a list, each with its pointer. A single object counts as a list of one, as Google has it."""
        at, value = self.place(name), self.any(name)
        if isinstance(value, dict):
            return [(at, value)]
        if not isinstance(value, list | None):
            refuse(at, "must be a list")
        return [(f"{at}/{index}", each) for index, each in enumerate(value or ())]

    def whole_number(self, name: str) -> int | None:
        """A number without a fraction, or None. Google's SDK writes some of them as 40.0."""
        value = self.number(name)
        if value is not None and value != int(value):
            refuse(self.place(name), "must be a whole number")
        return None if value is None else int(value)

    def word(self, name: str) -> str | None:
        """A value of an enum in upper case; None where it is unspecified."""
        value = (self.take(name, str) or "").upper()
        return None if not value or value.endswith("UNSPECIFIED") else value


def plain_base64(data: str) -> str:
    """Base64 in the common alphabet: Google's SDKs write the other one, of URLs."""
    return data.translate(_URL_SAFE) if "-" in data or "_" in data else data


def parse_signature(value: str) -> tuple[Signature, bool]:
    """The signature that a `thoughtSignature` holds, and whether it stands for redacted thinking."""
    found = _foreign(value) if value.startswith(_WRAPPED) else None
    if found is None:
        return Signature(FAMILY, value), False
    is_redacted = found.startswith(_REDACTED)
    family, _, inner = found.removeprefix(_REDACTED).partition(":")
    return Signature(family, inner), is_redacted


def _foreign(value: str) -> str | None:
    try:
        decoded = base64.b64decode(plain_base64(value) + "==").decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.removeprefix(_OURS) if decoded.startswith(_OURS) else None


def render_signature(signature: Signature, *, is_redacted: bool = False) -> str:
    """A `thoughtSignature` for a caller. Another family's is wrapped, so that it comes back to us as it was."""
    if signature.family == FAMILY:
        return signature.value
    marked = f"{_OURS}{_REDACTED if is_redacted else ''}{signature.family}:{signature.value}"
    return base64.b64encode(marked.encode()).decode()
