"""Recordings of what providers really say, from the folder that ROUTERD_CORPUS names; [] when it names none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

FOLDER = os.environ.get("ROUTERD_CORPUS")
NOT_GIVEN = "corpus: not given"


class Recording(msgspec.Struct):
    """One reply; `protocol` is the adapter's name, `kind` json or sse. `request` is None where nobody kept it."""

    id: str
    protocol: str
    kind: str
    status: int
    body: str
    request: Any = None

    @property
    def data(self) -> bytes:
        """The body as it came."""
        return self.body.encode()


class Client(msgspec.Struct):
    """One request that a client really sent."""

    client: str
    scenario: str
    n: int
    target: str
    body: Any = None


@cache
def recordings() -> list[Recording]:
    """Every recording."""
    if not FOLDER:
        return []
    lines = (Path(FOLDER) / "corpus.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Recording) for line in lines]


@cache
def clients() -> list[Client]:
    """Every request of a client."""
    files = sorted((Path(FOLDER) / "clients").glob("*/*.json")) if FOLDER else []
    return [msgspec.json.decode(file.read_bytes(), type=Client) for file in files]


def chosen(*protocols: str, kind: str | None = None, status: int | None = None) -> list[Any]:
    """Parameters for a test: the recordings of these protocols; a skipped one where there is no corpus."""
    found = [
        pytest.param(each, id=each.id.rpartition("/")[2])
        for each in recordings()
        if each.protocol in protocols and kind in (None, each.kind) and status in (None, each.status)
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(NOT_GIVEN))]


def sent_to(path: str) -> Iterator[Client]:
    """The clients' requests to a path of ours."""
    yield from (each for each in clients() if each.target.partition("?")[0].endswith(path))
