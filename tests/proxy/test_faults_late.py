"""What breaks after the first content: the caller gets an error event and a proper end, and nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import chat, sse
from tests.support.caller import Response
from tests.support.gate import Gate
from tests.support.reply import Close, Reply, Reset, Send, Stall, Step, Until, chunk, event_stream
from tests.support.stage import Stage, prompt, staged


@dataclass(frozen=True)
class LateFault:
    """`steps`: after the words, bytes being chunks. `code`: the error event's; `says`: what its message must hold."""

    steps: tuple[Step | bytes, ...]
    code: str
    says: str = ""
    ended: bool = False

    def reply(self, gate: Gate) -> Reply:
        """The words, then the fault once the caller has heard them."""
        return chat.begun(Until(gate), *self.steps, ended=self.ended)


OOPS = chat.error_event("Oops.")
FINISH = chat.events([chat.delta(finish="stop")], done=False)[0]
DONE = sse.encode(sse.DONE)
HALF = b'data: {"id":"chatcm'
TOOL = chat.events(chat.chunks([], calls=[chat.ToolCall("weather", {"city": "Paris"})])[1:3], done=False)

FAULTS: dict[str, LateFault] = {
    "error-event": LateFault((chat.error_event("The GPU is on fire."),), "overloaded", "on fire", ended=True),
    "error-event-429": LateFault((chat.error_event("Slow down.", 429),), "upstream_rate_limited", ended=True),
    "error-with-key": LateFault((chat.error_event("What is sk-test-1?"),), "overloaded", "What is ", ended=True),
    "error-named": LateFault(
        (sse.encode({"error": {"message": "Oops."}}, name="error"),), "overloaded", "Oops.", ended=True
    ),
    "error-then-done": LateFault((OOPS, DONE), "overloaded", "Oops.", ended=True),
    "error-then-silence": LateFault((OOPS, Stall()), "overloaded", "Oops."),
    "error-crlf": LateFault((OOPS.replace(b"\n", b"\r\n"),), "overloaded", "Oops.", ended=True),
    "error-cut-in-two": LateFault((OOPS[:20], OOPS[20:]), "overloaded", "Oops.", ended=True),
    "reset": LateFault((Reset(),), "bad_reply"),
    "close": LateFault((Close(),), "bad_reply"),
    "stall": LateFault((Stall(),), "timeout", "idle"),
    "end": LateFault((), "bad_reply", ended=True),
    "done-without-finish": LateFault((DONE,), "bad_reply", ended=True),
    "half-an-event": LateFault((HALF, Close()), "bad_reply"),
    "half-an-event-then-end": LateFault((HALF,), "bad_reply", ended=True),
    "half-an-event-then-stall": LateFault((HALF, Stall()), "timeout", "idle"),
    "no-chunk-size": LateFault((Send(b"nonsense\r\n"), Stall()), "bad_reply"),
    "half-a-chunk": LateFault((Send(chunk(FINISH)[:20]), Close()), "bad_reply"),
    "cut-in-a-tool-call": LateFault((*TOOL, Reset()), "bad_reply"),
}


@dataclass(frozen=True)
class Ended:
    """An answer, and whether the connection ended with it."""

    response: Response
    closed: bool


Answers = dict[str, Ended]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    slow = [name for name, fault in FAULTS.items() if fault.code == "timeout"]
    with staged(tmp_path_factory.mktemp("late"), dict.fromkeys(FAULTS, 2), slow=slow) as stage:
        yield stage


@pytest.fixture(scope="module")
def answers(stage: Stage) -> Answers:
    """What every case's caller got. They are asked all at once, for some have to wait out a timeout."""

    def ask(name: str) -> Ended:
        gate = Gate()
        stage.upstream(name).script(FAULTS[name].reply(gate))
        with stage.daemon.caller() as caller:
            caller.request("POST", "/v1/chat/completions", prompt(name, stream=True))
            response = caller.head()
            while b"there" not in response.body:
                response.body += next(caller.pieces(response))
            gate.open()
            caller.read(response)
            try:
                return Ended(response, caller.is_closed())
            except TimeoutError:
                return Ended(response, False)

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        return dict(zip(FAULTS, pool.map(ask, FAULTS), strict=True))


@pytest.mark.parametrize("name", FAULTS)
def test_the_caller_gets_an_error_event_and_a_proper_end(answers: Answers, name: str) -> None:
    fault, answer = FAULTS[name], answers[name].response
    assert answers[name].closed
    assert answer.status == 200
    assert answer.complete, "a bare cut makes clients lose the event"
    story = answer.story
    assert story.text == "Hello there"
    assert story.error is not None
    assert set(story.error) == {"message", "type", "param", "code"}
    assert story.error["code"] == fault.code
    assert fault.says in story.error["message"]
    assert b"sk-test" not in answer.body


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_in_it_looks_like_success(answers: Answers, name: str) -> None:
    story = answers[name].response.story
    assert (story.finish, story.done) == (None, False)
    assert [chunk for chunk in story.chunks if "error" in chunk] == [story.chunks[-1]]


@pytest.mark.parametrize("name", FAULTS)
def test_nobody_else_is_asked_and_the_log_says_why(answers: Answers, stage: Stage, name: str) -> None:
    answer = answers[name].response
    assert [len(stage.upstream(name, number).requests) for number in (1, 2)] == [1, 0]
    request_id = answer.headers["x-routerd-request-id"]
    line = stage.daemon.wait_log(lambda line: line.get("request_id") == request_id, f"the attempt of {name}")
    assert line["error"], line
    assert line["level"] == "warning"


# What counts as first content, so that nobody else may be asked after it.
CONTENTS: dict[str, dict[str, Any]] = {
    "reasoning": {"reasoning_content": "Let me think."},
    "reasoning-details": {"reasoning_details": [{"type": "reasoning.text", "text": "Let me think."}]},
    "refusal": {"refusal": "No."},
    "tool-call": {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f"}}]},
}


@pytest.fixture(scope="module")
def committing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("committing"), dict.fromkeys(CONTENTS, 2), slow=()) as stage:
        yield stage


@pytest.mark.parametrize("name", CONTENTS)
def test_any_content_commits(committing: Stage, name: str) -> None:
    gate, delta = Gate(), chat.delta(role="assistant", **CONTENTS[name])
    committing.upstream(name).script(event_stream(*chat.events([delta], done=False), Until(gate), Reset(), ended=False))
    with committing.daemon.caller() as caller:
        caller.request("POST", "/v1/chat/completions", prompt(name, stream=True))
        response = caller.head()
        response.body = next(caller.pieces(response))
        gate.open()
        story = caller.read(response).story
    assert story.chunks[0] == delta
    assert (story.error or {})["code"] == "bad_reply"
    assert committing.upstream(name, 2).requests == []


def test_an_empty_answer_with_a_finish_is_an_answer(committing: Stage) -> None:
    committing.upstream("refusal").script(chat.stream([]))
    story = committing.ask("refusal", stream=True).story
    assert (story.text, story.finish, story.error, story.done) == ("", "stop", None, True)
    assert committing.upstream("refusal", 2).requests == []
