"""Every way of saving, on a real folder, twice in a row: each save is one generation, and nothing else ever serves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from routerd.config import condition, watch
from tests.reload.saves import SAVES, is_missing, rename_over, write_in_place
from tests.reload.watched import Watched, text


@pytest.mark.parametrize("way", SAVES)
def test_twice_in_a_row(tmp_path: Path, way: str) -> None:
    if is_missing(way):
        pytest.skip("the program is not here")
    path = tmp_path / "etc" / "router.yaml"
    path.parent.mkdir()
    path.write_text(text("first"))
    with Watched(path, tmp_path / "data") as watched:
        for name in ("second", "third"):
            SAVES[way](path, text(name))
            watched.wait_for(name)
        served = [list(snapshot.routes) for snapshot in watched.adopted]
        assert served == [["first"], ["second"], ["third"]]
        assert watched.numbers == [1, 2, 3]
        assert watched.call(watched.reloader.state()).word == "ok"


def test_two_edits_within_one_second(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_text(text("first"))
    with Watched(path, tmp_path / "data") as watched:
        write_in_place(path, text("aaaa"))
        watched.wait_for("aaaa")
        write_in_place(path, text("bbbb"))
        watched.wait_for("bbbb")


def test_a_config_map(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    for name in ("first", "second", "third"):
        (folder / f"..{name}").mkdir(parents=True)
        (folder / f"..{name}" / "router.yaml").write_text(text(name))
    (folder / "..data").symlink_to("..first")
    path = folder / "router.yaml"
    path.symlink_to("..data/router.yaml")
    with Watched(path, tmp_path / "data") as watched:
        for name in ("second", "third"):
            (folder / "..next").symlink_to(f"..{name}")
            os.replace(folder / "..next", folder / "..data")
            watched.wait_for(name)
        assert watched.numbers == [1, 2, 3]


def test_a_file_behind_a_link(tmp_path: Path) -> None:
    for folder in ("etc", "real"):
        (tmp_path / folder).mkdir()
    real, path = tmp_path / "real" / "config.yaml", tmp_path / "etc" / "router.yaml"
    real.write_text(text("first"))
    path.symlink_to(real)
    with Watched(path, tmp_path / "data") as watched:
        for name, save in (("second", rename_over), ("third", write_in_place)):
            save(real, text(name))
            watched.wait_for(name)
        assert path.is_symlink()


def test_a_folder_that_is_swapped(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "router.yaml").write_text(text(name))
    (tmp_path / "current").symlink_to("first")
    with Watched(tmp_path / "current" / "router.yaml", tmp_path / "data") as watched:
        for name in ("second", "third"):
            (tmp_path / "next").symlink_to(name)
            os.replace(tmp_path / "next", tmp_path / "current")
            watched.wait_for(name)


@pytest.mark.parametrize("failure", [OSError("no space left on device"), ImportError("no watchfiles")], ids=str)
def test_without_the_kernels_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """As when the watches of inotify are used up."""

    def fail() -> None:
        raise failure

    monkeypatch.setattr(watch, "_rust_notify", fail)
    monkeypatch.setattr(watch, "_LOOK", 0.2)
    path = tmp_path / "router.yaml"
    path.write_text(text("first"))
    with Watched(path, tmp_path / "data") as watched:
        for name, save in (("second", rename_over), ("third", write_in_place)):
            save(path, text(name))
            watched.wait_for(name)


def test_who_has_a_file_open_for_writing(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    assert not condition.has_writer(path)
    path.write_text("a: 1")
    assert not condition.has_writer(path)
    with path.open():
        assert not condition.has_writer(path)
    with path.open("a"):
        assert condition.has_writer(path)
        waits: list[float] = []
        condition.wait_until_written(path, 0.2, waits.append)
        assert sum(waits) == pytest.approx(0.2)
    assert not condition.has_writer(path)
    assert not condition.has_writer(tmp_path)
