"""The entries that there are and that there were, each with its number: what the inventory holds in memory.

An entry keeps its number for as long as it keeps its name, also when it goes and comes back; a number is never given to
another.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Literal

from msgspec import Struct, structs

from routerd.config.marks import SECTIONS, Marks, NodeMark, Section

MOST_GONE = 10_000  # entries of a section that are remembered after they went

Status = Literal["unknown", "online", "degraded", "timeout", "unreachable", "error"]


class TestResult(Struct, frozen=True):
    """What a test of a provider found; `at` is in seconds since the epoch."""

    __test__ = False  # pytest takes every Test… for one of its own

    status: Status
    status_code: int | None
    latency_ms: float | None
    detail: str | None
    at: float


class Discovered(Struct, frozen=True):
    """The models that a provider listed itself, and when, in seconds since the epoch."""

    models: tuple[str, ...]
    at: float


class Row(Struct, frozen=True):
    """What is known of an entry beside the file. Times are in seconds since the epoch; `nodes` are a route's, by id."""

    id: int
    created_at: float
    updated_at: float
    nodes: tuple[int, ...] = ()
    status: Status = "unknown"
    status_code: int | None = None
    latency_ms: float | None = None
    detail: str | None = None
    last_tested_at: float | None = None
    discovered: tuple[str, ...] = ()
    discovered_at: float | None = None


class Node(Struct, frozen=True):
    """A node of a route: the provider by its number, so that a rename changes nothing; `rest` is a digest."""

    id: int
    provider: int
    models: tuple[str, ...]
    rest: str


class Record(Struct, frozen=True):
    """One entry, that is there or was (`gone_at`)."""

    section: Section
    id: int
    name: str
    digest: str
    created_at: float
    updated_at: float
    gone_at: float | None = None
    nodes: tuple[Node, ...] = ()
    test: TestResult | None = None
    discovered: Discovered | None = None

    @property
    def row(self) -> Row:
        row = Row(self.id, self.created_at, self.updated_at, tuple(node.id for node in self.nodes))
        if self.discovered is not None:
            row = structs.replace(row, discovered=self.discovered.models, discovered_at=self.discovered.at)
        test = self.test
        if test is None:
            return row
        return structs.replace(
            row,
            status=test.status,
            status_code=test.status_code,
            latency_ms=test.latency_ms,
            detail=test.detail,
            last_tested_at=test.at,
        )


class Register:
    """Not for several threads at once, but for what asks: that may be done by any while another takes over."""

    def __init__(self) -> None:
        self.here: dict[Section, dict[str, Record]] = {section: {} for section in SECTIONS}
        self.gone: dict[Section, dict[str, Record]] = {section: {} for section in SECTIONS}
        self.names: dict[Section, dict[int, str]] = {section: {} for section in SECTIONS}
        self.last: dict[str, int] = dict.fromkeys((*SECTIONS, "nodes"), 0)

    def copy(self) -> Register:
        """Another one that says the same."""
        other = Register()
        other.here = {section: dict(entries) for section, entries in self.here.items()}
        other.gone = {section: dict(entries) for section, entries in self.gone.items()}
        other.names = {section: dict(names) for section, names in self.names.items()}
        other.last = dict(self.last)
        return other

    def latest(self, record: Record) -> Record:
        """What is known now of the entry that was this."""
        found = self.here[record.section].get(record.name)
        return found if found is not None and found.id == record.id else record

    def remember(self, record: Record) -> None:
        """Take an entry in as it is told."""
        section = record.section
        self.last[section] = max(self.last[section], record.id)
        if record.gone_at is None:
            self.here[section][record.name] = record
            self.names[section][record.id] = record.name
        else:
            other = self.gone[section].get(record.name)
            if other is None or (other.gone_at or 0.0) < record.gone_at:
                self.gone[section][record.name] = record


class Taking:
    """A config is taken over into a register: `changed` are the entries that differ then, `forgotten` went long ago."""

    def __init__(self, register: Register, now: float) -> None:
        self.register = register
        self.changed: list[Record] = []
        self.forgotten: list[Record] = []
        self._now = now

    def take(self, marks: Marks, renames: MutableMapping[tuple[Section, str], str]) -> None:
        """Have just the entries there that are marked. `renames` lead from old names to new ones, and are used up."""
        for section in SECTIONS:
            wanted = marks.entries[section]
            self._follow(section, wanted, renames)
            for name in [name for name in self.register.here[section] if name not in wanted]:
                self._bury(section, name)
            for name, digest in wanted.items():
                self._see(section, name, digest)
        for name, nodes in marks.nodes.items():
            self._number(name, nodes)

    def _follow(
        self, section: Section, wanted: Mapping[str, str], renames: MutableMapping[tuple[Section, str], str]
    ) -> None:
        """What was renamed over the API is the same entry."""
        here = self.register.here[section]
        for (where, old), new in list(renames.items()):
            if where == section and old in here and old not in wanted and new in wanted and new not in here:
                del renames[where, old]
                renames[where, new] = old  # should somebody go back to the text before
                self.register.gone[section].pop(new, None)  # another one of that name: its number is not given again
                self._put(structs.replace(here.pop(old), name=new, updated_at=self._now))

    def _bury(self, section: Section, name: str) -> None:
        record = self.register.here[section].pop(name)
        del self.register.names[section][record.id]
        gone = self.register.gone[section]
        gone[name] = structs.replace(record, gone_at=self._now)
        self.changed.append(gone[name])
        if len(gone) > MOST_GONE:  # the lowest numbers, so that the highest one is never forgotten
            oldest = min(gone.values(), key=lambda each: each.id)
            del gone[oldest.name]
            self.forgotten.append(oldest)

    def _see(self, section: Section, name: str, digest: str) -> None:
        now, record = self._now, self.register.here[section].get(name)
        if record is None:
            old = self.register.gone[section].pop(name, None)
            number = old.id if old is not None else self._next(section)
            self._put(Record(section, number, name, digest, now, now, nodes=old.nodes if old is not None else ()))
        elif record.digest != digest:
            self._put(structs.replace(record, digest=digest, updated_at=now))

    def _number(self, route: str, wanted: Sequence[NodeMark]) -> None:
        """Give the nodes of a route their numbers: what is the same or like it keeps its own."""
        record, providers = self.register.here["routes"][route], self.register.here["providers"]
        new = [(providers[provider].id, models, rest) for provider, models, rest in wanted]
        old = [(node.provider, node.models, node.rest) for node in record.nodes]
        if new == old:
            return
        numbers = self._matched(record, new) if old else [self._next("nodes") for _ in new]
        nodes = tuple(Node(number, *node) for number, node in zip(numbers, new, strict=True))
        self._put(structs.replace(record, nodes=nodes))

    def _matched(self, record: Record, new: Sequence[tuple[int, tuple[str, ...], str]]) -> list[int]:
        from routerd.config.alignment import align  # here: nothing else that serves needs it

        old = [_words(node.provider, node.models, node.rest) for node in record.nodes]
        matches = align(old, [_words(*node) for node in new])
        return [self._next("nodes") if match.old is None else record.nodes[match.old].id for match in matches]

    def _next(self, kind: str) -> int:
        self.register.last[kind] += 1
        return self.register.last[kind]

    def _put(self, record: Record) -> None:
        self.register.remember(record)
        self.changed.append(record)


def _words(provider: int, models: tuple[str, ...], rest: str) -> dict[str, Any]:
    """A node as the alignment of lists compares it."""
    return {"provider": provider, "models": list(models), "rest": rest}
