"""What splice is made of: which items are which, how values are written, and where an alias stands."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.aliases import openings, unshared
from routerd.config.alignment import align, key, longest
from routerd.config.changes import Put
from routerd.config.document import parse, plain
from routerd.config.rendering import Style, entry, flow, json, literal
from routerd.config.splice import Unspliceable, splice


def test_an_alias_stands_where_it_stands() -> None:
    root = parse("a: &x {b: 1}\nc: [*x ]\n").root
    assert root is not None and isinstance(root.value, dict)
    original, holder = root.value["a"].value, root.value["c"].value
    assert isinstance(holder.value, list)
    alias = holder.value[0]
    assert (alias.line, alias.column, alias.start, alias.end) == (2, 5, 17, 19)
    assert alias.original is original and alias.value is original.value
    assert original.is_anchored and original.original is None and not alias.is_anchored
    assert parse("a: &x {b: 1}\nc: [*x ]\n").position(("c", 0)) == (1, 4)


LAYOUTS = sorted((Path(__file__).parent / "splice" / "layouts").glob("anchors*.yaml"))


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_aliases_that_say_what_is_meant_stay(path: Path) -> None:
    text = path.read_text()
    root = parse(text).root
    assert root is not None
    assert unshared(text, root, plain(root), openings(text, root)) == []


def test_how_the_values_of_anchors_begin() -> None:
    text = "&k a: &x 'b'\nc: &y {d: &z }\ne: &t |\n  f\ng: &l\n  - h\ni: &p i\n"
    assert openings(text, parse(text).root) == {"k": "a", "x": "'", "y": "{", "z": "", "t": "|", "l": "-", "p": "i"}
    assert openings("", None) == {}


# Which items are which


@pytest.mark.parametrize(
    ("old", "new", "kept", "moved"),
    [
        ("abc", "abc", "abc", ""),
        ("abc", "acb", "ac", "b"),
        ("abc", "cab", "ab", "c"),
        ("abcd", "dxab", "ab", "d"),
        ("aab", "baa", "aa", "b"),
        ("abab", "ba", "ba", ""),
        ("", "ab", "", ""),
        ("ab", "", "", ""),
    ],
)
def test_as_little_as_possible_is_moved(old: str, new: str, kept: str, moved: str) -> None:
    matches = [(match, letter) for match, letter in zip(align(list(old), list(new)), new, strict=True)]
    same = [(match, letter) for match, letter in matches if match.old is not None and old[match.old] == letter]
    assert "".join(letter for match, letter in same if not match.is_moved) == kept
    assert "".join(letter for match, letter in same if match.is_moved) == moved


def test_what_has_become_another_is_told_by_what_it_shares() -> None:
    one, other = {"provider": "a", "models": ["x"]}, {"provider": "b", "models": ["y"]}
    assert [match.old for match in align([one, other], [{**other, "models": ["z"]}])] == [1]
    assert [match.old for match in align([one], [other])] == [None]
    assert [match.old for match in align(["a/x", "b/y"], ["b/z"])] == [1]
    assert [match.old for match in align([1, True, "1"], ["1", 1, True])] == [2, 0, 1]


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_the_longest_is_the_longest(left: list[str], right: list[str]) -> None:
    found = longest(left, right)
    assert all(left[here] == right[there] for here, there in found)
    assert found == sorted(found) and len({here for here, _ in found}) == len({there for _, there in found}) == len(
        found
    )
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for row, one in enumerate(left):
        for column, other in enumerate(right):
            best = max(table[row][column + 1], table[row + 1][column])
            table[row + 1][column + 1] = max(best, table[row][column] + 1) if one == other else best
    assert len(found) == table[-1][-1]


@given(st.lists(st.sampled_from("abcde")), st.lists(st.sampled_from("abcde")))
def test_every_old_item_is_used_once(old: list[str], new: list[str]) -> None:
    matches = align(old, new)
    used = [match.old for match in matches if match.old is not None]
    stay = [match.old for match in matches if match.old is not None and not match.is_moved]
    assert len(matches) == len(new) and len(set(used)) == len(used) and stay == sorted(stay)
    assert all(old[match.old] == item for match, item in zip(matches, new, strict=True) if match.is_moved and match.old)


def test_long_lists_take_no_time() -> None:
    old = [f"model-{number}" for number in range(3000)]
    new = [*old[1500:], "new", *old[:1500]]
    matches = align(old, new)
    assert sum(match.is_moved for match in matches) == 1500 and matches[1500].old is None


def test_types_are_told_apart() -> None:
    values: list[Any] = [1, True, 1.0, "1", None, "", [], {}, [1], {"a": 1}, {"a": True}]
    assert len({key(value) for value in values}) == len(values)
    assert key({"a": 1, "b": [2]}) == key({"b": [2], "a": 1})


# How values are written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gpt-5.2", "gpt-5.2"),
        ("openai/gpt-5.2", "openai/gpt-5.2"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("age:YWdl/+==", "age:YWdl/+=="),
        ("file:/run/secrets/a", "file:/run/secrets/a"),
        ("my provider (old)", "my provider (old)"),
        ("qwen3:4b-instruct", "qwen3:4b-instruct"),
        ("größe", "größe"),
        ("5s", "5s"),
        ("gpt-5*", '"gpt-5*"'),
        ("${A}", '"${A}"'),
        ("no", '"no"'),
        ("On", '"On"'),
        ("12:30", '"12:30"'),
        ("2026-01-01", '"2026-01-01"'),
        ("1_000", '"1_000"'),
        ("1e5", '"1e5"'),
        ("9" * 64, '"' + "9" * 64 + '"'),
        ("0x1f", '"0x1f"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("a, b", '"a, b"'),
        ("a:", '"a:"'),
        (" a", '" a"'),
        ("a\tb\n", '"a\\tb\\n"'),
        ("\u0085🙂", '"\\u0085🙂"'),
        ("", '""'),
        (True, "true"),
        (None, "null"),
        (0.5, "0.5"),
        (1e-07, "1e-07"),
        (-3, "-3"),
        ({}, "{}"),
        ([], "[]"),
        ({"a": [1, {"b c": "d"}]}, "{a: [1, {b c: d}]}"),
        ({"": "x"}, '{"": x}'),
    ],
)
def test_on_one_line(value: Any, text: str) -> None:
    assert flow(value) == text
    for around in (f"a: {text}\n", f"[{text}]", f"{{a: {text}}}"):
        data = parse(around).data
        assert value in (list(data.values()) if isinstance(data, dict) else data) or value == {"": "x"}


def test_in_the_quotes_that_were_there() -> None:
    assert [flow("it's", quote) for quote in (None, "'", '"')] == ['"it\'s"', "'it''s'", '"it\'s"']
    assert [flow("a\n", quote) for quote in (None, "'", '"')] == ['"a\\n"'] * 3
    assert [flow("a", quote) for quote in (None, "'", '"')] == ["a", "'a'", '"a"']


@pytest.mark.parametrize(("value", "text"), [(inf, ".inf"), (-inf, "-.inf"), (nan, ".nan"), ([inf], "[.inf]")])
def test_what_is_no_number_never_becomes_a_word(value: Any, text: str) -> None:
    assert (flow(value), json(value)) == (text, text)
    with pytest.raises(Unspliceable):
        splice("routes:\n  a: {config: {x: 1}}\n", [Put(("routes", "a", "config", "x"), value)])


def test_as_json() -> None:
    assert json({"a": ["b", 1, None, True, {"c": 'd"\n'}]}) == '{"a": ["b", 1, null, true, {"c": "d\\"\\n"}]}'


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        (("version",), 1, ["version: 1"]),
        (("providers",), {}, ["providers: {}"]),
        (("providers", "a"), {"api_key": "env:A", "models": ["x"]}, ["a: {api_key: env:A, models: [x]}"]),
        (("providers", "a"), {"b": 1, "c": 2, "d": 3}, ["a:", "  b: 1", "  c: 2", "  d: 3"]),
        (("providers", "a", "timeouts"), {"b": 1, "c": 2, "d": 3}, ["timeouts: {b: 1, c: 2, d: 3}"]),
        (("routes", "r"), ["a/b", {"provider": "c"}], ["r:", "  - a/b", "  - {provider: c}"]),
        (("routes", "r", "nodes"), ["a/b"], ["nodes:", "  - a/b"]),
        (("providers", "a", "models"), ["m" * 30] * 4, ["models:", *["  - " + "m" * 30] * 4]),
        (("clients", "c"), {"key_sha256": "a" * 90, "x": [1]}, [f"c: {{key_sha256: {'a' * 90}, x: [1]}}"]),
        (("recipients",), ["age1x"], ["recipients:", "  - age1x"]),
    ],
)  # fmt: skip
def test_on_several_lines(path: tuple[str, ...], value: Any, lines: list[str]) -> None:
    assert entry(path, value, 0, Style()) == lines


def test_in_the_style_of_the_file() -> None:
    value = {"mode": "multi", "strategy": "failover", "nodes": ["a/b"]}
    said = entry(("routes", "r"), value, 4, Style(4, 0))
    assert said == ["    r:", "        mode: multi", "        strategy: failover", "        nodes:", "        - a/b"]


@pytest.mark.parametrize("value", ["a\n", "a\n  b\n\nc\n", "\na\n"])
def test_as_a_literal(value: str) -> None:
    lines = literal(value, "|", 2)
    assert lines is not None
    assert parse("a: |\n" + "\n".join(lines) + "\n").data == {"a": value}


@pytest.mark.parametrize(
    ("value", "header"),
    [("a", "|"), ("a\n", "|-"), ("a\n\n", "|"), (" a\n", "|"), ("a \n", "|"), ("a\tb\n", "|"), ("a\n", ">"), (1, "|")],
)
def test_no_literal(value: Any, header: str) -> None:
    assert literal(value, header, 2) is None
