"""Reading the file: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from routerd.config.file import MOST_BYTES, ConfigFileError, read


def test_text_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    data = "\ufeffa: ü\r\n".encode()
    path.write_bytes(data)
    found = read(path)
    assert found.text == "\ufeffa: ü\r\n"
    assert found.digest == hashlib.sha256(data).hexdigest()


def test_an_empty_file_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").touch()
    assert read(tmp_path / "router.yaml").text == ""


def test_the_largest_file(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    assert len(read(path).text) == MOST_BYTES


def missing(path: Path) -> None:
    pass


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def latin_1(path: Path) -> None:
    path.write_bytes(b"# one\n# two\na: \xfc\n")


def utf_16(path: Path) -> None:
    path.write_text("a: 1", encoding="utf-16")


def too_large(path: Path) -> None:
    path.write_bytes(b"#" * (MOST_BYTES + 1))


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "trouble", "message"),
    [
        (missing, "missing", "does not exist"),
        (a_link_to_nothing, "missing", "does not exist"),
        (a_link_to_itself, "unreadable", "Too many levels of symbolic links"),
        (a_folder, "not_a_file", "is a folder"),
        (a_pipe, "not_a_file", "not a plain file"),
        (latin_1, "not_utf8", "is not UTF-8: see line 3"),
        (utf_16, "not_utf8", "is not UTF-8: see line 1"),
        (too_large, "too_large", "larger than 1 MiB"),
    ],
)
def test_what_can_not_be_read(tmp_path: Path, make: object, trouble: str, message: str) -> None:
    path = tmp_path / "router.yaml"
    assert callable(make)
    make(path)
    with pytest.raises(ConfigFileError) as caught:
        read(path)
    assert caught.value.trouble == trouble
    assert str(path) in str(caught.value) and message in str(caught.value)


def test_what_is_being_written_is_told_or_read_whole(tmp_path: Path) -> None:
    """A writer that rewrites in place all the time: no half of one text and half of the other."""
    path = tmp_path / "router.yaml"
    texts = ["a" * 200_000, "b" * 100_000]
    path.write_text(texts[0])
    stop = threading.Event()

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            path.write_text(texts[turn % 2])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            try:
                assert set(read(path).text) in ({"a"}, {"b"}, set())
            except ConfigFileError as error:
                assert error.trouble == "changing"
    finally:
        stop.set()
        writer.join()
