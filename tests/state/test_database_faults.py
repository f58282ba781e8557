"""state.db on a bad day: full, locked, torn, unwritable, deleted. The program goes on, and says so once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routerd.state.database import MOST_WAITING, Database
from routerd.state.migrations import STEPS
from tests.state.test_database import INSERT, read, rows


class Told:
    """What the database warned of, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.fields: list[dict[str, Any]] = []
        self._some = threading.Condition()

    def __call__(self, event: str, **fields: Any) -> None:
        with self._some:
            self.events.append(event)
            self.fields.append(fields)
            self._some.notify_all()

    def wait(self, event: str) -> dict[str, Any]:
        """The fields of the first such event."""
        with self._some:
            assert self._some.wait_for(lambda: event in self.events, 10.0), self.events
            return self.fields[self.events.index(event)]


def filled(path: Path) -> None:
    """A database of some hundred pages."""
    database = Database(path)
    for number in range(100):
        database.submit(INSERT, float(number), "before", b"\xee" * 5_000)
    database.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"this was never a database\n" * 1_000)


def torn_head(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.write(b"\x00" * 4_096)


def torn_pages(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (path.stat().st_size - 4_096))


def cut_off(path: Path) -> None:
    filled(path)
    os.truncate(path, 4_096)


@pytest.mark.parametrize("damage", [garbage, torn_head, torn_pages, cut_off])
def test_a_broken_file_is_set_aside_and_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "state.db"
    damage(path)
    broken = path.read_bytes()
    told = Told()
    database = Database(path, told)
    read(database)
    told.wait("database_set_aside")
    database.submit(INSERT, 1.0, "after", b"")
    assert [row[1] for chunk in read(database) for row in chunk] == ["after"]
    database.close()
    assert told.events == ["database_set_aside"] and told.fields[0]["kept_as"] == "state.db.broken-1"
    assert (tmp_path / "state.db.broken-1").read_bytes()[:4_096] == broken[:4_096]
    assert [row[1] for row in rows(path)] == ["after"]


def test_a_write_to_a_broken_file_is_done_in_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    (tmp_path / "state.db.broken-1").write_text("of an earlier day")
    torn_pages(path)
    told = Told()
    database = Database(path, told)
    database.submit(INSERT, 1.0, "after", b"")
    told.wait("database_set_aside")
    assert [row[1] for chunk in read(database) for row in chunk] == ["after"]
    database.close()
    assert (tmp_path / "state.db.broken-1").read_text() == "of an earlier day"
    assert (tmp_path / "state.db.broken-2").exists()


def test_the_log_of_a_broken_file_that_another_process_has_open_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(INSERT, (1.0, "in the log", b""))
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    database = Database(path)
    database.submit(INSERT, 1.0, "after", b"")
    database.close()
    assert [row[1] for row in rows(path)] == ["after"]
    assert (tmp_path / "state.db.broken-1-wal").exists()
    other.close()


def below_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "state.db"


def a_folder(tmp_path: Path) -> Path:
    return tmp_path


def nowhere(tmp_path: Path) -> Path:
    return Path("/proc/routerd/state.db")


def read_only(tmp_path: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    return tmp_path / "state.db"


@pytest.mark.parametrize("place", [below_a_file, a_folder, nowhere, read_only])
def test_without_a_file_the_program_goes_on_and_is_told_once(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    told = Told()
    database = Database(place(tmp_path), told, retry=0.001)
    database.submit(INSERT, 1.0, "somebody", b"")
    for _ in range(3):
        assert read(database) == []
    assert told.wait("database_unusable")["reason"]
    database.close()
    assert told.events == ["database_unusable", "database_dropped"] and told.fields[1]["count"] == 1


def test_what_waited_for_a_folder_is_written_when_it_can_be(tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.touch()
    told = Told()
    database = Database(blocked / "state.db", told, retry=0.001)
    database.submit(INSERT, 1.0, "before", b"")
    told.wait("database_unusable")
    blocked.unlink()
    database.submit(INSERT, 2.0, "after", b"")
    database.close()
    assert [row[1] for row in rows(blocked / "state.db")] == ["before", "after"]
    assert told.events == ["database_unusable"]


def test_another_process_that_writes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = Told()
    database = Database(path, told, busy=0.001, retry=0.001)
    database.submit(INSERT, 1.0, "waited", b"")
    assert told.wait("database_unusable")["reason"] == "database is locked"
    other.execute("COMMIT")
    other.close()
    database.close()
    assert rows(path)[-1][1] == "waited" and told.events == ["database_unusable"]


def test_what_does_not_fit_while_the_file_is_locked_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = Told()
    database = Database(path, told, busy=0.001, retry=0.001)
    body = bytes(MOST_WAITING // 4)
    for _ in range(10):
        database.submit(INSERT, 1.0, "big", body)
    assert database.dropped == 7
    assert told.wait("database_dropped")["count"] == 7
    other.execute("COMMIT")
    other.close()
    database.close()
    assert [row[1] for row in rows(path)].count("big") == 3
    assert database.dropped == 7


@pytest.mark.parametrize("names", [["state.db"], ["state.db", "state.db-wal", "state.db-shm"]])
def test_a_file_deleted_while_it_is_open_is_made_anew(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    database.submit(INSERT, 1.0, "before", b"")
    assert read(database)
    for name in names:
        (tmp_path / name).unlink()
    database.submit(INSERT, 2.0, "after", b"")
    database.close()
    assert [row[1] for row in rows(path)] == ["after"]


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    told = Told()
    database = Database(path, told, retry=0.001)
    database.submit(INSERT, 1.0, "after", b"")
    assert "newer" in told.wait("database_unusable")["reason"]
    database.close()
    assert len(rows(path)) == 100


FULL = """
import resource, sys, threading
from pathlib import Path
from routerd.state.database import Database

INSERT = "INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)"
is_told = threading.Event()

def warn(event, **fields):
    print(event, fields["reason"], flush=True)
    is_told.set()

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
database = Database(Path(sys.argv[1]), warn, retry=0.001)
for number in range(100):
    database.submit(INSERT, 1.0, "full", bytes(5_000))
is_told.wait(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
database.close()
"""


def test_a_full_disk_costs_nothing_that_still_fits_in_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "state.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout in ("database_unusable disk I/O error\n", "database_unusable database or disk is full\n")
    assert done.stderr == ""
    assert len(rows(tmp_path / "state.db")) == 100


TOGETHER = """
import sys
from pathlib import Path
from routerd.state.database import Database

database = Database(Path(sys.argv[1]), lambda event, **fields: None, busy=5.0, retry=0.01)
for number in range(300):
    database.submit("INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)", 1.0, sys.argv[2], b"")
print("ready", flush=True)
sys.stdin.readline()
database.close(20.0)
"""


def test_processes_that_share_a_new_file_lose_nothing(tmp_path: Path) -> None:
    path, names = tmp_path / "state.db", ["a", "b", "c"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in started:
        assert process.communicate("\n", timeout=30)[0] == "ready\n" and process.returncode == 0
    found = [row[1] for row in rows(path)]
    assert {name: found.count(name) for name in names} == dict.fromkeys(names, 300)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.db"]
