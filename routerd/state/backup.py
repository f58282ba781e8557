"""The JSON files that hold providers and routes: the configured one, and those beside it that carry a time.

All of it blocks: not for the event loop.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from routerd.config.write import make_private_folder, put_file
from routerd.state.generations import stamp

MOST_BYTES = 4 * 1024 * 1024
MOST_KEPT = 20  # of those that carry a time

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class BadBackup(Exception):
    """A document that is no backup. The text says why, and holds no value of it. `kind` says it for programs."""

    def __init__(self, message: str, kind: Literal["invalid_request", "too_large", "not_found"]) -> None:
        super().__init__(message)
        self.kind = kind


class LeftOutKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret that could not be kept: where it stands in router.yaml, step by step, and why."""

    path: list[str | int]
    reason: str


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Providers and routes with every key that router.yaml has of them, without short forms; keys are sealed.

    `digest` and `generation` are of the config that it was made of.
    """

    format: Literal["routerd-backup"] = "routerd-backup"
    version: Literal[1] = 1
    written_at: str | None = None
    digest: str | None = None
    generation: int | None = None
    providers: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    left_out: list[LeftOutKey] = []


class BackupRow(msgspec.Struct, frozen=True):
    """A backup that is there. The numbers are null, and `trouble` says why, when it can't be read."""

    name: str
    at: str
    size: int
    providers: int | None
    routes: int | None
    is_configured: bool
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A backup as it was found. `is_ours`: nobody but we, or root, can have written it."""

    backup: Backup
    is_ours: bool
    size: int
    at: float


def parse(data: bytes) -> Backup:
    """The backup in a JSON document. Raises BadBackup."""
    if len(data) > MOST_BYTES:
        raise BadBackup("A backup has at most 4 MiB.", "too_large")
    try:
        return msgspec.json.decode(data, type=Backup)
    except RecursionError:
        raise BadBackup("This is no backup: it is nested too deeply.", "invalid_request") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # which tells of types and names
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise BadBackup(f"This is no backup of providers and routes: {reason}.", "invalid_request") from None


def render(backup: Backup) -> bytes:
    """The document of a backup, for people to read, too."""
    return msgspec.json.format(msgspec.json.encode(backup), indent=2) + b"\n"


class Files:
    """The backups in the folder of the configured file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        stem, suffix = re.escape(path.stem), re.escape(path.suffix)
        self._name = re.compile(rf"{stem}\.(\d{{8}}T\d{{6}}Z)(?:-(\d{{1,9}}))?{suffix}")

    def write(self, backup: Backup) -> None:
        """Put it in the place of the configured one, whole or not at all. Raises OSError."""
        self._put(self.path.resolve(), render(backup))

    def keep(self, backup: Backup, at: float) -> str:
        """Put it beside the configured one under a name with its time, which is returned. Raises OSError."""
        time = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.path.with_name(f"{self.path.stem}.{time}{self.path.suffix}")
        number = 2
        while path.exists():
            path = self.path.with_name(f"{self.path.stem}.{time}-{number}{self.path.suffix}")
            number += 1
        self._put(path, render(backup))
        self._prune()
        return path.name

    def read(self, name: str | None = None) -> Stored:
        """The configured one, or another by its name. Raises BadBackup, OSError."""
        if name is not None and not self._is_known(name):
            raise BadBackup("There is no backup of this name: GET /api/admin/backups lists them.", "not_found")
        path = self.path if name is None else self.path.with_name(name)
        try:
            data, found = _read(path)
        except FileNotFoundError:
            raise BadBackup(f"There is no {path.name} yet.", "not_found") from None
        is_ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & _OTHERS_MAY_WRITE
        return Stored(parse(data), is_ours, len(data), found.st_mtime)

    def is_empty(self) -> bool:
        """Whether the configured one holds nothing, or is not there. Raises OSError."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True

    def rows(self) -> list[BackupRow]:
        """All there are: the configured one, then the others, the newest first."""
        paths = [*([self.path] if self.path.exists() else []), *reversed(self._kept())]
        return [self._row(path) for path in paths]

    def _is_known(self, name: str) -> bool:
        return name == self.path.name or self._name.fullmatch(name) is not None

    def _row(self, path: Path) -> BackupRow:
        is_configured = path == self.path
        try:
            found = path.stat()
        except OSError as error:
            return BackupRow(path.name, stamp(0), 0, None, None, is_configured, error.strerror)
        at, size = stamp(found.st_mtime), found.st_size
        try:
            backup = self.read(path.name).backup
        except (BadBackup, OSError) as error:
            return BackupRow(path.name, at, size, None, None, is_configured, str(error))
        return BackupRow(path.name, at, size, len(backup.providers), len(backup.routes), is_configured)

    def newest(self) -> Backup | None:
        """The newest one that carries a time, if it can be read."""
        try:
            return self.read(self._kept()[-1].name).backup
        except (IndexError, BadBackup, OSError):
            return None

    def _kept(self) -> list[Path]:
        """Those that carry a time, the oldest first."""
        found: list[tuple[str, int, Path]] = []
        with suppress(OSError):
            for path in self.path.parent.iterdir():
                if (name := self._name.fullmatch(path.name)) is not None:
                    found.append((name[1], int(name[2] or 1), path))
        return [path for *_, path in sorted(found)]

    def _prune(self) -> None:
        for path in self._kept()[:-MOST_KEPT]:
            path.unlink(missing_ok=True)

    def _put(self, path: Path, data: bytes) -> None:
        make_private_folder(path.parent)
        put_file(path, data)


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    # O_NONBLOCK: a pipe in the place of the file would make us wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise BadBackup(f"{path.name} is no plain file.", "invalid_request")
        return file.read(MOST_BYTES + 1), found
