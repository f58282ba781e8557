"""`routerd serve`: the router itself."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from routerd.ahead import Ahead
from routerd.cli.main import WITHOUT_VERB
from routerd.cli.surroundings import load_settings, settings_options
from routerd.cli.trouble import Trouble
from routerd.config import example
from routerd.settings import Settings

UNUSABLE_CONFIG = 78  # EX_CONFIG of sysexits.h


class Unservable(Trouble):
    """There is nothing to serve. Exit code 78."""

    exit_code = UNUSABLE_CONFIG


@click.command
@settings_options
@click.pass_context
def serve(context: click.Context, /, **flags: Any) -> None:
    """Answer on /v1 with what router.yaml declares. Saving the file is enough to change it."""
    settings = load_settings(flags)
    for warning in settings.warnings:
        click.echo(f"routerd: {warning}", err=True)
    if not settings.config.exists() and not _has_last_good(settings):
        settings = _without_file(context, settings)
    gc.disable()  # until all is built: what comes until then stays
    ahead = Ahead(settings.config)
    from routerd import daemon  # not before: meanwhile the file is looked at
    from routerd.loading import Rejected

    try:
        daemon.run(settings, ahead)
    except Rejected as rejected:
        raise Unservable(_told(settings.config, rejected)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Trouble(f"can't listen on {settings.host}:{settings.port}: {reason}", "choose another --port") from None


def _has_last_good(settings: Settings) -> bool:
    """Whether something served from here before, and may serve again."""
    return settings.on_boot_error == "last-good" and any((settings.data_dir / "generations").glob("*.yaml"))


def _without_file(context: click.Context, settings: Settings) -> Settings:
    """`routerd` alone shows what it does; a file that was asked for has to be there."""
    if not (context.meta.get(WITHOUT_VERB) and settings.config_is_default):
        raise Unservable(f"{settings.config} does not exist", "`routerd init` writes a first one")
    click.echo("routerd: no router.yaml here, so the built-in example serves; `routerd init` writes a file", err=True)
    return replace(settings, config=example.path())


def _told(path: Path, rejected: Any) -> str:
    lines = [f"{path.name}:{problem}" for problem in rejected.problems]
    return "\n".join([f"{path} can't be served: {rejected.reason or ''}".rstrip(": "), *lines])
