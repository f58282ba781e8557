"""Whole minutes of trouble on a clock of our own: what an outage costs its callers and its provider."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from random import Random

import pytest

from routerd.errors import RouterError
from routerd.routing.modes import plan
from routerd.routing.walk import Walk
from routerd.snapshot import HealthPolicy, Route, Target
from routerd.state.counters import Counters
from tests.routing.samples import provider, route

Upstream = Callable[[Target, float], RouterError | None]


@dataclass
class World:
    """A route, upstreams that take `latency` seconds to answer, and a tally of what was sent where."""

    asked: Route
    upstream: Upstream
    latency: float = 0.05
    counters: Counters = field(default_factory=Counters)
    rng: Random = field(default_factory=lambda: Random(7))
    sent: list[tuple[float, str]] = field(default_factory=list)
    answers: list[RouterError | None] = field(default_factory=list)
    now: float = 0.0

    def request(self) -> Generator[float, None, RouterError | None]:
        """The attempt loop as the proxy runs it; yields the seconds that it sleeps."""
        made = plan(self.asked, None, self.counters, self.now)
        self.counters.advance(made)
        walk = Walk(made, self.counters, self.rng.random)
        while (step := walk.next(self.now)) is not None:
            began = self.now
            self.counters.begin(step.target, began)
            self.sent.append((began, step.target.name))
            yield self.latency
            error = self.upstream(step.target, self.now)
            self.counters.settle(step.target, error, began, self.now)
            if error is None:
                self.answers.append(None)
                return None
            yield walk.failed(step, error, self.now)
        self.answers.append(walk.error)
        return walk.error

    def run(self, tasks: list[Iterator[float]], seconds: float) -> None:
        """Let each task sleep as long as it says until the time is up."""
        queue = [(self.rng.random(), number, task) for number, task in enumerate(tasks)]
        heapq.heapify(queue)
        while queue and queue[0][0] <= seconds:
            self.now, number, task = heapq.heappop(queue)
            pause = next(task, None)
            if pause is not None:
                heapq.heappush(queue, (self.now + pause, number, task))


def patient_client(world: World) -> Iterator[float]:
    """Asks again and again; after an error it waits for Retry-After, else as the SDKs do: 0.5 s, doubling to 8 s."""
    failures = 0
    while True:
        error = yield from world.request()
        failures = 0 if error is None else failures + 1
        backoff = min(0.5 * 2.0 ** (failures - 1), 8.0) * (1 - 0.25 * world.rng.random())
        yield 0.1 if error is None else error.retry_after or backoff


def steady_client(world: World, rate: float) -> Iterator[float]:
    """One of many callers that together ask `rate` times a second, whatever the answer."""
    while True:
        began = world.now
        yield from world.request()
        yield max(0.0, began + 1 / rate - world.now)


@pytest.mark.parametrize("nodes", ["a/m", "a/m b/m", "a/m b/m c/m"])
@pytest.mark.parametrize("strategy", ["failover", "round-robin"])
@pytest.mark.parametrize("retry_after", [None, 0.0, 0.1, 0.3, 1.0, 2.0, 5.0, 20.0])
def test_everything_answers_429_for_a_minute(nodes: str, strategy: str, retry_after: float | None) -> None:
    def limited(target: Target, now: float) -> RouterError:
        return RouterError("upstream_rate_limited", "slow down", upstream_status=429, retry_after=retry_after)

    world = World(route(nodes, strategy=strategy), limited)
    world.run([patient_client(world) for _ in range(10)], 60.0)
    assert len(world.answers) >= 25
    assert len(world.sent) <= 1.2 * len(world.answers)


@pytest.mark.parametrize("strategy", ["failover", "round-robin"])
@pytest.mark.parametrize("kind", ["upstream_unreachable", "upstream_overloaded", "upstream_rate_limited"])
def test_one_dead_target_costs_a_request_a_cooldown_and_no_caller_an_error(strategy: str, kind: str) -> None:
    def dead(target: Target, now: float) -> RouterError | None:
        return RouterError(kind, "dead") if target.name == "a/m" else None

    world = World(route("a/m b/m", strategy=strategy), dead, latency=0.002)
    world.run([steady_client(world, 10.0) for _ in range(10)], 300.0)
    assert len(world.answers) > 29_000 and not any(world.answers)
    paid = [at for at, name in world.sent if name == "a/m"]
    until_known = [at for at in paid if at < 2.0]
    assert len(until_known) <= 4
    assert len(paid) - len(until_known) <= 4  # at 30, 90, 210 seconds


def test_a_target_that_comes_back_is_used_again() -> None:
    def down_for_a_while(target: Target, now: float) -> RouterError | None:
        is_down = target.name == "a/m" and now < 20.0
        return RouterError("upstream_overloaded", "down", upstream_status=503) if is_down else None

    world = World(route("a/m b/m"), down_for_a_while)
    world.run([steady_client(world, 5.0) for _ in range(2)], 60.0)
    assert not any(world.answers)
    assert {name for at, name in world.sent if at > 35.0} == {"a/m"}


def test_a_storm_of_failures_is_held_back_by_the_budget() -> None:
    def half_broken(target: Target, now: float) -> RouterError | None:
        return RouterError("upstream_overloaded", "flaky", upstream_status=500) if dice() < 0.5 else None

    dice = Random(3).random
    asked = route("a/m", providers=[provider("a", health=HealthPolicy(failure_threshold=1000))])
    world = World(asked, half_broken)
    world.run([steady_client(world, 2.0) for _ in range(500)], 20.0)
    repeats = len(world.sent) - len(world.answers)
    assert 0.2 * len(world.answers) < repeats <= 0.25 * len(world.answers) + 3 * 125
