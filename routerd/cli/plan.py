"""`routerd plan`: which targets the router that runs here would try now, and why."""

from __future__ import annotations

import click

from routerd.cli.api import api_options, connect
from routerd.cli.explain import show


@click.command
@click.argument("model")
@click.option("--client", metavar="NAME", help="As this client of the configuration.")
@api_options
@click.pass_context
def plan(
    context: click.Context, model: str, client: str | None, config: str | None, url: str | None, as_json: bool
) -> None:
    """Say which targets a request for MODEL would try now, in which order, and why. Sends nothing, takes no turn.

    Exits with 1 when such a request would be refused.
    """
    asked = {"model": model} if client is None else {"model": model, "client": client}
    told = connect(config, url).post("/api/explain", asked).body
    context.exit(show(told, as_json=as_json))
