"""Every way in which files are saved, as functions of a folder and a text."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Save = Callable[[Path, str], None]


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def rename_over(path: Path, text: str) -> None:
    draft = path.with_name(".draft")
    draft.write_text(text)
    os.replace(draft, path)


def truncate_and_write_slowly(path: Path, text: str) -> None:
    """A piece at a time, with longer pauses than any debounce waits for."""
    with path.open("w") as file:
        for line in text.splitlines(keepends=True):
            file.write(line)
            file.flush()
            time.sleep(0.4)


def delete_and_create(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.3)
    path.write_text(text)


def sed(path: Path, text: str) -> None:
    draft = path.with_name("wanted")
    draft.write_text(text)
    subprocess.run(["sed", "-i", "-e", f"1r {draft}", "-e", "d", str(path)], check=True)


def _vim(path: Path, text: str, option: str) -> None:
    draft = path.with_name("wanted")
    draft.write_text(text)
    command = ["vim", "-u", "NONE", "-es", "-n", "-c", f"set {option}", "-c", "%d", "-c", f"read {draft}", "-c", "1d"]
    subprocess.run([*command, "-c", "wq", str(path)], check=True, stdin=subprocess.DEVNULL)


def vim_writes_anew(path: Path, text: str) -> None:
    _vim(path, text, "backup writebackup backupcopy=no")


def vim_writes_in_place(path: Path, text: str) -> None:
    _vim(path, text, "backup writebackup backupcopy=yes")


def git_checkout(path: Path, text: str) -> None:
    """Two branches, and a switch from one to the other."""

    def git(*words: str) -> None:
        names = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *names, *words], cwd=path.parent, check=True, capture_output=True)

    if not (path.parent / ".git").exists():
        git("init", "-q")
    git("add", "router.yaml")
    git("commit", "-q", "--allow-empty", "-m", "before")
    git("checkout", "-q", "-b", f"next-{time.monotonic_ns()}")
    before = path.read_text()
    other = path.with_name("other")
    other.write_text(text)
    subprocess.run(
        ["git", "update-index", "--cacheinfo", f"100644,{_blob(other)},router.yaml"], cwd=path.parent, check=True
    )
    git("commit", "-q", "-m", "after")
    assert path.read_text() == before
    git("checkout", "-q", "HEAD", "--", "router.yaml")


def _blob(file: Path) -> str:
    command = ["git", "hash-object", "-w", str(file)]
    return subprocess.run(command, cwd=file.parent, check=True, capture_output=True, text=True).stdout.strip()


SAVES: dict[str, Save] = {
    function.__name__: function
    for function in (
        write_in_place, rename_over, truncate_and_write_slowly, delete_and_create, sed, vim_writes_anew,
        vim_writes_in_place, git_checkout,
    )
}  # fmt: skip
NEEDS = {"vim_writes_anew": "vim", "vim_writes_in_place": "vim", "git_checkout": "git", "sed": "sed"}


def is_missing(name: str) -> bool:
    """Whether the program that this way needs is not here."""
    return name in NEEDS and shutil.which(NEEDS[name]) is None
