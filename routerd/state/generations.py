"""Generations: what the config was, and who changed it. Texts are files, the facts about them rows of state.db.

`generations/DIGEST.yaml` holds the text of that digest, with no key in plain text; `generations/newest` the number and
digest of the one that was accepted last, which is where a start finds the last good one although the database is gone.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from routerd.config.write import DRAFT, make_private_folder, put_file
from routerd.state.asking import Rows, Unanswered, ask
from routerd.state.database import Database

MOST_TEXTS = 100
MOST_ROWS = 1_000
ANSWER = 2.0  # seconds that a question may take

Source = Literal["file", "api", "cli", "restore", "rollback"]
Decision = Literal["accepted", "problems"]

_NEWEST = "newest"
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Eight digits and no ending: of an earlier version.
_DRAFT = re.compile(rf"\.(?:{_DIGEST.pattern}\.yaml|{_NEWEST})\.[0-9a-f]{{8,16}}(?:{re.escape(DRAFT)})?")
_COLUMNS = "generation, at, source, actor, digest, summary, outcome, problems"
_INSERT = f"INSERT INTO generations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PRUNE = "DELETE FROM generations WHERE id <= (SELECT max(id) FROM generations) - ?"
_LATEST = f"SELECT {_COLUMNS} FROM generations ORDER BY id DESC LIMIT ?"
_ONE = f"SELECT {_COLUMNS} FROM generations WHERE generation = ? ORDER BY id DESC LIMIT 1"


class Record(msgspec.Struct, frozen=True):
    """One config that was looked at. `generation` and `digest` are None for what never was one, or was no text.

    `at` is in seconds since the epoch, `actor` who did it where that is known, `summary` what it changed.
    """

    generation: int | None
    at: float
    source: Source
    actor: str | None
    digest: str | None
    summary: str
    outcome: Decision
    problems: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A text that was accepted once."""

    digest: str
    text: str


def last_good_in(folder: Path) -> str | None:
    """The text that was accepted last, for those who have no database open. Blocks."""
    newest = _newest(folder)
    return _text(folder, newest[1]) if newest is not None else None


class Generations:
    """`keep`, `newest`, `text` and `last_good` block and are for any thread, the others for the event loop's."""

    def __init__(self, folder: Path, database: Database, *, most_texts: int = MOST_TEXTS) -> None:
        self._folder = folder
        self._database = database
        self._most_texts = most_texts

    # Files

    def newest(self) -> tuple[int, str] | None:
        """Number and digest of the generation that was accepted last."""
        return _newest(self._folder)

    def accept(self, number: int, digest: str, text: str | None) -> None:
        """Remember that this is the newest; with `text`, keep that. Raises OSError."""
        if not self._folder.is_dir():
            make_private_folder(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{digest}.yaml"
        if text is not None:
            if path.exists():
                os.utime(path)
            else:
                put_file(path, text.encode())
        put_file(self._folder / _NEWEST, f"{number} {digest}\n".encode())
        self._prune(digest)

    def text(self, digest: str) -> str | None:
        """The text that is kept of a digest."""
        return _text(self._folder, digest)

    def last_good(self) -> Iterator[Kept]:
        """What was accepted, the newest first."""
        newest = self.newest()
        digests = [path.stem for path in reversed(self._texts())]
        if newest is not None:
            digests.sort(key=lambda digest: digest != newest[1])
        for digest in digests:
            text = self.text(digest)
            if text is not None:
                yield Kept(digest, text)

    def _texts(self) -> list[Path]:
        """Those there are, the oldest first."""
        found: list[tuple[int, Path]] = []
        for path in self._folder.glob("*.yaml"):
            with suppress(OSError):
                if _DIGEST.fullmatch(path.stem):
                    found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found)]

    def _prune(self, current: str) -> None:
        for path in self._texts()[: -self._most_texts]:
            if path.stem != current:
                path.unlink(missing_ok=True)
        for draft in self._folder.glob(".*"):
            if _DRAFT.fullmatch(draft.name):
                draft.unlink(missing_ok=True)

    # Rows

    def note(self, record: Record) -> None:
        """Have a row written, some time soon."""
        self._database.submit(
            _INSERT,
            record.generation,
            record.at,
            record.source,
            record.actor,
            record.digest,
            record.summary,
            record.outcome,
            msgspec.json.encode(record.problems).decode(),
        )
        self._database.submit(_PRUNE, MOST_ROWS)

    async def history(self, limit: int) -> list[Record]:
        """The latest, newest first. Raises Unanswered."""
        return await self._ask(_LATEST, min(limit, MOST_ROWS))

    async def find(self, generation: int) -> Record | None:
        """The generation of that number. Raises Unanswered."""
        found = await self._ask(_ONE, generation)
        return found[0] if found else None

    async def _ask(self, question: str, value: int) -> list[Record]:
        try:
            async with asyncio.timeout(ANSWER):
                rows = await ask(self._database, question, value)
        except TimeoutError:
            raise Unanswered("the database does not answer") from None
        return await asyncio.to_thread(_records, rows)


def stamp(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _records(rows: Rows) -> list[Record]:
    found: list[Record] = []
    for row in rows:
        with suppress(msgspec.MsgspecError, TypeError):  # a row of others must not hide ours
            found.append(_record(row))
    return found


def _record(row: tuple[Any, ...]) -> Record:
    """Raises MsgspecError for a row that is none of ours."""
    told = dict(zip(Record.__struct_fields__, row, strict=True))
    return msgspec.convert({**told, "problems": msgspec.json.decode(told["problems"] or "[]")}, Record)


def _newest(folder: Path) -> tuple[int, str] | None:
    try:
        number, digest = (folder / _NEWEST).read_text("ascii").split()
        return (int(number), digest) if _DIGEST.fullmatch(digest) else None
    except (OSError, ValueError):
        return None


def _text(folder: Path, digest: str) -> str | None:
    if not _DIGEST.fullmatch(digest):
        return None
    try:
        return (folder / f"{digest}.yaml").read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
