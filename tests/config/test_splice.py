"""Edits of the text: golden cases of every kind, and laws that hold for all of them.

A case is a file in splice/golden: what it shows, the text before, the changes as JSON, and the text after, or why the
changes are refused.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from routerd.config.document import MOST_BYTES, parse
from routerd.config.splice import Change, Drop, Put, Rename, Unspliceable, splice

FOLDER = Path(__file__).parent / "splice" / "golden"
KINDS: dict[str, Any] = {
    "put": lambda path, value: Put(tuple(path), value),
    "drop": lambda path: Drop(tuple(path)),
    "rename": lambda path, name: Rename(tuple(path), name),
}


class Case(NamedTuple):
    name: str
    before: str
    changes: list[Change]
    after: str | None
    refused: str | None


def load(path: Path) -> Case:
    _, before, changes, last = re.split(r"^=== \w+\n", path.read_bytes().decode(), flags=re.MULTILINE)
    is_refused = "\n=== refused\n" in path.read_bytes().decode()
    made = [KINDS[kind](*arguments) for kind, *arguments in json.loads(changes)]
    return Case(path.stem, before, made, None if is_refused else last, last.strip() if is_refused else None)


CASES = [load(path) for path in sorted(FOLDER.glob("*.txt"))]
SPLICED = [case for case in CASES if case.after is not None]
REFUSED = [case for case in CASES if case.refused is not None]


def named(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def test_there_are_cases_of_all_kinds() -> None:
    assert len(SPLICED) > 80 and len(REFUSED) > 6


@named(SPLICED)
def test_what_comes_out(case: Case) -> None:
    assert splice(case.before, case.changes) == case.after


@named(SPLICED)
def test_with_the_line_ends_of_windows(case: Case) -> None:
    after = splice(case.before.replace("\n", "\r\n"), case.changes)
    assert after == (case.after or "").replace("\n", "\r\n") or not case.before


@named(SPLICED)
def test_with_a_byte_order_mark(case: Case) -> None:
    assert splice("\ufeff" + case.before, case.changes) == f"\ufeff{case.after}"


@named(SPLICED)
def test_without_the_last_line_end(case: Case) -> None:
    if case.before:
        assert splice(case.before[:-1], case.changes) == (case.after or "")[:-1]


@named(SPLICED)
def test_what_is_done_is_not_done_again(case: Case) -> None:
    puts = [change for change in case.changes if isinstance(change, Put)]
    values = parse(case.after or "").data
    same = [put for put in puts if _at(values, put.path) == put.value]
    assert splice(case.after or "", same) == case.after


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data.get(step) if isinstance(data, dict) else data[step] if step < len(data) else None
    return data


@named(REFUSED)
def test_what_is_refused(case: Case) -> None:
    with pytest.raises(Unspliceable) as caught:
        splice(case.before, case.changes)
    assert str(caught.value) == case.refused
    assert f"at line {caught.value.line}: " in (case.refused or "")


def test_nothing_to_do() -> None:
    assert splice("\ufeffa: [x", []) == "\ufeffa: [x"
    assert splice("a:  {b: 1}", [Put(("a", "b"), 1)]) == "a:  {b: 1}"
    assert splice("a:  {b: 1}", [Put((), {"a": {"b": 1}})]) == "a:  {b: 1}"


def test_the_whole_data_at_once() -> None:
    text = "# head\n\na: 1   # x\nb: 2\n# of c\nc: 3\n"
    assert splice(text, [Put((), {"b": 2, "a": 4, "d": 5})]) == "# head\n\na: 4   # x\nd: 5\nb: 2\n"


@pytest.mark.parametrize(
    "change",
    [
        Drop(("b",)),
        Drop(("a", "c")),
        Drop(("l", 2)),
        Drop(("l", -1)),
        Drop(("l", "0")),
        Drop(()),
        Rename(("b",), "c"),
        Rename(("a",), "l"),
        Rename(("l", 0), "x"),
        Put(("l", 3), 1),
        Put(("l", "x"), 1),
        Put(("s", "x"), 1),
        Put(("l", 0, "x"), 1),
        Put((0,), 1),
    ],
)
def test_changes_of_what_is_not_there(change: Change) -> None:
    with pytest.raises(KeyError):
        splice("a: {b: 1}\nl: [1, 2]\ns: x\n", [change])


def test_the_values_are_the_callers() -> None:
    value = {"b": [1]}
    splice("a: {}\n", [Put(("a",), value), Put(("a", "b", 1), 2), Put(("a", "c"), 3)])
    assert value == {"b": [1]}


def test_types_are_told_apart() -> None:
    for old, new in [(1, True), (1, 1.0), (0, False), ("1", 1), (None, ""), ("null", None), ({}, []), (1, "1")]:
        before = splice("a: x\n", [Put(("a",), old)])
        after = splice(before, [Put(("a",), new)])
        found = parse(after).data["a"]
        assert (type(found), found) == (type(new), new)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), (1, 2), {1: 2}, 10**50, "\ud800", {"": 1}])
def test_what_yaml_can_not_say(value: Any) -> None:
    with pytest.raises(Unspliceable):
        splice("a: 1\n", [Put(("a",), value)])


SECRET = "sk-canary-0123456789abcdef"


@pytest.mark.parametrize(
    "change",
    [
        Put(("d", "api_key"), SECRET),
        Put(("d",), {"api_key": SECRET}),
        Put(("d", "mode"), {"api_key": SECRET}),
        Put(("providers", "mode"), SECRET),
        Put(("providers", "models"), {"headers": {"x": SECRET}}),
        Put(("routes", "r", "config"), {"x": [SECRET]}),
        Put(("routes", "r"), {"nodes": [{"provider": "a", "metadata": SECRET}]}),
    ],
)
def test_a_refusal_tells_no_secret(change: Change) -> None:
    text = "d: {b: 1}\nproviders: {b: 1}\nroutes: {b: 1}\n#"
    text = text.ljust(MOST_BYTES - 1, "#") + "\n"  # there is no room for anything more
    with pytest.raises(Unspliceable) as caught:
        splice(text, [change])
    assert "set `" in str(caught.value) and "canary" not in str(caught.value)


# What an edit adds, and what git says of it


EXAMPLE = (Path(__file__).parents[2] / "router.yaml").read_bytes().decode()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("providers", "openai"), {"api_key": "env:OPENAI_API_KEY"}),
        (("providers", "office"), {"base_url": "https://x.example.org/v1", "api_key": "env:X", "models": ["a", "b"]}),
        (("routes", "smart"), ["demo/echo"]),
        (("routes", "tiers"), {"mode": "multi", "nodes": [{"provider": "demo", "priority": 1}], "match": ["a*"]}),
        (("routes", "llm-auto-route", 1), "openai/gpt-5.2"),
        (("providers", "demo", "models", 1), "echo-2"),
        (("providers", "demo", "echo"), {"text": "Good morning.", "delay": "50ms"}),
    ],
)
def test_what_is_added_and_dropped_leaves_no_trace(path: tuple[str | int, ...], value: Any, ending: str) -> None:
    text = EXAMPLE.replace("\n", ending)
    added = splice(text, [Put(path, value)])
    assert added != text
    assert splice(added, [Drop(path)]) == text


def test_a_hundred_times_over() -> None:
    text = EXAMPLE
    for _ in range(100):
        text = splice(text, [Put(("providers", "a"), {"api_key": "env:A", "models": ["m"], "vendor": "groq"})])
        text = splice(text, [Drop(("providers", "a"))])
    assert text == EXAMPLE


def numstat(before: str, after: str, folder: Path) -> tuple[int, int]:
    """Added and deleted lines, as git counts them."""
    (folder / "a").write_bytes(before.encode())
    (folder / "b").write_bytes(after.encode())
    command = ["git", "diff", "--no-index", "--numstat", "a", "b"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    added, deleted, *_ = done.stdout.split() or ("0", "0")
    return int(added), int(deleted)


ROUTES = """\
routes:
  # for everyone
  smart:
    strategy: round-robin
    nodes:
      - {provider: openai, models: [gpt-5.2], priority: 0}   # first
      # when it is down
      - provider: claude
        models:
          - claude-sonnet-4-5   # the good one
        priority: 1
      - ollama/qwen3-coder
  cheap: [ollama/qwen3-coder, openai/gpt-5.2-mini]   # at night
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ([Put(("routes", "smart", "nodes", 0, "models", 0), "gpt-5.3")], (1, 1)),
        ([Put(("routes", "smart", "nodes", 0, "models"), ["gpt-5.3", "gpt-5"])], (1, 1)),
        ([Put(("routes", "smart", "nodes", 1, "models", 0), "claude-opus-4-5")], (1, 1)),
        ([Put(("routes", "smart", "nodes", 2), "ollama/llama4")], (1, 1)),
        ([Put(("routes", "smart", "nodes", 3), {"provider": "groq", "models": ["x"]})], (1, 0)),
        ([Put(("routes", "smart", "nodes", 1, "models", 1), "claude-haiku-4-5")], (1, 0)),
        ([Put(("routes", "smart", "match"), ["gpt-*"])], (1, 0)),
        ([Put(("routes", "cheap", 0), "ollama/llama4")], (1, 1)),
        ([Put(("routes", "night"), ["ollama/qwen3-coder"])], (1, 0)),
        ([Put(("clients", "cline"), {"key_sha256": "ab" * 32})], (2, 0)),
        ([Drop(("routes", "smart", "nodes", 1))], (0, 5)),
        ([Drop(("routes", "cheap"))], (0, 1)),
        ([Drop(("routes", "smart", "strategy"))], (0, 1)),
        ([Rename(("routes", "smart"), "clever")], (1, 1)),
    ],
)
def test_git_sees_only_the_lines_meant(
    changes: list[Change], lines: tuple[int, int], ending: str, tmp_path: Path
) -> None:
    text = ROUTES.replace("\n", ending)
    assert numstat(text, splice(text, changes), tmp_path) == lines
