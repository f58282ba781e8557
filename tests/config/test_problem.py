"""How a problem reads, and what is taken for a slip of what."""

from __future__ import annotations

import pytest

from routerd.config.problem import Path, Problem, path_text
from routerd.config.similar import closest, did_you_mean


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("routes", "smart", "nodes", 1, "provider"), "routes.smart.nodes[1].provider"),
        (("routes", "my route", 0), 'routes["my route"][0]'),
        (("routes", "gpt-5.2"), 'routes["gpt-5.2"]'),
        (("providers", 'a"b'), 'providers["a\\"b"]'),
        (("providers", "büro"), 'providers["büro"]'),
    ],
)
def test_paths(path: Path, text: str) -> None:
    assert path_text(path) == text


def test_a_problem_reads_like_a_compilers() -> None:
    problem = Problem("error", 3, 7, "routes.a", "it is wrong", "write it right")
    assert str(problem) == "3:7: error: routes.a: it is wrong; write it right"
    assert str(Problem("warning", 1, 1, "", "it is odd")) == "1:1: warning: it is odd"
    assert problem.as_json() == {
        "severity": "error",
        "line": 3,
        "column": 7,
        "path": "routes.a",
        "message": "it is wrong",
        "hint": "write it right",
    }


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("opnai", "openai"),
        ("OpenAI", "openai"),
        ("open-ai", "openai"),
        ("round_robin", "round-robin"),
        ("max-body", "max_body"),
        ("entirely", None),
        ("", None),
    ],
)
def test_near_words(word: str, meant: str | None) -> None:
    assert closest(word, ["openai", "round-robin", "max_body", "echo"]) == meant
    assert did_you_mean(word, ["openai", "round-robin", "max_body", "echo"]) == (meant and f"did you mean `{meant}`?")
