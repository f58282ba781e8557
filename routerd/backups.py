"""The backup of providers and routes: made of what serves, kept fresh, and looked at before it comes back.

No key stands in a backup in plain text: one that does in router.yaml is sealed for it, or left out with a reason.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from routerd import sealing
from routerd.config.leaks import shaped
from routerd.config.longhand import BESIDE, SECTIONS, Section, written_out
from routerd.config.places import Place, places
from routerd.config.problem import path_text
from routerd.config.recipients import distinct
from routerd.copies import NotKept
from routerd.gently import gently
from routerd.loading import Loaded
from routerd.observe import Log
from routerd.sealing import SealError, Sources
from routerd.state.backup import Backup, BadBackup, Files, LeftOutKey
from routerd.state.generations import stamp
from routerd.workshop import Do, here

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig
    from routerd.config.restoring import Wanted

EVERY = 5.0  # seconds from one backup to the next while changes come faster, and nobody waits for it

_SOON = "it is made within a few seconds"
_SHORTEST = 6  # letters of a secret that is looked for by its value, as in the log
_SEALED = "age:"

Beside = Mapping[Section, Mapping[str, Mapping[str, Any]]]
"""What is told of entries beside the config: by section and name."""


class Row(Protocol):
    """What the inventory knows of an entry. Times are in seconds since the epoch."""

    @property
    def id(self) -> int: ...
    @property
    def created_at(self) -> float: ...
    @property
    def updated_at(self) -> float: ...
    @property
    def status(self) -> str: ...
    @property
    def latency_ms(self) -> float | None: ...
    @property
    def last_tested_at(self) -> float | None: ...


def told(left_out: Sequence[LeftOutKey]) -> list[dict[str, str]]:
    """Keys that a backup could not hold, as people read it."""
    return [{"path": path_text(tuple(left.path)), "reason": left.reason} for left in left_out]


Known = Callable[[Section, str], Row]
"""The row of an entry, for any thread. Raises KeyError."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the backup is what serves, and why not; since when; and the keys that it could not hold."""

    is_kept: bool
    reason: str | None = None
    at: float | None = None
    left_out: tuple[LeftOutKey, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape that the API gives."""
        at = None if self.at is None else stamp(self.at)
        return {"is_kept": self.is_kept, "reason": self.reason, "at": at, "left_out": told(self.left_out)}


@dataclass(slots=True)
class Backups:
    """For the event loop's thread. Without `path` nothing is kept: then the built-in example serves.

    While changes come one after the other a backup is made every few seconds, and of the latest one in the end.
    """

    path: Path | None
    serving: Callable[[], Loaded | None]
    sources: Sources
    log: Log
    known: Known
    do: Do = here
    every: float = EVERY
    now: Callable[[], float] = time.monotonic
    _found: Standing = Standing(False, "it is not kept yet")  # how the last one went
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _is_first: bool = True
    _made_of: Loaded | None = None  # the last one
    _begun_at: float = float("-inf")  # that one
    _due: Loaded | None = None  # what the next one is made of
    _later: asyncio.Task[None] | None = None

    @property
    def standing(self) -> Standing:
        """How the backup is now."""
        is_behind = self._due is not None and self._found.is_kept
        return replace(self._found, is_kept=False, reason=_SOON) if is_behind else self._found

    async def mirror(self, loaded: Loaded) -> None:
        """Make the backup what serves now: at once, or in a few seconds if one has just been made."""
        await self._put_next(loaded)
        # what was asked for before the inventory knew of it may lack numbers
        if loaded is self._made_of or self.now() - self._begun_at >= self.every:
            await self.settle()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._catch_up(), name="backup")

    async def settle(self) -> None:
        """Make the backup that is due, if one is, and wait for one that is being made."""
        async with self._alone:
            due, self._due = self._due, None
            if due is not None:
                await self._make(due)

    async def refresh(self) -> Standing:
        """Make the backup again, with what is known of the providers at this moment."""
        await self._put_next(self.serving())
        await self.settle()
        return self._found

    async def keep(self) -> str | None:
        """Keep what serves now beside the configured backup; the name of that file. Raises NotKept, OSError."""
        loaded, files = self.serving(), self.files
        if loaded is None or files is None:
            return None
        made = await asyncio.to_thread(self._made, loaded)
        return await asyncio.to_thread(files.keep, made, time.time())

    @property
    def files(self) -> Files | None:
        """The files themselves."""
        return None if self.path is None else Files(self.path)

    async def _put_next(self, loaded: Loaded | None) -> None:
        if loaded is None or self.path is None:
            return
        if self._due is not None and _takes_away(self._due, loaded):
            await self.settle()  # else what goes would be in no backup
        self._due = loaded

    async def _make(self, loaded: Loaded) -> None:
        assert self.path is not None
        was, self._made_of, self._begun_at = self._found, loaded, self.now()
        self._found = found = await asyncio.to_thread(self._refreshed, Files(self.path), loaded)
        if found.reason is not None and found.reason != was.reason:
            self.log.warning("backup_not_kept", file=str(self.path), reason=found.reason)
        for left in found.left_out if found.left_out != was.left_out else ():
            self.log.warning("key_not_in_backup", path=path_text(tuple(left.path)), reason=left.reason)

    async def _catch_up(self) -> None:
        while self._due is not None:
            await asyncio.sleep(self._begun_at + self.every - self.now())
            await self.settle()

    # In a thread

    def _beside(self, config: RouterConfig) -> Beside:
        return {
            "providers": dict(self._told("providers", config.providers)),
            "routes": dict(self._told("routes", config.routes)),
        }

    def _told(self, section: Section, names: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in names:
            try:
                row = self.known(section, name)
            except KeyError:  # not mirrored there yet
                continue
            entry: dict[str, Any] = {"id": row.id}
            if section == "providers":
                entry |= {
                    "status": row.status,
                    "latency_ms": row.latency_ms,
                    "last_tested_at": _time(row.last_tested_at),
                }
            yield name, {**entry, "created_at": _time(row.created_at), "updated_at": _time(row.updated_at)}

    def _made(self, loaded: Loaded) -> Backup:
        with gently():
            return made(loaded, self.sources, self._beside(loaded.meaning.values), self.do)

    def _refreshed(self, files: Files, loaded: Loaded) -> Standing:
        try:
            with gently():
                new = self._made(loaded)
                self._keep_older(files, new)
                files.write(new)
        except (NotKept, BadBackup) as error:
            return replace(self._found, is_kept=False, reason=str(error))
        except OSError as error:
            return replace(self._found, is_kept=False, reason=f"it can't be written: {error.strerror}")
        self._is_first = False
        return Standing(True, None, time.time(), tuple(new.left_out))

    def _keep_older(self, files: Files, new: Backup) -> None:
        """Keep the backup that is there under another name when something of it would be gone. Raises BadBackup."""
        if files.is_empty():
            return
        try:
            old = files.read()
        except BadBackup:
            raise BadBackup("what is there is no backup of ours, and is left alone", "invalid_request") from None
        # At the start it may be one that somebody has brought in order to restore it.
        if _loses(old.backup, new) or (self._is_first and not _is_same(old.backup, new)):
            newest, before = files.newest(), _config_of(old.backup)
            if newest is None or before is None or before != _config_of(newest):
                files.keep(old.backup, old.at)


def made(loaded: Loaded, sources: Sources, beside: Beside | None = None, do: Do = here) -> Backup:
    """The backup of a config. Blocks. Raises NotKept when a key stands where none belongs."""
    config = loaded.meaning.values
    data = _data(loaded, do)
    plain = [place for place in places(config) if place.kind == "plain"]
    left_out = list(_without_plain_keys(data, plain, config, sources))
    providers, routes = ([*_entries(data, section, beside or {})] for section in SECTIONS)
    _refuse_secrets([providers, routes], [*loaded.secrets, *(place.secret for place in plain)])
    snapshot = loaded.snapshot
    return Backup(
        written_at=stamp(time.time()),
        digest=snapshot.digest,
        generation=snapshot.generation,
        providers=providers,
        routes=routes,
        left_out=left_out,
    )


def _data(loaded: Loaded, do: Do) -> Any:
    if (kept := loaded.meaning.data()) is not None:
        return kept
    from routerd.config.document import data_of  # here: at the start it was another process that parsed the text

    return do(data_of, loaded.text)


def restorable(found: Backup) -> Wanted:
    """What a backup wants to have there, looked at as a whole. Blocks. Raises Unfit."""
    from routerd.config.restoring import wanted

    with gently():
        return wanted(found.providers, found.routes, [tuple(left.path) for left in found.left_out])


def unopened(before: RouterConfig, asked: Wanted, sources: Sources) -> list[str]:
    """Where a sealed key stands that is neither in the config nor to be opened here for its address. Blocks."""
    known = {(place.secret, place.origin) for place in places(before)}
    new = [place for place in places(asked.config) if place.kind == "sealed"]
    new = [place for place in new if (place.secret, place.origin) not in known]
    identities = sealing.find(sources) if new else sealing.Identities()
    return [path_text(place.path) for place in new if not _opens(place, identities)]


def _opens(place: Place, identities: sealing.Identities) -> bool:
    try:
        opened = sealing.open_sealed(place.secret, identities)
        if place.origin is not None:
            sealing.key_for(opened, place.origin)
    except SealError:
        return False
    return True


def _without_plain_keys(
    data: Any, plain: Sequence[Place], config: RouterConfig, sources: Sources
) -> Iterator[LeftOutKey]:
    """Seal every plain key in the data, or take it out. No identity is made for a backup."""
    if not plain:
        return
    recipients = tuple(distinct(config.recipients))
    if not recipients and (own := sealing.find(sources).recipient) is not None:
        recipients = (own,)
    for place in plain:
        holder = data
        for step in place.path[:-1]:
            holder = holder[step]
        try:
            holder[place.path[-1]] = place.with_secret(_sealed(place, recipients))
        except (NotKept, SealError) as error:
            del holder[place.path[-1]]
            yield LeftOutKey(list(place.path), str(error))


def _sealed(place: Place, recipients: Sequence[str]) -> str:
    if place.origin is None:
        raise NotKept("nothing says where the key may be sent, so it can't be sealed")
    if not recipients:
        raise NotKept("it stands in plain text, and there is no identity yet: `routerd key seal` makes one")
    return sealing.seal(place.secret, place.origin, recipients)


def _entries(data: Any, section: Section, beside: Beside) -> Iterator[dict[str, Any]]:
    known = beside.get(section, {})
    numbers = beside.get("providers", {})
    for name, entry in written_out(data, section):
        row = dict(known.get(name, {}))
        number = {"id": row.pop("id")} if "id" in row else {}
        if isinstance(entry.get("nodes"), list):
            entry = {**entry, "nodes": [_with_number(node, numbers) for node in entry["nodes"]]}
        yield {**number, "name": name, **entry, **row}


def _with_number(node: Any, numbers: Mapping[str, Mapping[str, Any]]) -> Any:
    number = numbers.get(node["provider"], {}).get("id") if isinstance(node, dict) else None
    return node if number is None else {"api_id": number, **node}


def _refuse_secrets(entries: Any, known: Sequence[str]) -> None:
    """Raise NotKept when a secret stands anywhere in the entries."""
    texts: set[str] = set()
    _gather_texts(entries, texts)
    everything = "\0".join(texts)  # which is looked through at once: a thousand short texts take ten times as long
    shown = "\n".join(text for text in texts if not text.startswith(_SEALED))
    long_ones = {secret for secret in known if len(secret) >= _SHORTEST}
    if any(secret in everything for secret in long_ones) or any(shaped(shown)):
        raise NotKept("a key stands in it where none belongs: `routerd key scan` says where")


def _gather_texts(value: Any, found: set[str]) -> None:
    """Put every text of a value, names too, to those that were found."""
    if isinstance(value, str):
        found.add(value)
    elif isinstance(value, dict):
        found.update(value)
        for each in value.values():
            _gather_texts(each, found)
    elif isinstance(value, list | tuple):
        for each in value:
            _gather_texts(each, found)


def _takes_away(before: Loaded, after: Loaded) -> bool:
    """Whether a provider or a route is not there any more."""
    old, new = before.meaning.values, after.meaning.values
    return not (old.providers.keys() <= new.providers.keys() and old.routes.keys() <= new.routes.keys())


def _loses(old: Backup, new: Backup) -> bool:
    """Whether something of the old backup is not there any more."""
    return not (_names(old.providers) <= _names(new.providers) and _names(old.routes) <= _names(new.routes))


def _names(entries: Sequence[Mapping[str, Any]]) -> set[Any]:
    return {entry.get("name") for entry in entries}


def _is_same(one: Backup, other: Backup) -> bool:
    """Whether two backups say the same of the config."""
    is_equal = all(_bare(one, section) == _bare(other, section) for section in SECTIONS)
    return is_equal or _config_of(one) == _config_of(other)  # the second look is far more work


def _bare(found: Backup, section: Section) -> Any:
    """Entries without most of what a backup tells beside the config, and without what is sealed anew each time."""
    entries = found.providers if section == "providers" else found.routes
    told = BESIDE[section] - {"id", "name"}
    return _without_seals([{key: value for key, value in entry.items() if key not in told} for entry in entries])


def _config_of(found: Backup) -> Any:
    """What a backup says of the config; two that differ in how a key is sealed are the same."""
    from routerd.config.restoring import wanted

    try:
        asked = wanted(found.providers, found.routes)
    except Exception:  # whatever it is, it is another
        return None
    return _without_seals({"providers": asked.providers, "routes": asked.routes})


def _without_seals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_seals(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_seals(each) for each in value]
    return _SEALED if isinstance(value, str) and value.startswith(_SEALED) else value


@lru_cache(maxsize=64)  # most entries came at the same moment
def _time(seconds: float | None) -> str | None:
    return None if seconds is None else stamp(seconds)
