"""Providers that are looked at while nobody uses them, and what follows for those who do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from routerd.checks.probe import Probe
from routerd.checks.watch import Checks
from routerd.state.inventory import Row
from tests.support import chat
from tests.support.caller import Response
from tests.support.inside import Inside
from tests.support.reply import Close, Reply, Stall, raw, whole
from tests.support.upstream import Upstream
from tests.support.wire import Request

INTERVAL = 60.0
DUE = 1.2 * INTERVAL + 1  # at the latest, after a request or a check
LIST = whole({"object": "list", "data": [{"id": "m"}]})
DOWN = whole({"error": {"message": "down"}}, 503)
REFUSED = whole({"error": {"message": "no such key", "type": "auth", "code": "invalid_api_key"}}, 401)


class Provider(Upstream):
    """Answers lists and chats apart, each as the test says at that moment."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.list: Reply = LIST
        self.chat: Reply | None = None

    def _answer(self, request: Request) -> Reply:
        if request.method == "GET":
            return self.list
        return self.chat or chat.good(request)

    @property
    def asked(self) -> list[str]:
        """The methods of all requests: GET is a check, POST is traffic."""
        return [request.method for request in self.requests]


class World:
    """A routerd whose clock stands still, with two providers: `one`, and behind it `two`."""

    def __init__(self, inside: Inside, one: Provider, two: Provider) -> None:
        self.inside, self.one, self.two = inside, one, two
        self.checks: Checks = inside.daemon.management.checks

    def later(self, seconds: float = DUE) -> None:
        """Let time pass, and everything that is due be done."""
        self.inside.pass_time(seconds)
        self.inside.call(self._tick())

    async def _tick(self) -> None:
        await asyncio.gather(*await self.checks.tick())
        await self.checks.tick()  # what has changed is told

    def call(self, model: str = "route") -> Response:
        with self.inside.caller() as caller:
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
            return caller.exchange("POST", "/v1/chat/completions", body)

    def row(self, name: str = "one") -> Row:
        return self.inside.daemon.management.inventory.row("providers", name)

    def standing(self, name: str = "one") -> tuple[bool, int]:
        return self.checks.standing(name)

    def test(self, name: str = "one", model: str | None = None) -> Probe:
        return self.inside.call(self.checks.test(self._provider(name), model))

    def override(self, *, is_healthy: bool) -> None:
        async def decide() -> None:
            self.checks.override(self._provider("one"), is_healthy)

        self.inside.call(decide())

    def _provider(self, name: str) -> Any:
        return self.inside.daemon.gateway.current.providers[name]


def text(one: Provider, two: Provider, more: str = "") -> str:
    health = f"{{interval: {INTERVAL:g}s, timeout: 50s, failure_threshold: 2, cooldown: 30s{more}}}"
    entries = [
        f"  {name}: {{base_url: {upstream.base_url}, api_key: sk-test-{name}, models: [m]}}"
        for name, upstream in (("one", one), ("two", two))
    ]
    route = "routes:\n  route: {strategy: failover, nodes: [one/m, two/m], max_attempts: 2}\n"
    return f"defaults: {{health: {health}}}\nproviders:\n" + "\n".join(entries) + f"\n{route}"


@contextmanager
def world(folder: Path, more: str = "") -> Iterator[World]:
    with Provider() as one, Provider() as two, Inside(folder, text(one, two, more)) as inside:
        inside.hold_clock()
        inside.call(inside.daemon.management.inventory.settled())
        made = World(inside, one, two)
        made.later(0.0)
        yield made


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_the_idle_are_looked_at_once_an_interval(here: World) -> None:
    assert (here.row().status, here.standing()) == ("unknown", (True, 0))
    here.later(INTERVAL - 1)
    assert here.one.asked == []
    here.later(DUE - INTERVAL + 1)
    assert (here.one.asked, here.two.asked) == (["GET"], ["GET"])
    assert (here.row().status, here.row().status_code, here.row().discovered) == ("online", 200, ("m",))
    here.later(INTERVAL - 1)
    assert here.one.asked == ["GET"]
    here.later(DUE - INTERVAL + 1)
    assert here.one.asked == ["GET"] * 2


def test_traffic_is_a_check(here: World) -> None:
    for _ in range(4):
        here.later(INTERVAL - 1)
        assert here.call().status == 200
    here.later(INTERVAL - 1)
    assert here.one.asked == ["POST"] * 4
    assert (here.row().status, here.row().status_code) == ("online", None)
    assert here.two.asked != []
    assert "POST" not in here.two.asked
    here.later(DUE)
    assert here.one.asked == ["POST"] * 4 + ["GET"]


def test_none_is_looked_at_that_is_not_to_be(tmp_path: Path) -> None:
    with world(tmp_path, ", check: false") as here:
        here.later()
        here.later()
        assert here.one.asked == here.two.asked == []


def test_failed_checks_take_a_provider_out_and_a_passed_one_brings_it_back(here: World) -> None:
    here.one.list = DOWN
    here.later()
    assert (here.row().status, here.standing()) == ("degraded", (True, 1))
    here.later()
    assert here.standing() == (False, 2)
    here.later(INTERVAL - 1)  # it does not come back between two checks
    assert (here.one.asked, here.standing()) == (["GET"] * 2, (False, 2))
    for _ in range(6):  # through every cooldown
        here.later()
    assert here.standing() == (False, 8)
    assert (here.call().headers["x-routerd-provider"], here.one.asked) == ("two", ["GET"] * 8)
    here.one.list = LIST
    here.later()
    assert (here.row().status, here.standing()) == ("online", (True, 0))
    assert here.call().headers["x-routerd-provider"] == "one"


def test_the_last_one_left_is_tried_all_the_same(here: World) -> None:
    here.one.list = here.two.list = DOWN
    for _ in range(3):
        here.later()
    assert (here.standing("one")[0], here.standing("two")[0]) == (False, False)
    assert here.call().status == 200


@pytest.mark.parametrize("status", [403, 404, 405, 429, 302])
def test_who_answers_is_not_taken_out_for_the_lack_of_a_list(here: World, status: int) -> None:
    here.one.list = whole({"error": {"message": "not this"}}, status)
    for _ in range(4):
        here.later()
    assert (here.row().status, here.row().status_code, here.standing()) == ("degraded", status, (True, 0))


def test_failures_with_traffic_between_them_are_not_in_a_row(here: World) -> None:
    here.one.list = DOWN
    for _ in range(4):
        here.later()
        assert here.standing() == (True, 1)
        assert here.call().headers["x-routerd-provider"] == "one"


def test_a_failed_test_takes_nobody_out_who_has_traffic(here: World) -> None:
    here.one.list = DOWN
    here.call()
    for _ in range(3):
        here.later(1.0)
        here.test()
    assert here.standing() == (True, 3)
    assert here.call().headers["x-routerd-provider"] == "one"


def test_a_check_says_nothing_against_traffic_that_came_meanwhile(here: World) -> None:
    here.one.list = DOWN

    async def meanwhile() -> None:
        under_way = await here.checks.tick()
        services, route = here.inside.daemon.services, here.inside.daemon.gateway.current.routes["route"]
        target, now = route.nodes[0].targets[0], services.now()
        services.counters.begin(target, now)
        services.counters.settle(target, None, now, now)
        await asyncio.gather(*under_way)

    here.inside.pass_time(DUE)
    here.inside.call(meanwhile())
    assert (here.one.asked, here.row().status, here.standing()) == (["GET"], "unknown", (True, 0))


def test_a_refused_key_is_forgiven_by_a_test_and_not_by_a_check(here: World) -> None:
    here.one.chat = REFUSED
    here.call()
    assert not here.standing()[0]
    here.later()
    assert here.one.asked == ["POST", "GET"]
    assert not here.standing()[0]
    here.one.chat = None
    assert here.test().result.status == "online"
    assert here.standing() == (True, 0)
    assert here.call().headers["x-routerd-provider"] == "one"


def test_a_deep_test_forgives_an_empty_wallet_and_a_shallow_one_does_not(here: World) -> None:
    here.one.chat = whole({"error": {"message": "credit balance is too low", "type": "x", "code": None}}, 402)
    assert here.call().headers["x-routerd-provider"] == "two"
    here.one.chat = None
    assert here.test().has_passed
    assert not here.standing()[0]
    assert here.test(model="m").has_passed
    assert here.standing() == (True, 0)


def test_an_override_holds_against_checks_and_tests(here: World) -> None:
    here.override(is_healthy=False)
    here.later()
    here.test()
    assert (here.row().status, here.standing()) == ("online", (False, 0))
    assert here.call().headers["x-routerd-provider"] == "two"
    here.override(is_healthy=True)
    assert here.standing() == (True, 0)
    assert here.call().headers["x-routerd-provider"] == "one"


def test_lifting_begins_the_count_anew(here: World) -> None:
    here.one.list = DOWN
    here.later()
    here.later()
    assert here.standing() == (False, 2)
    here.override(is_healthy=True)
    assert here.standing() == (True, 0)
    here.later()
    assert here.standing() == (True, 1)


TROUBLES: list[tuple[Reply, str]] = [
    (whole({"error": {"message": "broken"}}, 500), "degraded"),
    (whole({"error": {"message": "slow down"}}, 429), "degraded"),
    (raw(Close()), "error"),
    (whole(b"<html>"), "error"),
]


@pytest.mark.parametrize(("reply", "status"), TROUBLES)
def test_the_status_is_what_traffic_shows(here: World, reply: Reply, status: str) -> None:
    here.later()
    assert here.row().status == "online"
    here.one.chat = reply
    here.later(1.0)
    here.call()
    here.later(1.0)
    assert here.row().status == status
    assert here.row().latency_ms is not None
    here.one.chat = None
    here.later(40.0)
    here.call("one/m")
    here.later(1.0)
    assert (here.row().status, here.one.asked.count("GET")) == ("online", 1)


def test_changes_are_told(here: World) -> None:
    async def follow() -> list[tuple[Any, ...]]:
        with here.inside.daemon.management.news.following(0.01) as events:
            here.inside._now += DUE
            await asyncio.gather(*await here.checks.tick())
            here.one.list = DOWN
            for _ in range(2):
                here.inside._now += DUE
                await asyncio.gather(*await here.checks.tick())
            told = []
            async for event in events:
                if event is None:
                    break
                told.append(event)
            names = ("provider", "status", "is_healthy", "detail")
            return [(each.kind, *map(each.data.get, names)) for each in told if each.data.get("provider") == "one"]

    assert here.inside.call(follow()) == [
        ("health", "one", "online", True, None),
        ("health", "one", "degraded", True, "HTTP 503: down"),
        ("health", "one", "degraded", False, "HTTP 503: down"),
    ]


def test_another_key_is_another_account(here: World) -> None:
    here.one.list = DOWN
    here.later()
    here.later()
    assert here.standing() == (False, 2)
    path = here.inside.folder / "router.yaml"
    path.write_text(path.read_text().replace("sk-test-one", "sk-test-another"))
    management = here.inside.daemon.management
    here.inside.call(management.reloader.reload(management.adopt))
    here.later(1.0)
    assert here.standing() == (True, 0)


def test_a_busy_provider_comes_back_too(here: World) -> None:
    here.one.chat = whole({"error": {"message": "broken"}}, 500)
    here.later(1.0)
    here.call()
    here.later(1.0)
    assert here.row().status == "degraded"
    here.one.chat = raw(Stall())
    with here.inside.caller() as waiting:
        waiting.request(
            "POST", "/v1/chat/completions", {"model": "one/m", "messages": [{"role": "user", "content": ""}]}
        )
        here.one.wait_for(2)
        here.one.chat = None
        assert here.call().headers["x-routerd-provider"] == "one"
        here.later(1.0)
        assert here.row().status == "online"
