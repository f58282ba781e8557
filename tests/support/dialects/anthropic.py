"""Anthropic's Messages API as its servers speak it. https://platform.claude.com/docs/en/api/messages"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support import sse
from tests.support.chat import ToolCall
from tests.support.dialects import anthropic_rules
from tests.support.dialects.base import Dialect, body_of, texts
from tests.support.reply import Reply, whole
from tests.support.script import FIRST_THOUGHT, RETRY_AFTER, Asked, Said, Tokens, Trouble, Turn, pieces, sign, token
from tests.support.wire import Request

_ERRORS = {
    400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error",
    529: "overloaded_error",
}  # fmt: skip


class Anthropic(Dialect):
    """`api.anthropic.com`."""

    NAME = "anthropic"
    MODEL = "claude-opus-4-6"

    def __init__(self) -> None:
        for is_beta in (False, True):
            anthropic_rules.types(is_beta)  # no request shall wait for these

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and _path(request) == "/v1/messages"

    def aside(self, request: Request) -> Reply | None:
        path = _path(request)
        if path == "/v1/messages/count_tokens":
            return whole({"input_tokens": len(request.body) // 4})
        if path == "/v1/models":
            listed = {"type": "model", "id": self.MODEL, "display_name": "Claude", "created_at": "2026-02-05T00:00:00Z"}
            return whole({"data": [listed], "has_more": False, "first_id": self.MODEL, "last_id": self.MODEL})
        return None

    def judge(self, request: Request) -> None:
        anthropic_rules.judge(request, body_of(request))

    def asked(self, request: Request) -> Asked:
        body = request.json()
        thinking = body.get("thinking") or {}
        said = [_said(turn) for turn in body["messages"] if turn["role"] == "assistant"]
        return Asked(
            model=body["model"],
            prompt="\n".join(text for turn in body["messages"] if turn["role"] == "user" for text in _said_by(turn)),
            is_stream=bool(body.get("stream")),
            thinks=thinking.get("type") in ("enabled", "adaptive"),
            shows_thinking=thinking.get("display") != "omitted",
            tools=[tool["name"] for tool in body.get("tools", ())],
            said=said,
            must_think=thinking.get("type") == "enabled" and not said,
            results=dict(_results(body["messages"])),
        )

    def whole(self, asked: Asked, turn: Turn, seed: str) -> dict[str, Any]:
        stop = "tool_use" if turn.calls else "end_turn"
        content = list(self._blocks(asked, turn, seed))
        frame = _message(asked.model, seed)
        return {**frame, "content": content, "stop_reason": stop, "usage": _usage(turn.tokens, asked)}

    def events(self, asked: Asked, turn: Turn, seed: str) -> list[bytes]:
        usage = _usage(turn.tokens, asked)
        started = {**_message(asked.model, seed), "usage": {**usage, "output_tokens": 1}}
        told = [_event("message_start", message=started)]
        for index, block in enumerate(self._blocks(asked, turn, seed)):
            told += _grown(index, block)
            told += [_event("ping")] if not index else []
        stop = "tool_use" if turn.calls else "end_turn"
        told.append(_event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage))
        return [*told, _event("message_stop")]

    def _blocks(self, asked: Asked, turn: Turn, seed: str) -> Iterator[dict[str, Any]]:
        if asked.thinks and (turn.thinking or asked.must_think):
            yield _thought(turn, asked.shows_thinking)
        if turn.text:
            yield {"type": "text", "text": turn.text}
        for number, call in enumerate(turn.calls):
            id = self.call_id(seed, number)
            yield {"type": "tool_use", "id": id, "name": call.name, "input": json.loads(call.text)}

    def call_id(self, seed: str, number: int) -> str:
        return f"toolu_01{token(f'{seed}/{number}')}"

    def signs(self, asked: Asked, turn: Turn) -> bool:
        return asked.thinks and bool(turn.thinking)

    def opening(self, events: list[bytes]) -> int:
        return 1  # message_start

    def error(self, status: int, message: str, trouble: Trouble | None = None) -> Reply:
        status = 529 if trouble is Trouble.OVERLOADED else status
        headers = [("request-id", "req_011"), *([("retry-after", str(RETRY_AFTER))] if status == 429 else [])]
        return whole(_error_body(_ERRORS[status], message), status, headers)

    def error_event(self) -> bytes:
        return sse.encode(_error_body("overloaded_error", "Overloaded"), name="error")


def _path(request: Request) -> str:
    return request.target.partition("?")[0]


def _event(kind: str, **fields: Any) -> bytes:
    return sse.encode({"type": kind, **fields}, name=kind)


def _error_body(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"}


def _message(model: str, seed: str) -> dict[str, Any]:
    frame = {"id": f"msg_01{token(seed)}", "type": "message", "role": "assistant", "model": model}
    return {**frame, "content": [], "stop_reason": None, "stop_sequence": None}


def _usage(tokens: Tokens, asked: Asked) -> dict[str, Any]:
    thought = {"output_tokens_details": {"thinking_tokens": tokens.reasoning}} if asked.thinks else {}
    prompt = {"input_tokens": tokens.prompt - tokens.cached, "cache_creation_input_tokens": 0}
    return {**prompt, "cache_read_input_tokens": tokens.cached, "output_tokens": tokens.completion, **thought}


def _thought(turn: Turn, is_shown: bool) -> dict[str, Any]:
    if turn.is_redacted:
        return {"type": "redacted_thinking", "data": sign("anthropic redacted", "")}
    shown = (turn.thinking or FIRST_THOUGHT) if is_shown else ""
    return {"type": "thinking", "thinking": shown, "signature": sign("anthropic", shown)}


def _grown(index: int, block: dict[str, Any]) -> list[bytes]:
    """The events that tell one block."""
    empty, deltas = _IN_PIECES[block["type"]](block)
    told = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    started = _event("content_block_start", index=index, content_block=empty)
    return [started, *told, _event("content_block_stop", index=index)]


Growth = tuple[dict[str, Any], list[dict[str, Any]]]


def _text_grows(block: dict[str, Any]) -> Growth:
    return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]


def _thinking_grows(block: dict[str, Any]) -> Growth:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return {**block, "thinking": "", "signature": ""}, [*deltas, signed]


def _input_grows(block: dict[str, Any]) -> Growth:
    written = json.dumps(block["input"]) if block["input"] else ""
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(written)]]
    return {**block, "input": {}}, deltas


_IN_PIECES = {
    "text": _text_grows,
    "thinking": _thinking_grows,
    "redacted_thinking": lambda block: (block, []),
    "tool_use": _input_grows,
}


def _said(turn: dict[str, Any]) -> Said:
    if isinstance(turn["content"], str):
        return Said(turn["content"])
    return Said(
        text="".join(block["text"] for block in turn["content"] if block["type"] == "text"),
        thinking="".join(block["thinking"] for block in turn["content"] if block["type"] == "thinking"),
        calls=[
            ToolCall(block["name"], block["input"], block["id"])
            for block in turn["content"]
            if block["type"] == "tool_use"
        ],
        signatures=sum(block["type"] in anthropic_rules.THOUGHTS for block in turn["content"]),
    )


def _said_by(turn: dict[str, Any]) -> Iterator[str]:
    return texts(turn["content"])


def _results(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for turn in messages:
        for block in turn["content"] if isinstance(turn["content"], list) else ():
            if block["type"] == "tool_result":
                yield block["tool_use_id"], "".join(texts(block.get("content", "")))
