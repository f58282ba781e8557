"""`routerd check`: every problem of a config, before it serves."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routerd.cli.surroundings import load_settings
from routerd.config.check import Problem
from routerd.config.check import check as check_text
from routerd.config.file import ConfigFileError, read


@click.command
@click.argument("file", required=False)
@click.option("--strict", is_flag=True, help="Warnings count as problems, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check(context: click.Context, file: str | None, strict: bool, as_json: bool) -> None:
    """Look for problems in FILE (the configured one when left out).

    Exits with 0 when there are none, with 1 when there are.
    """
    path = Path(file) if file is not None else load_settings({}).config
    problems = find(path)
    is_fine = not any(strict or problem.severity == "error" for problem in problems)
    if as_json:
        told = {"file": str(path), "ok": is_fine, "problems": [problem.as_json() for problem in problems]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(f"{path}:{problem}")
        click.echo(summary(path, problems), err=True)
    context.exit(0 if is_fine else 1)


def find(path: Path) -> tuple[Problem, ...]:
    """Every problem of the file at `path`; one that can't be read has just that."""
    try:
        text = read(path).text
    except ConfigFileError as error:
        hint = "`routerd init` writes a first one" if error.trouble == "missing" else None
        return (Problem("error", 1, 1, "", str(error), hint),)
    return check_text(text).problems


def summary(path: Path, problems: tuple[Problem, ...]) -> str:
    """One line that says how it went."""
    counts = [(word, sum(problem.severity == word for problem in problems)) for word in ("error", "warning")]
    told = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts if count]
    return f"{path}: {', '.join(told)}" if told else f"{path} is fine"
