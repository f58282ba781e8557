"""Odd words of a provider or a caller cost one request at most: nothing is held, leaked or remembered for ever."""

from __future__ import annotations

import gc
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from routerd.errors import RouterError
from routerd.proxy.journey import Journey
from tests.support import chat
from tests.support.daemon import Daemon
from tests.support.gate import Gate, eventually
from tests.support.inside import Inside
from tests.support.reply import Stall, raw, whole
from tests.support.stage import Act, config, defaults, prompt
from tests.support.upstream import Upstream

DEEP = 200_000  # beyond what any Python reads: 3.11 gives up at its recursion limit, later ones at that of C
DAY = "Thu, 01 Jan 2026 00:00:00"
ODD = {
    "a message that is a text": (whole({"choices": [{"message": "hi"}]}), True),
    "a choice that is a text": (whole({"choices": ["hi"]}), True),
    "a code that only looks like a number": (whole({"error": {"message": "no", "code": "²"}}), False),
    "a code of five thousand digits": (whole({"error": {"message": "no", "code": "9" * 5000}}), False),
    "a reply nested deeper than anyone reads": (whole(b'{"choices": ' + b"[" * DEEP + b"]" * DEEP + b"}"), False),
    "a date beyond all calendars": (
        chat.error(429, headers=[("Date", f"{DAY} GMT"), ("Retry-After", f"{DAY} +99999999999999999999")]),
        False,
    ),
    "a wait of ages": (chat.error(429, headers=[("Retry-After", "1e306")]), False),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_reply_leaves_no_place_taken(tmp_path: Path, name: str) -> None:
    reply, stream = ODD[name]
    with Upstream(chat.good) as upstream:
        account = f"{{base_url: {upstream.base_url}, models: [m], max_in_flight: 1}}"
        route = "{nodes: [odd/m], max_attempts: 1}"
        text = f"{defaults()}providers:\n  odd: {account}\nroutes:\n  odd-route: {route}\n"
        upstream.script(reply)
        with Daemon(tmp_path, text) as daemon:
            first = daemon.post(prompt("odd-route", stream=stream))
            second = daemon.post(prompt("odd-route"))
    assert first.status in (429, 502, 503), first.body
    assert second.status == 200, second.body


GENERATE = "/v1beta/models/demo-route:generateContent"
ECHO = "providers:\n  demo: {adapter: echo, models: [echo], max_in_flight: 1}\nroutes:\n  demo-route: [demo/echo]\n"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model": "demo-route", "messages": ' + b"[" * DEEP + b"]" * DEEP + b"}", None),
        (b'{"model": "' + b"x" * 300 + b'", "messages": []}', "model"),
        (b'{"model": "demo-route", "messages": [{"role": "user", "content": "\xff"}]}', None),
    ],
)
def test_an_odd_request_is_the_callers_fault_alone(tmp_path: Path, body: bytes, param: str | None) -> None:
    with Daemon(tmp_path, ECHO) as daemon:
        with daemon.caller() as caller:
            answer = caller.exchange("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        assert (answer.status, answer.error["param"]) == (400, param), answer.body
        assert daemon.post(prompt("demo-route")).status == 200


def test_a_schema_nested_deeper_than_we_go_is_the_callers_fault(tmp_path: Path) -> None:
    schema = b'{"type": "ARRAY", "items": ' * 1500 + b"{}" + b"}" * 1500  # from Python 3.12 on this JSON can be read
    body = b'{"contents": "hi", "generationConfig": {"responseSchema": %b}}' % schema
    with Daemon(tmp_path, ECHO) as daemon, daemon.caller() as caller:
        answer = caller.exchange("POST", GENERATE, body, {"Content-Type": "application/json"})
    error = {"code": 400, "message": "The body is nested too deeply.", "status": "INVALID_ARGUMENT"}
    assert (answer.status, answer.json()) == (400, {"error": error})


class Mistaken:
    """Something under way that can't be looked at."""

    def tick(self, now: float) -> None:
        raise ZeroDivisionError("a mistake of our own")

    def stop(self) -> None:
        """Nobody waits for it."""


def test_a_mistake_in_a_tick_ends_nobody_elses_timeouts(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with Upstream(lambda _: raw(Stall())) as upstream:
        timeouts = "{first_token: 10s, idle: 10s, total: 10s}"
        text = config([Act("slow", (upstream,), "max_attempts: 1")], timeouts=timeouts)
        with Inside(tmp_path, text) as inside, inside.caller() as caller:
            inside.hold_clock()
            caller.request("POST", "/v1/chat/completions", prompt("slow"))
            upstream.wait_for(1)
            mistaken = [Mistaken() for _ in range(5)]
            inside.daemon.services.under_way.update(mistaken)
            inside.pass_time(11)
            answer = caller.read(caller.head())
            inside.daemon.services.under_way.difference_update(mistaken)
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    lines = [json.loads(line) for line in capfdbinary.readouterr().err.splitlines()]
    told = [line for line in lines if line["event"] == "internal"]
    assert len(told) >= len(mistaken)
    assert {(line["message"], line["exception"]) for line in told} == {
        ("a tick failed", "ZeroDivisionError('a mistake of our own')")
    }


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_nothing_of_a_request_stays_behind_its_failure(tmp_path: Path, path: str) -> None:
    """A prompt may have megabytes, and the collector of cycles may come late."""
    body = {**prompt("refused"), "max_tokens": 10}
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(lambda _: chat.error(400, "no")))
        inside = stack.enter_context(Inside(tmp_path, config([Act("refused", (upstream,))])))
        caller = stack.enter_context(inside.caller())
        assert caller.exchange("POST", path, body).status == 400
        gc.collect()
        gc.disable()
        try:
            assert caller.exchange("POST", path, body).status == 400
            eventually(lambda: not any(isinstance(one, Journey) for one in gc.get_objects()), "it is forgotten")
        finally:
            gc.enable()


def test_a_mistake_in_a_sweep_ends_no_timeouts(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    failed = Gate()

    def wrong() -> float:
        failed.open()
        raise ZeroDivisionError("a mistake of our own")

    with Upstream(lambda _: raw(Stall())) as upstream:
        text = config([Act("slow", (upstream,), "max_attempts: 1", "timeouts: {total: 1s}")])
        with Inside(tmp_path, text) as inside, inside.caller() as caller:
            right, inside.daemon.services.now = inside.daemon.services.now, wrong
            failed.wait()
            inside.daemon.services.now = right
            caller.request("POST", "/v1/chat/completions", prompt("slow"))
            answer = caller.read(caller.head())
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    lines = [json.loads(line) for line in capfdbinary.readouterr().err.splitlines()]
    assert "a sweep failed" in [line["message"] for line in lines if line["event"] == "internal"]


def test_secrets_are_taken_out_of_every_field() -> None:
    error = RouterError("upstream_rejected", "m sk-1", type="t sk-1", code="c sk-1", param="p sk-1")
    error.clean(lambda text: text.replace("sk-1", "[redacted]"))
    assert (error.message, error.type, error.code, error.param) == tuple(f"{word} [redacted]" for word in "mtcp")
