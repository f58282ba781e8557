"""The cline CLI from npm, set up as its users do it, works off whole tasks through routerd without a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import Agent
from tests.clients.commands import Cline
from tests.support import chat
from tests.support.chat import ToolCall
from tests.support.reply import Reply, Reset
from tests.support.stage import PATIENT, Stage, staged
from tests.support.wire import Request

TASK = "Find the secret word in notes.txt and write it into word.txt."
ROUTES = {"task": 1, "dying": 2, "late-error": 2}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("cline"), ROUTES, timeouts=PATIENT) as stage:
        yield stage


@dataclass(frozen=True)
class Installed:
    """The CLI with a project folder of its own and a route as its model."""

    cline: Cline
    project: Path

    def work(self, task: str = TASK) -> tuple[int, dict[str, Any]]:
        """Run a task without a person; returns the exit code and the CLI's own summary."""
        return self.cline.run(task, self.project)


Installer = Callable[[str], Installed]


@pytest.fixture
def installed(agent_named: Callable[[str], Agent], stage: Stage, tmp_path: Path) -> Installer:
    """The CLI with a route as its model."""

    def install(route: str) -> Installed:
        cline = agent_named("cline")
        assert isinstance(cline, Cline)
        made = Installed(cline, tmp_path / "project")
        made.project.mkdir()
        (made.project / "notes.txt").write_text("The secret word is heron.\n")
        cline.install(stage.daemon.url, route, made.project)
        return made

    return install


def turns(project: Path) -> list[Reply]:
    """The model's side of the task: read, then write and look at once, then say so."""
    read = ToolCall("read_files", {"files": [{"path": str(project / "notes.txt")}]}, "call_read")
    write = ToolCall("editor", {"path": str(project / "word.txt"), "new_text": "heron\n"}, "call_write")
    look = ToolCall("run_commands", {"commands": ["wc -c notes.txt"]}, "call_look")
    return [
        chat.stream(["I read ", "the notes."], calls=[read], usage=chat.USAGE),
        chat.stream([], calls=[write, look], usage=chat.USAGE),
        chat.stream(["The word ", "is written down."], usage=chat.USAGE),
    ]


def _results(request: Request) -> dict[str, str]:
    """What the tools answered so far, by the id of the call."""
    turns = request.json()["messages"]
    return {turn["tool_call_id"]: turn["content"] for turn in turns if turn["role"] == "tool"}


def test_a_whole_task(installed: Installer, stage: Stage) -> None:
    cline, upstream = installed("task"), stage.upstream("task")
    upstream.script(*turns(cline.project))
    code, result = cline.work()
    assert (code, result["finishReason"], result["text"]) == (0, "completed", "The word is written down.")
    assert (cline.project / "word.txt").read_text() == "heron\n"
    assert [sorted(_results(request)) for request in upstream.requests] == [
        [], ["call_read"], ["call_look", "call_read", "call_write"],
    ]  # fmt: skip
    results = _results(upstream.requests[2])
    assert "The secret word is heron." in results["call_read"]
    assert "26 notes.txt" in results["call_look"]
    assert result["usage"]["inputTokens"] == 3 * chat.USAGE_PROMPT
    assert result["usage"]["outputTokens"] == 3 * chat.USAGE_COMPLETION
    _is_clines_own_but_for_model_and_key(upstream.requests[0])


def _is_clines_own_but_for_model_and_key(request: Request) -> None:
    body = request.json()
    assert request.target == "/v1/chat/completions"
    assert request.get("authorization") == "Bearer sk-test-1"
    assert (body["model"], body["stream"], body["stream_options"]) == ("model-1", True, {"include_usage": True})
    assert {"read_files", "editor", "run_commands"} <= {tool["function"]["name"] for tool in body["tools"]}
    assert body["messages"][-1] == {"role": "user", "content": TASK}


def test_the_task_goes_on_while_a_provider_dies(installed: Installer, stage: Stage) -> None:
    cline = installed("dying")
    first, second, third = turns(cline.project)
    stage.upstream("dying", 1).script(first, chat.begun(Reset(), pieces=[]), chat.error(503, "Overloaded."))
    stage.upstream("dying", 2).script(second, third)
    code, result = cline.work()
    assert (code, result["finishReason"], result["text"]) == (0, "completed", "The word is written down.")
    assert (cline.project / "word.txt").read_text() == "heron\n"
    assert [len(stage.upstream("dying", number).requests) for number in (1, 2)] == [3, 2]


def test_an_error_after_the_first_words_ends_the_task_in_the_providers_words(
    installed: Installer, stage: Stage
) -> None:
    cline, upstream = installed("late-error"), stage.upstream("late-error")
    upstream.script(chat.begun(chat.error_event("The GPU is on fire."), ended=True))
    code, result = cline.work("Say hello.")
    assert (code, result["finishReason"]) == (1, "error")
    assert "The GPU is on fire." in result["text"]
    assert stage.upstream("late-error", 2).requests == []
