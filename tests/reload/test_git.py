"""An edit by a program is one commit of the file alone, as the repository wants its commits to be."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from routerd import git
from routerd.config.difference import change
from routerd.config.splice import Put
from routerd.editing import Asked, Commit, Edited
from tests.reload.saves import rename_over
from tests.reload.watched import Watched
from tests.reload.watched import text as config
from tests.support.gate import PATIENCE, eventually

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


def test_a_commit_tells_all_that_is_in_it(repository: Path, tmp_path: Path) -> None:
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        by_hand = text("first").replace("server: {git: commit}", "server: {git: commit, drain: 4s}")
        rename_over(repository / "router.yaml", by_hand)
        watched.call(watched.editor.replace(by_hand.replace("first", "second"), ME))
        assert run(repository, "show", "--format=%B", "--no-patch").splitlines() == [
            "router.yaml: route second: added; route first: removed; server: drain 10m → 4s", "",
            "- route second: added: demo/echo", "- route first: removed", "- server: drain 10m → 4s", "",
            "Some of it was in the file before this edit, and had not been committed.",
        ]  # fmt: skip
        edit(watched, "third")
        assert "Some of it" not in run(repository, "show", "--format=%B", "--no-patch")
        rename_over(repository / "router.yaml", "# not YAML: [")
        edit(watched, "fourth")
        told = run(repository, "show", "--format=%B", "--no-patch")
        assert told.startswith("router.yaml: route fourth: added; route third: removed")


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


def test_a_slow_hook_holds_up_nobody(repository: Path, tmp_path: Path) -> None:
    """Edits and saves that come while git is busy serve at once; each edit is a commit of its own text, in order."""
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch .git/waits\nwhile [ ! -e .git/go-on ]; do sleep 0.02; done\n")
    hook.chmod(0o755)
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:

        async def both() -> list[Edited]:
            edits = [watched.editor.replace(text(name), ME) for name in ("second", "third")]
            return await asyncio.gather(*edits)

        made = asyncio.run_coroutine_threadsafe(both(), watched.loop)
        watched.wait_for("third")
        eventually((repository / ".git" / "waits").exists, "git runs the hook")
        rename_over(watched.path, text("saved"))
        watched.wait_for("saved")
        assert not made.done()
        (repository / ".git" / "go-on").touch()
        commits = [edited.commit for edited in made.result(PATIENCE)]
        log = run(repository, "log", "--format=%H|%s", "--reverse").splitlines()
        assert [line.partition(": ")[2] for line in log[1:]] == [
            "route second: added; route first: removed", "route third: added; route second: removed",
        ]  # fmt: skip
        assert commits == [Commit(line.partition("|")[0]) for line in log[1:]]
        assert run(repository, "show", "HEAD~1:router.yaml") == text("second").strip()
        assert run(repository, "show", "HEAD:router.yaml") == text("third").strip()
        assert run(repository, "diff", "--cached", "--name-only") == "README"
        assert watched.path.read_text() == text("saved")


def test_a_merge_under_way_is_left_alone(repository: Path, tmp_path: Path) -> None:
    head = run(repository, "rev-parse", "HEAD")
    (repository / ".git" / "MERGE_HEAD").write_text(f"{head}\n")
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        assert "finish the merge" in (edit(watched, "second").reason or "")
        assert run(repository, "rev-parse", "HEAD") == head


def test_an_edit_back_to_what_head_has(repository: Path, tmp_path: Path) -> None:
    rename_over(repository / "router.yaml", text("by-hand"))
    with Watched(repository / "router.yaml", tmp_path / "data") as watched:
        assert edit(watched, "first").reason == "HEAD has this text of router.yaml already"


def test_a_folder_within_a_repository_with_line_ends_of_its_own(repository: Path, tmp_path: Path) -> None:
    folder = repository / "of two" / "parts"
    folder.mkdir(parents=True)
    (repository / ".gitattributes").write_text("*.yaml text\n")
    (folder / "router.yaml").write_bytes(text("first").replace("\n", "\r\n").encode())
    run(repository, "add", "of two")
    run(repository, "commit", "-q", "-m", "more", "--", "of two")
    with Watched(folder / "router.yaml", tmp_path / "data") as watched:
        change = Put(("routes", "second"), ["demo/echo"])
        commit = watched.call(watched.editor.edit([change], "me", "api")).commit
        assert commit is not None and commit.name == run(repository, "rev-parse", "HEAD")
        assert run(repository, "show", "--numstat", "--format=", "HEAD") == "1\t0\tof two/parts/router.yaml"
        assert git.standing(watched.path) == git.Standing(commit.name, False)
        assert git.earlier(watched.path, "HEAD~1") == text("first")


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
