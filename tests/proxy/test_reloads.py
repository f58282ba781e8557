"""A new config in the middle of everything: streams finish, no request fails, a bad file changes nothing."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import pytest

from routerd import reload
from routerd.config.check import check
from routerd.news import News
from routerd.observe import Log
from routerd.reload import Reloader
from routerd.snapshot import Snapshot
from tests.support import chat
from tests.support.caller import Caller
from tests.support.daemon import Daemon, digest, write_config
from tests.support.gate import Gate, eventually
from tests.support.inside import Inside
from tests.support.reply import Pause, Reply, Until
from tests.support.stage import Act, config, prompt
from tests.support.upstream import Upstream
from tests.support.wire import Request

CALLERS = 4
BURSTS, SAVES = 5, 21  # far more than can be adopted one by one: the last of each burst must be
RELOADS = 500


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream(chat.good_at_once) as first, Upstream(chat.good_at_once) as second:
        yield first, second


def _config(first: Upstream, second: Upstream, number: int = 0) -> str:
    """A config whose first node alternates with `number`, and which never equals another's."""
    pair = (first, second) if number % 2 == 0 else (second, first)
    acts = [Act("steady", pair), Act(f"only-{number}", (first,))]
    return config(acts, extra=f"# generation {number}\n")


def test_a_stream_finishes_on_the_config_it_began_with(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    gate = Gate()
    first.script(chat.begun(Until(gate), *chat.events(chat.chunks([" at last."])[1:]), ended=True))
    with Daemon(tmp_path, config([Act("old", (first,))])) as daemon, daemon.caller() as caller:
        caller.request("POST", "/v1/chat/completions", prompt("old", stream=True))
        response = caller.head()
        pieces = caller.pieces(response)
        response.body = next(pieces)
        new = config([Act("new", (second,))])
        daemon.save(new)
        assert daemon.post(prompt("old")).status == 404
        answer = daemon.post(prompt("new"))
        assert (answer.status, answer.headers["x-routerd-config"]) == (200, digest(new))
        gate.open()
        response.body += b"".join(pieces)
    assert (response.story.text, response.story.finish) == ("Hello there at last.", "stop")
    assert response.headers["x-routerd-config"] != digest(new)


def test_warm_connections_survive_an_edit_of_a_route(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    with Daemon(tmp_path, _config(first, second)) as daemon:
        for number in range(2, 8, 2):
            assert daemon.post(prompt("steady")).status == 200
            daemon.save(_config(first, second, number))
        assert daemon.post(prompt("steady")).status == 200
    assert [request.connection for request in first.requests] == [1, 1, 1, 1]


def test_an_edit_of_the_key_counts_at_once(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    with Daemon(tmp_path, _config(first, second)) as daemon:
        daemon.post(prompt("steady"))
        daemon.save(_config(first, second).replace("sk-test-1", "sk-newer-1"))
        daemon.post(prompt("steady"))
    assert [request.get("authorization") for request in first.requests] == ["Bearer sk-test-1", "Bearer sk-newer-1"]


def test_a_save_in_place_is_adopted_as_well(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    with Daemon(tmp_path, _config(first, second)) as daemon:
        new = _config(first, second, 1)
        (tmp_path / "router.yaml").write_text(new)
        daemon.wait_adopted(new)
        assert daemon.post(prompt("only-1")).status == 200


BAD = {
    "empty": "",
    "no-yaml": "providers: {a: [",
    "not-utf8": None,
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_changes_nothing_and_is_told(
    tmp_path: Path, upstreams: tuple[Upstream, Upstream], case: str
) -> None:
    good = _config(*upstreams)
    with Daemon(tmp_path, good) as daemon:
        text = BAD[case]
        (tmp_path / "router.yaml").write_bytes(b"providers: {\xff}" if text is None else text.encode())
        daemon.wait_log(lambda line: line["event"] == "config_rejected", "the bad file is reported")
        answer = daemon.post(prompt("steady"))
        assert (answer.status, answer.headers["x-routerd-config"]) == (200, digest(good))
        better = _config(*upstreams, 3)
        daemon.save(better)
        assert daemon.post(prompt("steady")).headers["x-routerd-config"] == digest(better)


def test_a_deleted_file_changes_nothing(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    with Daemon(tmp_path, _config(*upstreams)) as daemon:
        (tmp_path / "router.yaml").unlink()
        daemon.wait_log(lambda line: line["event"] == "config_rejected", "the missing file is reported")
        assert daemon.post(prompt("steady")).status == 200


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Log, io.BytesIO]]:
    """A log and where it goes; a bad file is looked at once."""
    monkeypatch.setattr(reload, "RETRIES", ())
    stream = io.BytesIO()
    log = Log(stream)
    yield log, stream
    log.close()


async def _saves(folder: Path, texts: list[str]) -> AsyncGenerator[None, None]:
    """As the watch tells of one save after the other."""
    for text in texts:
        write_config(folder, text)
        yield


def _story(told: tuple[Log, io.BytesIO]) -> list[tuple[str, str]]:
    """What the log says of each save: the event, and the reason or the digest of what serves."""
    log, stream = told
    log.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [
        (line["event"], line.get("reason") or line["digest"]) for line in lines if line["event"] != "config_problem"
    ]


def test_a_config_that_can_not_be_adopted_ends_nothing(
    tmp_path: Path, upstreams: tuple[Upstream, Upstream], told: tuple[Log, io.BytesIO]
) -> None:
    first, broken, last = (_config(*upstreams, number) for number in range(3))
    adopted: list[str] = []

    def adopt(snapshot: Snapshot) -> None:
        if snapshot.digest.startswith(digest(broken)):
            raise ZeroDivisionError("a mistake of our own")
        adopted.append(snapshot.digest[:12])

    write_config(tmp_path, first)
    reloader = Reloader(tmp_path / "router.yaml", told[0])
    reloader.first()
    asyncio.run(reloader.watch(_saves(tmp_path, [broken, broken, first, last, broken, last]), adopt))
    assert adopted == [digest(last)]
    rejected = ("config_rejected", "internal error: ZeroDivisionError")
    assert _story(told) == [
        ("config_adopted", digest(first)), rejected, ("config_restored", digest(first)),
        ("config_adopted", digest(last)), rejected, ("config_restored", digest(last)),
    ]  # fmt: skip


def test_a_mistake_in_reading_ends_nothing(
    tmp_path: Path,
    upstreams: tuple[Upstream, Upstream],
    told: tuple[Log, io.BytesIO],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, broken, last = (_config(*upstreams, number) for number in range(3))
    adopted = list[str]()

    def checked(text: str) -> Any:
        if text == broken:
            raise ZeroDivisionError("a mistake of our own")
        return check(text)

    monkeypatch.setattr("routerd.config.check.check", checked)
    write_config(tmp_path, first)
    reloader = Reloader(tmp_path / "router.yaml", told[0])
    reloader.first()
    asyncio.run(reloader.watch(_saves(tmp_path, [broken, last]), lambda snapshot: adopted.append(snapshot.digest[:12])))
    assert adopted == [digest(last)]
    assert [event for event, _ in _story(told)] == ["config_adopted", "config_rejected", "config_adopted"]


class Mistaken(News):
    """News that can't be published when they are wrong."""

    is_wrong = False

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        if self.is_wrong:
            self.is_wrong = False
            raise ZeroDivisionError("a mistake of our own")
        super().publish(kind, data)


def test_a_mistake_anywhere_else_ends_nothing(
    tmp_path: Path, upstreams: tuple[Upstream, Upstream], told: tuple[Log, io.BytesIO]
) -> None:
    texts = [_config(*upstreams, number) for number in range(3)]
    news, adopted, errors = Mistaken(), list[str](), list[dict[str, Any]]()
    write_config(tmp_path, texts[0])
    reloader = Reloader(tmp_path / "router.yaml", told[0], news=news)
    reloader.first()

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        news.is_wrong = True
        await reloader.watch(_saves(tmp_path, texts[1:]), lambda snapshot: adopted.append(snapshot.digest[:12]))

    asyncio.run(story())
    assert [repr(context["exception"]) for context in errors] == ["ZeroDivisionError('a mistake of our own')"]
    assert adopted[-1] == digest(texts[2])


class Load:
    """Callers that ask for one reply after the other while it is entered; `wrong` is what failed."""

    def __init__(self, connect: Callable[[], Caller]) -> None:
        self.wrong: list[str] = []
        self._connect = connect
        self._stop = Event()
        self._threads = [Thread(target=self._run) for _ in range(CALLERS)]

    def _run(self) -> None:
        try:
            with self._connect() as caller:
                while not self._stop.is_set():
                    self._ask(caller)
        except OSError as error:
            self.wrong.append(repr(error))

    def _ask(self, caller: Caller) -> None:
        for stream in (False, True):
            answer = caller.exchange("POST", "/v1/chat/completions", prompt("steady", stream=stream))
            if answer.status != 200 or not answer.complete or b"Hello" not in answer.body:
                self.wrong.append(f"{answer.status} {answer.body!r}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_saves_in_quick_succession_end_with_the_last(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    with Daemon(tmp_path, _config(first, second)) as daemon, Load(daemon.caller) as load:
        for burst in range(100 * BURSTS):
            for number in range(burst * SAVES, (burst + 1) * SAVES):
                text = _config(first, second, number)
                write_config(tmp_path, text)
            daemon.wait_adopted(text)
            if burst >= BURSTS and min(len(first.requests), len(second.requests)) > 50:
                break
    assert load.wrong == []
    assert first.connections <= CALLERS + 1


def thoughtful(request: Request) -> Reply:
    """Requests are then under way in every reload, and not so many that the reloads get none of the interpreter."""
    return chat.good_at_once(request).after(Pause(0.005))


def test_five_hundred_reloads_under_load_cost_no_request(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    first, second = upstreams
    first.answer = second.answer = thoughtful
    with Inside(tmp_path, _config(first, second)) as inside, Load(inside.caller) as load:
        gateway, reloader = inside.daemon.gateway, inside.daemon.reloader
        number = 0
        while number < RELOADS or len(first.requests) + len(second.requests) <= RELOADS:
            number += 1
            text = _config(first, second, number)
            write_config(tmp_path, text)
            inside.call(reloader.reload(gateway.adopt))
        eventually(lambda: gateway.current.digest.startswith(digest(text)), "the last config is served")
        assert gateway.current.generation > RELOADS
    assert load.wrong == []
    assert first.connections <= CALLERS + 1


def test_reloads_at_the_same_time_adopt_once(tmp_path: Path, upstreams: tuple[Upstream, Upstream]) -> None:
    adopted: list[Snapshot] = []
    text = _config(*upstreams)
    with Inside(tmp_path, text) as inside:
        reloader = Reloader(tmp_path / "router.yaml", inside.daemon.log)
        reloader.first()

        async def reload_at_once() -> None:
            await asyncio.gather(*[reloader.reload(adopted.append) for _ in range(4)])

        for number in range(1, 6):
            write_config(tmp_path, _config(*upstreams, number))
            inside.call(reload_at_once())
    assert [snapshot.generation for snapshot in adopted] == [2, 3, 4, 5, 6]
