"""`fmt` says the same as before, keeps every comment, and has nothing to do when it is done again."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from routerd.config import example
from routerd.config.changes import says
from routerd.config.comments import comments
from routerd.config.document import parse
from routerd.config.formatting import CantFormat, formatted
from routerd.config.layout import Layout
from tests.config.splice.styles import written
from tests.config.test_splice_corpus import LAYOUTS, variants

NOT_FORMATTED = {"nothing-after-the-keys", "only-comments"}


def said(text: str) -> Counter[str]:
    bare = text.removeprefix("\ufeff")
    return Counter(comment.text for comment in comments(Layout(bare), parse(bare).root))


def judge(text: str) -> str:
    after = formatted(text)
    assert says(parse(after).root, parse(text).data)
    assert said(after) == said(text)
    assert formatted(after) == after
    return after


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_the_corpus(path: Path) -> None:
    for text in variants(path.read_bytes().decode()):
        try:
            judge(text)
        except CantFormat:
            assert path.stem in NOT_FORMATTED


@pytest.mark.parametrize("seed", range(10))
def test_random_styles(seed: int) -> None:
    refused = 0
    for turn in range(30):
        found = written(random.Random(f"{seed} {turn}"))
        if found is not None and found[0]:
            try:
                judge(found[1])
            except CantFormat:
                refused += 1
    assert refused <= 1


def test_the_example_is_as_it_should_be() -> None:
    assert formatted(example.text()) == example.text()


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("{}\n", "{}\n"),
        ("version: 1\nadmins: {}\nserver: {drain: 5m}\n", "version: 1\n\nserver:\n  drain: 5m\n\nadmins: {}\n"),
        ("providers:\n\n  z: {}\n\n\n  a: {models: ['m']}\n", "providers:\n  z: {}\n\n  a: {models: [m]}\n"),
        ("# head\n\n# of providers\nproviders: {}\n", "# head\n\n# of providers\nproviders: {}\n"),
        ("routes: {}\n# about\nproviders: {}\n# end\n", "# about\nproviders: {}\n\nroutes: {}\n# end\n"),
        ("a: &x [1, 0x2]\nversion: 1\nb: *x\n", "a: &x\n  - 1\n  - 0x2\n\nversion: 1\n\nb: *x\n"),
        ("providers: {a: }\n", "providers:\n  a: null\n"),
    ],
)
def test_layout(text: str, after: str) -> None:
    assert judge(text) == after


@pytest.mark.parametrize("text", ["", "# nothing\n", "a: [\n", "- a\n", "a: 1\na: 2\n", "a: {<<: {}}\n"])
def test_what_is_left_as_it_is(text: str) -> None:
    with pytest.raises(CantFormat):
        formatted(text)
