"""Random edits of many hand-written files: each gives just what was meant, or is refused; none is ever wrong.

The files are in splice/layouts, each also with the line ends of Windows, with a byte order mark, and without its last
line end. More `*.yaml` files are taken from the folder that ROUTERD_CORPUS names, if it has any.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from routerd.config.check import check
from routerd.config.document import parse
from routerd.config.splice import Change, Drop, Put, Unspliceable, splice
from tests.config.splice.edits import edit, edits
from tests.config.splice.oracle import Verdict, data_of, judge, meant, same

LAYOUTS = sorted((Path(__file__).parent / "splice" / "layouts").glob("*.yaml"))
FOUND = sorted(Path(os.environ["ROUTERD_CORPUS"]).rglob("*.yaml")) if "ROUTERD_CORPUS" in os.environ else []
NO_CONFIG = {"nothing-after-the-keys", "only-comments"}
SHARED = {path.stem for path in LAYOUTS if path.stem.startswith("anchors")}  # which are told of apart, too
EDITS = 50  # of each text: more than 10,000 in all
MOST_REFUSED = 0.005


def variants(text: str) -> Iterator[str]:
    yield text
    if "\r" not in text:
        windows = text.replace("\n", "\r\n")
        yield from (windows, "\ufeff" + text, text.rstrip("\n"), "\ufeff" + windows.rstrip("\r\n"))


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_the_files_are_good(path: Path) -> None:
    text = path.read_bytes().decode()
    assert parse(text).problems == ()
    assert path.stem in NO_CONFIG or check(text).errors == ()


def test_there_are_many() -> None:
    texts = [text for path in LAYOUTS for text in variants(path.read_bytes().decode())]
    assert len(texts) >= 200 and len(texts) * EDITS >= 10_000


TEXT = """\
# head

a:   # x
  # about b
  b: 1

  # loose

  c: [p,   # p
    q]
d: 2
"""


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ([Drop(("a", "b"))], TEXT.replace("  # about b\n  b: 1\n\n", "")),
        ([Drop(("a", "b"))], TEXT.replace("  # about b\n  b: 1\n", "").replace("   # x", "")),
        ([Drop(("a", "b"))], TEXT.replace("  # about b\n  b: 1\n", "").replace("# loose", "#loose")),
        ([Drop(("a", "b"))], TEXT.replace("  # about b\n  b: 1\n", "").rstrip()),
        ([Drop(("a", "b"))], TEXT.replace("  # about b\n  b: 1\n", "").replace("d: 2\n", "d:  2\n")),
        ([Drop(("a", "b"))], TEXT),
        ([Put(("a", "b"), 2)], TEXT.replace("b: 1", "b: '2'")),
        ([Put(("a", "b"), 2)], TEXT.replace("  # about b\n  b: 1", "  b: 2")),
        ([Put(("a", "b"), 2)], TEXT.replace("b: 1", "b: 2").replace("# head", "")),
        ([Put(("a", "c", 1), "r")], TEXT.replace("    q]", "    r]").replace("[p,   # p", "[p,")),
        ([Put(("a", "c"), ["q", "p"])], TEXT.replace("[p,   # p\n    q]", "[q, p]")),
        ([Put(("e",), 3)], "\ufeff" + TEXT + "e: 3\n"),
        ([Put(("e",), 3)], TEXT.replace("\n", "\r\n") + "e: 3\r\n"),
    ],
)
def test_the_judge_sees_what_is_wrong(changes: list[Change], after: str) -> None:
    assert judge(TEXT, changes, after).wrong is not None


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ([Put(("d",), 3)], TEXT.replace("d: 2", "d: 3\n")),
        ([Put(("d",), 3)], TEXT.replace("d: 2", "# new\nd: 3")),
        ([Put(("e",), 3)], TEXT + "# new\ne: 3\n"),
    ],
)
def test_the_judge_counts_lines_that_nobody_wanted(changes: list[Change], after: str) -> None:
    verdict = judge(TEXT, changes, after)
    assert verdict.wrong is None and verdict.touched == verdict.least + 1


ALIASES = """\
a: &x {b: 1}   # x
c: {d: *x, e: 1}
f: *x   # f
&g g: 2
h: *g
"""
TAKEN_OVER = ALIASES.replace("&x {b: 1}", "{b: 2}").replace("d: *x", "d: &x {b: 1}")


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ([Put(("a", "b"), 2)], TAKEN_OVER.replace("f: *x", "f: {b: 1}")),
        ([Put(("a", "b"), 2)], TAKEN_OVER.replace("e: 1", "e:  1")),
        ([Put(("a", "b"), 2)], TAKEN_OVER.replace("*g", "g")),
        ([Put(("a", "b"), 2)], TAKEN_OVER.replace("&g g", "g").replace("*g", "g")),
        ([Put(("f", "b"), 2)], ALIASES.replace("f: *x", "f: {b: 2}").replace("d: *x", "d: {b: 1}")),
        ([Put(("f", "b"), 2)], ALIASES.replace("f: *x", "f: {b: 2}").replace("&x ", "").replace("*x", "{b: 1}")),
        ([Put(("f", "b"), 2)], ALIASES.replace("f: *x   # f", "f: {b: 2}")),
        ([Put(("g",), 3)], ALIASES.replace("&g g: 2", "g: 3").replace("*g", "g")),
    ],
)
def test_the_judge_sees_when_more_than_one_alias_is_another(changes: list[Change], after: str) -> None:
    assert same(data_of(after), meant(data_of(ALIASES), changes)) and judge(ALIASES, changes, after).wrong is not None
    assert judge(ALIASES, [Put(("a", "b"), 2)], TAKEN_OVER) == Verdict(None, 4, 4)


class Score:
    """What became of the edits of all files."""

    made = touched = least = 0

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()  # by file

    def __str__(self) -> str:
        ratio = self.touched / max(1, self.least)
        shared = sum(self.refused[name] for name in SHARED)
        refused = f"refused {self.refused.total()} ({shared} of the {len(SHARED)} files with anchors)"
        return f"{self.made} edits: wrong 0, {refused}, lines touched over the least possible {ratio:.4f}"


@pytest.fixture(scope="module")
def score() -> Iterator[Score]:
    score = Score()
    yield score
    print(f"\n{score}")
    assert score.refused.total() <= max(1, MOST_REFUSED * score.made)
    assert score.touched == score.least


@pytest.mark.parametrize("path", [*LAYOUTS, *FOUND], ids=lambda path: path.stem)
def test_random_edits(path: Path, score: Score) -> None:
    for number, text in enumerate(variants(path.read_bytes().decode())):
        data = data_of(text)
        for turn in range(EDITS):
            rng = random.Random(f"{path.stem} {number} {turn}")
            changes = edits(rng, data) if turn % 5 == 0 else [edit(rng, data)]
            try:
                after = splice(text, changes)
            except Unspliceable:
                score.refused[path.stem] += 1
            else:
                verdict = judge(text, changes, after)
                assert verdict.wrong is None, (number, turn, changes, verdict.wrong, after)
                score.touched += verdict.touched
                score.least += verdict.least
            score.made += 1
