"""The file router.yaml: read whole, with the digest that is its version."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MOST_BYTES = 1024 * 1024

Trouble = Literal[
    "missing", "unreadable", "not_a_file", "too_large", "not_utf8", "changing",
    "changed", "read_only", "deleted_inode", "unwritable",
]  # fmt: skip


class ConfigFileError(Exception):
    """The file can't be had as text, or not be written. `trouble` says it for programs, the message for people."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Read:
    """A file's text, a byte order mark included, and the SHA-256 of its bytes in hexadecimal."""

    text: str
    digest: str


def read(path: Path) -> Read:
    """Read the file at `path` as one consistent whole. Raises ConfigFileError. Blocks: not for the event loop."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigFileError("not_utf8", f"{path} is not UTF-8: see line {line}") from None
    return Read(text, digest(data))


def read_bytes(path: Path) -> bytes:
    """The bytes of the file at `path`, none of them of another moment. Raises ConfigFileError."""
    try:
        return _read_unchanged(path)
    except FileNotFoundError:
        raise ConfigFileError("missing", f"{path} does not exist") from None
    except IsADirectoryError:
        raise ConfigFileError("not_a_file", f"{path} is a folder") from None
    except OSError as error:
        raise ConfigFileError("unreadable", f"{path} can't be read: {error.strerror}") from None


def digest(data: bytes) -> str:
    """The version of a config: SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _read_unchanged(path: Path) -> bytes:
    # O_NONBLOCK: a pipe in the place of the file would make us wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise ConfigFileError("not_a_file", f"{path} is not a plain file")
        data = file.read(MOST_BYTES + 1)
        after = os.fstat(descriptor)
    if len(data) > MOST_BYTES:
        raise ConfigFileError("too_large", f"{path} is larger than 1 MiB")
    if _version(before) != _version(after) or len(data) != after.st_size:
        raise ConfigFileError("changing", f"{path} is being written")
    return data


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size
