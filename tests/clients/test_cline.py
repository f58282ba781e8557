"""The cline CLI from npm, set up as its users do it, works off whole tasks through routerd without a person."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.chat import ToolCall
from tests.support.reply import Reply, Reset, whole
from tests.support.stage import PATIENT, Stage, staged
from tests.support.upstream import Upstream
from tests.support.wire import Request

TASK = "Find the secret word in notes.txt and write it into word.txt."
ROUTES = {"task": 1, "dying": 2, "late-error": 2}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("cline"), ROUTES, timeouts=PATIENT) as stage:
        yield stage


@pytest.fixture(scope="module")
def wall() -> Iterator[Upstream]:
    """A proxy that lets nothing out: the CLI asks for its makers' servers, and tests need no network."""
    with Upstream(lambda _: whole(b"", 403)) as wall:
        yield wall


@dataclass(frozen=True)
class Cline:
    """An installed CLI with a home, settings and a project folder of its own."""

    command: Path
    folder: Path
    wall: Upstream

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        proxy = self.wall.base_url.removesuffix("/v1")
        proxies = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1"}
        settings = {"CLINE_GLOBAL_SETTINGS_PATH": str(self.folder / "settings.json"), "CLINE_NO_AUTO_UPDATE": "1"}
        return subprocess.run(
            [str(self.command), *arguments, "--data-dir", str(self.folder / "data")],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **proxies, **settings},
            cwd=self.project, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def install(self, url: str, model: str) -> None:
        """A project with a note, telemetry off, and the OpenAI-compatible provider pointed at `url`."""
        self.project.mkdir()
        (self.project / "notes.txt").write_text("The secret word is heron.\n")
        (self.folder / "settings.json").write_text('{"telemetryOptOut": true, "autoUpdateEnabled": false}')
        done = self._run("auth", "-p", "openai-compatible", "-k", "anything", "-m", model, "-b", f"{url}/v1")
        assert done.returncode == 0, done.stdout + done.stderr

    def work(self, task: str = TASK) -> tuple[int, dict[str, Any]]:
        """Run a task without a person; returns the exit code and the CLI's own summary."""
        done = self._run("--json", "--timeout", "40", "-c", str(self.project), task)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        results = [line for line in lines if line["type"] == "run_result"]
        assert len(results) == 1, done.stdout + done.stderr
        return done.returncode, results[0]


Installer = Callable[[str], Cline]


@pytest.fixture
def installed(cline: Path, stage: Stage, wall: Upstream, tmp_path: Path) -> Installer:
    """The CLI with a route as its model."""

    def install(route: str) -> Cline:
        made = Cline(cline, tmp_path, wall)
        made.install(stage.daemon.url, route)
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
