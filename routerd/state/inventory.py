"""The inventory: providers, routes and clients of the config that serves, with numbers that stay and what tests found.

Everything is in memory, and state.db behind it. An entry keeps its number for as long as it keeps its name, also across
starts, and when it goes and comes back; a number is never given to another. Without a database numbers last as long as
the process. A table's row has a digest of what the entry says, never the text itself: that may hold a key.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import structs

from routerd.config.examined import Meaning
from routerd.config.marks import Section
from routerd.gently import gently
from routerd.state.asking import Rows, ask
from routerd.state.database import Database
from routerd.state.register import Discovered, Record, Register, Row, Status, Taking, TestResult

__all__ = ["Discovered", "Inventory", "Mirrored", "Row", "Section", "Status", "TestResult"]

ANSWER = 2.0  # seconds that the database may take to tell what it knows
AT_ONCE = 50  # rows that are handed to the database's thread before the event loop does something else

_COLUMNS = "section, id, name, digest, created_at, updated_at, gone_at, last_node, nodes, test, discovered"
_PUT = f"INSERT OR REPLACE INTO inventory ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM inventory WHERE section = ? AND id = ?"
# The last row says that the table was read: a database that can't be used answers with nothing at all.
_ALL = f"SELECT {_COLUMNS} FROM inventory UNION ALL SELECT NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"


class Mirrored(Protocol):
    """What the inventory needs of a config that serves."""

    @property
    def meaning(self) -> Meaning: ...


_Config = TypeVar("_Config", bound=Mirrored)


class Inventory(Generic[_Config]):
    """All methods are for the event loop's thread and don't wait, but for `mirror` and `settled`.

    `name_of`, `row` and `renaming` may be called from any thread. Without a `database` nothing is kept.
    `mirrored` is the config whose entries these are: that which serves, or the one before for a moment.
    """

    def __init__(self, database: Database | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.mirrored: _Config | None = None
        self._database = database
        self._now = now
        self._is_kept = database is None  # whether what the database knows is in memory
        self._asked: asyncio.Future[Rows] | None = None
        self._alone = asyncio.Lock()
        self._settled = asyncio.Event()
        self._renames: dict[tuple[Section, str], str] = {}
        self._register = Register()
        self._touched: set[str] = set()  # providers that were told of while a config was taken over

    # Asking

    def id_of(self, section: Section, name: str) -> int:
        """The number of an entry. Raises KeyError."""
        return self._register.here[section][name].id

    def name_of(self, section: Section, ident: str) -> str | None:
        """The name of the entry with this number, or of this name; None: there is none."""
        if ident.isascii() and ident.isdigit():
            return self._register.names[section].get(int(ident[:18]))
        return ident if ident in self._register.here[section] else None

    def row(self, section: Section, name: str) -> Row:
        """What is known of an entry. Raises KeyError."""
        return self._register.here[section][name].row

    async def settled(self) -> None:
        """Wait for the first config to be mirrored: a moment after the start."""
        await self._settled.wait()

    # Telling

    def tested(self, name: str, result: TestResult) -> None:
        """A provider has been tested. One that has gone meanwhile is nobody's news."""
        if (record := self._register.here["providers"].get(name)) is not None:
            self._learn(structs.replace(record, test=result))

    def discovered(self, name: str, models: Iterable[str], at: float) -> None:
        """A provider has told which models it has."""
        if (record := self._register.here["providers"].get(name)) is not None:
            self._learn(structs.replace(record, discovered=Discovered(tuple(models), at)))

    def renaming(self, section: Section, old: str, new: str) -> None:
        """An edit is about to rename an entry: the config in which only the new name stands keeps its number."""
        self._renames[section, old] = new

    def not_renaming(self, section: Section, old: str) -> None:
        """That edit was refused."""
        self._renames.pop((section, old), None)

    async def mirror(self, loaded: _Config) -> None:
        """Take over the entries of what serves now."""
        async with self._alone:  # in the order of the configs, though the first one waits for the database
            try:
                if not self._is_kept:
                    await self._load()
                self._touched.clear()
                taken = await asyncio.to_thread(self._taken, loaded.meaning, self._register.copy(), self._now())
                self._take_over(taken)
                self.mirrored = loaded
            finally:
                self._settled.set()  # also when it could not be: nobody is to wait for ever
            await self._keep_all(taken)

    # Taking over

    def _taken(self, meaning: Meaning, register: Register, now: float) -> Taking:
        """The entries of a config, in a register that nobody has seen yet. Blocks."""
        with gently():
            taken = Taking(register, now)
            taken.take(meaning.marks, self._renames)
            return taken

    def _take_over(self, taken: Taking) -> None:
        before, self._register = self._register, taken.register
        touched, self._touched = self._touched, set()
        for name in touched:  # what has been told of it since the copy was made
            old = before.here["providers"][name]
            now = self._register.names["providers"].get(old.id)
            if now is not None:
                new = self._register.here["providers"][now]
                self._learn(structs.replace(new, test=old.test, discovered=old.discovered))

    async def _keep_all(self, taken: Taking) -> None:
        """Have written what is other now, a few rows at a time; also when nobody waits for it any more."""
        waiting = deque(taken.changed)
        try:
            while len(waiting) > AT_ONCE:
                self._keep_some(waiting)
                await asyncio.sleep(0)
        finally:
            while waiting:
                self._keep_some(waiting)
            for record in taken.forgotten:
                self._forget(record)

    def _keep_some(self, waiting: deque[Record]) -> None:
        for _ in range(min(AT_ONCE, len(waiting))):
            self._keep(self._register.latest(waiting.popleft()))

    def _learn(self, record: Record) -> None:
        self._touched.add(record.name)
        self._register.remember(record)
        self._keep(record)

    # The database

    async def _load(self) -> None:
        """Take what the last process knew, if it can be had; else the next config tries again."""
        rows = await self._rows()
        if rows is None:
            return
        records = await asyncio.to_thread(_records, rows)
        before, self._register = self._register.here["providers"], Register()
        self._is_kept = True
        self._register.last["nodes"] = max((int(row[7] or 0) for row in rows), default=0)
        for record in records:
            self._register.remember(record)
        for name, old in before.items():  # what came while the database was away
            kept = self._register.here["providers"].get(name)
            if kept is not None and (old.test or old.discovered):
                self._learn(structs.replace(kept, test=old.test, discovered=old.discovered))

    async def _rows(self) -> Rows | None:
        """The whole table; None when it can't be had now."""
        assert self._database is not None
        if not self._database.exists():
            return []
        rows = await self._read(self._database)
        # Whoever finds a broken file sets it aside: the next question is answered from a new one.
        return await self._read(self._database) if rows is None else rows

    async def _read(self, database: Database) -> Rows | None:
        if self._asked is not None and not self._asked.done():
            return None  # a disk that stalls holds up the first config alone
        self._asked = asked = ask(database, _ALL)
        await asyncio.wait([asked], timeout=ANSWER)
        found = asked.result() if asked.done() else []
        is_whole = any(row[0] is None for row in found)
        return [row for row in found if row[0] is not None] if is_whole else None

    def _keep(self, record: Record) -> None:
        if self._database is None or not self._is_kept:
            return
        self._database.submit(
            _PUT,
            record.section,
            record.id,
            record.name,
            record.digest,
            record.created_at,
            record.updated_at,
            record.gone_at,
            self._register.last["nodes"],
            _json(record.nodes),
            _json(record.test),
            _json(record.discovered),
        )

    def _forget(self, record: Record) -> None:
        if self._database is not None and self._is_kept:
            self._database.submit(_FORGET, record.section, record.id)


def _records(rows: Rows) -> list[Record]:
    with gently():
        return [record for record in map(_record, rows) if record is not None]


def _record(row: tuple[Any, ...]) -> Record | None:
    """A row of the table; None for one that somebody else wrote."""
    *columns, _, nodes, test, discovered = row
    names = ("section", "id", "name", "digest", "created_at", "updated_at", "gone_at")
    try:
        parts = {"nodes": nodes, "test": test, "discovered": discovered}
        told = {name: msgspec.json.decode(text) for name, text in parts.items()}
        return msgspec.convert({**dict(zip(names, columns, strict=True)), **told}, Record)
    except (msgspec.MsgspecError, TypeError):
        return None


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
