"""The rows of the table: each is a function from the bench to the figures it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from driver.bench import Bench
from driver.figures import Figure
from driver.rows import capacity, crowd, failover, footprint, latency, ledger, reload, translate

ROWS: Mapping[str, Callable[[Bench], list[Figure]]] = MappingProxyType({
    "whole": capacity.whole,
    "tls": capacity.tls,
    "prompts": capacity.prompts,
    "streams": capacity.streams,
    "translate": translate.streams,
    "latency": latency.one_connection,
    "crowd": crowd.thousand_streams,
    "start": footprint.cold_start,
    "memory": footprint.memory,
    "control": footprint.control_plane,
    "dead": failover.one_target_dead,
    "refused": failover.everything_refuses,
    "ledger": ledger.thousand_attempts,
    "saves": reload.saves,
    "large": reload.large,
    "reloads": reload.latency,
})  # fmt: skip
