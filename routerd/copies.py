"""Copies of router.yaml that may be kept and shown: no key stands in them in plain text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from routerd import sealing
from routerd.config.leaks import shaped
from routerd.config.places import places
from routerd.gently import gently
from routerd.loading import Loaded, internal
from routerd.sealing import Sources
from routerd.state.generations import Generations

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig

_SHORTEST = 6  # letters of a secret that is looked for by its value, as in the log


class NotKept(Exception):
    """The text can't be copied without a key. The message says why, and holds no value."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Whether what serves has been kept, and why not."""

    is_kept: bool
    reason: str | None = None


def keep(generations: Generations, loaded: Loaded, sources: Sources) -> Copy:
    """Keep the text of what serves as the newest generation. Blocks; raises nothing, for it must not end the watch."""
    snapshot, text, reason = loaded.snapshot, None, None
    try:
        if generations.text(snapshot.digest) is None:
            with gently():
                text = sealed_copy(loaded.text, loaded.meaning.values, loaded.secrets, sources)
    except NotKept as error:
        reason = str(error)
    except Exception as error:
        reason = internal(error, "").reason
    try:
        generations.accept(snapshot.generation, snapshot.digest, text)
    except OSError as error:
        reason = f"the data folder can't be written: {error.strerror}"
    return Copy(reason is None, reason)


def has_plain_keys(config: RouterConfig) -> bool:
    """Whether a key stands in the file as it is."""
    return any(place.kind == "plain" for place in places(config))


def sealed_copy(text: str, config: RouterConfig, secrets: Iterable[str], sources: Sources) -> str:
    """The text with every key sealed. `secrets` are the values of those that are known. Raises NotKept.

    No identity is made for a copy: until there is one, a text with plain keys is not kept.
    """
    if has_plain_keys(config):
        text = _sealed(text, config, sources)
    if any(secret in text for secret in secrets if len(secret) >= _SHORTEST) or any(shaped(text)):
        raise NotKept("a key stands in it where none belongs, such as in a comment: `routerd key scan` says where")
    return text


def _sealed(text: str, config: RouterConfig, sources: Sources) -> str:
    if not config.recipients and sealing.find(sources).recipient is None:
        raise NotKept("a key stands in it in plain text, and there is no identity yet: `routerd key seal` makes one")
    from routerd.config.edit_scalar import CantEdit  # here: few files have such a key
    from routerd.keyring import Keyring, KeyringError, seal_plain

    try:
        edited = seal_plain(text, Keyring(sources))
    except (KeyringError, CantEdit) as error:
        raise NotKept(str(error)) from None
    if edited.left:
        raise NotKept(f"a key stands in it in plain text: {edited.left[0].reason}")
    return edited.text
