"""A text of router.yaml becomes a snapshot, or the reasons why it can't."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from routerd import sealing
from routerd.config import secrets
from routerd.config.difference import Difference, change
from routerd.config.examined import Examined, Meaning
from routerd.config.file import ConfigFileError, Read, read
from routerd.config.places import Place, password_of
from routerd.config.problem import Problem
from routerd.config.references import SecretError
from routerd.gently import gently
from routerd.settings import SettingsError
from routerd.snapshot import Provider, Snapshot, changed_secrets, compile
from routerd.workshop import Do, here

if TYPE_CHECKING:
    from routerd.config.changes import Rename
    from routerd.config.model import RouterConfig

Examine = Callable[[str], Examined]

BROKEN = "broken"


class Rejected(Exception):
    """The file can't be served: `problems` say why, or `reason` where there is no text to point into.

    `about` tells one bad state of the file from the next: the digest of its text, or the reason. `trouble` says in a
    word what is wrong with the file: `broken` when it is the text, else as a `ConfigFileError` has it. `place` is where
    in our own code a mistake was made.
    """

    def __init__(
        self,
        about: str,
        problems: Sequence[Problem] = (),
        reason: str | None = None,
        trouble: str = BROKEN,
        place: str | None = None,
    ) -> None:
        super().__init__(reason or "\n".join(map(str, problems)))
        self.about = about
        self.problems = tuple(problems)
        self.reason = reason
        self.trouble = trouble
        self.place = place

    @property
    def digest(self) -> str | None:
        """The digest of the text, if there was one."""
        return self.about if self.about != self.reason else None


def internal(error: Exception, about: str) -> Rejected:
    """A mistake of our own. What the exception says is left out: that may be a piece of the file."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    return Rejected(about, reason=f"internal error: {type(error).__name__}", place=place)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot, what it was made of, and what is worth saying about the text it came from."""

    snapshot: Snapshot
    warnings: tuple[Problem, ...]
    secrets: tuple[str, ...] = field(repr=False)
    meaning: Meaning = field(repr=False)
    text: str = field(repr=False)

    @property
    def config(self) -> RouterConfig:
        """What the text means. At first need it may take a quarter of a second: not for the event loop then."""
        return self.meaning.config


def examining(do: Do) -> Examine:
    """Checks texts where `do` has it done."""

    def examine(text: str) -> Examined:
        prepare()
        from routerd.config.check import check  # here: who only serves does without all that it takes

        checked = do(check, text)
        return Examined(checked.problems, None if checked.config is None else Meaning(checked.config))

    return examine


def load(
    text: str,
    digest: str,
    generation: int,
    folder: Path,
    sources: sealing.Sources | None = None,
    examine: Examine | None = None,
) -> Loaded:
    """Check and compile a text. Raises Rejected with every problem at once.

    `sources` are where identities may be; left out, the places that the environment names. `examine` checks the text;
    left out, it is done by the thread that asks.
    """
    found_out = (examine or examining(here))(text)
    if found_out.meaning is None:
        raise Rejected(digest, found_out.problems)
    found = Secrets(folder, sources or sealing.usual_sources(folder, os.environ))
    _refuse_half_of(found)
    snapshot = compile(found_out.meaning.values, digest, generation, found)
    return Loaded(snapshot, found_out.problems, tuple(found.known), found_out.meaning, text)


def _refuse_half_of(secrets: Secrets) -> None:
    """Raise Rejected for a broken `.env`: it would take keys away from providers that have them."""
    try:
        secrets.variables()
    except SecretError as error:
        raise Rejected(str(error), reason=str(error)) from None


def resolved_again(loaded: Loaded, generation: int, folder: Path, sources: sealing.Sources | None) -> Loaded | None:
    """The same text, with what its references lead to now; None: to the same as before. Raises Rejected."""
    known = Examined(loaded.warnings, loaded.meaning)
    found = load(loaded.text, loaded.snapshot.digest, generation, folder, sources, lambda _: known)
    return found if any(changed_secrets(loaded.snapshot, found.snapshot)) else None


_preparing = threading.Lock()


def prepare() -> None:
    """Have at hand what checks and compares texts, where that is still to come. Takes a quarter of a second then.

    One thread does it and the others wait: half of a package can be had when two import it from different ends.
    """
    with _preparing:
        _prepared()


@cache
def _prepared() -> None:
    with gently():
        from routerd.config.check import check
        from routerd.config.diff import differences

        config = check("{}").config  # what reads values is built at the first one
        assert config is not None
        tuple(differences(config, config, lambda _: None))


def read_file(path: Path) -> Read:
    """The file at `path`. Raises Rejected where there is no text to be had."""
    try:
        return read(path)
    except ConfigFileError as error:
        raise Rejected(str(error), reason=str(error), trouble=error.trouble) from None


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot of the file at `path`, without serving it. Raises Rejected."""
    found = read_file(path)
    return load(found.text, found.digest, 1, path.parent).snapshot


def key_change(before: Provider, after: Provider) -> Difference:
    """What there is to say of a provider whose references lead to something else than before."""
    if after.trouble is not None:
        words = f"it can't be used: {after.trouble}"
    elif before.trouble is not None:
        words = "its key can be had now"
    else:
        words = "what its key refers to is another now"
    return change("key", ("providers", after.name), words)


def differ(
    before: RouterConfig,
    after: RouterConfig,
    folder: Path,
    sources: sealing.Sources,
    renames: Sequence[Rename] = (),
) -> tuple[Difference, ...]:
    """What traffic notices of a new config. Keys that can be had here are told apart by their fingerprints.

    `renames` are those that were asked for.
    """
    from routerd.config.diff import differences

    found = Secrets(folder, sources)

    def fingerprint(place: Place) -> str | None:
        try:
            return sealing.fingerprint(found.value(place.secret, place.origin))
        except SecretError:
            return None

    with gently():
        return tuple(differences(before, after, fingerprint, renames))


class Secrets:
    """Resolves references beside the config, and remembers what it found, for redaction."""

    def __init__(self, folder: Path, sources: sealing.Sources) -> None:
        self._folder = folder
        self._find = cache(partial(sealing.find, sources))  # looked for once, and only if a key is sealed
        self._sources = sources
        self._variables: Mapping[str, str] | None = None
        self.known: list[str] = []

    def variables(self) -> Mapping[str, str]:
        """What `env:` refers to, as it is when first asked for. Raises SecretError."""
        if self._variables is None:
            environ, env_file = self._sources.environ, self._sources.env_file
            try:
                self._variables = environ if env_file is None else env_file.behind(environ)
            except SettingsError as error:
                raise SecretError(str(error)) from None
        return self._variables

    def value(self, reference: str, origin: str | None = None) -> str:
        return self._keep(secrets.resolve(reference, self.variables(), self._folder, origin, self._find))

    def proxy(self, url: str) -> str:
        resolved = secrets.resolve_proxy(url, self.variables(), self._folder, self._find)
        self._keep(password_of(resolved) or "")
        return resolved

    def _keep(self, secret: str) -> str:
        self.known.append(secret)
        return secret
