"""A provider that thinks for long: callers hear comments, and failover goes on behind them.

No clock runs here: time is what the tests let pass. The proxies in between, for whose sake this is, cut a connection
that has been silent for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import chat, sse
from tests.support.caller import Response
from tests.support.gate import Gate
from tests.support.inside import Inside
from tests.support.raw import RawCaller
from tests.support.reply import Reply, Reset, Stall, Until, event_stream, raw
from tests.support.stage import Act, config, prompt
from tests.support.upstream import Upstream

OPEN_AFTER = 10.0  # seconds
COMMENT = sse.comment("routerd")


def _late_answer(gate: Gate) -> Reply:
    return chat.stream().after(Until(gate))


def _late_death(gate: Gate) -> Reply:
    return raw(Until(gate), Reset())


def _late_refusal(gate: Gate) -> Reply:
    return chat.error(401, "Incorrect API key.").after(Until(gate))


def _silent_in_the_middle(gate: Gate) -> Reply:
    return chat.begun(Until(gate), *chat.events(chat.chunks(["."])[1:]), ended=True)


@dataclass(frozen=True)
class Case:
    """`first` is silent until the gate opens, but for `words`; `comments` is how many the caller hears before."""

    first: Callable[[Gate], Reply]
    text: str
    error: str | None = None
    provider: int = 1
    comments: int = 2
    words: str = ""


CASES = {
    "late-answer": Case(_late_answer, "Hello there.", comments=5),
    "failover": Case(_late_death, "Hello there.", provider=2),
    "no-failover": Case(_late_refusal, "", error="provider_auth"),
    "in-the-middle": Case(_silent_in_the_middle, "Hello there.", words=" there"),
}

Answers = dict[str, Response]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What every case's caller got."""
    with ExitStack() as stack:
        pairs = {name: tuple(stack.enter_context(Upstream(chat.good)) for _ in range(2)) for name in CASES}
        text = config([Act(name, pair) for name, pair in pairs.items()])
        inside = stack.enter_context(Inside(tmp_path_factory.mktemp("silence"), text))
        assert inside.daemon.services.open_after == OPEN_AFTER
        inside.hold_clock()
        yield {name: _ask(inside, name, pairs[name][0]) for name in CASES}


def _ask(inside: Inside, name: str, first: Upstream) -> Response:
    gate, case = Gate(), CASES[name]
    first.script(case.first(gate))
    with inside.caller() as caller:
        caller.request("POST", "/v1/chat/completions", prompt(name, stream=True))
        first.wait_for(1)
        response = _hear(caller, case.words) if case.words else None
        inside.pass_time(0)
        for _ in range(case.comments):
            inside.pass_time(OPEN_AFTER - 1)
            assert caller.has_heard_nothing()
            inside.pass_time(1)
            response = response or caller.head()
            response.body += next(caller.pieces(response))
            assert response.body.endswith(COMMENT)
        gate.open()
        assert response is not None
        return caller.read(response)


def _hear(caller: RawCaller, words: str) -> Response:
    response = caller.head()
    while words.encode() not in response.body:
        response.body += next(caller.pieces(response))
    return response


@pytest.mark.parametrize("name", CASES)
def test_the_caller_hears_comments_and_then_the_answer(answers: Answers, name: str) -> None:
    case, answer = CASES[name], answers[name]
    assert (answer.status, answer.complete) == (200, True)
    story = answer.story
    assert story.text == case.text
    assert (story.error or {}).get("code") == case.error
    assert (story.finish, story.done) == ((None, False) if case.error else ("stop", True))


@pytest.mark.parametrize("name", ["late-answer", "failover", "no-failover"])
def test_what_the_head_could_not_say_is_said_in_a_closing_comment(answers: Answers, name: str) -> None:
    answer = answers[name]
    assert answer.headers["x-routerd-route"] == name
    assert answer.headers["x-routerd-request-id"]
    assert "x-routerd-provider" not in answer.headers
    closing = answer.story.comments[-1]
    assert f"x-routerd-provider: {name}-{CASES[name].provider}" in closing
    assert f"x-routerd-attempts: {CASES[name].provider}" in closing


def test_a_stream_that_was_not_opened_early_says_it_all_in_its_head(answers: Answers) -> None:
    answer = answers["in-the-middle"]
    assert answer.headers["x-routerd-provider"] == "in-the-middle-1"
    assert set(answer.story.comments) == {"routerd"}


def test_a_quick_stream_hears_no_comment(tmp_path: Path) -> None:
    with Upstream(chat.good) as upstream, Inside(tmp_path, config([Act("quick", (upstream,))])) as inside:
        inside.hold_clock()
        with inside.caller() as caller:
            answer = caller.exchange("POST", "/v1/chat/completions", prompt("quick", stream=True))
    assert answer.story.comments == ()


def test_a_slow_stream_that_lives_is_not_cut(tmp_path: Path) -> None:
    events = [*chat.events(chat.chunks())[:-1], *[sse.comment("...")] * 4, sse.encode(sse.DONE)]
    gates = [Gate() for _ in events]
    held = [step for event, gate in zip(events, gates, strict=True) for step in (Until(gate), event)]
    with Upstream(lambda _: event_stream(*held)) as upstream:
        text = config([Act("slow", (upstream,))], timeouts="{first_token: 20s, idle: 20s, total: 60s}")
        with Inside(tmp_path, text) as inside, inside.caller() as caller:
            inside.hold_clock()
            caller.request("POST", "/v1/chat/completions", prompt("slow", stream=True))
            for gate in gates[:2]:  # the role alone commits nothing: it leaves together with the first word
                gate.open()
            response = _hear(caller, "Hello")
            for gate in gates[2:]:
                inside.pass_time(9)
                inside.pass_time(9)
                gate.open()
                response.body += next(caller.pieces(response))
            story = caller.read(response).story
    assert (story.text, story.finish, story.error, story.done) == ("Hello there.", "stop", None, True)
    assert story.comments.count("...") == 4


def test_a_stream_that_falls_silent_is_cut(tmp_path: Path) -> None:
    with Upstream(lambda _: chat.begun(Stall())) as upstream:
        text = config([Act("silent", (upstream,))], timeouts="{first_token: 20s, idle: 20s, total: 60s}")
        with Inside(tmp_path, text) as inside, inside.caller() as caller:
            inside.hold_clock()
            caller.request("POST", "/v1/chat/completions", prompt("silent", stream=True))
            response = _hear(caller, " there")
            for seconds in (0, 8, 8, 5):
                inside.pass_time(seconds)
            story = caller.read(response).story
    assert (story.text, (story.error or {})["code"]) == ("Hello there", "timeout")
