"""Rotation, health and what people decided by hand, kept for the next start: state.db has them about a second behind.

Live times are monotonic seconds, kept ones seconds since the epoch; they are converted here and nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, cast

import msgspec
from msgspec import Struct

from routerd.gently import gently
from routerd.routing.health import Health, Scope
from routerd.snapshot import Snapshot
from routerd.state.asking import Rows, ask
from routerd.state.counters import Counters
from routerd.state.database import Database, Value
from routerd.state.inventory import Section

EVERY = 1.0  # seconds between writes
AGAIN = 10.0  # seconds between questions to a database that can't be used
CHECKED = 60.0  # seconds between looks at whether everything is still there: people delete state.db
MOST_AT_ONCE = 100  # rows a second: the event loop has other things to do
MOST_LOOKED_AT = 1_000  # rows at once, for the same reason: this is a quarter of a millisecond
MOST_AILING = 2_000  # of a scope, the latest: callers may make names up
LATE = 5.0  # seconds after which old health says less than what traffic has shown since
LONGEST = 86_400.0  # seconds; no cooldown that is read may last longer, whatever stands there

Key: TypeAlias = tuple[str, str | tuple[str, int]]  # kind; whose
Numbers: TypeAlias = dict[tuple[Section, str], tuple[Section, int]]  # of entries, by name

_PUT = (
    "INSERT INTO standing (kind, name, value) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value"
)
_DROP = "DELETE FROM standing WHERE kind = ? AND name = ?"
_END = "end"  # a row that tells an empty table from one that could not be read
_ALL = f"SELECT kind, name, value FROM (SELECT * FROM standing LIMIT 20000) UNION ALL SELECT '{_END}', '', ''"
_COUNT = f"SELECT '{_END}', count(*), '' FROM standing"
_SCOPES: tuple[Scope, ...] = ("target", "provider", "origin")
KINDS = ("cursor", "turn", "override", *_SCOPES)
_RENAMES: Mapping[Section, Callable[[Counters, str, str], None]] = MappingProxyType({
    "providers": Counters.rename_provider,
    "routes": Counters.rename_route,
})
_UNSURE = object()  # whether it is in the table, nobody knows
_NONE = object()  # there is, or should be, no such row


class Kept(Struct, omit_defaults=True):
    """`Health` as it is kept. `account` is a mark of the key and address that it was seen with."""

    failures: int
    cause: str
    cooldowns: int
    since: float
    until: float | None = None
    account: str = ""


_encode = msgspec.json.Encoder().encode
_decode_health = msgspec.json.Decoder(Kept).decode
_decode_place = msgspec.json.Decoder(tuple[str, int]).decode
_decode_number = msgspec.json.Decoder(int).decode


class Numbering(Protocol):
    """The inventory, as far as it tells what was renamed."""

    def id_of(self, section: Section, name: str) -> int:
        """The number of an entry, which a rename doesn't change. For any thread. Raises KeyError."""


class Standing:
    """Keeps the counters' lasting half. All methods are for the event loop's thread; none waits but `load`.

    Nothing is told to it when something changes: it compares, so that requests pay nothing. `snapshot` gives the
    current one. Without a database, or with one that can't be used, the counters are simply as good as new at a start.
    """

    def __init__(
        self,
        counters: Counters,
        snapshot: Callable[[], Snapshot],
        database: Database | None,
        now: Callable[[], float],
        *,
        inventory: Numbering | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._counters, self._snapshot, self._database = counters, snapshot, database
        self._now, self._wall = now, wall
        self._inventory = inventory
        self._numbers: Numbers = {}  # of the config before this one
        self._kept: dict[Key, object] = {}  # what is in the table, as it was when it was put there
        self._look = self._differences()  # goes on where it stopped: what comes last gets its turn, too
        self._has_written = False  # since the table was last counted
        self._began = now()
        self._due = self._check_at = 0.0
        self._is_loaded = False
        self._is_waiting = False  # for an answer of the database
        self._is_lost = False  # the database could not be used: what it has is uncertain

    async def load(self, seconds: float = 1.0) -> None:
        """Take up what the last process knew. What has not been read after `seconds` follows as soon as it is."""
        if self._database is None or not self._database.exists():
            self._is_loaded = True
            return
        await asyncio.wait([self._ask(_ALL, self._take_up)], timeout=seconds)

    def sweep(self) -> None:
        """Write what has changed; to be called often, it looks once a second, and never long."""
        now = self._now()
        if self._database is None or now < self._due or self._is_waiting:
            return
        if not self._is_loaded:
            self._due = now + EVERY
            self._ask(_ALL, self._take_up)
        elif self._is_lost or self._write(self._database):
            self._due = now + EVERY
            if self._is_lost or self._has_written or (self._kept and now >= self._check_at):
                self._check_at, self._has_written = now + CHECKED, False
                self._ask(_COUNT, self._heard)

    def save(self) -> None:
        """Write everything that has changed, before the database is closed."""
        if self._database is not None and self._is_loaded and not self._is_lost:
            for found in self._differences():
                if found is not None:
                    self._settle(self._database, *found)

    async def mirror(self, loaded: Any) -> None:
        """Follow what an edit has renamed, and forget what the config no longer has; goes after the inventory's."""
        self._numbers, renamed = await asyncio.to_thread(self._compared, self._numbers, self._snapshot())
        for section, old, new in renamed:
            _RENAMES[section](self._counters, old, new)
        self._counters.retain(self._snapshot())

    # In a thread

    def _compared(self, before: Numbers, snapshot: Snapshot) -> tuple[Numbers, list[tuple[Section, str, str]]]:
        """What providers and routes are known by now, and which of them were called otherwise: section, old, new."""
        with gently():
            now = dict(self._numbered(snapshot))
            names = {number: name for name, number in now.items()}
            others = [(name, names.get(number, name)) for name, number in before.items() if name not in now]
            return now, [(section, old, new[1]) for (section, old), new in others if new not in before]

    def _numbered(self, snapshot: Snapshot) -> Iterator[tuple[tuple[Section, str], tuple[Section, int]]]:
        sections: tuple[tuple[Section, Mapping[str, Any]], ...] = (
            ("providers", snapshot.providers), ("routes", snapshot.routes)
        )  # fmt: skip
        if self._inventory is None:
            return
        for section, entries in sections:
            for name in entries:
                with suppress(KeyError):  # it has not seen this config yet
                    yield (section, name), (section, self._inventory.id_of(section, name))

    # Asking

    def _ask(self, statement: str, heard: Callable[[Rows], None]) -> asyncio.Future[Rows]:
        """Have `heard` called with all rows, on the event loop, before whoever waits for the answer goes on."""
        assert self._database is not None
        self._is_waiting = True
        answer = ask(self._database, statement)
        answer.add_done_callback(lambda answer: heard(answer.result()))
        return answer

    def _heard(self, rows: Rows) -> None:
        """What was written before the question is in the file now, or the file can't be used, or is another."""
        self._is_waiting = False
        if not rows:
            self._is_lost, self._due = True, self._now() + AGAIN
        elif self._is_lost or rows[0][1] < len(self._kept):
            self._is_lost = False
            self._kept = dict.fromkeys(self._kept, _UNSURE)

    def _take_up(self, rows: Rows) -> None:
        self._is_waiting = False
        if not rows or rows[-1][0] != _END:
            self._due = self._now() + AGAIN
            return
        self._is_loaded = True
        is_late = self._now() - self._began > LATE
        for row in rows[:-1]:
            with suppress(msgspec.MsgspecError, TypeError, ValueError):  # a row that somebody else wrote
                key = _parse_key(row[0], row[1])
                self._kept[key] = _UNSURE
                if not (is_late and key[0] in _SCOPES):
                    self._restore(key, row[2])
        self._counters.retain(self._snapshot())

    def _restore(self, key: Key, value: str) -> None:
        """Take up one row, unless more is known by now."""
        kind, name = key
        counters = self._counters
        if kind == "override":
            counters.overrides.setdefault(cast("str", name), False)
        elif kind == "cursor":
            counters.cursors.setdefault(cast("tuple[str, int]", name), value)
        elif kind == "turn":
            counters.turns.setdefault(cast("tuple[str, int]", name), max(0, _decode_number(value)))
        else:
            kept = _decode_health(value)
            scope, name = cast("Scope", kind), cast("str", name)
            health = revive(kept, self._now(), self._wall())
            if health is not None and kept.account == self._account(scope, name):
                counters.restore(scope, name, health)

    # Writing

    def _write(self, database: Database) -> bool:
        """Submit some of what differs from what the table has; False: there is more to look at, and soon."""
        for written, found in enumerate(self._look, 1):
            if found is None:
                return False
            self._settle(database, *found)
            if written == MOST_AT_ONCE:
                return True
        self._look = self._differences()
        return True

    def _settle(self, database: Database, key: Key, value: object) -> None:
        """Have the row of this key put, or dropped."""
        self._has_written = True
        if value is _NONE:
            database.submit(_DROP, key[0], _name(key))
            self._kept.pop(key, None)
        else:
            database.submit(_PUT, key[0], _name(key), self._value(key, value))
            self._kept[key] = value

    def _differences(self) -> Iterator[tuple[Key, object] | None]:
        """Every row that should be another, and its value; None now and then, for others to have a turn.

        What changes meanwhile may be told the next time.
        """
        looked = 0
        live = {kind: self._live(kind) for kind in KINDS}
        for kind, source in live.items():
            for name in list(source):
                key, value = (kind, name), source.get(name, _NONE)
                if self._kept.get(key, _NONE) != value:
                    yield key, value
                looked += 1
                if looked % MOST_LOOKED_AT == 0:
                    yield None
        for key in list(self._kept) if len(self._kept) > looked else ():
            if key[1] not in live[key[0]]:
                yield key, _NONE
            looked += 1
            if looked % MOST_LOOKED_AT == 0:
                yield None

    def _live(self, kind: str) -> Mapping[Any, object]:
        """Everything of a kind that should be in the table."""
        counters = self._counters
        if kind in _SCOPES:
            known = counters.health[kind]
            return known if len(known) <= MOST_AILING else dict(islice(reversed(known.items()), MOST_AILING))
        found: dict[str, Mapping[Any, object]] = {
            "cursor": counters.cursors, "turn": counters.turns, "override": counters.overrides
        }  # fmt: skip
        return found[kind]

    def _value(self, key: Key, value: object) -> Value:
        kind, name = key
        if not isinstance(value, Health):
            return value if isinstance(value, str) else _encode(value).decode()
        at = self._wall() - self._now()
        until = None if value.until is None else value.until + at
        account = self._account(cast("Scope", kind), cast("str", name))
        return _encode(Kept(value.failures, value.cause, value.cooldowns, value.since + at, until, account)).decode()

    def _account(self, scope: Scope, name: str) -> str:
        """A mark of the provider's key and address: with others, what is known of its health is void.

        It is three bytes, so that it tells a new key from the old one, and nobody what the key is.
        """
        if scope == "origin":
            return ""
        provider = self._snapshot().providers.get(name.partition("/")[0])
        return "gone" if provider is None else blake2b(provider.head, digest_size=3, person=b"standing").hexdigest()


def revive(kept: Kept, now: float, wall: float) -> Health | None:
    """What was kept, in monotonic seconds; None: too old to say anything. A probe that was under way has ended.

    A clock that was set back while nobody ran makes no cooldown longer than it was.
    """
    until = None
    if kept.until is not None:
        until = now + min(kept.until - wall, kept.until - kept.since, LONGEST)
    since = now - max(0.0, wall - kept.since)
    health = Health(kept.failures, kept.cause, kept.cooldowns, since, until)
    return None if health.is_stale(now) else health


def _parse_key(kind: str, name: str) -> Key:
    """Raises ValueError or MsgspecError for what is no key."""
    return kind, _PARSERS[kind](name) if kind in _PARSERS else _unknown(kind)


def _unknown(kind: str) -> str:
    raise ValueError(f"there is no kind {kind}")


def _name(key: Key) -> str:
    name = key[1]
    return name if isinstance(name, str) else _encode(name).decode()


_PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType({
    "cursor": _decode_place,
    "turn": _decode_place,
    "override": str,
    **dict.fromkeys(_SCOPES, str),
})
