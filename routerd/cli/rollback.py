"""`routerd rollback`: an earlier generation once more."""

from __future__ import annotations

import click

from routerd.cli.api import api_options, change_lines, connect, print_json
from routerd.cli.numbers import WholeNumber


@click.command
@click.argument("generation", type=WholeNumber(1, cure="`routerd history` lists them"))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@api_options
def rollback(generation: int, dry_run: bool, config: str | None, url: str | None, as_json: bool) -> None:
    """Write the text of GENERATION into the file again. It becomes a new generation; `routerd history` lists them."""
    query = "?dry_run=true" if dry_run else ""
    told = connect(config, url).post(f"/api/config/rollback{query}", {"generation": generation}).body
    if as_json:
        print_json(told)
        return
    click.echo(told["diff"], nl=False)
    for line in change_lines(told["changes"]):
        click.echo(line, err=True)
    if not dry_run:
        click.echo(f"generation {told['generation']} serves, {told['digest'][:12]}", err=True)
