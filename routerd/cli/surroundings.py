"""The settings of this process: its flags, its environment, and the `.env` file beside the config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import click

from routerd.cli.trouble import Misuse
from routerd.config.environment import read_env
from routerd.settings import Settings, SettingsError, config_path, load

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]"),
    click.option("--host", metavar="ADDRESS", help="The address to listen on.  [127.0.0.1]"),
    click.option("--port", metavar="PORT", help="The port to listen on.  [8000]"),
    click.option("--data-dir", metavar="FOLDER", help="Where state is kept.  [.routerd beside the config]"),
    click.option("--database", metavar="FILE", help="The database.  [state.db in the data folder]"),
    click.option("--backup-file", metavar="FILE", help="The JSON backup.  [in the data folder]"),
    click.option("--identity", metavar="FILE", help="The age identity that opens sealed keys."),
    click.option("--request-timeout", metavar="SECONDS", help="How long a test of a provider may take.  [10]"),
    click.option("--on-boot-error", metavar="WHAT", help="last-good, or refuse to start.  [last-good]"),
    click.option("--tls-cert", metavar="FILE", help="The certificate, with its chain."),
    click.option("--tls-key", metavar="FILE", help="The certificate's key."),
)


def settings_options(function: _Function) -> _Function:
    """Give a verb every flag of the settings, as keyword arguments."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def load_settings(flags: Mapping[str, Any]) -> Settings:
    """The settings; what `.env` holds is put into our environment, where it was not set. Raises Misuse."""
    try:
        path = config_path(flags, os.environ)
        found = read_env(path.parent / ".env")
        given = {name: value for name, value in found.items() if name not in os.environ}
        os.environ.update(given)
        return replace(load(flags, os.environ), given_by_env=frozenset(given))
    except SettingsError as error:
        raise Misuse(str(error)) from None
