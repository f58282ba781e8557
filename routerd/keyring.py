"""What is done with the keys in router.yaml: setting one, sealing those in plain text, sealing all of them anew.

Every function takes the file's text and gives another, in which only those values differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Literal

from routerd import sealing
from routerd.adapters.vendors import VENDORS
from routerd.config import sealed
from routerd.config.check import check
from routerd.config.document import parse
from routerd.config.edit_scalar import Content, insert_key, replace_scalar, replace_scalars
from routerd.config.model import RouterConfig
from routerd.config.places import Place, origin_of, places
from routerd.config.problem import Path, path_text
from routerd.config.recipients import distinct
from routerd.config.references import BadReference, SecretError, parse_key, parse_value
from routerd.config.secrets import resolve, resolve_proxy
from routerd.config.similar import did_you_mean
from routerd.sealing import Identities, Identity, SealError, Sources

_FEW = 8  # names that a line can hold
_TRIAL = "env:KEY"  # stands where the key will, to see what the file says besides


class KeyringError(Exception):
    """It can't be done: what is wrong, and what to do about it. Never holds a value."""

    def __init__(self, message: str, cure: str | None = None) -> None:
        super().__init__(f"{message}; {cure}" if cure else message)
        self.message = message
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Left:
    """A secret that stays as it is, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, the values that are others in it, whom they are sealed to, and what could not be done.

    `made` is the identity that was made on the way; `recipients_added`: they stand in the file only now.
    """

    text: str = field(repr=False)
    changed: tuple[Path, ...] = ()
    recipients: tuple[str, ...] = ()
    recipients_added: bool = False
    made: Identity | None = None
    left: tuple[Left, ...] = ()


class Keyring:
    """The identities of this machine, and one more when the first key is to be sealed, which `make` makes."""

    def __init__(self, sources: Sources, make: Callable[[FilePath], Identity] = sealing.make_identity) -> None:
        self.sources = sources
        self.made: Identity | None = None
        self._make_identity = make

    @cached_property
    def identities(self) -> Identities:
        return sealing.find(self.sources)

    def recipients(self, config: RouterConfig) -> tuple[str, ...]:
        """Whom to seal to: as the file says, else whoever can open keys here, else an identity that is made now.

        What is not in the file yet belongs there (`with_recipients`). Raises KeyringError.
        """
        if config.recipients:
            return tuple(distinct(config.recipients))
        if self.identities.recipient is None:
            self._make(config)
        assert self.identities.recipient is not None
        return (self.identities.recipient,)

    def _make(self, config: RouterConfig) -> None:
        if self.identities.troubles:
            raise KeyringError(self.identities.troubles[0], "nothing is sealed while it can't be read")
        if any(place.kind == "sealed" for place in places(config)):
            raise KeyringError(
                "the file has sealed keys, and neither `recipients` nor an identity says whose they are",
                "name its file in ROUTERD_IDENTITY_FILE",
            )
        try:
            self.made = self._make_identity(self.sources.new)
        except sealing.IdentityError as error:
            raise KeyringError(str(error)) from None
        self.identities = Identities((self.made,))


def standing(recipients: int) -> str:
    """How safe the keys are from being lost: `1 recipient, not backed up`, `3 recipients`."""
    return "1 recipient, not backed up" if recipients == 1 else f"{recipients} recipients"


def set_key(text: str, provider: str, key: str, ring: Keyring, header: str | None = None) -> Edited:
    """Seal a key into a provider's `api_key`, or into one of its headers. Raises KeyringError, CantEdit."""
    _refuse_reference(key, is_key=header is None)
    path = path_of(text, provider, header)
    config = _checked(_put(text, path, _TRIAL))
    origin = origin_of(provider, config.providers[provider])
    if origin is None:
        raise KeyringError(f"`{provider}` is the built-in echo, and needs no key")
    recipients = ring.recipients(config)
    old = _value_at(text, path)
    value = sealing.reseal_if_needed(old, key, origin, recipients, ring.identities)
    if value == old:
        return Edited(text, (), recipients)
    return with_recipients(Edited(_put(text, path, value), (path,), recipients, made=ring.made), config)


def seal_plain(text: str, ring: Keyring, before: RouterConfig | None = None) -> Edited:
    """Seal every key that stands in the file in plain text. Raises KeyringError.

    A key that `before` has sealed already, for that address and to these recipients, keeps its ciphertext, so that
    sending it once more changes no line.
    """
    config = _checked(text)
    plain = [place for place in places(config) if place.kind == "plain"]
    if not plain:
        return Edited(text)
    recipients = ring.recipients(config)
    edited = Edited(text, recipients=recipients, made=ring.made)
    old = [place for place in places(before) if place.kind == "sealed"] if before is not None else []
    values: dict[Place, str] = {}
    for place in plain:
        if place.origin is None:
            edited = _leave(edited, place, "nothing says where the key may be sent, so it can't be sealed")
        else:
            stood = next((each.secret for each in old if each.path == place.path), None)
            values[place] = sealing.reseal_if_needed(stood, place.secret, place.origin, recipients, ring.identities)
    edited = _write(edited, values)
    return with_recipients(edited, config) if edited.changed else edited


def rotate(text: str, ring: Keyring) -> Edited:
    """Seal every sealed key again that is not sealed to just the recipients. Raises KeyringError."""
    config = _checked(text)
    found = [place for place in places(config) if place.kind == "sealed"]
    if not found:
        return Edited(text)
    recipients = ring.recipients(config)
    edited = Edited(text, recipients=recipients)
    values: dict[Place, str] = {}
    for place in found:
        try:
            opened = sealing.open_sealed(place.secret, ring.identities)
            origin = place.origin or opened.origin
            key = sealing.key_for(opened, origin)
            value = sealing.reseal_if_needed(place.secret, key, origin, recipients, ring.identities)
        except SealError as error:
            edited = _leave(edited, place, str(error))
        else:
            values |= {} if value == place.secret else {place: value}
    edited = _write(edited, values)
    return with_recipients(edited, config) if edited.changed else edited


def with_recipients(edited: Edited, config: RouterConfig) -> Edited:
    """The same with `recipients` in the file, if it did not name them."""
    if config.recipients:
        return edited
    text = insert_key(edited.text, ("recipients",), list(edited.recipients))
    return replace(edited, text=text, recipients_added=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One secret of the file, as far as it can be told. `fingerprint` is None when it can't be had here.

    `is_current`: it is sealed to just the recipients of the file; None: that can't be told.
    """

    provider: str
    path: Path
    source: Literal["none", "plain", "env", "file", "sealed"]
    fingerprint: str | None = None
    recipients: int | None = None
    is_current: bool | None = None
    trouble: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` gives."""
        return {
            "provider": self.provider,
            "path": path_text(self.path),
            "source": self.source,
            "fingerprint": self.fingerprint,
            "recipients": self.recipients,
            "current": self.is_current,
            "readable": self.fingerprint is not None,
            "trouble": self.trouble,
        }


def rows(text: str, ring: Keyring, environ: Mapping[str, str], folder: FilePath) -> Iterator[Row]:
    """Every secret of the file, and a row for each provider that has none. Raises KeyringError."""
    config = _checked(text)
    found = list(places(config))
    for name in config.providers:
        own = [place for place in found if place.provider == name]
        if not own:
            yield Row(name, ("providers", name), "none")
        for place in own:
            yield _row(place, config, ring, environ, folder)


def _row(place: Place, config: RouterConfig, ring: Keyring, environ: Mapping[str, str], folder: FilePath) -> Row:
    row = Row(place.provider, place.path, place.kind)
    if place.kind == "sealed":
        row = replace(row, recipients=sealed.parse(place.secret).recipients)
    try:
        key = _secret(place, ring, environ, folder)
        if place.kind == "sealed" and config.recipients:
            to = sealing.open_sealed(place.secret, ring.identities).to
            row = replace(row, is_current=None if to is None else to == sealing.audience(config.recipients))
    except SecretError as error:
        return replace(row, trouble=str(error))
    return replace(row, fingerprint=sealing.fingerprint(key))


def _secret(place: Place, ring: Keyring, environ: Mapping[str, str], folder: FilePath) -> str:
    def identities() -> Identities:
        return ring.identities

    if place.path[-1] == "proxy" and place.text == place.secret:
        return resolve_proxy(place.text, environ, folder, identities)
    return resolve(place.secret, environ, folder, place.origin, identities)


def _refuse_reference(key: str, *, is_key: bool) -> None:
    try:
        kind = (parse_key if is_key else parse_value)(key).kind
    except BadReference as error:
        raise KeyringError(error.message, error.hint) from None
    if kind != "plain" or not key:
        raise KeyringError("this is no key to be sealed", "what refers to one is written into router.yaml as it is")


def _how_to_add(provider: str, names: Sequence[str], text: str) -> str:
    """What to do so that there is such a provider: the example has some as comments."""
    comment = re.search(rf"^[ \t]*#[ \t]*{re.escape(provider)}:", text, re.MULTILINE)
    if comment is not None:
        line = text.count("\n", 0, comment.start()) + 1
        return f"line {line} has it as a comment: take away the `#`, and those of the lines that belong to it"
    entry = "{}" if provider in VENDORS else "{base_url: …}"
    beside = f", beside {', '.join(names)}" if 0 < len(names) <= _FEW else ""
    return f"add `{provider}: {entry}` under `providers:`{beside}"


def path_of(text: str, provider: str, header: str | None = None) -> Path:
    """Where a provider's secret stands, or will. Raises KeyringError when there is no such provider."""
    data = parse(text).data
    providers = data.get("providers") if isinstance(data, dict) else None
    names = list(providers) if isinstance(providers, dict) else []
    if provider not in names:
        cure = did_you_mean(provider, names) or _how_to_add(provider, names, text)
        raise KeyringError(f"there is no provider `{provider}`", cure)
    if header is None:
        return ("providers", provider, "api_key")
    own = data["providers"][provider]
    headers = own.get("headers") if isinstance(own, dict) else None
    written = next((name for name in headers or () if name.casefold() == header.casefold()), header)
    return ("providers", provider, "headers", written)


def _value_at(text: str, path: Path) -> str | None:
    found = parse(text).find(path)
    return found.value.value if found.path == path and isinstance(found.value.value, str) else None


def _put(text: str, path: Path, value: str) -> str:
    """The text with the value at `path`, whether there is one or not. Raises CantEdit."""
    found = parse(text).find(path)
    if found.path == path:
        return replace_scalar(text, path, value)
    content: Content = value
    missing = path[len(found.path) :]
    if len(missing) == 2:  # the map of headers is not there either
        path, content = path[:-1], {str(missing[-1]): value}
    return insert_key(text, path, content)


def _checked(text: str) -> RouterConfig:
    checked = check(text)
    if checked.config is None:
        raise KeyringError(f"router.yaml has a problem: {checked.errors[0]}", "`routerd check` says more")
    return checked.config


def _write(edited: Edited, values: Mapping[Place, str]) -> Edited:
    """Other secrets at these places, all in one go; what can't be edited is left."""
    if not values:
        return edited
    wanted = {place.path: place.with_secret(value) for place, value in values.items()}
    text, refused = replace_scalars(edited.text, wanted)
    changed = (*edited.changed, *(path for path in wanted if path not in refused))
    left = (*edited.left, *(Left(path, str(error)) for path, error in refused.items()))
    return replace(edited, text=text, changed=changed, left=left)


def _leave(edited: Edited, place: Place, reason: str) -> Edited:
    return replace(edited, left=(*edited.left, Left(place.path, reason)))
