"""What the client tests share: is there Node, and are its packages installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.chat import ToolCall

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
def cline(node: Path) -> Path:
    """The command of the cline CLI."""
    return _needed(FOLDER / "node_modules" / ".bin" / "cline", "the cline CLI")


@pytest.fixture
def weather_calls() -> list[ToolCall]:
    """Two parallel calls of one function, as a model makes them."""
    cities = ["Paris", "São Paulo"]
    return [ToolCall("weather", {"city": city}, f"call_{number}") for number, city in enumerate(cities)]
