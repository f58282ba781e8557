"""How many repeats a provider's requests may cause, so that an outage is not answered with a storm."""

from __future__ import annotations

from collections import deque

WINDOW = 10  # seconds
SHARE = 0.2  # of the provider's requests, repeats among them
RESERVE = 10  # a second


class RetryBudget:
    """Requests and repeats of one provider, by the second, over the last ten."""

    __slots__ = ("_past", "_repeats", "_requests", "_second")

    def __init__(self, now: float) -> None:
        self._second = int(now)
        self._requests = 0
        self._repeats = 0
        self._past: deque[tuple[int, int]] = deque(maxlen=WINDOW - 1)

    @property
    def latest(self) -> int:
        """The second in which a request was sent last."""
        return self._second

    def count(self, now: float) -> None:
        """Count a request that is sent; a repeat is one too."""
        if now >= self._second + 1:
            self._turn(now)
        self._requests += 1

    def spend(self, now: float) -> bool:
        """Take one repeat out of the budget; False: it is spent."""
        if now >= self._second + 1:
            self._turn(now)
        repeats = self._repeats + sum(count for _, count in self._past)
        requests = self._requests + sum(count for count, _ in self._past)
        if repeats >= SHARE * requests + RESERVE * WINDOW:
            return False
        self._repeats += 1
        return True

    def _turn(self, now: float) -> None:
        """Put the second that has passed behind us, and empty ones for those without a request."""
        passed = int(now) - self._second
        self._past.append((self._requests, self._repeats))
        self._past.extend([(0, 0)] * min(passed - 1, WINDOW - 1))
        self._second += passed
        self._requests = self._repeats = 0
