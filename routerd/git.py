"""The repository that router.yaml is in: one commit for each edit by a program, of that file alone. Runs git."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from routerd.config.diff import Difference, summary
from routerd.config.file import ConfigFileError, digest, read_bytes

PATIENCE = 30.0  # seconds that a commit may take, with its hooks and its signing

_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
_ODD = re.compile(r"[<>\x00-\x1f\x7f]")


class GitError(Exception):
    """Git did not do it: its own words, on one line."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands. `is_dirty`: the file differs from what HEAD has of it."""

    head: str | None
    is_dirty: bool


def commit(path: Path, expected: str, actor: str, changes: Sequence[Difference]) -> str:
    """Commit the file at `path`, whose digest is `expected`, and nothing else; returns the commit. Raises GitError.

    Hooks run, and commits are signed, as the repository's own settings say. Blocks.
    """
    target = path.resolve()
    try:
        is_same = digest(read_bytes(target)) == expected
    except ConfigFileError:
        is_same = False
    if not is_same:
        raise GitError("the file has changed meanwhile: the next commit has this edit, too")
    if not _git(target, "ls-files", "--", target.name):
        raise GitError(f"{target.name} is not tracked: `git add` it once")
    author = _ODD.sub("", actor).strip() or "routerd"
    _git(
        target, "commit", "--quiet", "--only", f"--author={author} <{author.replace(' ', '.')}@routerd>",
        f"--message={message(target.name, changes)}", "--", target.name,
    )  # fmt: skip
    return _git(target, "rev-parse", "HEAD")


def message(name: str, changes: Sequence[Difference]) -> str:
    """What a commit says: its subject, and all of the changes when there are several."""
    if not changes:
        return f"{name}: edited"
    lines = "\n".join(f"- {change}" for change in changes)
    return f"{name}: {summary(changes, 3)}\n\n{lines}"


def standing(path: Path) -> Standing | None:
    """Where the repository of the file stands; None where there is none. Raises GitError. Blocks."""
    target = path.resolve()
    if not any((folder / ".git").exists() for folder in target.parents):
        return None
    try:
        head = _git(target, "rev-parse", "--verify", "--quiet", "HEAD")
    except GitError:
        head = None  # no commit yet
    return Standing(head, bool(_git(target, "status", "--porcelain", "--", target.name)))


def _git(target: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    if words[0] == "commit" and not _has_committer(target, environment):
        environment |= {"GIT_COMMITTER_NAME": "routerd", "GIT_COMMITTER_EMAIL": "routerd@localhost"}
    run = _run(target, environment, words)
    if run.returncode != 0:
        said = (run.stderr.strip() or run.stdout.strip() or f"git {words[0]} failed").splitlines()
        raise GitError(said[-1][:300])
    return run.stdout.strip()


def _has_committer(target: Path, environment: dict[str, str]) -> bool:
    return _run(target, environment, ("var", "GIT_COMMITTER_IDENT")).returncode == 0


def _run(target: Path, environment: dict[str, str], words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *words],
            cwd=target.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("git is not installed here") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {words[0]} took longer than {PATIENCE:.0f} s, and was ended") from None
    except OSError as error:
        raise GitError(f"git can't be run: {error.strerror}") from None
