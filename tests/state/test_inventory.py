"""The inventory: numbers that stay, and what tests found; with a database, without one, and with a broken one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from routerd.config.check import check
from routerd.config.examined import Meaning
from routerd.state.database import Database
from routerd.state.inventory import Inventory, TestResult
from routerd.state.migrations import STEPS
from tests.state.test_database_faults import garbage, torn_head

PROVIDERS = "providers:\n  a: {adapter: echo, models: [m, n]}\n  b: {adapter: echo, models: [m]}\n"
FIRST = PROVIDERS + "routes:\n  r: [a/m, b/m]\n  s: [a/n]\n"
ONLINE = TestResult("online", 200, 12.5, None, 50.0)


class Clock:
    """Seconds that a test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def loaded(text: str) -> Any:
    checked = check(text)
    assert checked.config is not None, checked.problems
    return SimpleNamespace(meaning=Meaning(checked.config))


def told(inventory: Inventory[Any]) -> dict[str, int]:
    """Every entry with its number; nodes as `route[0]`."""
    config = inventory.mirrored.meaning.config  # type: ignore[union-attr]
    numbers = {name: inventory.id_of("providers", name) for name in config.providers}
    for name in config.routes:
        row = inventory.row("routes", name)
        numbers |= {name: row.id, **{f"{name}[{at}]": node for at, node in enumerate(row.nodes)}}
    return numbers | {name: inventory.id_of("clients", name) for name in config.clients or {}}


def mirrored(*texts: str, database: Database | None = None, clock: Clock | None = None) -> Inventory[Any]:
    """An inventory that has seen these texts, ten seconds apart."""
    clock = clock or Clock()
    inventory: Inventory[Any] = Inventory(database, now=clock)

    async def all_of_them() -> None:
        for text in texts:
            await inventory.mirror(loaded(text))
            clock.seconds += 10.0

    asyncio.run(all_of_them())
    return inventory


NUMBERS = {"a": 1, "b": 2, "r": 1, "r[0]": 1, "r[1]": 2, "s": 2, "s[0]": 3}
CLIENT = f"clients:\n  me: {{key_sha256: {'ab' * 32}}}\n"

FOLLOWED: list[tuple[str, str, dict[str, int]]] = [
    ("nothing changed but spaces", FIRST.replace("models", " models"), NUMBERS),
    ("in another order", FIRST.replace("[a/m, b/m]", "[b/m, a/m]"), {**NUMBERS, "r[0]": 2, "r[1]": 1}),
    ("a provider more", FIRST.replace("  b:", "  c: {adapter: echo, models: [m]}\n  b:"), {**NUMBERS, "c": 3}),
    ("a node more", FIRST.replace("[a/m,", "[b/x, a/m,"), {**NUMBERS, "r[0]": 4, "r[1]": 1, "r[2]": 2}),
    ("a node less", FIRST.replace("a/m, ", ""), {"a": 1, "b": 2, "r": 1, "r[0]": 2, "s": 2, "s[0]": 3}),
    ("a node's model", FIRST.replace("b/m]", "b/x]"), NUMBERS),
    ("a client", FIRST + CLIENT, {**NUMBERS, "me": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "text", "numbers"), FOLLOWED, ids=[each[0] for each in FOLLOWED])
def test_numbers_follow_their_entries(what: str, text: str, numbers: dict[str, int]) -> None:
    inventory = mirrored(FIRST)
    assert told(inventory) == NUMBERS
    asyncio.run(inventory.mirror(loaded(text)))
    assert told(inventory) == numbers, what


def test_numbers_are_not_given_again_and_come_back_by_name() -> None:
    without = PROVIDERS.replace("  b:", "  c:")
    inventory = mirrored(FIRST, without)
    assert told(inventory) == {"a": 1, "c": 3}
    assert inventory.name_of("providers", "2") is None
    asyncio.run(inventory.mirror(loaded(FIRST)))
    assert told(inventory) == NUMBERS
    assert inventory.row("providers", "b").created_at == 120.0


def test_names_and_numbers() -> None:
    inventory = mirrored(FIRST)
    found = [inventory.name_of("providers", ident) for ident in ("1", "b", "3", "c", "9" * 5_000, "²", "")]
    assert found == ["a", "b", None, None, None, None, None]
    assert (inventory.name_of("routes", "2"), inventory.name_of("clients", "1")) == ("s", None)
    with pytest.raises(KeyError):
        inventory.id_of("providers", "c")


def test_a_rename_that_was_told_of_keeps_the_number() -> None:
    renamed = FIRST.replace("  b:", "  z:").replace("b/m", "z/m")
    inventory = mirrored(FIRST)
    inventory.tested("b", ONLINE)
    inventory.renaming("providers", "b", "z")
    asyncio.run(inventory.mirror(loaded(FIRST + CLIENT)))  # somebody else's edit comes first
    asyncio.run(inventory.mirror(loaded(renamed)))
    assert told(inventory) == {**{name: id for name, id in NUMBERS.items() if name != "b"}, "z": 2}
    row = inventory.row("providers", "z")
    assert (row.status, row.created_at, row.updated_at) == ("online", 100.0, 110.0)
    asyncio.run(inventory.mirror(loaded(FIRST)))  # back to the text before
    assert told(inventory) == NUMBERS


def test_what_is_told_while_a_config_is_taken_over_is_not_lost(tmp_path: Path) -> None:
    clock, database = Clock(), Database(tmp_path / "state.db")
    inventory = mirrored(FIRST, database=database, clock=clock)
    inventory.renaming("providers", "b", "z")

    def now() -> float:  # asked for once the entries have been copied
        for name in ("a", "b", "nobody"):
            inventory.tested(name, ONLINE)
        inventory.discovered("b", ["n", "m"], 70.0)
        return 130.0

    inventory._now = now
    asyncio.run(inventory.mirror(loaded(FIRST.replace("  a:", "  y:").replace("a/", "y/").replace("b", "z"))))
    row = inventory.row("providers", "z")
    assert (row.id, row.status, row.discovered, row.updated_at) == (2, "online", ("n", "m"), 130.0)
    assert inventory.row("providers", "y").status == "unknown", "a has gone, and what was found of it"
    database.close()
    database = Database(tmp_path / "state.db")
    again = mirrored(FIRST.replace("  b:", "  z:").replace("b/m", "z/m"), database=database)
    assert again.row("providers", "z") == row, "and it is what was written"
    database.close()


def test_many_entries_are_all_written(tmp_path: Path) -> None:
    many = PROVIDERS + "routes:\n" + "".join(f"  r{at}: [a/m, b/m]\n" for at in range(230))
    database = Database(tmp_path / "state.db")
    first = told(mirrored(many, FIRST, many, database=database))
    database.close()
    database = Database(tmp_path / "state.db")
    assert told(mirrored(many, database=database)) == first
    database.close()


def test_a_rename_by_hand_is_another_entry() -> None:
    inventory = mirrored(FIRST, FIRST.replace("  b:", "  z:").replace("b/m", "z/m"))
    assert inventory.id_of("providers", "z") == 3


def test_a_rename_that_was_refused_is_forgotten() -> None:
    inventory = mirrored(FIRST)
    inventory.renaming("providers", "b", "z")
    inventory.not_renaming("providers", "b")
    asyncio.run(inventory.mirror(loaded(FIRST.replace("  b:", "  z:").replace("b/m", "z/m"))))
    assert inventory.id_of("providers", "z") == 3


def test_a_name_that_was_anothers_goes_with_the_number_of_who_has_it_now(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    inventory = mirrored(FIRST, PROVIDERS.replace("  b:", "  c:"), database=database)
    inventory.renaming("providers", "c", "b")
    asyncio.run(inventory.mirror(loaded(PROVIDERS)))
    assert told(inventory) == {"a": 1, "b": 3}
    database.close()
    database = Database(tmp_path / "state.db")
    inventory = mirrored(PROVIDERS, PROVIDERS.replace("  b:", "  d:"), PROVIDERS, database=database)
    assert told(inventory) == {"a": 1, "b": 3}
    assert inventory.row("providers", "b").id == 3
    database.close()


def test_updated_when_the_entry_changed() -> None:
    clock = Clock()
    inventory = mirrored(
        FIRST,
        FIRST.replace("[m]}", "[m]}  # a comment").replace("[m, n]", "[n]"),
        clock=clock,
    )
    times = {name: inventory.row("providers", name) for name in ("a", "b")}
    assert [(row.created_at, row.updated_at) for row in times.values()] == [(100.0, 110.0), (100.0, 100.0)]
    assert inventory.row("routes", "r").updated_at == 100.0


def test_what_a_test_found() -> None:
    inventory = mirrored(FIRST)
    row = inventory.row("providers", "a")
    assert (row.status, row.latency_ms, row.last_tested_at, row.discovered) == ("unknown", None, None, ())
    inventory.tested("a", ONLINE)
    inventory.discovered("a", ["m", "x"], 60.0)
    inventory.tested("gone", ONLINE)
    row = inventory.row("providers", "a")
    assert (row.status, row.status_code, row.latency_ms, row.last_tested_at) == ("online", 200, 12.5, 50.0)
    assert (row.discovered, row.discovered_at, row.updated_at) == (("m", "x"), 60.0, 100.0)


def test_the_next_start_knows_it_all(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    inventory = mirrored(FIRST, FIRST.replace("[a/m, b/m]", "[b/x, a/m, b/m]"), database=database)
    inventory.tested("a", ONLINE)
    inventory.discovered("a", ["m"], 60.0)
    before = {name: inventory.row("providers", name) for name in ("a", "b")}
    asyncio.run(inventory.mirror(loaded(FIRST.replace("[a/m, b/m]", "[b/m]"))))
    database.close()
    database = Database(path)
    another = mirrored(FIRST.replace("[a/m, b/m]", "[b/m, a/z]"), database=database)
    assert {name: another.row("providers", name) for name in ("a", "b")} == before
    assert told(another) == {**NUMBERS, "r[0]": 2, "r[1]": 5}, "4 was a node of the last process"
    database.close()


def test_no_key_is_in_the_table(tmp_path: Path) -> None:
    key = "sk-canary-7f3a-0123456789abcdef"
    text = f"providers:\n  openai: {{api_key: {key}, headers: {{x-token: {key}}}}}\nroutes:\n  r: [openai/m]\n"
    database = Database(tmp_path / "state.db")
    mirrored(text, database=database)
    database.close()
    assert [file for file in tmp_path.iterdir() if key.encode() in file.read_bytes()] == []


def test_without_a_database_numbers_last_as_long_as_the_process() -> None:
    assert told(mirrored(FIRST)) == NUMBERS


@pytest.mark.parametrize("damage", [garbage, torn_head, lambda path: None, lambda path: path.touch()])
def test_a_missing_or_broken_file_is_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "state.db"
    damage(path)
    database = Database(path)
    assert told(mirrored(FIRST, database=database)) == NUMBERS
    database.close()
    database = Database(path)
    inventory = mirrored("routes:\n  s: [b/m]\n" + PROVIDERS.replace("  a:", "  c:"), database=database)
    assert told(inventory) == {"c": 3, "b": 2, "s": 2, "s[0]": 3}, "the numbers were kept in the new file"
    database.close()


def below_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "state.db"


def a_folder(tmp_path: Path) -> Path:
    return tmp_path


def of_a_newer_version(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    return path


def read_only(tmp_path: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path = tmp_path / "state.db"
    Database(path).close()
    path.touch(0o400)
    return path


@pytest.mark.parametrize("place", [below_a_file, a_folder, of_a_newer_version, read_only])
def test_a_database_that_cannot_be_used(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    database = Database(place(tmp_path), retry=0.001)
    inventory = mirrored(FIRST, FIRST + CLIENT, database=database)
    inventory.tested("a", ONLINE)
    assert told(inventory) == {**NUMBERS, "me": 1}
    assert inventory.row("providers", "a").status == "online"
    database.close()


def test_a_database_that_comes_back_has_the_say(tmp_path: Path) -> None:
    """Another process wrote when we started: the numbers of old are those that everyone knows."""
    path = tmp_path / "state.db"
    database = Database(path)
    mirrored(PROVIDERS.replace("  a:", "  c:"), PROVIDERS, database=database)  # b is 2, c was 1, a is 3
    database.close()
    database = Database(path, busy=0.001, retry=0.001)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    database.submit("DELETE FROM signatures")  # so that the thread finds it locked
    inventory: Inventory[Any] = Inventory(database)

    async def start() -> None:
        await inventory.mirror(loaded(FIRST))
        inventory.tested("a", ONLINE)
        assert told(inventory) == NUMBERS
        other.execute("COMMIT")
        other.close()
        await inventory.mirror(loaded(FIRST + CLIENT))

    asyncio.run(start())
    assert told(inventory) == {**NUMBERS, "a": 3, "me": 1}
    assert inventory.row("providers", "a").status == "online"
    database.close()


def test_rows_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    mirrored(FIRST, database=database)
    database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE inventory SET nodes = 'nonsense' WHERE section = 'routes' AND name = 's'")
        connection.execute("UPDATE inventory SET created_at = 'yesterday' WHERE section = 'providers' AND name = 'b'")
    connection.close()
    database = Database(path)
    inventory = mirrored(FIRST, database=database)
    assert (inventory.id_of("providers", "a"), inventory.id_of("routes", "r")) == (1, 1)
    assert inventory.row("providers", "b").created_at == 100.0
    database.close()


class Stalled(Database):
    """A disk that does not answer: what is asked stays asked."""

    questions = 0

    def exists(self) -> bool:
        return True

    def read(self, statement: str, *values: Any, take: Any) -> None:
        self.questions += 1


def test_a_disk_that_stalls_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routerd.state.inventory.ANSWER", 0.01)
    database = Stalled(tmp_path / "state.db")
    assert told(mirrored(FIRST, FIRST + CLIENT, database=database)) == {**NUMBERS, "me": 1}
    assert database.questions == 1
