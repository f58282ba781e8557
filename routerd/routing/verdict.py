"""What a failed attempt means for the request, and how long to wait before the plan starts over."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from routerd.errors import RouterError

LONGEST_WAIT = 5.0  # seconds, in all, for one request
FIRST_BACKOFF = 0.25

# The next target may know better, but this one would only say the same again.
FINAL_FOR_TARGET = frozenset({"upstream_exhausted", "upstream_credentials"})


class Verdict(Enum):
    """What follows from an attempt."""

    TAKE = "this is the answer"
    RETRY = "the next target; this one again once the plan is used up"
    NEXT = "the next target; never this one again"
    STOP = "no other target would do better"


def judge(error: RouterError | None, retry_on: frozenset[str]) -> Verdict:
    """The verdict on an attempt that ended with `error` (None: it succeeded), under a route's `retry_on`."""
    if error is None:
        return Verdict.TAKE
    if error.retry_word not in retry_on:
        return Verdict.STOP
    return Verdict.NEXT if error.kind in FINAL_FOR_TARGET else Verdict.RETRY


def wait(rounds: int, ready_in: float, waited: float, rng: Callable[[], float]) -> float | None:
    """Seconds to wait before the plan starts over; None: too long, answer at once.

    `rounds` is how often it has started over, `ready_in` when the first target is ready, `waited` how long this
    request has waited, all in seconds; `rng` gives numbers from 0 to 1.
    """
    pause = max(ready_in, FIRST_BACKOFF * 2.0**rounds * (0.5 + 0.5 * rng()))
    return pause if waited + pause <= LONGEST_WAIT else None
