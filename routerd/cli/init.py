"""`routerd init`: a first router.yaml."""

from __future__ import annotations

from pathlib import Path

import click

from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config import example


@click.command
@click.argument("file", required=False)
def init(file: str | None) -> None:
    """Write a first configuration to FILE (the configured one when left out). Never overwrites one."""
    path = Path(file) if file is not None else load_settings({}).config
    try:
        with path.open("x", encoding="utf-8", newline="\n") as target:
            target.write(example.first())
    except FileExistsError:
        raise Trouble(f"{path} is there already", "edit it, or name another file") from None
    except OSError as error:
        raise Trouble(f"{path} can't be written: {error.strerror}") from None
    click.echo(f"{path} is written: `routerd serve --config {path}` serves it, an editor changes it while it serves")
