"""The example that serves without a file is the router.yaml of the repository, and all it shows works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from routerd.config import example
from routerd.config.check import check

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"^( *)#(?=(?:  )*(?:[a-z_]+:|- ))", re.MULTILINE)


def is_edited() -> bool:
    """Whether this copy's router.yaml is someone's own by now."""
    command = ["git", "diff", "--quiet", "HEAD", "--", "router.yaml"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 1


def test_there_is_one_example() -> None:
    if is_edited():
        pytest.skip("router.yaml has been edited")
    assert (ROOT / "router.yaml").read_text() == example.text()


def test_it_serves_with_neither_key_nor_network() -> None:
    checked = check(example.text())
    assert list(map(str, checked.problems)) == []
    assert checked.config is not None
    (node,) = checked.config.routes["llm-auto-route"].nodes
    assert checked.config.providers[node.provider].adapter == "echo"
    assert all(provider.api_key is None for provider in checked.config.providers.values())


def test_what_is_commented_out_works() -> None:
    text = SHOWN.sub(r"\1", example.text())
    checked = check(text)
    assert list(map(str, checked.problems)) == []
    assert checked.config is not None
    assert {"openai", "anthropic", "gemini", "openrouter", "ollama"} <= set(checked.config.providers)
    assert checked.config.clients is not None
    assert set(checked.config.routes) == {"llm-auto-route", "smart", "balanced"}


@pytest.mark.parametrize("schema", ["./.routerd/router.schema.json", None])
def test_a_first_file_names_the_schema_that_is_there(schema: str | None) -> None:
    first, text = example.first(schema), example.text()
    beside = "# yaml-language-server: $schema=./schemas/router.schema.json\n"
    assert text.startswith(beside) and (ROOT / "schemas" / "router.schema.json").is_file()
    named = f"# yaml-language-server: $schema={schema}\n" if schema is not None else ""
    assert first == named + text.removeprefix(beside if schema else f"{beside}\n")
    assert check(first).config == check(text).config
