"""An edit by a program is one commit of the file alone, as the repository wants its commits to be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from routerd import git
from routerd.config.difference import change
from routerd.editing import Asked, Commit
from tests.reload.watched import Watched
from tests.reload.watched import text as config

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")

ME = Asked("Alice <a@b>\n", "api")


def text(name: str) -> str:
    return config(name, "server: {git: commit}\n")


def run(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=Setup", "-c", "user.email=setup@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With router.yaml committed, and another file that is staged and one that is not."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-q")
    (folder / "router.yaml").write_text(text("first"))
    (folder / "README").write_text("one\n")
    run(folder, "add", ".")
    run(folder, "commit", "-q", "-m", "first")
    (folder / "README").write_text("two\n")
    run(folder, "add", "README")
    (folder / "README").write_text("three\n")
    (folder / "notes").write_text("mine\n")
    return folder


def edit(watched: Watched, name: str) -> Commit:
    commit = watched.call(watched.editor.replace(text(name), ME)).commit
    assert commit is not None
    return commit


def test_one_commit_of_the_file_alone(repository: Path, tmp_path: Path) -> None:
    before = run(repository, "status", "--porcelain")
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        commit = edit(watched, "second")
        assert commit == Commit(run(repository, "rev-parse", "HEAD"))
        assert run(repository, "show", "--stat", "--format=%an|%s", "--name-only").splitlines() == [
            "Alice a@b|router.yaml: route second: added; route first: removed", "", "router.yaml",
        ]  # fmt: skip
        assert run(repository, "status", "--porcelain") == before
        assert run(repository, "show", "HEAD:router.yaml") == text("second").strip()
        assert git.standing(watched.path) == git.Standing(commit.name, False)
        edit(watched, "third")
        assert run(repository, "rev-list", "--count", "HEAD") == "3"


def test_hooks_are_run_and_may_refuse(repository: Path, tmp_path: Path) -> None:
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        assert edit(watched, "second") == Commit(None, "not today")
        assert watched.serving == ["second"]
        assert watched.path.read_text() == text("second")
        assert git.standing(watched.path) == git.Standing(run(repository, "rev-parse", "HEAD"), True)
        hook.unlink()
        edit(watched, "third")
        assert run(repository, "show", "HEAD:router.yaml") == text("third").strip()


def test_signing_is_respected(repository: Path, tmp_path: Path) -> None:
    run(repository, "config", "commit.gpgsign", "true")
    run(repository, "config", "gpg.program", "false")
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        commit = edit(watched, "second")
        assert commit.name is None
        assert commit.reason
        assert run(repository, "rev-list", "--count", "HEAD") == "1"


def test_what_git_does_not_know(repository: Path, tmp_path: Path) -> None:
    other = repository / "other.yaml"
    other.write_text(text("first"))
    with Watched(other, tmp_path / "data") as watched:
        assert edit(watched, "second").reason == "other.yaml is not tracked: `git add` it once"


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(text("first"))
    with Watched(tmp_path / "router.yaml", tmp_path / "data") as watched:
        assert "not a git repository" in (edit(watched, "second").reason or "")
        assert git.standing(watched.path) is None


def test_only_when_asked_for(repository: Path, tmp_path: Path) -> None:
    path = repository / "router.yaml"
    path.write_text(config("first"))
    with Watched(path, tmp_path / "data") as watched:
        assert watched.call(watched.editor.replace(config("second"), ME)).commit is None
    assert run(repository, "rev-list", "--count", "HEAD") == "1"


def test_messages() -> None:
    added, gone = (change("route", ("routes", name), words) for name, words in (("a", "added: x/m"), ("b", "removed")))
    assert git.message("router.yaml", []) == "router.yaml: edited"
    told = "router.yaml: route a: added: x/m; route b: removed\n\n- route a: added: x/m\n- route b: removed"
    assert git.message("router.yaml", [added, gone]) == told
