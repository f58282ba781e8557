"""The ledger: what becomes of the entries that requests leave, and what it does when nobody can write."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from routerd.config.model import RouterConfig
from routerd.pricing import Rate
from routerd.snapshot import Snapshot, compile
from routerd.state import ledger as ledger_module
from routerd.state.database import Database
from routerd.state.ledger import Entry, Ledger
from routerd.state.requests import Asked, Requests
from tests.support.gate import eventually

NOW = 1_790_000_000.0
OVERLOADED: Entry = {"status": 500, "error": "upstream_overloaded"}


class NoSecrets:
    def value(self, reference: str, origin: str) -> str:
        return reference

    def proxy(self, url: str) -> str:
        return url


def snapshot(retention: float = 1e9) -> Snapshot:
    config = RouterConfig.model_validate({
        "providers": {
            "a": {"base_url": "https://a.example/v1", "models": ["m"]},
            "b": {"base_url": "https://b.example/v1", "models": ["m"]},
            "openai": {"base_url": "https://api.openai.com/v1"},
        },
        "routes": {"smart": ["a/m", "b/m"]},
        "prices": {"a/m": {"input": 1.0, "output": 10.0, "cached": 0.1}},
        "server": {"request_log": {"retention": retention}},
    })
    return compile(config, "d" * 64, 1, NoSecrets())


def attempt(request: str = "r1", **more: Any) -> Entry:
    """What the log has of an attempt that went well."""
    return {
        "time": NOW, "level": "info", "event": "attempt", "request_id": request, "client": "me", "route": "smart",
        "provider": "a", "model": "m", "attempt": 1, "status": 200, "error": None, "stream": False, "ttft_ms": None,
        "duration_ms": 100, "prompt_tokens": 1_000, "completion_tokens": 100, "cached_tokens": 400,
        "reasoning_tokens": 0, "cache_write_tokens": 0, "config": "d" * 12, "overhead_us": 80, "retry_count": None,
        "trace": None,
    } | more  # fmt: skip


def failed(request: str = "r1", **more: Any) -> Entry:
    """What is noted when no attempt could answer."""
    return {
        "time": NOW, "event": "failed", "request_id": request, "client": "me", "route": "smart", "provider": "b",
        "model": "m", "attempts": 2, "status": 503, "error": "upstream_overloaded", "stream": False, "config": "d" * 12,
    } | more  # fmt: skip


NO_TOKENS: Entry = dict.fromkeys((
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
))


@dataclass
class Book:
    """A ledger over a file of its own."""

    path: Path
    current: Snapshot = field(default_factory=snapshot)
    told: list[list[Entry]] = field(default_factory=list)
    is_followed: bool = False

    def __post_init__(self) -> None:
        self.database = Database(self.path)
        self.ledger = Ledger(
            self.database, lambda: self.current, is_followed=lambda: self.is_followed, tell=self.told.append
        )
        self.requests = Requests(self.ledger, self.database)

    def note(self, *entries: Entry) -> None:
        for entry in entries:
            self.ledger.note(entry)

    def latest(self, limit: int = 50, **asked: Any) -> list[dict[str, Any]]:
        return asyncio.run(self.requests.latest(Asked(limit, **asked)))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "state.db")
    yield made
    made.database.close()


def test_a_request_with_two_attempts(book: Book) -> None:
    book.note(
        attempt(time=NOW, **OVERLOADED, **NO_TOKENS),
        attempt(time=NOW + 0.5, attempt=2, provider="b", duration_ms=300, retry_count=1, trace="0af7"),
        attempt("r2"),
    )
    newest, older = book.latest()
    assert (newest["request_id"], newest["attempts"], newest["total_ms"]) == ("r2", 1, 100)
    assert (older["request_id"], older["attempts"], older["provider"], older["status"]) == ("r1", 2, "b", 200)
    assert older["total_ms"] == 600  # from the beginning of the first attempt
    assert (older["retry_count"], older["trace"], older["at"]) == (1, "0af7", "2026-09-21T14:13:20.500+00:00")
    found = asyncio.run(book.requests.one("r1"))
    assert found is not None
    assert [(row["attempt"], row["status"], row["upstream_status"]) for row in found.attempts] == [
        (1, 503, 500), (2, 200, 200),
    ]  # fmt: skip
    assert asyncio.run(book.requests.one("r3")) is None


def test_requests_of_the_same_id_are_told_apart(book: Book) -> None:
    book.note(attempt("mine"), attempt("mine", **OVERLOADED), attempt("mine", attempt=2, time=NOW + 1))
    assert [row["attempts"] for row in book.latest()] == [2, 1]
    found = asyncio.run(book.requests.one("mine"))
    assert found is not None and [row["attempt"] for row in found.attempts] == [1, 2]


ENDS: list[tuple[list[Entry], int, str | None, int]] = [
    ([attempt()], 200, None, 1),
    ([attempt(error="cancelled", status=None)], 499, "cancelled", 1),
    ([attempt(error="upstream_garbled", status=None, ttft_ms=5)], 502, "upstream_garbled", 1),  # after the commit
    ([attempt(error="upstream_rejected", status=422), failed(error="upstream_rejected", status=422, attempts=1)],
     422, "upstream_rejected", 1),
    ([attempt(**OVERLOADED), attempt(attempt=2, **OVERLOADED), failed()], 503, "upstream_overloaded", 2),
    ([failed(event="refused", attempts=0, error="unknown_model", status=404, provider=None, model=None)],
     404, "unknown_model", 0),
]  # fmt: skip


@pytest.mark.parametrize("entries,status,error,attempts", ENDS)
def test_how_requests_end(book: Book, entries: list[Entry], status: int, error: str | None, attempts: int) -> None:
    book.note(*entries)
    [row] = book.latest()
    assert (row["status"], row["error"], row["attempts"]) == (status, error, attempts)
    assert book.ledger.tally.requests == {("smart", status, error): 1}


def test_filters_and_pages(book: Book) -> None:
    book.note(*(attempt(f"r{number}") for number in range(5)))
    book.note(attempt("other", provider="b", client="you", route="dull"))
    book.note(failed("bad", attempts=0), attempt("gone", error="cancelled", status=None))
    first = book.latest(2)
    assert [row["request_id"] for row in first] == ["gone", "bad"]
    assert [row["request_id"] for row in book.latest(2, before=first[-1]["id"])] == ["other", "r4"]
    cases: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"provider": "b", "client": "you"}, ["other"]),
        ({"route": "dull"}, ["other"]),
        ({"status": "503"}, ["bad"]),
        ({"status": "5xx"}, ["bad"]),
        ({"status": "error"}, ["bad"]),
        ({"status": "4xx"}, ["gone"]),
        ({"status": "ok", "route": "smart"}, ["r4", "r3", "r2", "r1", "r0"]),
        ({"route": "none"}, []),
    )
    for asked, expected in cases:
        assert [row["request_id"] for row in book.latest(**asked)] == expected, asked


def test_cost(book: Book) -> None:
    book.note(
        attempt("own"),
        attempt("unknown", provider="b"),
        attempt("listed", provider="openai", model="gpt-4o-mini"),
        attempt("untold", **NO_TOKENS),
    )
    costs = {row["request_id"]: row["cost"] for row in book.latest()}
    assert costs["own"] == pytest.approx((600 * 1.0 + 400 * 0.1 + 100 * 10.0) / 1e6)
    assert costs["listed"] == pytest.approx((600 * 0.15 + 400 * 0.075 + 100 * 0.6) / 1e6)
    assert (costs["unknown"], costs["untold"]) == (None, None)
    book.current = snapshot()  # with other prices
    book.current.prices["b/*"] = Rate(None, 0, 2.0, 4.0)  # type: ignore[index]
    book.note(attempt("later", provider="b"))
    assert book.latest(1)[0]["cost"] == pytest.approx((1_000 * 2.0 + 100 * 4.0) / 1e6)


def test_what_is_counted(book: Book) -> None:
    book.note(
        attempt("r1", **OVERLOADED, **NO_TOKENS),
        attempt("r1", attempt=2, **OVERLOADED, **NO_TOKENS),
        attempt("r1", attempt=3, provider="b", stream=True, ttft_ms=20, duration_ms=1_010, reasoning_tokens=7),
        attempt("r2", route="made/up", model="made-up"),
    )
    book.ledger.fold()
    tally = book.ledger.tally
    assert tally.requests == {("smart", 200, None): 1, ("other", 200, None): 1}
    assert (tally.retries, tally.failovers) == ({"a": 1}, {"smart": 1})
    assert set(tally.targets) == {("a", "m"), ("b", "m"), ("a", "other")}
    assert tally.targets["a", "m"].outcomes == {"upstream_overloaded": 2}
    of_b = tally.targets["b", "m"]
    assert (of_b.outcomes, of_b.cost, of_b.unpriced) == ({"ok": 1}, None, 1)
    assert of_b.tokens == [1_000, 100, 400, 0, 7]
    assert of_b.per_token.total == pytest.approx(0.99 / 99)
    assert dict(of_b.ttft.buckets())["0.05"] == 1


def test_series(book: Book) -> None:
    now = time.time()
    book.note(
        *(attempt(f"long ago {number}", time=now - 10_000 + number) for number in range(7)),
        attempt("early", time=now - 300),
        *(attempt(f"r{number}", time=now, duration_ms=90) for number in range(19)),
        attempt("slow", time=now, duration_ms=20_000, provider="b"),
        failed("bad", time=now),
    )
    series = asyncio.run(book.requests.series(10))
    assert series.bucket_seconds == 10 and len(series.buckets) == 60
    assert (sum(series.total.requests), sum(series.total.errors)) == (22, 1)
    at = max(range(60), key=lambda index: series.total.requests[index])
    assert 50 < (series.total.p50_ms[at] or 0) <= 100
    assert series.total.p50_ms[0] is None and series.total.cost[0] is None
    assert {name: sum(each.requests) for name, each in series.by_provider.items()} == {"a": 20, "b": 1}
    assert sum(series.by_route["smart"].prompt_tokens) == 21_000
    assert sum(cost or 0 for cost in series.by_provider["b"].cost) == 0
    assert (series.by_provider["b"].p95_ms[at] or 0) > 15_000


def test_old_rows_go(tmp_path: Path) -> None:
    book = Book(tmp_path / "state.db", snapshot(retention=3_600.0))
    book.note(attempt("old"), attempt("new", time=time.time()))
    assert len(book.latest()) == 2
    book.ledger.prune(1e9)
    eventually(lambda: [row["request_id"] for row in book.latest()] == ["new"], "the old row is gone")
    book.database.close()


def test_old_rows_go_though_nothing_comes_any_more(tmp_path: Path) -> None:
    first = Book(tmp_path / "state.db")
    first.note(attempt("old"), attempt("new", time=time.time()))
    assert len(first.latest()) == 2
    first.database.close()
    book = Book(tmp_path / "state.db", snapshot(retention=3_600.0))
    book.ledger.prune(1e9)
    eventually(lambda: [row["request_id"] for row in book.latest()] == ["new"], "the old row is gone")
    book.database.close()


def test_an_idle_ledger_makes_no_file(tmp_path: Path) -> None:
    book = Book(tmp_path / "state.db")
    book.ledger.prune(1e9)
    book.database.close()
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_clock_that_ran_ahead_hold_up_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "state.db", snapshot(retention=3_600.0))
    ahead = [attempt(f"ahead {at}", time=time.time() + 1e8) for at in range(2 * ledger_module.PRUNE_AFTER)]
    book.note(*ahead, attempt("old"), attempt("new", time=time.time()))
    assert [row["request_id"] for row in book.latest(2)] == ["new", "old"]
    book.ledger.prune(1e9)
    eventually(lambda: book.latest(2)[1]["request_id"].startswith("ahead"), "the old row is gone")
    assert book.latest(1)[0]["request_id"] == "new"
    book.database.close()


def test_a_clock_that_is_set_back_makes_no_duration_negative(book: Book) -> None:
    book.note(
        attempt(time=NOW, **OVERLOADED, **NO_TOKENS),
        attempt(time=NOW - 3_600, attempt=2, provider="b", duration_ms=300),
    )
    assert book.latest()[0]["total_ms"] == 300


def test_answers_that_took_longest_count(book: Book) -> None:
    now = time.time()
    book.note(
        *(attempt(f"r{at}", time=now, duration_ms=90) for at in range(9)),
        attempt("slow", time=now, duration_ms=2_400_000),
    )
    at = asyncio.run(book.requests.series(60)).total
    assert max(value or 0 for value in at.p95_ms) == 1_800_000
    assert max(value or 0 for value in at.p50_ms) < 100


def test_who_follows_is_told(book: Book) -> None:
    book.note(attempt("before"))
    book.ledger.fold()
    book.is_followed = True
    book.note(attempt("r1"), failed("r2", attempts=0), attempt("r3", provider="b"))
    book.ledger.fold()
    [told] = book.told
    assert [(entry["request_id"], entry["provider"]) for entry in told] == [("r1", "a"), ("r3", "b")]
    assert told[0]["at"].startswith("2026-09-21T") and told[0]["cost"] is not None


def test_a_wrong_entry_costs_itself_alone(book: Book) -> None:
    book.note(attempt("good"), {"event": "attempt"}, attempt("better"))
    assert [row["request_id"] for row in book.latest()] == ["better", "good"]
    assert book.ledger.dropped == 1


def test_rows_that_can_never_be_written_cost_themselves_alone(book: Book) -> None:
    book.note(attempt("good"), attempt("bad \ud800"), attempt("better"))
    assert [row["request_id"] for row in book.latest()] == ["better", "good"]
    assert book.database.condition().dropped == 1


def test_without_a_file_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(ledger_module, "MOST_WAITING", 10)
    book = Book(tmp_path / "file" / "state.db")
    book.note(attempt("r0"))
    eventually(lambda: book.database.condition().state == "unusable", "the file can't be used")
    for number in range(1, 31):
        book.note(attempt(f"r{number}"))
        book.ledger.fold()
    assert book.ledger.dropped == 30 - 10  # the database has the first in hand
    assert sum(book.ledger.tally.requests.values()) == 31, "everything is counted"
    assert [row["request_id"] for row in book.latest(2)] == ["r30", "r29"], "what waits can be asked for"
    book.database.close(0.1)


def test_entries_that_nobody_takes_are_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MOST_WAITING", 3)
    book = Book(tmp_path / "state.db")
    with book.ledger.lock:  # as while the disk stalls
        book.note(*(attempt(f"r{number}") for number in range(8)))
        assert book.ledger.dropped >= 8 - 3 - 3  # what waits, and what the thread may have in hand
    book.database.close()


def test_a_file_without_a_ledger_gets_one(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.execute("CREATE TABLE signatures (id INTEGER PRIMARY KEY, at REAL, scope TEXT, body BLOB)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    book = Book(tmp_path / "state.db")
    book.note(attempt())
    assert len(book.latest()) == 1
    book.database.close()


def test_where_nothing_is_kept_the_latest_can_be_asked_for_all_the_same(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    ledger = Ledger(database, snapshot, is_kept=False)
    requests = Requests(ledger, database)
    ledger.note(attempt("r1"))
    ledger.note(attempt("r2"))
    found = asyncio.run(requests.latest(Asked(1)))
    assert [row["request_id"] for row in found] == ["r2"]
    assert (ledger.dropped, ledger.tally.requests) == (0, {("smart", 200, None): 2})
    ledger.prune(1e9)
    database.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_at_the_door_is_counted_and_no_row(book: Book) -> None:
    book.ledger.refuse("unauthorized", 401)
    book.note(attempt())
    assert book.ledger.requests() == {("other", 401, "unauthorized"): 1, ("smart", 200, None): 1}
    assert len(book.latest()) == 1
