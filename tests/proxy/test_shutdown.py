"""What callers hear whose answers have not ended when the drain does: a second signal ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.gate import Gate
from tests.support.reply import Reached, Reply, Stall, raw
from tests.support.stage import Act, config, prompt
from tests.support.upstream import Upstream

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
MESSAGE = {**prompt("slow"), "max_tokens": 100}


@dataclass(frozen=True)
class Case:
    """What is asked, how far the provider comes with it, and what the caller must find in the end of its answer."""

    path: str
    body: dict[str, Any]
    reply: Callable[[Gate], Reply]
    is_begun: bool
    says: bytes


def in_the_middle(far: Gate) -> Reply:
    return chat.begun(Reached(far), Stall())


def silent(far: Gate) -> Reply:
    return raw(Reached(far), Stall())


CASES = {
    "a relayed stream": Case(CHAT, prompt("slow", stream=True), in_the_middle, True, b'"code":"shutting_down"'),
    "a translated stream": Case(MESSAGES, {**MESSAGE, "stream": True}, in_the_middle, True, b'"type":"api_error"'),
    "a stream without content": Case(CHAT, prompt("slow", stream=True), silent, False, b'"code":"shutting_down"'),
    "a whole answer": Case(CHAT, prompt("slow"), silent, False, b'"code":"shutting_down"'),
    "a whole translated answer": Case(MESSAGES, MESSAGE, silent, False, b'"type":"api_error"'),
}


@pytest.mark.parametrize("name", CASES)
def test_callers_hear_that_we_shut_down(tmp_path: Path, name: str) -> None:
    case, far = CASES[name], Gate()
    with Upstream(lambda _: case.reply(far)) as upstream:
        with Daemon(tmp_path, config([Act("slow", (upstream,))])) as daemon, daemon.caller() as caller:
            caller.request("POST", case.path, case.body)
            far.wait()
            answer = caller.head() if case.is_begun else None
            shut_down(daemon)
            answer = caller.read(answer or caller.head())
            assert caller.is_closed()
        upstream.wait_for(1)
    check(answer, case)
    attempt = daemon.find(lambda line: line.get("event") == "attempt")
    assert attempt is not None
    assert (attempt["error"], attempt["level"]) == ("shutting_down", "warning")
    assert daemon.find(lambda line: line.get("event") == "cut_short" and line["requests"] == 1)


def shut_down(daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_log(lambda line: line.get("event") == "draining", "the drain begins")
    daemon.process.send_signal(signal.SIGTERM)


def check(answer: Response, case: Case) -> None:
    assert answer.status == (200 if case.is_begun else 503)
    assert answer.complete
    assert case.says in answer.body.replace(b": ", b":")
    assert b"routerd is shutting down: send the request again." in answer.body
    assert b"[DONE]" not in answer.body
    assert b"message_stop" not in answer.body


def test_nothing_is_said_of_a_drain_in_which_all_finish(tmp_path: Path) -> None:
    with Upstream(chat.good) as upstream, Daemon(tmp_path, config([Act("quick", (upstream,))])) as daemon:
        assert daemon.post(prompt("quick")).status == 200
    assert daemon.find(lambda line: line.get("event") == "cut_short") is None
