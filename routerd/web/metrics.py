"""`/metrics`: everything that is counted, read when Prometheus asks for it. Requests know nothing of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from quart import Response

from routerd.management import Management
from routerd.routing.health import Scope
from routerd.state.tally import KINDS_OF_TOKENS, Histogram, Tally
from routerd.web.operations import Operation

_RESULTS = ("adopted", "rejected")
_SCOPES: tuple[Scope, ...] = ("target", "provider")
Counts = Counter[tuple[str, ...]]
_Labels = TypeVar("_Labels", bound=tuple[str, ...])

_TARGET = ("provider", "model")


class Metrics:
    """The handler; it runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        for collector in (OfTraffic, OfProviders, OfTheProgram):
            self._registry.register(collector(management))

    def operations(self) -> Sequence[Operation]:
        """Its one row."""
        about = "What Prometheus scrapes."
        return (Operation("GET", "/metrics", self.metrics, about, gives=str, media=CONTENT_TYPE_LATEST),)

    async def metrics(self) -> Response:
        """What Prometheus scrapes."""
        said = await asyncio.to_thread(generate_latest, self._registry)
        return Response(said, content_type=CONTENT_TYPE_LATEST)


class _Of(Collector):
    def __init__(self, management: Management) -> None:
        self._management = management

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are told when they are collected."""
        return iter(())


class OfTraffic(_Of):
    """Requests, attempts, tokens, cost and times, as the ledger has counted them."""

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its numbers of this moment."""
        ledger = self._management.ledger
        requests = ledger.requests()
        with ledger.lock:
            found = [*_of_requests(requests, ledger.tally), *_of_targets(ledger.tally), *_of_times(ledger.tally)]
        yield from found


def _of_requests(requests: Mapping[tuple[str, int, str | None], int], tally: Tally) -> Iterator[Metric]:
    ended: Counts = Counter()
    failed: Counts = Counter()
    for (route, status, kind), count in requests.items():
        ended[route, str(status)] += count
        if kind is not None and kind != "cancelled":
            failed[route, kind] += count
    retried = {(provider,): count for provider, count in tally.retries.items()}
    moved = {(route,): count for route, count in tally.failovers.items()}
    yield _counter("requests", "Requests of callers that have ended, by what they got.", ("route", "status"), ended)
    yield _counter("errors", "Requests of callers that ended with an error.", ("route", "kind"), failed)
    yield _counter("retries", "Attempts that repeated one at the same target.", ("provider",), retried)
    yield _counter("failovers", "Attempts at another target than the one before.", ("route",), moved)


def _of_targets(tally: Tally) -> Iterator[Metric]:
    targets = tally.targets.items()
    attempts = {(*labels, name): count for labels, target in targets for name, count in target.outcomes.items()}
    tokens = {
        (*labels, name): count
        for labels, target in targets
        for name, count in zip(KINDS_OF_TOKENS, target.tokens, strict=True)
    }
    yield _counter("attempts", "Requests sent to providers, by what came of them.", (*_TARGET, "outcome"), attempts)
    yield _counter(
        "tokens",
        "Tokens. Those of `prompt` include `cached` and `cache_write`, those of `completion` include `reasoning`.",
        (*_TARGET, "type"),
        tokens,
    )
    yield _counter(
        "cost_usd",
        "What tokens cost, in US dollars, as far as prices are known.",
        _TARGET,
        {labels: target.cost for labels, target in targets if target.cost is not None},
    )
    yield _counter(
        "unpriced_attempts",
        "Attempts that used tokens of no known price.",
        _TARGET,
        {labels: target.unpriced for labels, target in targets},
    )


_TIMES = (
    ("attempt_duration_seconds", "How long attempts took that went well.", attrgetter("duration")),
    ("ttft_seconds", "How long the first content of streams took.", attrgetter("ttft")),
    ("time_per_output_token_seconds", "Between two tokens of streams, on average.", attrgetter("per_token")),
)


def _of_times(tally: Tally) -> Iterator[Metric]:
    for name, about, histogram_of in _TIMES:
        family = HistogramMetricFamily(f"routerd_{name}", about, labels=_TARGET)
        for labels, target in tally.targets.items():
            histogram: Histogram = histogram_of(target)
            if histogram:
                family.add_metric(labels, histogram.buckets(), histogram.total)
        yield family
    overhead = HistogramMetricFamily(
        "routerd_overhead_seconds",
        "What we added to attempts: from the request to sending it on, and from the answer to giving it on.",
        labels=(),
    )
    overhead.add_metric([], tally.overhead.buckets(), tally.overhead.total)
    yield overhead


class OfProviders(_Of):
    """How providers are at this moment."""

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its numbers of this moment."""
        management = self._management
        now = management.now()
        names = list(management.snapshot().providers)
        up = _gauge("provider_up", "Whether the provider may be tried.")
        in_flight = _gauge("in_flight", "Requests that the provider is working on.")
        cooling = _gauge("cooling", "How many of the provider's targets cool down, and are not tried.")
        cooled = [
            name
            for scope in _SCOPES
            for name, health in list(management.counters.health[scope].items())
            if health.is_cooling(now)
        ]
        for name in names:
            up.add_metric([name], float(management.checks.standing(name)[0]))
            in_flight.add_metric([name], management.counters.in_flight(name))
            cooling.add_metric([name], sum(each == name or each.startswith(f"{name}/") for each in cooled))
        yield from (up, in_flight, cooling)


class OfTheProgram(_Of):
    """The config that serves, the ledger and the log."""

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its number of this moment."""
        yield from self._of_reloads()
        management = self._management
        condition = management.database.condition()
        yield _single("ledger_waiting", "Rows that are not written yet.", management.ledger.waiting)
        yield _single("database_up", "Whether state.db can be used.", condition.state != "unusable")
        for name, about, count in (
            ("ledger_dropped", "Attempts that were never counted or written.", management.ledger.dropped),
            ("database_dropped", "Rows that were never written.", condition.dropped),
            ("log_dropped", "Lines of the log that were never written.", management.log.dropped),
        ):
            yield CounterMetricFamily(f"routerd_{name}", about, count)

    def _of_reloads(self) -> Iterator[Metric]:
        reloader = self._management.reloader
        is_good = reloader.outcome is not None and reloader.outcome.result != "rejected"
        yield _single("config_last_reload_successful", "Whether the latest look at the config was adopted.", is_good)
        yield _single(
            "config_last_reload_success_timestamp_seconds",
            "When a config was last found good, in seconds since the epoch.",
            reloader.succeeded_at,
        )
        yield _single("config_generation", "The generation that serves.", reloader.generation)
        looked = {(result,): reloader.counts[result] for result in _RESULTS}
        yield _counter("config_reloads", "Configs that were looked at.", ("result",), looked)


def _counter(name: str, about: str, labels: Sequence[str], counts: Mapping[_Labels, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"routerd_{name}", about, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _gauge(name: str, about: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"routerd_{name}", about, labels=["provider"])


def _single(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"routerd_{name}", about, value)
