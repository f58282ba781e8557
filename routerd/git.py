"""The repository that router.yaml is in: one commit for each edit by a program, of that file alone. Runs git."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from routerd.config.diff import Difference, summary

PATIENCE = 30.0  # seconds that a commit may take, with its hooks and its signing

_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
_ODD = re.compile(r"[<>\x00-\x1f\x7f]")
_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
_WAITS = (0.1, 0.3, 1.0)  # seconds: somebody else's git may have the index locked for a moment


class GitError(Exception):
    """Git did not do it: its own words, on one line."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands. `is_dirty`: the file differs from what HEAD has of it."""

    head: str | None
    is_dirty: bool


def commit(path: Path, text: str, actor: str, changes: Sequence[Difference], has_more: bool = False) -> str:
    """Commit `text` as the content of the file at `path`, and nothing else; returns the commit. Raises GitError.

    `has_more`: `changes` are not those of the edit alone, and the message says so.

    The file itself is not looked at: a later edit may be in it already. So the commit is made of an index of its own,
    which is HEAD's but for this file, as `git commit --only` does it. Hooks run, and commits are signed, as the
    repository's own settings say. Blocks.
    """
    target = path.resolve()
    found = _git(target, "ls-files", "--full-name", "--stage", "-z", "--", target.name).rstrip("\0")
    if not found:
        raise GitError(f"{target.name} is not tracked: `git add` it once")
    _refuse_unfinished(target)
    mode, name = found.split(" ", 1)[0], found.split("\t", 1)[1]
    blob = _git(target, "hash-object", "-w", "--stdin", f"--path={target.name}", said=text)
    head = _head(target)
    if head is not None and blob == _blob(target, "HEAD"):
        raise GitError(f"HEAD has this text of {target.name} already")
    with tempfile.TemporaryDirectory(prefix="routerd-") as folder:
        own = {"GIT_INDEX_FILE": f"{folder}/index"}
        _git(target, "read-tree", head or "--empty", more=own)
        _git(target, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}", more=own)
        author = _ODD.sub("", actor).strip() or "routerd"
        _git(
            target, "commit", "--quiet", f"--author={author} <{author.replace(' ', '.')}@routerd>",
            f"--message={message(target.name, changes, has_more)}", more=own,
        )  # fmt: skip
    made = _git(target, "rev-parse", "HEAD")
    _take_over(target)
    return made


def message(name: str, changes: Sequence[Difference], has_more: bool = False) -> str:
    """What a commit says: its subject, all of the changes, and whether they are not of one edit alone."""
    blocks = [f"{name}: {summary(changes, 3)}" if changes else f"{name}: edited"]
    if changes:
        blocks.append("\n".join(f"- {change}" for change in changes))
    if has_more:
        blocks.append("Some of it was in the file before this edit, and had not been committed.")
    return "\n\n".join(blocks)


def standing(path: Path) -> Standing | None:
    """Where the repository of the file stands; None where there is none. Raises GitError. Blocks."""
    target = path.resolve()
    if not _is_inside(target):
        return None
    return Standing(_head(target), bool(_git(target, "status", "--porcelain", "--", target.name)))


def earlier(path: Path, revision: str) -> str | None:
    """The text of the file in a revision, such as `HEAD`; None when there is none, or no repository. Blocks."""
    target = path.resolve()
    if not _is_inside(target):
        return None
    try:
        # As it would be checked out, so that it can be compared with what is in the folder.
        return _git(target, "cat-file", "--filters", f"{revision}:./{target.name}", is_exact=True)
    except GitError:
        return None


def _is_inside(target: Path) -> bool:
    return any((folder / ".git").exists() for folder in target.parents)


def _head(target: Path) -> str | None:
    """HEAD's commit; None when there is none yet."""
    try:
        return _git(target, "rev-parse", "--verify", "--quiet", "HEAD")
    except GitError:
        return None


def _blob(target: Path, revision: str) -> str | None:
    try:
        return _git(target, "rev-parse", "--verify", "--quiet", f"{revision}:./{target.name}")
    except GitError:
        return None


def _refuse_unfinished(target: Path) -> None:
    """A commit in the middle of a merge would end the merge, with nothing of what it merges."""
    words = [word for name in _UNFINISHED for word in ("--git-path", name)]
    for place in _git(target, "rev-parse", *words).splitlines():
        if (target.parent / place).exists():
            raise GitError(f"{Path(place).name} is there: finish the merge or rebase, and commit {target.name} with it")


def _take_over(target: Path) -> None:
    """Give the usual index the file as it was committed, so that nothing seems to be staged. Raises GitError."""
    for pause in (*_WAITS, None):
        try:
            _git(target, "reset", "--quiet", "--", target.name)
        except GitError as error:
            if pause is None:
                raise GitError(f"it is committed, but not in the index (`git reset {target.name}`): {error}") from None
            time.sleep(pause)
        else:
            return


def _git(
    target: Path, *words: str, said: str | None = None, more: Mapping[str, str] | None = None, is_exact: bool = False
) -> str:
    """What git prints, when it is told `said`. Raises GitError."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", **(more or {})}
    if words[0] == "commit" and _run(target, environment, ("var", "GIT_COMMITTER_IDENT"))[0] != 0:
        environment |= {"GIT_COMMITTER_NAME": "routerd", "GIT_COMMITTER_EMAIL": "routerd@localhost"}
    status, out, err = _run(target, environment, words, said)
    if status != 0:
        words_of_git = (err.strip() or out.strip() or f"git {words[0]} failed").splitlines()
        raise GitError(words_of_git[-1][:300])
    return out if is_exact else out.strip()


def _run(
    target: Path, environment: Mapping[str, str], words: Sequence[str], said: str | None = None
) -> tuple[int, str, str]:
    """Exit status, output, errors. Raises GitError."""
    try:
        process = subprocess.Popen(
            ["git", *words],
            cwd=target.parent,
            env=environment,
            stdin=subprocess.DEVNULL if said is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that its hooks can be ended with it
        )
    except FileNotFoundError:
        raise GitError("git is not installed here") from None
    except OSError as error:
        raise GitError(f"git can't be run: {error.strerror}") from None
    try:
        out, err = process.communicate(None if said is None else said.encode(), timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        _end(process)
        raise GitError(f"git {words[0]} took longer than {PATIENCE:.0f} s, and was ended") from None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and its hooks; asked first, since it takes its locks away then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
            return
