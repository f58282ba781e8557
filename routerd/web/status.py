"""`/api/status` and `/metrics`: how the config stands, for people and for machines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from quart import Quart, Response

from routerd import __version__, git
from routerd.keyring import standing as standing_of_keys
from routerd.management import Management
from routerd.reload import Reloader
from routerd.state.generations import stamp
from routerd.web.answers import answer

_RESULTS = ("adopted", "rejected")


class Status:
    """The handlers; both run behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._registry = CollectorRegistry()
        self._registry.register(ReloadMetrics(management.reloader))

    def add_to(self, app: Quart) -> None:
        """Make the paths known."""
        app.add_url_rule("/api/status", "status", self.status, methods=["GET"])
        app.add_url_rule("/metrics", "metrics", self.metrics, methods=["GET"])

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
            "keys": _keys(reloader),
            "git": await asyncio.to_thread(_git, management),
        })

    async def metrics(self) -> Response:
        """What Prometheus scrapes."""
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)


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


class ReloadMetrics(Collector):
    """The reload's numbers, read when they are asked for."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its number of this moment."""
        reloader = self._reloader
        is_good = reloader.outcome is not None and reloader.outcome.result != "rejected"
        yield GaugeMetricFamily(
            "routerd_config_last_reload_successful", "Whether the latest look at the config was adopted.", is_good
        )
        yield GaugeMetricFamily(
            "routerd_config_last_reload_success_timestamp_seconds",
            "When a config was last found good, in seconds since the epoch.",
            reloader.succeeded_at,
        )
        yield GaugeMetricFamily("routerd_config_generation", "The generation that serves.", reloader.generation)
        total = CounterMetricFamily("routerd_config_reloads", "Configs that were looked at.", labels=["result"])
        for result in _RESULTS:
            total.add_metric([result], reloader.counts[result])
        yield total
