"""Where things lie, and free ports."""

from __future__ import annotations

import socket
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
REPOSITORY = BENCH.parent
BUILD = BENCH / "build"
RESULTS = BENCH / "results"
PEERS = BENCH / ".peers"
TOOLS = BENCH / ".tools"
TEMPLATES = BENCH / "templates"
DOCUMENT = REPOSITORY / "docs" / "performance.md"


def free_ports(count: int) -> list[int]:
    """So many different loopback ports that nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
