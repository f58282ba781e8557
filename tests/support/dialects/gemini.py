"""Gemini's generateContent as Google's servers speak it. https://ai.google.dev/api/generate-content"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tests.support import sse
from tests.support.chat import ToolCall
from tests.support.dialects import gemini_rules
from tests.support.dialects.base import Dialect, body_of
from tests.support.reply import Reply, whole
from tests.support.script import RETRY_AFTER, Asked, Said, Tokens, Trouble, Turn, pieces, sign, token
from tests.support.wire import Request

Part = dict[str, Any]

_PATH = re.compile("/v1(beta)?/models/")  # the vendor's package for Python asks at v1, all others at v1beta
_ESCAPED = "<>&'=\u2028\u2029"

_STATUSES = {
    400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip


class Gemini(Dialect):
    """`generativelanguage.googleapis.com`. `has_ids`: calls have ids, as Gemini 3 makes them."""

    NAME = "gemini"
    MODEL = "gemini-3-pro-preview"

    def __init__(self, *, has_ids: bool = True) -> None:
        self.has_ids = has_ids

    def is_chat(self, request: Request) -> bool:
        return request.method == "POST" and _method(request) in ("generateContent", "streamGenerateContent")

    def aside(self, request: Request) -> Reply | None:
        if _method(request) == "countTokens":
            return whole({"totalTokens": len(request.body) // 4})
        if _PATH.fullmatch(request.target.partition("?")[0] + "/"):
            return whole({"models": [{"name": f"models/{self.MODEL}", "displayName": "Gemini"}]})
        return None

    def judge(self, request: Request) -> None:
        gemini_rules.judge(request, body_of(request), _model(request))

    def asked(self, request: Request) -> Asked:
        body = request.json()
        contents = body["contents"]
        config = gemini_rules.field(body, "generationConfig") or {}
        thinking = gemini_rules.field(config, "thinkingConfig") or {}
        declared = [gemini_rules.field(tool, "functionDeclarations") or [] for tool in body.get("tools", ())]
        return Asked(
            model=_model(request),
            prompt="\n".join(part["text"] for part in _parts(contents, "user") if "text" in part),
            is_stream=_method(request) == "streamGenerateContent",
            thinks=bool(gemini_rules.field(thinking, "includeThoughts")),
            tools=[function["name"] for functions in declared for function in functions],
            said=[_said(list(group)) for role, group in _by_role(contents) if role == "model"],
            results=dict(_results(contents)),
        )

    def whole(self, asked: Asked, turn: Turn, seed: str) -> dict[str, Any]:
        thoughts: list[Part] = [{"text": turn.thinking, "thought": True}] if turn.thinking and asked.thinks else []
        spoken: list[Part] = [{"text": turn.text}] if turn.text else []
        if spoken and not turn.calls:
            spoken[0]["thoughtSignature"] = sign("gemini text", "")
        return _reply(asked, turn, seed, [*thoughts, *spoken, *self._calls(turn, seed)], "STOP")

    def events(self, asked: Asked, turn: Turn, seed: str) -> list[bytes]:
        thoughts: list[Part] = [{"text": piece, "thought": True} for piece in pieces(turn.thinking) if asked.thinks]
        spoken: list[Part] = [{"text": piece} for piece in pieces(turn.text)]
        told = [[part] for part in [*thoughts, *spoken, *self._calls(turn, seed)]]
        # A text's signature comes at the very end, in an empty part.
        last = [{"text": ""}] if turn.calls else [{"text": "", "thoughtSignature": sign("gemini text", "")}]
        replies = [*(_reply(asked, turn, seed, parts) for parts in told), _reply(asked, turn, seed, last, "STOP")]
        return [_event(reply) for reply in replies]

    def _calls(self, turn: Turn, seed: str) -> Iterator[Part]:
        for number, call in enumerate(turn.calls):
            arguments = json.loads(call.text)
            ids = {"id": self.call_id(seed, number)} if self.has_ids else {}
            part: Part = {"functionCall": {"name": call.name, "args": arguments, **ids}}
            # Of parallel calls only the first is signed.
            signature = sign("gemini call", [call.name, arguments])
            yield part if number else {**part, "thoughtSignature": signature}

    def call_id(self, seed: str, number: int) -> str:
        return token(f"{seed}/{number}", 8) if self.has_ids else ""

    def signs(self, asked: Asked, turn: Turn) -> bool:
        return bool(turn.calls)

    def opening(self, events: list[bytes]) -> int:
        return 0

    def error(self, status: int, message: str, trouble: Trouble | None = None) -> Reply:
        return whole(_error_body(status, message), status)

    def error_event(self) -> bytes:
        return _event(_error_body(503, "The model is overloaded. Please try again later."))


def _event(reply: dict[str, Any]) -> bytes:
    """As Google writes it: the vendor's package for Node can't read an event with a bare U+2028."""
    text = json.dumps(reply, ensure_ascii=False)
    return sse.encode(
        "".join(f"\\u{ord(letter):04x}" if letter in _ESCAPED else letter for letter in text), newline="\r\n"
    )


def _method(request: Request) -> str:
    return request.target.partition("?")[0].rpartition(":")[2]


def _model(request: Request) -> str:
    return unquote(_PATH.sub("", request.target.partition("?")[0].rpartition(":")[0], count=1))


def _error_body(status: int, message: str) -> dict[str, Any]:
    error: dict[str, Any] = {"code": status, "message": message, "status": _STATUSES[status]}
    if status == 429:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{RETRY_AFTER}s"}]
    return {"error": error}


def _reply(asked: Asked, turn: Turn, seed: str, parts: list[Part], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = _usage(turn.tokens)
    frame = {"modelVersion": asked.model, "responseId": token(seed)}
    return {"candidates": [candidate], "usageMetadata": usage, **frame}


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "promptTokenCount": tokens.prompt,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": tokens.completion - tokens.reasoning,
        "thoughtsTokenCount": tokens.reasoning,
        "totalTokenCount": tokens.prompt + tokens.completion,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.prompt}],
    }


def _parts(contents: list[dict[str, Any]], role: str) -> Iterator[Part]:
    return (part for content in contents if content.get("role", "user") == role for part in content["parts"])


def _by_role(contents: list[dict[str, Any]]) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    return itertools.groupby(contents, key=lambda content: content.get("role", "user"))


def _said(contents: list[dict[str, Any]]) -> Said:
    parts = [part for content in contents for part in content["parts"]]
    calls = [call for part in parts if (call := gemini_rules.field(part, "functionCall"))]
    return Said(
        text="".join(part.get("text", "") for part in parts if not part.get("thought")),
        thinking="".join(part.get("text", "") for part in parts if part.get("thought")),
        calls=[ToolCall(call["name"], call.get("args") or {}, call.get("id", "")) for call in calls],
        signatures=sum(gemini_rules.field(part, "thoughtSignature") not in gemini_rules.NONE for part in parts),
    )


def _results(contents: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for part in _parts(contents, "user"):
        if result := gemini_rules.field(part, "functionResponse"):
            yield result.get("id") or result["name"], json.dumps(result.get("response"), ensure_ascii=False)
