"""`routerd client`: keys for those who call /v1."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from routerd.cli.api import print_json, print_table
from routerd.cli.groups import Group
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.check import check
from routerd.config.file import ConfigFileError, read
from routerd.config.model import ClientConfig
from routerd.config.similar import did_you_mean
from routerd.issuing import issue_key


@click.group(cls=Group)
def client() -> None:
    """Those who may call /v1."""


@client.command
@click.argument("name")
@click.option("--route", "routes", multiple=True, metavar="ROUTE", help="A route it may use; all when left out.")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, routes: tuple[str, ...], config: str | None, as_json: bool) -> None:
    """Make a key for the client NAME, and print it once, with the lines for router.yaml."""
    path = load_settings({"config": config}).config
    refuse(name, routes, text_of(path))
    issued = issue_key()
    lines = entry(name, issued.digest, routes)
    if as_json:
        told = {"name": name, "key": issued.key, "key_sha256": issued.digest, "yaml": lines}
        print_json(told)
        return
    click.echo("The key, shown only this once:\n", err=True)
    click.echo(issued.key)
    click.echo(f"\nThese lines belong into {path}; where it has `clients:`, only the last one:\n", err=True)
    click.echo(lines, nl=False)


@client.command("list")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_clients(config: str | None, as_json: bool) -> None:
    """Say who may call, and what."""
    found = clients_of(load_settings({"config": config}).config)
    rows = [(name, entry.is_active, entry.routes) for name, entry in (found or {}).items()]
    if as_json:
        print_json([dict(zip(("name", "is_active", "routes"), row, strict=True)) for row in rows])
    elif found is None:
        click.echo("no `clients` in the file: whoever is on this machine may call", err=True)
    elif not rows:
        click.echo("nobody may call: `clients` is empty", err=True)
    else:
        print_table(("NAME", "ACTIVE", "ROUTES"), [_cells(*row) for row in rows])


@client.command
@click.argument("name")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def remove(name: str, config: str | None, as_json: bool) -> None:
    """Take the client NAME out of router.yaml: its key is refused as soon as the file is taken in."""
    from routerd.config.splice import Drop, Unspliceable, splice
    from routerd.config.write import write_if

    settings = load_settings({"config": config})
    path = settings.config
    names = list(clients_of(path) or {})
    if name not in names:
        raise Trouble(f"there is no client `{name}`", did_you_mean(name, names) or "`routerd client list` names them")
    try:
        found = read(path)
        write_if(path, found.digest, splice(found.text, [Drop(("clients", name))]), settings.data_dir)
    except (Unspliceable, ConfigFileError) as error:
        raise Trouble(f"{path}: {error}" if isinstance(error, Unspliceable) else str(error)) from None
    if as_json:
        print_json({"file": str(path), "removed": name})
        return
    click.echo(f"{path}: `{name}` is no client any more")
    if names == [name]:
        click.echo(
            "it was the last one: nobody may call now; without `clients` whoever is on this machine may", err=True
        )


def clients_of(path: Path) -> dict[str, ClientConfig] | None:
    """The clients of the file. Raises Trouble."""
    try:
        checked = check(read(path).text)
    except ConfigFileError as error:
        raise Trouble(str(error)) from None
    if checked.config is None:
        raise Trouble(f"{path}:{checked.errors[0]}", "`routerd check` says more")
    return checked.config.clients


def _cells(name: str, is_active: bool, routes: list[str] | None) -> tuple[str, str, str]:
    return name, "yes" if is_active else "no", "all" if routes is None else ", ".join(routes) or "none"


def text_of(path: Path) -> str | None:
    """The config's text, or None when there is no file yet."""
    try:
        return read(path).text
    except ConfigFileError as error:
        if error.trouble == "missing":
            return None
        raise Trouble(str(error)) from None


def refuse(name: str, routes: tuple[str, ...], text: str | None) -> None:
    """Raise Trouble when the entry would be a problem in the config as it is."""
    config = check(text).config if text is not None else None
    if config is not None and name in (config.clients or {}):
        raise Trouble(f"there is a client `{name}` already", "choose another name, or delete the entry first")
    lacking = [route for route in routes if config is not None and route not in config.routes]
    if lacking:
        raise Trouble(
            f"there is no route `{lacking[0]}`", f"the routes are {', '.join(config.routes) if config else ''}"
        )
    trial = check(entry(name, "ab" * 32, ()))
    if trial.errors:
        raise Trouble(f"`{name}` can't be a client's name: {trial.errors[0].text}")


def entry(name: str, digest: str, routes: tuple[str, ...]) -> str:
    """The lines of router.yaml that let the client in."""
    allowed = f", routes: [{', '.join(map(word, routes))}]" if routes else ""
    return f"clients:\n  {word(name)}: {{key_sha256: {digest}{allowed}}}\n"


def word(text: str) -> str:
    """`text` as YAML has it: plain where that is safe, else in double quotes."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text) and text.casefold() not in {"null", "true", "false"}
    return text if is_plain else json.dumps(text, ensure_ascii=False)
