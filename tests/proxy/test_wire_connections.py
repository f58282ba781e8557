"""Connections to upstreams: kept, dropped, found dead, and closed as soon as the caller has gone."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from routerd.proxy import attempt
from tests.support import chat
from tests.support.caller import Caller, Response
from tests.support.certificates import Certificates
from tests.support.daemon import Daemon
from tests.support.gate import PATIENCE, SOON, Gate, eventually, together
from tests.support.inside import Inside
from tests.support.reply import Close, Reached, Reply, Reset, Send, Stall, Until, event_stream, head, raw, whole
from tests.support.stage import Act, Stage, config, prompt, staged
from tests.support.upstream import Upstream

ROUTES = [
    "kept", "kept-stream", "dropped", "half-dead", "fresh-and-dead", "told-to-close", "http-1.0", "trailing",
    "trailing-late", "error-kept", "parallel", "gone-whole", "gone-before-head", "gone-before-content",
    "gone-mid-stream", "gone-reset", "gone-retry", "gone-in-between", "gone-after-done",
]  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("connections"), dict.fromkeys(ROUTES, 1), slow=()) as stage:
        yield stage


def _numbers(stage: Stage, route: str) -> list[int]:
    """The connection that each request came over."""
    return [request.connection for request in stage.upstream(route).requests]


@pytest.mark.parametrize(("route", "stream"), [("kept", False), ("kept-stream", True)])
def test_a_connection_serves_one_request_after_the_other(stage: Stage, route: str, stream: bool) -> None:
    stage.upstream(route).answer = chat.good_at_once
    for _ in range(4):
        assert stage.ask(route, stream=stream).status == 200
    assert _numbers(stage, route) == [1, 1, 1, 1]


def test_also_after_an_error_that_was_read_to_its_end(stage: Stage) -> None:
    stage.upstream("error-kept").script(chat.error(400, "No."), chat.error(404, "No."))
    assert [stage.ask("error-kept").status for _ in range(3)] == [400, 404, 200]
    assert _numbers(stage, "error-kept") == [1, 1, 1]


def test_requests_at_once_take_a_connection_each(stage: Stage) -> None:
    upstream, gate = stage.upstream("parallel"), Gate()
    upstream.answer = lambda request: chat.good(request).after(Until(gate))

    def release() -> int:
        upstream.wait_for(8)
        gate.open()
        return 200

    asks = [lambda: stage.ask("parallel").status for _ in range(8)]
    assert together([*asks, release]) == [200] * 9
    assert sorted(_numbers(stage, "parallel")) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert stage.ask("parallel").status == 200
    assert _numbers(stage, "parallel")[-1] <= 8


def test_a_connection_dropped_while_idle_costs_nobody_anything(stage: Stage) -> None:
    upstream = stage.upstream("dropped")
    assert stage.ask("dropped").status == 200
    upstream.drop_connections()
    upstream.requests[0].gone.wait()
    answer = stage.ask("dropped")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "1")
    assert _numbers(stage, "dropped") == [1, 2]


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Upstream, Callable[[], Response]]]:
    """An upstream and a call that comes to it; however late its deaths are heard of, they count as early."""
    monkeypatch.setattr(attempt, "STALE_WITHIN", PATIENCE)
    with Upstream(chat.good) as upstream, Inside(tmp_path, config([Act("mortal", (upstream,))])) as inside:

        def ask() -> Response:
            with inside.caller() as caller:
                return caller.exchange("POST", "/v1/chat/completions", prompt("mortal"))

        yield upstream, ask


@pytest.mark.parametrize("death", [raw(Close()), raw(Reset())], ids=["closed", "reset"])
def test_a_kept_connection_that_dies_without_a_byte_is_replaced(
    mortal: tuple[Upstream, Callable[[], Response]], death: Reply
) -> None:
    upstream, ask = mortal
    assert ask().status == 200
    upstream.script(death)
    answer = ask()
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "1")
    assert [request.connection for request in upstream.requests] == [1, 1, 2]
    assert upstream.requests[2].body == upstream.requests[1].body


def test_several_stale_connections_do_not_make_an_endless_chain(
    mortal: tuple[Upstream, Callable[[], Response]],
) -> None:
    upstream, ask = mortal
    assert ask().status == 200
    upstream.answer = lambda _: raw(Close())
    answer = ask()
    assert (answer.status, answer.error["code"]) == (502, "bad_reply")
    assert len(upstream.requests) <= 1 + 1 + 3  # the first, the stale one, and max_attempts over fresh connections


def test_a_kept_connection_that_dies_after_a_byte_is_a_failure(stage: Stage) -> None:
    upstream = stage.upstream("half-dead")
    assert stage.ask("half-dead").status == 200
    upstream.script(raw(b"HTTP/1.1 200 OK\r\nContent-Ty", Close()))
    answer = stage.ask("half-dead")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "2")


def test_a_fresh_connection_that_dies_is_a_failure(stage: Stage) -> None:
    stage.upstream("fresh-and-dead").script(raw(Close()))
    answer = stage.ask("fresh-and-dead")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "2")


def test_connection_close_is_obeyed(stage: Stage) -> None:
    closing = whole(chat.completion(), headers=[("Connection", "close")])
    stage.upstream("told-to-close").script(closing, closing)
    assert [stage.ask("told-to-close").status for _ in range(3)] == [200, 200, 200]
    assert _numbers(stage, "told-to-close") == [1, 2, 3]


def test_http_1_0_is_not_kept(stage: Stage) -> None:
    first = raw(head(200, ("Content-Type", "application/json")).replace(b"1.1", b"1.0"), b'{"choices": []}', Close())
    stage.upstream("http-1.0").script(first)
    assert [stage.ask("http-1.0").status for _ in range(2)] == [200, 200]
    assert _numbers(stage, "http-1.0") == [1, 2]


def test_bytes_behind_a_reply_never_reach_the_next_caller(stage: Stage) -> None:
    stage.upstream("trailing").script(raw(_bytes_of("mine") + _bytes_of("smuggled")))
    for _ in range(2):  # whether the first is taken or asked for again is not said anywhere
        assert stage.ask("trailing").json()["choices"][0]["message"]["content"] in {"mine", "Hello there."}


def test_bytes_that_come_while_nobody_asks_reach_nobody(stage: Stage) -> None:
    upstream, gate = stage.upstream("trailing-late"), Gate()
    upstream.script(raw(_bytes_of("mine"), Until(gate), _bytes_of("smuggled")))
    assert stage.ask("trailing-late").json()["choices"][0]["message"]["content"] == "mine"
    gate.open()
    upstream.requests[0].gone.wait()
    assert stage.ask("trailing-late").json()["choices"][0]["message"]["content"] == "Hello there."
    assert _numbers(stage, "trailing-late") == [1, 2]


def _bytes_of(text: str) -> bytes:
    """A whole reply as it is on the wire: for one write, so that it comes in one read."""
    [step] = whole(chat.completion(text)).steps
    assert isinstance(step, Send)
    return step.data


@contextmanager
def _asking(stage: Stage, route: str, *, stream: bool) -> Iterator[Caller]:
    with stage.daemon.caller() as caller:
        caller.request("POST", "/v1/chat/completions", prompt(route, stream=stream))
        yield caller


def _seconds_until_gone(stage: Stage, route: str, since: float) -> float:
    return stage.upstream(route).requests[-1].gone.wait() - since


@pytest.mark.parametrize(
    ("route", "stream", "does"),
    [
        ("gone-whole", False, raw(Stall())),
        ("gone-before-head", True, raw(Stall())),
        ("gone-before-content", True, chat.begun(Stall(), pieces=[])),
        ("gone-mid-stream", True, chat.begun(Stall())),
    ],
)
def test_a_caller_that_leaves_frees_the_upstream_at_once(stage: Stage, route: str, stream: bool, does: Reply) -> None:
    stage.upstream(route).script(does)
    with _asking(stage, route, stream=stream) as caller:
        stage.upstream(route).wait_for(1)
        if route == "gone-mid-stream":
            assert b"Hello" in next(caller.pieces(caller.head()))
        caller.close()
        assert _seconds_until_gone(stage, route, time.monotonic()) < SOON
    line = stage.daemon.wait_log(lambda line: line.get("route") == route, "the attempt is logged")
    assert line["error"] == "cancelled"
    assert stage.ask(route).status == 200, "nobody's health has changed"


def test_a_caller_that_leaves_after_the_last_word_has_not_cut_anything_short(stage: Stage) -> None:
    """Some close their connection at `[DONE]`, and do not wait for the last chunk."""
    route, gate = "gone-after-done", Gate()
    stage.upstream(route).script(event_stream(*chat.events(chat.chunks(usage=chat.USAGE)), Until(gate), ended=False))
    with _asking(stage, route, stream=True) as caller:
        assert any(b"[DONE]" in piece for piece in caller.pieces(caller.head()))
        caller.close()
        assert _seconds_until_gone(stage, route, time.monotonic()) < SOON
    line = stage.daemon.wait_log(lambda line: line.get("route") == route, "the attempt is logged")
    assert (line["error"], line["status"]) == (None, 200)
    assert line["completion_tokens"] is not None
    gate.open()


def test_a_caller_that_resets_frees_the_upstream_as_well(stage: Stage) -> None:
    stage.upstream("gone-reset").script(chat.begun(Stall()))
    with _asking(stage, "gone-reset", stream=True) as caller:
        assert b"Hello" in next(caller.pieces(caller.head()))
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        assert _seconds_until_gone(stage, "gone-reset", time.monotonic()) < SOON


def test_a_caller_that_has_gone_gets_no_second_attempt(stage: Stage) -> None:
    reached, upstream = Gate(), stage.upstream("gone-retry")
    upstream.script(event_stream(Reached(reached), Stall(), ended=False))
    with _asking(stage, "gone-retry", stream=True) as caller:
        reached.wait()
        caller.close()
        assert _seconds_until_gone(stage, "gone-retry", time.monotonic()) < SOON
    assert stage.ask("gone-retry").status == 200
    assert len(upstream.requests) == 2


def test_a_caller_that_leaves_between_two_attempts_is_in_the_ledger(stage: Stage) -> None:
    route = "gone-in-between"
    stage.upstream(route).script(chat.error(429, headers=[("retry-after", "1")]))
    with _asking(stage, route, stream=False) as caller:
        stage.daemon.wait_log(lambda line: line.get("route") == route, "the first attempt has failed")
        caller.close()
        path = f"/api/requests?route={route}"
        eventually(lambda: stage.daemon.get(path).json() != [], "it has ended", interval=0.05)
    [row] = stage.daemon.get(path).json()
    assert (row["error"], row["status"], row["attempt_count"]) == ("cancelled", 499, 1)
    assert len(stage.upstream(route).requests) == 1


def test_tls_is_spoken_and_verified(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> None:
    with Upstream(chat.good, tls=certificates.server()) as upstream:
        text = config([Act("secure", (upstream,), "max_attempts: 1")])
        trusting = {"SSL_CERT_FILE": str(certificates.authority)}
        with Daemon(tmp_path_factory.mktemp("trusting"), text, environment=trusting) as daemon:
            assert daemon.post(prompt("secure")).status == 200
            assert daemon.post(prompt("secure", stream=True)).story.text == "Hello there."
            assert upstream.connections == 1
        with Daemon(tmp_path_factory.mktemp("distrusting"), text) as daemon:
            answer = daemon.post(prompt("secure"))
            assert (answer.status, answer.error["code"]) == (502, "unreachable")
            assert "certificate" in answer.error["message"]
    assert len(upstream.requests) == 2


def test_a_certificate_for_another_name_is_refused(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> None:
    with Upstream(chat.good, host="127.0.0.2", tls=certificates.server()) as upstream:
        text = config([Act("secure", (upstream,), "max_attempts: 1")])
        trusting = {"SSL_CERT_FILE": str(certificates.authority)}
        with Daemon(tmp_path_factory.mktemp("names"), text, environment=trusting) as daemon:
            answer = daemon.post(prompt("secure"))
            assert (answer.status, answer.error["code"]) == (502, "unreachable")
            assert "IP address mismatch" in answer.error["message"]
    assert upstream.requests == []
