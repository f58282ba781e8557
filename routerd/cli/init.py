"""`routerd init`: a first router.yaml, and the identity that opens its keys."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import click

from routerd.cli.api import print_json
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config import example
from routerd.config.edit_scalar import insert_key
from routerd.config.file import ConfigFileError
from routerd.config.formatting import formatted
from routerd.config.recipients import distinct, refusal
from routerd.config.schema import render
from routerd.config.write import make_private_folder, write_if
from routerd.settings import Settings

_SSH_KEY = Path(".ssh", "id_ed25519.pub")
_SCHEMA = "router.schema.json"


@click.command
@click.argument("file", required=False)
@click.option(
    "--recipient", "extra", multiple=True, metavar="KEY", help="Seal to this public key, too, or one in a file."
)
@click.option("--ssh/--no-ssh", default=None, help="Seal to ~/.ssh/id_ed25519.pub, too; asked when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def init(file: str | None, extra: tuple[str, ...], ssh: bool | None, as_json: bool) -> None:
    """Write a first configuration to FILE (the configured one when left out). Never overwrites one.

    An age identity is made if there is none, and its public key written into the file: keys that stand in it can be
    sealed then, and opened here.
    """
    settings = load_settings({"config": file})
    path = settings.config
    if path.is_symlink() or path.exists():
        raise Trouble(f"{path} is there already", "edit it, or name another file")
    if not path.parent.is_dir():
        raise Trouble(f"{path} can't be written: {path.parent} is no folder")
    others = [*map(_public_key, extra), *_ssh_key(ssh)]
    own = _own_identity(settings)
    if own.is_made and not as_json:
        click.echo(f"{own.place} is the identity that opens sealed keys: whoever has it can read them")
    recipients = distinct([own.recipient, *others])
    text = formatted(insert_key(example.first(_schema(settings)), ("recipients",), recipients))
    try:
        write_if(path, None, text, settings.data_dir)
    except ConfigFileError as error:
        raise Trouble(str(error)) from None
    if as_json:
        told = {"file": str(path), "identity": own.place, "made": own.is_made, "recipients": recipients}
        print_json(told)
        return
    click.echo(f"{path} is written: `routerd serve --config {path}` serves it, an editor changes it while it serves")
    if len(recipients) == 1:
        click.echo("1 recipient, not backed up: keep a copy of the identity elsewhere, or add a second recipient")


def _schema(settings: Settings) -> str | None:
    """Put the schema for editors into the data folder; how the file names it there.

    None where that folder is not below the file's: then who edits the file may see another disk than we do.
    """
    folder, place = settings.folder.resolve(), settings.data_dir.resolve() / _SCHEMA
    if not place.is_relative_to(folder) or re.search(r"\s", name := place.relative_to(folder).as_posix()):
        return None
    try:
        make_private_folder(settings.data_dir)
        place.write_text(render())
    except OSError as error:
        click.echo(f"no schema for editors: {settings.data_dir} can't be written: {error.strerror}", err=True)
        return None
    return f"./{name}"


class _Own(NamedTuple):
    """Where our identity is, its public key, and whether it was made just now."""

    place: str
    recipient: str
    is_made: bool


def _own_identity(settings: Settings) -> _Own:
    """The first identity that is found, else one that is made."""
    from routerd import sealing

    sources = sealing.sources(settings, os.environ)
    identities = sealing.find(sources)
    if identities.found:
        return _Own(identities.found[0].place, identities.found[0].recipient, False)
    if identities.troubles:
        raise Trouble(identities.troubles[0])
    try:
        made = sealing.make_identity(sources.new)
    except sealing.IdentityError as error:
        raise Trouble(str(error)) from None
    return _Own(made.place, made.recipient, True)


def _public_key(text: str) -> str:
    """A recipient as it is, or the first line of the file it is in. Raises Trouble."""
    path = Path(text).expanduser()
    if not text.startswith(("age1", "ssh-")) and path.is_file():
        text = _first_line(path)
    told = refusal(text)
    if told is not None:
        raise Trouble("--recipient: " + told[0], told[1])
    return text


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise Trouble(f"{path} can't be read") from None
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def _ssh_key(is_wanted: bool | None) -> list[str]:
    """The SSH key of this user as a second recipient, when it is wanted; asked for only where somebody can answer."""
    path = Path(os.environ.get("HOME") or "/nowhere") / _SSH_KEY
    if is_wanted:
        if not path.is_file():
            raise Trouble(f"{path} does not exist", "name a public key with --recipient")
        return [_public_key(str(path))]
    if is_wanted is False or not path.is_file() or refusal(_first_line(path)) is not None:
        return []
    if not sys.stdin.isatty():
        click.echo(f"(`routerd init --ssh` would seal to {path}, too: a way back if the identity is lost)", err=True)
        return []
    question = f"Seal keys to {path}, too? That SSH key opens them if the identity is lost."
    return [_public_key(str(path))] if click.confirm(question, default=True, err=True) else []
