"""Who uses a data folder: the second one is told, whoever comes first or goes, and nobody is refused."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from routerd.state.claim import Claim
from tests.support.daemon import Daemon

TEXT = "providers:\n  demo: {adapter: echo, models: [echo]}\nroutes:\n  chat: [demo/echo]\n"


def test_one_after_the_other(tmp_path: Path) -> None:
    for _ in range(2):
        claim = Claim(tmp_path / "data")
        assert not claim.is_shared
        claim.release()
        claim.release()


def test_at_the_same_time(tmp_path: Path) -> None:
    first, second = Claim(tmp_path), Claim(tmp_path)
    assert (first.is_shared, second.is_shared) == (False, True)
    first.release()
    third = Claim(tmp_path)
    assert third.is_shared, "the second is there still"
    second.release()
    third.release()
    last = Claim(tmp_path)
    assert not last.is_shared
    last.release()


def test_a_folder_that_can_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    claim = Claim(tmp_path / "data")
    assert not claim.is_shared
    claim.release()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    claims = [Claim(tmp_path), Claim(tmp_path)]
    assert not any(claim.is_shared for claim in claims)
    for claim in claims:
        claim.release()


def test_the_second_daemon_says_so(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as first, Daemon(tmp_path, TEXT) as second:
        told = [line for line in second.log if line.get("event") == "data_folder_shared"]
        assert [(line["level"], line["folder"]) for line in told] == [("warning", str(tmp_path / "data"))]
        assert "--data-dir" in told[0]["cure"]
        assert second.get("/v1/models").status == 200
    assert not first.find(lambda line: line.get("event") == "data_folder_shared")


def test_one_that_was_killed_is_not_there_any_more(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        daemon.process.kill()
        daemon.process.wait()
        claim = Claim(tmp_path / "data")
        claim.release()
        daemon.process.returncode = 0  # as it was meant
    assert not claim.is_shared
