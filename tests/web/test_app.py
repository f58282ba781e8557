"""What is Quart's own: limits, slow bodies, and the app as any ASGI server imports it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from routerd.asgi import Application
from routerd.web.app import create_app
from routerd.web.outlet import QueueOutlet, Unfinished
from tests.edge.stub import StubGateway
from tests.support.doors import EdgeDoor, HypercornDoor
from tests.support.gate import eventually

MIB = 1024 * 1024


def test_nothing_cuts_a_stream() -> None:
    app = create_app(StubGateway())
    assert app.config["RESPONSE_TIMEOUT"] is None
    assert app.config["MAX_CONTENT_LENGTH"] == 16 * MIB


@pytest.mark.parametrize("sent", [b"", b"ab"])
def test_a_slow_body(gateway: StubGateway, sent: bytes) -> None:
    with HypercornDoor(create_app(gateway, body_timeout=0.2)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": "4"})
        caller.send(sent)
        answer = caller.read(caller.head())
        assert (answer.status, answer.json()["error"]["code"]) == (408, "request_timeout")


class Leaping(asyncio.SelectorEventLoop):
    """An event loop whose clock can be set `ahead`."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    async def leap(self, seconds: float) -> None:
        """Let so much time pass, once everybody has done what there is to do."""
        for _ in range(50):
            await asyncio.sleep(0)
        self.ahead += seconds
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.mark.parametrize(("pause", "status"), [(900.0, 200), (1100.0, 408)])
def test_a_body_that_keeps_coming(gateway: StubGateway, pause: float, status: int) -> None:
    async def story() -> tuple[int, Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Leaping)
        client = create_app(gateway, body_timeout=1000.0).test_client()
        async with client.request("/v1/size", method="POST") as connection:
            for _ in range(12):
                await connection.send(b"x")
                await loop.leap(pause)
            await connection.send_complete()
        answer = await connection.as_response()
        return answer.status_code, json.loads(await answer.get_data())

    with asyncio.Runner(loop_factory=Leaping) as runner:
        found, told = runner.run(story())
    assert found == status
    assert told.get("size") == (12 if status == 200 else None)


def test_100_continue(gateway: StubGateway) -> None:
    with HypercornDoor(create_app(gateway)) as door, door.caller() as caller:
        caller.request("POST", "/v1/echo", headers={"Content-Length": "2", "Expect": "100-continue"})
        assert caller.interim() == 100
        caller.send(b"{}")
        assert caller.read(caller.head()).body == b"{}"


def test_readiness(gateway: StubGateway) -> None:
    ready = [True]
    with HypercornDoor(create_app(gateway, is_ready=lambda: ready[0])) as door, door.caller() as caller:
        assert caller.exchange("GET", "/health/ready").json() == {"status": "ready"}
        ready.clear()
        ready.append(False)
        answer = caller.exchange("GET", "/health/ready")
    assert (answer.status, answer.json()) == (503, {"status": "not_ready"})


@pytest.mark.parametrize("path", ["/", "/api/nothing"])
def test_a_large_body_elsewhere(gateway: StubGateway, path: str) -> None:
    with EdgeDoor(gateway) as door, door.caller() as caller:
        caller.request("POST", path, headers={"Content-Length": str(17 * MIB)})
        assert caller.read(caller.head()).status == 413


def test_a_gateway_that_breaks_is_told_of(gateway: StubGateway) -> None:
    with HypercornDoor(create_app(gateway)) as door:
        with door.caller() as caller:
            assert caller.exchange("POST", "/v1/crash", b"{}").json()["error"]["code"] == "internal"
        eventually(lambda: bool(door.errors), "it is told of")
        assert isinstance(door.errors.pop()["exception"], ZeroDivisionError)


ECHO = """
providers:
  echo: {adapter: echo, models: [echo]}
routes:
  chat: {nodes: [echo/echo]}
"""


def test_the_importable_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "router.yaml").write_text(ECHO)
    monkeypatch.setenv("ROUTERD_CONFIG", str(tmp_path / "router.yaml"))
    with HypercornDoor(Application()) as door, door.caller() as caller:
        assert caller.exchange("GET", "/health/ready").status == 200
        asked = {"model": "chat", "messages": [{"role": "user", "content": "Hi!"}]}
        answer = caller.exchange("POST", "/v1/chat/completions", asked)
        assert answer.json()["choices"][0]["finish_reason"] == "stop"
        assert caller.exchange("POST", "/v1/chat/completions", {**asked, "stream": True}).story.finish == "stop"


def test_an_app_that_can_not_be_built_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERD_CONFIG", str(tmp_path / "router.yaml"))
    told = asyncio.run(_start(Application()))
    assert told["type"] == "lifespan.startup.failed"
    assert "router.yaml" in told["message"]


async def _start(app: Application) -> dict[str, str]:
    sent: list[dict[str, str]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message)

    await app({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
    return sent[0]


class Counted:
    """A source that counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


def test_an_outlet_pauses_its_source_once() -> None:
    async def story() -> list[str]:
        outlet, source = QueueOutlet(), Counted()
        outlet.source = source
        outlet.start(200, b"")
        for _ in range(10):
            outlet.write(b"x" * 100_000)
        assert source.calls == ["pause"]
        late = Counted()
        outlet.source = late
        assert late.calls == ["pause"]
        assert len(outlet.take()) == 1_000_000
        outlet.end(b"end")
        assert [piece async for piece in outlet.pieces()] == [b"end"]
        return late.calls

    assert asyncio.run(story()) == ["pause", "resume"]


def test_an_outlet_that_nobody_ends() -> None:
    async def story() -> None:
        outlet = QueueOutlet()
        task = asyncio.ensure_future(asyncio.sleep(0))
        await task
        outlet.start(200, b"", b"some")
        outlet.abandon(task)
        pieces = outlet.pieces()
        assert await anext(pieces) == b"some"
        with pytest.raises(Unfinished):
            await anext(pieces)

    asyncio.run(story())
