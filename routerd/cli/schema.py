"""`routerd schema`: what editors complete router.yaml with, and what programs call."""

from __future__ import annotations

import click

from routerd.config.schema import render


@click.command
@click.option("--openapi", "is_openapi", is_flag=True, help="Print the OpenAPI document of the API instead.")
def schema(is_openapi: bool) -> None:
    """Print the JSON schema of router.yaml."""
    click.echo(_openapi() if is_openapi else render(), nl=False)


def _openapi() -> str:
    from routerd.web.app import operations
    from routerd.web.documentation import render as render_openapi

    return render_openapi(operations())
