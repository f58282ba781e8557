"""One value of the text changes, and nothing else; or the edit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.document import parse
from routerd.config.edit_scalar import CantEdit, Content, insert_key, replace_scalar
from routerd.config.problem import Path as Steps

NEW = "age:YWdl/+=="


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {k: old} # why\n", f"a: {{k: {NEW}}} # why\n"),
        ("a:\n  k: old   # why\n  l: 1\n", f"a:\n  k: {NEW}   # why\n  l: 1\n"),
        ("a:\r\n  k: 'old'\t# why\r\n", f"a:\r\n  k: '{NEW}'\t# why\r\n"),
        ('\ufeff# ü\na:\n  k: "o\\\n    ld"', f'\ufeff# ü\na:\n  k: "{NEW}"'),
        ("a:\n  k: one\n    two\n  l: 1\n", f"a:\n  k: {NEW}\n  l: 1\n"),
        ("a:\n  k: # why\n    old\n", f"a:\n  k: # why\n    {NEW}\n"),
        ("a:\n  k: |  # why\n    one\n    two\n\n  # next\n  l: 1\n", f"a:\n  k: {NEW}  # why\n\n  # next\n  l: 1\n"),
        ("a:\n  k: >-\r\n    one\r\n  l: 1\r\n", f"a:\n  k: {NEW}\r\n  l: 1\r\n"),
        ("a:\n  k: |\n    one\n    two", f"a:\n  k: {NEW}"),
        ('{"a": {"k": "old"}}', f'{{"a": {{"k": "{NEW}"}}}}'),
    ],
)
def test_replace(before: str, after: str) -> None:
    assert replace_scalar(before, ("a", "k"), NEW) == after


@pytest.mark.parametrize(
    "value", ["", "12", "true", "~", "# x", "a: b", "a:", "- a", "'", '"', "ü\n", "*a", "{x", "a, b"]
)
@pytest.mark.parametrize("text", ["a:\n  k: old\n", "a: {k: old, l: 1}\n", "a: {k: 'old'}\n", 'a: ["x", {k: "old"}]\n'])
def test_any_text_can_be_the_value(text: str, value: str) -> None:
    path: Steps = ("a", 1, "k") if "[" in text else ("a", "k")
    assert parse(replace_scalar(text, path, value)).find(path).value.value == value


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a: &x old\nb: *x\n", ("b",), 1),
        ("a: &x old\nb: *x\n", ("a",), 1),
        ("a:\n  k: {}\n", ("a", "k"), 2),
        ("a:\n  k: [old]\n", ("a", "l"), 2),
        ("a: 1\na: 2\n", ("a",), 2),
        ("a: [x\n", ("a",), 1),
        ("", ("a",), 1),
    ],
)
def test_what_can_not_be_replaced(text: str, path: Steps, line: int) -> None:
    with pytest.raises(CantEdit, match=f"edit it by hand at line {line}: ") as caught:
        replace_scalar(text, path, NEW)
    assert "old" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: {}\n", ("a", "k"), "v", "a: {k: v}\n"),
        ("a: {l: 1} # why\n", ("a", "k"), "v", "a: {k: v, l: 1} # why\n"),
        ('{"a": {"l": 1}}', ("a", "k"), "v", '{"a": {"k": "v", "l": 1}}'),
        ("a:\n  # of l\n  l: 1\n", ("a", "k"), "v", "a:\n  # of l\n  k: v\n  l: 1\n"),
        (
            "a:\n  l: 1\n  base_url: u # why\n  m: 2\n",
            ("a", "k"),
            "v",
            "a:\n  l: 1\n  base_url: u # why\n  k: v\n  m: 2\n",
        ),
        ("a:\n  vendor: x", ("a", "k"), "v", "a:\n  vendor: x\n  k: v"),
        ("a:\r\n  vendor: x\r\n", ("a", "k"), "v", "a:\r\n  vendor: x\r\n  k: v\r\n"),
        ("a:\n  l: 1\n", ("a", "k"), {"x y": "v"}, "a:\n  k: {x y: v}\n  l: 1\n"),
        ("a:\n  - {l: 1}\n", ("a", 0, "k"), "v", "a:\n  - {k: v, l: 1}\n"),
        (
            "# top\n\n# of a\na: 1\n",
            ("k",),
            ["v", "ssh-x AA== me"],
            "# top\n\nk:\n  - v\n  - ssh-x AA== me\n# of a\na: 1\n",
        ),
        ("# top\n# of all\na: 1\n", ("k",), ["v"], "# top\n# of all\nk:\n  - v\na: 1\n"),
        ("a: 1\n", ("k",), ["v"], "k:\n  - v\na: 1\n"),
        ("a: 1\nversion: 1\n\nb: 2\n", ("k",), ["v"], "a: 1\nversion: 1\nk:\n  - v\n\nb: 2\n"),
        ("{a: 1}", ("k",), ["v", "w"], "{k: [v, w], a: 1}"),
        ("---\na: 1\n", ("k",), ["v"], "---\nk:\n  - v\na: 1\n"),
    ],
)
def test_insert(before: str, path: Steps, value: Content, after: str) -> None:
    assert insert_key(before, path, value) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: {k: 1}\n", ("a", "k")),
        ("a: 1\n", ("a", "k")),
        ("a: {}\n", ("b", "k")),
        ("a: &x {l: 1}\nb: *x\n", ("b", "k")),
        ("a:\n  - l: 1\n", ("a", 0, "k")),
    ],
)
def test_what_can_not_be_inserted(text: str, path: Steps) -> None:
    with pytest.raises(CantEdit, match="by hand"):
        insert_key(text, path, "v")


FILES = sorted((Path(__file__).parent / "good").glob("*.yaml"))


def scalars(text: str) -> list[Steps]:
    found: list[Steps] = []

    def walk(data: object, path: Steps) -> None:
        if isinstance(data, dict):
            for name, value in data.items():
                walk(value, (*path, name))
        elif isinstance(data, list):
            for at, value in enumerate(data):
                walk(value, (*path, at))
        else:
            found.append(path)

    walk(parse(text).data, ())
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_value_of_real_files_changes_alone_or_not_at_all(path: Path) -> None:
    text = path.read_bytes().decode()
    refused = 0
    for place in scalars(text):
        try:
            edited = replace_scalar(text, place, NEW)
        except CantEdit:
            refused += 1
            continue
        node = parse(text).find(place).value
        bare = text.removeprefix("\ufeff")
        assert edited.removeprefix("\ufeff").startswith(bare[: node.start])
        assert edited.endswith(bare[node.end :])
    assert refused == 0 or "&" in text


@given(st.text("k: |-#'\"{}[],\n ab\t", max_size=40), st.sampled_from([("k",), ("a", "k"), ("a", 0)]))
def test_an_edit_says_what_was_meant_or_is_refused(text: str, path: Steps) -> None:
    try:
        edited = replace_scalar(text, path, NEW)
    except CantEdit:
        return
    assert parse(edited).find(path).value.value == NEW
