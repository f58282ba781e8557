"""The one place where a snapshot is swapped: a file is read, checked, compiled, and only then served."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from routerd import sealing
from routerd.config.condition import CURES, condition, wait_until_written
from routerd.config.difference import Difference
from routerd.config.file import ConfigFileError
from routerd.config.problem import Problem
from routerd.config.write import recover
from routerd.copies import Copy, keep
from routerd.gently import gently
from routerd.loading import (
    Examine,
    Loaded,
    Rejected,
    differ,
    examining,
    internal,
    key_change,
    load,
    read_file,
    resolved_again,
)
from routerd.news import News
from routerd.observe import Log
from routerd.outcome import FileState, Outcome, Result, record
from routerd.settings import OnBootError
from routerd.snapshot import Snapshot, changed_secrets
from routerd.state.generations import Generations, Source
from routerd.workshop import Do, here

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig

RETRIES = (0.2, 0.3, 0.5)  # seconds: an editor may be in the middle of its save
WRITING = 5.0  # seconds that a file may be open for writing before it is taken as it is
MOST_SUMMARY = 50  # changes of one generation that the history tells

_SOON, _NEVER = "it will be in a moment", "of the built-in example nothing is kept"

Adopt = Callable[[Snapshot], None]
Mirror = Callable[["Loaded"], Awaitable[None]]


class Reloader:
    """Keeps what serves equal to the file: a good file is adopted, a bad one is reported and changes nothing.

    Everything but `first` is for the event loop's thread. `alone` is held by whoever reads the file in order to adopt
    or to write it. Without `generations` nothing is kept.
    """

    def __init__(
        self,
        path: Path,
        log: Log,
        sources: sealing.Sources | None = None,
        generations: Generations | None = None,
        news: News | None = None,
        do: Do = here,
    ) -> None:
        self.path = path
        self.do = do
        self.log = log
        self.sources = sources
        self.alone = asyncio.Lock()
        self.loaded: Loaded | None = None  # what serves
        self.outcome: Outcome | None = None
        self.succeeded_at = 0.0  # seconds since the epoch
        self.counts: Counter[str] = Counter()
        self.copy = Copy(False, _SOON if generations is not None else _NEVER)
        self.mirrors: list[Mirror] = []  # each is given what serves before an edit is answered
        self._generations = generations
        self._news = news or News()
        self._rejected: Rejected | None = None  # the bad state that has been told of
        self._condition = "ok"  # as it was last told
        self._unkept: Outcome | None = None  # of the start: kept once the loop runs

    @property
    def generation(self) -> int:
        """The number of what serves."""
        return self.loaded.snapshot.generation if self.loaded is not None else 0

    @property
    def digest(self) -> str:
        """The digest of what serves."""
        return self.loaded.snapshot.digest if self.loaded is not None else ""

    def first(
        self, on_boot_error: OnBootError = "refuse", data_dir: Path | None = None, examine: Examine | None = None
    ) -> Snapshot:
        """The snapshot to start with: that of the file, else that of the last good one. Raises Rejected."""
        if data_dir is not None:
            self._recover(data_dir)
        newest = self._generations.newest() if self._generations is not None else None
        number = newest[0] if newest else 0
        try:
            loaded = self._look(number + 1, examine or examining(here))
            assert loaded is not None, "nothing serves yet"
        except Rejected as rejected:
            loaded = self._last_good(number) if on_boot_error == "last-good" else None
            if loaded is None:
                raise
            self._serve(loaded)
            self.copy = Copy(True)
            self._reject(rejected, "file", None)
            self.log.warning("last_good_serves", digest=self.digest[:12], generation=self.generation)
        else:
            if newest is not None and newest[1] == loaded.snapshot.digest:
                # the same text as before the start is the same generation
                loaded = replace(loaded, snapshot=replace(loaded.snapshot, generation=number))
            self._serve(loaded)
            self._unkept = self._accept("file", None, is_news=newest is None or newest[1] != self.digest)
        return loaded.snapshot

    async def watch(self, changes: AsyncGenerator[None, None], adopt: Adopt) -> None:
        """Adopt every good change, until cancelled."""
        async with self.alone:
            await self._keep_first()
            await self._mirror()
        async with aclosing(changes):
            async for _ in changes:
                try:
                    await self.reload(adopt)
                except Exception as error:  # whatever it is, it must not end the watch: the next save may be fine
                    context = {"message": "a reload failed", "exception": error}
                    asyncio.get_running_loop().call_exception_handler(context)

    async def reload(
        self, adopt: Adopt, source: Source = "file", actor: str | None = None, *, is_asked: bool = False
    ) -> Outcome:
        """Look at the file now. What is bad is looked at again, since an editor may be in the middle of its save.

        When somebody has asked for it, references of the same text are resolved again: what they lead to tells nobody
        when it changes.
        """
        async with self.alone:
            try:
                outcome = await self._settle(await self._patient_look(is_asked=is_asked), adopt, source, actor)
            except Rejected as rejected:
                if self._rejected is None or rejected.about != self._rejected.about:
                    self._reject(rejected, source, actor)
                assert self.outcome is not None
                outcome = self.outcome
            self._tell_condition(await asyncio.to_thread(condition, self.path))
            return outcome

    async def adopt(
        self, loaded: Loaded, adopt: Adopt, source: Source, actor: str | None, changes: Sequence[Difference] = ()
    ) -> Outcome:
        """Serve what was loaded, remember it, and tell everyone. The caller holds `alone`. Raises Rejected."""
        await self._keep_first()
        try:
            adopt(loaded.snapshot)
        except Exception as error:  # a mistake of ours must not end the watch: the next save may be fine
            raise internal(error, loaded.snapshot.digest) from error
        self._serve(loaded)
        self._rejected = None
        outcome = self._accept(source, actor, changes)
        await self._keep(outcome)
        await self._mirror()
        self._news.publish("generation", outcome.as_json())  # now, so that who asks on hearing it gets the new entries
        return outcome

    def differences(self, config: RouterConfig) -> tuple[Difference, ...]:
        """What traffic would notice if this served instead. Blocks: not for the event loop."""
        if self.loaded is None:
            return ()
        return differ(self.loaded.config, config, self.path.parent, self._sources())

    def _changes(self, loaded: Loaded) -> tuple[Difference, ...]:
        """As `differences`, and the keys that are others although the text does not say so."""
        assert self.loaded is not None
        told = self.differences(loaded.config) if loaded.meaning is not self.loaded.meaning else ()
        subjects = {each.subject for each in told}
        found = (key_change(*pair) for pair in changed_secrets(self.loaded.snapshot, loaded.snapshot))
        return (*told, *(each for each in found if each.subject not in subjects))

    def _sources(self) -> sealing.Sources:
        return self.sources or sealing.usual_sources(self.path.parent, os.environ)

    async def state(self) -> FileState:
        """How the file is now."""
        return self.state_in(await asyncio.to_thread(condition, self.path))

    def state_in(self, found: str) -> FileState:
        """The state of a file that is in this condition."""
        rejected = self._rejected
        if found in ("missing", "deleted_inode"):
            return FileState(found, CURES[found], rejected is None)
        if rejected is not None and rejected.trouble != "missing":
            return FileState(rejected.trouble, "`routerd check` says what is wrong", is_served=False)
        return FileState(found, CURES.get(found), is_served=True)

    # Looking

    async def _patient_look(self, *, is_asked: bool) -> Loaded | None:
        look = partial(self._look, self.generation + 1, examining(self.do), is_asked=is_asked)
        for pause in RETRIES:
            try:
                return await asyncio.to_thread(look)
            except Rejected as rejected:
                if self._rejected is not None and rejected.about == self._rejected.about:
                    raise
                await asyncio.sleep(pause)
        return await asyncio.to_thread(look)

    def _look(self, generation: int, examine: Examine, *, is_asked: bool = False) -> Loaded | None:
        """The file's content, compiled; None: it is what serves. Raises Rejected."""
        wait_until_written(self.path, WRITING)
        found = read_file(self.path)
        serving = self.loaded if found.digest == self.digest else None
        if serving is not None and not is_asked:
            return None
        try:
            with gently():
                if serving is not None:
                    return resolved_again(serving, generation, self.path.parent, self.sources)
                return load(found.text, found.digest, generation, self.path.parent, self.sources, examine)
        except Rejected:
            raise
        except Exception as error:  # as in `adopt`
            raise internal(error, found.digest) from error

    def _last_good(self, number: int) -> Loaded | None:
        assert self._generations is not None
        for kept in self._generations.last_good():
            try:
                return load(kept.text, kept.digest, max(number, 1), self.path.parent, self.sources)
            except Exception as error:  # written by another version, perhaps: the one before may do
                self.log.warning("last_good_unusable", digest=kept.digest[:12], reason=internal(error, "").reason)
        return None

    def _recover(self, data_dir: Path) -> None:
        try:
            recover(self.path, data_dir)
        except ConfigFileError as error:
            self.log.warning("config_not_recovered", file=str(self.path), reason=str(error))

    # Serving

    async def _settle(self, loaded: Loaded | None, adopt: Adopt, source: Source, actor: str | None) -> Outcome:
        if loaded is not None:
            changes = await asyncio.to_thread(self._changes, loaded)
            return await self.adopt(loaded, adopt, source, actor, changes)
        if self._rejected is not None:
            self._rejected = None
            self.log.info("config_restored", digest=self.digest[:12])
            self._succeed(restored := self._outcome("unchanged", source, actor))
            self._news.publish("generation", restored.as_json())
        return self._outcome("unchanged", source, actor)

    def _serve(self, loaded: Loaded) -> None:
        snapshot = loaded.snapshot
        self.loaded = loaded
        self.log.redactor.learn(loaded.secrets)
        self._log_problems(loaded.warnings)
        for provider in snapshot.providers.values():
            if provider.is_active and provider.trouble:
                self.log.warning("provider_unusable", provider=provider.name, reason=provider.trouble)
        self.log.info("config_adopted", generation=snapshot.generation, digest=snapshot.digest[:12])

    def _outcome(self, result: Result, source: Source, actor: str | None, **more: Any) -> Outcome:
        return Outcome(time.time(), result, source, actor, self.generation, self.digest, **more)

    def _succeed(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.succeeded_at = outcome.at

    def _accept(
        self, source: Source, actor: str | None, changes: Sequence[Difference] = (), is_news: bool = True
    ) -> Outcome:
        assert self.loaded is not None
        outcome = self._outcome(
            "adopted", source, actor, problems=self.loaded.warnings, changes=tuple(changes[:MOST_SUMMARY])
        )
        self.counts["adopted"] += 1
        self._succeed(outcome)
        if self._generations is not None and is_news:
            self._generations.note(record(outcome))
        return outcome

    async def _keep_first(self) -> None:
        """Keep what the start served, if nobody has yet; later it would be the text of something else."""
        outcome, self._unkept = self._unkept, None
        if outcome is not None:
            await self._keep(outcome)

    async def _keep(self, outcome: Outcome) -> None:
        """Keep the text of what serves now; never in the way of serving it."""
        if self._generations is not None and self.loaded is not None:
            self.copy = await asyncio.to_thread(keep, self._generations, self.loaded, self._sources())
            if not self.copy.is_kept:
                self.log.warning("config_not_kept", digest=outcome.digest[:12], reason=self.copy.reason)

    async def _mirror(self) -> None:
        """Tell whoever keeps the inventory elsewhere too; none of them is in the way of serving it."""
        for mirror in self.mirrors:
            try:
                await mirror(cast("Loaded", self.loaded))
            except Exception as error:
                context = {"message": "the config was not mirrored", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    # Telling

    def _reject(self, rejected: Rejected, source: Source, actor: str | None) -> None:
        self._rejected = rejected
        outcome = self._outcome(
            "rejected", source, actor, about=rejected.digest, problems=rejected.problems, reason=rejected.reason
        )
        self.outcome = outcome
        self.counts["rejected"] += 1
        if self._generations is not None:
            self._generations.note(record(outcome))
        self._news.publish("problems", outcome.as_json())
        self.log.error("config_rejected", file=str(self.path), reason=rejected.reason, still_serving=self.digest[:12])
        self._log_problems(rejected.problems)

    def _tell_condition(self, found: str) -> None:
        if found != self._condition:
            self._condition = found
            if found == "deleted_inode":
                self.log.warning("config_file_deleted", file=str(self.path), cure=CURES[found])
            self._news.publish("file", {"state": self.state_in(found).word})

    def _log_problems(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            put = self.log.error if problem.severity == "error" else self.log.warning
            put(
                "config_problem",
                at=f"{self.path.name}:{problem.line}:{problem.column}",
                path=problem.path,
                problem=problem.text,
            )
