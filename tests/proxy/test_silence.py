"""A provider that thinks for long: callers hear comments, and failover goes on behind them.

At a tenth of the real speed: a stream is opened after 1 s instead of 10, and the proxy in between, played by the
caller's own timeout, cuts a connection that has been silent for 6 s instead of 60.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import chat, sse
from tests.support.caller import Response
from tests.support.gate import Gate
from tests.support.inside import Inside
from tests.support.reply import Reply, Reset, Until, raw
from tests.support.stage import PATIENT, Act, config, prompt
from tests.support.upstream import Upstream

OPEN_AFTER = 1.0
PROXY_CUTS = 6.0
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
    """`first` is silent until the gate opens; `comments` is how many the caller waits for before it opens."""

    first: Callable[[Gate], Reply]
    text: str
    error: str | None = None
    provider: int = 1
    comments: int = 2


CASES = {
    "late-answer": Case(_late_answer, "Hello there.", comments=3),
    "failover": Case(_late_death, "Hello there.", provider=2),
    "no-failover": Case(_late_refusal, "", error="provider_auth"),
    "in-the-middle": Case(_silent_in_the_middle, "Hello there."),
}

Answers = dict[str, Response]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What every case's caller got; all wait at once."""
    with ExitStack() as stack:
        pairs = {name: tuple(stack.enter_context(Upstream(chat.good)) for _ in range(2)) for name in CASES}
        text = config([Act(name, pair) for name, pair in pairs.items()], timeouts=PATIENT)
        inside = stack.enter_context(Inside(tmp_path_factory.mktemp("silence"), text))
        inside.daemon.services.open_after = OPEN_AFTER
        with ThreadPoolExecutor(len(CASES)) as pool:
            asked = pool.map(lambda name: _ask(inside, name, pairs[name][0]), CASES)
            yield dict(zip(CASES, asked, strict=True))


def _ask(inside: Inside, name: str, first: Upstream) -> Response:
    gate, case = Gate(), CASES[name]
    first.script(case.first(gate))
    with inside.caller(timeout=PROXY_CUTS) as caller:
        caller.request("POST", "/v1/chat/completions", prompt(name, stream=True))
        response = caller.head()
        while response.body.count(COMMENT) < case.comments:
            response.body += next(caller.pieces(response))
        gate.open()
        return caller.read(response)


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
        inside.daemon.services.open_after = OPEN_AFTER
        with inside.caller() as caller:
            answer = caller.exchange("POST", "/v1/chat/completions", prompt("quick", stream=True))
    assert answer.story.comments == ()
