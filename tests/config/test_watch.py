"""Every way of saving a file is heard, on a real folder, twice in a row."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from routerd.config import watch
from routerd.config.watch import changes, watched_folders
from tests.support.gate import PATIENCE

Save = Callable[[Path, str], None]


def truncate_and_write(path: Path, text: str) -> None:
    path.write_text(text)


def rename_over(path: Path, text: str) -> None:
    draft = path.with_name(".draft")
    draft.write_text(text)
    os.replace(draft, path)


def backup_and_write_anew(path: Path, text: str) -> None:
    """As vim does with `backupcopy=no`."""
    os.replace(path, path.with_name("router.yaml~"))
    path.write_text(text)


def delete_and_create(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def hear(hints: AsyncIterator[None], until: Callable[[], bool]) -> None:
    """Take hints until what was waited for is there; a save may be told as several."""
    async with asyncio.timeout(PATIENCE):
        async for _ in hints:
            if until():
                return


async def watch_saves(path: Path, saves: list[Callable[[], str]]) -> None:
    """Do the saves one after the other; each must be heard when its text is what can be read."""
    async with aclosing(changes(path)) as hints:
        await anext(hints)
        for save in saves:
            expected = save()
            await hear(hints, lambda expected=expected: path.read_text().endswith(expected))  # type: ignore[misc]


@pytest.mark.parametrize(
    "save",
    [truncate_and_write, rename_over, backup_and_write_anew, delete_and_create, append],
    ids=lambda f: f.__name__,
)
def test_saves_are_heard(tmp_path: Path, save: Save) -> None:
    path = tmp_path / "router.yaml"
    path.write_text("a: 0")

    def saving(text: str) -> Callable[[], str]:
        def run() -> str:
            save(path, text)
            return text

        return run

    asyncio.run(watch_saves(path, [saving("a: 1"), saving("a: 2")]))


def test_a_config_map_is_swapped(tmp_path: Path) -> None:
    """Kubernetes: router.yaml → ..data/router.yaml, ..data → a folder by date, and only ..data is replaced."""
    for number in range(3):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "router.yaml").write_text(f"a: {number}")
    (tmp_path / "..data").symlink_to("..0")
    path = tmp_path / "router.yaml"
    path.symlink_to("..data/router.yaml")

    def swap(number: int) -> Callable[[], str]:
        def run() -> str:
            (tmp_path / "..new").symlink_to(f"..{number}")
            os.replace(tmp_path / "..new", tmp_path / "..data")
            return f"a: {number}"

        return run

    asyncio.run(watch_saves(path, [swap(1), swap(2)]))


def test_what_a_link_leads_to_is_watched(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "config").mkdir()
    target = tmp_path / "elsewhere" / "real.yaml"
    target.write_text("a: 0")
    path = tmp_path / "config" / "router.yaml"
    path.symlink_to(target)

    def save(text: str) -> Callable[[], str]:
        def run() -> str:
            rename_over(target, text)
            return text

        return run

    asyncio.run(watch_saves(path, [save("a: 1"), save("a: 2")]))


def test_a_linked_folder_is_swapped_and_then_written_to(tmp_path: Path) -> None:
    """As a release does: current → v1, then current → v2, then an edit in v2."""
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}" / "router.yaml").write_text(f"a: {number}")
    (tmp_path / "current").symlink_to("v1")
    path = tmp_path / "current" / "router.yaml"

    def swap() -> str:
        (tmp_path / "next").symlink_to("v2")
        os.replace(tmp_path / "next", tmp_path / "current")
        return "a: 2"

    def edit() -> str:
        rename_over(tmp_path / "v2" / "router.yaml", "a: 3")
        return "a: 3"

    asyncio.run(watch_saves(path, [swap, edit]))


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "later" / "router.yaml"

    def create() -> str:
        path.parent.mkdir()
        path.write_text("a: 1")
        return "a: 1"

    asyncio.run(watch_saves(path, [create]))


def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "config" / "router.yaml"
    path.parent.mkdir()
    path.write_text("a: 0")

    async def story() -> None:
        async with aclosing(changes(path)) as hints:
            await anext(hints)
            shutil.rmtree(path.parent)
            await hear(hints, lambda: not path.exists())
            path.parent.mkdir()
            path.write_text("a: 1")
            await hear(hints, path.exists)
            rename_over(path, "a: 2")
            await hear(hints, lambda: path.read_text() == "a: 2")

    asyncio.run(story())


@pytest.mark.parametrize("failure", [OSError("no space left on device"), ImportError("no watchfiles")], ids=str)
def test_without_the_kernels_events_it_looks_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """As when inotify's watches are used up: `fs.inotify.max_user_watches`."""

    def fail() -> None:
        raise failure

    monkeypatch.setattr(watch, "_rust_notify", fail)
    monkeypatch.setattr(watch, "_LOOK", 0.05)
    path = tmp_path / "router.yaml"
    path.write_text("a: 0")

    def save() -> str:
        rename_over(path, "a: 1")
        return "a: 1"

    asyncio.run(watch_saves(path, [save]))


def test_content_that_changes_under_the_same_status_is_found_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a mount that keeps neither time nor size nor number: only the bytes differ."""
    path = tmp_path / "router.yaml"
    path.write_text("a: 0")
    monkeypatch.setattr(watch, "_status", lambda path: (1, 2, 3))
    watcher = watch._Watcher(path, lambda: None)
    assert watcher._look()
    path.write_text("a: 1")
    looks = [watcher._look() for _ in range(watch._LOOKS_PER_HASH)]
    assert looks.count(True) == 1


def test_other_files_in_the_folder_are_only_hints(tmp_path: Path) -> None:
    """No filter by name: which name a save goes through is the editor's business."""
    path = tmp_path / "router.yaml"
    path.write_text("a: 0")

    async def story() -> None:
        async with aclosing(changes(path)) as hints:
            await anext(hints)
            (tmp_path / "4913").touch()  # vim's probe
            async with asyncio.timeout(PATIENCE):
                await anext(hints)

    asyncio.run(story())


def test_folders_to_watch(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "a" / "router.yaml").symlink_to("../link/real.yaml")
    folders = watched_folders(tmp_path / "a" / "router.yaml")
    assert str(tmp_path / "a") in folders
    assert any(os.path.samefile(folder, tmp_path / "b") for folder in folders)
    assert any(os.path.samefile(folder, tmp_path) for folder in folders)


def test_a_link_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").symlink_to("router.yaml")
    assert watched_folders(tmp_path / "router.yaml") == [str(tmp_path)]


def test_it_stops_with_its_loop_and_loads_little() -> None:
    """The process ends although nobody closed the iterator, and watchfiles' own dependencies stay out of memory."""
    script = """
import asyncio, sys, tempfile, pathlib
from routerd.config.watch import changes
path = pathlib.Path(tempfile.mkdtemp()) / "router.yaml"
path.write_text("a: 1")
hints = changes(path)
async def main():
    await anext(hints)
    path.write_text("a: 2")
    await anext(hints)
asyncio.run(main())
print("anyio" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert run.stdout.strip() == "False"
    assert run.stderr == ""


def test_a_save_is_told_of_before_it_is_waited_for_and_its_neighbours_are_not(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_text("a: 0")
    stirred: list[str] = []

    async def story() -> None:
        async with aclosing(changes(path, lambda: stirred.append(path.read_text()))) as hints:
            await anext(hints)
            (tmp_path / "beside").write_text("a log, perhaps")
            await hear(hints, lambda: True)
            assert stirred == []
            rename_over(path, "a: 1")
            await hear(hints, lambda: True)
            assert stirred == ["a: 1"]

    asyncio.run(story())
