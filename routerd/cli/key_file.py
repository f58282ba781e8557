"""What the verbs under `routerd key` share: the file, the identities, and writing the file back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from routerd.cli.api import print_json
from routerd.cli.reading import read_config, unusable
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.edit_scalar import CantEdit
from routerd.config.file import ConfigFileError
from routerd.config.problem import path_text
from routerd.config.write import write_if
from routerd.keyring import Edited, Keyring, KeyringError, standing
from routerd.sealing import sources

_Function = TypeVar("_Function", bound=Callable[..., Any])


def key_options(function: _Function) -> _Function:
    """Give a verb the options `--config` and `--identity`."""
    function = click.option("--identity", metavar="FILE", help="An age identity that opens sealed keys.")(function)
    return click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")(function)


@dataclass(frozen=True, slots=True)
class Opened:
    """A router.yaml as it was read, and who can open its keys."""

    path: Path
    text: str
    digest: str
    data_dir: Path
    ring: Keyring

    def edit(self, change: Callable[[str, Keyring], Edited]) -> Edited:
        """Change the text and write it back, all or nothing; then tell what is new about recipients."""
        try:
            edited = change(self.text, self.ring)
            if edited.text != self.text:
                write_if(self.path, self.digest, edited.text, self.data_dir)
        except KeyringError as error:
            raise Trouble(error.message, error.cure) from None
        except CantEdit as error:
            raise Trouble(f"{self.path}: {error}") from None
        except ConfigFileError as error:
            raise unusable(error) from None
        self._tell(edited)
        return edited

    def _tell(self, edited: Edited) -> None:
        if edited.made is not None:
            click.echo(f"made the identity {edited.made.place}: whoever has it can open the keys", err=True)
        if edited.recipients_added:
            click.echo(f"`recipients` is in {self.path} now: {', '.join(edited.recipients)}", err=True)
        if edited.changed and len(edited.recipients) == 1:
            hint = "add a second one and run `routerd key rotate`, or keep a copy of the identity elsewhere"
            click.echo(f"{standing(1)}: {hint}", err=True)


def opened(config: str | None, identity: str | None) -> Opened:
    """The configured file. Raises Trouble."""
    settings = load_settings({"config": config, "identity": identity})
    found = read_config(settings.config)
    ring = Keyring(sources(settings, os.environ))
    return Opened(settings.config, found.text, found.digest, settings.data_dir, ring)


def report(file: Opened, edited: Edited, done: str, nothing: str, *, as_json: bool) -> None:
    """Print what was done, and what was left; exit 1 when something was."""
    left = [(path_text(one.path), one.reason) for one in edited.left]
    changed = [path_text(path) for path in edited.changed]
    if as_json:
        told = {
            "file": str(file.path),
            "changed": changed,
            "recipients": list(edited.recipients),
            "left": [{"path": path, "reason": reason} for path, reason in left],
        }
        print_json(told)
    else:
        for path in changed:
            click.echo(f"{file.path}: {path}: {done}")
        for path, reason in left:
            click.echo(f"{file.path}: {path}: left as it is: {reason}")
        if not changed and not left:
            click.echo(f"{file.path}: {nothing}")
    if left:
        raise SystemExit(1)
