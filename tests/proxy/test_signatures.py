"""What a provider signs comes back to it, though most callers drop it: across turns, restarts and failover."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import sse
from tests.support.daemon import Daemon
from tests.support.gate import Gate
from tests.support.reply import Reply, Until, event_stream, whole
from tests.support.stage import SERVER, defaults
from tests.support.upstream import Upstream
from tests.support.wire import Request

SIGNATURE = "c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg=="
THOUGHT = "The user wants the weather, so I need the tool."
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
ASKED = {"role": "user", "content": "How is the weather in Oslo?"}


def claude(request: Request) -> Reply:
    """Thinks, signs, and calls a tool."""
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
    ]
    usage = {"input_tokens": 5, "output_tokens": 9}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
    if not request.json().get("stream"):
        return whole({**message, "content": blocks, "stop_reason": "tool_use", "usage": usage})
    thinking, call = blocks
    delta = "content_block_delta"
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {**thinking, "thinking": "", "signature": ""}},
        {"type": delta, "index": 0, "delta": {"type": "thinking_delta", "thinking": THOUGHT}},
        {"type": delta, "index": 0, "delta": {"type": "signature_delta", "signature": SIGNATURE}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {**call, "input": {}}},
        {"type": delta, "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    return event_stream(*(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events))


def gemini(_: Request) -> Reply:
    """Signs the call itself."""
    call = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": SIGNATURE}
    content = {"role": "model", "parts": [call]}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    return whole({"candidates": [candidate], "usageMetadata": usage, "responseId": "r1", "modelVersion": "gemini-3"})


def config(upstreams: dict[str, Upstream]) -> str:
    models = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-3-pro-preview"}
    lines = [
        f"  {name}: {{adapter: {name}, base_url: {upstream.base_url}, api_key: sk-x, models: [{models[name]}]}}"
        for name, upstream in upstreams.items()
    ]
    routes = [f"  to-{name}: [{name}/{models[name]}]" for name in upstreams]
    return "\n".join([SERVER + defaults() + "providers:", *lines, "routes:", *routes, ""])


def asking(model: str, messages: list[dict[str, Any]], *, stream: bool) -> dict[str, Any]:
    return {"model": model, "messages": messages, "tools": [TOOL], "reasoning_effort": "medium", "stream": stream}


def ask(daemon: Daemon, model: str, messages: list[dict[str, Any]], *, stream: bool = False) -> dict[str, Any]:
    """One turn of a caller that keeps text and tool calls alone; returns its assistant message."""
    answer = daemon.post(asking(model, messages, stream=stream))
    assert answer.status == 200, answer.body
    if stream:
        return said_in(answer.story.chunks)
    calls = answer.json()["choices"][0]["message"]["tool_calls"]
    return {"role": "assistant", "content": None, "tool_calls": [bare(call) for call in calls]}


def said_in(chunks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The assistant message with one tool call that the chunks of a stream tell."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    pieces = [call for delta in deltas for call in delta.get("tool_calls", ())]
    arguments = "".join(piece["function"].get("arguments", "") for piece in pieces)
    call = {"id": pieces[0]["id"], "function": {"name": pieces[0]["function"]["name"], "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [bare(call)]}


def bare(call: dict[str, Any]) -> dict[str, Any]:
    return {"id": call["id"], "type": "function", "function": call["function"]}


def turn(said: dict[str, Any]) -> list[dict[str, Any]]:
    result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "sunny"}
    return [ASKED, said, result]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
def test_anthropic_gets_its_signed_thinking_back(tmp_path: Path, *, restarted: bool, stream: bool) -> None:
    with Upstream(claude) as upstream:
        text = config({"anthropic": upstream})
        with Daemon(tmp_path, text) as daemon:
            said = ask(daemon, "to-anthropic", [ASKED], stream=stream)
            if not restarted:
                ask(daemon, "to-anthropic", turn(said))
        if restarted:
            with Daemon(tmp_path, text) as daemon:
                ask(daemon, "to-anthropic", turn(said))
        content = upstream.requests[-1].json()["messages"][1]["content"]
        assert content[0] == {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
        assert content[1]["type"] == "tool_use"


def test_who_has_heard_all_may_come_back_before_the_upstream_has_ended(tmp_path: Path) -> None:
    """The last event and the last chunk are two writes of the provider, and callers know the end by the event."""
    gate = Gate()

    def lingering(request: Request) -> Reply:
        reply = claude(request)
        if not request.json().get("stream"):
            return reply
        *told, last_chunk = reply.steps
        return Reply((*told, Until(gate), last_chunk))

    with Upstream(lingering) as upstream, Daemon(tmp_path, config({"anthropic": upstream})) as daemon:
        with daemon.caller() as caller:
            caller.request("POST", "/v1/chat/completions", asking("to-anthropic", [ASKED], stream=True))
            heard = b""
            for piece in caller.pieces(caller.head()):
                heard += piece
                if b'"finish_reason":"tool_calls"' in heard:
                    break
            ask(daemon, "to-anthropic", turn(said_in(sse.story(sse.decode(heard)).chunks)))
        assert SIGNATURE in json.dumps(upstream.requests[-1].json())
        gate.open()


def test_gemini_gets_the_signature_of_its_call_back(tmp_path: Path) -> None:
    with Upstream(gemini) as upstream, Daemon(tmp_path, config({"gemini": upstream})) as daemon:
        ask(daemon, "to-gemini", turn(ask(daemon, "to-gemini", [ASKED])))
        [_, model, _] = upstream.requests[-1].json()["contents"]
        assert model["parts"][0]["thoughtSignature"] == SIGNATURE


def test_what_one_family_signed_is_not_sent_to_another(tmp_path: Path) -> None:
    with (
        Upstream(claude) as anthropic,
        Upstream(gemini) as google,
        Daemon(tmp_path, config({"anthropic": anthropic, "gemini": google})) as daemon,
    ):
        ask(daemon, "to-gemini", turn(ask(daemon, "to-anthropic", [ASKED])))
        assert SIGNATURE not in json.dumps(google.requests[-1].json())
        ask(daemon, "to-anthropic", turn(ask(daemon, "to-gemini", [ASKED])))
        assert SIGNATURE not in json.dumps(anthropic.requests[-1].json())
