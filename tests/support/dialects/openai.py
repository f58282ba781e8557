"""OpenAI's Chat Completions as an API that thinks aloud speaks it. https://platform.openai.com/docs/api-reference/chat

`reasoning_content` is DeepSeek's: https://api-docs.deepseek.com/guides/thinking_mode
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.support import chat, sse
from tests.support.chat import ToolCall
from tests.support.dialects import openai_rules
from tests.support.dialects.base import Dialect, body_of, texts
from tests.support.reply import Reply, whole
from tests.support.script import RETRY_AFTER, Asked, Said, Tokens, Trouble, Turn, pieces, token
from tests.support.wire import Request


class OpenAI(Dialect):
    """Any provider with that API. `needs_thoughts`: it wants `reasoning_content` back, as DeepSeek does."""

    NAME = "openai"
    MODEL = "deepseek-reasoner"
    BASE = "/v1"

    def __init__(self, *, needs_thoughts: bool = False) -> None:
        self.needs_thoughts = needs_thoughts
        openai_rules.types()  # no request shall wait for these

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and request.target == "/v1/chat/completions"

    def aside(self, request: Request) -> Reply | None:
        if request.target == "/v1/models":
            listed = {"id": self.MODEL, "object": "model", "created": chat.CREATED, "owned_by": "us"}
            return whole({"object": "list", "data": [listed]})
        return None

    def judge(self, request: Request) -> None:
        openai_rules.judge(request, body_of(request), self.needs_thoughts)

    def asked(self, request: Request) -> Asked:
        body = request.json()
        return Asked(
            model=body["model"],
            prompt="\n".join(_texts_of(body["messages"], "user")),
            is_stream=bool(body.get("stream")),
            thinks=True,
            wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            tools=[tool["function"]["name"] for tool in body.get("tools") or ()],
            said=[_said(list(group)) for role, group in _by_role(body["messages"]) if role == "assistant"],
            results={
                turn["tool_call_id"]: "".join(texts(turn["content"]))
                for turn in body["messages"]
                if turn["role"] == "tool"
            },
        )

    def whole(self, asked: Asked, turn: Turn, seed: str) -> dict[str, Any]:
        thought = {"reasoning_content": turn.thinking} if turn.thinking else {}
        calls = self._calls(turn, seed)
        told = chat.completion(
            turn.text or None, calls=calls, model=asked.model, usage=_usage(turn.tokens), finish=None, **thought
        )
        return {**told, "id": _id(seed)}

    def events(self, asked: Asked, turn: Turn, seed: str) -> list[bytes]:
        usage = _usage(turn.tokens) if asked.wants_usage else None
        calls = self._calls(turn, seed)
        role, *told = chat.chunks(pieces(turn.text), calls=calls, usage=usage, model=asked.model)
        thoughts = [
            chat.delta(content=None, reasoning_content=piece, model=asked.model) for piece in pieces(turn.thinking)
        ]
        return chat.events({**chunk, "id": _id(seed)} for chunk in (role, *thoughts, *told))

    def _calls(self, turn: Turn, seed: str) -> list[ToolCall]:
        return [ToolCall(call.name, call.text, self.call_id(seed, number)) for number, call in enumerate(turn.calls)]

    def call_id(self, seed: str, number: int) -> str:
        return f"call_{number}_{token(f'{seed}/{number}', 20)}"

    def signs(self, asked: Asked, turn: Turn) -> bool:
        return False

    def opening(self, events: list[bytes]) -> int:
        return 1  # the role

    def error(self, status: int, message: str, trouble: Trouble | None = None) -> Reply:
        kind = "invalid_request_error" if status == 400 else "server_error"
        headers = [("Retry-After", str(RETRY_AFTER))] if status == 429 else []
        return chat.error(status, message, type=kind, code="rate_limit_exceeded" if status == 429 else None,
                          headers=headers)  # fmt: skip

    def error_event(self) -> bytes:
        return sse.encode(chat.error_body("The server is overloaded.", code="server_overloaded"))


def _id(seed: str) -> str:
    return f"chatcmpl-{token(seed)}"


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def _by_role(messages: list[dict[str, Any]]) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    return itertools.groupby(messages, key=lambda turn: turn["role"])


def _texts_of(messages: list[dict[str, Any]], role: str) -> Iterator[str]:
    return (text for turn in messages if turn["role"] == role for text in texts(turn["content"]))


def _said(turns: list[dict[str, Any]]) -> Said:
    """Some write one turn of the model as several messages."""
    return Said(
        text="".join(text for turn in turns for text in texts(turn.get("content"))),
        thinking="".join(turn.get("reasoning_content") or "" for turn in turns),
        calls=[
            ToolCall(call["function"]["name"], json.loads(call["function"]["arguments"] or "{}"), call["id"])
            for turn in turns
            for call in turn.get("tool_calls") or ()
        ],
    )
