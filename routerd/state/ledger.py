"""The ledger: every attempt and how each request ended, as rows of state.db and as counts. No request waits for it.

A request leaves the entry that its log line is made of; everything else is done by the database's thread: the cost,
the counts, the rows. `attempts` holds a row for each attempt, and one (attempt 0) for each request that no attempt
answered. In the row that ended a request `attempts` says how many there were; it is NULL in all others.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby, islice
from operator import add, itemgetter
from threading import Lock
from typing import Any

import msgspec

from routerd.errors import KINDS
from routerd.pricing import Rate, Tokens, cost
from routerd.snapshot import Snapshot
from routerd.state.database import Database, Insert, Rows, Value
from routerd.state.generations import stamp
from routerd.state.prices import PriceList
from routerd.state.tally import KINDS_OF_TOKENS, OTHER, OfTarget, Tally, one_more

MOST_WAITING = 10_000  # entries, and as many rows: a disk that stalls costs the oldest, never a request or the memory
MOST_ACCOUNTS = 4_096  # routes and targets whose counts are at hand
MOST_OPEN = 4_096  # requests with a failed attempt whose next is not known yet
MOST_TOLD = 100  # attempts of one turn, to those who follow the events
PRUNE_EVERY = 600.0  # seconds,
PRUNE_AFTER = 1_000  # or rows; twice as many may go at once, so that more can go than come
CANCELLED = 499  # as nginx calls a caller who has gone

Entry = dict[str, Any]

_TAKEN = (
    "time", "request_id", "client", "route", "provider", "model", "attempt", "duration_ms", "prompt_tokens",
    "completion_tokens", "cached_tokens", "reasoning_tokens", "cache_write_tokens", "config",
)  # fmt: skip
_USUAL = ("at", *_TAKEN[1:], "stream", "upstream_status", "status", "attempts", "total_ms")
_RARE = ("cost", "ttft_ms", "retry_count", "error", "trace", "dropped")  # the rarest last
COLUMNS = (*_USUAL, *_RARE)
# A row ends with its last value: sqlite3 looks for an adapter of each None, which takes it as long as four values.
_INSERTS = tuple(
    f"INSERT INTO attempts ({', '.join(COLUMNS[:many])}) VALUES ({', '.join('?' * many)})"
    for many in range(len(COLUMNS) + 1)
)
# The first rows are the oldest, but for those that a clock which ran ahead has dated: they hold up nothing.
_PRUNE = f"""
DELETE FROM attempts WHERE at < ? AND id IN (SELECT id FROM attempts WHERE at <= ? ORDER BY id LIMIT {2 * PRUNE_AFTER})
"""
_EMPTY: Entry = dict.fromkeys((*_TAKEN, "ttft_ms", "retry_count", "trace")) | {"attempt": 0}
_take = itemgetter(*_TAKEN)
_tokens = itemgetter(*(f"{name}_tokens" for name in KINDS_OF_TOKENS))


class Ledger:
    """`note`, `refuse` and `prune` are for the event loop and never wait; the rest may be called by any thread.

    `current` gives the snapshot that serves: its prices, its names, how long rows are kept. `is_kept`: whether rows are
    written. `tell` is given what has happened since the last time, as the log has it, while `is_followed`.
    """

    def __init__(
        self,
        database: Database,
        current: Callable[[], Snapshot],
        *,
        is_kept: bool = True,
        is_followed: Callable[[], bool] = lambda: False,
        tell: Callable[[list[Entry]], None] = lambda entries: None,
    ) -> None:
        self.tally = Tally()
        self.lock = Lock()  # of the tally, and of whoever folds
        self._database = database
        self._current = current
        self.is_kept = is_kept
        self._is_followed = is_followed
        self._tell = tell
        self._prices = PriceList()
        self._waiting: deque[Entry] = deque()
        self._rows: deque[tuple[Value, ...]] = deque()
        self._refusals: Counter[tuple[str, int, str | None]] = Counter()
        self._open: dict[str, tuple[str, float]] = {}  # by request: the target that failed last, and when it all began
        self._names = _Names(None)
        self._accounts: dict[tuple[str | None, str, str], _Account] = {}
        self._is_awake = False
        self._refused = self._spoilt = 0  # one counter for either thread
        self._entered = self._entered_then = 0
        self._pruned_at = 0.0
        database.attach(self)

    @property
    def dropped(self) -> int:
        """How many entries were never counted or written."""
        return self._refused + self._spoilt

    @property
    def waiting(self) -> int:
        """How many entries are not written yet."""
        return len(self._waiting) + len(self._rows)

    def note(self, entry: Entry) -> None:
        """Note an attempt, or the end of a request. The entry is the ledger's and the log's: nobody changes it."""
        if len(self._waiting) >= MOST_WAITING:
            self._refused += 1
            return
        self._waiting.append(entry)
        if not self._is_awake:
            self._is_awake = True
            self._database.wake()

    def prune(self, now: float) -> None:
        """Have rows deleted that are too old, if it is time; `now` is in monotonic seconds."""
        came = self._entered - self._entered_then
        if not self.is_kept or not (came >= PRUNE_AFTER or now >= self._pruned_at + PRUNE_EVERY):
            return
        self._entered_then, self._pruned_at = self._entered, now
        if self._database.exists():  # also where nothing comes any more: what is too old goes, and makes no file
            wall = time.time()
            self._database.submit(_PRUNE, wall - self._current().retention, wall)

    def refuse(self, kind: str, status: int) -> None:
        """Count a request that was refused at the door: whose it was is not known, and it gets no row."""
        self._refusals[OTHER, status, kind] += 1

    # The database's thread, and whoever wants to know how things stand

    def fold(self) -> None:
        """Count what waits, and make rows of it."""
        self._is_awake = False
        with self.lock:
            entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._entered += len(entries)
            if (snapshot := self._current()) is not self._names.snapshot:
                self._names, self._accounts = _Names(snapshot), {}
            for entry in entries:
                try:
                    self._enter(entry)
                except Exception:  # one entry's mistake must not end all that is written
                    self._spoilt += 1
            many = min(len(entries), MOST_TOLD) if self._is_followed() else 0
            told = [public(row) for row in islice(reversed(self._rows), many)]
        if told:
            self._tell([row for row in reversed(told) if row["attempt"]])

    def take(self, most: int) -> list[Insert]:
        """The next rows."""
        if not self.is_kept:
            return []
        with self.lock:
            return _inserts([self._rows.popleft() for _ in range(min(most, len(self._rows)))])

    def requests(self) -> Counter[tuple[str, int, str | None]]:
        """Requests that have ended, by route, status and kind of error; those that were refused among them."""
        self.fold()
        with self.lock:
            return Counter(self.tally.requests) + self._refusals.copy()

    def pending(self) -> list[Insert]:
        """The rows that are not written yet, or never will be: for those who can't read the file."""
        self.fold()
        with self.lock:
            return _inserts(list(self._rows))

    def _enter(self, entry: Entry) -> None:
        """One entry becomes counts and a row."""
        kind: str | None = entry.get("error")
        full = entry if entry["event"] == "attempt" else _EMPTY | entry
        ended = _ended(full, kind)
        is_one = ended is not None and ended < 2
        began = 0.0 if is_one else self._began(full, ended)  # nobody asks for that of a single attempt
        status = _status(kind, full["status"])
        spent = self._count(full, kind, status, is_end=ended is not None)
        if len(self._rows) >= MOST_WAITING:
            self._rows.popleft()
            self._spoilt += self.is_kept
        total = None if ended is None else full["duration_ms"] if is_one else _total(full, began)
        upstream = full["status"] if full["attempt"] else None
        dropped = msgspec.json.encode(full["dropped"]).decode() if "dropped" in full else None
        rare = (spent, full["ttft_ms"], full["retry_count"], kind, full["trace"], dropped)
        told = len(rare)
        while told and rare[told - 1] is None:
            told -= 1
        self._rows.append((*_take(full), int(full["stream"]), upstream, status, ended, total, *rare[:told]))

    def _began(self, entry: Entry, ended: int | None) -> float:
        """When the request's first attempt began, in seconds since the epoch; also counts what came of the last one."""
        own: float = entry["time"] - (entry["duration_ms"] or 0) / 1000
        request, target = entry["request_id"], f"{entry['provider']}/{entry['model']}"
        before = self._open.pop(request, None)
        if before is not None and entry["attempt"] > 1:
            names = self._names
            if before[0] == target:
                one_more(self.tally.retries, names.provider(entry["provider"]))
            else:
                one_more(self.tally.failovers, names.route(entry["route"]))
        began = own if before is None or entry["attempt"] == 1 else before[1]
        if ended is None:
            if len(self._open) >= MOST_OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[request] = (target, began)
        return began

    def _account(self, entry: Entry) -> _Account:
        """Where attempts at this target, for this route, are counted."""
        key = (entry["route"], entry["provider"], entry["model"])
        found = self._accounts.get(key)
        if found is None:
            if len(self._accounts) >= MOST_ACCOUNTS:
                self._accounts.clear()
            names = self._names
            target = self.tally.target(*names.target(key[1], key[2]))
            found = self._accounts[key] = _Account(names.route(key[0]), target)
            if names.snapshot is not None:
                found.rates = self._prices.rates(names.snapshot, key[1], key[2])
        return found

    def _count(self, entry: Entry, kind: str | None, status: int, *, is_end: bool) -> float | None:
        """Count an entry; returns what its attempt cost."""
        tally = self.tally
        if not entry["attempt"]:
            one_more(tally.requests, (self._names.route(entry["route"]), status, kind))
            return None
        account = self._account(entry)
        target = account.target
        if is_end:
            one_more(tally.requests, (account.route, status, kind))
        one_more(target.outcomes, kind or "ok")
        spent = None
        if entry["prompt_tokens"] is not None:
            tokens = _tokens(entry)
            target.tokens = [*map(add, target.tokens, tokens)]
            spent = account.spent(tokens, entry["time"])
        if kind is None:
            _time(target, entry)
            tally.overhead.add(entry["overhead_us"] / 1e6)
        return spent


class _Account:
    """What attempts at one target, for one route, are counted and paid by; `rates` None: no price is known."""

    __slots__ = ("rates", "route", "target")

    def __init__(self, route: str, target: OfTarget) -> None:
        self.route = route
        self.target = target
        self.rates: Sequence[Rate] | None = None

    def spent(self, tokens: tuple[int, ...], at: float) -> float | None:
        """What `tokens` cost, in US dollars, which is added up; None: nobody knows."""
        spent = None if self.rates is None else cost(self.rates, Tokens(*tokens[:4]), _day(at // 86_400))
        if spent is None:
            self.target.unpriced += 1
        else:
            self.target.cost = (self.target.cost or 0.0) + spent
        return spent


def _inserts(rows: Rows) -> list[Insert]:
    """Each statement with the rows that it takes, in their order."""
    return [(_INSERTS[many], list(alike)) for many, alike in groupby(rows, len)]


def public(row: Sequence[Value]) -> Entry:
    """A row for people and programs elsewhere, by names; the time in ISO 8601."""
    found: Entry = dict.fromkeys(COLUMNS) | dict(zip(COLUMNS, row, strict=False))
    return found | {"at": stamp(found["at"]), "stream": bool(found["stream"]), "dropped": dropped_of(found)}


def dropped_of(row: Entry) -> list[str]:
    """What was named in `x-routerd-dropped`, of a row by names."""
    return msgspec.json.decode(row["dropped"], type=list[str]) if row["dropped"] else []


@lru_cache(maxsize=4)
def _day(days: float) -> str:
    """Days since the epoch as ISO 8601."""
    return time.strftime("%Y-%m-%d", time.gmtime(days * 86_400))


class _Names:
    """The names that labels may have: those of the config; anything else is `other`."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot
        routes = snapshot.routes.values() if snapshot is not None else ()
        self._routes = {route.name for route in routes}
        self._providers = dict(snapshot.providers) if snapshot is not None else {}
        self._models = {
            (target.provider.name, target.model) for route in routes for node in route.nodes for target in node.targets
        }
        self._models |= {(name, model) for name, provider in self._providers.items() for model in provider.models}

    def route(self, name: str | None) -> str:
        return name if name in self._routes and name is not None else OTHER

    def provider(self, name: str | None) -> str:
        return name if name in self._providers and name is not None else OTHER

    def target(self, provider: str, model: str) -> tuple[str, str]:
        return self.provider(provider), model if (provider, model) in self._models else OTHER


def _total(entry: Entry, began: float) -> int:
    """How many milliseconds a request took; never less than its last attempt, though the clock was set back."""
    whole: int = round(1000 * (entry["time"] - began))
    return max(whole, entry["duration_ms"] or 0)


def _ended(entry: Entry, kind: str | None) -> int | None:
    """How many attempts the request took, if this was its end; else None: another attempt or entry follows."""
    number: int = entry["attempt"]
    if number == 0:
        return int(entry.get("attempts") or 0)
    # with an error, only what broke off after the commit was the end
    return number if kind is None or kind == "cancelled" or entry["ttft_ms"] is not None else None


def _status(kind: str | None, told: int | None) -> int:
    """What the caller gets for it, where the stream is not open yet."""
    if kind is None:
        return told or 200
    if kind == "cancelled":
        return CANCELLED
    if kind == "upstream_rejected" and told is not None:
        return told
    return KINDS[kind].status if kind in KINDS else 500


def _time(target: Any, entry: Entry) -> None:
    target.duration.add(entry["duration_ms"] / 1000)
    if entry["ttft_ms"] is None:
        return
    target.ttft.add(entry["ttft_ms"] / 1000)
    completion = entry["completion_tokens"] or 0
    if completion > 1:
        target.per_token.add((entry["duration_ms"] - entry["ttft_ms"]) / 1000 / (completion - 1))
