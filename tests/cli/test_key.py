"""`routerd key` where a transcript can't go: a terminal, a file that changes meanwhile, one that is read-only."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from routerd.cli import key_file
from routerd.cli.main import main
from routerd.config.check import check
from routerd.config.file import ConfigFileError
from routerd.config.write import write_if
from tests.cli.terminal import at_terminal

ROOT = Path(__file__).parents[2]
CANARY = "sk-canary-7f3a-1234567890"
TEXT = "providers:\n  openai: {models: [gpt-5.2]}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("ROUTERD_", "CREDENTIALS_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "router.yaml").write_text(TEXT)
    yield tmp_path


def routerd(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, list(words), input=typed, prog_name="routerd")


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(folder: Path) -> None:
    session = at_terminal(folder, "key", "set", "openai", question="The key of openai: ", answer=CANARY)
    assert session.exit_code == 0, session.err
    assert "sealed to 1 recipient" in session.out
    assert "canary" not in session.out + session.err + session.shown
    config = check((folder / "router.yaml").read_text()).config
    assert config is not None and (config.providers["openai"].api_key or "").startswith("age:")


def test_nobody_is_asked_for_a_key_that_goes_nowhere(folder: Path) -> None:
    session = at_terminal(folder, "key", "set", "opnai", question="The key of opnai: ", answer=CANARY)
    assert (session.exit_code, session.err) == (1, "routerd: there is no provider `opnai`; did you mean `openai`?\n")


def test_an_edit_that_comes_in_between_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(path: Path, digest: str, text: str, data_dir: Path) -> str:
        path.write_text(f"# by hand\n{TEXT}")
        return write_if(path, digest, text, data_dir)

    monkeypatch.setattr(key_file, "write_if", late)
    result = routerd("key", "set", "openai", typed=CANARY)
    assert result.exit_code == 1
    assert "router.yaml has changed meanwhile: look at it, and try again" in result.output
    assert (folder / "router.yaml").read_text() == f"# by hand\n{TEXT}"


def test_a_file_that_is_read_only_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, digest: str, text: str, data_dir: Path) -> str:
        raise ConfigFileError("read_only", f"{path} is read-only here: Read-only file system")

    monkeypatch.setattr(key_file, "write_if", refuse)
    result = routerd("key", "set", "openai", typed=CANARY)
    assert (result.exit_code, result.output) == (
        1,
        "routerd: router.yaml is read-only here: Read-only file system\n",
    )


def test_what_can_not_be_edited_names_the_line(folder: Path) -> None:
    (folder / "router.yaml").write_text("providers:\n  openai: {api_key: &k env:A}\n  groq: {api_key: *k}\n")
    result = routerd("key", "set", "groq", typed=CANARY)
    assert result.exit_code == 1
    assert result.output.startswith("routerd: router.yaml: edit it by hand at line 2: ")


def test_links_and_modes_stay(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "router.yaml").rename(folder / "real" / "router.yaml")
    (folder / "router.yaml").symlink_to("real/router.yaml")
    (folder / "real" / "router.yaml").chmod(0o604)
    assert routerd("key", "set", "openai", typed=CANARY).exit_code == 0
    assert (folder / "router.yaml").is_symlink()
    assert stat.S_IMODE((folder / "real" / "router.yaml").stat().st_mode) == 0o604
    assert [path.name for path in (folder / "real").iterdir()] == ["router.yaml"]


def test_no_verb_ever_shows_a_key_or_leaves_one_about(folder: Path) -> None:
    """Whatever is done: the key is in no output and, once it is sealed, in no file."""
    (folder / "router.yaml").write_text(
        f"providers:\n  openai: {{api_key: {CANARY}}}\n  groq:\n    proxy: http://me:{CANARY}@host:1\n"
    )
    outputs = [
        routerd("key", verb, *words)
        for verb, *words in [
            ["scan"], ["scan", "--json"], ["list"], ["list", "--json"],
            ["seal"], ["list"], ["rotate", "--json"], ["seal"],
        ]
    ]  # fmt: skip
    outputs += [routerd("key", "set", "openai", *words, typed=CANARY) for words in ([], ["--json"], ["--header", "x"])]
    assert "canary" not in "".join(one.output + repr(one.exception) for one in outputs)
    for path in folder.rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes(), path


def test_too_much_on_standard_input_is_no_key(folder: Path) -> None:
    result = routerd("key", "set", "openai", typed="x" * 70_000)
    assert result.exit_code == 1 and "longer than any key" in result.output


def test_the_hook_of_pre_commit_runs_a_verb_that_is_there() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "routerd key scan"
    for name, is_meant in {"router.yaml": True, "config/router.yml": True, "my-router.yaml.md": False}.items():
        assert bool(re.search(hook["files"], name)) is is_meant
