"""`/api/status`: how everything stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from quart import Response

from routerd import __version__, git
from routerd.keyring import standing as standing_of_keys
from routerd.management import Management
from routerd.reload import Reloader
from routerd.state.generations import stamp
from routerd.web.answers import answer
from routerd.web.operations import Operation
from routerd.web.shapes import Standing


class Status:
    """The handler; it runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def operations(self) -> Sequence[Operation]:
        """Its one row."""
        return (
            Operation(
                "GET", "/api/status", self.status, "Version, generation, the file, the last reload and its problems.",
                gives=Standing,
            ),
        )  # fmt: skip

    async def status(self) -> Response:
        """Version, generation, the file, the last reload and its problems."""
        management, reloader = self._management, self._management.reloader
        file, outcome = await reloader.state(), reloader.outcome
        return answer({
            "version": __version__,
            "generation": reloader.generation,
            "digest": reloader.digest,
            "started_at": stamp(management.started_at),
            "uptime_seconds": round(time.time() - management.started_at, 3),
            "replicas": 1,
            "config": {
                "file": str(reloader.path),
                "state": file.word,
                "cure": file.cure,
                "is_served": file.is_served,
            },
            "last_reload": outcome.as_json() if outcome is not None else None,
            "last_good_copy": {"is_kept": reloader.copy.is_kept, "reason": reloader.copy.reason},
            "backup": management.backups.standing.as_json(),
            "keys": _keys(reloader),
            "anonymous": reloader.loaded is not None and reloader.loaded.config.clients is None,
            "database": management.database.condition(),
            "git": await asyncio.to_thread(_git, management),
        })


def _keys(reloader: Reloader) -> dict[str, Any]:
    recipients = len(reloader.loaded.config.recipients) if reloader.loaded is not None else 0
    return {"recipients": recipients, "standing": standing_of_keys(recipients) if recipients else None}


def _git(management: Management) -> dict[str, Any] | None:
    """Where the file's repository stands; None when nothing is committed to one."""
    loaded = management.reloader.loaded
    if loaded is None or loaded.config.server.git == "off":
        return None
    last = management.editor.commit
    told: dict[str, Any] = {"last_commit": last.as_json() if last is not None else None}
    try:
        standing = git.standing(management.reloader.path)
    except git.GitError as error:
        return {"head": None, "is_dirty": None, "reason": str(error), **told}
    if standing is None:
        return {"head": None, "is_dirty": None, "reason": "the file is in no git repository", **told}
    return {"head": standing.head, "is_dirty": standing.is_dirty, "reason": None, **told}
