"""`routerd restore`: providers and routes as a backup has them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from routerd.cli.alone import load_file, sources_of, unservable
from routerd.cli.api import Refusal, api_options, ask_if_there, change_lines, counted, print_json, problem_lines
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.hiding import REDACTED, diff
from routerd.config.places import places
from routerd.config.problem import path_text
from routerd.loading import Loaded, Rejected, load
from routerd.settings import Settings
from routerd.state.backup import MOST_BYTES, Backup, BadBackup, Files, parse

_CURES = {"reference_by_hand", "key_unreadable"}


@click.command
@click.argument("file", required=False)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@api_options
def restore(file: str | None, dry_run: bool, config: str | None, url: str | None, as_json: bool) -> None:
    """Make providers and routes what FILE says: a path, or the name of a backup; the configured one when left out."""
    settings = load_settings({"config": config})
    name, data = _found(settings, file)
    given = None if data is None else _parsed(data)
    query = f"?dry_run={str(dry_run).lower()}" + (f"&backup={quote(name)}" if name else "")
    try:
        told = ask_if_there(settings, url, f"/api/admin/providers/restore{query}", _document(given))
    except Refusal as refusal:
        raise _explained(refusal, settings) from None
    if told is None:
        told = _restored(settings, name, given, dry_run=dry_run)
    if as_json:
        print_json(told)
        return
    click.echo(told["diff"], nl=False)
    for line in [*problem_lines(settings.config.name, told["problems"]), *change_lines(told["changes"])]:
        click.echo(line, err=True)
    counts = told["restored"]
    done = "would be there" if dry_run else "are there"
    click.echo(f"{counted(counts['providers'], 'provider')} and {counted(counts['routes'], 'route')} {done}", err=True)


def _found(settings: Settings, file: str | None) -> tuple[str | None, bytes | None]:
    """The name of a backup among those there are, or the content of another file; neither: the configured one."""
    if file is None:
        return None, None
    path = Path(file)
    folder = settings.backup_file.parent
    is_known = any(row.name == path.name for row in Files(settings.backup_file).rows())
    is_there = path.parent.resolve() == folder.resolve()
    if is_known and (is_there or (path.parent == Path() and not path.exists())):
        return path.name, None
    try:
        with path.open("rb") as opened:
            return None, opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Trouble(f"{file} can't be read: {error.strerror}", "`routerd backup --list` says what there is") from None


def _parsed(data: bytes) -> Backup:
    try:
        return parse(data)
    except BadBackup as error:
        raise Trouble(str(error).removesuffix(".")) from None


def _document(backup: Backup | None) -> Any:
    import msgspec

    return None if backup is None else msgspec.to_builtins(backup)


def _explained(refusal: Refusal, settings: Settings) -> Trouble:
    lines = problem_lines(settings.config.name, refusal.body.get("problems", ()))
    cure = None
    if refusal.body.get("kind") in _CURES:
        cure = f"a file that you trust may take the place of {settings.backup_file}: then `routerd restore` takes it"
    return Trouble("\n".join([refusal.message, *lines]), cure)


# Without a router


def _restored(settings: Settings, name: str | None, given: Backup | None, *, dry_run: bool) -> dict[str, Any]:
    """Change the file itself: whoever may call this may write it by hand as well. Raises Trouble."""
    from routerd.backups import restorable
    from routerd.config.document import parse as parse_yaml
    from routerd.config.restoring import Unfit, plan
    from routerd.config.splice import Unspliceable, splice

    before = load_file(settings)
    try:
        wanted = restorable(given or Files(settings.backup_file).read(name).backup)
        text = splice(before.text, plan(parse_yaml(before.text).data, wanted))
        after = load(text, "", 1, settings.folder, sources_of(settings))
    except BadBackup as error:
        raise Trouble(str(error).removesuffix(".")) from None
    except OSError as error:
        raise Trouble(f"{settings.backup_file} can't be read: {error.strerror}") from None
    except Unfit as error:
        raise Trouble("\n".join([str(error), *map(str, error.problems)])) from None
    except Unspliceable as error:
        raise Trouble(f"{settings.config}: {error}") from None
    except Rejected as rejected:
        raise unservable(settings, rejected) from None
    is_news = text != before.text
    if is_news and not dry_run:
        after = _sealed(settings, after)
    return {
        "restored": wanted.counts,
        "snapshot": _written(settings, before, after) if is_news and not dry_run else None,
        "diff": _diff(settings.config.name, before, after),
        "changes": [],
        "problems": [problem.as_json() for problem in after.warnings],
    }


def _diff(name: str, before: Loaded, after: Loaded) -> str:
    """The lines that differ, without any key in plain text."""
    secrets = {place.secret for loaded in (before, after) for place in places(loaded.config) if place.kind == "plain"}
    text = diff(before.text, after.text, name, name, has_secrets=bool(secrets))
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def _sealed(settings: Settings, loaded: Loaded) -> Loaded:
    """The same with every plain key sealed. Raises Trouble."""
    from routerd.config.edit_scalar import CantEdit
    from routerd.keyring import Keyring, KeyringError, seal_plain

    sources = sources_of(settings)
    try:
        edited = seal_plain(loaded.text, Keyring(sources))
    except (KeyringError, CantEdit) as error:
        raise Trouble(f"a key can't be sealed: {error}") from None
    if edited.left:
        raise Trouble(f"{path_text(edited.left[0].path)} can't be sealed: {edited.left[0].reason}")
    return load(edited.text, "", 1, settings.folder, sources)


def _written(settings: Settings, before: Loaded, after: Loaded) -> str:
    """Keep what was there, then write; the name of the backup of what was there. Raises Trouble."""
    from routerd.backups import made
    from routerd.config.file import ConfigFileError
    from routerd.config.write import write_if
    from routerd.copies import NotKept

    try:
        name = Files(settings.backup_file).keep(made(before, sources_of(settings)), time.time())
        write_if(settings.config, before.snapshot.digest, after.text, settings.data_dir)
    except (NotKept, OSError) as error:
        raise Trouble(f"what is there now could not be kept: {error}") from None
    except ConfigFileError as error:
        raise Trouble(str(error)) from None
    return name
