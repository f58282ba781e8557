"""`routerd backup`: providers and routes as a JSON file."""

from __future__ import annotations

from typing import Any

import click

from routerd.cli.api import api_options, ask_if_there, counted, print_json
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.settings import Settings


@click.command
@click.option("--list", "lists", is_flag=True, help="Say which backups there are; write none.")
@api_options
def backup(lists: bool, config: str | None, url: str | None, as_json: bool) -> None:
    """Write the backup of providers and routes now, through the router that runs here, or without one."""
    settings = load_settings({"config": config})
    if lists:
        _list(settings, as_json)
        return
    found = ask_if_there(settings, url, "/api/admin/providers/backup")
    if found is None:
        found = _written(settings)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['name']}: {counted(found['providers'], 'provider')}, {counted(found['routes'], 'route')}")
    for left in found["left_out"]:
        click.echo(f"{left['path']} is not in it: {left['reason']}", err=True)


def _written(settings: Settings) -> dict[str, Any]:
    """Write it without a router. Raises Trouble."""
    from routerd.backups import made, told
    from routerd.cli.alone import load_file, sources_of
    from routerd.copies import NotKept
    from routerd.state.backup import Files, render

    try:
        found = made(load_file(settings), sources_of(settings))
        Files(settings.backup_file).write(found)
    except NotKept as error:
        raise Trouble(f"no backup is made of {settings.config}: {error}") from None
    except OSError as error:
        raise Trouble(f"{settings.backup_file} can't be written: {error.strerror}") from None
    return {
        "name": settings.backup_file.name,
        "at": found.written_at,
        "size": len(render(found)),
        "providers": len(found.providers),
        "routes": len(found.routes),
        "left_out": told(found.left_out),
    }


def _list(settings: Settings, as_json: bool) -> None:
    import msgspec

    from routerd.cli.api import print_table
    from routerd.state.backup import Files

    rows = Files(settings.backup_file).rows()
    if as_json:
        print_json(msgspec.to_builtins(rows))
    elif not rows:
        click.echo(f"no backup in {settings.backup_file.parent}", err=True)
    else:
        cells = [(row.name, row.at, _number(row.providers), _number(row.routes), row.trouble or "") for row in rows]
        print_table(("NAME", "AT", "PROVIDERS", "ROUTES", "TROUBLE"), cells)


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)
