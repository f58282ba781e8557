"""How a secret is written in router.yaml: sealed, as a reference, or, frowned upon, as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from routerd.config import sealed

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_OURS = "ROUTERD_"
_ENV_HINT = "write `env:NAME` for the environment variable NAME"

# How other tools write what is `env:NAME` here.
_FOREIGN = re.compile(
    r"\$\w+|\$\{.*\}|\$\(.*\)|%\w+%|\{\{.*\}\}|os\.environ/.*|(?:ENV|Env|FILE|File|AGE|Age)[:.].*", re.DOTALL
)

Kind = Literal["plain", "env", "file", "sealed"]


class SecretError(Exception):
    """A secret can't be had. The text names the variable or the file, never a value."""


class BadReference(ValueError):
    """A secret is not written as the grammar has it: `message` and `hint`, without the value."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Reference:
    """`value` is the variable's name, the file's path, the sealed text, or the secret itself."""

    kind: Kind
    value: str = field(repr=False)


def parse_key(text: str) -> Reference:
    """How an API key is written. Raises BadReference."""
    reference = parse_value(text)
    if reference.kind == "plain":
        _refuse_odd_key(text)
    return reference


def parse_value(text: str) -> Reference:
    """How a header's value is written: a reference as for keys, or any text. Raises BadReference."""
    if text.startswith((sealed.PREFIX, sealed.ARMOR)):
        return Reference("sealed", _sealed(text))
    if text.startswith("env:"):
        return Reference("env", _variable(text.removeprefix("env:")))
    if (braced := _BRACED.fullmatch(text)) is not None:
        return Reference("env", _variable(braced[1]))
    if text.startswith("file:"):
        return Reference("file", _file(text.removeprefix("file:")))
    if _FOREIGN.fullmatch(text):
        raise BadReference("this is no reference that is known here", _ENV_HINT)
    if "${" in text:
        raise BadReference("a reference is a whole value, not a part of one", _ENV_HINT)
    return Reference("plain", text)


def _sealed(text: str) -> str:
    try:
        sealed.parse(text)
    except sealed.Malformed as error:
        raise BadReference(error.message, error.hint) from None
    return text


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise BadReference("after `env:` stands the name of an environment variable, and nothing else")
    if name.upper().startswith(_OURS):
        raise BadReference("`ROUTERD_…` variables are routerd's own and never a provider's key")
    return name


def _file(path: str) -> str:
    if not path.strip() or "\x00" in path:
        raise BadReference("after `file:` stands the path of a file")
    if ".." in path.split("/"):
        raise BadReference("a path of a secret has no `..` in it")
    return path


def _refuse_odd_key(text: str) -> None:
    if not text:
        raise BadReference("the key is empty", "leave `api_key` out if the provider needs none")
    if text.casefold().startswith("bearer "):
        raise BadReference("the key stands without `Bearer`")
    if not is_header_text(text) or " " in text:
        raise BadReference("no key has spaces, line breaks or other than ASCII characters in it")


def is_header_text(text: str) -> bool:
    """Whether an HTTP header can carry `text`: printable ASCII."""
    return text.isascii() and text.isprintable()
