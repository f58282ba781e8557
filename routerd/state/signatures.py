"""The router's own memory of what providers signed, for callers that don't send it back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct, structs

from routerd.chat import signed
from routerd.chat.parts import Part
from routerd.chat.request import ChatRequest, Message
from routerd.chat.signed import Kept
from routerd.state.database import Database

MOST = 20_000  # replies
MOST_BYTES = 32 << 20
KEPT_FOR = 7 * 86_400.0  # seconds; thoughts are private, and few sessions are older
PRUNED_EVERY = 3600.0  # seconds
OVERHEAD = 1_000  # bytes of memory for a reply beside its body, measured

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode

_INSERT = "INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)"
_NEWEST_FIRST = "SELECT at, scope, body FROM signatures WHERE at >= ? ORDER BY id DESC LIMIT ?"
_PRUNE = f"""
    DELETE FROM signatures WHERE at < ? OR id <= (
        SELECT max(id) FROM (
            SELECT id, row_number() OVER newer AS number, sum(length(body) + {OVERHEAD}) OVER newer AS size
            FROM signatures WINDOW newer AS (ORDER BY id DESC)
        ) WHERE number > ? OR size > ?
    )"""


class Entry(Struct, gc=False, eq=False):  # no cycles: thousands of them would make every collection longer
    """One reply. `body` is its `Kept` as JSON, compact and without objects; `at` is in seconds since the epoch."""

    scope: str
    names: tuple[str, ...]
    body: bytes
    at: float

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return len(self.body) + OVERHEAD


class Signatures:
    """What was signed in the latest replies: in memory, with the database behind it for the next start.

    `scope` is whose reply it was: nobody is given what another's reply contained. At most `most` replies and
    `most_bytes` are kept, the least recently used go first, and none longer than `kept_for` seconds.
    All methods are for the event loop's thread; none waits but `load`.
    """

    def __init__(
        self,
        database: Database | None = None,
        *,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        kept_for: float = KEPT_FOR,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.size = 0
        self._database = database
        self._most, self._most_bytes, self._kept_for, self._now = most, most_bytes, kept_for, now
        self._entries: OrderedDict[Entry, None] = OrderedDict()  # least recently used first
        self._known: dict[str, dict[str, Entry]] = {}  # scope → name → entry
        self._with_text: Counter[str] = Counter()  # scope → how many replies are known by their text
        self._unpruned = 0  # bytes written since the table was last made smaller
        self._prune_at = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    async def load(self, seconds: float = 1.0) -> None:
        """Remember what the last process knew. What has not been read after `seconds` follows as soon as it is."""
        if self._database is None:
            return
        loop = asyncio.get_running_loop()
        is_loaded = loop.create_future()

        def take(rows: list[tuple[Any, ...]]) -> None:
            entries = [entry for row in rows if (entry := _entry(*row)) is not None]
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._adopt, entries, None if rows else is_loaded)

        self._database.read(_NEWEST_FIRST, self._now() - self._kept_for, self._most, take=take)
        await asyncio.wait([is_loaded], timeout=seconds)

    def note(self, scope: str, parts: Sequence[Part]) -> None:
        """Keep what is signed in a whole reply, with ids and texts as the caller saw them."""
        kept = signed.keep(parts)
        if kept is None:
            return
        entry = Entry(scope, kept.names, _encode(kept), self._now())
        if entry.size > self._most_bytes // 8:
            return
        self._add(entry)
        while len(self._entries) > self._most or self.size > self._most_bytes:
            self._forget(next(iter(self._entries)))
        if self._database is not None:
            self._database.submit(_INSERT, entry.at, entry.scope, entry.body)
            self._unpruned += max(entry.size, self._most_bytes // self._most)
            if self._unpruned > self._most_bytes // 8:
                self._prune_table()

    def restore(self, scope: str, request: ChatRequest, family: str) -> ChatRequest:
        """The request with what `family` signed put back where the caller left it out.

        The very same request when there is nothing to put back; otherwise what changes is copied: others use it too.
        """
        known = self._known.get(scope)
        if not known:
            return request
        messages = [
            self._restored(message, known, scope, family) if message.role == "assistant" else message
            for message in request.messages
        ]
        if all(new is old for new, old in zip(messages, request.messages, strict=True)):
            return request
        return structs.replace(request, messages=messages)

    def prune(self) -> None:
        """Forget what has been kept long enough; to be called often, it looks once an hour."""
        now = self._now()
        if now < self._prune_at:
            return
        self._prune_at = now + PRUNED_EVERY
        for entry in [entry for entry in self._entries if entry.at < now - self._kept_for]:
            self._forget(entry)
        if self._database is not None and self._database.exists():
            self._prune_table()

    def _restored(self, message: Message, known: dict[str, Entry], scope: str, family: str) -> Message:
        found = _found(known, signed.call_ids(message)) or _found(known, signed.marks_of_thoughts(message))
        if not found and self._with_text[scope]:
            found = _found(known, [signed.mark_of_text(message.parts)])
        if not found:
            return message
        for entry in found:
            self._entries.move_to_end(entry)
        return signed.give_back(message, [_decode(entry.body) for entry in found], family)

    def _adopt(self, entries: list[Entry], is_loaded: asyncio.Future[None] | None) -> None:
        """Take entries of the last process, newest first, as older than all that is known."""
        for entry in entries:
            is_news = not self._known.get(entry.scope, {}).keys() >= set(entry.names)
            if is_news and len(self._entries) < self._most and self.size + entry.size <= self._most_bytes:
                self._add(entry, is_newest=False)
        if is_loaded is not None and not is_loaded.done():
            is_loaded.set_result(None)

    def _add(self, entry: Entry, *, is_newest: bool = True) -> None:
        known = self._known.setdefault(entry.scope, {})
        for name in entry.names:
            if is_newest or name not in known:
                known[name] = entry
        self._entries[entry] = None
        self._entries.move_to_end(entry, last=is_newest)
        self._with_text[entry.scope] += _is_known_by_text(entry)
        self.size += entry.size

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry]
        known = self._known[entry.scope]
        for name in entry.names:
            if known.get(name) is entry:
                del known[name]
        if not known:
            del self._known[entry.scope]
        self._with_text[entry.scope] -= _is_known_by_text(entry)
        self.size -= entry.size

    def _prune_table(self) -> None:
        self._unpruned = 0
        if self._database is not None:
            self._database.submit(_PRUNE, self._now() - self._kept_for, self._most, self._most_bytes)


def _entry(at: float, scope: str, body: bytes) -> Entry | None:
    """A row of the table; None for one that somebody else wrote."""
    try:
        names = _decode(body).names
    except (msgspec.MsgspecError, TypeError):
        return None
    return Entry(scope, names, body, at) if names else None


def _found(known: dict[str, Entry], names: Iterable[str]) -> list[Entry]:
    """The replies with these names, each once."""
    return list(dict.fromkeys(entry for name in names if (entry := known.get(name)) is not None))


def _is_known_by_text(entry: Entry) -> bool:
    return entry.names[0].startswith("text:")
