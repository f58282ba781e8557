"""`routerd fmt`: router.yaml in the layout of the house, for those who want it."""

from __future__ import annotations

from pathlib import Path

import click

from routerd.cli.api import print_json
from routerd.cli.reading import unusable
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.file import ConfigFileError, read
from routerd.config.formatting import CantFormat, formatted
from routerd.config.hiding import diff
from routerd.config.write import write_if


@click.command
@click.argument("file", required=False)
@click.option("--check", "is_check", is_flag=True, help="Write nothing; show what would change, and exit with 1 then.")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def fmt(context: click.Context, file: str | None, is_check: bool, config: str | None, as_json: bool) -> None:
    """Write FILE (the configured one when left out) in the usual layout; it says the same, with all its comments.

    Nothing else ever does this: edits over the API and in the UI touch only the lines that they mean.
    """
    settings = load_settings({"config": config})
    path = Path(file) if file is not None else settings.config
    try:
        found = read(path)
        after = formatted(found.text)
        is_same = after == found.text
        if not is_same and not is_check:
            write_if(path, found.digest, after, settings.data_dir)
    except CantFormat as error:
        raise Trouble(f"{path} stays as it is: {error}", "`routerd check` says what is wrong with it") from None
    except ConfigFileError as error:
        raise unusable(error) from None
    shown = diff(found.text, after, path.name, path.name) if not is_same else ""
    if as_json:
        print_json({"file": str(path), "changed": not is_same, "written": not is_same and not is_check, "diff": shown})
    elif is_check and not is_same:
        click.echo(shown, nl=False)
    else:
        click.echo(f"{path} is formatted" + ("" if is_same else " now"), err=True)
    context.exit(1 if is_check and not is_same else 0)
