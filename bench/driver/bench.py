"""What every row is given: the mock, the load generator, bodies, how long to measure, and how to start a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from driver.bodies import Bodies
from driver.build import Tools
from driver.load import Load
from driver.mock import Mock
from driver.rounds import Rounds
from driver.subjects import Installation, Nginx, Routerd, Subject, router_config


@dataclass(frozen=True)
class Length:
    """How thorough a run is: `rounds` of `seconds` for a capacity row, `latency_rounds` at one connection, so many
    `starts`, `failover_rounds`, seconds for the rows of refusals and of the ledger, so many `saves`, and so many
    `reloads` in `reload_rounds`; and whether rows without a target are taken too."""

    name: str
    rounds: int
    seconds: float
    latency_rounds: int
    starts: int
    failover_rounds: int
    refusal_seconds: float
    ledger_seconds: float
    saves: int
    reloads: int
    reload_rounds: int
    is_thorough: bool


QUICK = Length(
    "quick", 3, 0.8, latency_rounds=3, starts=3, failover_rounds=3, refusal_seconds=20, ledger_seconds=12, saves=25,
    reloads=100, reload_rounds=4, is_thorough=False,
)  # fmt: skip
FULL = Length(
    "full", 9, 3.0, latency_rounds=15, starts=9, failover_rounds=7, refusal_seconds=60, ledger_seconds=60, saves=105,
    reloads=1000, reload_rounds=10, is_thorough=True,
)  # fmt: skip


@dataclass(frozen=True)
class Cores:
    """The proxy alone on one core; mock, load generator and this program on the other."""

    proxy: int
    load: int


@dataclass(frozen=True)
class Bench:
    tools: Tools
    mock: Mock
    load: Load
    bodies: Bodies
    cores: Cores
    length: Length
    folder: Path
    installations: Sequence[Installation]
    progress: Callable[[str], None] = print
    rounds: Rounds = field(default_factory=Rounds)

    def start_nginx(self) -> Nginx:
        return Nginx(self.mock.ports, self.tools, self.cores.proxy, self.folder)

    def spawn_routerd(self, installed: Installation | None = None, config: str | None = None) -> Routerd:
        """routerd, just spawned: the first installation and the main config unless said."""
        text = config or router_config(self.mock.ports)
        return Routerd(installed or self.installations[0], text, self.tools, self.cores.proxy, self.folder)

    def start_routerd(self, installed: Installation | None = None, config: str | None = None) -> Routerd:
        """routerd, once it listens."""
        routerd = self.spawn_routerd(installed, config)
        routerd.process.wait_for_port(routerd.port, 20)
        return routerd

    def starters(self) -> list[Callable[[], Subject]]:
        """One function for each proxy that spawns it: nginx first, then every routerd."""
        return [self.start_nginx, *(partial(self.spawn_routerd, installed) for installed in self.installations)]

    @contextmanager
    def proxies(self) -> Iterator[list[Subject]]:
        """nginx and every routerd, running; all are stopped at the end."""
        nginx = self.start_nginx()
        with nginx.process, self.routerds() as routerds:
            yield [nginx, *routerds]

    @contextmanager
    def routerds(self, config: str | None = None) -> Iterator[list[Subject]]:
        """Every routerd, running; all are stopped at the end."""
        with ExitStack() as stack:
            started: list[Subject] = []
            for installed in self.installations:
                started.append(self.start_routerd(installed, config))
                stack.enter_context(started[-1].process)
            yield started
