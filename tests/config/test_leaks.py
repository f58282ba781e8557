"""Keys in plain text are found, also in comments and in what is no YAML; and what is none is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config import example
from routerd.config.leaks import scan

LONG = "Ab3" * 12
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("providers:\n  openai: {api_key: sk-short}\n", ["2:21"]),
        ("providers:\n  openai:\n    headers: {x-token: abc}\n    proxy: http://me:word@host:1\n", ["3:24", "4:12"]),
        (f"providers: {{}}\n# api_key: sk-proj-{LONG}\n", ["2:12"]),
        (f"\ufeffproviders: {{}}\n#   gsk_{LONG}\n", ["2:5"]),
        (f"providers:\n  openai:\n    metadata: {{note: 'AIza{LONG[:35]}'}}\n", ["3:23"]),
        (f"AGE-SECRET-KEY-1{LONG.upper()}{LONG.upper()}", ["1:1"]),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n", ["1:1"]),
        ("providers:\n  openai: {api_key: sk-short\n", ["2:21"]),
        ("api_key = 'abc'\napi_key = env:ABC\napi_key: ${ABC}\n", ["1:12"]),
        (
            "providers:\n  a: {base_url: 'https://h/v1', api_key: sk-1}\n  b: {api_key: sk-2, oops: 1}\n",
            ["2:42", "3:16"],
        ),
    ],
)
def test_leaks(text: str, places: list[str]) -> None:
    found = scan(text)
    assert [f"{problem.line}:{problem.column}" for problem in found] == places
    assert not any(word in repr(found) for word in ("sk-", LONG, "word", "abc"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "providers: {}",
        "providers:\n  openai: {api_key: env:OPENAI_API_KEY, headers: {x-team: blue}}\n",
        "# sk-..., sk-proj-…, age1…, sk-your-key-here\n",
        f"providers:\n  openai: {{metadata: {{note: task-{LONG}, url: 'https://h/sk-{LONG}'}}}}\n",
        example.text(),
    ],
)
def test_no_leak(text: str) -> None:
    assert scan(text) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_the_documentation_has_no_key(path: Path) -> None:
    assert [problem for problem in scan(path.read_text()) if problem.path or "SECRET" in problem.message] == []
