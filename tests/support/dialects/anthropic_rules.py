"""What Anthropic's servers answer 400 to: its package's types, and the rules that its docs and its errors tell.

https://platform.claude.com/docs/en/api/errors
https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from anthropic.types.beta.message_create_params import MessageCreateParams as BetaParams
from anthropic.types.message_create_params import MessageCreateParams as Params
from pydantic import TypeAdapter

from tests.support.dialects.base import refuse
from tests.support.dialects.types import conforms
from tests.support.script import is_signed
from tests.support.wire import Request

Block = dict[str, Any]

MOST_TOKENS = 128_000
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SAMPLING = ("temperature", "top_p", "top_k")  # gone from the package, still taken where nobody thinks
THOUGHTS = ("thinking", "redacted_thinking")


@cache
def types(is_beta: bool) -> TypeAdapter[Any]:
    """The package's type of a request. Takes a second the first time."""
    return TypeAdapter(BetaParams if is_beta else Params)


def judge(request: Request, body: dict[str, Any]) -> None:
    """Raises Refused for the first rule that the request breaks."""
    refuse(not request.get("x-api-key") and not request.get("authorization"), "x-api-key header is required")
    refuse(not request.get("anthropic-version"), "anthropic-version: header is required")
    refuse("max_tokens" not in body, "max_tokens: Field required")
    typed = {name: value for name, value in body.items() if name not in _SAMPLING}
    conforms(types(bool(request.get("anthropic-beta"))), typed)
    _limits(body)
    _tools(body)
    _thinking(body, "interleaved-thinking" in (request.get("anthropic-beta") or ""))
    turns = [(at, turn["role"], _blocks(turn)) for at, turn in enumerate(body["messages"]) if turn["role"] != "system"]
    _order(turns)
    for at, role, blocks in turns:
        _blocks_are_full(at, role, blocks)
    _calls_are_answered(turns)
    _thoughts_are_whole(turns, body.get("thinking") or {})
    _marks(body)


def _blocks(turn: dict[str, Any]) -> list[Block]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _limits(body: dict[str, Any]) -> None:
    most = f"max_tokens: {body['max_tokens']} > {MOST_TOKENS}, which is the maximum allowed number of output tokens"
    refuse(body["max_tokens"] > MOST_TOKENS, most)
    refuse(body["max_tokens"] < 1, "max_tokens: must be greater than or equal to 1")
    blank = [stop for stop in body.get("stop_sequences", ()) if not stop.strip()]
    refuse(bool(blank), "stop_sequences: each stop sequence must contain non-whitespace")
    refuse(not 0 <= body.get("temperature", 1) <= 1, "temperature: range: 0..1")
    system = body.get("system") or ()
    empty = not isinstance(system, str) and any(not block["text"] for block in system)
    refuse(empty, "system: text content blocks must be non-empty")


def _tools(body: dict[str, Any]) -> None:
    tools = body.get("tools") or []
    names = [tool.get("name") for tool in tools]
    refuse(len(set(names)) < len(names), "tools: Tool names must be unique.")
    refuse("tool_choice" in body and not tools, "tool_choice: may only be specified while providing tools.")
    for number, tool in enumerate(tools):
        at, schema = f"tools.{number}.custom", tool.get("input_schema")
        refuse(not _TOOL_NAME.fullmatch(tool["name"]), f"{at}.name: String should match pattern")
        if schema is not None:
            refuse(schema.get("type") != "object", f"{at}.input_schema.type: Field required")
            odd = schema.keys() & {"oneOf", "allOf", "anyOf"}
            refuse(bool(odd), f"{at}.input_schema: does not support oneOf, allOf, or anyOf at the top level")
    used = any(block["type"] in ("tool_use", "tool_result") for turn in body["messages"] for block in _blocks(turn))
    refuse(used and not tools, "Requests which include `tool_use` or `tool_result` blocks must define tools.")


def _thinking(body: dict[str, Any], is_interleaved: bool) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return
    budget = thinking.get("budget_tokens", 1024)
    refuse(budget < 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    over = budget >= body["max_tokens"] and thinking["type"] == "enabled" and not is_interleaved
    refuse(over, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    refuse(forced, "Thinking may not be enabled when tool_choice forces tool use.")
    refuse(body.get("temperature", 1) != 1, "`temperature` may only be set to 1 when thinking is enabled.")
    refuse("top_k" in body, "`top_k` must be unset when thinking is enabled.")


Turns = list[tuple[int, str, list[Block]]]


def _order(turns: Turns) -> None:
    roles = [role for _, role, _ in turns]
    refuse(not roles or roles[0] != "user", 'messages: first message must use the "user" role')
    # The servers would merge two in a row; a translation has no reason to send them.
    twice = [at for (at, role, _), before in zip(turns[1:], roles, strict=False) if role == before]
    refuse(bool(twice), f"messages.{twice}: roles must alternate")
    refuse(roles[-1] != "user", "This model does not support assistant message prefill.")


def _blocks_are_full(at: int, role: str, blocks: list[Block]) -> None:
    refuse(not blocks, f"messages.{at}: all messages must have non-empty content")
    for number, block in enumerate(blocks):
        where, kind = f"messages.{at}.content.{number}", block["type"]
        if kind == "text":
            refuse(not block["text"], f"{where}: text content blocks must be non-empty")
            refuse(not block["text"].strip(), f"{where}: text content blocks must contain non-whitespace text")
        elif kind == "tool_use":
            refuse(role != "assistant", f"{where}: `tool_use` blocks can only be in `assistant` messages")
            refuse(not _ID.fullmatch(block["id"]), f"{where}.tool_use.id: String should match pattern")
        elif kind == "tool_result":
            refuse(role != "user", f"{where}: `tool_result` blocks can only be in `user` messages")


def _calls_are_answered(turns: Turns) -> None:
    ids = [block["id"] for _, _, blocks in turns for block in blocks if block["type"] == "tool_use"]
    refuse(len(set(ids)) < len(ids), "messages: `tool_use` ids must be unique")
    before: list[str] = []
    for at, _, blocks in turns:
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        first = [block["type"] for block in blocks[: len(results)]]
        missing = [id for id in before if id not in results]
        told = f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}"
        refuse(bool(missing) or bool(set(first) - {"tool_result"}), told)
        strange = [id for id in results if id not in before]
        refuse(bool(strange), f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {strange}")
        refuse(len(set(results)) < len(results), f"messages.{at}: each tool_use must have a single result.")
        before = [block["id"] for block in blocks if block["type"] == "tool_use"]


def _thoughts_are_whole(turns: Turns, thinking: dict[str, Any]) -> None:
    for at, role, blocks in turns:
        for number, block in enumerate(blocks):
            if block["type"] in THOUGHTS:
                where = f"messages.{at}.content.{number}"
                refuse(role != "assistant", f"{where}: thinking blocks can only be in `assistant` messages")
                refuse(not _is_ours(block), f"{where}: Invalid `signature` in `thinking` block")
    if thinking.get("type") == "enabled":
        _turn_begins_with_a_thought(turns)


def _turn_begins_with_a_thought(turns: Turns) -> None:
    """A turn goes from what the user last said to the end, over all calls and results in between."""
    said = [_kinds(blocks) != {"tool_result"} for _, _, blocks in turns]
    prompt = max(place for place, (_, role, _) in enumerate(turns) if role == "user" and said[place])
    for at, _, blocks in turns[prompt + 1 : prompt + 2]:
        told = f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
        refuse(blocks[0]["type"] not in THOUGHTS, f"{told} `{blocks[0]['type']}`.")


def _kinds(blocks: list[Block]) -> set[str]:
    return {block["type"] for block in blocks}


def _is_ours(block: Block) -> bool:
    if block["type"] == "redacted_thinking":
        return is_signed("anthropic redacted", "", block["data"])
    return is_signed("anthropic", block["thinking"], block["signature"])


def _marks(body: dict[str, Any]) -> None:
    count = sum(1 for _ in _marked(body))
    refuse(count > 4, f"A maximum of 4 blocks with cache_control may be provided. Found {count}.")


def _marked(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if value.get("cache_control"):
            yield value
        for name, inner in value.items():
            if name not in ("input", "input_schema"):
                yield from _marked(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _marked(inner)
