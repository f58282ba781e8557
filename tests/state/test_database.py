"""state.db on a good day: what is submitted is there at the next start, and nobody has waited."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from routerd.state.database import CHUNK, MOST_WAITING, Database
from routerd.state.migrations import STEPS

INSERT = "INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)"
ALL = "SELECT at, scope, body FROM signatures ORDER BY id"


def rows(path: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(ALL).fetchall()
    finally:
        connection.close()


def read(database: Database, statement: str = ALL) -> list[list[tuple[Any, ...]]]:
    """The chunks that a read gives, without the last, which is empty."""
    chunks: list[list[tuple[Any, ...]]] = []
    ended = threading.Event()

    def take(chunk: list[tuple[Any, ...]]) -> None:
        if chunk:
            chunks.append(chunk)
        else:
            ended.set()

    database.read(statement, take=take)
    assert ended.wait(10.0)
    return chunks


def python(source: str, *arguments: object) -> str:
    """What a process of its own prints."""
    command = [sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_submitted_is_read_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    for number in range(CHUNK + 1):
        database.submit(INSERT, float(number), "somebody", b"\x00body")
    database.close()
    again = Database(path)
    chunks = read(again)
    assert [len(chunk) for chunk in chunks] == [CHUNK, 1]
    assert chunks[0][1] == (1.0, "somebody", b"\x00body")
    again.submit(INSERT, 999.0, "somebody", b"")
    again.close()
    assert len(rows(path)) == CHUNK + 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.db"]


def test_a_read_hears_of_the_writes_before_it_and_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "below" / "state.db"
    database = Database(path)
    assert read(database) == [] and not database.exists() and not path.parent.exists()
    database.submit(INSERT, 1.0, "somebody", b"")
    assert database.exists() and len(read(database)[0]) == 1
    database.close()


def test_what_is_written_no_longer_waits(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    for _ in range(4):
        database.submit(INSERT, 1.0, "big", bytes(MOST_WAITING // 2))
        read(database, "SELECT 1")
    database.close()
    assert database.dropped == 0 and len(rows(database.path)) == 4


def test_the_file_and_the_folder_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.db"
    database = Database(path)
    database.submit(INSERT, 1.0, "somebody", b"")
    assert read(database)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir() if file.name != ".gitignore"}
    assert modes == dict.fromkeys(["state.db", "state.db-wal", "state.db-shm"], 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"
    database.close()


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    database = Database(path)
    read(database)
    database.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_deleted_is_wiped(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    database.submit(INSERT, 1.0, "somebody", b"a private thought" * 1000)
    database.submit("DELETE FROM signatures")
    database.close()
    assert b"a private thought" not in path.read_bytes()


def test_a_wrong_write_costs_none_of_its_neighbours(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    database = Database(tmp_path / "state.db", lambda event, **fields: told.append((event, fields)))
    database.submit(INSERT, 1.0, "first", b"")
    database.submit("INSERT INTO nowhere VALUES (?)", 1)
    database.submit(INSERT, 1.0)
    database.submit(INSERT, 1.0, "lone \ud800", b"")
    database.submit(INSERT, 1.0, "last", b"")
    database.close()
    assert [row[1] for row in rows(database.path)] == ["first", "last"]
    assert told == [
        ("database_dropped", {"file": str(database.path), "count": 3, "reason": "no such table: nowhere"}),
    ]


def test_after_the_end_nothing_is_taken(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    database.close()
    database.submit(INSERT, 1.0, "late", b"")
    assert database.dropped == 1 and read(database) == []
    assert list(tmp_path.iterdir()) == []


def test_every_step_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for _ in range(2):
        database = Database(path)
        database.submit(INSERT, 1.0, "somebody", b"")
        database.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert len(rows(path)) == 2


LOADED = """
import sys, threading
from pathlib import Path
from routerd.state.database import Database

database = Database(Path(sys.argv[1]))
print(*[name for name in ("sqlite3", "sqlite_utils") if name in sys.modules])
ended = threading.Event()
database.read("SELECT 1", take=lambda rows: rows or ended.set())
ended.wait(10)
print(*[name for name in ("sqlite3", "sqlite_utils") if name in sys.modules])
database.close()
"""


def test_sqlite_is_loaded_at_first_need_and_sqlite_utils_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert python(LOADED, path) == ""
    database = Database(path)
    database.submit(INSERT, 1.0, "somebody", b"")
    database.close()
    assert python(LOADED, path) == "sqlite3"
