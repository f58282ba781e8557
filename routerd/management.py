"""What the control plane is given of the running program."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from routerd.access import AdminRules
from routerd.editing import Editor
from routerd.news import News
from routerd.reload import Adopt, Reloader
from routerd.state.generations import Generations


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
    started_at: float = field(default_factory=time.time)  # seconds since the epoch
