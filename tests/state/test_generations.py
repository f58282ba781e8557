"""What is kept of each generation: a text for its owner alone, a row, and which is the newest."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from routerd.state import generations
from routerd.state.asking import Unanswered
from routerd.state.database import Database
from routerd.state.generations import Generations, Record, has_last_good, last_good_in


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "data" / "state.db")
    yield database
    database.close()


@pytest.fixture
def kept(tmp_path: Path, database: Database) -> Generations:
    return Generations(tmp_path / "data" / "generations", database, most_texts=3)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def accept(kept: Generations, number: int) -> str:
    text = f"# {number}\r\nroutes: {{}}\n"
    kept.accept(number, digest(text), text)
    return text


def test_texts(kept: Generations, tmp_path: Path) -> None:
    assert kept.newest() is None
    assert list(kept.last_good()) == []
    texts = [accept(kept, number) for number in (1, 2)]
    assert kept.newest() == (2, digest(texts[1]))
    assert [found.text for found in kept.last_good()] == [texts[1], texts[0]]
    folder = tmp_path / "data" / "generations"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (tmp_path / "data" / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in folder.iterdir()) == sorted([
        *(f"{digest(text)}.yaml" for text in texts),
        "newest",
    ])


def test_the_same_text_again_is_the_newest(kept: Generations) -> None:
    first = accept(kept, 1)
    accept(kept, 2)
    kept.accept(3, digest(first), None)
    assert kept.newest() == (3, digest(first))
    assert next(kept.last_good()).text == first


def test_a_generation_without_a_text(kept: Generations) -> None:
    first = accept(kept, 1)
    kept.accept(2, digest("secret"), None)
    assert kept.newest() == (2, digest("secret"))
    assert [found.text for found in kept.last_good()] == [first]
    assert kept.text(digest("secret")) is None


def test_they_do_not_become_more_and_more(kept: Generations, tmp_path: Path) -> None:
    for number in range(1, 9):
        accept(kept, number)
    assert len(list(kept.last_good())) == 3
    assert len(list((tmp_path / "data" / "generations").iterdir())) == 4


def test_what_a_cut_off_write_left_is_swept(kept: Generations, tmp_path: Path) -> None:
    text = accept(kept, 1)
    folder = tmp_path / "data" / "generations"
    for name in (
        f".{digest(text)}.yaml.0123abcd",
        ".newest.0123abcd",
        ".newest.0123abcd0123abcd.routerd-draft",
        ".gitignore",
    ):
        (folder / name).write_text("x")
    accept(kept, 2)
    assert [path.name for path in folder.glob(".*")] == [".gitignore"]


@pytest.mark.parametrize("name", ["../admin-token", "", "x" * 64, "A" * 64])
def test_what_is_no_digest(kept: Generations, name: str) -> None:
    accept(kept, 1)
    assert kept.text(name) is None


@pytest.mark.parametrize("content", ["", "x y", "1", f"1 {'0' * 63}", "\xff"])
def test_a_pointer_that_is_damaged(kept: Generations, tmp_path: Path, content: str) -> None:
    text = accept(kept, 1)
    (tmp_path / "data" / "generations" / "newest").write_text(content)
    assert kept.newest() is None
    assert next(kept.last_good()).text == text


def record(number: int | None) -> Record:
    return Record(number, 1.5, "api", "me", "d" * 64, "route a: added", "accepted", [{"message": "x"}])


def test_rows(kept: Generations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "MOST_ROWS", 5)

    async def story() -> None:
        assert await kept.history(10) == []
        for number in (1, None, 2, 3):
            kept.note(record(number))
        assert await kept.history(2) == [record(3), record(2)]
        assert await kept.find(2) == record(2)
        assert await kept.find(4) is None
        for number in range(4, 10):
            kept.note(record(number))
        assert [found.generation for found in await kept.history(100)] == [9, 8, 7, 6, 5]

    asyncio.run(story())


@pytest.mark.parametrize(("column", "value"), [("problems", "{"), ("problems", 5), ("at", "soon"), ("outcome", "well")])
def test_a_row_that_is_not_ours_hides_nothing(kept: Generations, tmp_path: Path, column: str, value: object) -> None:
    async def story() -> None:
        for number in (1, 2, 3):
            kept.note(record(number))
        assert len(await kept.history(9)) == 3
        with sqlite3.connect(tmp_path / "data" / "state.db") as connection:
            connection.execute(f"UPDATE generations SET {column} = ? WHERE generation = 2", (value,))
        connection.close()
        assert await kept.history(9) == [record(3), record(1)]
        assert await kept.find(2) is None

    asyncio.run(story())


def test_a_database_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Database):
        """As when the disk stalls."""

        def read(self, *_: object, **__: object) -> None:
            pass

    monkeypatch.setattr(generations, "ANSWER", 0.05)
    with pytest.raises(Unanswered):
        asyncio.run(Generations(tmp_path, Silent(tmp_path / "state.db")).history(1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written(kept: Generations, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError):
        accept(kept, 1)


class TestSeveralFiles:
    """Two config files whose data is in one folder."""

    @pytest.fixture
    def one(self, tmp_path: Path, database: Database) -> Generations:
        return Generations(tmp_path / "data" / "generations", database, tmp_path / "one.yaml", most_texts=3)

    @pytest.fixture
    def other(self, tmp_path: Path, database: Database) -> Generations:
        return Generations(tmp_path / "data" / "generations", database, tmp_path / "an other.yaml", most_texts=3)

    def test_each_has_its_own_texts(self, one: Generations, other: Generations, tmp_path: Path) -> None:
        first = accept(one, 1)
        assert (other.newest(), list(other.last_good())) == (None, [])
        second = accept(other, 2)
        assert (one.newest(), other.newest()) == ((1, digest(first)), (2, digest(second)))
        assert [found.text for found in one.last_good()] == [first]
        assert [found.text for found in other.last_good()] == [second]
        folder = tmp_path / "data" / "generations"
        assert last_good_in(folder, tmp_path / "an other.yaml") == second
        assert [has_last_good(folder, tmp_path / name) for name in ("one.yaml", "none.yaml")] == [True, False]

    def test_a_text_that_both_had_is_of_both(self, one: Generations, other: Generations) -> None:
        text = accept(one, 1)
        accept(other, 1)
        assert [[found.text for found in each.last_good()] for each in (one, other)] == [[text], [text]]

    def test_the_busy_one_leaves_the_newest_of_the_other(self, one: Generations, other: Generations) -> None:
        text = accept(one, 1)
        for number in range(2, 9):
            accept(other, number)
        assert [found.text for found in one.last_good()] == [text]
        assert len(list(other.last_good())) == 3

    def test_both_can_be_moved_together(self, one: Generations, tmp_path: Path, database: Database) -> None:
        text = accept(one, 1)
        moved = tmp_path / "moved"
        moved.mkdir()
        (tmp_path / "data").rename(moved / "data")
        found = Generations(moved / "data" / "generations", database, moved / "one.yaml")
        assert [kept.text for kept in found.last_good()] == [text]

    def test_what_an_earlier_version_kept_is_of_who_comes_first(
        self, kept: Generations, one: Generations, other: Generations, tmp_path: Path
    ) -> None:
        texts = [accept(kept, number) for number in (1, 2)]
        (tmp_path / "data" / "generations" / "newest").write_text(f"2 {digest(texts[1])}\n")
        assert other.newest() == one.newest() == (2, digest(texts[1]))
        assert [found.text for found in one.last_good()] == [texts[1], texts[0]]
        one.accept(2, digest(texts[1]), None)
        assert (other.newest(), list(other.last_good())) == (None, [])
        assert [found.text for found in one.last_good()] == [texts[1], texts[0]]

    def test_each_has_its_own_rows(self, one: Generations, other: Generations, tmp_path: Path) -> None:
        async def story() -> None:
            one.note(record(1))
            assert await one.find(1) == record(1)
            other.note(record(2))
            assert await one.history(9) == [record(1)]
            assert await other.history(9) == [record(2)]
            assert (await other.find(1), await one.find(2)) == (None, None)
            with sqlite3.connect(tmp_path / "data" / "state.db") as connection:  # as an earlier version left them
                connection.execute("UPDATE generations SET file = NULL")
            connection.close()
            assert await one.history(9) == [record(2), record(1)]

        asyncio.run(story())
