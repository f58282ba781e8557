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
from routerd.config.diff import differences
from routerd.config.difference import Difference
from routerd.config.edit_scalar import CantEdit
from routerd.config.file import ConfigFileError, Read, digest, read
from routerd.config.hiding import REDACTED, diff, hidden
from routerd.config.model import RouterConfig
from routerd.config.places import places
from routerd.config.problem import Problem, path_text
from routerd.config.splice import Change, Rename, Unspliceable, data_in, splice
from routerd.config.write import write_if
from routerd.copies import NotKept, sealed_copy
from routerd.edits import Asked, Commit, Edited, Refused
from routerd.gently import gently
from routerd.keyring import Keyring, KeyringError, seal_plain
from routerd.loading import Loaded, Rejected, differ, examining, load
from routerd.previews import previewed
from routerd.reload import Adopt, Reloader
from routerd.sealing import Identity, IdentityError, Sources, keep_identity, new_identity, with_identity
from routerd.state.generations import Generations, Record, Source

__all__ = ["Asked", "Commit", "Edited", "Editor", "Refused"]

_TRIES = 5  # an edit of one entry is made again when somebody has saved the file meanwhile


@dataclass(frozen=True, slots=True)
class _Meant:
    """The text that an edit is to give the file, and which entries only get another name in it."""

    text: str
    renames: tuple[Rename, ...] = ()


_Change = Callable[[str | None], _Meant]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A new text that could be written: `loaded` is None when the file has it already.

    `made` is the identity that comes with it, and is not kept before the text is written. `preview` is for those who
    only look.
    """

    before: str | None  # the digest of what is there
    old: str | None  # and its text
    loaded: Loaded | None
    edited: Edited
    preview: Edited
    made: Identity | None


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
        return await self._make(
            lambda text: self._meant(text, lambda _: changes), Asked(actor, source, if_match, dry_run)
        )

    async def edit_by(self, plan: Callable[[Any], Sequence[Change]], asked: Asked) -> Edited:
        """As `edit`, for changes that depend on the file's data at this moment. Raises what `plan` raises, Refused."""
        return await self._make(lambda text: self._meant(text, lambda text: plan(self._do(data_in, text))), asked)

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

    async def _make(self, change: _Change, asked: Asked) -> Edited:
        if self._generations is None:
            raise Refused("config_read_only", "The built-in example serves; `routerd init` writes a file of your own.")
        # Half an edit must not be cancelled with the request of a caller who has gone.
        task = asyncio.get_running_loop().create_task(self._made(change, asked))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _made(self, change: _Change, asked: Asked) -> Edited:
        """Make an edit, and commit it once the next edit and reload may go on: a hook may take its time.

        Commits are made in the order of the edits: whoever leaves `alone` first also comes first to the next lock.
        """
        async with self._reloader.alone:
            draft, edited = await self._written(change, asked)
        if draft is None or draft.loaded is None or draft.loaded.config.server.git != "commit":
            return edited
        async with self._committing:
            text, old = draft.loaded.text, draft.old
            self.commit = commit = await asyncio.to_thread(self._committed, text, old, edited, asked)
        return replace(edited, commit=commit)

    async def _written(self, change: _Change, asked: Asked) -> tuple[_Draft | None, Edited]:
        """What was written, and what it did; None when nothing was to be written."""
        for _ in range(_TRIES):
            draft = await asyncio.to_thread(self._draft, change, asked)
            if asked.dry_run or draft.loaded is None:
                return None, draft.preview
            try:
                await asyncio.to_thread(self._write, draft)
            except ConfigFileError as error:
                if error.trouble == "changed" and asked.if_match is None:
                    continue
                self._refuse(error, draft)
            return draft, await self._served(draft, draft.loaded, asked)
        raise Refused("stale", "The file keeps changing: look at it, and try again.")

    async def _served(self, draft: _Draft, loaded: Loaded, asked: Asked) -> Edited:
        edited = draft.edited
        outcome = await self._reloader.adopt(loaded, self._adopt, asked.source, asked.actor, edited.changes)
        if self._back_up is not None:  # an edit is answered after it
            await self._back_up()
        return replace(edited, digest=outcome.digest, generation=outcome.generation)

    def _committed(self, text: str, old: str | None, edited: Edited, asked: Asked) -> Commit:
        path = self._reloader.path
        try:
            all_of_it = _since(git.earlier(path, "HEAD"), old, text)
            changes, has_more = (edited.changes, False) if all_of_it is None else (all_of_it, True)
            return Commit(git.commit(path, text, asked.actor, changes, has_more))
        except git.GitError as error:
            self._reloader.log.warning("edit_not_committed", digest=edited.digest[:12], reason=str(error))
            return Commit(None, str(error))

    def _write(self, draft: _Draft) -> None:
        assert draft.loaded is not None
        write_if(self._reloader.path, draft.before, draft.loaded.text, self._data_dir, lambda: self._keep(draft.made))

    def _keep(self, made: Identity | None) -> None:
        if made is None:
            return
        try:
            keep_identity(made)
        except IdentityError as error:
            raise Refused("not_sealed", f"A key can't be sealed: {error}") from None
        self._reloader.log.warning("identity_made", file=made.place, recipient=made.recipient)

    def _refuse(self, error: ConfigFileError, draft: _Draft) -> NoReturn:
        kinds = {"changed": "stale", "read_only": "config_read_only", "deleted_inode": "config_deleted_inode"}
        shown = draft.edited if draft.made is None else draft.preview
        raise Refused(kinds.get(error.trouble, "config_unwritable"), str(error), diff=shown.diff) from None

    # In a thread

    def _meant(self, text: str | None, plan: Callable[[str], Sequence[Change]]) -> _Meant:
        if text is None:
            raise Refused("config_missing", f"{self._reloader.path} does not exist")
        try:
            changes = plan(text)
            spliced = self._do(splice, text, changes)
        except Unspliceable:
            raise
        except Exception:  # in a broken file an entry that serves may be missing for that alone
            checked = self._do(check, text)
            if checked.config is None:
                raise _invalid(Rejected(digest(text.encode()), checked.problems)) from None
            raise
        return _Meant(spliced, tuple(each for each in changes if isinstance(each, Rename)))

    def _draft(self, change: _Change, asked: Asked) -> _Draft:
        with gently():
            return self._drafted(change, asked)

    def _drafted(self, change: _Change, asked: Asked) -> _Draft:
        found = self._read()
        before, old = (found.digest, found.text) if found is not None else (None, None)
        if asked.if_match is not None and not (before is not None and asked.if_match(before)):
            raise Refused("stale", "The file is another than the one that you have seen: get it again.")
        meant = _spliced(change, old)
        loaded = self._load(meant.text, self._sources)
        known = self._known(found)
        serving = known or self._serving.config
        if not asked.may_refer:
            _refuse_borrowed(serving, loaded.config)
        loaded, made = self._sealed(loaded, serving)
        diff = self._diff(old, loaded.text, serving, loaded.config) if found is None or known is not None else ""
        edited = self._edited(diff, loaded.text, loaded.config, loaded.warnings, meant.renames, made)
        preview = previewed(edited, old, loaded.config, made)
        is_old = loaded.text == old and before == self._reloader.digest
        return _Draft(before, old, None if is_old else loaded, edited, preview, made)

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

    def _sealed(self, loaded: Loaded, before: RouterConfig) -> tuple[Loaded, Identity | None]:
        """The same with every plain key sealed: none touches the file. One that `before` has sealed stays as it is.

        The identity is the one to be kept with it, if there was none to seal to.
        """
        plain = [place.secret for place in places(loaded.config) if place.kind == "plain"]
        if not plain:
            return loaded, None
        self._reloader.log.redactor.learn(plain)
        try:
            edited = seal_plain(loaded.text, Keyring(self._sources, new_identity), before)
        except (KeyringError, CantEdit) as error:
            raise Refused("not_sealed", f"A key can't be sealed: {error}") from None
        if edited.left:
            left = edited.left[0]
            raise Refused("not_sealed", f"{path_text(left.path)} can't be sealed: {left.reason}")
        return self._load(edited.text, self._with(edited.made)), edited.made

    def _with(self, made: Identity | None) -> Sources:
        return self._sources if made is None else with_identity(self._sources, made)

    def _load(self, text: str, sources: Sources) -> Loaded:
        folder, number = self._reloader.path.parent, self._reloader.generation + 1
        try:
            return load(text, digest(text.encode()), number, folder, sources, examining(self._do))
        except Rejected as rejected:
            raise _invalid(rejected) from None

    def _edited(
        self,
        diff: str,
        text: str,
        config: RouterConfig,
        problems: Sequence[Problem],
        renames: Sequence[Rename] = (),
        made: Identity | None = None,
    ) -> Edited:
        folder, number = self._reloader.path.parent, self._reloader.generation
        changes = differ(self._serving.config, config, folder, self._with(made), renames)
        return Edited(diff, changes, tuple(problems), digest(text.encode()), number, config)

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


def _replaced(before: str | None, text: str) -> _Meant:
    if REDACTED in text and REDACTED not in (before or ""):
        raise Refused("key_redacted", f"The text has {REDACTED} in the place of a key: write the key, or seal it.")
    return _Meant(text)


def _since(head: str | None, old: str | None, text: str) -> Sequence[Difference] | None:
    """What a commit of `text` changes, if HEAD has not what the edit began with; None: just what the edit did."""
    if head is None or head == old:
        return None
    with gently():
        before, after = check(head).config, check(text).config
        return None if before is None or after is None else differences(before, after, lambda place: None)


def _spliced(change: _Change, text: str | None) -> _Meant:
    try:
        return change(text)
    except Unspliceable as error:
        raise Refused("edit_by_hand", str(error), error.problems) from None
    except KeyError as error:
        raise Refused("not_found", f"There is no {error.args[0]} in the file.") from None


def _invalid(rejected: Rejected) -> Refused:
    detail = f"{rejected.reason or 'The text has problems'}, so nothing was written."
    return Refused("config_invalid", detail, rejected.problems)


def _refuse_borrowed(before: RouterConfig, after: RouterConfig) -> None:
    for kind, path, detail in refusals(before, after):
        raise Refused(kind, f"{path_text(path)}: {detail}")
