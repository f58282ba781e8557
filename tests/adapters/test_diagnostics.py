"""What providers say of their own work is left out without a word; what stands in the same place and tells more is not.

The replies are as the vendors' references have them: what an ordinary one holds, of each vendor.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters.base import Framing
from routerd.adapters.diagnostics import DIAGNOSTICS
from routerd.adapters.table import ADAPTERS
from routerd.adapters.unsaid import unsaid
from routerd.chat.events import collect, replay

HARMLESS = {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}
BLOCKED = {**HARMLESS, "probability": "HIGH", "blocked": True}
CLEAN = {"hate": {"filtered": False, "severity": "safe"}, "jailbreak": {"detected": False, "filtered": False}}
FOUND = {**CLEAN, "jailbreak": {"detected": True, "filtered": False}}


def openai(*, of_usage: dict[str, Any] | None = None, of_choice: dict[str, Any] | None = None, **more: Any) -> Any:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    return {
        "id": "reply-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [choice | (of_choice or {})],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8} | (of_usage or {}),
        **more,
    }


def anthropic(**of_usage: Any) -> Any:
    return {
        "id": "reply-1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 3, **of_usage},
    }


def gemini(*, of_usage: dict[str, Any] | None = None, of_candidate: dict[str, Any] | None = None, **more: Any) -> Any:
    candidate = {"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP", "index": 0}
    return {
        "candidates": [candidate | (of_candidate or {})],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3} | (of_usage or {}),
        "modelVersion": "m",
        "responseId": "reply-1",
        **more,
    }


# Case, whose dialect, the reply, what is named of it.
REPLIES: list[tuple[str, str, Any, list[str]]] = [
    ("OpenAI's", "openai", openai(system_fingerprint="fp_1", service_tier="default"), []),
    ("Groq's", "openai", openai(of_usage={"queue_time": 0.1, "total_time": 0.2}, x_groq={"id": "1", "seed": 7}), []),
    ("OpenRouter's", "openai", openai(
        of_usage={"cost": 0.01, "cost_details": {"upstream_inference_cost": 0.01}, "is_byok": True},
        of_choice={"native_finish_reason": "STOP"},
        provider="Google",
    ), []),
    ("Cerebras's", "openai", openai(time_info={"queue_time": 0.1, "created": 1.5}), []),
    ("llama.cpp's", "openai", openai(timings={"prompt_n": 5, "predicted_per_second": 80.5}), []),
    ("xAI's", "openai", openai(
        of_usage={"cost_in_usd_ticks": 9, "prompt_tokens_details": {"text_tokens": 5, "image_tokens": 1}}
    ), []),
    ("Azure's", "openai", openai(
        prompt_filter_results=[{"prompt_index": 0, "content_filter_results": CLEAN}],
        of_choice={"content_filter_results": CLEAN},
    ), []),
    ("Azure's with a find", "openai", openai(
        prompt_filter_results=[{"prompt_index": 0, "content_filter_results": FOUND}],
        of_choice={"content_filter_results": CLEAN},
    ), ["/prompt_filter_results"]),
    ("SGLang's token", "openai", openai(of_choice={"matched_stop": 151645}), []),
    ("SGLang's stop sequence", "openai", openai(of_choice={"matched_stop": "END"}), ["/choices/0/matched_stop"]),
    ("OpenAI's with sound", "openai", openai(of_usage={"prompt_tokens_details": {"text_tokens": 1, "audio_tokens": 4}}),
     ["/usage/prompt_tokens_details/audio_tokens"]),
    ("Perplexity's sources", "openai", openai(search_results=[{"title": "News"}]), ["/search_results"]),
    ("Anthropic's", "anthropic", anthropic(
        service_tier="standard", inference_geo="us", cache_creation={"ephemeral_5m_input_tokens": 4}
    ), []),
    ("Anthropic's with a search", "anthropic", anthropic(server_tool_use={"web_search_requests": 1}),
     ["/usage/server_tool_use"]),
    ("Google's", "gemini", gemini(
        of_candidate={"safetyRatings": [HARMLESS], "avgLogprobs": -0.5, "finishMessage": "Model generated a text."},
        of_usage={"trafficType": "ON_DEMAND", "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 4}]},
        createTime="2026-01-01T00:00:00Z",
        promptFeedback={"safetyRatings": [HARMLESS]},
    ), []),
    ("Google's with a block", "gemini", gemini(of_candidate={"safetyRatings": [HARMLESS, BLOCKED]}),
     ["/candidates/0/safetyRatings"]),
    ("Google's with sound", "gemini", gemini(
        of_usage={"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}]}
    ), ["/usageMetadata/promptTokensDetails"]),
]  # fmt: skip


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "said", "named"), [case[1:] for case in REPLIES], ids=[each[0] for each in REPLIES]
)
def test_an_ordinary_reply_names_nothing(dialect: str, said: Any, named: list[str], is_stream: bool) -> None:
    reply = ADAPTERS[dialect].parse_reply(msgspec.json.encode(said))
    if is_stream:
        reply = collect(replay(reply))
    for caller in {"openai", "anthropic", "gemini"} - {dialect}:
        found = unsaid(reply, dialect, caller, Framing("reply-2", 0), is_stream=is_stream)
        assert [each for each in found if not each.startswith(tuple(named))] == []
        assert len(found) >= len(named)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_a_caller_of_the_same_dialect_gets_them(dialect: str) -> None:
    """Where the place is not within a list, which no repaired reply keeps."""
    for _, source, said, _ in REPLIES:
        if source == dialect:
            reply = ADAPTERS[dialect].parse_reply(msgspec.json.encode(said))
            told = ADAPTERS[dialect].render_reply(reply, Framing("reply-2", 0))
            for row in DIAGNOSTICS:
                for field in row.fields if row.dialect == dialect else ():
                    if "*" not in field and (value := at(said, field)):
                        assert at(told, field) == value, field


def at(said: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        said = said.get(step) if isinstance(said, dict) else None
    return said


def test_no_field_has_two_rows() -> None:
    fields = [(row.dialect, field) for row in DIAGNOSTICS for field in row.fields]
    assert len(set(fields)) == len(fields)
