"""Generations: what the config was, and who changed it. Texts are files, the facts about them rows of state.db.

`generations/DIGEST.yaml` holds the text of that digest, with no key in plain text; `generations/newest` says what was
accepted, the newest first, which is where a start finds the last good one although the database is gone. A line of it
is a number, a digest, and the config file: several may share a data folder, and none may ever serve, or become, what
another said. What an earlier version kept without that is of whichever file comes first.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from routerd.config.write import DRAFT, alone_in, make_private_folder, put_file
from routerd.state.asking import Rows, Unanswered, ask
from routerd.state.database import Database

MOST_TEXTS = 100
MOST_ROWS = 1_000
ANSWER = 2.0  # seconds that a question may take

Source = Literal["file", "api", "cli", "restore", "rollback"]
Decision = Literal["accepted", "problems"]

_NEWEST = "newest"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(rf"([0-9]{{1,15}}) ({_DIGEST.pattern})(?: (\S+))?")
# Eight digits and no ending: of an earlier version.
_DRAFT = re.compile(rf"\.(?:{_DIGEST.pattern}\.yaml|{_NEWEST})\.[0-9a-f]{{8,16}}(?:{re.escape(DRAFT)})?")
_COLUMNS = "generation, at, source, actor, digest, summary, outcome, problems"
_INSERT = f"INSERT INTO generations ({_COLUMNS}, file) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PRUNE = "DELETE FROM generations WHERE id <= (SELECT max(id) FROM generations) - ?"
_OURS = f"SELECT {_COLUMNS} FROM generations WHERE (file IS NULL OR ?1 IS NULL OR file = ?1)"
_LATEST = f"{_OURS} ORDER BY id DESC LIMIT ?2"
_ONE = f"{_OURS} AND generation = ?2 ORDER BY id DESC LIMIT 1"


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


def last_good_in(folder: Path, config: Path) -> str | None:
    """The text of a config file that was accepted last, for those who have no database open. Blocks."""
    newest = next(_own(folder, _name(config, folder)), None)
    return _text(folder, newest.digest) if newest is not None else None


def has_last_good(folder: Path, config: Path) -> bool:
    """Whether any text of a config file is kept. Blocks."""
    return next(_last_good(folder, _name(config, folder)), None) is not None


class Generations:
    """Those of one config file; without `config`, of every file whose data is in the folder.

    `accept`, `newest`, `text` and `last_good` block and are for any thread, the others for the event loop's.
    """

    def __init__(
        self, folder: Path, database: Database, config: Path | None = None, *, most_texts: int = MOST_TEXTS
    ) -> None:
        self._folder = folder
        self._database = database
        self._file = _name(config, folder) if config is not None else None
        self._most_texts = most_texts

    # Files

    def newest(self) -> tuple[int, str] | None:
        """Number and digest of the generation that was accepted last."""
        newest = next(_own(self._folder, self._file), None)
        return (newest.number, newest.digest) if newest is not None else None

    def accept(self, number: int, digest: str, text: str | None) -> None:
        """Remember that this is the newest; with `text`, keep that. Raises OSError."""
        if not self._folder.is_dir():
            make_private_folder(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{digest}.yaml"
        with alone_in(self._folder):
            if text is not None and not path.exists():
                put_file(path, text.encode())
            lines = self._with(_Accepted(number, digest, self._file))
            put_file(self._folder / _NEWEST, "".join(f"{line}\n" for line in lines).encode())
            self._prune(lines)

    def text(self, digest: str) -> str | None:
        """The text that is kept of a digest."""
        return _text(self._folder, digest)

    def last_good(self) -> Iterator[Kept]:
        """What was accepted, the newest first."""
        return _last_good(self._folder, self._file)

    def _with(self, newest: _Accepted) -> list[_Accepted]:
        """All that was accepted, each text of a file once, without what is gone. What was nobody's is ours from now."""
        texts, before = _texts(self._folder), _accepted(self._folder)
        listed = {line.digest for line in before}
        before += [_Accepted(0, digest, None) for digest in texts if digest not in listed]
        lines: dict[tuple[str | None, str], _Accepted] = {}
        for line in (newest, *before):
            file = line.file or self._file
            lines.setdefault((file, line.digest), line._replace(file=file))
        spared = _newest_ones(lines.values())
        return [line for line in lines.values() if line.digest in texts or line in spared][:MOST_ROWS]

    def _prune(self, lines: list[_Accepted]) -> None:
        """Keep so many texts, and of each file the newest, though nobody may have touched it for long."""
        spared = {line.digest for line in _newest_ones(lines)}
        there = _texts(self._folder)
        kept = [digest for digest in dict.fromkeys(line.digest for line in lines) if digest in there]
        for digest in kept[self._most_texts :]:
            if digest not in spared:
                (self._folder / f"{digest}.yaml").unlink(missing_ok=True)
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
            self._file,
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
                rows = await ask(self._database, question, self._file, value)
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


class _Accepted(NamedTuple):
    """A line of `newest`; without a `file` it is an earlier version's."""

    number: int
    digest: str
    file: str | None

    def __str__(self) -> str:
        return " ".join(map(str, self if self.file is not None else self[:2]))


def _name(config: Path, folder: Path) -> str:
    """What tells a config file from others: its way from the data folder, so that both can be moved together.

    Links are not followed, since a ConfigMap's lead elsewhere after each update. One word, whatever is in a path.
    """
    return quote(os.fsencode(os.path.relpath(config, folder.parent)))


def _accepted(folder: Path) -> list[_Accepted]:
    """All lines that can be read, the newest first."""
    try:
        lines = (folder / _NEWEST).read_text("ascii").splitlines()
    except (OSError, ValueError):
        return []
    return [_Accepted(int(found[1]), found[2], found[3]) for found in map(_LINE.fullmatch, lines) if found is not None]


def _own(folder: Path, file: str | None) -> Iterator[_Accepted]:
    """What was accepted of a file, the newest first."""
    return (line for line in _accepted(folder) if file is None or line.file in (None, file))


def _newest_ones(lines: Iterable[_Accepted]) -> set[_Accepted]:
    """The newest line of each file."""
    found: dict[str | None, _Accepted] = {}
    for line in lines:
        found.setdefault(line.file, line)
    return set(found.values())


def _last_good(folder: Path, file: str | None) -> Iterator[Kept]:
    listed = {line.digest for line in _accepted(folder)}
    nobodys = (digest for digest in _texts(folder) if digest not in listed)
    for digest in dict.fromkeys([*(line.digest for line in _own(folder, file)), *nobodys]):
        text = _text(folder, digest)
        if text is not None:
            yield Kept(digest, text)


def _texts(folder: Path) -> list[str]:
    """The digests of the texts there are, the newest file first."""
    found: list[tuple[int, str]] = []
    for path in folder.glob("*.yaml"):
        with suppress(OSError):
            if _DIGEST.fullmatch(path.stem):
                found.append((path.stat().st_mtime_ns, path.stem))
    return [digest for _, digest in sorted(found, reverse=True)]


def _text(folder: Path, digest: str) -> str | None:
    if not _DIGEST.fullmatch(digest):
        return None
    try:
        return (folder / f"{digest}.yaml").read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
