"""The `openai` package for Node through routerd, with its own tool runner."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import FOLDER
from tests.support import chat
from tests.support.chat import ToolCall
from tests.support.gate import PATIENCE, SOON
from tests.support.reply import Reply, Reset, Stall
from tests.support.stage import PATIENT, Stage, staged

ROUTES = dict.fromkeys(
    ["whole", "stream", "tools", "models", "failover", "limited", "late-error", "late-cut", "no-finish", "retried",
     "aborted"],
    2,
)  # fmt: skip

Scenario = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("node"), ROUTES, timeouts=PATIENT) as stage:
        yield stage


@pytest.fixture
def run(stage: Stage, node: Path) -> Scenario:
    """Run one scenario against a route; returns what it printed."""

    def run(name: str, route: str) -> Any:
        command = [str(node), str(FOLDER / "scenarios.mjs"), name, f"{stage.daemon.url}/v1", route]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_whole_reply(run: Scenario) -> None:
    assert run("whole", "whole") == {"content": "Hello there.", "usage": chat.USAGE, "provider": "whole-1"}


def test_a_stream_with_usage(run: Scenario) -> None:
    assert run("stream", "stream") == {"heard": ["", "Hello ", "there.", None, None], "usage": chat.USAGE}


def test_the_tool_runner_finishes_a_task(run: Scenario, stage: Stage, weather_calls: list[ToolCall]) -> None:
    upstream = stage.upstream("tools")
    upstream.script(chat.stream([], calls=weather_calls), chat.stream(["Sun", " everywhere."]))
    result = run("tools", "tools")
    assert result["content"] == "Sun everywhere."
    assert [json.loads(call["given"])["city"] for call in result["called"]] == ["Paris", "São Paulo"]
    assert result["said"] == ["user", "assistant", "tool", "tool", "assistant"]
    results = [turn["content"] for turn in upstream.requests[1].json()["messages"] if turn["role"] == "tool"]
    assert results == ["sunny in Paris", "sunny in São Paulo"]


def test_the_models(run: Scenario) -> None:
    result = run("models", "models")
    assert result["ids"][: len(ROUTES)] == list(ROUTES)
    assert result["one"] == "models"


def test_the_second_provider_answers_when_the_first_dies(run: Scenario, stage: Stage) -> None:
    stage.upstream("failover").script(chat.begun(Reset(), pieces=[]))
    assert run("failing", "failover") == {"heard": "Hello there."}


def test_all_limited(run: Scenario, stage: Stage) -> None:
    limited = chat.error(429, "Slow down.", headers=[("Retry-After", "33")])
    for number in (1, 2):
        stage.upstream("limited", number).answer = lambda _: limited
    result = run("failing", "limited")
    assert result["error"] == "RateLimitError"
    assert (result["status"], result["code"]) == (429, "upstream_rate_limited")
    assert 0 < int(result["retryAfter"]) <= 33


@pytest.mark.parametrize(
    ("route", "reply"),
    [
        ("late-error", chat.begun(chat.error_event("The GPU is on fire."), ended=True)),
        ("late-cut", chat.begun(Reset())),
        ("no-finish", chat.begun(ended=True)),  # taken for success by this package unless an error event says otherwise
    ],
)
def test_an_error_after_the_first_words(run: Scenario, stage: Stage, route: str, reply: Reply) -> None:
    stage.upstream(route).script(reply)
    result = run("failing", route)
    assert result["heard"] == "Hello there"
    assert result["error"] == "APIError"
    assert result["message"]
    assert stage.upstream(route, 2).requests == []


def test_the_package_repeats_what_may_pass(run: Scenario, stage: Stage) -> None:
    for number, failures in ((1, 2), (2, 1)):
        stage.upstream("retried", number).script(*[chat.error(503, "Overloaded.")] * failures)
    assert run("retried", "retried") == {"heard": ["Hello ", "there."]}


def test_a_stream_that_the_caller_aborts_is_closed_upstream(run: Scenario, stage: Stage) -> None:
    stage.upstream("aborted").script(chat.begun(Stall()))
    assert run("aborted", "aborted") == {"aborted": True}
    ended = time.monotonic()
    assert stage.upstream("aborted").wait_for(1).gone.wait() - ended < SOON
