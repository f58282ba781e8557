"""When the backup is made: for every change that stands alone, and for the last one of many."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from routerd.backups import Backups
from routerd.config.file import digest
from routerd.loading import Loaded, load
from routerd.observe import Log
from routerd.sealing import Sources
from routerd.state.backup import Backup
from routerd.state.inventory import Inventory
from tests.support.daemon import Daemon

LONG = 3_600.0  # seconds: no test waits for it


def config(*names: str) -> Loaded:
    """One that has just these providers."""
    entries = "".join(f"  {name}: {{adapter: echo, models: [echo]}}\n" for name in names)
    text = f"providers:\n{entries}"
    return load(text, digest(text.encode()), 1, Path())


class Kept:
    """Backups in a folder; `mirror` tells them of a config as the one that serves now."""

    def __init__(self, folder: Path, every: float) -> None:
        """While the clock stands still, `every` has not passed since the first one."""
        self.serves: Loaded | None = None
        self.log = Log(io.BytesIO())
        sources = Sources({}, folder, data_dir_is_chosen=True, mounted=folder / "none")
        path, known = folder / "config_backup.json", Inventory[Loaded]().row
        self.backups = Backups(path, lambda: self.serves, sources, self.log, known, every=every, now=lambda: 0.0)

    async def mirror(self, *names: str) -> None:
        self.serves = config(*names)
        await self.backups.mirror(self.serves)

    def told(self) -> tuple[list[str], bool, str | None]:
        """The providers in the file, and what is said of it."""
        standing, files = self.backups.standing, self.backups.files
        assert files is not None
        return _names(files.read().backup), standing.is_kept, standing.reason

    def older(self) -> list[list[str]]:
        """The providers of those that carry a time, the newest first."""
        files = self.backups.files
        assert files is not None
        return [_names(files.read(row.name).backup) for row in files.rows()[1:]]


def _names(backup: Backup) -> list[str]:
    return [entry["name"] for entry in backup.providers]


Story = Callable[[Kept], Coroutine[Any, Any, None]]


async def of_many_the_first_and_the_last(kept: Kept) -> None:
    await kept.mirror("a")
    assert kept.told() == (["a"], True, None), "nobody waits for the first one"
    await kept.mirror("a", "b")
    await kept.mirror("a", "b", "c")
    assert kept.told() == (["a"], False, "it is made within a few seconds")
    await kept.backups.settle()
    assert kept.told() == (["a", "b", "c"], True, None)
    assert kept.older() == []


async def what_goes_again_is_kept(kept: Kept) -> None:
    await kept.mirror("a")
    await kept.mirror("a", "b")
    await kept.mirror("a", "c")
    assert kept.told()[0] == ["a", "b"], "before it is gone"
    await kept.backups.settle()
    assert kept.told()[0] == ["a", "c"]
    assert kept.older() == [["a", "b"]]


async def whoever_asks_gets_it_now(kept: Kept) -> None:
    await kept.mirror("a")
    await kept.mirror("a", "b")
    assert (await kept.backups.refresh()).is_kept
    assert kept.told() == (["a", "b"], True, None)


async def one_that_was_asked_for_early_is_made_again(kept: Kept) -> None:
    await kept.mirror("a")
    kept.serves = config("a", "b")
    await kept.backups.refresh()  # before the inventory has heard of it
    await kept.backups.mirror(kept.serves)
    assert kept.told() == (["a", "b"], True, None)


async def a_reason_not_to_keep_it_stays(kept: Kept) -> None:
    assert kept.backups.path is not None
    kept.backups.path.write_text("mine")
    await kept.mirror("a")
    await kept.mirror("a", "b")
    assert "is left alone" in str(kept.backups.standing.reason)
    await kept.backups.settle()
    assert kept.backups.path.read_text() == "mine"


@pytest.mark.parametrize("story", [
    of_many_the_first_and_the_last, what_goes_again_is_kept, whoever_asks_gets_it_now,
    one_that_was_asked_for_early_is_made_again, a_reason_not_to_keep_it_stays,
])  # fmt: skip
def test_while_changes_come_one_after_the_other(tmp_path: Path, story: Story) -> None:
    kept = Kept(tmp_path, LONG)
    asyncio.run(story(kept))
    kept.log.close()


def test_the_last_one_is_made_without_being_asked_for(tmp_path: Path) -> None:
    async def story() -> None:
        await kept.mirror("a")
        await kept.mirror("a", "b")
        assert kept.told()[0] == ["a"]
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    kept = Kept(tmp_path, 0.01)
    asyncio.run(story())
    kept.log.close()
    assert kept.told() == (["a", "b"], True, None)


def test_an_edit_is_answered_after_its_backup_and_the_end_makes_one(tmp_path: Path) -> None:
    with Daemon(tmp_path, "providers: {}\n") as daemon:
        path = tmp_path / "data" / "backups" / "config_backup.json"
        for name in ("one", "two"):
            entry = {"name": name, "adapter": "echo", "models": ["echo"]}
            with daemon.caller() as caller:
                assert caller.exchange("POST", "/api/providers", entry).status == 201
            assert f'"{name}"' in path.read_text()
        daemon.save("providers: {three: {adapter: echo, models: [echo]}}\n")
    assert '"three"' in path.read_text()
