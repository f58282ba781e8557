"""`routerd history`: what the config was, and who changed it."""

from __future__ import annotations

from typing import Any

import click

from routerd.cli.api import api_options, connect, print_json, print_table
from routerd.cli.numbers import WholeNumber

_HEADINGS = ("GENERATION", "AT", "SOURCE", "WHO", "DIGEST", "WHAT")


@click.command
@click.option("--limit", metavar="COUNT", type=WholeNumber(1, 1000), default=20, help="How many.  [20]")
@api_options
def history(limit: int, config: str | None, url: str | None, as_json: bool) -> None:
    """List the latest generations, newest first, and the files that were refused."""
    rows = connect(config, url).get(f"/api/config/history?limit={limit}").body
    if as_json:
        print_json(rows)
    else:
        print_table(_HEADINGS, list(map(_cells, rows)))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["outcome"] == "accepted":
        what = row["summary"] or "–"
    else:
        first = row["problems"][0] if row["problems"] else {"message": "?"}
        more = len(row["problems"]) - 1
        what = f"refused: {first['message']}" + (f", and {more} more" if more > 0 else "")
    number = "–" if row["generation"] is None else str(row["generation"])
    return (number, row["at"][:19], row["source"], row["actor"] or "–", (row["digest"] or "–")[:12], what)
