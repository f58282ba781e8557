"""What the vendors' packages show their users when a provider of another dialect fails for good, or too late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors

from tests.clients.agents import Agent, AnthropicAgent, GeminiAgent, OpenAIAgent
from tests.clients.tasks import HERON, Task
from tests.clients.theatre import DIALECTS, Theatre, theatre
from tests.support.script import RETRY_AFTER, Trouble

AGENTS: dict[str, Agent] = {
    "openai": OpenAIAgent(retries=0),
    "anthropic": AnthropicAgent(retries=0, thinking={"type": "adaptive"}),
    "gemini": GeminiAgent(retries=0),
}
ERRORS: dict[str, tuple[type[Exception], ...]] = {
    "openai": (openai.APIError,),
    "anthropic": (anthropic.APIStatusError, anthropic.APIError),
    "gemini": (errors.ServerError, errors.ClientError),
}
LATE = {"late-error": Trouble.LATE_ERROR, "late-cut": Trouble.LATE_CUT, "late-stall": Trouble.LATE_STALL}
TIMEOUTS = "{connect: 5s, first_token: 5s, idle: 700ms, total: 20s}"

ROUTES = {
    f"{test}-{caller}-{dialect}": [dialect]
    for test in (*LATE, "limited", "wrong", "counted")
    for caller in AGENTS
    for dialect in DIALECTS
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("failures"), ROUTES, timeouts=TIMEOUTS) as stage:
        yield stage


def _raised(stage: Theatre, caller: str, dialect: str, route: str, trouble: Trouble, tmp_path: Path) -> Any:
    agent, task = AGENTS[caller], Task(route, HERON.rounds)
    task.lay_out(tmp_path / "project")
    stage.rehearse(task, task.script(agent.kit, tmp_path), {dialect: [trouble] * 9})
    with pytest.raises(ERRORS[caller]) as caught:
        agent.work(stage.daemon.url, route, task.prompt, tmp_path / "project")
    assert task.faults(tmp_path / "project") != [], "nothing was done yet"
    return caught.value


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("caller", AGENTS)
@pytest.mark.parametrize("name", LATE)
def test_after_the_first_words_a_failure_is_an_error(
    name: str, caller: str, dialect: str, stage: Theatre, tmp_path: Path
) -> None:
    """An error event in the caller's own dialect, not a cut that its package would have to guess about."""
    error = _raised(stage, caller, dialect, f"{name}-{caller}-{dialect}", LATE[name], tmp_path)
    assert not isinstance(error, openai.APIConnectionError | anthropic.APIConnectionError), error
    assert "overloaded" in str(error).lower() if name == "late-error" else str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("caller", AGENTS)
def test_a_limit_says_how_long_to_wait(caller: str, dialect: str, stage: Theatre, tmp_path: Path) -> None:
    error = _raised(stage, caller, dialect, f"limited-{caller}-{dialect}", Trouble.LIMITED, tmp_path)
    if isinstance(error, errors.ClientError):
        assert error.code == 429
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{RETRY_AFTER}s"} in _details(error)
    else:
        assert isinstance(error, openai.RateLimitError | anthropic.RateLimitError)
        assert 0 <= int(error.response.headers["retry-after"]) <= RETRY_AFTER


def _details(error: errors.ClientError) -> list[Any]:
    details: Any = error.details
    return details["error"].get("details", []) if isinstance(details, dict) else []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_provider_refuses_is_a_bad_request_in_its_own_words(dialect: str, stage: Theatre) -> None:
    """A history that the script does not know, in every caller's words."""
    stage.rehearse(Task("unlike", HERON.rounds), (), {})
    messages: Any = [{"role": "user", "content": "Work off [unlike]."}]
    options: Any = {"api_key": "anything", "max_retries": 0}
    one = openai.OpenAI(base_url=f"{stage.daemon.url}/v1", **options)
    with one, pytest.raises(openai.BadRequestError, match="turn 1 of 0 is asked for"):
        one.chat.completions.create(model=f"wrong-openai-{dialect}", messages=messages)
    two = anthropic.Anthropic(base_url=stage.daemon.url, **options)
    with two, pytest.raises(anthropic.BadRequestError, match="turn 1 of 0 is asked for"):
        two.messages.create(model=f"wrong-anthropic-{dialect}", max_tokens=99, messages=messages)
    with _google(stage) as three, pytest.raises(errors.ClientError, match="turn 1 of 0 is asked for") as caught:
        three.models.generate_content(model=f"wrong-gemini-{dialect}", contents="Work off [unlike].")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert len(stage.providers[dialect].complaints.pop("[unlike]")) == 3


def _google(stage: Theatre) -> genai.Client:
    return genai.Client(api_key="a", http_options=genai.types.HttpOptions(base_url=stage.daemon.url))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tokens_are_counted_whoever_the_provider_is(dialect: str, stage: Theatre) -> None:
    said = "How many tokens are these words? " * 20
    with anthropic.Anthropic(base_url=stage.daemon.url, api_key="a", max_retries=0) as client:
        model = f"counted-anthropic-{dialect}"
        counted = client.messages.count_tokens(model=model, messages=[{"role": "user", "content": said}])
        assert 50 < counted.input_tokens < 500
    with _google(stage) as google:
        tokens = google.models.count_tokens(model=f"counted-gemini-{dialect}", contents=said).total_tokens
        assert tokens is not None
        assert 50 < tokens < 500
