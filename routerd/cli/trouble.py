"""Errors on one line, with the cure."""

from __future__ import annotations

from typing import IO, Any

import click


class Trouble(click.ClickException):
    """Something that a person has to mend: what is wrong, and what to do about it. Exit code 1."""

    def __init__(self, message: str, cure: str | None = None) -> None:
        super().__init__(f"{message}; {cure}" if cure else message)

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"routerd: {self.format_message()}", file=file, err=file is None)


class Misuse(Trouble):
    """A flag or a variable that can't be used. Exit code 2."""

    exit_code = 2
