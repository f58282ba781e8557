"""Bad files: the first lines of each are every problem it has, in order, as `check` tells them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from routerd.config.check import check

FILES = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
EXPECTED = re.compile(r"# (\d+:\d+: (?:error|warning): .*)")
SECRET = "never-shown"  # stands in the files where a key could


def expected(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        if (found := EXPECTED.fullmatch(line)) is None:
            break
        lines.append(found[1])
    return lines


def test_there_are_files() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_problem_is_told_at_its_place(path: Path) -> None:
    text = path.read_bytes().decode()
    checked = check(text)
    assert list(map(str, checked.problems)) == expected(text)
    assert (checked.config is None) == bool(checked.errors)
    assert SECRET not in repr(checked.problems)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_places_are_in_the_text(path: Path) -> None:
    lines = path.read_bytes().decode().split("\n")
    for problem in check("\n".join(lines)).problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
