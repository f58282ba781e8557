"""`routerd`: the verbs, each imported when it is called, so that `serve` starts fast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from routerd import __version__, is_compiled
from routerd.cli.groups import Group
from routerd.cli.trouble import Misuse

VERBS: Mapping[str, str] = {
    "serve": "routerd.cli.serve:serve",
    "check": "routerd.cli.check:check",
    "diff": "routerd.cli.diff:diff",
    "explain": "routerd.cli.explain:explain",
    "plan": "routerd.cli.plan:plan",
    "ask": "routerd.cli.ask:ask",
    "doctor": "routerd.cli.doctor:doctor",
    "status": "routerd.cli.status:status",
    "reload": "routerd.cli.reload:reload",
    "history": "routerd.cli.history:history",
    "rollback": "routerd.cli.rollback:rollback",
    "backup": "routerd.cli.backup:backup",
    "restore": "routerd.cli.restore:restore",
    "login": "routerd.cli.login:login",
    "fmt": "routerd.cli.fmt:fmt",
    "init": "routerd.cli.init:init",
    "client": "routerd.cli.client:client",
    "key": "routerd.cli.key:key",
    "schema": "routerd.cli.schema:schema",
}
"""Each verb and where it is: `module:function`."""

DEFAULT_VERB = "serve"
WITHOUT_VERB = "routerd.without_verb"
"""The key of `context.meta` that is true when no verb was given: then the built-in example may serve."""


class Verbs(Group):
    """A group whose commands are a table. What is no verb and no option of the group is for `serve`."""

    def __init__(self, verbs: Mapping[str, str], **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._table = verbs

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        place = self._table.get(name)
        if place is None:
            return None
        module, _, function = place.partition(":")
        command = getattr(importlib.import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        if not arguments or (arguments[0].startswith("-") and arguments[0] not in self._own_options(context)):
            context.meta[WITHOUT_VERB] = True
            arguments = [DEFAULT_VERB, *arguments]
        return super().parse_args(context, arguments)

    def _own_options(self, context: click.Context) -> set[str]:
        return {option for parameter in self.get_params(context) for option in parameter.opts}

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in self._table:
            from difflib import get_close_matches  # here: whoever serves all day had the name right

            near = get_close_matches(name, self._table, n=1)
            hint = f"did you mean `routerd {near[0]}`?" if near else "`routerd --help` lists the verbs"
            raise Misuse(f"there is no verb `{name}`", hint)
        return super().resolve_command(context, arguments)


def _tell_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        form = " (compiled)" if is_compiled() else ""
        click.echo(f"{context.find_root().info_name} {__version__}{form}")
        context.exit()


main = Verbs(
    VERBS,
    name="routerd",
    help="An LLM router that you configure in one file. Without a verb it serves.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
main = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tell_version,
    help="Show the version and exit.",
)(main)
