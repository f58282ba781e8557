"""`routerd check`: every problem of a config, before it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from routerd.cli.api import counted, print_json
from routerd.cli.earlier import earlier, weighty
from routerd.cli.reading import cure_of
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Misuse
from routerd.config import route_check
from routerd.config.check import Problem
from routerd.config.check import check as check_text
from routerd.config.document import parse
from routerd.config.file import ConfigFileError, read
from routerd.config.problem import path_text
from routerd.settings import Settings


@click.command
@click.argument("file", required=False)
@click.option("--strict", is_flag=True, help="Warnings count as problems, too.")
@click.option("--against", metavar="FILE|REVISION", help="What it is compared with, such as origin/main.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, file: str | None, strict: bool, against: str | None, as_json: bool) -> None:
    """Look for problems in FILE (the configured one when left out).

    Says first who can read keys now that could not before, and which keys go somewhere else. Exits with 0 when there
    are no problems, with 1 when there are.
    """
    settings = _settings(file)
    path = settings.config if file is None and settings is not None else Path(file or "")
    text, problems = find(path)
    before = earlier(path, text, settings, against) if text is not None else None
    news = weighty(before.text, text) if before is not None and text is not None else []
    hints = _hints(text) if text is not None else []
    is_fine = not any(strict or problem.severity == "error" for problem in problems)
    if as_json:
        told = {
            "file": str(path),
            "ok": is_fine,
            "against": before.name if before is not None else None,
            "changes": [change.as_json() for change in news],
            "problems": [problem.as_json() for problem in problems],
            "hints": hints,
        }
        print_json(told)
    else:
        for change in news:
            click.echo(f"{path}: {change} (beside {before.name if before else ''})")
        for problem in problems:
            click.echo(f"{path}:{problem}")
        for hint in hints:
            click.echo(f"{path}:{hint['line']}:{hint['column']}: hint: {hint['path']}: {hint['message']}")
        click.echo(summary(path, problems), err=True)
    context.exit(0 if is_fine else 1)


def _settings(file: str | None) -> Settings | None:
    """The settings; a file that is named can be looked at without them."""
    try:
        return load_settings({})
    except Misuse:
        if file is None:
            raise
        return None


def find(path: Path) -> tuple[str | None, tuple[Problem, ...]]:
    """The text of the file at `path`, and every problem; one that can't be read has just that."""
    try:
        text = read(path).text
    except ConfigFileError as error:
        return None, (Problem("error", 1, 1, "", str(error), cure_of(error.trouble)),)
    return text, check_text(text).problems


def _hints(text: str) -> list[dict[str, Any]]:
    """What could be better and is no problem; of a config that has errors, nothing."""
    config = check_text(text).config
    found = route_check.hints(config) if config is not None else []
    document = parse(text) if found else None
    told = []
    for place, message in found:
        line, column = document.position(place) if document is not None else (1, 1)
        told.append({"line": line, "column": column, "path": path_text(place), "message": message})
    return told


def summary(path: Path, problems: tuple[Problem, ...]) -> str:
    """One line that says how it went."""
    counts = [(word, sum(problem.severity == word for problem in problems)) for word in ("error", "warning")]
    told = [counted(count, word) for word, count in counts if count]
    return f"{path}: {', '.join(told)}" if told else f"{path} is fine"
