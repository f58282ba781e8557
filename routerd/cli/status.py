"""`routerd status`: how the router that runs here stands."""

from __future__ import annotations

from typing import Any

import click

from routerd.cli.api import api_options, connect, print_json, problem_lines


@click.command
@api_options
@click.pass_context
def status(context: click.Context, config: str | None, url: str | None, as_json: bool) -> None:
    """Say what serves, since when, and what is wrong with the file. Exits with 1 when the file does not serve."""
    told = connect(config, url).get("/api/status").body
    if as_json:
        print_json(told)
    else:
        for line in lines(told):
            click.echo(line)
    context.exit(0 if told["config"]["is_served"] else 1)


def lines(told: dict[str, Any]) -> list[str]:
    """For people."""
    file, last, copy, keys = told["config"], told["last_reload"], told["last_good_copy"], told["keys"]
    state = file["state"] if not file["cure"] else f"{file['state']}; {file['cure']}"
    rows = [
        ("version", told["version"]),
        ("up", duration(told["uptime_seconds"])),
        ("serving", f"generation {told['generation']}, {told['digest'][:12]}"),
        ("file", f"{file['file']}: {state}"),
        ("last reload", f"{last['result']} at {last['at']}" if last else "none"),
        ("keys", keys["standing"] or "no recipients"),
    ]
    if not copy["is_kept"]:
        rows.append(("last good", f"not kept: {copy['reason']}"))
    rows += [*_backup(told["backup"]), *_database(told["database"]), *_git(told["git"])]
    shown = [f"{name:12} {value}" for name, value in rows]
    if last and last["reason"]:
        shown.append(f"{'reason':12} {last['reason']}")
    return shown + problem_lines(file["file"], last["problems"] if last else [])


_Rows = list[tuple[str, str]]


def _backup(told: dict[str, Any]) -> _Rows:
    """What is wrong with the backup."""
    left = [f"without {one['path']}: {one['reason']}" for one in told["left_out"]]
    reasons = left if told["is_kept"] else [f"not kept: {told['reason']}"]
    return [("backup", reason) for reason in reasons]


def _database(told: dict[str, Any]) -> _Rows:
    """What is wrong with state.db."""
    rows: _Rows = []
    if told["state"] == "unusable":
        rows.append(("database", f"can't be used: {told['reason']}; requests are answered without it"))
    if told["set_aside"]:
        rows.append(("database", f"a broken one is kept as {told['set_aside']}"))
    if told["dropped"]:
        rows.append(("database", f"{told['dropped']} rows were never written"))
    return rows


def _git(told: dict[str, Any] | None) -> _Rows:
    """Where the repository stands, if edits are committed."""
    if told is None:
        return []
    if told["reason"]:
        return [("git", f"nothing is committed: {told['reason']}")]
    head = told["head"][:12] if told["head"] else "no commit yet"
    rows = [("git", f"{head}{', and the file differs from it' if told['is_dirty'] else ''}")]
    last = told["last_commit"]
    if last is not None and last["reason"]:
        rows.append(("git", f"the last edit was not committed: {last['reason']}"))
    return rows


def duration(seconds: float) -> str:
    """`3d 4h`, `5h 2m`, `2m 10s`: the two largest units."""
    parts: list[str] = []
    rest = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
