"""How each provider stands: what tests found, what traffic shows, and what a person decided, in one place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from routerd.checks.probe import Probe, Prober
from routerd.news import News
from routerd.observe import Redactor
from routerd.proxy.pool import Pools
from routerd.proxy.services import Services
from routerd.routing.health import Health
from routerd.snapshot import Provider, Snapshot
from routerd.state.inventory import Inventory, Row, Status, TestResult

TICK = 1.0  # seconds between two looks at what is due
MOST_AT_ONCE = 8  # checks under way: a hundred dead providers must not be a hundred sockets
MOST_LOOKED_AT = 100  # providers, before the event loop does something else: this is a third of a millisecond
CAUSE = "failed checks"

_REFUSED = frozenset({CAUSE, "upstream_credentials"})
_STATUS_OF_CAUSE: dict[str, Status] = {
    "upstream_timeout": "timeout",
    "upstream_unreachable": "unreachable",
    "upstream_garbled": "error",
}


@dataclass(slots=True)
class Watch:
    """What is remembered of one provider. Times are monotonic seconds; `failures` are checks in a row.

    `due` is when it is looked at next, unless there is traffic; `seen` when something was last found out about it;
    `told` its status, and whether it is healthy, as everybody knows it.
    """

    account: bytes  # changes with its key or its address
    due: float
    seen: float
    told: tuple[str, bool] | None
    failures: int = 0
    is_running: bool = False


class Checks:
    """For the event loop's thread. `run` looks at idle providers; `test` and `override` are for people."""

    def __init__(
        self,
        services: Services,
        current: Callable[[], Snapshot],
        news: News,
        inventory: Inventory[Any],
        patience: float,
    ) -> None:
        self._services = services
        self._current = current
        self._news = news
        self._inventory = inventory
        self._watches: dict[str, Watch] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.patience = patience  # seconds for a test that somebody waits for
        self._prober = Prober(services.upstreams.pools, services.log.redactor.clean, services.rng)

    def standing(self, name: str) -> tuple[bool, int]:
        """Whether the provider may be tried, and how often in a row it has failed. For any thread."""
        provider = self._current().providers.get(name)
        watch = self._watches.get(name)
        failures = watch.failures if watch is not None else 0
        if provider is None:
            return True, failures
        known = self._remembered(provider)
        failures = max([failures, *(health.failures for health in known if health.cause != CAUSE)])
        return self._is_healthy(provider), failures

    def held_back(self, name: str) -> tuple[bool | None, float | None]:
        """False when a person has said that it is not to be used, else None; and when its cooldown ends, in seconds
        since the epoch; None: it has none.
        """
        provider = self._current().providers.get(name)
        until = self._cools_until(provider) if provider is not None else None
        ends = None if until is None else time.time() + until - self._services.now()
        return self._services.counters.overrides.get(name), ends

    async def test(self, provider: Provider, model: str | None = None) -> Probe:
        """Look at a provider now, because somebody asked: with a completion of `model` when one is named."""
        probe = await self._look(self._prober, provider, model)
        self._note(provider, probe, is_asked=True)
        return probe

    async def _look(self, prober: Prober, provider: Provider, model: str | None) -> Probe:
        if model is None:
            return await prober.look(provider, self.patience)
        await self._services.prepare()
        return await prober.ask(provider, model, self.patience)

    async def try_out(self, provider: Provider, secret: str | None, model: str | None = None) -> Probe:
        """Look at a provider that stands in no file; `secret` is its key. No connection of it is kept."""
        redactor, pools = Redactor([secret] if secret else []), Pools()
        try:
            prober = replace(self._prober, pools=pools, clean=lambda text: redactor.clean(self._prober.clean(text)))
            return await self._look(prober, provider, model)
        finally:
            pools.close()

    def override(self, provider: Provider, is_healthy: bool) -> None:
        """What a person decided: False holds until it is lifted with True; either begins the count of failures anew."""
        counters, now = self._services.counters, self._services.now()
        watch = self._watch(provider, now)
        counters.override(provider.name, is_healthy)
        if is_healthy:
            counters.recovered("origin", provider.origin)
        watch.failures, watch.seen = 0, now
        self._tell(provider, watch)

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        try:
            while True:
                await asyncio.sleep(TICK)
                try:
                    await self.tick()
                except Exception as error:  # whatever it is, the other providers want to be looked at
                    self._services.loop.call_exception_handler({"message": "a check failed", "exception": error})
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def tick(self) -> tuple[asyncio.Task[None], ...]:
        """Begin the checks that are due now, and tell what has changed. Returns all that are under way."""
        names = list(self._current().providers)
        for name in self._watches.keys() - set(names):
            del self._watches[name]
        for number, name in enumerate(names, 1):
            provider = self._current().providers.get(name)
            if provider is not None and self._row(name) is not None:  # else it has gone, or is not mirrored yet
                self._attend(provider, self._services.now())
            if number % MOST_LOOKED_AT == 0:
                await asyncio.sleep(0)
        return tuple(self._running)

    def _attend(self, provider: Provider, now: float) -> None:
        watch = self._watch(provider, now)
        self._heed_traffic(provider, watch)
        self._tell(provider, watch)
        if self._is_due(provider, watch, now):
            watch.is_running = True
            task = self._services.loop.create_task(self._check(provider, watch), name=f"check {provider.name}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _watch(self, provider: Provider, now: float) -> Watch:
        watch = self._watches.get(provider.name)
        if watch is None or watch.account != provider.head:
            told = self._stands(provider) if watch is None else watch.told  # how it stood before is no news
            watch = Watch(provider.head, now + self._spread(provider.health.interval), now, told)
            self._watches[provider.name] = watch
        return watch

    def _stands(self, provider: Provider) -> tuple[str, bool] | None:
        row = self._row(provider.name)
        return None if row is None else (row.status, self._is_healthy(provider))

    def _row(self, name: str) -> Row | None:
        try:
            return self._inventory.row("providers", name)
        except KeyError:
            return None

    def _spread(self, interval: float) -> float:
        """An interval and a little more, so that not all are looked at in the same second."""
        return interval * self._services.rng.uniform(1.0, 1.2)

    def _is_due(self, provider: Provider, watch: Watch, now: float) -> bool:
        if watch.is_running or now < watch.due or len(self._running) >= MOST_AT_ONCE:
            return False
        if not (provider.is_usable and provider.health.check):
            return False
        counters, interval = self._services.counters, provider.health.interval
        latest = counters.latest_request(provider.name)
        if latest is not None and (now - latest < interval or counters.in_flight(provider.name)):
            watch.due = max(latest, now - interval) + self._spread(interval)
            return False
        return True

    async def _check(self, provider: Provider, watch: Watch) -> None:
        began = self._services.now()
        try:
            probe = await self._prober.look(provider, provider.health.timeout)
            if self._is_current(provider) and not self._has_traffic_since(provider, began):
                self._note(provider, probe, is_asked=False)
        finally:
            watch.is_running = False
            watch.due = self._services.now() + self._spread(provider.health.interval)

    def _is_current(self, provider: Provider) -> bool:
        """Whether what was looked at is still what serves under this name."""
        current = self._current().providers.get(provider.name)
        return current is not None and current.head == provider.head

    def _has_traffic_since(self, provider: Provider, since: float) -> bool:
        latest = self._services.counters.latest_request(provider.name)
        return latest is not None and latest >= int(since)

    # What follows

    def _note(self, provider: Provider, probe: Probe, *, is_asked: bool) -> None:
        """Remember what was found, and let it count."""
        if not self._is_current(provider):
            return
        now = self._services.now()
        watch = self._watch(provider, now)
        self._heed_traffic(provider, watch)  # what it showed before is older than this
        watch.failures = watch.failures + 1 if probe.has_failed else 0
        watch.seen = now
        self._inventory.tested(provider.name, probe.result)
        row = self._row(provider.name)
        is_news = is_asked or row is None or row.discovered != probe.models  # long lists are not kept every minute
        if probe.models is not None and provider.adapter != "echo" and is_news:
            self._inventory.discovered(provider.name, probe.models, probe.result.at)
        self._let_it_count(provider, watch, probe, now, is_asked=is_asked)
        self._tell(provider, watch)

    def _let_it_count(self, provider: Provider, watch: Watch, probe: Probe, now: float, *, is_asked: bool) -> None:
        """Never against what traffic shows: a list of models says nothing about an empty wallet or a broken model."""
        counters, policy = self._services.counters, provider.health
        if probe.has_answered and not probe.has_failed:
            counters.recovered("origin", provider.origin)
            counters.recovered("provider", provider.name, {CAUSE})
        if probe.has_passed and is_asked:
            counters.recovered("provider", provider.name, None if probe.asked is not None else _REFUSED)
        if probe.has_passed and probe.asked is not None:
            counters.recovered("target", f"{provider.name}/{probe.asked}")
        if watch.failures < policy.failure_threshold or self._has_traffic_since(provider, now - policy.interval):
            return
        if not self._cools_for_another_cause(provider, now):
            # until the check after the next, so that it does not come back in between for no reason
            counters.stand_down(provider, CAUSE, max(policy.cooldown, 2 * (policy.interval + policy.timeout)), now)

    def _cools_for_another_cause(self, provider: Provider, now: float) -> bool:
        health = self._services.counters.health["provider"].get(provider.name)
        return health is not None and health.cause != CAUSE and health.is_cooling(now)

    def _heed_traffic(self, provider: Provider, watch: Watch) -> None:
        """Traffic tells more than a test: its outcome is the status, as soon as it is known."""
        has_answered = self._services.counters.has_answered(provider.name)
        known = [health for health in self._remembered(provider) if health.cause != CAUSE]
        failed = max(known, key=lambda health: health.since, default=None)
        if failed is not None and failed.since > watch.seen:
            watch.seen = failed.since
            status = _STATUS_OF_CAUSE.get(failed.cause, "degraded")
            self._become(provider, status, f"requests to it failed: {failed.cause}")
        elif failed is None and has_answered:
            watch.seen, watch.failures = self._services.now(), 0
            self._become(provider, "online", None)

    def _become(self, provider: Provider, status: Status, detail: str | None) -> None:
        before = self._row(provider.name)
        if before is not None and before.status != status:
            at = time.time()
            result = TestResult(status=status, status_code=None, latency_ms=before.latency_ms, detail=detail, at=at)
            self._inventory.tested(provider.name, result)

    def _remembered(self, provider: Provider) -> list[Health]:
        """What is remembered against a provider, its address and its models."""
        health = self._services.counters.health
        if not any(health.values()):
            return []
        known = [health["provider"].get(provider.name), health["origin"].get(provider.origin)]
        known += [each for name, each in list(health["target"].items()) if name.startswith(f"{provider.name}/")]
        return [each for each in known if each is not None]

    def _is_healthy(self, provider: Provider) -> bool:
        """Whether it may be tried."""
        return self._services.counters.overrides.get(provider.name) is not False and self._cools_until(provider) is None

    def _cools_until(self, provider: Provider) -> float | None:
        """The end of its cooldown, in monotonic seconds: while it, its address, or everything it has cools down."""
        health, now = self._services.counters.health, self._services.now()
        if not any(health.values()):
            return None
        ends = _ends([health["provider"].get(provider.name), health["origin"].get(provider.origin)], now)
        of_models = _ends([health["target"].get(f"{provider.name}/{model}") for model in provider.models], now)
        if of_models and len(of_models) == len(provider.models):
            ends.append(min(of_models))
        return max(ends, default=None)

    def _tell(self, provider: Provider, watch: Watch) -> None:
        """Publish how it stands, if that is news."""
        stands = self._stands(provider)
        if watch.told == stands or (row := self._row(provider.name)) is None:
            return
        watch.told = stands
        is_healthy, failures = self.standing(provider.name)
        told: dict[str, Any] = {
            "id": row.id,
            "provider": provider.name,
            "status": row.status,
            "status_code": row.status_code,
            "latency_ms": row.latency_ms,
            "detail": row.detail,
            "is_healthy": is_healthy,
            "consecutive_failures": failures,
        }
        self._news.publish("health", told)
        self._services.log.info("provider_health", **{name: value for name, value in told.items() if name != "id"})


def _ends(known: Iterable[Health | None], now: float) -> list[float]:
    """The ends of the cooldowns among these, in monotonic seconds."""
    return [each.until for each in known if each is not None and each.until is not None and each.is_cooling(now)]
