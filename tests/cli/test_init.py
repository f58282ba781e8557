"""`routerd init` where somebody can answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config.check import check
from tests.cli.terminal import at_terminal

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
