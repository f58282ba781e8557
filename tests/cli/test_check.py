"""`routerd check` says first who can read keys and where they go, beside the newest text that it knows."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from routerd.cli.main import main
from routerd.config.file import digest

BEFORE = """\
providers:
  mine: {base_url: "https://mine.example.org/v1", api_key: env:MINE, models: [m]}
routes: {main: [mine/m]}
"""
MOVED = BEFORE.replace("mine.example", "evil.example")
LINE = "https://mine.example.org → https://evil.example.org, where this goes from now on: env:MINE"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    return tmp_path


def told(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["check", "--json", *words])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def words_of(found: dict[str, Any]) -> list[str]:
    return [change["words"] for change in found["changes"]]


def commit(folder: Path, text: str) -> None:
    (folder / "router.yaml").write_text(text)
    for command in (["init", "-q"], ["add", "router.yaml"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        ours = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *ours, *command], cwd=folder, check=True)


def test_nothing_is_known(folder: Path) -> None:
    (folder / "router.yaml").write_text(MOVED)
    assert (told()["against"], told()["changes"]) == (None, [])


def test_what_served_last(folder: Path) -> None:
    (folder / "router.yaml").write_text(MOVED)
    (folder / "other.yaml").write_text(MOVED)
    kept = folder / ".routerd" / "generations"
    kept.mkdir(parents=True)
    (kept / "newest").write_text(f"3 {digest(BEFORE.encode())}\n")
    (kept / f"{digest(BEFORE.encode())}.yaml").write_text(BEFORE)
    assert told()["against"] == "what served last"
    assert words_of(told()) == [LINE]
    assert told("other.yaml")["against"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_what_git_has(folder: Path) -> None:
    commit(folder, BEFORE)
    assert told()["against"] is None
    (folder / "router.yaml").write_text(MOVED)
    assert (told()["against"], words_of(told())) == ("HEAD", [LINE])
    commit(folder, MOVED)
    assert (told()["against"], words_of(told())) == ("HEAD^", [LINE])
    assert words_of(told("--against", "HEAD")) == []
    (folder / "router.yaml").write_text(MOVED.replace("[m]", "[m, n]"))
    assert words_of(told("--against", "HEAD~1")) == [LINE]
    plain = CliRunner().invoke(main, ["check", "--against", "HEAD~1"])
    assert plain.output.splitlines()[0] == f"router.yaml: provider mine: {LINE} (beside HEAD~1)"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_a_revision_is_never_an_option(folder: Path) -> None:
    commit(folder, BEFORE)
    assert CliRunner().invoke(main, ["check", "--against=--help"]).exit_code == 2
