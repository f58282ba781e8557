"""The commented example, as it is in the repository's router.yaml."""

from __future__ import annotations

from pathlib import Path

_EDITORS = "# yaml-language-server:"


def path() -> Path:
    """Where it is."""
    return Path(__file__).with_name("example.yaml")


def text() -> str:
    """What `routerd` serves when there is no file. The same as router.yaml beside the code."""
    return path().read_bytes().decode()


def first() -> str:
    """The example as a first file somewhere else, where the schema is not."""
    return "".join(line for line in text().splitlines(keepends=True) if not line.startswith(_EDITORS))
