"""The compiled hot path: what is listed can be compiled, and the form that was asked for is the one tested."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import routerd
from tests.support.daemon import PACKAGE, ROOT

COMPILED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["routerd"]["compiled"]


def test_the_form_that_was_asked_for(tmp_path: Path) -> None:
    """`make compiled-test` asks for the compiled one, here and in every process."""
    wanted = "ROUTERD_COMPILED" in os.environ
    assert routerd.is_compiled() == wanted
    command = [sys.executable, "-m", "routerd", "--version"]
    environment = {"PYTHONPATH": PACKAGE, "HOME": str(tmp_path)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.endswith("(compiled)\n" if wanted else f"{routerd.__version__}\n")


def test_what_is_listed_is_there() -> None:
    assert [path for path in COMPILED if not (ROOT / path).is_file()] == []


def classes(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each class of a module and what it inherits, by full names."""
    tree = ast.parse(path.read_text())
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).partition(".") for base in node.bases]
            full = [names.get(head, f"{module}.{head}") + dot + rest for head, dot, rest in bases]
            yield f"{module}.{node.name}", full


def test_nothing_else_inherits_from_a_compiled_class() -> None:
    paths = [ROOT / path for path in COMPILED]
    known = {name for path in paths for name, _ in classes(path)}
    others = set((ROOT / "routerd").rglob("*.py")) - set(paths)
    heirs = {name for path in others for name, bases in classes(path) if known & set(bases)}
    assert heirs == set(), "list their modules too: an interpreted class can't inherit from a compiled one"
