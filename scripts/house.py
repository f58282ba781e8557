"""What a linter does not count: lengths of functions and files, and import cycles. Exit 1 on a breach."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FUNCTION = 50
P99_FUNCTION = 28
LONGEST_FILE = 400  # outside adapters/: one wire format is one file
FREE_FOLDERS = {"adapters"}


@dataclass(frozen=True)
class Function:
    """One function and its length in lines, decorators and docstring left out: a table in a docstring is no code."""

    where: str
    lines: int


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.lineno
    body = function.body
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (body[0].end_lineno or 0) - body[0].lineno + 1 if documented else 0
    return (function.end_lineno or first) - first + 1 - docstring


def functions(path: Path, tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{path}:{node.lineno} {node.name}", length(node))


def top_level_imports(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """Modules of ours that are imported when this one is: only those can make a cycle that fails."""
    for node in (child for statement in tree.body for child in statements(statement)):
        if isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else str(node.module) for name in full)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statement, and what stands in it outside functions and `if TYPE_CHECKING`."""
    if isinstance(statement, ast.If) and getattr(statement.test, "id", None) == "TYPE_CHECKING":
        return
    yield statement
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.stmt):
                yield from statements(child)


def cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """One import cycle, first module repeated at the end, or None."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        found = next(filter(None, (walk(other, [*path, name]) for other in sorted(graph[name]))), None)
        done.add(name)
        return found

    return next(filter(None, (walk(name, []) for name in sorted(graph))), None)


def import_graph(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): tree for path, tree in trees.items()}
    return {name: set(top_level_imports(tree, set(names))) & set(names) for name, tree in names.items()}


def long_functions(found: list[Function]) -> Iterator[str]:
    by_length = sorted(function.lines for function in found)
    p99 = by_length[int(0.99 * (len(by_length) - 1))]
    print(f"{len(found)} functions: median {by_length[len(found) // 2]}, p99 {p99}, longest {by_length[-1]} lines")
    if p99 > P99_FUNCTION:
        worst = sorted(found, key=lambda function: -function.lines)[: len(found) // 100 + 3]
        yield f"p99 of the functions' lengths is {p99} > {P99_FUNCTION}: " + ", ".join(
            f"{function.where} ({function.lines})" for function in worst
        )
    for function in found:
        if function.lines > LONGEST_FUNCTION:
            yield f"{function.where} has {function.lines} lines, more than {LONGEST_FUNCTION}: its halves want names"


def long_files(trees: dict[Path, ast.Module]) -> Iterator[str]:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in trees}
    longest = max(lengths, key=lambda path: lengths[path])
    print(f"{len(lengths)} files, {sum(lengths.values())} lines: longest {longest} with {lengths[longest]}")
    for path, lines in lengths.items():
        if lines > LONGEST_FILE and not FREE_FOLDERS & set(path.parts):
            yield f"{path} has {lines} lines, more than {LONGEST_FILE}: split it where two stories meet"


def breaches(folder: str = "routerd") -> list[str]:
    paths = sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
    trees = {path: ast.parse((ROOT / path).read_text()) for path in paths}
    found = [function for path, tree in trees.items() for function in functions(path, tree)]
    circle = cycle(import_graph(trees))
    return [
        *long_functions(found),
        *long_files(trees),
        *([f"import cycle: {' → '.join(circle)}"] if circle else []),
    ]


if __name__ == "__main__":
    problems = breaches()
    print("\n".join(problems) or "house rules kept")
    sys.exit(bool(problems))
