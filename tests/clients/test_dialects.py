"""Real agents work off tasks over several turns, with tools and thinking, on a provider of each dialect.

Every provider is alone behind its route, so ids and signatures must come back to it as it gave them out.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import AGENTS, Agent, AnthropicAgent, GeminiAgent, OpenAIAgent
from tests.clients.commands import COMMANDS
from tests.clients.conftest import FOLDER
from tests.clients.tasks import DRILL, HERON
from tests.clients.theatre import DIALECTS, Theatre, config, theatre
from tests.support.chat import ToolCall
from tests.support.daemon import Daemon
from tests.support.dialects.anthropic import Anthropic
from tests.support.dialects.base import Dialect
from tests.support.dialects.gemini import Gemini
from tests.support.script import Turn
from tests.support.scripted import Scripted

TASKS = {task.name: task for task in DRILL}
HARDEST = ("heron", "twins", "four-at-once", "odd-text", "secret-thoughts", "thoughts-now-and-then")

VARIANTS: dict[str, Agent] = {
    "openai-whole": OpenAIAgent(streams=False, name="openai-whole"),
    "anthropic-whole": AnthropicAgent(streams=False, name="anthropic-whole"),
    "anthropic-adaptive": AnthropicAgent(thinking={"type": "adaptive"}, name="anthropic-adaptive"),
    "anthropic-omitted": AnthropicAgent(thinking={"type": "adaptive", "display": "omitted"}, name="anthropic-omitted"),
    "genai-whole": GeminiAgent(streams=False, name="genai-whole"),
    "genai-v1beta": GeminiAgent(version="v1beta", name="genai-v1beta"),
}

# Names by which commands know models of their makers, and ask otherwise than they ask strangers.
OWN_MODELS = {"claude-code": "claude-sonnet-4-5", "gemini-cli": "gemini-3.1-pro-preview"}

pytestmark = pytest.mark.filterwarnings("ignore:.*thinking.type=enabled:UserWarning")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("dialects"), {dialect: [dialect] for dialect in DIALECTS}) as stage:
        yield stage


@pytest.fixture(scope="module", params=DIALECTS)
def poser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Its routes have the names of the makers' own models, behind which one provider of any dialect stands."""
    routes = {model: [request.param] for model in OWN_MODELS.values()}
    with theatre(tmp_path_factory.mktemp("poser"), routes) as stage:
        yield stage


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", AGENTS)
def test_packages_work_off_the_hardest_tasks(name: str, dialect: str, stage: Theatre, tmp_path: Path) -> None:
    shows = [stage.perform(AGENTS[name], TASKS[task], dialect, tmp_path) for task in HARDEST]
    assert {show.task.name: show.faults for show in shows if show.faults} == {}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", VARIANTS)
def test_packages_used_in_other_ways(name: str, dialect: str, stage: Theatre, tmp_path: Path) -> None:
    assert stage.perform(VARIANTS[name], HERON, dialect, tmp_path).faults == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_work_off_a_task(
    name: str, dialect: str, stage: Theatre, tmp_path: Path, agent_named: Callable[[str], Agent]
) -> None:
    show = stage.perform(agent_named(name), HERON, dialect, tmp_path)
    assert show.faults == [], show.outcome.detail
    # One request a turn: nothing had to be repeated, and no turn was asked for twice.
    assert stage.asked(show.task)[dialect] == len(HERON.rounds)


@pytest.mark.parametrize("name", OWN_MODELS)
def test_commands_that_believe_to_have_their_makers_model(
    name: str, poser: Theatre, tmp_path: Path, agent_named: Callable[[str], Agent]
) -> None:
    show = poser.perform(agent_named(name), HERON, OWN_MODELS[name], tmp_path)
    assert show.faults == [], show.outcome.detail


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_tool_runner_of_the_package_for_node(
    dialect: str, stage: Theatre, node: Path, weather_calls: list[ToolCall]
) -> None:
    turns = (Turn("", "Both at once.", tuple(weather_calls)), Turn("Sun everywhere.", "It shines."))
    provider = stage.providers[dialect]
    provider.scripts["What is the weather"] = turns
    command = [str(node), str(FOLDER / "scenarios.mjs"), "tools", f"{stage.daemon.url}/v1", dialect]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["content"] == "Sun everywhere."
    assert [json.loads(call["given"])["city"] for call in result["called"]] == ["Paris", "São Paulo"]
    assert result["said"] == ["user", "assistant", "tool", "tool", "assistant"]


@pytest.mark.parametrize("make", [Anthropic, Gemini])
def test_what_providers_sign_outlives_a_restart(make: Callable[[], Dialect], tmp_path: Path) -> None:
    """The caller sends nothing of it back, and the provider still gets it."""
    agent = OpenAIAgent(streams=False)
    with Scripted(make(), {HERON.key: HERON.script(agent.kit, tmp_path)}) as provider:
        text = config({provider.dialect.NAME: provider}, {"kept": [provider.dialect.NAME]})
        said: list[Any] = [{"role": "user", "content": HERON.prompt}]
        for _ in HERON.rounds[1:]:
            with Daemon(tmp_path, text) as daemon:
                message = daemon.post(agent.asks("kept", said)).json()["choices"][0]["message"]
            calls = message["tool_calls"]
            said.append({"role": "assistant", "content": message["content"], "tool_calls": calls})
            said += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
        with Daemon(tmp_path, text) as daemon:
            assert daemon.post(agent.asks("kept", said)).json()["choices"][0]["message"]["content"] == HERON.answer
        assert [said.signatures for said in provider.asked[HERON.key][-1].said] == [1, 1]
