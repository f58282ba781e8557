"""`routerd schema`: what editors complete router.yaml with."""

from __future__ import annotations

import click

from routerd.config.schema import render


@click.command
def schema() -> None:
    """Print the JSON schema of router.yaml."""
    click.echo(render(), nl=False)
