"""What the client tests share: is there Node, are its packages installed, and the agents by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.agents import AGENTS, Agent
from tests.clients.commands import COMMANDS, Command
from tests.support.chat import ToolCall
from tests.support.reply import whole
from tests.support.upstream import Upstream

FOLDER = Path(__file__).parent


def _needed(path: str | Path | None, what: str) -> Path:
    if path is not None and Path(path).exists():
        return Path(path)
    missing = f"{what} is missing: run `make clients` (or `npm ci` in tests/clients)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def node() -> Path:
    """The node binary, with the openai package beside the scripts."""
    _needed(FOLDER / "node_modules" / "openai", "the openai package for Node")
    return _needed(shutil.which("node"), "node")


@pytest.fixture(scope="session")
def wall() -> Iterator[str]:
    """A proxy that lets nothing out: agents ask for their makers' servers, and tests need no network."""
    with Upstream(lambda _: whole(b"", 403)) as wall:
        yield f"http://127.0.0.1:{wall.port}"


@pytest.fixture
def agent_named(request: pytest.FixtureRequest) -> Callable[[str], Agent]:
    """The agent of a name. A test is skipped when its command is not installed."""

    def find(name: str) -> Agent:
        if name in AGENTS:
            return AGENTS[name]
        request.getfixturevalue("node")
        make, pattern = COMMANDS[name]
        found = sorted((FOLDER / "node_modules").glob(pattern))
        path = _needed(found[0] if found else None, f"the command of {name}")
        return make(Command(path, request.getfixturevalue("wall")))

    return find


@pytest.fixture
def weather_calls() -> list[ToolCall]:
    """Two parallel calls of one function, as a model makes them."""
    cities = ["Paris", "São Paulo"]
    return [ToolCall("weather", {"city": city}, f"call_{number}") for number, city in enumerate(cities)]
