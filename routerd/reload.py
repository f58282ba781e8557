"""The one place where a snapshot is swapped: a file is read, checked, compiled, and only then served."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from routerd.config import secrets
from routerd.config.check import check
from routerd.config.file import ConfigFileError, read
from routerd.config.problem import Problem
from routerd.observe import Log
from routerd.snapshot import Snapshot, compile

RETRIES = (0.2, 0.5, 1.0)  # seconds: an editor may be in the middle of its save

Adopt = Callable[[Snapshot], None]


class Rejected(Exception):
    """The file can't be served: `problems` say why, or `reason` where there is no text to point into.

    `about` tells one bad state of the file from the next: the digest of its text, or the reason.
    """

    def __init__(self, about: str, problems: Sequence[Problem] = (), reason: str | None = None) -> None:
        super().__init__(reason or "\n".join(map(str, problems)))
        self.about = about
        self.problems = tuple(problems)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot and what is worth saying about the text it came from."""

    snapshot: Snapshot
    warnings: tuple[Problem, ...]
    secrets: tuple[str, ...]


def load(text: str, digest: str, generation: int, folder: Path) -> Loaded:
    """Check and compile a text. Raises Rejected with every problem at once."""
    checked = check(text)
    if checked.config is None:
        raise Rejected(digest, checked.problems)
    found = Secrets(folder)
    return Loaded(compile(checked.config, digest, generation, found), checked.problems, tuple(found.known))


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot of the file at `path`, without serving it. Raises Rejected."""
    try:
        found = read(path)
    except ConfigFileError as error:
        raise Rejected(str(error), reason=str(error)) from None
    return load(found.text, found.digest, 1, path.parent).snapshot


class Secrets:
    """Resolves references beside the config, and remembers what it found, for redaction."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.known: list[str] = []

    def value(self, reference: str) -> str:
        return self._keep(secrets.resolve(reference, os.environ, self._folder))

    def proxy(self, url: str) -> str:
        resolved = secrets.resolve_proxy(url, os.environ, self._folder)
        self._keep(urlsplit(resolved).password or "")
        return resolved

    def _keep(self, secret: str) -> str:
        self.known.append(secret)
        return secret


class Reloader:
    """Keeps what serves equal to the file: a good file is adopted, a bad one is reported and changes nothing."""

    def __init__(self, path: Path, log: Log) -> None:
        self._path = path
        self._log = log
        self._served = ""  # the digest of what serves
        self._generation = 0
        self._reported: str | None = None  # the bad state that has been told of
        self._one_at_a_time = asyncio.Lock()

    def first(self) -> Snapshot:
        """The snapshot to start with. Raises Rejected."""
        loaded = self._look()
        assert loaded is not None, "nothing serves yet"
        return self._serve(loaded)

    async def watch(self, changes: AsyncGenerator[None, None], adopt: Adopt) -> None:
        """Adopt every good change, until cancelled."""
        async with aclosing(changes):
            async for _ in changes:
                await self.reload(adopt)

    async def reload(self, adopt: Adopt) -> None:
        """Look at the file now. What is bad is looked at again, since an editor may be in the middle of its save."""
        async with self._one_at_a_time:
            await self._reload(adopt)

    async def _reload(self, adopt: Adopt) -> None:
        for pause in RETRIES:
            try:
                loaded = await asyncio.to_thread(self._look)
            except Rejected as rejected:
                if rejected.about == self._reported:
                    return
                await asyncio.sleep(pause)
            else:
                return self._settle(loaded, adopt)
        try:
            self._settle(await asyncio.to_thread(self._look), adopt)
        except Rejected as rejected:
            self._report(rejected)

    def _look(self) -> Loaded | None:
        """The file's content, compiled; None: it is what serves. Raises Rejected."""
        try:
            found = read(self._path)
        except ConfigFileError as error:
            raise Rejected(str(error), reason=str(error)) from None
        if found.digest == self._served:
            return None
        try:
            return load(found.text, found.digest, self._generation + 1, self._path.parent)
        except Rejected:
            raise
        except Exception as error:  # a mistake of ours must not end the watch: the next save may be fine
            raise Rejected(found.digest, reason=f"internal error: {error!r}") from error

    def _settle(self, loaded: Loaded | None, adopt: Adopt) -> None:
        if loaded is not None:
            adopt(self._serve(loaded))
        elif self._reported is not None:
            self._log.info("config_restored", digest=self._served[:12])
        self._reported = None

    def _serve(self, loaded: Loaded) -> Snapshot:
        snapshot = loaded.snapshot
        self._served, self._generation = snapshot.digest, snapshot.generation
        self._log.redactor.learn(loaded.secrets)
        self._log_problems(loaded.warnings)
        for provider in snapshot.providers.values():
            if provider.is_active and provider.trouble:
                self._log.warning("provider_unusable", provider=provider.name, reason=provider.trouble)
        self._log.info("config_adopted", generation=snapshot.generation, digest=snapshot.digest[:12])
        return snapshot

    def _report(self, rejected: Rejected) -> None:
        self._reported = rejected.about
        self._log.error(
            "config_rejected", file=str(self._path), reason=rejected.reason, still_serving=self._served[:12]
        )
        self._log_problems(rejected.problems)

    def _log_problems(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            put = self._log.error if problem.severity == "error" else self._log.warning
            put(
                "config_problem",
                at=f"{self._path.name}:{problem.line}:{problem.column}",
                path=problem.path,
                problem=problem.text,
            )
