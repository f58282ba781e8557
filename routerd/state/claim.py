"""The mark that a daemon leaves on its data folder for as long as it lives, so that a second one is noticed."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from routerd.config.write import make_private_folder

_NAME = "daemon.lock"


class Claim:
    """Held until it is released, or the process ends. `is_shared`: somebody else holds one on the folder already.

    Where files can't be locked nobody is noticed, and nothing else is different.
    """

    def __init__(self, folder: Path) -> None:
        self.is_shared = False
        self._descriptor: int | None = None
        with suppress(OSError):
            make_private_folder(folder)
            self._descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.is_shared = not _is_alone(self._descriptor)

    def release(self) -> None:
        """Let go of the folder."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _is_alone(descriptor: int) -> bool:
    """Whether nobody else has it locked. It is locked afterwards, together with them: a third one notices each."""
    is_alone = True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        is_alone = False
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return is_alone
