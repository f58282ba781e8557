"""What can be asked of the ledger: requests with their attempts, counters, series, the log, and attempts as events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Response
from tests.support.daemon import Daemon

TRACE = "0af7651916cd43dd8448eb211c80319c"
KEY = "sk-canary-0123456789abcdef"
TEXT = """
providers:
  demo: {adapter: echo, models: [echo, free]}
  bad: {adapter: echo, models: [echo], echo: {fail: 500}}
routes:
  chat: [demo/echo]
  shaky: [bad/echo, demo/echo]
  dead: {nodes: [bad/echo], max_attempts: 1}
prices:
  demo/echo: {input: 1, output: 10}
"""


def ask(daemon: Daemon, model: Any, id: str, *, stream: bool = False, **headers: str) -> Response:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "a secret prompt"}]}
    return daemon.post(body, {"x-request-id": id} | {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that has answered seven requests."""
    folder = tmp_path_factory.mktemp("requests")
    with Daemon(folder, TEXT, environment={"ROUTERD_ADMIN_TOKEN": KEY}) as daemon:
        trace = f"00-{TRACE}-b7ad6b7169203331-01"
        ask(daemon, "chat", "first", traceparent=trace, x_stainless_retry_count="2")
        ask(daemon, "shaky", "second", traceparent="nonsense", x_stainless_retry_count="many")
        ask(daemon, "dead", "third")
        ask(daemon, "nothing", "fourth")
        ask(daemon, "demo/free", "fifth")
        ask(daemon, "chat", "sixth", stream=True)
        ask(daemon, ["no", "name"], "seventh")
        yield daemon


def ids(daemon: Daemon, query: str = "") -> list[str]:
    return [row["id"] for row in daemon.get(f"/api/requests{query}").json()]


def test_the_latest_requests(daemon: Daemon) -> None:
    rows = daemon.get("/api/requests").json()
    facts = [
        tuple(row[name] for name in ("id", "route", "provider", "status", "error", "attempt_count")) for row in rows
    ]
    assert facts == [
        ("seventh", None, None, 400, "invalid_request", 0),
        ("sixth", "chat", "demo", 200, None, 1),
        ("fifth", "demo/free", "demo", 200, None, 1),
        ("fourth", None, None, 404, "unknown_model", 0),
        ("third", "dead", "bad", 503, "upstream_overloaded", 1),
        ("second", "shaky", "demo", 200, None, facts[5][5]),
        ("first", "chat", "demo", 200, None, 1),
    ]
    costs = {row["id"]: row["cost"] for row in rows}
    assert costs["first"] > 0
    assert (costs["fifth"], costs["third"]) == (None, None), "what has no known price is not for nothing"
    assert (rows[1]["stream"], rows[2]["stream"], rows[1]["client"]) == (True, False, "anonymous")
    assert [(row["retry_count"], row["trace"]) for row in rows[5:]] == [(None, None), (2, TRACE)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?limit=2", ["seventh", "sixth"]),
        ("?route=chat", ["sixth", "first"]),
        ("?provider=bad", ["third"]),
        ("?status=404", ["fourth"]),
        ("?status=5xx", ["third"]),
        ("?status=ok&route=shaky", ["second"]),
        ("?status=error", ["seventh", "fourth", "third"]),
        ("?client=nobody", []),
    ],
)
def test_some_of_them(daemon: Daemon, query: str, expected: list[str]) -> None:
    assert ids(daemon, query) == expected


def test_pages(daemon: Daemon) -> None:
    seen: list[str] = []
    before = ""
    while page := daemon.get(f"/api/requests?limit=3{before}").json():
        seen += [row["id"] for row in page]
        before = f"&before={page[-1]['number']}"
    assert seen == ["seventh", "sixth", "fifth", "fourth", "third", "second", "first"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=501", "before=0", "before=-1", "status=abc", "status=9xx"]
)
def test_what_can_t_be_asked(daemon: Daemon, query: str) -> None:
    answer = daemon.get(f"/api/requests?{query}")
    assert (answer.status, answer.json()["kind"]) == (400, "invalid_request")


def test_one_request_with_all_its_attempts(daemon: Daemon) -> None:
    found = daemon.get("/api/requests/second").json()
    assert (found["id"], found["status"], found["attempt_count"]) == ("second", 200, len(found["attempts"]))
    *before, last = found["attempts"]
    assert before and all((each["provider"], each["error"]) == ("bad", "upstream_overloaded") for each in before)
    assert [each["upstream_status"] for each in before] == [500] * len(before)
    assert (last["provider"], last["status"], last["attempt"]) == ("demo", 200, len(found["attempts"]))
    assert daemon.get("/api/requests/fourth").json()["attempts"] == []
    missing = daemon.get("/api/requests/nobody")
    assert (missing.status, missing.json()["kind"]) == (404, "not_found")


def test_counters_since_the_start(daemon: Daemon) -> None:
    found = daemon.get("/api/admin/stats").json()
    assert list(found) == [
        "total_requests", "total_errors", "total_attempts", "uptime_seconds", "by_provider", "by_route", "by_status",
    ]  # fmt: skip
    assert (found["total_requests"], found["total_errors"]) == (7, 3)
    assert found["total_attempts"] == sum(found["by_provider"].values()) >= 6
    assert found["by_route"] == {"chat": 2, "shaky": 1, "dead": 1, "other": 3}
    assert found["by_status"] == {"200": 4, "503": 1, "404": 1, "400": 1}
    assert found["uptime_seconds"] > 0


def test_series(daemon: Daemon) -> None:
    found = daemon.get("/api/stats/series?minutes=60").json()
    assert (found["bucket_seconds"], len(found["buckets"])) == (60, 60)
    assert (sum(found["total"]["requests"]), sum(found["total"]["errors"])) == (7, 3)
    assert set(found["by_provider"]) == {"demo", "bad"}
    assert set(found["by_route"]) == {"chat", "shaky", "dead", "demo/free"}
    assert {len(values) for values in found["total"].values()} == {60}
    assert daemon.get("/api/stats/series?minutes=0").status == 400


@pytest.mark.parametrize("path", ["requests?limit", "stats/series?minutes", "admin/logs?limit"])
@pytest.mark.parametrize("digits", ["00000000199999999999999999999999", "000000001" + "9" * 5_000, "0000000005"])
def test_no_number_is_taken_for_another(daemon: Daemon, path: str, digits: str) -> None:
    assert daemon.get(f"/api/{path}={digits}").json()["kind"] == "invalid_request"


def test_the_log(daemon: Daemon) -> None:
    assert daemon.get("/api/admin/logs?limit=3").status == 200
    lines = daemon.get("/api/admin/logs?limit=500").json()
    kinds = [line["event"] for line in lines]
    assert kinds.index("refused") < kinds.index("listening") and kinds.count("attempt") >= 6
    assert lines[0]["time"] > lines[-1]["time"]
    assert len(daemon.get("/api/admin/logs?limit=3").json()) == 3


def test_no_prompt_and_no_key_is_kept(daemon: Daemon) -> None:
    answers = [daemon.get(path).body for path in ("/api/requests", "/api/admin/logs?limit=500", "/metrics")]
    files = [path for path in daemon.folder.rglob("state.db*") if path.is_file()]
    assert files
    for data in (*answers, *(path.read_bytes() for path in files)):
        assert b"secret prompt" not in data and KEY.encode() not in data


def test_attempts_as_events(daemon: Daemon) -> None:
    with daemon.caller() as caller:
        caller.request("GET", "/api/events")
        answer = caller.head()
        pieces = caller.pieces(answer)
        seen = next(pieces)
        ask(daemon, "chat", "eighth")
        while b"eighth" not in seen:
            seen += next(pieces)
        answer.body = seen
    [event] = [event for event in answer.events if event.name == "attempt"]
    assert (event.json()["request_id"], event.json()["status"]) == ("eighth", 200)


def test_the_trace_goes_on_to_the_provider(tmp_path: Path) -> None:
    from tests.support.chat import completion
    from tests.support.reply import whole
    from tests.support.upstream import Upstream

    with Upstream() as upstream:
        upstream.script(whole(completion()))
        text = f"providers:\n  p: {{base_url: '{upstream.base_url}', models: [m]}}\nroutes:\n  chat: [p/m]\n"
        with Daemon(tmp_path, text) as daemon:
            trace = f"00-{TRACE}-b7ad6b7169203331-01"
            ask(daemon, "chat", "traced", traceparent=trace, tracestate="vendor=1", baggage="mine")
            [row] = daemon.get("/api/requests").json()
    sent = dict(upstream.requests[0].headers)
    assert (sent["traceparent"], sent["tracestate"]) == (trace, "vendor=1")
    assert "baggage" not in sent
    assert (row["trace"], row["cached_tokens"], row["reasoning_tokens"]) == (TRACE, 3, 2)
