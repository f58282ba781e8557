"""The floors of routerd: imports point down, or sideways inside one folder. The table is the documentation."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Lowest first. An entry is a module or a whole folder; the longest that fits counts, and every module needs one.
FLOORS: list[tuple[str, str]] = [
    ("0 nouns", "errors settings chat __version__ is_compiled"),
    ("1 words", "adapters config.addresses config.model config.values"),
    ("2 rules", "config access pricing login"),
    ("2 rules, compiled", "snapshot"),
    ("2 rules, of a snapshot", "routing"),
    ("3 hands, of the file", "config.condition config.environment config.file config.write"),
    ("3 hands, of age", "sealing"),
    ("3 hands, of threads", "gently workshop"),
    ("3 hands", "config.example config.secrets config.watch git issuing news observe proxy state"),
    ("4 doing, in words", "edits"),
    ("4 doing", "keyring loading outcome proxy.counting proxy.exchange proxy.journey proxy.rendering proxy.services"),
    ("4 doing, to a text", "copies previews"),
    ("4 doing, to the file", "ahead backups reload"),
    ("4 doing, by programs", "editing"),
    ("4 doing, to providers", "checks"),
    ("4 doing, by path", "management proxy.endpoints proxy.gateway"),
    ("5 doors", "edge web cli"),
    ("6 roof", "daemon"),
    ("7 start", "cli.schema cli.serve asgi __main__"),
]
PURE = 5  # the first so many floors take `now` and `rng` as arguments: no await, no clock, no dice, no file

# One owner each, so that a package can be replaced in one place. Anyone may use what EVERYWHERE lists.
OWNERS = {
    "click": "cli",
    "h2": "edge",
    "httptools": "edge proxy",
    "httpx": "proxy cli.api cli.ask",
    "hypercorn": "edge",
    "prometheus_client": "web",
    "pyrage": "sealing",
    "quart": "web",
    "sqlite3": "state",
    "sqlite_utils": "state.requests",
    "uvloop": "daemon",
    "watchfiles": "config.watch",
    "yaml": "config.document",
}
EVERYWHERE = {"pydantic", "pydantic_core", "msgspec", *sys.stdlib_module_names} - {*OWNERS}

IMPURE_MODULES = "asyncio io logging os queue secrets select socket ssl subprocess tempfile threading time uuid"
IMPURE_CALLS = "now today utcnow open read_text read_bytes write_text write_bytes mkdir unlink iterdir is_file is_dir"


def within(name: str, entries: str) -> int:
    """How many parts of the dotted `name` the best of `entries` covers; 0: none of them does."""
    return max((entry.count(".") + 1 for entry in entries.split() if f"{name}.".startswith(f"{entry}.")), default=0)


def floor(name: str) -> int:
    covered, index = max((within(name, entries), index) for index, (_, entries) in enumerate(FLOORS))
    assert covered, f"routerd.{name} has no floor: add it to FLOORS in {__file__}"
    return index


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "routerd").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "routerd").with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if name:
            yield name, ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, at whatever depth; `from a import b` is `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the floor: write routerd.… in full"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def own_breach(name: str, imported: str) -> str | None:
    sideways = name.partition(".")[0] == imported.partition(".")[0] and floor(name) == floor(imported)
    if floor(imported) < floor(name) or sideways:
        return None
    return f"is on floor {FLOORS[floor(name)][0]!r}, routerd.{imported} on {FLOORS[floor(imported)][0]!r}: not below it"


def foreign_breach(name: str, package: str) -> str | None:
    if floor(name) < PURE and package in IMPURE_MODULES.split():
        return f"is on floor {FLOORS[floor(name)][0]!r}, which is pure: take what {package} gives as an argument"
    if package in EVERYWHERE or within(name, OWNERS.get(package, "")):
        return None
    return f"does not own {package} ({OWNERS.get(package, 'nobody does')})"


def impurity(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "random" and node.attr != "Random":
        return f"throws random.{node.attr}: take an rng"
    if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
        return "awaits"
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        return f"calls {called}()" if called in IMPURE_CALLS.split() else None
    return None


def breaches(name: str, tree: ast.Module) -> Iterator[str]:
    for line, imported in imports(tree):
        package, _, rest = imported.partition(".")
        reason = own_breach(name, rest) if package == "routerd" else foreign_breach(name, package)
        if reason:
            yield f"routerd.{name}:{line} imports {imported}: it {reason}"
    for node in ast.walk(tree) if floor(name) < PURE else ():
        if what := impurity(node):
            yield f"routerd.{name}:{getattr(node, 'lineno', 0)} {what}, on the pure floor {FLOORS[floor(name)][0]!r}"


def test_imports_point_down_and_the_lower_floors_are_pure() -> None:
    found = [breach for name, tree in modules() for breach in breaches(name, tree)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("routing.modes", "from routerd.snapshot import Route", None),
        ("routing.modes", "from routerd.routing import strategies", None),
        (
            "routing.modes",
            "from routerd.proxy.exchange import exchange",
            "on '4 doing': not below it",
        ),
        ("web.app", "def f():\n    from routerd.edge import server", "not below it"),
        ("config.check", "import pydantic, json", None),
        ("config.check", "import time", "take what time gives as an argument"),
        ("config.check", "random.choice(nodes)", "throws random.choice"),
        ("config.check", "def f(rng: random.Random): rng.choice(nodes)", None),
        ("config.check", "datetime.now()", "calls now()"),
        ("access", "async def f(): ...", "awaits"),
        ("proxy.relay", "import quart", "does not own quart (web)"),
        ("cli.ask", "import requests", "does not own requests (nobody does)"),
    ],
)
def test_a_breach_is_told_with_its_reason(name: str, source: str, told: str | None) -> None:
    found = list(breaches(name, ast.parse(source)))
    assert found == [] if told is None else told in found[0]
