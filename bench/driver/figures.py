"""A measured figure, and the table of what each has to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from driver.samples import Samples

MISSED = "MISSED"


@dataclass(frozen=True)
class Figure:
    """`result` is what is judged: routerd's ratio to nginx, or its own number. `values` are the medians per subject.

    `stolen` is the share of the machine that the hypervisor took while the row ran, `repeated` how many rounds were
    taken again because of it.
    """

    key: str
    what: str
    values: Mapping[str, float]
    result: float
    rounds: Mapping[str, list[float]] = field(default_factory=dict)
    note: str = ""
    stolen: float = 0.0
    repeated: int = 0


def ratio_figure(key: str, what: str, samples: Samples, note: str = "", subject: str = "routerd") -> Figure:
    """routerd's share of nginx, with everybody's medians."""
    return Figure(key, what, samples.medians(), samples.ratio(subject, "nginx"), samples.rounds, note)


@dataclass(frozen=True)
class Target:
    """What a figure must be at least (or at most, where less is better), and what is aimed at (None: the same)."""

    bound: float
    aim: float | None = None
    is_ceiling: bool = False

    def verdict(self, result: float) -> str:
        if self.aim is not None and self._holds(result, self.aim):
            return "aim"
        return "reached" if self._holds(result, self.bound) else MISSED

    def _holds(self, result: float, limit: float) -> bool:
        return result <= limit if self.is_ceiling else result >= limit


TARGETS: Mapping[str, Target] = MappingProxyType({
    "whole": Target(0.45, 0.60),
    "tls": Target(0.45, 0.80),
    "prompt-50k": Target(0.45, 0.60),
    "prompt-200k": Target(0.31, 0.50),
    "streams": Target(0.70, 0.90),
    "translate-openai-text": Target(25_000),
    "translate-openai-tools": Target(25_000),
    "translate-anthropic-text": Target(25_000),
    "translate-anthropic-tools": Target(25_000),
    "latency-added": Target(1.25, 1.10, is_ceiling=True),
    "crowd-complete": Target(1000),
    "crowd-memory": Target(17, 10, is_ceiling=True),
    "memory-idle": Target(45, 30, is_ceiling=True),
    "cold-start": Target(0.6, 0.3, is_ceiling=True),
    "control-memory": Target(75, is_ceiling=True),
    "control-late": Target(0, is_ceiling=True),
    "dead-added": Target(5, is_ceiling=True),
    "dead-paying": Target(1, is_ceiling=True),
    "refused-amplification": Target(1.2, is_ceiling=True),
    "ledger-lost": Target(0, is_ceiling=True),
    "save-serving": Target(300, is_ceiling=True),
    "reload-late": Target(0, is_ceiling=True),
    "reload-latency": Target(1.10, is_ceiling=True),
})  # fmt: skip


def is_missed(figure: Figure) -> bool:
    """Whether the figure has a target and does not reach it."""
    return figure.key in TARGETS and TARGETS[figure.key].verdict(figure.result) == MISSED
