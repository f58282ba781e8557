"""The files of the backups: whole or not at all, for us alone, and not more of them than are of use."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from routerd.state.backup import MOST_BYTES, MOST_KEPT, Backup, BadBackup, Files, parse, render

ONE = Backup(providers=[{"name": "demo", "adapter": "echo"}], routes=[])
JANUARY = 1768473000.0  # 2026-01-15T10:30:00Z


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """In a folder that is not there yet."""
    return Files(tmp_path / "new" / "folder" / "config_backup.json")


def test_there_and_back(files: Files) -> None:
    assert files.is_empty()
    files.write(ONE)
    found = files.read()
    assert (found.backup, found.is_ours, found.size) == (ONE, True, len(render(ONE)))
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.path.parent.stat().st_mode) == 0o700
    assert parse(render(ONE)) == ONE
    assert sorted(path.name for path in files.path.parent.iterdir()) == [".gitignore", "config_backup.json"]


def test_names_have_their_time(files: Files) -> None:
    names = [files.keep(ONE, at) for at in (JANUARY, JANUARY, JANUARY + 1)]
    assert names == [
        "config_backup.20260115T103000Z.json",
        "config_backup.20260115T103000Z-2.json",
        "config_backup.20260115T103001Z.json",
    ]
    assert [row.name for row in files.rows()] == names[::-1], "the newest first"
    assert files.read(names[1]).backup == ONE


def test_the_oldest_go(files: Files) -> None:
    other = files.path.with_name("config_backup.mine.json")
    files.write(ONE)
    other.write_text("{}")
    names = [files.keep(ONE, JANUARY + at // 12) for at in range(MOST_KEPT + 3)]
    assert [row.name for row in files.rows()[1:]] == names[:2:-1]
    assert other.exists(), "what is not ours stays"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_write_is_not_ours(files: Files, mode: int) -> None:
    files.write(ONE)
    files.path.chmod(mode)
    assert files.read().is_ours is False


def test_a_link_leads_to_the_file(files: Files, tmp_path: Path) -> None:
    files.write(ONE)
    link = tmp_path / "link.json"
    link.symlink_to(files.path)
    Files(link).write(Backup(providers=[], routes=[]))
    assert link.is_symlink()
    assert files.read().backup.providers == []


BAD = [
    (b"", "it is not JSON"),
    (b"\xff", "it is not JSON"),
    (b"[]", "Expected `object`"),
    (b'{"providers": []}', "routes"),
    (b'{"providers": [1], "routes": []}', "Expected `object`"),
    (b'{"providers": [], "routes": [], "path": 1}', "path"),
    (b'{"providers": [' + b'{"a":' * 100_000, "nested too deeply"),
    (b" " * (MOST_BYTES + 1), "4 MiB"),
]


@pytest.mark.parametrize(("data", "told"), BAD, ids=[told for _, told in BAD])
def test_what_is_no_backup(data: bytes, told: str) -> None:
    with pytest.raises(BadBackup, match=told):
        parse(data)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "config_backup.x.json", "config_backup.json/../../x", "", "."])
def test_names_that_lead_elsewhere(files: Files, name: str) -> None:
    with pytest.raises(BadBackup):
        files.read(name)
