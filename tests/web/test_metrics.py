"""/metrics: what it says agrees with what happened, its labels are bounded, and each name is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from routerd.errors import KINDS
from tests.support.daemon import Daemon

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
TEXT = """
providers:
  demo: {adapter: echo, models: [echo]}
  any: {adapter: echo}
  bad: {adapter: echo, models: [echo], echo: {fail: 500}}
routes:
  chat: [demo/echo]
  shaky: [bad/echo, demo/echo]
prices:
  demo/echo: {input: 1, output: 10}
"""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("metrics"), TEXT) as daemon:
        for model in ("chat", "chat", "shaky", "nothing", *(f"any/made-up-{number}" for number in range(20))):
            daemon.post({"model": model, "messages": [{"role": "user", "content": "hello there"}]})
        daemon.post({"model": "chat", "stream": True, "messages": [{"role": "user", "content": "hello there"}]})
        daemon.post({}, path="/v1/nowhere")
        yield daemon


@pytest.fixture(scope="module")
def samples(daemon: Daemon) -> Samples:
    families = text_string_to_metric_families(daemon.get("/metrics").body.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"routerd_{name}", frozenset(labels.items())))


def test_what_it_says(samples: Samples) -> None:
    demo = {"provider": "demo", "model": "echo"}
    assert value(samples, "requests_total", route="chat", status="200") == 3
    assert value(samples, "requests_total", route="other", status="200") == 20
    assert value(samples, "errors_total", route="other", kind="unknown_model") == 1
    assert value(samples, "requests_total", route="other", status="404") == 2, "one was refused at the door"
    assert value(samples, "errors_total", route="other", kind="not_found") == 1
    assert value(samples, "attempts_total", **demo, outcome="ok") == 4
    assert (value(samples, "attempts_total", provider="bad", model="echo", outcome="upstream_overloaded") or 0) >= 1
    assert value(samples, "failovers_total", route="shaky") == 1
    assert (value(samples, "tokens_total", **demo, type="prompt") or 0) > 0
    assert (value(samples, "cost_usd_total", **demo) or 0) > 0
    assert value(samples, "cost_usd_total", provider="any", model="other") is None
    assert value(samples, "unpriced_attempts_total", provider="any", model="other") == 20
    assert value(samples, "attempt_duration_seconds_count", **demo) == 4
    assert value(samples, "ttft_seconds_count", **demo) == 1
    assert value(samples, "overhead_seconds_count") == 24
    assert value(samples, "in_flight", provider="demo") == 0
    assert (value(samples, "provider_up", provider="demo"), value(samples, "database_up")) == (1, 1)
    assert (value(samples, "ledger_dropped_total"), value(samples, "log_dropped_total")) == (0, 0)
    assert value(samples, "config_last_reload_successful") == 1


def test_labels_are_bounded(samples: Samples) -> None:
    allowed = {
        "route": {"chat", "shaky", "other"},
        "provider": {"demo", "any", "bad", "other"},
        "model": {"echo", "other"},
        "kind": set(KINDS),
        "outcome": {"ok", "cancelled", *KINDS},
        "type": {"prompt", "completion", "cached", "cache_write", "reasoning"},
        "result": {"adopted", "rejected"},
    }
    for _, labels in samples:
        for name, text in labels:
            assert name in ("le", "status") or text in allowed[name], (name, text)


def test_every_metric_is_documented(samples: Samples) -> None:
    told = {re.sub(r"_(bucket|count|sum)$", "", name) for name, _ in samples}
    documented = set(re.findall(r"^\| `(routerd_\w+)`", DOCS.read_text(), re.MULTILINE))
    assert told - documented == set()
    assert documented - told <= {
        "routerd_retries_total",
        "routerd_time_per_output_token_seconds",
    }  # where there was one
