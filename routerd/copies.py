"""Copies of router.yaml that may be kept and shown: no key stands in them in plain text."""

from __future__ import annotations

from collections.abc import Iterable

from routerd.config.edit_scalar import CantEdit
from routerd.config.hiding import REDACTED, hidden
from routerd.config.leaks import by_shape
from routerd.config.model import RouterConfig
from routerd.config.places import places
from routerd.keyring import Keyring, KeyringError, seal_plain
from routerd.sealing import Sources

__all__ = ["REDACTED", "NotKept", "has_plain_keys", "hidden", "sealed_copy"]

_SHORTEST = 6  # letters of a secret that is looked for by its value, as in the log


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
