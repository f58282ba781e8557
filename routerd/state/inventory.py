"""The inventory: providers, routes and clients of the config that serves, with numbers that stay and what tests found.

Everything is in memory, and state.db behind it. An entry keeps its number for as long as it keeps its name, also across
starts, and when it goes and comes back; a number is never given to another. Without a database numbers last as long as
the process. A table's row has a digest of what the entry says, never the text itself: that may hold a key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct, structs

from routerd.config.marks import SECTIONS, Marks, NodeMark, Section, mark
from routerd.config.model import RouterConfig
from routerd.state.database import Database

__all__ = ["Discovered", "Inventory", "Mirrored", "Row", "Section", "Status", "TestResult"]

ANSWER = 2.0  # seconds that the database may take to tell what it knows
MOST_GONE = 10_000  # entries of a section that are remembered after they went

Status = Literal["unknown", "online", "degraded", "timeout", "unreachable", "error"]

_COLUMNS = "section, id, name, digest, created_at, updated_at, gone_at, last_node, nodes, test, discovered"
_PUT = f"INSERT OR REPLACE INTO inventory ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM inventory WHERE section = ? AND id = ?"
# The last row says that the table was read: a database that can't be used answers with nothing at all.
_ALL = f"SELECT {_COLUMNS} FROM inventory UNION ALL SELECT NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"


class TestResult(Struct, frozen=True):
    """What a test of a provider found; `at` is in seconds since the epoch."""

    __test__ = False  # pytest takes every Test… for one of its own

    status: Status
    status_code: int | None
    latency_ms: float | None
    detail: str | None
    at: float


class Discovered(Struct, frozen=True):
    """The models that a provider listed itself, and when, in seconds since the epoch."""

    models: tuple[str, ...]
    at: float


class Row(Struct, frozen=True):
    """What is known of an entry beside the file. Times are in seconds since the epoch; `nodes` are a route's, by id."""

    id: int
    created_at: float
    updated_at: float
    nodes: tuple[int, ...] = ()
    status: Status = "unknown"
    status_code: int | None = None
    latency_ms: float | None = None
    detail: str | None = None
    last_tested_at: float | None = None
    discovered: tuple[str, ...] = ()
    discovered_at: float | None = None


class Mirrored(Protocol):
    """What the inventory needs of a config that serves."""

    @property
    def config(self) -> RouterConfig: ...


_Config = TypeVar("_Config", bound=Mirrored)


class _Node(Struct, frozen=True):
    """A node of a route: the provider by its number, so that a rename changes nothing; `rest` is a digest."""

    id: int
    provider: int
    models: tuple[str, ...]
    rest: str


class _Record(Struct, frozen=True):
    """One entry, that is there or was (`gone_at`)."""

    section: Section
    id: int
    name: str
    digest: str
    created_at: float
    updated_at: float
    gone_at: float | None = None
    nodes: tuple[_Node, ...] = ()
    test: TestResult | None = None
    discovered: Discovered | None = None

    @property
    def row(self) -> Row:
        row = Row(self.id, self.created_at, self.updated_at, tuple(node.id for node in self.nodes))
        if self.discovered is not None:
            row = structs.replace(row, discovered=self.discovered.models, discovered_at=self.discovered.at)
        test = self.test
        if test is None:
            return row
        return structs.replace(
            row,
            status=test.status,
            status_code=test.status_code,
            latency_ms=test.latency_ms,
            detail=test.detail,
            last_tested_at=test.at,
        )


class Inventory(Generic[_Config]):
    """All methods are for the event loop's thread and don't wait, but for `mirror` and `settled`.

    `name_of` and `renaming` may be called from the thread of an edit as well. Without a `database` nothing is kept.
    `mirrored` is the config whose entries these are: that which serves, or the one before for a moment.
    """

    def __init__(self, database: Database | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.mirrored: _Config | None = None
        self._database = database
        self._now = now
        self._is_kept = database is None  # whether what the database knows is in memory
        self._asked: asyncio.Future[None] | None = None
        self._alone = asyncio.Lock()
        self._settled = asyncio.Event()
        self._renames: dict[tuple[Section, str], str] = {}
        self._clear()

    def _clear(self) -> None:
        self._here: dict[Section, dict[str, _Record]] = {section: {} for section in SECTIONS}
        self._gone: dict[Section, dict[str, _Record]] = {section: {} for section in SECTIONS}
        self._names: dict[Section, dict[int, str]] = {section: {} for section in SECTIONS}
        self._last: dict[str, int] = dict.fromkeys((*SECTIONS, "nodes"), 0)

    # Asking

    def id_of(self, section: Section, name: str) -> int:
        """The number of an entry. Raises KeyError."""
        return self._here[section][name].id

    def name_of(self, section: Section, ident: str) -> str | None:
        """The name of the entry with this number, or of this name; None: there is none."""
        if ident.isascii() and ident.isdigit():
            return self._names[section].get(int(ident[:18]))
        return ident if ident in self._here[section] else None

    def row(self, section: Section, name: str) -> Row:
        """What is known of an entry. Raises KeyError."""
        return self._here[section][name].row

    async def settled(self) -> None:
        """Wait for the first config to be mirrored: a moment after the start."""
        await self._settled.wait()

    # Telling

    def tested(self, name: str, result: TestResult) -> None:
        """A provider has been tested. One that has gone meanwhile is nobody's news."""
        if (record := self._here["providers"].get(name)) is not None:
            self._put(structs.replace(record, test=result))

    def discovered(self, name: str, models: Iterable[str], at: float) -> None:
        """A provider has told which models it has."""
        if (record := self._here["providers"].get(name)) is not None:
            self._put(structs.replace(record, discovered=Discovered(tuple(models), at)))

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
                marks = await asyncio.to_thread(mark, loaded.config)
                if not self._is_kept:
                    await self._load()
                self._take(marks)
                self.mirrored = loaded
            finally:
                self._settled.set()  # also when it could not be: nobody is to wait for ever

    # The database

    async def _load(self) -> None:
        """Take what the last process knew, if it can be had; else the next config tries again."""
        rows = await self._rows()
        if rows is None:
            return
        before = self._here["providers"]
        self._is_kept = True
        self._clear()
        self._last["nodes"] = max((int(row[7] or 0) for row in rows), default=0)
        for record in filter(None, map(_record, rows)):
            self._remember(record)
        for name, old in before.items():  # what came while the database was away
            kept = self._here["providers"].get(name)
            if kept is not None and (old.test or old.discovered):
                self._put(structs.replace(kept, test=old.test, discovered=old.discovered))

    async def _rows(self) -> list[tuple[Any, ...]] | None:
        """The whole table; None when it can't be had now."""
        assert self._database is not None
        if not self._database.exists():
            return []
        rows = await self._read(self._database)
        # Whoever finds a broken file sets it aside: the next question is answered from a new one.
        return await self._read(self._database) if rows is None else rows

    async def _read(self, database: Database) -> list[tuple[Any, ...]] | None:
        if self._asked is not None and not self._asked.done():
            return None  # a disk that stalls holds up the first config alone
        loop = asyncio.get_running_loop()
        is_read: asyncio.Future[None] = loop.create_future()
        self._asked = is_read
        found: list[tuple[Any, ...]] = []

        def take(rows: list[tuple[Any, ...]]) -> None:
            found.extend(rows)
            if not rows:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(_settle, is_read)

        database.read(_ALL, take=take)
        await asyncio.wait([is_read], timeout=ANSWER)
        is_whole = is_read.done() and any(row[0] is None for row in found)
        return [row for row in found if row[0] is not None] if is_whole else None

    def _keep(self, record: _Record) -> None:
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
            self._last["nodes"],
            _json(record.nodes),
            _json(record.test),
            _json(record.discovered),
        )

    # Taking over

    def _take(self, marks: Marks) -> None:
        now = self._now()
        for section in SECTIONS:
            wanted = marks.entries[section]
            self._follow(section, wanted, now)
            for name in [name for name in self._here[section] if name not in wanted]:
                self._bury(section, name, now)
            for name, digest in wanted.items():
                self._see(section, name, digest, now)
        for name, nodes in marks.nodes.items():
            self._number(name, nodes)

    def _follow(self, section: Section, wanted: Mapping[str, str], now: float) -> None:
        """What was renamed over the API is the same entry."""
        here = self._here[section]
        for (where, old), new in list(self._renames.items()):
            if where == section and old in here and old not in wanted and new in wanted and new not in here:
                del self._renames[where, old]
                self._renames[where, new] = old  # should somebody go back to the text before
                self._gone[section].pop(new, None)  # another one of that name: its number is not given again
                self._put(structs.replace(here.pop(old), name=new, updated_at=now))

    def _bury(self, section: Section, name: str, now: float) -> None:
        record = self._here[section].pop(name)
        del self._names[section][record.id]
        gone = self._gone[section]
        gone[name] = structs.replace(record, gone_at=now)
        self._keep(gone[name])
        if len(gone) > MOST_GONE:  # the lowest numbers, so that the highest one is never forgotten
            oldest = min(gone.values(), key=lambda each: each.id)
            del gone[oldest.name]
            if self._database is not None and self._is_kept:
                self._database.submit(_FORGET, section, oldest.id)

    def _see(self, section: Section, name: str, digest: str, now: float) -> None:
        record = self._here[section].get(name)
        if record is None:
            old = self._gone[section].pop(name, None)
            number = old.id if old is not None else self._next(section)
            self._put(_Record(section, number, name, digest, now, now, nodes=old.nodes if old is not None else ()))
        elif record.digest != digest:
            self._put(structs.replace(record, digest=digest, updated_at=now))

    def _number(self, route: str, wanted: Sequence[NodeMark]) -> None:
        """Give the nodes of a route their numbers: what is the same or like it keeps its own."""
        record = self._here["routes"][route]
        new = [(self.id_of("providers", provider), models, rest) for provider, models, rest in wanted]
        old = [(node.provider, node.models, node.rest) for node in record.nodes]
        if new == old:
            return
        from routerd.config.alignment import align  # here: nothing else that serves needs it

        matches = align([_words(*node) for node in old], [_words(*node) for node in new])
        numbers = [self._next("nodes") if match.old is None else record.nodes[match.old].id for match in matches]
        nodes = tuple(_Node(number, *node) for number, node in zip(numbers, new, strict=True))
        self._put(structs.replace(record, nodes=nodes))

    def _next(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]

    def _put(self, record: _Record) -> None:
        self._remember(record)
        self._keep(record)

    def _remember(self, record: _Record) -> None:
        section = record.section
        self._last[section] = max(self._last[section], record.id)
        if record.gone_at is None:
            self._here[section][record.name] = record
            self._names[section][record.id] = record.name
        else:
            other = self._gone[section].get(record.name)
            if other is None or (other.gone_at or 0.0) < record.gone_at:
                self._gone[section][record.name] = record


def _words(provider: int, models: tuple[str, ...], rest: str) -> dict[str, Any]:
    """A node as the alignment of lists compares it."""
    return {"provider": provider, "models": list(models), "rest": rest}


def _record(row: tuple[Any, ...]) -> _Record | None:
    """A row of the table; None for one that somebody else wrote."""
    *columns, _, nodes, test, discovered = row
    names = ("section", "id", "name", "digest", "created_at", "updated_at", "gone_at")
    try:
        parts = {"nodes": nodes, "test": test, "discovered": discovered}
        told = {name: msgspec.json.decode(text) for name, text in parts.items()}
        return msgspec.convert({**dict(zip(names, columns, strict=True)), **told}, _Record)
    except (msgspec.MsgspecError, TypeError):
        return None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
