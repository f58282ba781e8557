"""Groups of verbs, whose help has the whole first sentence of each, and whose errors are one line."""

from __future__ import annotations

import click

from routerd.cli.trouble import Misuse


class Group(click.Group):
    """As click's, but for how it tells."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _misuse(error) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        with formatter.section("Verbs"):
            formatter.write_dl([(name, _first_sentence(command)) for name, command in commands if command is not None])


def _first_sentence(command: click.Command) -> str:
    sentence = " ".join((command.help or "").split()).partition(". ")[0]
    return f"{sentence.removesuffix('.')}."


def _misuse(error: click.UsageError) -> Misuse:
    """What click says about words that it can't take, on one line."""
    message, _, meant = error.format_message().rstrip(".").partition(". Did you mean ")
    path = error.ctx.command_path if error.ctx is not None else "routerd"
    cure = f"did you mean {meant}" if meant else f"`{path} --help` says what there is"
    return Misuse(message[:1].lower() + message[1:], cure)
