"""What callers notice of a dead target, and what providers notice of callers that retry."""

from __future__ import annotations

from math import floor
from subprocess import Popen

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Outcome, Plan
from driver.samples import Samples, interleave
from driver.subjects import Routerd, fill, key_sha256

_COOLDOWN = 2
_LONG_COOLDOWN = 30
_RATE = 100
_LEARNING = 1.0
_SECONDS = 3.0  # of a round: a cooldown and a half, so that two of them can end
_DEAD = {"one-refuses": "refuses connections", "one-fails": "answers 500"}
_CALLERS = 10
# Route → how its callers retry: by Retry-After, by their own backoff when there is none, or four times a second.
_RETRIES = {"limited": "obey", "limited-bare": "obey", "limited-impatient": "250"}


def _config(bench: Bench, cooldown: int) -> str:
    return fill("failover.yaml", {
        **bench.mock.ports, "fine": bench.mock.ports["fast"], "cooldown": cooldown, "key_sha256": key_sha256(),
    })  # fmt: skip


class _Route:
    """One route of the failover config, loaded at a steady rate."""

    def __init__(self, name: str, bench: Bench, routerd: Routerd) -> None:
        self.name = name
        self._bench = bench
        self._door = routerd.door(name)
        self.outcomes: list[Outcome] = []

    def run(self, seconds: float) -> Outcome:
        body = self._bench.bodies.chat(self.name)
        plan = Plan(body, connections=16, seconds=seconds, rate=_RATE, sum_header="x-routerd-attempts")
        return self._bench.load.run(self._door, plan).must_be_clean()

    def p99(self) -> float:
        self.outcomes.append(self.run(_SECONDS))
        return self.outcomes[-1].p99 / 1000

    def paying_per_cooldown(self) -> float:
        """Requests that needed another attempt, for each cooldown that could end while they were counted."""
        paying = sum(outcome.header_sum - outcome.ok for outcome in self.outcomes)
        cooldowns = sum(floor(outcome.seconds / _COOLDOWN) + 1 for outcome in self.outcomes)
        return paying / cooldowns


def one_target_dead(bench: Bench) -> list[Figure]:
    """Routes with one dead target of two against a healthy one, at 100 requests/s, once the death is known."""
    routerd = bench.start_routerd(config=_config(bench, _COOLDOWN))
    with routerd.process:
        routes = [_Route(name, bench, routerd) for name in ("healthy", *_DEAD)]
        for route in routes:
            route.run(_LEARNING)
        samples = Samples(interleave(bench.rounds, routes, bench.length.failover_rounds, _Route.p99))
    figures = []
    for route in routes[1:]:
        figures += _dead_figures(route, samples)
    return figures


def _dead_figures(route: _Route, samples: Samples) -> list[Figure]:
    how, medians = _DEAD[route.name], samples.medians()
    rounds = {"healthy": samples.rounds["healthy"], "routerd": samples.rounds[route.name]}
    values = {"healthy": medians["healthy"], "routerd": medians[route.name]}
    worst = ", ".join(f"{name} {max(p99s):.1f}" for name, p99s in rounds.items())
    note = f"medians of {len(rounds['routerd'])} rounds' p99, in turn with a healthy route; worst rounds {worst}"
    added = values["routerd"] - values["healthy"]
    paying = route.paying_per_cooldown()
    return [
        Figure("dead-added", f"one target {how}: added p99, ms", values, added, rounds, note),
        Figure("dead-paying", f"one target {how}: requests that pay, per cooldown", {"routerd": paying}, paying),
    ]


def everything_refuses(bench: Bench) -> list[Figure]:
    """Every target answers 429 while ten callers keep retrying: requests upstream for each request of a caller."""
    routerd = bench.start_routerd(config=_config(bench, _LONG_COOLDOWN))
    with routerd.process:
        running = {name: _begin_retrying(bench, routerd, name) for name in _RETRIES}
        sent = {name: bench.load.end(load).sent for name, load in running.items()}
    asked = {name: bench.mock.requests(name.replace("-", "_")) for name in _RETRIES}
    ratios = {name: asked[name] / sent[name] for name in _RETRIES}
    counts = ", ".join(f"{name} {asked[name]}/{sent[name]}" for name in _RETRIES)
    what = f"all answer 429 for {bench.length.refusal_seconds:.0f} s, 10 retrying clients: upstream per caller request"
    return [Figure("refused-amplification", what, {"routerd": max(ratios.values())}, max(ratios.values()), note=counts)]


def _begin_retrying(bench: Bench, routerd: Routerd, name: str) -> Popen[str]:
    plan = Plan(bench.bodies.chat(name), _CALLERS, seconds=bench.length.refusal_seconds, retry=_RETRIES[name])
    return bench.load.begin(routerd.door(name), plan)
