"""What can be said of the file router.yaml beside its text: whether it is there, can be written, is being written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Condition = Literal["ok", "missing", "deleted_inode", "read_only"]

CURES = {
    "missing": "put it back, or `routerd rollback GENERATION` writes one that served before",
    "deleted_inode": "it was replaced outside of this mount: mount its folder, not the file",
    "read_only": "edits are made where it comes from",
}
"""What to do about each condition."""

_STEP = 0.05  # seconds between two looks at a file that is being written


def condition(path: Path) -> Condition:
    """How the file at `path` is. Reads nothing of it. Blocks: not for the event loop."""
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    if status.st_nlink == 0:  # a single file that is mounted, and has been renamed over where it comes from
        return "deleted_inode"
    is_writable = os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    return "ok" if is_writable else "read_only"


def wait_until_written(path: Path, patience: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Return when nobody has the file open for writing any more, or after `patience` seconds. Blocks.

    An editor that empties the file and writes it piece by piece would else be taken at its word half-way.
    """
    waited = 0.0
    while waited < patience and has_writer(path):
        pause(_STEP)
        waited += _STEP


def has_writer(path: Path) -> bool:
    """Whether somebody has the file open for writing, as far as can be told: the kernel gives no lease then.

    https://man7.org/linux/man-pages/man2/F_GETSIG.2const.html
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        # Who opens it for writing in this very moment waits until we let go; the signal that tells us so is by default
        # one that would end the program.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:  # another's file, or a file system without leases: nobody can tell
        return error.errno == errno.EAGAIN
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return False
