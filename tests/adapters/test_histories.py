"""Which histories may go to a provider of the same dialect as they came."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters import anthropic, gemini, openai_chat

USER = {"role": "user", "content": "Hi!"}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "sunny"}]}
CALL = {"type": "tool_use", "id": "t", "name": "weather", "input": {}}
ENABLED = {"type": "enabled", "budget_tokens": 2000}


def raw(**fields: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def thought(signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "Hm.", "signature": signature}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(("messages", "thinking", "is_fit"), [
    ([USER], None, True),
    ([USER, said(thought("c2ln"), CALL), RESULT], ENABLED, True),
    ([USER, said(thought("routerd:gemini:c2ln"), CALL), RESULT], None, False),
    ([USER, said(thought(""), CALL), RESULT], None, False),
    ([USER, said(CALL), RESULT], None, True),
    ([USER, said(CALL), RESULT], {"type": "adaptive"}, True),
    ([USER, said(CALL), RESULT], ENABLED, False),
    ([USER, said(CALL), RESULT, USER], ENABLED, True),  # that turn is over
    ([USER, said(CALL), RESULT, said(thought("c2ln"), CALL), RESULT], ENABLED, False),
    ([USER, said({**CALL, "id": "functions.weather:0"}), {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "functions.weather:0", "content": "sunny"},
    ]}], None, False),
    ("no list", ENABLED, True),
])  # fmt: skip
def test_anthropic(messages: Any, thinking: Any, *, is_fit: bool) -> None:
    fields = raw(messages=messages) if thinking is None else raw(messages=messages, thinking=thinking)
    if messages == "no list":
        fields["messages"] = msgspec.Raw(b"[")
    assert anthropic.goes_as_it_is(fields, "claude-sonnet-4-5") is is_fit


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


ASKED = {"role": "user", "parts": [{"text": "Hi!"}]}
FUNCTION = {"functionCall": {"name": "weather", "args": {}}}
SIGNED = {**FUNCTION, "thoughtSignature": "c2ln"}
ANSWERED = {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {}}}]}


@pytest.mark.parametrize(("contents", "name", "is_fit"), [
    ([ASKED], "gemini-3-pro-preview", True),
    ([ASKED, model(SIGNED, FUNCTION), ANSWERED], "gemini-3-pro-preview", True),
    ([ASKED, model(SIGNED), model(FUNCTION), ANSWERED], "gemini-3-pro-preview", True),
    ([ASKED, model(FUNCTION), ANSWERED], "gemini-3-pro-preview", False),
    ([ASKED, model(FUNCTION), ANSWERED], "gemini-2.5-flash", True),
    ([ASKED, model(SIGNED), ANSWERED, model(FUNCTION), ANSWERED], "gemini-3-pro-preview", False),
    ([ASKED, model({"function_call": {}, "thought_signature": "c2ln"}), ANSWERED], "gemini-3-pro-preview", True),
    ([ASKED, model({"thought": True, "text": "", "thoughtSignature": "cm91dGVyZDphbnRocm9waWM6eA=="})],
     "gemini-2.5-flash", False),
])  # fmt: skip
def test_gemini(contents: Any, name: str, *, is_fit: bool) -> None:
    assert gemini.goes_as_it_is(raw(contents=contents), name) is is_fit


def test_chat_completions_always_do() -> None:
    assert openai_chat.goes_as_it_is(raw(messages=[USER]), "gpt-5.2")
