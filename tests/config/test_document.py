"""Where things stand in a text, and texts that would break a reader."""

from __future__ import annotations

import time

import pytest

from routerd.config.document import MOST_BYTES, MOST_DEPTH, MOST_NODES, Document, Node, parse
from routerd.config.problem import Path

TEXT = """\
# a comment
providers:
  "my provider": {adapter: echo, models: [a, b]}
routes:
  short: [x/y, "x/z"]
  long:
    nodes:
      - x/y
      - provider: x   # another one
        models:
        - z
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("providers",), (3, 3), (2, 1)),
        (("providers", "my provider"), (3, 18), (3, 3)),
        (("providers", "my provider", "models"), (3, 42), (3, 34)),
        (("providers", "my provider", "models", 1), (3, 46), (3, 46)),
        (("routes", "short", 1), (5, 16), (5, 16)),
        (("routes", "short", "nodes", 1), (5, 16), (5, 16)),
        (("routes", "short", "nodes", 1, "provider"), (5, 16), (5, 16)),
        (("routes", "long", "nodes", 1, "provider"), (9, 19), (9, 9)),
        (("routes", "long", "nodes", 1, "models", 0), (11, 11), (11, 11)),
        (("routes", "long", "nodes", 7), (8, 7), (7, 5)),
        (("routes", "none"), (5, 3), (4, 1)),
        ((), (2, 1), (2, 1)),
    ],
)
def test_positions(path: Path, value: tuple[int, int], key: tuple[int, int]) -> None:
    document = parse(TEXT)
    assert document.position(path) == value
    assert document.position(path, key=True) == key


def piece(document: Document, text: str, path: Path) -> str:
    node = document.find(path).value
    return text[node.start : node.end]


def test_a_node_knows_its_own_piece_of_the_text() -> None:
    document = parse(TEXT)
    assert piece(document, TEXT, ("providers", "my provider", "models")) == "[a, b]"
    assert piece(document, TEXT, ("routes", "short", 1)) == '"x/z"'
    assert piece(document, TEXT, ("routes", "long", "nodes", 1, "provider")) == "x"


def test_a_byte_order_mark_and_windows_lines_move_nothing() -> None:
    document = parse("\ufeff" + TEXT.replace("\n", "\r\n"))
    assert document.problems == ()
    assert document.position(("routes", "long", "nodes", 1, "provider")) == (9, 19)


def test_columns_count_characters() -> None:
    assert parse("ä: {ö: 1, ü: 2}").position(("ä", "ü")) == (1, 14)


def test_the_data_is_plain() -> None:
    assert parse(TEXT).data == {
        "providers": {"my provider": {"adapter": "echo", "models": ["a", "b"]}},
        "routes": {"short": ["x/y", "x/z"], "long": {"nodes": ["x/y", {"provider": "x", "models": ["z"]}]}},
    }


def test_an_alias_of_a_draft_may_lack_its_anchor() -> None:
    text = "a: {b: *x, c: 1}\nd: &x 2\n"
    draft = parse(text, is_draft=True)
    assert [str(problem) for problem in draft.problems] == [str(problem) for problem in parse(text).problems]
    assert parse(text).root is None and draft.data == {"a": {"b": None, "c": 1}, "d": 2}


def test_what_an_alias_stands_for_is_copied() -> None:
    data = parse("a: &list [1]\nb: *list").data
    data["a"].append(2)
    assert data["b"] == [1]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "---", "--- ~", "\ufeff"])
def test_nothing_in_it(text: str) -> None:
    document = parse(text)
    assert document.root is None
    assert document.problems == ()


def only_message(text: str) -> str:
    (problem,) = parse(text).problems
    return problem.message


def test_a_million_brackets() -> None:
    started = time.thread_time()  # not how long it has to wait for its turn
    assert "levels deep" in only_message("a: " + "[" * (MOST_BYTES - 3))
    assert time.thread_time() - started < 5


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_depth() -> None:
    assert parse(nested(MOST_DEPTH + 1)).problems == ()  # the outermost one is on level 0
    assert "levels deep" in only_message(nested(MOST_DEPTH + 2))


def test_number_of_nodes() -> None:
    fitting = f"[{', '.join('1' * (MOST_NODES - 1))}]"
    assert parse(fitting).problems == ()
    assert "20,000" in only_message(fitting.replace("[", "[1, "))


def test_size() -> None:
    text = "a: '" + "ä" * (MOST_BYTES // 2 - 3) + "'"
    assert len(text.encode()) == MOST_BYTES - 1
    assert parse(text).problems == ()
    assert "1 MiB" in only_message(text + "  ")


def test_half_a_character_pair() -> None:
    assert "U+D800" in only_message("a: \ud800")


def test_nodes_of_an_alias_count_each_time() -> None:
    document = parse("a: &a [1, 2, 3]\nb: [*a, *a]")
    assert isinstance(document.root, Node)
    assert document.root.size == 1 + 4 + 9
    assert document.root.height == 3
