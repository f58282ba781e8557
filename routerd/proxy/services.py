"""What every request shares: built once, by the composition root."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from routerd.adapters import table
from routerd.observe import Log
from routerd.proxy.cork import Cork
from routerd.proxy.upstream import Upstreams
from routerd.state.counters import Counters
from routerd.state.ledger import Ledger
from routerd.state.signatures import Signatures


class Watched(Protocol):
    """A request under way: the sweep looks at it, and the end of a drain ends it."""

    def tick(self, now: float) -> None: ...

    def stop(self) -> None: ...


@dataclass(slots=True)
class Services:
    """The live half of the proxy; the other half is the snapshot. `open_after` is in seconds."""

    loop: asyncio.AbstractEventLoop
    upstreams: Upstreams
    counters: Counters
    log: Log
    signatures: Signatures
    ledger: Ledger
    cork: Cork
    under_way: set[Watched]
    rng: random.Random = field(default_factory=random.Random)
    open_after: float = 10.0  # of silence, then the caller hears a comment: proxies in between cut at 60
    can_translate: bool = False  # what translation needs is imported
    now: Callable[[], float] = field(init=False)  # monotonic seconds

    def __post_init__(self) -> None:
        self.now = self.loop.time

    async def prepare(self) -> None:
        """Make ready to translate, once."""
        if not self.can_translate:
            await asyncio.to_thread(table.load)
            self.can_translate = True

    def sweep(self) -> None:
        """Look at everything under way."""
        now = self.now()
        for journey in list(self.under_way):
            try:
                journey.tick(now)
            except Exception as error:  # one request's mistake must not end the timeouts of all
                self.loop.call_exception_handler({"message": "a tick failed", "exception": error})
        self.upstreams.pools.sweep()
        self.counters.prune(now)
        self.signatures.prune()
        self.ledger.prune(now)
