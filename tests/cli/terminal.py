"""A verb on a terminal: what it asks, and what is typed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Session:
    """How it went: the output of both streams, and what the terminal itself showed."""

    exit_code: int
    out: str
    err: str
    shown: str


def at_terminal(folder: Path, *words: str, question: str, answer: str) -> Session:
    """Run `routerd` in `folder`, which is also the home folder; wait for the question, then type the answer."""
    terminal, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "routerd", *words],
        cwd=folder,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    os.close(theirs)
    assert process.stderr is not None
    asked = b""
    while not asked.endswith(question.encode()) and (byte := process.stderr.read(1)):
        asked += byte
    os.write(terminal, f"{answer}\n".encode())
    out, err = process.communicate(timeout=60)
    os.set_blocking(terminal, False)
    try:
        shown = os.read(terminal, 4096)
    except OSError:  # nothing, and nobody at the other end any more
        shown = b""
    os.close(terminal)
    return Session(process.returncode, out.decode(), (asked + err).decode(), shown.decode())
