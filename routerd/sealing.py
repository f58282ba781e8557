"""Keys sealed with age: who can open them, and sealing and opening one. Owns pyrage.

The sealed text is `{"v": 1, "key": "sk-…", "origin": "https://api.openai.com", "to": "3f9a…"}`. The key is used for
that origin alone, so a sealed key that is moved under another address opens nothing. `to` is `audience` of the
recipients: an age file does not tell whom it is sealed to, and a key that need not be sealed anew keeps its text, so
that git sees no change.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from routerd.config import sealed
from routerd.config.environment import EnvFile
from routerd.config.recipients import distinct, normal, refusal
from routerd.config.references import SecretError
from routerd.config.write import make_file, make_private_folder
from routerd.settings import Settings

MOUNTED = Path("/run/secrets")
_NAME = "identity.txt"
_MOST_BYTES = 64 * 1024
_SSH_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"
_SSH_TYPE = b"ssh-ed25519"
_NO_MATCH = "No matching keys found"

Fault = Literal["malformed", "no_identity", "not_for_us", "damaged", "key_origin_mismatch"]


class SealError(SecretError):
    """A key can't be sealed or opened: `fault` says it for programs, the text, which holds no value, for people."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(f"{fault}: {message}" if fault == "key_origin_mismatch" else message)
        self.fault = fault


class IdentityError(Exception):
    """An identity can't be made. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key that opens what is sealed to `recipient`, its public one. `place` says where it was found."""

    place: str
    recipient: str
    _key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identities:
    """All that were found, in the order of their places, and what was wrong with those that could not be taken."""

    found: tuple[Identity, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def recipient(self) -> str | None:
        """The public key of the first one: whom a key is sealed to when the file does not say."""
        return self.found[0].recipient if self.found else None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where identities may be, where a new one goes, and what `env:` refers to."""

    environ: Mapping[str, str] = field(repr=False)
    data_dir: Path
    data_dir_is_chosen: bool = False
    identity_file: Path | None = None
    mounted: Path = MOUNTED
    env_file: EnvFile | None = None

    @property
    def kept(self) -> Path | None:
        """`~/.config/routerd/identity.txt`."""
        home = self.environ.get("HOME")
        return Path(home, ".config", "routerd", _NAME) if home else None

    @property
    def new(self) -> Path:
        """Where a new identity goes: with the data where somebody said where that is, as in a container."""
        return self.data_dir / _NAME if self.data_dir_is_chosen or self.kept is None else self.kept

    def files(self) -> Iterator[tuple[Path, bool]]:
        """Every file that may hold identities, in their order, and whether somebody named it, so that it must."""
        named = (self.identity_file, _path(self.environ.get("ROUTERD_IDENTITY_FILE")))
        yield from ((path.expanduser(), True) for path in named if path is not None)
        if credentials := self.environ.get("CREDENTIALS_DIRECTORY"):
            yield Path(credentials, "routerd-identity"), False
        yield self.mounted / "routerd_identity", False

    def kept_files(self) -> Iterator[Path]:
        """Those that we make ourselves; `ROUTERD_IDENTITY` goes before them."""
        yield self.data_dir / _NAME
        if self.kept is not None:
            yield self.kept


def sources(settings: Settings, environ: Mapping[str, str]) -> Sources:
    """The places that the settings of this process name."""
    is_chosen = settings.data_dir != settings.folder / ".routerd"
    env_file = EnvFile(settings.folder / ".env", settings.given_by_env)
    return Sources(environ, settings.data_dir, is_chosen, settings.identity_file, env_file=env_file)


def usual_sources(folder: Path, environ: Mapping[str, str]) -> Sources:
    """The places that the environment names, for a config in `folder`."""
    chosen = _path(environ.get("ROUTERD_DATA_DIR"))
    return Sources(environ, chosen or folder / ".routerd", chosen is not None)


def _path(text: str | None) -> Path | None:
    return Path(text) if text and text.strip() else None


def find(places: Sources) -> Identities:
    """Every identity there is; all are tried, in this order. Reads files: not for the event loop."""
    search = _Search()
    for path, is_named in places.files():
        search.look_into(path, is_named)
    if text := places.environ.get("ROUTERD_IDENTITY"):
        search.take(text, "ROUTERD_IDENTITY")
    for path in places.kept_files():
        search.look_into(path, is_named=False)
    return Identities(tuple(search.found.values()), tuple(search.troubles))


class _Search:
    """Collects identities, each once, and what is wrong where there is none."""

    def __init__(self) -> None:
        self.found: dict[str, Identity] = {}
        self.troubles: list[str] = []

    def look_into(self, path: Path, is_named: bool) -> None:
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode()
        except (FileNotFoundError, NotADirectoryError):
            if is_named:
                self.troubles.append(f"the identity {path} does not exist")
        except UnicodeDecodeError:
            self.troubles.append(f"the identity {path} is not text")
        except OSError as error:
            self.troubles.append(f"the identity {path} can't be read: {error.strerror}")
        else:
            self.take(text, str(path))

    def take(self, text: str, place: str) -> None:
        try:
            for identity in parse_identities(text, place):
                self.found.setdefault(identity.recipient, identity)
        except IdentityError as error:
            self.troubles.append(str(error))


def parse_identities(text: str, place: str) -> list[Identity]:
    """The identities in a text: age's, one a line, with comments, or an SSH key. Raises IdentityError."""
    if text.lstrip().startswith(_SSH_BEGIN):
        return [_ssh_identity(text.strip() + "\n", place)]
    if text.startswith(("age-encryption.org/", sealed.ARMOR)):
        raise IdentityError(f"the identity {place} is itself encrypted, and nobody is there to type its passphrase")
    lines = [line.strip() for line in text.splitlines()]
    found = [_identity(line, place) for line in lines if line and not line.startswith("#")]
    if not found:
        raise IdentityError(f"there is no identity in {place}")
    return found


def _identity(line: str, place: str) -> Identity:
    import pyrage  # type: ignore[import-untyped]

    if line.startswith("AGE-PLUGIN-"):
        raise IdentityError(f"the identity {place} needs a plugin of age, and plugins are not run")
    try:
        key = pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        raise IdentityError(f"{place} holds a line that is no identity: AGE-SECRET-KEY-1… is one") from None
    return Identity(place, str(key.to_public()), key)


def _ssh_identity(text: str, place: str) -> Identity:
    import pyrage

    recipient = _ssh_recipient(text, place)
    try:
        return Identity(place, recipient, pyrage.ssh.Identity.from_buffer(text.encode()))
    except pyrage.IdentityError:
        raise IdentityError(f"the SSH key {place} is damaged") from None


def _ssh_recipient(text: str, place: str) -> str:
    """The public half of a private SSH key, which stands before the secret one and is never encrypted.

    https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
    """
    found = re.fullmatch(r"-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END [A-Z ]+-----\s*", text)
    try:
        rest = base64.b64decode(found[1]) if found else b""
        words: list[bytes] = []
        rest = rest.removeprefix(b"openssh-key-v1\0")
        for _ in range(3):  # cipher, key derivation, its options
            word, rest = _ssh_word(rest)
            words.append(word)
        public, _ = _ssh_word(rest[4:])
    except (ValueError, IndexError):
        raise IdentityError(f"the SSH key {place} is damaged") from None
    if words[0] != b"none":
        raise IdentityError(f"the SSH key {place} has a passphrase, and nobody is there to type it")
    if _ssh_word(public)[0] != _SSH_TYPE:
        raise IdentityError(f"the SSH key {place} is not of type ssh-ed25519")
    return f"{_SSH_TYPE.decode()} {base64.b64encode(public).decode()}"


def _ssh_word(data: bytes) -> tuple[bytes, bytes]:
    """A string with its length before it, and what follows."""
    end = 4 + int.from_bytes(data[:4], "big")
    if not 4 <= len(data) >= end:
        raise ValueError
    return data[4:end], data[end:]


def make_identity(path: Path) -> Identity:
    """A new identity in a new file, readable by its owner alone. Raises IdentityError, also when there is a file."""
    identity = new_identity(path)
    keep_identity(identity)
    return identity


def new_identity(path: Path) -> Identity:
    """A new identity that nobody has yet: what is sealed to it is lost, unless `keep_identity` puts it at `path`."""
    import pyrage

    key = pyrage.x25519.Identity.generate()
    return Identity(str(path), str(key.to_public()), key)


def with_identity(places: Sources, identity: Identity) -> Sources:
    """The places, and in one of them an identity that is not kept yet."""
    return replace(places, environ={**places.environ, "ROUTERD_IDENTITY": str(identity._key)})


def keep_identity(identity: Identity) -> None:
    """Put a new identity where it belongs. Raises IdentityError, also when there is a file."""
    path = Path(identity.place)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"# made by routerd: {made}\n# public key: {identity.recipient}\n{identity._key}\n"
    try:
        make_private_folder(path.parent)
        make_file(path, text.encode())
    except FileExistsError:
        raise IdentityError(f"{path} is there already, and is never overwritten") from None
    except OSError as error:
        raise IdentityError(f"the identity {path} can't be written: {error.strerror}; set ROUTERD_DATA_DIR") from None


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed. `origin` is where the key may be sent; `to` the audience it was sealed to, None: not known."""

    key: str = field(repr=False)
    origin: str
    to: str | None


def audience(recipients: Sequence[str]) -> str:
    """A short hash of a list of recipients, whatever their order."""
    text = "\n".join(sorted(distinct(recipients)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fingerprint(key: str) -> str:
    """Tells keys apart without telling them: the first digits of a hash that is made for nothing else."""
    return hashlib.sha256(b"routerd key fingerprint\0" + key.encode()).hexdigest()[:8]


def seal(key: str, origin: str, recipients: Sequence[str]) -> str:
    """The key, sealed to all recipients for one origin, as one line for router.yaml. Raises SealError."""
    import pyrage

    text = {"v": 1, "key": key, "origin": sealed.short_origin(origin), "to": audience(recipients)}
    try:
        return sealed.render(pyrage.encrypt(msgspec.json.encode(text), [_recipient(each) for each in recipients]))
    except (pyrage.EncryptError, pyrage.RecipientError):
        raise SealError("malformed", "nothing can be sealed to these recipients: correct `recipients`") from None


def _recipient(text: str) -> Any:
    import pyrage

    if refusal(text) is not None:
        raise SealError("malformed", "a recipient is none: `routerd check` says which")
    kind = pyrage.x25519 if text.startswith("age1") else pyrage.ssh
    return kind.Recipient.from_str(normal(text))


def open_sealed(value: str, identities: Identities) -> Opened:
    """What is sealed in a value of router.yaml, whatever it is for. Raises SealError."""
    try:
        file = sealed.parse(value)
    except sealed.Malformed as error:
        raise SealError("malformed", error.message) from None
    text = decrypt(file.data, identities)
    try:
        opened = msgspec.json.decode(text, type=_Sealed)
    except msgspec.MsgspecError:
        raise SealError("malformed", f"it opens, but routerd did not seal it: {_AGAIN}") from None
    return Opened(opened.key, opened.origin, opened.to)


def unseal(value: str, origin: str, identities: Identities) -> str:
    """The key in a sealed value, if it was sealed for `origin`. Raises SealError."""
    return key_for(open_sealed(value, identities), origin)


def key_for(opened: Opened, origin: str) -> str:
    """The key, if it may be sent to `origin`. Raises SealError."""
    if sealed.short_origin(opened.origin) != sealed.short_origin(origin):
        sealed_for = opened.origin if opened.origin.isascii() and opened.origin.isprintable() else "another origin"
        raise SealError(
            "key_origin_mismatch",
            f"the key was sealed for {sealed_for[:200]}, and is not sent to {sealed.short_origin(origin)}: {_AGAIN}",
        )
    return opened.key


def reseal_if_needed(old: str | None, key: str, origin: str, recipients: Sequence[str], identities: Identities) -> str:
    """`old` when it is that key for that origin, sealed to these recipients; else the key sealed anew."""
    if old is not None and is_current(old, key, origin, recipients, identities):
        return old
    return seal(key, origin, recipients)


def is_current(old: str, key: str, origin: str, recipients: Sequence[str], identities: Identities) -> bool:
    """Whether sealing the key again would say the same."""
    try:
        opened = open_sealed(old, identities)
    except SealError:
        return False
    wanted = Opened(key, sealed.short_origin(origin), audience(recipients))
    return opened == wanted and old.startswith(sealed.PREFIX)


class _Sealed(msgspec.Struct):
    """The sealed text."""

    v: Literal[1]
    key: str
    origin: str
    to: str | None = None


_AGAIN = "seal it again with `routerd key set`"


def decrypt(data: bytes, identities: Identities) -> bytes:
    """What a binary age file holds; its header is judged before anything is tried. Raises SealError."""
    import pyrage

    try:
        sealed.parse_header(data)
    except sealed.Malformed as error:
        raise SealError("malformed", error.message) from None
    if not identities.found:
        raise SealError("no_identity", _without_identity(identities))
    try:
        return bytes(pyrage.decrypt(data, [identity._key for identity in identities.found]))
    except pyrage.DecryptError as error:
        if str(error) == _NO_MATCH:
            raise SealError("not_for_us", _not_for_us(identities)) from None
        raise SealError("damaged", f"the sealed key is damaged: {_AGAIN}") from None


def _without_identity(identities: Identities) -> str:
    cure = "; ".join(identities.troubles) or "name its file in ROUTERD_IDENTITY_FILE"
    return f"no identity is here that could open the sealed key: {cure}"


def _not_for_us(identities: Identities) -> str:
    troubles = "".join(f"; {trouble}" for trouble in identities.troubles)
    return (
        f"the key is not sealed to this machine: add {identities.recipient} to `recipients` and run "
        f"`routerd key rotate` where it can be read, or `routerd key set` here{troubles}"
    )
