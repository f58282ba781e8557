"""state.db on a bad day, seen from outside: requests are answered, the ledger and the status say how it is."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.gate import eventually

TEXT = "providers:\n  demo: {adapter: echo, models: [echo]}\nroutes:\n  chat: [demo/echo]\n"


def ask(daemon: Daemon, id: str) -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
    assert daemon.post(body, {"x-request-id": id}).status == 200


def database(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get("/api/status").json()["database"]
    return found


def ids(daemon: Daemon) -> list[str]:
    return [row["id"] for row in daemon.get("/api/requests").json()]


def garbage(path: Path) -> None:
    path.write_bytes(b"this was never a database\n" * 1_000)


def truncated(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\x10\x00\x01\x01")


@pytest.mark.parametrize("damage", [garbage, truncated])
def test_a_broken_file_is_set_aside(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    (tmp_path / "data").mkdir()
    damage(tmp_path / "data" / "state.db")
    with Daemon(tmp_path, TEXT) as daemon:
        ask(daemon, "one")
        eventually(lambda: ids(daemon) == ["one"], "it is in the new file", interval=0.1)
        found = database(daemon)
        assert (found["state"], found["set_aside"]) == ("ok", "state.db.broken-1")


def test_a_file_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        ask(daemon, "one")
        assert ids(daemon) == ["one"]
        for path in (tmp_path / "data").glob("state.db*"):
            path.unlink()
        ask(daemon, "two")
        eventually(lambda: ids(daemon) == ["two"], "it is in the new file", interval=0.1)
        assert (tmp_path / "data" / "state.db").exists()
        assert database(daemon)["state"] == "ok"


def test_a_file_that_can_t_be_opened(tmp_path: Path) -> None:
    (tmp_path / "data" / "state.db").mkdir(parents=True)
    with Daemon(tmp_path, TEXT) as daemon:
        ask(daemon, "one")
        eventually(lambda: database(daemon)["state"] == "unusable", "the status says so", interval=0.1)
        ask(daemon, "two")
        assert database(daemon)["reason"]
        assert ids(daemon)[0] == "two", "what waits can be asked for"
        assert daemon.get("/api/admin/stats").json()["total_requests"] == 2
        assert b"routerd_database_up 0.0" in daemon.get("/metrics").body


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="not on this system")
def test_a_full_disk(tmp_path: Path) -> None:
    """As one: no file of the daemon may grow any more."""
    with Daemon(tmp_path, TEXT) as daemon:
        ask(daemon, "one")
        assert ids(daemon) == ["one"]
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
        ask(daemon, "two")
        eventually(lambda: database(daemon)["state"] == "unusable", "the status says so", interval=0.1)
        ask(daemon, "three")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, before)
        eventually(lambda: database(daemon)["state"] == "ok", "it is tried again", interval=0.2)
        assert ids(daemon) == ["three", "two", "one"], "nothing is lost that could wait"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "state.db").touch()
    for path, mode in ((data / "state.db", 0o400), (data, 0o500)):
        path.chmod(mode)
    try:
        with Daemon(tmp_path, TEXT) as daemon:
            ask(daemon, "one")
            eventually(lambda: database(daemon)["state"] == "unusable", "the status says so", interval=0.1)
            ask(daemon, "two")
    finally:
        data.chmod(0o700)
