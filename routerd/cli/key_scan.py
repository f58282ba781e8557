"""`routerd key scan`: no key in plain text gets into git."""

from __future__ import annotations

from pathlib import Path

import click

from routerd.cli.api import print_json
from routerd.cli.reading import read_config
from routerd.cli.surroundings import load_settings
from routerd.config.leaks import scan as scan_text


@click.command
@click.argument("files", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def scan(context: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Look for keys in plain text in FILES (the configured one when left out), comments included.

    Exits with 0 when there are none, with 1 when there are. Needs no identity.
    """
    paths = [Path(file) for file in files] or [load_settings({}).config]
    found = [(path, problem) for path in paths for problem in scan_text(read_config(path).text)]
    if as_json:
        told = {"ok": not found, "keys": [{"file": str(path), **problem.as_json()} for path, problem in found]}
        print_json(told)
    else:
        for path, problem in found:
            click.echo(f"{path}:{problem}")
        if not found:
            click.echo(f"{', '.join(map(str, paths))}: no key stands here in plain text", err=True)
    context.exit(1 if found else 0)
