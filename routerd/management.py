"""What the control plane is given of the running program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.access import AdminRules
from routerd.backups import Backups
from routerd.checks.watch import Checks
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

if TYPE_CHECKING:
    from routerd.editing import Editor

PATIENCE = 10.0  # seconds that a disk may take at the end


@dataclass(slots=True)
class Management:
    """Handles, built once by the composition root. `rules` gives who may at this moment."""

    reloader: Reloader
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
    data_dir: Path
    started_at: float = field(default_factory=time.time)  # seconds since the epoch
    _editor: Editor | None = field(default=None, init=False, repr=False)

    @property
    def editor(self) -> Editor:
        """Made at first need: it brings along all that an edit takes, and who only serves does without."""
        if self._editor is None:
            from routerd.editing import Editor

            sources = self.backups.sources
            self._editor = Editor(
                self.reloader, self.adopt, sources, self.data_dir, self.generations, self.backups.settle
            )  # fmt: skip
        return self._editor

    async def settle(self) -> None:
        """Wait for the edits that are under way, and have the latest one backed up: at the end."""
        if self._editor is not None:
            await self._editor.settle()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self.backups.settle()
