"""The mock upstream, with one port for each behaviour that the rows need."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.request import urlopen

from driver.build import Tools
from driver.places import free_ports
from driver.process import Process

STREAM_EVENTS = 202
STEADY_EVENTS = 302
STEADY_DELAY_MS = 10
# So slow that events come one by one though many streams keep a core busy.
_TRANSLATED = f"delay=4000,events={STREAM_EVENTS}"

# What each port does, in the words of mock.c.
BEHAVIOURS = MappingProxyType({
    "fast": f"delay=2000,events={STREAM_EVENTS}",
    "slow": f"delay=40000,events={STREAM_EVENTS}",
    "steady": f"delay={STEADY_DELAY_MS * 1000},events={STEADY_EVENTS}",
    "spare": "",
    "gone": "refuse",
    "broken": "status=500",
    "limited": "status=429,retry-after=2",
    "limited_bare": "status=429",
    "limited_impatient": "status=429,retry-after=2",
    "tls": "tls",
    "openai_text": _TRANSLATED,
    "openai_tools": f"{_TRANSLATED},tools",
    "anthropic_text": f"{_TRANSLATED},dialect=anthropic",
    "anthropic_tools": f"{_TRANSLATED},dialect=anthropic,tools",
})


class Mock:
    """Runs the mock, pinned to `core`. `ports` maps each name of BEHAVIOURS to its port."""

    def __init__(self, tools: Tools, core: int, folder: Path) -> None:
        self.has_tls = tools.certificate is not None
        names = [name for name in BEHAVIOURS if name != "tls" or self.has_tls]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        listeners = [f"{port},{BEHAVIOURS[name]}".rstrip(",") for name, port in self.ports.items()]
        secrets = ["--certificate", str(tools.certificate), "--key", str(tools.key)] if self.has_tls else []
        self._process = Process([str(tools.mock), *secrets, *listeners], core, folder / "mock.log")
        self._process.wait_for_port(self.ports["fast"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def requests(self, name: str) -> int:
        """How many requests that port was asked so far."""
        with urlopen(f"http://127.0.0.1:{self.ports['fast']}/stats", timeout=5) as answer:
            return int(json.load(answer)[str(self.ports[name])]["requests"])
