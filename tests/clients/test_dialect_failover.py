"""A provider dies before its first content, one of another dialect answers: the caller sees one clean stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.agents import AGENTS, TOOLS, OpenAIAgent, kit
from tests.clients.tasks import HERON, Task
from tests.clients.theatre import DIALECTS, Theatre, Troubles, theatre
from tests.support import sse
from tests.support.script import Trouble

WELL = None

pytestmark = pytest.mark.filterwarnings("ignore:.*thinking.type=enabled:UserWarning")

# Who is asked first, who next; each route for one test of one agent, so that nobody's health matters to another.
ROUTES = {
    f"{test}-{first}-{agent}": [first, *(other for other in DIALECTS if other != first)]
    for test in ("dies", "changes", "down")
    for first in DIALECTS
    for agent in AGENTS
}
STREAMS = {"chat": ["anthropic", "gemini"], "messages": ["anthropic", "gemini"]}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("failover"), ROUTES | STREAMS, is_alone=False) as stage:
        yield stage


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("first", DIALECTS)
def test_an_overloaded_provider_is_replaced_by_one_of_another_dialect(
    first: str, name: str, stage: Theatre, tmp_path: Path
) -> None:
    route = f"dies-{first}-{name}"
    show = stage.perform(AGENTS[name], HERON, route, tmp_path, {first: [Trouble.OVERLOADED_INSIDE] * 9})
    assert show.faults == []
    asked = stage.asked(show.task)
    assert (asked[ROUTES[route][1]], asked[ROUTES[route][2]]) == (len(HERON.rounds), 0)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("first", DIALECTS)
def test_a_task_goes_there_and_back_again(first: str, name: str, stage: Theatre, tmp_path: Path) -> None:
    """Each provider goes on with what the other one began, thoughts and ids included."""
    route = f"changes-{first}-{name}"
    show = stage.perform(AGENTS[name], HERON, route, tmp_path, {first: [WELL, Trouble.CUT, WELL]})
    assert show.faults == []
    assert [stage.asked(show.task)[dialect] for dialect in ROUTES[route]] == [3, 1, 0]


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("first", DIALECTS)
def test_a_provider_that_is_down_is_not_noticed(first: str, name: str, stage: Theatre, tmp_path: Path) -> None:
    route = f"down-{first}-{name}"
    second = ROUTES[route][1]
    troubles: Troubles = {first: [Trouble.DOWN] * 9, second: [WELL, Trouble.CUT, WELL]}
    assert stage.perform(AGENTS[name], HERON, route, tmp_path, troubles).faults == []


def test_the_chunks_tell_of_one_reply(stage: Theatre, tmp_path: Path) -> None:
    task = Task("chunks", HERON.rounds)
    stage.rehearse(task, task.script(kit, tmp_path), {"anthropic": [Trouble.OVERLOADED_INSIDE]})
    asked = OpenAIAgent().asks("chat", [{"role": "user", "content": task.prompt}])
    answer = stage.daemon.post({**asked, "stream": True})
    assert (answer.status, stage.asked(task)["anthropic"], stage.asked(task)["gemini"]) == (200, 1, 1)
    story = answer.story
    assert (story.text, story.finish, story.error, story.done) == ("I read the notes.", "tool_calls", None, True)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in story.chunks}) == 1
    assert sum("role" in choice["delta"] for chunk in story.chunks for choice in chunk["choices"]) == 1


def test_the_events_tell_of_one_message(stage: Theatre, tmp_path: Path) -> None:
    task = Task("events", HERON.rounds)
    stage.rehearse(task, task.script(kit, tmp_path), {"anthropic": [Trouble.OVERLOADED_INSIDE]})
    tools = [{"name": name, "description": about, "input_schema": schema} for name, (about, schema) in TOOLS.items()]
    body = {"model": "messages", "max_tokens": 4096, "stream": True, "tools": tools}
    messages = [{"role": "user", "content": task.prompt}]
    answer = stage.daemon.post({**body, "messages": messages}, {"anthropic-version": "2023-06-01"}, "/v1/messages")
    assert (answer.status, stage.asked(task)["anthropic"], stage.asked(task)["gemini"]) == (200, 1, 1)
    told = [event for event in sse.decode(answer.body) if event.data is not None and event.name != "ping"]
    names = [event.name for event in told if event.name != "content_block_delta"]
    blocks = ["content_block_start", "content_block_stop"]
    assert names == ["message_start", *blocks, *blocks, "message_delta", "message_stop"]
    assert told[0].json()["message"]["usage"]["input_tokens"] > 0
    assert told[-2].json()["delta"]["stop_reason"] == "tool_use"
