"""`routerd key`: the keys of providers, sealed so that they may stand in a file that others see."""

from __future__ import annotations

import os
from typing import Any

import click

from routerd.cli.api import print_json, print_table
from routerd.cli.groups import Group
from routerd.cli.key_edit import rotate, seal, set_key
from routerd.cli.key_file import key_options, opened
from routerd.cli.key_scan import scan
from routerd.cli.trouble import Trouble
from routerd.config.problem import path_text

__all__ = ["key"]

_HEADINGS = ("PROVIDER", "PLACE", "SOURCE", "FINGERPRINT", "SEALED TO", "HERE")


@click.group(cls=Group)
def key() -> None:
    """Keys of providers, sealed."""


@key.command("list")
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(config: str | None, identity: str | None, as_json: bool) -> None:
    """Say of every key where it comes from, whether it can be had here, and whom it is sealed to. Never the key."""
    from routerd import keyring

    file = opened(config, identity)
    try:
        rows = list(keyring.rows(file.text, file.ring, os.environ, file.path.parent))
    except keyring.KeyringError as error:
        raise Trouble(error.message, error.cure) from None
    if as_json:
        print_json([row.as_json() for row in rows])
    else:
        print_table(_HEADINGS, list(map(_cells, rows)))


def _cells(row: Any) -> tuple[str, ...]:
    place = path_text(row.path[2:]) or "–"
    to = "–" if row.recipients is None else str(row.recipients)
    to += ", not just `recipients`" if row.is_current is False else ""
    here = row.trouble or ("–" if row.source == "none" else "readable")
    return row.provider, place, row.source, row.fingerprint or "–", to, here


for command in (set_key, seal, rotate, scan):
    key.add_command(command)
