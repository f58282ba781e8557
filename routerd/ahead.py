"""The first look at router.yaml, by a process of its own that ends with it.

What checks a text is a quarter of all memory and half of the start, and who serves needs it again only when the file
changes or somebody opens the control plane. So a fork checks the file, while this process imports what serves.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from routerd.config.examined import Examined, examined, message
from routerd.config.file import digest, read

PATIENCE = 20  # seconds that the look may take

_BOTH = ("msgspec", "routerd.config.places")  # imported once, before there are two who need it or parts of it
_HEAD = 64  # bytes: the digest of the text that was looked at


class Ahead:
    """A look that is under way. Begin it before there is any other thread: a fork takes its locks along."""

    def __init__(self, path: Path) -> None:
        self._found: tuple[int, int] | None = None  # process and pipe
        # macOS: what the system's own libraries keep does not survive a fork
        if hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1:
            with suppress(OSError):
                self._found = _begun(path)

    def examine(self, text: str) -> Examined:
        """What was found. Where nothing was, or another text, it is looked at here."""
        from routerd.loading import examining  # here: before the fork it would be in the way
        from routerd.workshop import here

        return self._examined(text) or examining(here)(text)

    def end(self) -> None:
        """Nobody needs it any more, or it has been taken."""
        if self._found is not None:
            (process, pipe), self._found = self._found, None
            os.close(pipe)
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def _examined(self, text: str) -> Examined | None:
        if self._found is None:
            return None
        (process, pipe), self._found = self._found, None
        with os.fdopen(pipe, "rb") as answer:
            received = answer.read()
        os.waitpid(process, 0)
        if received[:_HEAD] != digest(text.encode()).encode():
            return None
        return _read(received[_HEAD:])


def _read(received: bytes) -> Examined | None:
    try:
        return examined(received)
    except (EOFError, ValueError, TypeError):  # it was cut short
        return None


def _begun(path: Path) -> tuple[int, int]:
    for name in _BOTH:
        importlib.import_module(name)
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _look(path, writing)
    os.close(writing)
    return process, reading


def _look(path: Path, pipe: int) -> NoReturn:
    """In the fork. What goes wrong is told by the process that serves: it then looks for itself."""
    try:
        signal.alarm(PATIENCE)
        found = read(path)
        with os.fdopen(pipe, "wb") as answer:
            answer.write(found.digest.encode() + message(found.text))
    finally:
        os._exit(0)  # nothing that was begun before the fork is to be ended twice
