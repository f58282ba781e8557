"""Generations: what the config was, and who changed it. Texts are files, the facts about them rows of state.db.

`generations/DIGEST.yaml` holds the text of that digest, with no key in plain text; `generations/newest` the number and
digest of the one that was accepted last, which is where a start finds the last good one although the database is gone.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from routerd.state.database import Database

MOST_TEXTS = 100
MOST_ROWS = 1_000
ANSWER = 2.0  # seconds that a question may take

Source = Literal["file", "api", "cli", "restore", "rollback"]
Decision = Literal["accepted", "problems"]

_NEWEST = "newest"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DRAFT = re.compile(rf"\.(?:{_DIGEST.pattern}\.yaml|{_NEWEST})\.[0-9a-f]{{8}}")
_COLUMNS = "generation, at, source, actor, digest, summary, outcome, problems"
_INSERT = f"INSERT INTO generations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PRUNE = "DELETE FROM generations WHERE id <= (SELECT max(id) FROM generations) - ?"
_LATEST = f"SELECT {_COLUMNS} FROM generations ORDER BY id DESC LIMIT ?"
_ONE = f"SELECT {_COLUMNS} FROM generations WHERE generation = ? ORDER BY id DESC LIMIT 1"


class Unanswered(Exception):
    """The database does not answer in time."""


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
            _make_private(self._folder)
        path = self._folder / f"{digest}.yaml"
        if text is not None:
            if path.exists():
                os.utime(path)
            else:
                self._put(path, text)
        self._put(self._folder / _NEWEST, f"{number} {digest}\n")
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

    def _put(self, path: Path, text: str) -> None:
        """All of the text or nothing, for its owner alone, and for good."""
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

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
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Record]] = loop.create_future()
        found: list[Record] = []

        def take(rows: list[tuple[Any, ...]]) -> None:
            for row in rows:
                with suppress(msgspec.MsgspecError, TypeError):  # a row of others must not hide ours
                    found.append(_record(row))
            if not rows:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(_settle, answer, found)

        self._database.read(question, value, take=take)
        try:
            async with asyncio.timeout(ANSWER):
                return await answer
        except TimeoutError:
            raise Unanswered("the database does not answer") from None


def stamp(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _settle(answer: asyncio.Future[list[Record]], found: list[Record]) -> None:
    if not answer.done():
        answer.set_result(found)


def _record(row: tuple[Any, ...]) -> Record:
    """Raises MsgspecError for a row that is none of ours."""
    told = dict(zip(Record.__struct_fields__, row, strict=True))
    return msgspec.convert({**told, "problems": msgspec.json.decode(told["problems"] or "[]")}, Record)


def _make_private(folder: Path) -> None:
    """The folder, and the data folder above it, for their owner alone; git does not see them."""
    if not folder.parent.is_dir():
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(OSError):
            (folder.parent / ".gitignore").write_text("*\n")
    folder.mkdir(mode=0o700, exist_ok=True)


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
