"""What serves at the start: the file, else what served before, else nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from routerd.copies import Copy
from routerd.editing import Asked, Refused
from routerd.loading import Rejected
from tests.reload.saves import rename_over
from tests.reload.watched import Watched, text
from tests.support.daemon import ROOT, Daemon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "router.yaml"
    path.write_text(text("first"))
    return path


def served_before(path: Path, data: Path, *names: str) -> None:
    """Let these serve, one after the other."""
    with Watched(path, data) as watched:
        for name in names:
            rename_over(path, text(name))
            watched.wait_for(name)
            watched.wait_kept()


BAD = {"broken": "providers: {a: [", "empty": "", "unknown key": "provider: {}\n"}


@pytest.mark.parametrize("case", [*BAD, "missing", "a folder"])
def test_a_bad_file_and_a_last_good_one(path: Path, tmp_path: Path, case: str) -> None:
    served_before(path, tmp_path / "data", "second")
    path.unlink()
    if case == "a folder":
        path.mkdir()
    elif case != "missing":
        path.write_text(BAD[case])
    with Watched(path, tmp_path / "data") as watched:
        assert watched.serving == ["second"]
        assert watched.numbers == [2]
        state = watched.call(watched.reloader.state())
        assert (state.word, state.is_served) == (
            {"missing": "missing", "a folder": "not_a_file"}.get(case, "broken"),
            False,
        )
        if case == "a folder":
            path.rmdir()
        rename_over(path, text("third"))
        watched.wait_for("third")
        assert watched.numbers == [2, 3]
    assert "last_good_serves" in {line["event"] for line in watched.told()}


def test_the_last_good_one_comes_back_as_the_file(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data", "second")
    path.write_text("")
    with Watched(path, tmp_path / "data") as watched:
        rename_over(path, text("second"))
        watched.wait_state("ok")
        assert watched.numbers == [2]


def test_refuse(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data")
    path.write_text("")
    with pytest.raises(Rejected), Watched(path, tmp_path / "data", "refuse"):
        pass


def test_the_same_text_is_the_same_generation(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data", "second", "third")
    with Watched(path, tmp_path / "data") as watched:
        assert watched.numbers == [3]
        assert [record.generation for record in watched.call(watched.generations.history(9))] == [3, 2, 1]
    path.write_text(text("fourth"))
    with Watched(path, tmp_path / "data") as watched:
        assert watched.numbers == [4]
        assert watched.call(watched.generations.history(1))[0].source == "file"


def test_a_last_good_one_that_is_damaged(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data", "second", "third")
    folder = tmp_path / "data" / "generations"
    newest = (folder / "newest").read_text().split()[1]
    (folder / f"{newest}.yaml").write_text("no: config")
    path.write_text("")
    with Watched(path, tmp_path / "data") as watched:
        assert watched.serving == ["second"]


@pytest.mark.parametrize("lost", ["newest", "state.db"])
def test_what_is_lost_of_the_data(path: Path, tmp_path: Path, lost: str) -> None:
    served_before(path, tmp_path / "data", "second")
    for found in (tmp_path / "data").rglob(f"{lost}*"):
        found.unlink()
    path.unlink()
    with Watched(path, tmp_path / "data") as watched:
        assert watched.serving == ["second"]


@pytest.mark.parametrize("case", ["broken", "missing"])
def test_another_file_s_last_good_one_is_not_served(path: Path, tmp_path: Path, case: str) -> None:
    served_before(path, tmp_path / "data", "second")
    other = tmp_path / "other.yaml"
    if case == "broken":
        other.write_text(BAD["broken"])
    with pytest.raises(Rejected), Watched(other, tmp_path / "data"):
        pass


def test_files_that_share_a_data_folder(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(text("other"))
    served_before(path, tmp_path / "data", "second")
    served_before(other, tmp_path / "data")
    path.write_text("")
    with Watched(path, tmp_path / "data") as watched:
        assert (watched.serving, watched.numbers) == (["second"], [2])
        history = watched.call(watched.generations.history(9))
        assert [record.generation for record in history] == [None, 2, 1], "nothing of the other one"
    with Watched(other, tmp_path / "data") as watched:
        assert watched.numbers == [1]
        with pytest.raises(Refused) as refused:
            watched.call(watched.editor.rollback(2, Asked("me", "api")))
        assert refused.value.kind == "not_found"
        assert other.read_text() == text("other")


def test_a_project_that_is_moved(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data", "second")
    path.unlink()
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "data").rename(moved / "data")
    with Watched(moved / "router.yaml", moved / "data") as watched:
        assert watched.serving == ["second"]
        assert watched.call(watched.editor.kept(1))[1] == text("first")


def test_what_serves_as_the_last_good_one_is_kept(path: Path, tmp_path: Path) -> None:
    served_before(path, tmp_path / "data")
    path.write_text("")
    with Watched(path, tmp_path / "data") as watched:
        assert watched.reloader.copy == Copy(True)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "routerd", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("words", [["serve"], ["serve", "--on-boot-error", "refuse"], ["--config", "router.yaml"]])
def test_nothing_to_serve(tmp_path: Path, words: list[str]) -> None:
    told = run(tmp_path, *words)
    assert (told.returncode, told.stderr) == (
        78,
        "routerd: router.yaml does not exist; `routerd init` writes a first one\n",
    )


def test_a_name_that_is_misspelt(tmp_path: Path) -> None:
    with Daemon(tmp_path, text("first")):
        pass
    told = run(tmp_path, "serve", "--config", "rooter.yaml", "--data-dir", "data", "--port", "0")
    assert (told.returncode, told.stderr) == (
        78,
        "routerd: rooter.yaml does not exist; `routerd init` writes a first one\n",
    )


def test_a_broken_file_and_nothing_before(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text("provider: {}\n")
    told = run(tmp_path, "serve")
    assert told.returncode == 78
    assert "router.yaml:1:1: error: " in told.stderr


def test_the_daemon_serves_the_last_good_one(tmp_path: Path) -> None:
    with Daemon(tmp_path, text("first")):
        pass
    with Daemon(tmp_path, "providers: {") as daemon:
        assert daemon.find(lambda line: line.get("event") == "last_good_serves")
        assert [model["id"] for model in daemon.get("/v1/models").json()["data"]] == ["first", "demo/echo"]
        told = daemon.get("/api/status").json()
        assert (told["config"]["state"], told["last_reload"]["result"]) == ("broken", "rejected")
        assert told["last_good_copy"] == {"is_kept": True, "reason": None}
    (tmp_path / "router.yaml").write_text("providers: {")
    told = run(tmp_path, "serve", "--data-dir", "data", "--on-boot-error", "refuse", "--port", "0")
    assert told.returncode == 78
