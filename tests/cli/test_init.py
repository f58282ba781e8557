"""`routerd init` where somebody can answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config.check import check
from routerd.config.schema import render
from tests.cli.terminal import at_terminal
from tests.cli.test_transcripts import run

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"


@pytest.mark.parametrize(("answer", "recipients"), [("y", 2), ("", 2), ("n", 1)])
def test_an_ssh_key_is_offered_as_a_second_recipient(tmp_path: Path, answer: str, recipients: int) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(f"{SSH} me@here\n")
    session = at_terminal(tmp_path, "init", question="[Y/n]: ", answer=answer)
    assert session.exit_code == 0, session.err
    checked = check((tmp_path / "router.yaml").read_text())
    assert checked.config is not None and checked.problems == ()
    assert len(checked.config.recipients) == recipients
    assert (SSH in checked.config.recipients) is (recipients == 2)
    assert ("not backed up" in session.out) is (recipients == 1)


@pytest.mark.parametrize("text", ["ssh-rsa AAAA me@here\n", "", "\n# nothing\n"])
def test_a_key_that_can_not_be_sealed_to_is_not_offered(tmp_path: Path, text: str) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(text)
    session = at_terminal(tmp_path, "init", question="[Y/n]: ", answer="y")
    assert session.exit_code == 0 and "[Y/n]" not in session.out + session.err
    assert "not backed up" in session.out


@pytest.mark.parametrize(
    ("line", "schema"),
    [
        ("routerd init", "./.routerd/router.schema.json"),
        ("ROUTERD_DATA_DIR=state/of-it routerd init", "./state/of-it/router.schema.json"),
        ("ROUTERD_DATA_DIR=. routerd init", "./router.schema.json"),
        ("routerd init deep/router.yaml", "./.routerd/router.schema.json"),
    ],
)
def test_editors_find_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, schema: str) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "is written" in run(line, tmp_path)
    path = next(tmp_path.rglob("router.yaml"))
    assert path.read_text().startswith(f"# yaml-language-server: $schema={schema}\n\n# routerd's configuration. ")
    assert (path.parent / schema).read_text() == render()


@pytest.mark.parametrize("folder", ["../elsewhere", "of it"])  # another disk, perhaps; editors end the path at a space
def test_no_schema_where_editors_would_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert "is written" in run(f"ROUTERD_DATA_DIR='{folder}' routerd init", tmp_path)
    assert (tmp_path / "deep" / "router.yaml").read_text().startswith("# routerd's configuration. ")
    assert not list(tmp_path.rglob("router.schema.json"))


def test_the_first_file_has_the_usual_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, more in (("one.yaml", ""), ("two.yaml", f"--recipient '{SSH}'")):
        run(f"routerd init {name} {more}", tmp_path)
        assert run(f"routerd fmt --check {name}", tmp_path) == f"{name} is formatted\n"


def test_a_folder_that_takes_no_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".routerd").write_text("no folder")
    told = run("routerd init", tmp_path)
    assert "no schema for editors: .routerd can't be written: Not a directory\n" in told
    assert (tmp_path / "router.yaml").read_text().startswith("# routerd's configuration. ")
