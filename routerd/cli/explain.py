"""`routerd explain`: which targets a request would try, and why."""

from __future__ import annotations

from typing import Any

import click

from routerd.cli.api import print_json
from routerd.cli.reading import cure_of
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble


@click.command
@click.argument("model")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def explain(context: click.Context, model: str, config: str | None, as_json: bool) -> None:
    """Say which targets a request for MODEL would try, in which order, and why. Sends nothing.

    It reads the file alone: who cools down at the moment, and whose turn it is, `routerd plan` asks the router that
    runs. Exits with 1 when such a request would be refused.
    """
    from routerd.errors import RouterError
    from routerd.loading import Rejected, read_snapshot

    settings = load_settings({"config": config})
    try:
        told = _told(model, read_snapshot(settings.config))
    except Rejected as rejected:
        if cure := cure_of(rejected.trouble):
            raise Trouble(str(rejected), cure) from None
        raise Trouble(f"{settings.config}: {rejected}", "`routerd check` says more") from None
    except RouterError as error:
        raise Trouble(error.message) from None
    context.exit(show(told, as_json=as_json))


def _told(model: str, snapshot: Any) -> dict[str, Any]:
    """What `POST /api/explain` answers, but for ids and what only the running router knows. Raises RouterError."""
    import msgspec

    from routerd.routing import explained
    from routerd.routing.lookup import resolve, rule_of
    from routerd.state.counters import Counters

    found = resolve(model, snapshot)
    told, nodes = explained.explain(found.route, found.hint, Counters(), 0.0)
    told.model = model
    told.rule, told.rule_words = rule_of(model, snapshot) or (None, None)
    return {**msgspec.to_builtins(told), "nodes": msgspec.to_builtins(nodes)}


def show(told: dict[str, Any], *, as_json: bool) -> int:
    """Print a plan, and return the exit code."""
    problem = told["problem"]
    if as_json:
        print_json(told)
        return 1 if problem else 0
    for line in lines(told):
        click.echo(line)
    if problem:
        click.echo(f"routerd: {problem['message']}", err=True)
    return 1 if problem else 0


def lines(told: dict[str, Any]) -> list[str]:
    """A plan for people, line by line."""
    hint = f", asked for {told['hint']}" if told["hint"] else ""
    head = f"{told['model']} → route {told['route']} ({told['mode']}, {told['strategy']}{hint})"
    if told["rule"] == "match":
        head += f": {told['rule_words']}"
    width = max((len(row["target"]) for row in [*told["steps"], *told["skipped"]]), default=0)
    steps = [f"  {at}. {row['target']:{width}}  {row['reason']}" for at, row in enumerate(told["steps"], 1)]
    skipped = [f"  -  {row['target']:{width}}  left out: {_why(row)}" for row in told["skipped"]]
    notes = [f"  {told['note']}"] if told["note"] else []
    return [head, *steps, *skipped, *notes]


def _why(row: dict[str, Any]) -> str:
    left = row["cooldown_seconds"]
    return f"{row['reason']}, for another {left:.0f} s" if left else str(row["reason"])
