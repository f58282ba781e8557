"""Edits of router.yaml by a program: the text is changed, checked, written, and then served as an editor's save is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from routerd import git
from routerd.config.borrowed import refusals
from routerd.config.check import check
from routerd.config.diff import Difference
from routerd.config.document import data_of
from routerd.config.edit_scalar import CantEdit
from routerd.config.file import ConfigFileError, Read, digest, read
from routerd.config.hiding import REDACTED, diff, hidden
from routerd.config.model import RouterConfig
from routerd.config.places import places
from routerd.config.problem import Problem, path_text
from routerd.config.splice import Change, Unspliceable, splice
from routerd.config.write import write_if
from routerd.copies import NotKept, sealed_copy
from routerd.gently import gently
from routerd.keyring import Keyring, KeyringError, seal_plain
from routerd.loading import Loaded, Rejected, examining, load
from routerd.reload import Adopt, Reloader
from routerd.sealing import Sources
from routerd.state.generations import Generations, Record, Source

_SEALED_LATER = "age:… (sealed when it is saved)"
_TRIES = 5  # an edit of one entry is made again when somebody has saved the file meanwhile


class Refused(Exception):
    """An edit that is not made; the file is as it was. `kind` says why for programs, the text for people."""

    def __init__(self, kind: str, detail: str, problems: Sequence[Problem] = (), diff: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.problems = tuple(problems)
        self.diff = diff


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants an edit, of which version of the file (None: of whatever is there), and whether only to see it."""

    actor: str
    source: Source
    if_match: Callable[[str], bool] | None = None
    dry_run: bool = False
    may_refer: bool = False  # bring in references: what served before may serve again


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of the commit of an edit: its name, or the reason why there is none."""

    name: str | None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        return {"commit": self.name, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did, or would do: the lines, the changes, what is worth saying of the new text."""

    diff: str
    changes: tuple[Difference, ...]
    problems: tuple[Problem, ...]
    digest: str
    generation: int
    commit: Commit | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        return {
            "diff": self.diff,
            "changes": [change.as_json() for change in self.changes],
            "problems": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class _Draft:
    """A new text that could be written: `loaded` is None when the file has it already."""

    before: str | None  # the digest of what is there
    loaded: Loaded | None
    edited: Edited


class Editor:
    """The one place that writes the file while routerd runs. For the event loop's thread."""

    def __init__(
        self,
        reloader: Reloader,
        adopt: Adopt,
        sources: Sources,
        data_dir: Path,
        generations: Generations | None,
        back_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._reloader = reloader
        self._do = reloader.do
        self._adopt = adopt
        self._sources = sources
        self._data_dir = data_dir
        self._generations = generations
        self._back_up = back_up
        self.commit: Commit | None = None  # the last one
        self._committing = asyncio.Lock()
        self._under_way: set[asyncio.Task[Edited]] = set()

    async def edit(
        self,
        changes: Sequence[Change],
        actor: str,
        source: Source,
        if_match: Callable[[str], bool] | None = None,
        dry_run: bool = False,
    ) -> Edited:
        """Make changes of single entries in the file as it is at this moment. Raises Refused."""

        def change(text: str | None) -> str:
            if text is None:
                raise Refused("config_missing", f"{self._reloader.path} does not exist")
            return self._do(splice, text, changes)

        return await self._make(change, Asked(actor, source, if_match, dry_run))

    async def edit_by(self, plan: Callable[[Any], Sequence[Change]], asked: Asked) -> Edited:
        """As `edit`, for changes that depend on the file's data at this moment. Raises what `plan` raises, Refused."""

        def change(text: str | None) -> str:
            if text is None:
                raise Refused("config_missing", f"{self._reloader.path} does not exist")
            return self._do(splice, text, plan(self._do(data_of, text)))

        return await self._make(change, asked)

    async def replace(self, text: str, asked: Asked) -> Edited:
        """Give the file another text as a whole. Raises Refused."""
        return await self._make(lambda before: _replaced(before, text), asked)

    async def rollback(self, generation: int, asked: Asked) -> Edited:
        """Give the file the text of an earlier generation, which becomes a new one. Raises Refused, Unanswered."""
        _, text = await self._kept(generation)
        return await self.replace(text, replace(asked, may_refer=True))

    async def kept(self, generation: int) -> tuple[Record, str]:
        """An earlier generation and its text, without any key in plain text. Raises Refused, Unanswered."""
        record, text = await self._kept(generation)
        return record, await asyncio.to_thread(lambda: self._cleaned(hidden(text), ()))

    async def _kept(self, generation: int) -> tuple[Record, str]:
        record = await self._generations.find(generation) if self._generations is not None else None
        if record is None or record.digest is None or self._generations is None:
            raise Refused("not_found", f"There is no generation {generation}; `routerd history` lists them.")
        text = await asyncio.to_thread(self._generations.text, record.digest)
        if text is None:
            reason = "it is too old, or had a key in plain text that could not be sealed (`routerd key seal`)"
            raise Refused("text_not_kept", f"The text of generation {generation} was not kept: {reason}.")
        return record, text

    async def try_out(self, text: str) -> Edited:
        """What a text would change if it took the place of what serves. Nothing is written."""
        return await asyncio.to_thread(self._tried, text)

    async def shown(self) -> tuple[str, str]:
        """The file's text, without any key in plain text, and its digest. Raises ConfigFileError."""
        return await asyncio.to_thread(self._shown)

    async def settle(self, patience: float = 10.0) -> None:
        """Wait for the edits that are under way, with their commits: at the end."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience)

    async def _make(self, change: Callable[[str | None], str], asked: Asked) -> Edited:
        if self._generations is None:
            raise Refused("config_read_only", "The built-in example serves; `routerd init` writes a file of your own.")
        # Half an edit must not be cancelled with the request of a caller who has gone.
        task = asyncio.get_running_loop().create_task(self._made(change, asked))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _made(self, change: Callable[[str | None], str], asked: Asked) -> Edited:
        """Make an edit, and commit it once the next edit and reload may go on: a hook may take its time.

        Commits are made in the order of the edits: whoever leaves `alone` first also comes first to the next lock.
        """
        async with self._reloader.alone:
            served, edited = await self._written(change, asked)
        if served is None or served.config.server.git != "commit":
            return edited
        async with self._committing:
            self.commit = commit = await asyncio.to_thread(self._committed, served.text, edited, asked)
        return replace(edited, commit=commit)

    async def _written(self, change: Callable[[str | None], str], asked: Asked) -> tuple[Loaded | None, Edited]:
        """What serves after the edit, and what it did; None when nothing was to be written."""
        for _ in range(_TRIES):
            draft = await asyncio.to_thread(self._draft, change, asked)
            if asked.dry_run or draft.loaded is None:
                return None, draft.edited
            try:
                await asyncio.to_thread(self._write, draft)
            except ConfigFileError as error:
                if error.trouble == "changed" and asked.if_match is None:
                    continue
                self._refuse(error, draft)
            return draft.loaded, await self._served(draft, draft.loaded, asked)
        raise Refused("stale", "The file keeps changing: look at it, and try again.")

    async def _served(self, draft: _Draft, loaded: Loaded, asked: Asked) -> Edited:
        edited = draft.edited
        outcome = await self._reloader.adopt(loaded, self._adopt, asked.source, asked.actor, edited.changes)
        if self._back_up is not None:  # an edit is answered after it
            await self._back_up()
        return replace(edited, digest=outcome.digest, generation=outcome.generation)

    def _committed(self, text: str, edited: Edited, asked: Asked) -> Commit:
        try:
            return Commit(git.commit(self._reloader.path, text, asked.actor, edited.changes))
        except git.GitError as error:
            self._reloader.log.warning("edit_not_committed", digest=edited.digest[:12], reason=str(error))
            return Commit(None, str(error))

    def _write(self, draft: _Draft) -> None:
        assert draft.loaded is not None
        write_if(self._reloader.path, draft.before, draft.loaded.text, self._data_dir)

    def _refuse(self, error: ConfigFileError, draft: _Draft) -> NoReturn:
        kinds = {"changed": "stale", "read_only": "config_read_only", "deleted_inode": "config_deleted_inode"}
        raise Refused(kinds.get(error.trouble, "config_unwritable"), str(error), diff=draft.edited.diff) from None

    # In a thread

    def _draft(self, change: Callable[[str | None], str], asked: Asked) -> _Draft:
        with gently():
            return self._drafted(change, asked)

    def _drafted(self, change: Callable[[str | None], str], asked: Asked) -> _Draft:
        found = self._read()
        before, old = (found.digest, found.text) if found is not None else (None, None)
        if asked.if_match is not None and not (before is not None and asked.if_match(before)):
            raise Refused("stale", "The file is another than the one that you have seen: get it again.")
        loaded = self._load(_spliced(change, old))
        known = self._known(found)
        serving = known or self._serving.config
        if not asked.may_refer:
            _refuse_borrowed(serving, loaded.config)
        if not asked.dry_run or self._can_seal(loaded.config):
            loaded = self._sealed(loaded, serving)
        diff = self._diff(old, loaded.text, serving, loaded.config) if found is None or known is not None else ""
        if asked.dry_run:
            diff = _previewed(diff, old, loaded.config)
        edited = self._edited(diff, loaded.text, loaded.config, loaded.warnings)
        is_old = loaded.text == old and before == self._reloader.digest
        return _Draft(before, None if is_old else loaded, edited)

    @property
    def _serving(self) -> Loaded:
        assert self._reloader.loaded is not None
        return self._reloader.loaded

    def _read(self) -> Read | None:
        try:
            return read(self._reloader.path)
        except ConfigFileError as error:
            if error.trouble == "missing":
                return None
            raise Refused("config_unreadable", str(error)) from None

    def _known(self, found: Read | None) -> RouterConfig | None:
        """The config of the file as it is; None when it has no meaning."""
        if found is None:
            return None
        return self._serving.config if found.digest == self._reloader.digest else self._do(check, found.text).config

    def _can_seal(self, config: RouterConfig) -> bool:
        """Whether a key can be sealed without making an identity, which an edit that is only looked at must not."""
        return bool(config.recipients) or Keyring(self._sources).identities.recipient is not None

    def _sealed(self, loaded: Loaded, before: RouterConfig) -> Loaded:
        """The same with every plain key sealed: none touches the file. One that `before` has sealed stays as it is."""
        plain = [place.secret for place in places(loaded.config) if place.kind == "plain"]
        if not plain:
            return loaded
        self._reloader.log.redactor.learn(plain)
        try:
            edited = seal_plain(loaded.text, Keyring(self._sources), before)
        except (KeyringError, CantEdit) as error:
            raise Refused("not_sealed", f"A key can't be sealed: {error}") from None
        if edited.left:
            left = edited.left[0]
            raise Refused("not_sealed", f"{path_text(left.path)} can't be sealed: {left.reason}")
        if edited.made is not None:
            self._reloader.log.warning("identity_made", file=edited.made.place, recipient=edited.made.recipient)
        return self._load(edited.text)

    def _load(self, text: str) -> Loaded:
        folder, number = self._reloader.path.parent, self._reloader.generation + 1
        try:
            return load(text, digest(text.encode()), number, folder, self._sources, examining(self._do))
        except Rejected as rejected:
            raise _invalid(rejected.problems) from None

    def _edited(self, diff: str, text: str, config: RouterConfig, problems: Sequence[Problem]) -> Edited:
        changes = self._reloader.differences(config)
        return Edited(diff, changes, tuple(problems), digest(text.encode()), self._reloader.generation)

    def _diff(self, old: str | None, new: str, *configs: RouterConfig) -> str:
        """The lines that differ, as git shows them, without the plain keys of the configs."""
        name = self._reloader.path.name
        secrets = [place.secret for config in configs for place in places(config) if place.kind == "plain"]
        before = name if old is not None else "/dev/null"
        return self._cleaned(diff(old or "", new, before, name, has_secrets=bool(secrets)), secrets)

    def _cleaned(self, text: str, secrets: Sequence[str]) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return self._reloader.log.redactor.clean(text)

    def _tried(self, text: str) -> Edited:
        with gently():
            checked = self._do(check, text)
            if checked.config is None:
                return Edited("", (), checked.problems, digest(text.encode()), self._reloader.generation)
            serving = self._serving
            diff = self._diff(serving.text, text, serving.config, checked.config)
            return self._edited(diff, text, checked.config, checked.problems)

    def _shown(self) -> tuple[str, str]:
        found = read(self._reloader.path)
        config = self._do(check, found.text).config
        if config is None:
            return self._cleaned(hidden(found.text), ()), found.digest
        secrets = [place.secret for place in places(config) if place.kind == "plain"]
        try:
            return sealed_copy(found.text, config, secrets, self._sources), found.digest
        except NotKept:
            return self._cleaned(hidden(found.text), secrets), found.digest


def _replaced(before: str | None, text: str) -> str:
    if REDACTED in text and REDACTED not in (before or ""):
        raise Refused("key_redacted", f"The text has {REDACTED} in the place of a key: write the key, or seal it.")
    return text


def _previewed(diff: str, old: str | None, config: RouterConfig) -> str:
    """The lines without what is sealed anew: it is another each time, and would not be what is written."""
    for place in places(config):
        if place.kind == "sealed" and place.secret not in (old or ""):
            diff = diff.replace(place.secret, _SEALED_LATER)
    return diff


def _spliced(change: Callable[[str | None], str], text: str | None) -> str:
    try:
        return change(text)
    except Unspliceable as error:
        raise Refused("edit_by_hand", str(error)) from None
    except KeyError as error:
        raise Refused("not_found", f"There is no {error.args[0]} in the file.") from None


def _invalid(problems: Sequence[Problem]) -> Refused:
    return Refused("config_invalid", "The text has problems, so nothing was written.", problems)


def _refuse_borrowed(before: RouterConfig, after: RouterConfig) -> None:
    for kind, path, detail in refusals(before, after):
        raise Refused(kind, f"{path_text(path)}: {detail}")
