"""The commented example, as it is in the repository's router.yaml."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """Where it is."""
    return Path(__file__).with_name("example.yaml")


def text() -> str:
    """What `routerd` serves when there is no file. The same as router.yaml beside the code."""
    return path().read_bytes().decode()


def first(schema: str | None) -> str:
    """The example as a first file somewhere else, where editors find the schema at `schema`, or nowhere."""
    _, _, rest = text().partition("\n\n")  # its first line says where it is beside the example
    return rest if schema is None else f"# yaml-language-server: $schema={schema}\n\n{rest}"
