"""`routerd explain`: which targets a request would try, and why."""

from __future__ import annotations

import json
from typing import Any

import click

from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble


@click.command
@click.argument("model")
@click.option("--config", metavar="FILE", help="The configuration.  [router.yaml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(model: str, config: str | None, as_json: bool) -> None:
    """Say which targets a request for MODEL would try, in which order, and why. Sends nothing.

    It reads the file alone: who cools down at the moment is only known to the router that runs.
    """
    from routerd.errors import RouterError
    from routerd.reload import Rejected, read_snapshot
    from routerd.routing.lookup import resolve
    from routerd.routing.modes import plan
    from routerd.state.counters import Counters

    settings = load_settings({"config": config})
    try:
        snapshot = read_snapshot(settings.config)
        found = resolve(model, snapshot)
        made = plan(found.route, found.hint, Counters(), 0.0)
    except Rejected as rejected:
        raise Trouble(f"{settings.config}: {rejected}", "`routerd check` says more") from None
    except RouterError as error:
        raise Trouble(error.message) from None
    told = {
        "model": model,
        "route": found.route.name,
        "mode": found.route.mode,
        "strategy": found.route.strategy,
        "hint": found.hint,
        "steps": [{"target": step.target.name, "reason": step.reason} for step in made.steps],
        "skipped": [
            {"target": gone.target.name if gone.target else gone.node.provider.name, "reason": gone.reason}
            for gone in made.skipped
        ],
    }
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(_table(told)))


def _table(told: dict[str, Any]) -> list[str]:
    hint = f", asked for {told['hint']}" if told["hint"] else ""
    head = f"{told['model']} → route {told['route']} ({told['mode']}, {told['strategy']}{hint})"
    width = max(len(row["target"]) for row in [*told["steps"], *told["skipped"]])
    steps = [f"  {at}. {row['target']:{width}}  {row['reason']}" for at, row in enumerate(told["steps"], 1)]
    skipped = [f"  -  {row['target']:{width}}  left out: {row['reason']}" for row in told["skipped"]]
    return [head, *steps, *skipped]
