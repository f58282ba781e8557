"""Every fault before the first content, on real sockets through the whole daemon: alone, and with a second target."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from tests.proxy.faults import CASES, FAULTS, Missing, route, upstreams
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.stage import Stage, config, prompt

PROMPT = "A prompt that no log may hold."
Answers = dict[tuple[str, str, str], Response]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with upstreams() as acts, Daemon(tmp_path_factory.mktemp("faults"), config(acts)) as daemon:
        yield Stage(daemon, {act.name: act for act in acts})


@pytest.fixture(scope="module")
def answers(stage: Stage) -> Answers:
    """What every case's caller got. They are asked all at once, for some have to wait out a timeout."""

    def ask(key: tuple[str, str, str]) -> Response:
        name, mode, company = key
        return stage.daemon.post(prompt(route(name, mode, company), stream=mode == "stream", text=PROMPT))

    keys = [(name, mode, company) for (name, mode), company in product(CASES, ("alone", "pair"))]
    with ThreadPoolExecutor(24) as pool:
        return dict(zip(keys, pool.map(ask, keys), strict=True))


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_alone_it_is_the_right_error(answers: Answers, stage: Stage, name: str, mode: str) -> None:
    fault, answer = FAULTS[name], answers[name, mode, "alone"]
    error = answer.error
    assert (answer.status, error["type"], error["code"]) == fault.alone, error
    assert fault.says in error["message"]
    assert answer.complete
    assert answer.headers["x-routerd-route"] == route(name, mode, "alone")
    if not isinstance(fault.does, Missing):
        assert len(stage.upstream(route(name, mode, "alone")).requests) == 1, "max_attempts counts requests sent"
        assert answer.headers["x-routerd-attempts"] == "1"
    assert "sk-test" not in answer.body.decode()


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_with_a_second_target_the_right_one_answers(answers: Answers, stage: Stage, name: str, mode: str) -> None:
    fault, answer = FAULTS[name], answers[name, mode, "pair"]
    second = stage.upstream(route(name, mode, "pair"), 2)
    if not fault.fails_over:
        assert (answer.status, answer.error["type"], answer.error["code"]) == fault.alone
        assert second.requests == []
        return
    assert (answer.status, answer.complete) == (200, True), answer.body
    assert _text(answer, mode) == "Hello there."
    assert answer.headers["x-routerd-provider"] == f"{route(name, mode, 'pair')}-2"
    assert answer.headers["x-routerd-attempts"] == "2"
    assert len(second.requests) == 1


def _text(answer: Response, mode: str) -> str:
    if mode == "whole":
        return str(answer.json()["choices"][0]["message"]["content"])
    story = answer.story
    assert (story.finish, story.error, story.done) == ("stop", None, True)
    return story.text


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.retry_after])
def test_retry_after_is_passed_on(answers: Answers, name: str) -> None:
    for mode in ("whole", "stream"):
        told = int(answers[name, mode, "alone"].headers["retry-after"])
        assert 0 < told <= (FAULTS[name].retry_after or 0)


def test_every_attempt_has_a_log_line_and_none_holds_a_prompt_or_a_key(answers: Answers, stage: Stage) -> None:
    for (name, mode, company), answer in answers.items():
        request_id = answer.headers["x-routerd-request-id"]
        stage.daemon.wait_log(lambda line, id=request_id: line.get("request_id") == id, f"{name} {mode} {company}")  # type: ignore[misc]
        lines = [line for line in stage.daemon.log if line.get("request_id") == request_id]
        assert len(lines) == int(answer.headers["x-routerd-attempts"]), lines
        assert all(line["event"] == "attempt" for line in lines)
    dump = stage.daemon.dump()
    assert PROMPT not in dump
    assert "sk-test" not in dump
