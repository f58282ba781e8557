"""The attempts of one request: its plan from end to end, then over again while that may help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from routerd.errors import RouterError
from routerd.routing.modes import Block, Plan, Step, last_resorts
from routerd.routing.verdict import Verdict, judge, wait
from routerd.snapshot import Target

TIMER_SLACK = 0.005  # seconds; a timer may fire a hair early, and by then a cooldown must be over


class Book(Protocol):
    """What a walk asks of the live state."""

    def blocked(self, target: Target, now: float) -> Block | None:
        """Why the target may not be tried at `now`; None: it may."""

    def may_repeat(self, provider: str, now: float) -> bool:
        """Take one repeat out of the provider's retry budget; False: it is spent."""


class Walk:
    """Which step comes next, and after which pause. `attempts` counts the steps given out, and not passed over.

    The loop: `while (step := walk.next(now)) is not None:` send it, or say `passed_over`; on RouterError let the
    counters settle it, then sleep for `walk.failed(step, error, now)` seconds. After the loop: `raise walk.error`.
    """

    __slots__ = (
        "_again", "_book", "_error", "_left", "_pending", "_plan", "_position", "_retry_after", "_rng", "_rounds",
        "_waited", "attempts",
    )  # fmt: skip

    def __init__(self, plan: Plan, book: Book, rng: Callable[[], float]) -> None:
        self.attempts = 0
        self._plan = plan
        self._book = book
        self._rng = rng
        self._pending: Sequence[Step] = plan.steps
        self._position = 0
        self._left = plan.route.max_attempts
        self._rounds = 0
        self._waited = 0.0
        self._again: dict[Step, float] = {}  # what may be repeated, from when on
        self._error: RouterError | None = None
        self._retry_after: float | None = None

    def next(self, now: float) -> Step | None:
        """The step to try now; None: there is nothing left to try."""
        while self._position < len(self._pending):
            step = self._pending[self._position]
            self._position += 1
            if self._may_go(step, now):
                self.attempts += 1
                return step
        return None

    def passed_over(self, error: RouterError) -> None:
        """The step's target can't be told what was asked: nothing was sent, and the next one may be able to."""
        self.attempts -= 1
        self._error = self._error or error
        if self.attempts == 0 and self._position == len(self._pending):
            self._resort()

    def _resort(self) -> None:
        """Nobody in the plan could be asked: somebody who cools down may still do it."""
        self._pending = last_resorts(self._plan)
        self._position = 0
        self._plan = Plan(self._plan.route, [], [], last_resort=True)

    def failed(self, step: Step, error: RouterError, now: float) -> float:
        """Note that `step` failed, and return the seconds to wait before `next`; call it when that is settled."""
        self._error = error
        verdict = judge(error, self._plan.route.retry_on)
        if verdict is Verdict.STOP:
            self._retry_after = None
            return self._end()
        self._note(step, error, verdict, now)
        if self._left <= 0:
            return self._end()
        self._pending = [step for step in self._pending[self._position :] if self._is_free(step, now)]
        self._position = 0
        return 0.0 if self._pending else self._start_over(now)

    @property
    def error(self) -> RouterError:
        """The error to answer with: the last one, with the smallest Retry-After that was seen."""
        assert self._error is not None, "no attempt has failed"
        if self._retry_after is not None:
            self._error.retry_after = self._retry_after
        return self._error

    def _may_go(self, step: Step, now: float) -> bool:
        if self.attempts == 0:
            return True
        is_repeat = self._rounds > 0
        return self._is_free(step, now) and (not is_repeat or self._book.may_repeat(step.target.provider.name, now))

    def _is_free(self, step: Step, now: float) -> bool:
        return self._book.blocked(step.target, now) is None

    def _note(self, step: Step, error: RouterError, verdict: Verdict, now: float) -> None:
        # A connection that never came about sent nothing, so behind dead targets a live one still gets its chance.
        if self._rounds or error.kind != "upstream_unreachable":
            self._left -= 1
        # A last resort is tried once: that it would fail was to be expected.
        if verdict is Verdict.RETRY and not self._plan.last_resort:
            self._again[step] = now + (error.retry_after or 0.0)
        else:
            self._again.pop(step, None)
        if error.retry_after is not None:
            seen = error.retry_after if self._retry_after is None else self._retry_after
            self._retry_after = min(error.retry_after, seen)

    def _start_over(self, now: float) -> float:
        """Go round again with the targets whose failure may pass, those that are ready after the pause."""
        ready = {step: at for step in self._again if (at := self._ready_at(step, now)) is not None}
        soonest = min(ready.values(), default=None)
        pause = None if soonest is None else wait(self._rounds, soonest - now, self._waited, self._rng)
        if pause is None:
            return self._end()
        self._pending = [step for step, at in ready.items() if at <= now + pause]
        self._rounds += 1
        self._waited += pause
        return pause + TIMER_SLACK

    def _ready_at(self, step: Step, now: float) -> float | None:
        """When the step may be repeated, in monotonic seconds; None: nobody knows."""
        block = self._book.blocked(step.target, now)
        if block is not None and block.kind == "overridden":
            return None
        until = now if block is None or block.until is None else block.until
        return max(self._again[step], until)

    def _end(self) -> float:
        self._pending = ()
        self._position = 0
        return 0.0
