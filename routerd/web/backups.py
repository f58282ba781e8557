"""`/api/admin/backups` and what brings one back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import msgspec
from quart import Response, request

from routerd.backups import restorable, unopened
from routerd.config.changes import Change
from routerd.config.restoring import Unfit, Wanted, plan
from routerd.copies import NotKept
from routerd.editing import Asked, Refused
from routerd.management import Management
from routerd.state.backup import MOST_BYTES, Backup, BackupRow, BadBackup, Stored, parse
from routerd.web.answers import answer, flag, refusal
from routerd.web.edits import asked_for, if_match, make
from routerd.web.operations import DRY_RUN, Operation, Query
from routerd.web.problems import ApiError
from routerd.web.shapes import DryRun, Edit, LeftOut, Time

_NOTHING = frozenset({b"", b"{}"})
_WHICH = Query("backup", "The name of a backup that GET /api/admin/backups lists; the configured one when left out.")


class Counts(msgspec.Struct):
    """How many of each there are now."""

    providers: int
    routes: int


class Restored(Edit):
    """What a restore has changed. `snapshot` is the backup of what was there before; null: nothing was to be done."""

    restored: Counts = msgspec.field(default_factory=lambda: Counts(0, 0))
    snapshot: str | None = None


class WouldRestore(DryRun):
    """What a restore would change."""

    restored: Counts = msgspec.field(default_factory=lambda: Counts(0, 0))
    snapshot: None = None


class Written(msgspec.Struct):
    """The backup that was written, and the keys that it could not hold."""

    name: str
    at: Time
    size: int
    providers: int
    routes: int
    left_out: list[LeftOut]


class BackupsApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._editor = management.editor
        self._backups = management.backups

    def operations(self) -> Sequence[Operation]:
        """One row for each path and method."""
        return (
            Operation(
                "GET", "/api/admin/backups", self.listed, "The backups that there are: the configured one first.",
                gives=list[BackupRow],
            ),
            Operation(
                "POST", "/api/admin/providers/backup", self.write, "Write the backup now.",
                gives=Written, problems=("config_read_only", "backup_unwritable"),
            ),
            Operation(
                "POST", "/api/admin/providers/restore", self.restore,
                "Make providers and routes what a backup says: the configured one, another by its name, or the body.",
                body=Backup | None, gives=Restored, dry=WouldRestore, query=(DRY_RUN, _WHICH),
                problems=("not_found", "backup_unreadable", "backup_unwritable", "key_unreadable"),
            ),
        )  # fmt: skip

    async def listed(self) -> Response:
        """Name, time, size and counts of each."""
        files = self._backups.files
        return answer(await asyncio.to_thread(files.rows) if files is not None else [])

    async def write(self) -> Response:
        """Write it, and say what is in it."""
        if await request.get_data() not in _NOTHING:
            raise ApiError("invalid_request", "This takes no body: the backup is made of what serves.")
        files = self._backups.files
        if files is None:
            raise ApiError("config_read_only", "The built-in example serves, and nothing of it is kept.")
        standing = await self._backups.refresh()
        if not standing.is_kept:
            raise ApiError("backup_unwritable", f"The backup was not written: {standing.reason}.")
        found = await self._stored(None)
        counts = {"providers": len(found.backup.providers), "routes": len(found.backup.routes)}
        told = standing.as_json()
        return answer({
            "name": files.path.name,
            "at": told["at"],
            "size": found.size,
            **counts,
            "left_out": told["left_out"],
        })

    async def restore(self) -> Response:
        """Look at all of it, keep what is there, and only then change the file."""
        found, may_refer = await self._asked_for()
        try:
            wanted = await asyncio.to_thread(restorable, found)
        except Unfit as error:
            return _unfit(error)
        if not may_refer:
            await self._refuse_foreign_keys(wanted)
        asked = replace(asked_for("restore", if_match()), may_refer=may_refer)
        change = partial(plan, asked=wanted)
        is_news = not asked.dry_run and await self._would_change(change, asked)
        snapshot = await self._kept() if is_news else None
        edit = partial(self._editor.edit_by, change, asked)
        return await make(asked, edit, lambda: {"restored": wanted.counts, "snapshot": snapshot})

    async def _would_change(self, change: Callable[[Any], Sequence[Change]], asked: Asked) -> bool:
        """Whether the file would be another; nothing is kept or written for what is refused anyway."""
        try:
            return bool((await self._editor.edit_by(change, replace(asked, dry_run=True))).diff)
        except Refused as error:
            raise refusal(error) from None

    async def _asked_for(self) -> tuple[Backup, bool]:
        """The backup, and whether it is a file of our own: what served before may serve again."""
        size = request.content_length
        if size is not None and size > MOST_BYTES:
            raise ApiError("too_large", "A backup has at most 4 MiB.")
        body = cast("bytes", await request.get_data())
        name = request.args.get("backup")
        try:
            if body.strip() not in _NOTHING:
                if name is not None:
                    raise ApiError("invalid_request", "Send a backup, or name one: not both.")
                return await asyncio.to_thread(parse, body), False
            stored = await self._stored(name)
        except BadBackup as error:
            raise ApiError(error.kind, str(error)) from None
        return stored.backup, stored.is_ours

    async def _stored(self, name: str | None) -> Stored:
        files = self._backups.files
        if files is None:
            raise ApiError("not_found", "The built-in example serves, and nothing of it is kept.")
        try:
            return await asyncio.to_thread(files.read, name)
        except OSError as error:
            raise ApiError("backup_unreadable", f"The backup can't be read: {error.strerror}.") from None

    async def _refuse_foreign_keys(self, wanted: Wanted) -> None:
        loaded = self._management.reloader.loaded
        assert loaded is not None, "something serves"
        paths = await asyncio.to_thread(unopened, loaded.config, wanted, self._backups.sources)
        if paths:
            detail = (
                f"{', '.join(paths)}: a sealed key that is not in router.yaml, and does not open here for its address."
            )
            raise ApiError("key_unreadable", detail)

    async def _kept(self) -> str | None:
        """What is there now, beside the backup: without it nothing is restored."""
        try:
            return await self._backups.keep()
        except (NotKept, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ApiError("backup_unwritable", f"What is there now could not be kept: {reason}.") from None


def _unfit(error: Unfit) -> Response:
    if not error.problems:
        raise ApiError("invalid_request", str(error))
    problems = [problem.as_json() for problem in error.problems]
    if not flag("dry_run"):
        raise ApiError("config_invalid", str(error), problems=problems)
    return answer({"restored": Counts(0, 0), "snapshot": None, "diff": "", "changes": [], "problems": problems})
