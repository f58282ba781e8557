"""What we render is judged by the vendors' own types; and the judges do refuse what is wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters.table import ADAPTERS
from routerd.errors import RouterError
from scripts.fidelity import MODELS, QUIRKS
from scripts.vendor_fields import cases
from tests.adapters import corpus, official
from tests.adapters.test_official_fields import OTHER_MODELS

every_dialect = pytest.mark.parametrize("dialect", ADAPTERS)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
RIGHT: dict[str, dict[str, Any]] = {
    "openai": {
        "model": "gpt-5.2",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
    },
    "anthropic": {
        "model": "claude-opus-4-6",
        "max_tokens": 4096,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}]},
        ],
        "tools": [{"name": "look", "input_schema": SCHEMA}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"result": "sunny"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}],
        "generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}},
    },
}

# A place in the request above, and what makes it wrong there.
WRONG: list[tuple[str, list[Any], Any]] = [
    ("openai", ["surprise"], 1),
    ("openai", ["messages", 0, "content", 0, "surprise"], 1),
    ("openai", ["messages", 1, "tool_calls", 0, "index"], 0),
    ("openai", ["messages", 0, "role"], "robot"),
    ("openai", ["temperature"], "hot"),
    ("anthropic", ["surprise"], 1),
    ("anthropic", ["messages", 0, "content", 0, "surprise"], 1),
    ("anthropic", ["messages", 0, "content", 0, "cache_control", "surprise"], 1),
    ("anthropic", ["messages", 0, "content", 0, "text"], ""),
    ("anthropic", ["messages", 0, "content"], []),
    ("anthropic", ["messages", 0, "content", 0, "type"], "surprise"),
    ("anthropic", ["messages", 1, "content", 0, "input"], "{}"),
    ("anthropic", ["messages", 1, "content", 0, "id"], "call_2"),
    ("anthropic", ["max_tokens"], 1024),
    ("anthropic", ["max_tokens"], "1024"),
    ("anthropic", ["temperature"], 0.5),
    ("anthropic", ["tool_choice"], {"type": "any"}),
    ("gemini", ["surprise"], 1),
    ("gemini", ["contents", 0, "parts", 0, "surprise"], 1),
    ("gemini", ["contents", 0, "role"], "system"),
    ("gemini", ["contents", 1, "parts", 0, "functionCall", "partialArgs"], []),
    ("gemini", ["contents", 1, "parts", 0, "functionCall", "name"], "see"),
    ("gemini", ["contents", 1, "parts"], []),
    ("gemini", ["generationConfig", "audioTimestamp"], True),
    ("gemini", ["generationConfig", "thinkingConfig", "thinkingLevel"], "ENORMOUS"),
    ("gemini", ["generationConfig", "stopSequences"], list("abcdef")),
]


@every_dialect
def test_the_judge_lets_a_right_request_pass(dialect: str) -> None:
    assert official.REQUEST[dialect](RIGHT[dialect]) == []


@pytest.mark.parametrize(("dialect", "place", "value"), WRONG, ids=str)
def test_the_judge_refuses_a_wrong_request(dialect: str, place: list[Any], value: Any) -> None:
    body: Any = msgspec.json.decode(msgspec.json.encode(RIGHT[dialect]))
    inner = body
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert official.REQUEST[dialect](body) != []


WRONG_REPLIES: list[tuple[str, dict[str, Any]]] = [
    ("openai", {}),
    ("openai", {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [], "surprise": 1}),
    (
        "openai",
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "end_turn", "message": {"role": "assistant", "content": "a"}}],
        },
    ),
    ("anthropic", {"type": "message", "role": "assistant", "content": []}),
    ("gemini", {"candidates": [{"content": {"parts": [{"text": "a", "surprise": 1}], "role": "model"}}]}),
    ("gemini", {"candidates": [{"finishReason": "stopped"}]}),
]


@pytest.mark.parametrize(("dialect", "reply"), WRONG_REPLIES, ids=str)
def test_the_judge_refuses_a_wrong_reply(dialect: str, reply: dict[str, Any]) -> None:
    assert official.REPLY[dialect](reply) != []
    assert official.EVENT[dialect]({**reply, "object": "chat.completion.chunk"}) != []


@every_dialect
def test_every_generated_request_is_valid_in_its_own_dialect(dialect: str) -> None:
    """Or the table of fidelity would tell what becomes of nonsense."""
    judge = official.REQUEST[dialect]
    model = {} if dialect == "gemini" else {"model": MODELS[dialect]}
    wrong = {
        case.path: faults
        for case in cases(dialect)
        for body in (case.body, case.baseline)
        if (faults := judge({**body, **model}))
    }
    assert wrong == {}


@pytest.mark.parametrize(("upstream", "model"), [*MODELS.items(), *OTHER_MODELS])
@every_dialect
def test_every_generated_request_is_valid_at_every_provider(dialect: str, upstream: str, model: str) -> None:
    wrong = {case.path: found for case in cases(dialect) if (found := faults_at(upstream, dialect, case.body, model))}
    assert wrong == {}


def faults_at(upstream: str, dialect: str, body: dict[str, Any], model: str) -> list[str]:
    """What the provider's types say against the request as it gets it. What we refuse ourselves has no faults."""
    try:
        request = ADAPTERS[dialect].parse_request(body, model, bool(body.get("stream")))
        call, _ = ADAPTERS[upstream].render_request(request, model, QUIRKS[upstream])
    except RouterError as error:
        assert error.kind == "invalid_request" and error.param, error
        return []
    return official.REQUEST[upstream](call.body)


CLIENTS = [
    pytest.param(dialect, sent, id=f"{sent.client}-{sent.scenario}-{sent.n}")
    for dialect, path in (("openai", "/chat/completions"), ("anthropic", "/messages"))
    for sent in corpus.sent_to(path)
] or [pytest.param("", None, marks=pytest.mark.skip(corpus.NOT_GIVEN))]


@pytest.mark.parametrize("upstream", ADAPTERS)
@pytest.mark.parametrize(("dialect", "sent"), CLIENTS)
def test_what_clients_send_is_valid_at_every_provider(dialect: str, sent: corpus.Client, upstream: str) -> None:
    adapter = ADAPTERS[dialect]
    request = adapter.parse_request(sent.body, MODELS[upstream], bool(sent.body.get("stream")))
    call, _ = ADAPTERS[upstream].render_request(request, MODELS[upstream], QUIRKS[upstream])
    assert official.REQUEST[upstream](call.body) == []


RECORDED = [
    each
    for dialect in ADAPTERS
    for each in corpus.chosen(dialect, status=200)
    if each.values[0] is None or each.values[0].request
]


@pytest.mark.parametrize("upstream", ADAPTERS)
@pytest.mark.parametrize("recording", RECORDED)
def test_what_was_asked_and_answered_is_valid_at_every_provider(recording: corpus.Recording, upstream: str) -> None:
    """Unless it came with more: other vendors than OpenAI have fields of their own, which are passed on to them."""
    came_with = official.REQUEST[upstream](recording.request) if upstream == recording.protocol else []
    assert came_with or faults_at(upstream, recording.protocol, recording.request, MODELS[upstream]) == []
