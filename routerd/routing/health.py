"""What an outcome says about a target, its provider or its origin, and how long that is remembered.

Nothing remembered (None) is healthy. All times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Literal

from routerd.errors import RouterError
from routerd.snapshot import HealthPolicy

LONGEST_DOUBLED = 600.0
LONG = 600.0
FORGOTTEN_AFTER = 600.0
BLINK = 1.0  # a Retry-After below it that proved wrong is not believed again: such cooldowns double from here
LONGEST_RETRY_AFTER = 3600.0  # a wrong clock in a Retry-After date must not take a target out for days

Scope = Literal["target", "provider", "origin"]


class Effect(Enum):
    """What an outcome does to the health of its scope."""

    WELL = "it answered"
    COUNT = "counts; cools down at the threshold"
    COOL = "cools down at once"
    COOL_LONG = "cools down for ten minutes"


@dataclass(frozen=True, slots=True)
class Rule:
    """Whose fault an error is, and what follows."""

    scope: Scope
    effect: Effect


# By error kind and the status that the provider sent (None: whatever it was). Other errors are nobody's fault.
RULES: Mapping[tuple[str, int | None], Rule] = MappingProxyType({
    ("upstream_rate_limited", None): Rule("target", Effect.COOL),
    ("upstream_overloaded", None): Rule("target", Effect.COUNT),
    ("upstream_overloaded", 529): Rule("target", Effect.COOL),
    ("upstream_timeout", None): Rule("target", Effect.COUNT),
    ("upstream_garbled", None): Rule("target", Effect.COUNT),
    ("upstream_exhausted", None): Rule("provider", Effect.COOL_LONG),
    ("upstream_exhausted", 404): Rule("target", Effect.COOL_LONG),
    ("upstream_credentials", None): Rule("provider", Effect.COOL_LONG),
    ("upstream_unreachable", None): Rule("origin", Effect.COUNT),
})


def rule_for(error: RouterError) -> Rule | None:
    """Whose health an error changes and how; None: nobody's."""
    return RULES.get((error.kind, error.upstream_status)) or RULES.get((error.kind, None))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request that was sent at `began` ended. `cause` is an error kind, `retry_after` is in seconds."""

    effect: Effect
    began: float
    cause: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What is remembered of a target, provider or origin that failed.

    `failures` in a row, the last for `cause`, at `since`. It cools down from then to `until` (None: it only counts),
    for the `cooldowns`-th time in a row. After that it is half-open: `probe` is when the one admitted request began.
    """

    failures: int
    cause: str
    cooldowns: int = 0
    since: float = 0.0
    until: float | None = None
    probe: float | None = None

    def is_cooling(self, now: float) -> bool:
        return self.until is not None and now < self.until

    def is_half_open(self, now: float) -> bool:
        return self.until is not None and now >= self.until

    def is_stale(self, now: float) -> bool:
        """Whether it says nothing any more: nobody has tried again for ten minutes."""
        last = self.since if self.until is None else max(self.since, self.until)
        return self.probe is None and now - last > FORGOTTEN_AFTER


def fold(health: Health | None, outcome: Outcome, policy: HealthPolicy, now: float) -> Health | None:
    """The health after `outcome`."""
    if outcome.effect is Effect.WELL:
        return _after_success(health, outcome)
    if health is not None and health.is_cooling(outcome.began):
        return _still_cooling(health, outcome, now)
    failures = 1 if health is None else health.failures + 1
    is_first_round = health is None or health.until is None
    if outcome.effect is Effect.COUNT and is_first_round and failures < policy.failure_threshold:
        return Health(failures, outcome.cause, since=now)
    cooldowns = 1 if health is None else health.cooldowns + 1
    length = _length(outcome, cooldowns, policy)
    return Health(failures, outcome.cause, cooldowns, now, now + length)


def _after_success(health: Health | None, outcome: Outcome) -> Health | None:
    """Healthy again, unless the request was sent before the cooldown began: then it says nothing new."""
    if health is not None and health.until is not None and outcome.began < health.since:
        return health
    return None


def _still_cooling(health: Health, outcome: Outcome, now: float) -> Health:
    """A request sent before the cooldown's end doubles nothing: a hundred in flight fail as one.

    Only what the provider says itself (Retry-After), or a longer cooldown of another cause, moves the end.
    """
    length = _explicit_length(outcome)
    if length is None or health.until is None or now + length <= health.until:
        return health
    return replace(health, cause=outcome.cause, until=now + length)


def _length(outcome: Outcome, cooldowns: int, policy: HealthPolicy) -> float:
    explicit = _explicit_length(outcome)
    if explicit is None:
        return _doubled(policy.cooldown, cooldowns, max(LONGEST_DOUBLED, policy.cooldown))
    if explicit < BLINK and cooldowns > 1:
        return _doubled(BLINK, cooldowns - 1, max(BLINK, policy.cooldown))
    return explicit


def _doubled(first: float, times: int, longest: float) -> float:
    return min(first * 2.0 ** min(times - 1, 20), longest)


def _explicit_length(outcome: Outcome) -> float | None:
    if outcome.effect is Effect.COOL_LONG:
        return LONG
    if outcome.effect is Effect.COOL and outcome.retry_after is not None:
        return min(max(outcome.retry_after, 0.0), LONGEST_RETRY_AFTER)
    return None
