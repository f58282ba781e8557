"""`routerd diff`: what a file changes for traffic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from routerd.cli.api import api_options, change_lines, connect, print_json, problem_lines
from routerd.cli.reading import read_config
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Misuse, Trouble
from routerd.config.check import check
from routerd.config.model import RouterConfig

RUNNING = "running"


@click.command
@click.argument("file", required=False)
@click.option("--against", metavar="FILE|running", default=RUNNING, help="What it is compared with.  [running]")
@api_options
@click.pass_context
def diff(
    context: click.Context, file: str | None, against: str, config: str | None, url: str | None, as_json: bool
) -> None:
    """Say what FILE (the configured one when left out) changes, beside what serves now or beside another file.

    Exits with 0 when nothing differs, with 1 when something does, with 2 when it can't be told.
    """
    path = Path(file) if file is not None else load_settings({"config": config}).config
    try:
        told = _beside_running(path, config, url) if against == RUNNING else _beside(path, Path(against))
    except Trouble as trouble:
        raise Misuse(trouble.format_message()) from None
    if as_json:
        print_json(told)
    else:
        for line in [*problem_lines(str(path), told["problems"]), *change_lines(told["changes"])]:
            click.echo(line)
    context.exit(0 if told["same"] else 1)


def _beside_running(path: Path, config: str | None, url: str | None) -> dict[str, Any]:
    found = connect(config, url).post("/api/config/check", {"text": read_config(path).text}).body
    if not found["ok"]:
        raise _unusable(path, found["problems"])
    return _told(path, RUNNING, found["changes"], found["problems"])


def _beside(path: Path, other: Path) -> dict[str, Any]:
    after, before = check(read_config(path).text), check(read_config(other).text)
    for one, checked in ((path, after), (other, before)):
        if checked.config is None:
            raise _unusable(one, [problem.as_json() for problem in checked.problems])
    assert before.config is not None
    assert after.config is not None
    problems = [problem.as_json() for problem in after.problems]
    return _told(path, str(other), _changes(before.config, after.config, path), problems)


def _changes(before: RouterConfig, after: RouterConfig, path: Path) -> list[dict[str, Any]]:
    from routerd.loading import differ
    from routerd.sealing import usual_sources

    found = differ(before, after, path.parent, usual_sources(path.parent, os.environ))
    return [change.as_json() for change in found]


def _told(path: Path, against: str, changes: list[dict[str, Any]], problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {"file": str(path), "against": against, "same": not changes, "changes": changes, "problems": problems}


def _unusable(path: Path, problems: list[dict[str, Any]]) -> Trouble:
    errors = [problem for problem in problems if problem["severity"] == "error"]
    return Trouble(problem_lines(str(path), errors)[0], "`routerd check` says more")
