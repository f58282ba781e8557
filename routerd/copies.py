"""Copies of router.yaml that may be kept and shown: no key stands in them in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from routerd.config.edit_scalar import CantEdit
from routerd.config.leaks import by_shape, scan
from routerd.config.model import RouterConfig
from routerd.config.places import places
from routerd.config.references import BadReference, parse_value
from routerd.keyring import Keyring, KeyringError, seal_plain
from routerd.sealing import Sources

REDACTED = "[redacted]"
_SHORTEST = 6  # letters of a secret that is looked for by its value, as in the log

_SECRET_LINE = re.compile(
    r"""((?:api[_-]?key|[\w-]*(?:authorization|token|secret|password|cookie)|proxy)["']?\s*[:=]\s*)(["']?)([^"'#,}\r\n]+)""",
    re.IGNORECASE,
)


class NotKept(Exception):
    """The text can't be copied without a key. The message says why, and holds no value."""


def has_plain_keys(config: RouterConfig) -> bool:
    """Whether a key stands in the file as it is."""
    return any(place.kind == "plain" for place in places(config))


def sealed_copy(text: str, config: RouterConfig, secrets: Iterable[str], sources: Sources) -> str:
    """The text with every key sealed. `secrets` are the values of those that are known. Raises NotKept.

    No identity is made for a copy: until there is one, a text with plain keys is not kept.
    """
    if has_plain_keys(config):
        text = _sealed(text, config, Keyring(sources))
    if any(secret in text for secret in secrets if len(secret) >= _SHORTEST) or any(by_shape(text)):
        raise NotKept("a key stands in it where none belongs, such as in a comment: `routerd key scan` says where")
    return text


def _sealed(text: str, config: RouterConfig, ring: Keyring) -> str:
    if not config.recipients and ring.identities.recipient is None:
        raise NotKept("a key stands in it in plain text, and there is no identity yet: `routerd key seal` makes one")
    try:
        edited = seal_plain(text, ring)
    except (KeyringError, CantEdit) as error:
        raise NotKept(str(error)) from None
    if edited.left:
        raise NotKept(f"a key stands in it in plain text: {edited.left[0].reason}")
    return edited.text


def hidden(text: str) -> str:
    """A text that can't be understood, without what stands where keys do, or looks like one."""
    lines = _SECRET_LINE.sub(_hide, text).splitlines(keepends=True)
    for leak in scan(text):
        line = lines[leak.line - 1]
        if REDACTED not in line:
            lines[leak.line - 1] = line[: leak.column - 1] + REDACTED + line[len(line.rstrip("\r\n")) :]
    return "".join(lines)


def _hide(found: re.Match[str]) -> str:
    value = found[3].strip()
    try:
        is_plain = parse_value(value).kind == "plain"
    except BadReference:
        is_plain = True
    return f"{found[1]}{found[2]}{REDACTED}" if is_plain else found[0]
