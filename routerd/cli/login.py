"""`routerd login`: a link that logs a browser in."""

from __future__ import annotations

import click

from routerd.cli.api import address_of, api_options, print_json, token_of
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.login import link


@click.command
@api_options
def login(config: str | None, url: str | None, as_json: bool) -> None:
    """Print a link with the admin token, that logs a browser in. Whoever has it may change everything."""
    settings = load_settings({"config": config})
    token = token_of(settings)
    if token is None:
        raise Trouble(f"there is no admin token in {settings.data_dir}", "the first `routerd serve` makes one")
    found = link(url or address_of(settings), token)
    if as_json:
        print_json({"url": found})
    else:
        click.echo(found)
