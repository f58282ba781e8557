"""The scripted providers are like the real ones: the vendors' packages work with them, and what the vendors refuse
with 400 is refused here, with or without a router between.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors

from tests.clients.agents import AGENTS, Agent, AnthropicAgent, GeminiAgent, OpenAIAgent, kit
from tests.clients.tasks import DRILL, HERON, Task
from tests.support.caller import Caller, Response
from tests.support.chat import ToolCall
from tests.support.dialects.anthropic import Anthropic
from tests.support.dialects.base import Dialect
from tests.support.dialects.gemini import Gemini
from tests.support.dialects.openai import OpenAI
from tests.support.script import RETRY_AFTER, Trouble, Turn, sign
from tests.support.scripted import Scripted

DIALECTS: dict[str, Callable[[], Dialect]] = {"openai": OpenAI, "anthropic": Anthropic, "gemini": Gemini}

VARIANTS: dict[str, Agent] = {
    "openai-whole": OpenAIAgent(streams=False),
    "anthropic-whole": AnthropicAgent(streams=False),
    "anthropic-adaptive": AnthropicAgent(thinking={"type": "adaptive"}),
    "anthropic-omitted": AnthropicAgent(thinking={"type": "adaptive", "display": "omitted"}),
    "genai-whole": GeminiAgent(streams=False),
    "genai-v1beta": GeminiAgent(version="v1beta"),
}


@pytest.mark.filterwarnings("ignore:.*thinking.type=enabled:UserWarning")
@pytest.mark.parametrize("name", [*AGENTS, *VARIANTS])
def test_packages_work_off_tasks_without_a_router(name: str, tmp_path: Path) -> None:
    agent, tasks = (AGENTS | VARIANTS)[name], DRILL if name in AGENTS else (HERON,)
    with Scripted(DIALECTS[agent.dialect]()) as upstream:
        for task in tasks:
            project = tmp_path / task.name
            task.lay_out(project)
            upstream.scripts[task.key] = task.script(agent.kit, project)
            outcome = agent.work(upstream.origin, upstream.dialect.MODEL, task.prompt, project)
            assert (outcome.is_done, outcome.text) == (True, task.answer), task.name
            assert task.faults(project) == []


TOOL = {"type": "object", "properties": {"path": {"type": "string"}}}
ARGUMENTS = {"path": "notes.txt"}
SCRIPT = (Turn("I look.", "Hm.", (ToolCall("read_file", ARGUMENTS),)), Turn("It is a heron."))
ID = {name: make().call_id("[t]/0", 0) for name, make in DIALECTS.items()}

HISTORIES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "openai": (
        "/v1/chat/completions",
        {"authorization": "Bearer anything"},
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "Work off [t]."},
                {
                    "role": "assistant",
                    "content": "I look.",
                    "reasoning_content": "Hm.",
                    "tool_calls": [
                        {
                            "id": ID["openai"],
                            "type": "function",
                            "function": {"name": "read_file", "arguments": '{"path": "notes.txt"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": ID["openai"], "content": "heron"},
            ],
            "tools": [{"type": "function", "function": {"name": "read_file", "parameters": TOOL}}],
        },
    ),
    "anthropic": (
        "/v1/messages",
        {"x-api-key": "anything", "anthropic-version": "2023-06-01"},
        {
            "model": "m",
            "max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "messages": [
                {"role": "user", "content": "Work off [t]."},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": sign("anthropic", "Hm.")},
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": ID["anthropic"], "name": "read_file", "input": ARGUMENTS},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": ID["anthropic"], "content": "heron"}],
                },
            ],
            "tools": [{"name": "read_file", "input_schema": TOOL}],
        },
    ),
    "gemini": (
        "/v1beta/models/gemini-3-pro-preview:generateContent",
        {"x-goog-api-key": "anything"},
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Work off [t]."}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "I look."},
                        {
                            "functionCall": {"name": "read_file", "args": ARGUMENTS, "id": ID["gemini"]},
                            "thoughtSignature": sign("gemini call", ["read_file", ARGUMENTS]),
                        },
                    ],
                },
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "read_file", "response": {"output": "heron"}}}],
                },
            ],
            "tools": [{"functionDeclarations": [{"name": "read_file", "parametersJsonSchema": TOOL}]}],
        },
    ),
}
"""Per dialect: the path, the headers, and a body in whose history a tool was called."""


def _post(upstream: Scripted, body: dict[str, Any], without: str = "") -> Response:
    path, headers, _ = HISTORIES[upstream.dialect.NAME]
    kept = {name: value for name, value in headers.items() if name != without}
    with Caller(upstream.host, upstream.port) as caller:
        return caller.exchange("POST", path, body, kept)


@pytest.fixture(params=DIALECTS)
def upstream(request: pytest.FixtureRequest) -> Iterator[Scripted]:
    with Scripted(DIALECTS[request.param](), {"[t]": SCRIPT}) as upstream:
        yield upstream


def test_a_history_is_accepted_as_it_was_said(upstream: Scripted) -> None:
    body = HISTORIES[upstream.dialect.NAME][2]
    assert "It is a heron." in _post(upstream, body).body.decode()
    assert [said.signatures for said in upstream.asked["[t]"][0].said] == [upstream.dialect.NAME != "openai"]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what stands at a path of keys and indexes, or delete it where the value is None."""

    def change(body: Any) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in steps:
            body = body[step]
        if value is None:
            del body[last]
        elif isinstance(last, int) and last == len(body):
            body.append(value)
        else:
            body[last] = value

    return change


_ASSISTANT = {"role": "assistant", "content": "Right."}

REFUSED: list[tuple[str, str, Any, str]] = [
    ("openai", "unheard_of", 1, "unheard_of"),
    ("openai", "messages/0/unheard_of", 1, "unheard_of"),
    ("openai", "messages/1/tool_calls/0/function/arguments", '{"path', "arguments"),
    ("openai", "messages/1/tool_calls", [], "empty array"),
    ("openai", "messages/1/tool_calls/0/id", "x" * 41, "string too long"),
    ("openai", "messages/2/tool_call_id", "call_other", "must be a response to a preceding message"),
    ("openai", "messages/2", {"role": "user", "content": "Well?"}, "did not have response messages"),
    ("openai", "messages/0/content", [], "empty array"),
    ("openai", "tools", [], "empty array"),
    ("openai", "stream_options", {"include_usage": True}, "stream_options"),
    ("anthropic", "max_tokens", None, "max_tokens: Field required"),
    ("anthropic", "unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
    ("anthropic", "tools/0/unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
    ("anthropic", "max_tokens", 1000, "`max_tokens` must be greater than `thinking.budget_tokens`"),
    ("anthropic", "thinking/budget_tokens", 1000, "greater than or equal to 1024"),
    ("anthropic", "temperature", 0.5, "`temperature` may only be set to 1"),
    ("anthropic", "tool_choice", {"type": "any"}, "Thinking may not be enabled when tool_choice forces"),
    ("anthropic", "tools", None, "must define tools"),
    ("anthropic", "tools/0/input_schema", {"properties": {}}, "input_schema.type"),
    ("anthropic", "messages/1/content/0/signature", "altered", "Invalid `signature` in `thinking` block"),
    ("anthropic", "messages/1/content/0/thinking", "altered", "Invalid `signature` in `thinking` block"),
    ("anthropic", "messages/1/content/0/signature", None, "signature"),
    ("anthropic", "messages/1/content/0", None, "Expected `thinking` or `redacted_thinking`, but found `text`"),
    ("anthropic", "messages/1/content/1/text", "  ", "must contain non-whitespace text"),
    ("anthropic", "messages/1/content/2/id", "a.b", "tool_use.id: String should match pattern"),
    ("anthropic", "messages/2/content/0/tool_use_id", "toolu_other", "without `tool_result` blocks immediately after"),
    ("anthropic", "messages/2/content/1", {"type": "tool_result", "tool_use_id": "b"}, "unexpected `tool_use_id`"),
    ("anthropic", "messages/2", {"role": "user", "content": "Well?"}, "without `tool_result` blocks immediately"),
    ("anthropic", "messages/3", {"role": "user", "content": "Well?"}, "roles must alternate"),
    ("anthropic", "messages/3", _ASSISTANT, "prefill"),
    ("anthropic", "messages/0", _ASSISTANT, 'first message must use the "user" role'),
    ("anthropic", "stop_sequences", [" "], "non-whitespace"),
    ("gemini", "unheardOf", 1, "unheardOf"),
    ("gemini", "contents/0/parts/0/unheardOf", 1, "unheardOf"),
    ("gemini", "contents/0/role", "assistant", "valid role"),
    ("gemini", "contents/0/parts", [], "must not be empty"),
    ("gemini", "contents/1/parts/2/thoughtSignature", None, "missing a thought_signature"),
    ("gemini", "contents/1/parts/2/thoughtSignature", sign("other", ""), "Corrupted thought signature"),
    ("gemini", "contents/1/parts/2/functionCall/args", {"path": "b"}, "Corrupted thought signature"),
    ("gemini", "contents/2/parts/0/functionResponse/name", "other", "named like the calls"),
    ("gemini", "contents/2/parts/0/functionResponse/id", "other", "no function calls"),
    ("gemini", "contents/2/parts/0", {"text": "Well?"}, "number of function response parts is equal"),
    ("gemini", "tools/0/functionDeclarations/0/parameters", {"$ref": "#"}, "parameters"),
    ("gemini", "generationConfig", {"stopSequences": list("abcdef")}, "at most 5"),
    (
        "gemini",
        "generationConfig",
        {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}},
        "only set one of",
    ),
    ("gemini", "generationConfig", {"responseJsonSchema": {}}, "response_mime_type"),
]


@pytest.mark.parametrize(("name", "path", "value", "message"), REFUSED)
def test_what_the_vendor_refuses_is_refused(name: str, path: str, value: Any, message: str) -> None:
    body = copy.deepcopy(HISTORIES[name][2])
    _set(path, value)(body)
    _is_refused(name, body, message)


def _is_refused(name: str, body: dict[str, Any], message: str, without: str = "") -> None:
    with Scripted(DIALECTS[name](), {"[t]": SCRIPT}) as upstream:
        answer = _post(upstream, body, without)
        assert answer.status == 400, answer.body
        assert message in answer.json()["error"]["message"]
        [(_, [complaint])] = upstream.complaints.items()
        assert message in complaint
        upstream.complaints.clear()


UNLIKE: list[tuple[str, str, Any, str]] = [
    ("openai", "messages/1/content", "I look.I look.", "said was"),
    ("openai", "messages/1/reasoning_content", "Hm.Hm.", "thought was"),
    ("openai", "messages/1/tool_calls/0/function/arguments", '{"path":"b"}', "called was"),
    ("anthropic", "messages/1/content/1", None, "said was"),
    ("anthropic", "messages/1/content/2/input", {}, "called was"),
    ("gemini", "contents/1/parts/2/functionCall/id", None, "the ids were"),
]


@pytest.mark.parametrize(("name", "path", "value", "message"), UNLIKE)
def test_a_history_that_is_not_what_was_said_is_found_out(name: str, path: str, value: Any, message: str) -> None:
    body = copy.deepcopy(HISTORIES[name][2])
    _set(path, value)(body)
    _is_refused(name, body, message)


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_an_adaptive_or_older_model_takes_a_history_without_signatures_but_the_script_minds(name: str) -> None:
    body = copy.deepcopy(HISTORIES[name][2])
    if name == "anthropic":
        body["thinking"] = {"type": "adaptive"}
        del body["messages"][1]["content"][0]
    else:
        body["contents"][1]["parts"][2]["thoughtSignature"] = "skip_thought_signature_validator"
    _is_refused(name, body, "no signature came back")
    with Scripted(DIALECTS[name](), {"[t]": SCRIPT}, is_alone=False) as upstream:
        assert _post(upstream, body).status == 200


def test_a_provider_that_wants_its_thoughts_back() -> None:
    body = copy.deepcopy(HISTORIES["openai"][2])
    with Scripted(OpenAI(needs_thoughts=True), {"[t]": SCRIPT}) as upstream:
        assert _post(upstream, body).status == 200
        del body["messages"][1]["reasoning_content"]
        assert b"reasoning_content" in _post(upstream, body).body
        upstream.complaints.clear()


@pytest.mark.parametrize(("name", "header"), [(name, header) for name in HISTORIES for header in HISTORIES[name][1]])
def test_a_key_and_a_version_are_needed(name: str, header: str) -> None:
    with Scripted(DIALECTS[name](), {"[t]": SCRIPT}) as upstream:
        assert _post(upstream, HISTORIES[name][2], without=header).status == 400
        upstream.complaints.clear()


# What the vendors' packages make of each trouble, without repeating anything.
KINDS: dict[str, dict[Trouble, type[Exception]]] = {
    "openai": {
        Trouble.LIMITED: openai.RateLimitError,
        Trouble.OVERLOADED: openai.InternalServerError,
        Trouble.BROKEN: openai.InternalServerError,
        Trouble.OVERLOADED_INSIDE: openai.APIError,
        Trouble.LATE_ERROR: openai.APIError,
        Trouble.DOWN: openai.APIConnectionError,
    },
    "anthropic": {
        Trouble.LIMITED: anthropic.RateLimitError,
        Trouble.OVERLOADED: anthropic.InternalServerError,
        Trouble.BROKEN: anthropic.InternalServerError,
        Trouble.OVERLOADED_INSIDE: anthropic.APIStatusError,
        Trouble.LATE_ERROR: anthropic.APIStatusError,
        Trouble.DOWN: anthropic.APIConnectionError,
    },
    "gemini": {
        Trouble.LIMITED: errors.ClientError,
        Trouble.OVERLOADED: errors.ServerError,
        Trouble.BROKEN: errors.ServerError,
        Trouble.OVERLOADED_INSIDE: errors.ServerError,
        Trouble.LATE_ERROR: errors.ServerError,
    },
}
IMPATIENT: dict[str, Agent] = {
    "openai": OpenAIAgent(retries=0), "anthropic": AnthropicAgent(retries=0, thinking={}),
    "gemini": GeminiAgent(retries=0),
}  # fmt: skip


@pytest.mark.parametrize(("name", "trouble"), [(name, trouble) for name in KINDS for trouble in KINDS[name]])
def test_troubles_are_what_the_vendors_packages_take_them_for(name: str, trouble: Trouble, tmp_path: Path) -> None:
    with _troubled(name, trouble) as upstream, pytest.raises(KINDS[name][trouble]) as caught:
        IMPATIENT[name].work(upstream.origin, upstream.dialect.MODEL, HERON.prompt, tmp_path)
    if trouble is Trouble.LIMITED and name != "gemini":
        assert isinstance(caught.value, openai.RateLimitError | anthropic.RateLimitError)
        assert caught.value.response.headers["retry-after"] == str(RETRY_AFTER)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.LATE_CUT, Trouble.DOWN])
def test_cuts_are_cuts(name: str, trouble: Trouble, tmp_path: Path) -> None:
    with _troubled(name, trouble) as upstream, pytest.raises(Exception) as caught:
        IMPATIENT[name].work(upstream.origin, upstream.dialect.MODEL, HERON.prompt, tmp_path)
    assert "Error" in type(caught.value).__name__


def _troubled(name: str, trouble: Trouble) -> Scripted:
    upstream = Scripted(DIALECTS[name](), {HERON.key: HERON.script(kit, Path())})
    upstream.troubles[HERON.key].append(trouble)
    return upstream


def test_what_else_the_vendors_serve() -> None:
    with Scripted(Anthropic()) as upstream, anthropic.Anthropic(base_url=upstream.origin, api_key="a") as client:
        counted = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "Hi!"}])
        assert counted.input_tokens > 0
        assert [model.id for model in client.models.list()] == [Anthropic.MODEL]
    with Scripted(Gemini()) as upstream, _gemini(upstream) as google:
        assert google.models.count_tokens(model="m", contents="Hi!").total_tokens
        assert [model.name for model in google.models.list()] == [f"models/{Gemini.MODEL}"]
    with Scripted(OpenAI()) as upstream, openai.OpenAI(base_url=upstream.base_url, api_key="a") as other:
        assert [model.id for model in other.models.list()] == [OpenAI.MODEL]


def _gemini(upstream: Scripted) -> genai.Client:
    return genai.Client(api_key="a", http_options=genai.types.HttpOptions(base_url=upstream.origin))


def test_a_task_that_was_done_twice_or_not_at_all_is_found_out(tmp_path: Path) -> None:
    task = Task("t", HERON.rounds)
    task.lay_out(tmp_path / "p")
    assert task.faults(tmp_path / "p") == [
        "log.txt: None instead of 'wrote the word\\n'",
        "word.txt: None instead of 'heron\\n'",
    ]
    (tmp_path / "p" / "word.txt").write_text("heron\n")
    (tmp_path / "p" / "log.txt").write_text("wrote the word\nwrote the word\n")
    assert len(task.faults(tmp_path / "p")) == 1
