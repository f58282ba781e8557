"""Rotation, health and overrides over a restart: on clocks of our own, with a database that may be at its worst."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from routerd.errors import RouterError
from routerd.routing.health import Health
from routerd.routing.modes import plan
from routerd.snapshot import Provider, Route, Snapshot
from routerd.state.counters import Counters
from routerd.state.database import Database
from routerd.state.standing import LATE, MOST_AILING, MOST_AT_ONCE, MOST_LOOKED_AT, Kept, Standing, revive
from tests.routing.samples import order, provider, route, take

WALL = 1_800_000_000.0  # seconds since the epoch
PATIENCE = 10.0


def config(*routes: Route, providers: tuple[Provider, ...] = ()) -> Snapshot:
    """A snapshot of these routes, their providers and the others."""
    of_routes = {node.provider.name: node.provider for entry in routes for node in entry.nodes}
    known = {**of_routes, **{entry.name: entry for entry in providers}}
    return Snapshot(
        "", 1, MappingProxyType(known), MappingProxyType({entry.name: entry for entry in routes}),
        (), None, Route("", "auto", "failover", ()), False, 1 << 20, 1.0,
    )  # fmt: skip


RING = route("a/m b/x,y c/m", name="ring", strategy="round-robin")


class Process:
    """One run of the program: its own counters and monotonic clock, which begins at `now`."""

    def __init__(self, path: Path, snapshot: Snapshot, *, now: float, wall: float = WALL, busy: float = 2.0) -> None:
        self.now, self.wall = now, wall
        self.counters = Counters()
        self.snapshot = snapshot
        self.warned: list[str] = []
        self.database = Database(path, lambda event, **_: self.warned.append(event), busy=busy, retry=0.01)
        self.standing = Standing(
            self.counters, lambda: self.snapshot, self.database, lambda: self.now, wall=lambda: self.wall
        )

    def live(self, *deeds: Callable[[], Any], load: float = PATIENCE) -> None:
        """Start, do these things one after the other, and stop as the program stops."""

        async def run() -> None:
            await self.standing.load(load)
            for deed in deeds:
                done = deed()
                if asyncio.iscoroutine(done):
                    await done
            self.standing.save()
            await asyncio.to_thread(self.database.close)

        asyncio.run(run())

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Sweep, once a second of our clock, until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self.pass_time(1.0)
                self.standing.sweep()
                await asyncio.sleep(0.005)


def rows(path: Path) -> dict[tuple[str, str], str]:
    if not path.exists():
        return {}
    connection = sqlite3.connect(path)
    try:
        return {(kind, name): value for kind, name, value in connection.execute("SELECT * FROM standing")}
    finally:
        connection.close()


def fail(process: Process, name: str, kind: str, status: int | None = None, retry_after: float | None = None) -> None:
    """A request to the target fails now."""
    targets = {target.name: target for entry in process.snapshot.routes.values() for node in entry.nodes
               for target in node.targets}  # fmt: skip
    process.counters.begin(targets[name], process.now)
    error = RouterError(kind, kind, upstream_status=status, retry_after=retry_after)
    process.counters.settle(targets[name], error, process.now, process.now)


def first(process: Process, asked: Route = RING) -> str:
    return take(process.counters, asked, now=process.now).steps[0].target.name


def test_rotation_goes_on_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    before = Process(path, config(RING), now=5.0)
    before.live(lambda: [first(before) for _ in range(5)])
    assert rows(path) == {
        ("cursor", '["ring",1]'): "c/m",
        ("turn", '["ring",1]'): "0",
        ("turn", '["ring",2]'): "0",
        ("turn", '["ring",3]'): "0",
    }
    after = Process(path, config(RING), now=90_000.0)
    told: list[str] = []
    after.live(lambda: told.extend(first(after) for _ in range(3)))
    assert told == ["c/m", "a/m", "b/x"]


@pytest.mark.parametrize("moved", ["c/m x/m b/x,y a/m", "c/m a/m"])
def test_rotation_finds_its_node_by_name(tmp_path: Path, moved: str) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=5.0)
    before.live(lambda: [first(before) for _ in range(2)])
    asked = route(moved, name="ring", strategy="round-robin")
    after = Process(tmp_path / "state.db", config(asked), now=1.0)
    told: list[str] = []
    after.live(lambda: told.append(first(after, asked)))
    assert told == ["c/m"]


HEALTH: list[tuple[str, float, str | None, float | None]] = [
    # what happened, seconds that nobody ran, how the target stands then, and how much longer
    ("limited", 10.0, "cooling", 50.0),
    ("limited", 61.0, None, None),  # half-open
    ("refused key", 100.0, "cooling", 500.0),
    ("nothing", 10.0, None, None),
    ("one failure", 10.0, None, None),
    ("limited", -3_000.0, "cooling", 60.0),  # the clock was set back: no longer than it was
    ("limited", 86_400.0 * 400, None, None),
]
DEEDS: dict[str, Callable[[Process], None]] = {
    "limited": lambda process: fail(process, "a/m", "upstream_rate_limited", 429, 60.0),
    "refused key": lambda process: fail(process, "a/m", "upstream_credentials", 401),
    "one failure": lambda process: fail(process, "a/m", "upstream_overloaded", 500),
    "nothing": lambda process: None,
}


@pytest.mark.parametrize(("deed", "pause", "kind", "left"), HEALTH)
def test_a_cooldown_ends_when_it_would_have(
    tmp_path: Path, deed: str, pause: float, kind: str | None, left: float | None
) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=1_000.0)
    before.live(lambda: DEEDS[deed](before))
    after = Process(tmp_path / "state.db", config(RING), now=7.0, wall=WALL + pause)
    after.live()
    block = after.counters.blocked(RING.nodes[0].targets[0], 7.0)
    assert (block.kind if block else None) == kind
    assert left is None or (block is not None and block.until == pytest.approx(7.0 + left))


def test_failures_are_counted_on(tmp_path: Path) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=1_000.0)
    before.live(*[lambda: DEEDS["one failure"](before)] * 2)
    after = Process(tmp_path / "state.db", config(RING), now=7.0)
    after.live(lambda: DEEDS["one failure"](after))
    assert after.counters.health["target"]["a/m"].failures == 3
    assert order(plan(RING, None, after.counters, 8.0)).split()[0] == "b/x"


def test_another_key_makes_a_fresh_start(tmp_path: Path) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=1_000.0)
    before.live(lambda: DEEDS["refused key"](before), lambda: fail(before, "c/m", "upstream_credentials", 401))
    rekeyed = route(
        "a/m b/x,y c/m", name="ring", strategy="round-robin", providers=[provider("a", head=b"POST a new key")]
    )
    after = Process(tmp_path / "state.db", config(rekeyed), now=7.0)
    after.live()
    assert list(after.counters.health["provider"]) == ["c"]
    assert ("provider", "a") not in rows(tmp_path / "state.db")


def test_no_trace_of_a_key_is_kept(tmp_path: Path) -> None:
    secret = b"sk-canary-0123456789"
    asked = route("a/m b/m", name="ring", providers=[provider("a", head=b"authorization: Bearer " + secret)])
    process = Process(tmp_path / "state.db", config(asked), now=1_000.0)
    process.live(lambda: fail(process, "a/m", "upstream_credentials", 401))
    kept = rows(tmp_path / "state.db")["provider", "a"]
    assert secret.decode() not in kept
    account = kept.partition('"account":"')[2].partition('"')[0]
    assert len(account) == 6


@pytest.mark.parametrize(
    ("decided", "is_kept"), [((False,), True), ((False, True), False), ((False, None), False), ((True,), False)]
)
def test_what_a_person_decided_holds(tmp_path: Path, decided: tuple[bool | None, ...], is_kept: bool) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=5.0)
    before.live(*(partial(before.counters.override, "a", word) for word in decided))
    after = Process(tmp_path / "state.db", config(RING), now=5.0)
    after.live()
    assert after.counters.overrides == ({"a": False} if is_kept else {})
    assert (("override", "a") in rows(tmp_path / "state.db")) == is_kept


def test_what_has_gone_is_forgotten(tmp_path: Path) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=5.0)
    before.live(
        lambda: first(before),
        lambda: before.counters.override("a", False),
        lambda: fail(before, "b/x", "upstream_rate_limited", 429, 600.0),
        lambda: fail(before, "c/m", "upstream_unreachable"),
    )
    assert len(rows(tmp_path / "state.db")) == 5
    other = route("z/m y/m", name="other", strategy="round-robin")
    after = Process(tmp_path / "state.db", config(other), now=5.0)
    after.live()
    assert rows(tmp_path / "state.db") == {}
    assert after.counters.all_well


def test_an_adopted_config_takes_away_what_it_lacks(tmp_path: Path) -> None:
    process = Process(tmp_path / "state.db", config(RING), now=5.0)
    first(process)
    process.counters.override("a", False)
    smaller = replace(RING, nodes=RING.nodes[2:])
    process.snapshot = config(smaller)
    process.live(lambda: process.standing.mirror(process.snapshot))
    assert process.counters.overrides == {}
    assert rows(tmp_path / "state.db") == {("turn", '["ring",1]'): "0"}


class Numbers:
    """An inventory that knows these entries by these numbers."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers

    def id_of(self, section: str, name: str) -> int:
        return self.numbers[f"{section}_{name}"]


def test_what_is_renamed_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    numbers = Numbers(providers_a=1, providers_b=2, providers_c=3, routes_ring=1)
    process = Process(tmp_path / "state.db", config(RING), now=5.0)
    process.standing = Standing(
        process.counters, lambda: process.snapshot, process.database, lambda: process.now, inventory=numbers
    )

    async def rename() -> None:
        await process.standing.mirror(None)
        first(process)
        process.counters.override("b", False)
        fail(process, "a/m", "upstream_rate_limited", 429, 60.0)
        fail(process, "a/m", "upstream_credentials", 401)
        numbers.numbers = {"providers_a2": 1, "providers_b2": 2, "providers_c": 3, "routes_loop": 1}
        process.snapshot = config(route("a2/m b2/x,y c/m", name="loop", strategy="round-robin"))
        await process.standing.mirror(None)

    process.live(rename)
    assert process.counters.overrides == {"b2": False}
    assert process.counters.cursors == {("loop", 1): "b2/x,y"}
    assert process.counters.turns == {("loop", 1): 0}
    assert set(process.counters.health["target"]) == {"a2/m"}
    assert set(process.counters.health["provider"]) == {"a2"}


@pytest.mark.parametrize(
    "after",
    [
        {"providers_a": 2, "providers_b": 1, "providers_c": 3},  # the inventory has learned its old numbers late
        {"providers_a": 1, "providers_b": 2},  # or has not seen one yet
        {},
    ],
)
def test_no_rename_is_made_up(tmp_path: Path, after: dict[str, int]) -> None:
    numbers = Numbers(providers_a=1, providers_b=2, providers_c=3)
    counters = Counters()
    standing = Standing(counters, lambda: config(RING), None, lambda: 0.0, inventory=numbers)

    async def mirror() -> None:
        await standing.mirror(None)
        counters.override("a", False)
        numbers.numbers = after
        await standing.mirror(None)

    asyncio.run(mirror())
    assert counters.overrides == {"a": False}


def test_failover_keeps_no_rotation(tmp_path: Path) -> None:
    before = Process(tmp_path / "state.db", config(RING), now=5.0)
    before.live(lambda: first(before))
    after = Process(tmp_path / "state.db", config(replace(RING, strategy="failover")), now=5.0)
    after.live()
    assert after.counters.cursors == {}


def watched(process: Process) -> list[str]:
    """The kinds of rows as they are written."""
    written: list[str] = []
    submit = process.database.submit

    def noting(statement: str, *values: Any) -> None:
        written.append(values[0])
        submit(statement, *values)

    process.database.submit = noting  # type: ignore[method-assign]
    return written


class TestWriting:
    def test_it_writes_at_most_once_a_second(self, tmp_path: Path) -> None:
        process = Process(tmp_path / "state.db", config(RING), now=5.0)
        written = watched(process)

        async def busy() -> None:
            process.standing.sweep()
            for _ in range(100):  # requests and sweeps within one second
                first(process)
                process.now += 0.005
                process.standing.sweep()
            assert written == []
            process.pass_time(1.0)
            process.standing.sweep()
            assert sorted(written) == ["cursor", "turn", "turn", "turn"]
            await process.until(lambda: True)
            seen = len(written)
            process.pass_time(1.0)
            process.standing.sweep()
            assert len(written) == seen  # nothing has changed

        process.live(busy)

    def test_a_thousand_names_are_written_bit_by_bit(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        process = Process(path, config(RING), now=5.0)
        written = watched(process)
        many = {f"a/{number}": Health(1, "upstream_garbled", since=5.0) for number in range(MOST_AILING + 50)}

        async def flood() -> None:
            for name, health in many.items():
                process.counters.restore("target", name, health)
            process.pass_time(1.0)
            process.standing.sweep()
            assert written == ["target"] * MOST_AT_ONCE

        process.live(flood)
        assert {name for _, name in rows(path)} == set(list(many)[50:])

    def test_what_always_turns_keeps_nothing_else_from_being_written(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        many = [replace(RING, name=f"route-{number:03}") for number in range(250)]
        process = Process(path, config(*many), now=5.0)

        written = watched(process)

        async def turn_all() -> None:
            await process.standing.load()
            for _ in range(4):
                for entry in many:
                    first(process, entry)
                seen = len(written)
                await process.until(lambda seen=seen: len(written) > seen)  # type: ignore[misc]
            await asyncio.to_thread(process.database.close)

        asyncio.run(turn_all())
        assert len([kind for kind, _ in rows(path) if kind == "cursor"]) == len(many)

    def test_no_look_is_long(self, tmp_path: Path) -> None:
        """Looks that follow one another find what is last of many; none of them looks at all."""
        process = Process(tmp_path / "state.db", config(RING), now=5.0)
        known = {f"a/{number}": Health(1, "upstream_garbled", since=5.0) for number in range(MOST_AILING)}

        async def look() -> None:
            for name, health in known.items():
                process.counters.restore("target", name, health)
            process.standing.save()
            for number in range(MOST_LOOKED_AT):
                process.counters.cursors["ring", number + 1] = "b/x,y"
            process.standing.save()
            written = watched(process)
            process.counters.restore("origin", "https://last.test", Health(1, "upstream_unreachable", since=5.0))
            looks = 0
            while not written:
                process.standing.sweep()
                looks += 1
            assert (written, looks) == (["origin"], (MOST_AILING + MOST_LOOKED_AT) // MOST_LOOKED_AT + 1)

        process.live(look)

    def test_without_a_file_there_is_none_until_something_turns(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        process = Process(path, config(RING), now=5.0)
        process.live(process.standing.sweep)
        assert not path.exists()

    def test_without_a_database_nothing_is_kept(self) -> None:
        async def run() -> None:
            standing = Standing(Counters(), lambda: config(RING), None, lambda: 0.0)
            await standing.load()
            standing.sweep()
            standing.save()

        asyncio.run(run())


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "name", "value"),
        [
            ("cursor", '["ring",1]', "nobody/m"),
            ("cursor", '["ring",0]', "b/x,y"),
            ("cursor", "ring", "b/x,y"),
            ("cursor", '["ring",1]', None),
            ("turn", '["ring",1]', "-1"),
            ("turn", '["ring",1]', "many"),
            ("turn", '["ring",99]', "1"),
            ("override", "nobody", ""),
            ("override", b"\xff", ""),
            ("target", "a/m", '{"failures":1}'),
            ("target", "nobody/m", '{"failures":1,"cause":"x","cooldowns":1,"since":1.8e9,"until":1.9e9}'),
            ("provider", "a", b"\xff\xfe"),
            ("origin", "https://nobody.test", '{"failures":1,"cause":"x","cooldowns":0,"since":1.8e9}'),
            ("from the future", "a", "{}"),
        ],
    )
    def test_rows_of_others_are_not_believed(self, tmp_path: Path, kind: str, name: Any, value: Any) -> None:
        path = tmp_path / "state.db"
        earlier = Process(path, config(RING), now=5.0)
        earlier.live(lambda: earlier.counters.override("c", False))
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO standing VALUES (?, ?, ?)", (kind, name, value))
        connection.commit()
        connection.close()
        process = Process(path, config(RING), now=5.0)
        told: list[str] = []
        process.live(lambda: told.append(first(process)))
        assert told == ["a/m"]
        assert process.counters.overrides == {"c": False}
        assert not any(process.counters.health.values())
        assert process.warned == []

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b"this was never a database\n" * 1_000),
            lambda path: path.mkdir(),
            lambda path: None,
        ],
        ids=["garbage", "a folder", "deleted while it runs"],
    )
    def test_what_is_known_is_written_as_soon_as_there_is_a_file(
        self, tmp_path: Path, spoil: Callable[[Path], None]
    ) -> None:
        path = tmp_path / "state.db"
        spoil(path)
        process = Process(path, config(RING), now=5.0)
        wanted = ("override", "a"), "false"

        async def mend() -> None:
            process.counters.override("a", False)
            if path.is_dir():
                await process.until(lambda: "database_unusable" in process.warned)
                path.rmdir()
            await process.until(lambda: _has(path, *wanted))
            for name in ("state.db", "state.db-wal", "state.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            await process.until(lambda: _has(path, *wanted))

        process.live(mend)
        assert rows(path) == dict([wanted])

    def test_a_database_that_comes_late_is_heard_all_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        before = Process(path, config(RING), now=5.0)
        before.live(
            lambda: before.counters.override("a", False),
            lambda: first(before),
            lambda: fail(before, "c/m", "upstream_rate_limited", 429, 600.0),
        )
        away = path.rename(tmp_path / "elsewhere.db")
        path.mkdir()
        process = Process(path, config(RING), now=5.0)

        async def mend() -> None:
            assert process.counters.all_well
            process.pass_time(LATE)
            path.rmdir()
            away.rename(path)
            await process.until(lambda: bool(process.counters.overrides))

        process.live(mend)
        assert process.counters.overrides == {"a": False}
        assert process.counters.cursors
        assert process.counters.health["target"] == {}  # traffic has shown more since
        assert ("target", "c/m") not in rows(path)

    def test_what_is_known_by_now_counts_more(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        before = Process(path, config(RING), now=5.0)
        before.live(lambda: [first(before) for _ in range(2)])
        after = Process(path, config(RING), now=5.0)
        first(after)  # before anything was read
        after.live()
        assert after.counters.cursors == {("ring", 1): "b/x,y"}
        assert rows(path)["cursor", '["ring",1]'] == "b/x,y"


def _has(path: Path, key: tuple[str, str], value: str) -> bool:
    try:
        return rows(path).get(key) == value
    except sqlite3.Error:
        return False


@pytest.mark.parametrize(
    ("kept", "now", "wall", "health"),
    [
        (Kept(2, "x", 0, 90.0), 10.0, 100.0, Health(2, "x", 0, 0.0)),
        (Kept(2, "x", 1, 90.0, 120.0), 10.0, 100.0, Health(2, "x", 1, 0.0, 30.0)),
        (Kept(2, "x", 1, 200.0, 230.0), 10.0, 100.0, Health(2, "x", 1, 10.0, 40.0)),
        (Kept(2, "x", 1, 90.0, 95.0), 10.0, 100.0, Health(2, "x", 1, 0.0, 5.0)),
        (Kept(2, "x", 1, 0.0, 1e300), 10.0, 100.0, Health(2, "x", 1, -90.0, 86_410.0)),
        (Kept(2, "x", 0, 90.0), 10.0, 1_000.0, None),
    ],
)
def test_clocks(kept: Kept, now: float, wall: float, health: Health | None) -> None:
    assert revive(kept, now, wall) == health
