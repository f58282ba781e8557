"""The documentation can't lie: every key, error, verb, flag, variable and dependency has its row, and examples load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from routerd.adapters.vendors import QUIRKS, VENDORS
from routerd.cli.main import main
from routerd.config import example, model
from routerd.config.check import check
from routerd.errors import KINDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

# The headings of configuration.md under which the keys of each part of the model stand.
SECTIONS: dict[type[BaseModel], str] = {
    model.RouterConfig: "The file",
    model.Server: "server",
    model.RequestLog: "server.request_log",
    model.Defaults: "defaults",
    model.Timeouts: "defaults.timeouts",
    model.PartialTimeouts: "defaults.timeouts",
    model.Health: "defaults.health",
    model.PartialHealth: "defaults.health",
    model.ProviderConfig: "a provider",
    model.Echo: "providers.echo",
    model.RouteConfig: "a route",
    model.NodeConfig: "a node",
    model.ClientConfig: "a client",
    model.AdminConfig: "an admin",
    model.PriceConfig: "a price",
}


def rows(name: str) -> dict[str, dict[str, list[str]]]:
    """Of a file in docs/: heading → first cell of each table row, without backticks → the other cells."""
    found: dict[str, dict[str, list[str]]] = {}
    heading = ""
    for line in (DOCS / name).read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").replace("`", "")
            found[heading] = {}
        elif line.startswith("| "):
            first, *others = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            for word in first.replace("`", "").split(", "):
                found[heading][word] = others
    return found


def parts(shape: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model `shape` and every model inside of it."""
    yield shape
    for field in shape.model_fields.values():
        for inner in models_in(field.annotation):
            yield from parts(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


@pytest.mark.parametrize("shape", sorted(set(parts(model.RouterConfig)), key=str))
def test_every_key_of_router_yaml_has_a_row(shape: type[BaseModel]) -> None:
    documented = set(rows("configuration.md")[SECTIONS[shape]]) - {"key", "---"}
    assert documented == set(shape.model_fields)


def test_quirks_and_vendors_are_named() -> None:
    assert set(QUIRKS) <= set(rows("configuration.md")["Quirks"])
    text = (DOCS / "configuration.md").read_text()
    assert [name for name in VENDORS if f"`{name}`" not in text] == []


def test_every_error_kind_has_a_row_with_its_status_and_names() -> None:
    tables = rows("errors.md")
    documented = {**tables["Your request"], **tables["Your providers"]}
    assert set(KINDS) == set(documented) - {"kind", "---"}
    for name, kind in KINDS.items():
        status, openai_type, code, *others = documented[name]
        if name == "upstream_rejected":  # as the provider said
            continue
        assert (status, openai_type, code) == (str(kind.status), kind.openai_type, kind.openai_code or "–"), name
        if name in tables["Your providers"]:
            assert others[0].split(" ")[0] == (f"`{kind.retry_word}`" if kind.retry_word else "–"), name


def verbs(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from verbs(command, *above, name)
        else:
            yield " ".join([*above, name]), command


def test_every_verb_has_a_heading_and_every_option_a_row() -> None:
    assert isinstance(main, click.Group)
    tables = rows("cli.md")
    of_settings = set(re.findall(r"`(--[a-z-]+)`", (DOCS / "settings.md").read_text()))
    for name, command in verbs(main):
        assert f"routerd {name}" in tables, f"`routerd {name}` has no heading in docs/cli.md"
        flags = {flag for parameter in command.params if isinstance(parameter, click.Option) for flag in parameter.opts}
        missing = {flag for flag in flags - {"--help"} if flag.startswith("--")} - set(tables[f"routerd {name}"])
        assert not missing - of_settings, f"docs/cli.md does not say what {missing} of `routerd {name}` is for"


def test_every_environment_variable_has_a_row() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "routerd").rglob("*.py"))
    used = set(re.findall(r"\bROUTERD_[A-Z_]*[A-Z]\b", sources))
    documented = {word for table in rows("settings.md").values() for word in table if word.startswith("ROUTERD_")}
    assert used == documented


def yaml_examples() -> Iterator[Any]:
    for path in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        for number, text in enumerate(
            re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE), 1
        ):
            yield pytest.param(text, id=f"{path.name}-{number}")


@pytest.mark.parametrize("text", list(yaml_examples()))
def test_yaml_examples_have_no_problem(text: str) -> None:
    if "\nroutes:" not in f"\n{text}":  # a part of a file
        return
    assert list(map(str, check(text).problems)) == []


def test_the_example_router_yaml_has_no_problem() -> None:
    text = (ROOT / "router.yaml").read_text()
    assert list(map(str, check(text).problems)) == []
    assert text == example.text(), "the built-in example is another one"


def test_the_schema_is_fresh() -> None:
    command = [sys.executable, "-m", "routerd", "schema"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == json.loads((ROOT / "schemas" / "router.schema.json").read_text()), "make schemas"


def test_every_dependency_has_a_row() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tables = rows("dependencies.md")
    for section, needed in (
        ("At run time", project["dependencies"]),
        ("For development", project["optional-dependencies"]["dev"]),
    ):
        names = {re.split(r"[^a-zA-Z0-9.-]", requirement)[0] for requirement in needed}
        assert names <= set(tables[section]), section


def test_the_locks_name_no_place() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if "://" in line or line.startswith(("--", "-f", "/"))]
        assert lines == [], f"{path.name} names an index, a host or a path: make lock"


def links() -> Iterator[tuple[Path, str]]:
    for path in [*ROOT.glob("*.md"), *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if "://" not in target:
                yield path, target


@pytest.mark.parametrize(("path", "target"), list(links()), ids=str)
def test_links_lead_somewhere(path: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    place = path.parent / file if file else path
    assert place.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
