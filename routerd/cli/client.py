"""`routerd client`: keys for those who call /v1."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from routerd.cli.api import print_json, print_table
from routerd.cli.groups import Group
from routerd.cli.reading import read_config, unusable
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.changes import Change, Drop, Put
from routerd.config.check import check
from routerd.config.file import ConfigFileError, Read, read
from routerd.config.model import ClientConfig
from routerd.config.similar import did_you_mean
from routerd.issuing import issue_key
from routerd.settings import Settings


@click.group(cls=Group)
def client() -> None:
    """Those who may call /v1."""


@client.command
@click.argument("name")
@click.option("--route", "routes", multiple=True, metavar="ROUTE", help="A route it may use; all when left out.")
@click.option("--write", "is_written", is_flag=True, help="Write the lines into router.yaml, too.")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, routes: tuple[str, ...], is_written: bool, config: str | None, as_json: bool) -> None:
    """Make a key for the client NAME, and print it once, with the lines for router.yaml, or write them there."""
    settings = load_settings({"config": config})
    path = settings.config
    text = text_of(path)
    refuse(name, routes, text)
    issued = issue_key()
    is_first = _let_in(settings, name, issued.digest, routes) if is_written else False
    lines = entry(name, issued.digest, routes)
    if as_json:
        told = {"name": name, "key": issued.key, "key_sha256": issued.digest, "yaml": lines, "written": is_written}
        print_json(told)
        return
    click.echo("The key, shown only this once:\n", err=True)
    click.echo(issued.key)
    if not is_written:
        click.echo(f"\nThese lines belong into {path}; where it has `clients:`, only the last one:\n", err=True)
        click.echo(lines, nl=False)
        return
    click.echo(f"\n{path}: `{name}` is a client now", err=True)
    if is_first:
        click.echo("it is the first one: calls without a key are refused from now on, on this machine, too", err=True)


def _let_in(settings: Settings, name: str, digest: str, routes: tuple[str, ...]) -> bool:
    """Write the entry into router.yaml; returns whether whoever was on this machine could call before."""
    found = read_config(settings.config)
    before = clients_in(settings.config, found.text)
    told: dict[str, Any] = {"key_sha256": digest}
    _write(settings, found, [Put(("clients", name), told | ({"routes": list(routes)} if routes else {}))])
    return before is None


@client.command("list")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_clients(config: str | None, as_json: bool) -> None:
    """Say who may call, and what."""
    path = load_settings({"config": config}).config
    found = clients_in(path, read_config(path).text)
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
    settings = load_settings({"config": config})
    path = settings.config
    found = read_config(path)
    names = list(clients_in(path, found.text) or {})
    if name not in names:
        raise Trouble(f"there is no client `{name}`", did_you_mean(name, names) or "`routerd client list` names them")
    _write(settings, found, [Drop(("clients", name))])
    if as_json:
        print_json({"file": str(path), "removed": name})
        return
    click.echo(f"{path}: `{name}` is no client any more")
    if names == [name]:
        click.echo(
            "it was the last one: nobody may call now; without `clients` whoever is on this machine may", err=True
        )


def clients_in(path: Path, text: str) -> dict[str, ClientConfig] | None:
    """The clients of the file's text. Raises Trouble."""
    checked = check(text)
    if checked.config is None:
        raise Trouble(f"{path}:{checked.errors[0]}", "`routerd check` says more")
    return checked.config.clients


def _write(settings: Settings, found: Read, changes: Sequence[Change]) -> None:
    """Change the file, if it still is what was found. Raises Trouble."""
    from routerd.config.splice import Unspliceable, splice
    from routerd.config.write import write_if

    try:
        write_if(settings.config, found.digest, splice(found.text, changes), settings.data_dir)
    except Unspliceable as error:
        raise Trouble(f"{settings.config}: {error}") from None
    except ConfigFileError as error:
        raise unusable(error) from None


def _cells(name: str, is_active: bool, routes: list[str] | None) -> tuple[str, str, str]:
    return name, "yes" if is_active else "no", "all" if routes is None else ", ".join(routes) or "none"


def text_of(path: Path) -> str | None:
    """The config's text, or None when there is no file yet."""
    try:
        return read(path).text
    except ConfigFileError as error:
        if error.trouble == "missing":
            return None
        raise unusable(error) from None


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
