"""`routerd reload`: take in the file now."""

from __future__ import annotations

import click

from routerd.cli.api import Refusal, api_options, change_lines, connect, print_json, problem_lines


@click.command
@api_options
@click.pass_context
def reload(context: click.Context, config: str | None, url: str | None, as_json: bool) -> None:
    """Have the router that runs here look at its file now, and at what keys refer to, and say what came of it.

    Saving the file is enough; this is for keys in `.env` and in files, for file systems that tell nobody, and for
    scripts that want to know.
    """
    try:
        told = connect(config, url).post("/api/config/reload").body
    except Refusal as refusal:
        if refusal.body.get("kind") != "config_rejected":
            raise
        if as_json:
            print_json(refusal.body)
            context.exit(1)
        for line in problem_lines("router.yaml", refusal.body.get("problems", [])):
            click.echo(line)
        raise
    if as_json:
        print_json(told)
        return
    for line in change_lines(told["changes"]):
        click.echo(line)
    word = "adopted as" if told["result"] == "adopted" else "no change: still"
    click.echo(f"{word} generation {told['generation']}, {told['digest'][:12]}", err=True)
