"""What a file is compared with by `routerd check`: the text that was trusted before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from routerd.cli.trouble import Misuse
from routerd.config.check import check
from routerd.config.diff import Difference, differences
from routerd.config.file import ConfigFileError, read
from routerd.settings import Settings

WEIGHTY = frozenset({"recipient", "origin", "reference"})
"""The kinds of changes that say who can read keys, and where keys are sent."""


class Earlier(NamedTuple):
    """A text of the file, and what to call it."""

    name: str
    text: str


def earlier(path: Path, text: str, settings: Settings | None, against: str | None) -> Earlier | None:
    """The text to compare with: the one asked for, else the newest that is known and differs from `text`.

    `against` is a file or a revision of git. Raises Misuse when it is neither.
    """
    if against is None:
        return next((known for known in _known(path, settings) if known.text != text), None)
    if Path(against).is_file():
        try:
            return Earlier(against, read(Path(against)).text)
        except ConfigFileError as error:
            raise Misuse(str(error)) from None
    found = next(_of_git(path, against), None)
    if found is None:
        raise Misuse(f"there is no file `{against}`, and git has no {path.name} in a revision of that name")
    return found


def weighty(before: str, after: str) -> list[Difference]:
    """Changes of who can read keys, and of where keys are sent; none while one of the texts has problems."""
    old, new = check(before).config, check(after).config
    if old is None or new is None:
        return []
    return [change for change in differences(old, new, lambda place: None) if change.kind in WEIGHTY]


def _known(path: Path, settings: Settings | None) -> Iterator[Earlier]:
    """The last good one, if this is the file that is served from here; then what git has."""
    if settings is not None and path.resolve() == settings.config.resolve():
        from routerd.state.generations import last_good_in

        kept = last_good_in(settings.data_dir / "generations", settings.config)
        if kept is not None:
            yield Earlier("what served last", kept)
    yield from _of_git(path, "HEAD")
    yield from _of_git(path, "HEAD^")


def _of_git(path: Path, revision: str) -> Iterator[Earlier]:
    from routerd import git

    found = git.earlier(path, revision) if not revision.startswith("-") else None
    if found is not None:
        yield Earlier(revision, found)
