"""state.db: what outlives the process. One thread reads and writes it; nobody waits for it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct

from routerd.state.migrations import migrate

if TYPE_CHECKING:
    import sqlite3

BATCH = 0.05  # seconds that writes are gathered for: a transaction costs more than its rows
MOST_WRITES = 1_000  # in one transaction
MOST_WAITING = 4 << 20  # bytes; a disk that stalls costs what is new, never a request or the memory
RETRY = 5.0  # seconds between attempts at a file that can't be used
BUSY = 2.0  # seconds to wait for another process that writes
CHUNK = 200  # rows
REMINDER = 60.0  # seconds between warnings of what was dropped
MOST_BROKEN = 9  # files that are kept when they are set aside

Value: TypeAlias = str | bytes | int | float | None
Take: TypeAlias = Callable[[list[tuple[Any, ...]]], None]
Rows: TypeAlias = list[tuple[Value, ...]]
Insert: TypeAlias = tuple[str, Rows]  # a statement, and the rows to do it with


class Write(Struct, frozen=True):
    """One statement to be done when its turn comes."""

    statement: str
    values: tuple[Value, ...]
    size: int  # bytes, about


class Read(Struct, frozen=True):
    """A question, and who takes the rows."""

    statement: str
    values: tuple[Value, ...]
    take: Take


class Feed(Protocol):
    """Rows that somebody keeps, and bounds, until they are taken: many of one statement, at a tenth of the cost."""

    is_kept: bool  # False: it gives no rows

    def fold(self) -> None:
        """Make rows of what has come since, by the database's thread, at every turn: also while no file can be used."""

    def take(self, most: int) -> list[Insert]:
        """The next rows, at most so many; they are the database's from then on."""


class Condition(Struct, frozen=True):
    """How the file is: `ok`, `unused` (nothing has been written yet) or `unusable`, for this `reason`.

    `dropped` statements were never written; a file that was broken is kept as `set_aside`.
    """

    state: str
    reason: str | None
    dropped: int
    set_aside: str | None


class Database:
    """One SQLite file, opened at first need by the thread that alone uses it.

    Nothing here raises, and only `close` waits. A file that can't be used is warned of once and tried again; meanwhile
    writes wait, as many as fit in `MOST_WAITING`. A corrupt one is set aside as `state.db.broken-1` and made anew.
    `warn` is called from the thread, with an event and its fields. `busy` and `retry` are in seconds, see above.
    `submit`, `read`, `wake` and `close` are for one thread.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[..., None] = lambda event, **fields: None,
        *,
        busy: float = BUSY,
        retry: float = RETRY,
    ) -> None:
        self.path = path
        self.dropped = 0
        self._warn = warn
        self._retry = retry
        self._file = File(path, busy)
        self._reads: deque[Read] = deque()
        self._writes: deque[Write] = deque()
        self._batch: list[Write] = []  # out of _writes, and not committed yet
        self._feeds: list[Feed] = []
        self._rows: list[Insert] = []  # out of the feeds, and not committed yet
        self._size_put = self._size_done = 0  # one counter for either thread, so that none needs a lock
        self._some = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closing = self._is_expected = False  # expected: something will be written
        self._retry_at: float | None = None  # set while the file can't be used
        self._is_warned = False
        self._reason: str | None = None  # why the file can't be used
        self._set_aside: str | None = None
        self._lost = _Lost()

    def exists(self) -> bool:
        """Whether there is a file, or soon will be."""
        return self._is_expected or os.path.exists(self.path)  # Path.exists may raise

    def submit(self, statement: str, *values: Value) -> None:
        """Have a statement done, some time soon; dropped and counted when too much waits already."""
        write = Write(statement, values, 200 + sum(len(value) for value in values if isinstance(value, str | bytes)))
        if self._is_closing or self._size_put + write.size > self._size_done + MOST_WAITING:
            self.dropped += 1
            return
        self._is_expected = True
        self._size_put += write.size
        self._writes.append(write)
        self._wake()

    def read(self, statement: str, *values: Value, take: Take) -> None:
        """Give `take` the rows, in the thread, some hundred at a time; an empty list is the end. Makes no file."""
        if self._is_closing or not self.exists():
            take([])
            return
        self._is_expected = True  # also once it is found broken, and set aside
        self._reads.append(Read(statement, values, take))
        self._wake()

    def attach(self, feed: Feed) -> None:
        """Write the rows of a feed, too; it calls `wake` when something has come."""
        self._feeds.append(feed)

    def wake(self) -> None:
        """Have the feeds looked at, some time soon."""
        if not self._is_closing:
            self._is_expected = self._is_expected or any(feed.is_kept for feed in self._feeds)
            self._wake()

    def condition(self) -> Condition:
        """How it is. For any thread."""
        state = "unusable" if self._reason is not None else "ok" if os.path.exists(self.path) else "unused"
        return Condition(state, self._reason, self.dropped + self._lost.count, self._set_aside)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, and stop. `timeout` is in seconds."""
        self._is_closing = True
        self._some.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="database", daemon=True)
            self._thread.start()
        if not self._some.is_set():
            self._some.set()

    def _run(self) -> None:
        while not self._is_closing:
            self._some.wait(None if self._retry_at is None else max(0.0, self._retry_at - time.monotonic()))
            if not self._is_closing and not self._reads:
                time.sleep(BATCH)
            self._some.clear()
            self._fold()
            if self._retry_at is None or time.monotonic() >= self._retry_at:
                self._turn()
            self._refuse()
            self._tell()
        self._fold()
        self._turn()
        self._refuse()
        self._file.close()
        self._give_up()
        self._tell()

    def _turn(self) -> None:
        """Write everything that waits, then answer: a question hears of what was submitted before it."""
        if not (self._reads or self._take()):
            return
        try:
            connection = self._file.connection()
            asked = -1
            while asked:
                asked = len(self._reads)  # what was submitted before these is among the writes by now
                self._fold()
                while self._take():
                    self._commit(connection)
                for _ in range(asked):
                    self._answer(connection)
        except Exception as error:  # whatever it is, the program goes on without the file
            self._fail(error)
        else:
            self._retry_at, self._is_warned, self._reason = None, False, None

    def _fold(self) -> None:
        for feed in self._feeds:
            feed.fold()

    def _answer(self, connection: sqlite3.Connection) -> None:
        read = self._reads[0]
        cursor = connection.execute(read.statement, read.values)
        while rows := cursor.fetchmany(CHUNK):
            read.take(rows)
        self._reads.popleft()
        read.take([])

    def _take(self) -> bool:
        while self._writes and len(self._batch) < MOST_WRITES:
            self._batch.append(self._writes.popleft())
        if not self._rows:
            self._rows = [insert for feed in self._feeds for insert in feed.take(MOST_WRITES)]
        return bool(self._batch or self._rows)

    def _commit(self, connection: sqlite3.Connection) -> None:
        """All of the batch or nothing, but for writes that no repeat would save."""
        spoilt: list[str] = []
        connection.execute("BEGIN IMMEDIATE")
        for write in self._batch:
            spoilt += _spoilt(connection.execute, write.statement, write.values)
        for statement, rows in self._rows:
            spoilt += _insert(connection, statement, rows)
        connection.execute("COMMIT")
        self._lost.add(len(spoilt), *spoilt[:1])
        self._release()

    def _release(self) -> None:
        self._size_done += sum(write.size for write in self._batch)
        self._batch, self._rows = [], []

    def _fail(self, error: Exception) -> None:
        self._file.close()
        if _is_corruption(error) and (aside := self._file.set_aside()) is not None:
            self._set_aside = aside.name
            self._warn("database_set_aside", file=str(self.path), kept_as=aside.name, reason=str(error))
            self._retry_at = time.monotonic()
            return
        if not self._is_warned:
            self._warn("database_unusable", file=str(self.path), reason=str(error))
        self._is_warned = True
        self._reason = str(error)
        self._retry_at = time.monotonic() + self._retry

    def _refuse(self) -> None:
        """Nobody waits for a file that can't be used."""
        for _ in range(len(self._reads) if self._retry_at is not None else 0):  # who asks again may be answered
            self._reads.popleft().take([])

    def _give_up(self) -> None:
        while self._take():
            self._lost.add(len(self._batch) + sum(len(rows) for _, rows in self._rows), "the program ended")
            self._release()

    def _tell(self) -> None:
        if (lost := self._lost.news(self.dropped, at_once=self._is_closing)) is not None:
            self._warn("database_dropped", file=str(self.path), **lost)


def _insert(connection: sqlite3.Connection, statement: str, rows: Rows) -> list[str]:
    """Many rows at once, or one by one where some are wrong in themselves: what is wrong with those."""
    connection.execute("SAVEPOINT rows")
    if not _spoilt(connection.executemany, statement, rows):
        return []
    connection.execute("ROLLBACK TO rows")
    return [reason for row in rows for reason in _spoilt(connection.execute, statement, row)]


def _spoilt(execute: Callable[..., object], statement: str, values: Any) -> list[str]:
    """Why a write can never be done, if so. Raises what another attempt might save it from."""
    try:
        execute(statement, values)
    except Exception as error:
        if not _is_of_the_write(error):
            raise
        return [str(error)]
    return []


class _Lost:
    """What was not written, told once a minute. For the thread alone."""

    def __init__(self) -> None:
        self.count = self._told = 0
        self._told_at = -REMINDER
        self._reason = ""

    def add(self, count: int, reason: str = "") -> None:
        self.count += count
        self._reason = reason or self._reason

    def news(self, dropped: int, *, at_once: bool) -> dict[str, Any] | None:
        """How many since the last time, those among them that were `dropped` by `submit`; None when it is not time."""
        total, now = self.count + dropped, time.monotonic()
        if total == self._told or (now < self._told_at + REMINDER and not at_once):
            return None
        news = {"count": total - self._told, "reason": self._reason or "too much waits for the disk"}
        self._told, self._told_at, self._reason = total, now, ""
        return news


class File:
    """The file as one connection at a time. Everything raises what SQLite and the system raise."""

    def __init__(self, path: Path, busy: float) -> None:
        self._path = path
        self._busy = busy
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._set_aside = 0

    def connection(self) -> sqlite3.Connection:
        """The open file, with today's tables; opened again when the file has been deleted."""
        if self._connection is not None and self._identity == _identity(self._path):
            return self._connection
        self.close()
        import sqlite3  # here, so that whoever needs no database pays nothing

        self._create()
        self._connection = connection = sqlite3.connect(self._path, timeout=self._busy, isolation_level=None)
        self._identity = _identity(self._path)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "secure_delete = ON",
            "journal_size_limit = 4194304",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        migrate(connection)
        return connection

    def _create(self) -> None:
        """For its owner alone: it holds what people talk about. SQLite gives its mode to the files beside it."""
        if not self._path.parent.exists():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._path.parent / ".gitignore").write_text("*\n")
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with suppress(OSError):  # another owner's
                os.fchmod(file, 0o600)
        finally:
            os.close(file)

    def close(self) -> None:
        """Nothing is open afterwards; what was not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def set_aside(self) -> Path | None:
        """Rename the file, with those that belong to it. None when it can't be, or has been too often."""
        if self._set_aside == MOST_BROKEN:
            return None
        names = [self._path.with_name(f"{self._path.name}.broken-{number}") for number in range(1, MOST_BROKEN + 1)]
        aside = next((name for name in names if not os.path.lexists(name)), names[-1])
        try:
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).replace(aside.with_name(aside.name + suffix))
        except OSError:
            return None
        self._set_aside += 1
        return aside


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _code(error: Exception) -> int | None:
    """SQLite's primary result code (https://sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _is_corruption(error: Exception) -> bool:
    import sqlite3

    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_of_the_write(error: Exception) -> bool:
    """Whether the statement or its values are wrong: it would fail the next time as well."""
    import sqlite3

    own = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)
    return _code(error) in (None, *own)
