"""How much of a reply is under way: slow readers hold their upstream back, full providers pass requests on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.gate import Gate, eventually
from tests.support.reply import Endless, Until, chunk, event_stream
from tests.support.stage import Act, config, prompt
from tests.support.upstream import Upstream
from tests.support.wire import Request

MEGABYTE = 1_000_000
EVENT = chat.events([chat.delta(content="x" * 10_000)], done=False)[0]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(chat.good) as upstream:
        yield upstream


def _memory(daemon: Daemon) -> int:
    """Resident bytes of the daemon's process (Linux)."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _held_at(request: Request) -> int:
    """Wait until the upstream has been held back for ten looks; returns how many bytes it got rid of before."""
    looks: list[int] = []

    def holds() -> bool:
        looks.append(request.sent if request.is_held else -len(looks))
        return len(set(looks[-10:])) == 1 and len(looks) >= 10

    eventually(holds, "the upstream is held back")
    return looks[-1]


def test_a_caller_that_does_not_read_an_endless_stream_holds_it_back(tmp_path: Path, upstream: Upstream) -> None:
    upstream.script(event_stream(EVENT, Endless(chunk(EVENT))))
    with Daemon(tmp_path, config([Act("endless", (upstream,))])) as daemon:
        with daemon.caller() as caller:
            caller.request("POST", "/v1/chat/completions", prompt("endless", stream=True))
            response = caller.head()
            before = _memory(daemon)
            request = upstream.wait_for(1)
            held_at = _held_at(request)
            assert held_at < 32 * MEGABYTE, "what the sockets of three parties hold, and no more"
            assert _memory(daemon) - before < 8 * MEGABYTE
            read = 0
            for piece in caller.pieces(response):
                read += len(piece)
                if read > 40 * MEGABYTE:
                    break
            assert request.sent > held_at, "reading lets it flow again"
            assert _memory(daemon) - before < 8 * MEGABYTE
        assert request.gone.wait() > 0


def test_a_full_provider_passes_the_request_on(tmp_path: Path, upstream: Upstream) -> None:
    gate, answers = Gate(), list[Response]()
    upstream.answer = lambda request: chat.good(request).after(Until(gate))
    with Upstream(chat.good) as second:
        act = Act("full", (upstream, second), provider_options="max_in_flight: 1")
        with Daemon(tmp_path, config([act])) as daemon:
            waiting = Thread(target=lambda: answers.append(daemon.post(prompt("full"))))
            waiting.start()
            upstream.wait_for(1)
            passed_on = daemon.post(prompt("full"))
            gate.open()
            waiting.join()
            after = daemon.post(prompt("full"))
    providers = [answer.headers["x-routerd-provider"] for answer in (passed_on, *answers, after)]
    assert providers == ["full-2", "full-1", "full-1"]
    assert passed_on.headers["x-routerd-attempts"] == "1"


def test_a_large_reply_arrives_whole(tmp_path: Path, upstream: Upstream) -> None:
    text = "Größe " * (MEGABYTE // 2)
    upstream.answer = lambda request: chat.says(text, request=request)
    with Daemon(tmp_path, config([Act("large", (upstream,))])) as daemon:
        assert daemon.post(prompt("large")).json()["choices"][0]["message"]["content"] == text
