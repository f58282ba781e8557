"""The house rules hold, and the counting can fail."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts import house


def test_functions_and_files_are_short_and_imports_make_no_cycle() -> None:
    assert house.breaches() == []


def test_length_leaves_docstring_and_decorators_out() -> None:
    tree = ast.parse('@decorated\ndef f(\n    x,\n):\n    """One.\n\n    Two.\n    """\n    return x\n')
    assert [function.lines for function in house.functions(Path("a.py"), tree)] == [4]


def test_a_long_function_is_named() -> None:
    source = "def story():\n" + "    step()\n" * 50
    found = list(house.functions(Path("a.py"), ast.parse(source)))
    assert [breach for breach in house.long_functions(found) if "a.py:1 story has 51 lines" in breach]


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": {"b"}, "b": set()}, None),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, None),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"a"}}, ["a", "a"]),
    ],
)
def test_cycles(graph: dict[str, set[str]], circle: list[str] | None) -> None:
    assert house.cycle(graph) == circle


def test_only_imports_that_run_at_once_count() -> None:
    source = "if TYPE_CHECKING:\n    import a\nif win:\n    import b\ndef f():\n    import c\nfrom d import e, f\n"
    tree = ast.parse(source)
    assert list(house.top_level_imports(tree, {"d.e"})) == ["b", "d.e", "d"]
