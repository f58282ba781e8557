"""What of a reply its caller has no place for is named; and thoughts that vendors want back are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import chat
from tests.support.daemon import Daemon
from tests.support.reply import Reply, event_stream, whole
from tests.support.stage import SERVER, defaults
from tests.support.upstream import Upstream
from tests.support.wire import Request

PAGE = {"uri": "https://news.example.org/", "title": "News"}
GROUNDED = {
    "groundingChunks": [{"web": PAGE}],
    "groundingSupports": [{"segment": {"endIndex": 5, "text": "Sunny"}, "groundingChunkIndices": [0]}],
    "webSearchQueries": ["weather"],
}
LOST = ["reply:/candidates/0/groundingMetadata/webSearchQueries"]


def google(request: Request) -> Reply:
    """An answer from the web."""
    candidate = {
        "content": {"role": "model", "parts": [{"text": "Sunny."}]},
        "index": 0,
        "finishReason": "STOP",
        "groundingMetadata": GROUNDED,
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
    }
    said = {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "trafficType": "ON_DEMAND"},
        "createTime": "2026-01-01T00:00:00Z",
    }
    if "stream" in request.target:
        return event_stream(f"data: {json.dumps(said)}\r\n\r\n".encode())
    return whole(said)


def deepseek(_: Request) -> Reply:
    """Thinks, and calls a tool."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": "", "reasoning_content": "I need the tool.", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return whole({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def config(upstream: Upstream, provider: str) -> str:
    entry = f"  one: {{{provider}, base_url: {upstream.base_url}, api_key: sk-x, models: [m]}}"
    return "\n".join([SERVER + defaults() + "providers:", entry, "routes:", "  r: [one/m]", ""])


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "r", "messages": [{"role": "user", "content": "How is the weather?"}], **more}


def test_a_whole_reply_names_what_is_lost_of_it(tmp_path: Path) -> None:
    with Upstream(google) as upstream, Daemon(tmp_path, config(upstream, "adapter: gemini")) as daemon:
        answer = daemon.post(asked())
        assert sorted(answer.headers["x-routerd-dropped"].split(",")) == LOST
        cited = {"url": PAGE["uri"], "title": "News", "start_index": 0, "end_index": 5}
        message = answer.json()["choices"][0]["message"]
        assert message["annotations"] == [{"type": "url_citation", "url_citation": cited}]
        line = daemon.wait_log(lambda line: line.get("event") == "attempt", "the attempt is told")
        assert sorted(line["dropped"]) == LOST
        [row] = daemon.get(f"/api/requests/{line['request_id']}").json()["attempts"]
        assert row["dropped"] == line["dropped"]


def test_what_a_provider_was_not_told_is_in_the_ledger_up_to_a_bound(tmp_path: Path) -> None:
    with Upstream(google) as upstream, Daemon(tmp_path, config(upstream, "adapter: gemini")) as daemon:
        many = {f"x-{number}" + 300 * "y": 1 for number in range(100)}
        answer = daemon.post(asked(**many))
        [row] = daemon.get(f"/api/requests/{answer.headers['x-routerd-request-id']}").json()["attempts"]
        assert all(pointer.startswith("/x-") for pointer in row["dropped"])
        assert (len(row["dropped"]), max(map(len, row["dropped"]))) == (64, 256)


def test_a_stream_names_it_in_a_comment_at_its_end(tmp_path: Path) -> None:
    with Upstream(google) as upstream, Daemon(tmp_path, config(upstream, "adapter: gemini")) as daemon:
        answer = daemon.post(asked(stream=True))
        assert "x-routerd-dropped" not in answer.headers
        last = answer.body.decode().rstrip("\n").rpartition("\n")[2]
        assert last.startswith(": x-routerd-dropped: reply:/candidates/0/")
        assert '"annotations"' in answer.body.decode()


def test_thoughts_that_a_vendor_wants_back_are_kept_for_callers_who_drop_them(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    with Upstream(deepseek) as upstream, Daemon(tmp_path, config(upstream, "vendor: deepseek")) as daemon:
        said = daemon.post(asked(tools=[tool])).json()["choices"][0]["message"]
        history = asked()["messages"]
        history += [{"role": "assistant", "content": None, "tool_calls": said["tool_calls"]}]
        history += [{"role": "tool", "tool_call_id": "call_1", "content": "sunny"}]
        history += [{"role": "assistant", "content": "Sunny."}, {"role": "user", "content": "And now?"}]
        assert daemon.post(asked(messages=history, tools=[tool])).status == 200
        sent = [each for each in upstream.requests[-1].json()["messages"] if each["role"] == "assistant"]
        assert [each["reasoning_content"] for each in sent] == ["I need the tool.", ""]
        assert upstream.requests[-1].json()["messages"][1]["tool_calls"][0]["id"] == "call_1"


def test_who_cools_down_is_asked_when_nobody_else_can_be_told(tmp_path: Path) -> None:
    providers = "providers:\n  plain: {{base_url: {}, models: [m], quirks: {{stream_options: false}}}}\n"
    providers += "  able: {{base_url: {}, models: [m]}}\n"
    routes = "routes:\n  r: {on_loss: reject, nodes: [plain/m, able/m]}\n  alone: [able/m]\n"
    with Upstream(chat.good) as plain, Upstream(chat.good) as able:
        text = SERVER + defaults() + providers.format(plain.base_url, able.base_url) + routes
        able.script(chat.error(429, "Slow down.", headers=[("Retry-After", "50")]))
        with Daemon(tmp_path, text) as daemon:
            assert daemon.post(asked(model="alone")).status == 429
            answer = daemon.post(asked(stream=True, stream_options={"include_usage": True}))
    assert (answer.status, answer.headers["x-routerd-provider"]) == (200, "able")
    assert (answer.headers["x-routerd-attempts"], plain.requests) == ("1", [])
