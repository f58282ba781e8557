"""What the control plane is given of the running program."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from routerd.access import AdminRules
from routerd.backups import Backups
from routerd.checks.watch import Checks
from routerd.editing import Editor
from routerd.loading import Loaded
from routerd.news import News
from routerd.observe import Log
from routerd.reload import Adopt, Reloader
from routerd.snapshot import Snapshot
from routerd.state.counters import Counters
from routerd.state.database import Database
from routerd.state.generations import Generations
from routerd.state.inventory import Inventory
from routerd.state.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Management:
    """Handles, built once by the composition root. `rules` gives who may at this moment."""

    reloader: Reloader
    editor: Editor
    adopt: Adopt
    generations: Generations | None
    news: News
    rules: Callable[[], AdminRules]
    admin_digest: bytes
    counters: Counters
    snapshot: Callable[[], Snapshot]  # the current one
    now: Callable[[], float]  # monotonic seconds, as the counters have them
    inventory: Inventory[Loaded]
    backups: Backups
    checks: Checks
    ledger: Ledger
    database: Database
    log: Log
    started_at: float = field(default_factory=time.time)  # seconds since the epoch
