"""Every door reaches every provider: relayed where both speak the same dialect, translated where they don't."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.reply import Reply, event_stream, whole
from tests.support.stage import SERVER, defaults
from tests.support.upstream import Upstream
from tests.support.wire import Request

DIALECTS = ("openai", "anthropic", "gemini")
MODELS = {"openai": "gpt-5.2", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
TEXT = "Hello there."
ANTHROPIC_USAGE = {"input_tokens": 8, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0}
GEMINI_USAGE = {
    "promptTokenCount": 11,
    "cachedContentTokenCount": 3,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
    "totalTokenCount": 18,
}

# What each provider answers


def openai_answer(request: Request) -> Reply:
    return chat.good(request)


def anthropic_answer(request: Request) -> Reply:
    if request.target.endswith("/count_tokens"):
        return whole({"input_tokens": 4321})
    body = request.json()
    if body.get("stream"):
        return event_stream(*anthropic_events())
    content = [{"type": "text", "text": TEXT}]
    usage = {**ANTHROPIC_USAGE, "output_tokens": 7}
    return whole({**message(), "content": content, "stop_reason": "end_turn", "usage": usage})


def message() -> dict[str, Any]:
    model = MODELS["anthropic"]
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def anthropic_events() -> list[bytes]:
    started = {**message(), "content": [], "stop_reason": None, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        named({"type": "message_start", "message": started}),
        named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        *(named(text_delta(piece)) for piece in ("Hello", " there", ".")),
        named({"type": "content_block_stop", "index": 0}),
        named({"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}),
        named({"type": "message_stop"}),
    ]


def text_delta(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def named(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


OVERLOADED = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def gemini_answer(request: Request) -> Reply:
    if ":countTokens" in request.target:
        return whole({"totalTokens": 4321})
    if ":generateContent" in request.target:
        return whole(candidate(TEXT, is_last=True))
    return event_stream(*gemini_events())


def gemini_events() -> list[bytes]:
    chunks = [candidate("Hello"), candidate(" there"), candidate(".", is_last=True)]
    return [b"data: %b\r\n\r\n" % json.dumps(chunk).encode() for chunk in chunks]


def candidate(text: str, *, is_last: bool = False) -> dict[str, Any]:
    content = {"parts": [{"text": text}], "role": "model"}
    end = {"finishReason": "STOP"} if is_last else {}
    chunk = {"candidates": [{"content": content, "index": 0, **end}], "modelVersion": "gemini-2.5-flash"}
    return {**chunk, "responseId": "resp_1", **({"usageMetadata": GEMINI_USAGE} if is_last else {})}


ANSWERS = {"openai": openai_answer, "anthropic": anthropic_answer, "gemini": gemini_answer}

# How each caller asks, and what it reads


def ask(daemon: Daemon, door: str, model: str, *, stream: bool = False, **fields: Any) -> Response:
    messages = [{"role": "user", "content": "Hi!"}]
    flag = {"stream": True} if stream else {}
    if door == "openai":
        options = {"stream_options": {"include_usage": True}} if stream else {}
        return post(daemon, "/v1/chat/completions", {"model": model, "messages": messages, **flag, **options, **fields})
    if door == "anthropic":
        return post(
            daemon, "/v1/messages?beta=true", {"model": model, "max_tokens": 99, "messages": messages, **flag, **fields}
        )
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    contents = [{"role": "user", "parts": [{"text": "Hi!"}]}]
    return post(daemon, f"/v1beta/models/{model}:{action}", {"contents": contents, **fields})


def post(daemon: Daemon, target: str, body: Any, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange("POST", target, body, headers)


def events(answer: Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("text/event-stream"), answer
    lines = answer.body.decode().splitlines()
    data = [line[6:] for line in lines if line.startswith("data: ")]
    return [json.loads(each) for each in data if each != "[DONE]"]


def story(door: str, answer: Response, *, stream: bool) -> tuple[str, int, int]:
    """Text, prompt tokens, completion tokens."""
    assert answer.status == 200, answer.body
    assert answer.complete
    return _STORIES[door](events(answer) if stream else [answer.json()])


def openai_story(said: list[dict[str, Any]]) -> tuple[str, int, int]:
    choices = [choice for each in said for choice in each["choices"]]
    text = "".join((choice.get("delta") or choice.get("message") or {}).get("content") or "" for choice in choices)
    assert choices[-1]["finish_reason"] == "stop"
    usage = said[-1]["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 3
    return text, usage["prompt_tokens"], usage["completion_tokens"]


def anthropic_story(said: list[dict[str, Any]]) -> tuple[str, int, int]:
    last = said[0]
    text = "".join(block["text"] for block in last.get("content", ()))
    if last["type"] == "message_start":
        assert said[-1]["type"] == "message_stop"
        text = "".join(each["delta"].get("text", "") for each in said if each["type"] == "content_block_delta")
        last = {**said[-2]["delta"], "usage": {**said[0]["message"]["usage"], **said[-2]["usage"]}}
    assert last["stop_reason"] == "end_turn"
    usage = last["usage"]
    assert usage["cache_read_input_tokens"] == 3
    return text, usage["input_tokens"] + usage["cache_read_input_tokens"], usage["output_tokens"]


def gemini_story(said: list[dict[str, Any]]) -> tuple[str, int, int]:
    parts = [part for each in said for part in each.get("candidates", [{}])[0].get("content", {}).get("parts", ())]
    assert any(each["candidates"][0].get("finishReason") == "STOP" for each in said if each.get("candidates"))
    usage = said[-1]["usageMetadata"]
    assert usage["cachedContentTokenCount"] == 3
    completion = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    return "".join(part.get("text", "") for part in parts), usage["promptTokenCount"], completion


_STORIES = {"openai": openai_story, "anthropic": anthropic_story, "gemini": gemini_story}

# The stage


class Cast:
    """A daemon, and a provider for each dialect, under its name."""

    def __init__(self, daemon: Daemon, upstreams: dict[str, Upstream]) -> None:
        self.daemon = daemon
        self.upstreams = upstreams

    def last(self, dialect: str) -> Request:
        return self.upstreams[dialect].requests[-1]


def config(upstreams: dict[str, Upstream]) -> str:
    providers = "\n".join(
        f"  {name}: {{adapter: {name}, base_url: {upstream.base_url}, api_key: sk-{name}, models: [{MODELS[name]}]}}"
        for name, upstream in upstreams.items()
    )
    ways = {name: f"[{name}/{MODELS[name]}]" for name in DIALECTS}
    return f"""{SERVER}{defaults()}
providers:
{providers}
  mended: {{base_url: {upstreams["openai"].base_url}, models: [small], quirks: {{repair: true}}}}
routes:
  to-openai: {ways["openai"]}
  to-anthropic: {ways["anthropic"]}
  to-gemini: {ways["gemini"]}
  to-mended: [mended/small]
  both: [anthropic/{MODELS["anthropic"]}, gemini/{MODELS["gemini"]}]
  strict: {{on_loss: reject, nodes: [anthropic/{MODELS["anthropic"]}]}}
  choosy: {{on_loss: reject, nodes: [anthropic/{MODELS["anthropic"]}, openai/{MODELS["openai"]}]}}
  several: [anthropic/{MODELS["anthropic"]}, openai/{MODELS["openai"]}]
"""


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with played(Path(tmp_path_factory.mktemp("lanes"))) as cast:
        yield cast


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Cast]:
    """For what leaves marks on health."""
    with played(tmp_path) as cast:
        yield cast


@contextmanager
def played(folder: Path) -> Iterator[Cast]:
    upstreams = {name: Upstream(answer) for name, answer in ANSWERS.items()}
    with (
        upstreams["openai"],
        upstreams["anthropic"],
        upstreams["gemini"],
        Daemon(folder, config(upstreams)) as daemon,
    ):
        yield Cast(daemon, upstreams)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("door", DIALECTS)
def test_every_door_reaches_every_dialect(cast: Cast, door: str, target: str, *, stream: bool) -> None:
    answer = ask(cast.daemon, door, f"to-{target}", stream=stream)
    completion = 7
    assert story(door, answer, stream=stream) == (TEXT, 11, completion)
    assert answer.headers["x-routerd-provider"] == target
    assert answer.headers["x-routerd-model"] == MODELS[target]
    assert "x-routerd-dropped" not in answer.headers


@pytest.mark.parametrize(("target", "path", "header", "value"), [
    ("openai", "/v1/chat/completions", "authorization", "Bearer sk-openai"),
    ("anthropic", "/v1/messages", "x-api-key", "sk-anthropic"),
    ("gemini", "/v1/models/gemini-2.5-flash:generateContent", "x-goog-api-key", "sk-gemini"),
])  # fmt: skip
def test_providers_are_called_as_they_want_it(cast: Cast, target: str, path: str, header: str, value: str) -> None:
    ask(cast.daemon, "openai", f"to-{target}")
    request = cast.last(target)
    assert (request.target, request.get(header)) == (path, value)
    if target == "anthropic":
        assert request.get("anthropic-version") == "2023-06-01"


def test_a_stream_from_gemini_is_asked_for_by_its_path(cast: Cast) -> None:
    ask(cast.daemon, "openai", "to-gemini", stream=True)
    assert cast.last("gemini").target == "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


def test_the_same_dialect_passes_as_it_is(cast: Cast) -> None:
    unknown = {"a_field_of_next_year": {"deep": [1, 2]}, "system": [{"type": "text", "text": "Be brief."}]}
    headers = {"anthropic-beta": "next-year-2027-01-01", "anthropic-version": "2023-06-01"}
    body = {"model": "to-anthropic", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi!"}], **unknown}
    post(cast.daemon, "/v1/messages", body, headers)
    request = cast.last("anthropic")
    assert request.json() == {**body, "model": MODELS["anthropic"]}
    assert request.get("anthropic-beta") == "next-year-2027-01-01"
    assert request.get("anthropic-version") == "2023-06-01"


@pytest.mark.parametrize(("dialect", "sent"), [("anthropic", anthropic_events()), ("gemini", gemini_events())])
def test_a_stream_of_the_same_dialect_passes_byte_by_byte(cast: Cast, dialect: str, sent: list[bytes]) -> None:
    assert ask(cast.daemon, dialect, f"to-{dialect}", stream=True).body == b"".join(sent)


def test_gemini_streams_as_an_array_unless_told_otherwise(cast: Cast) -> None:
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi!"}]}]}
    for target in DIALECTS:
        answer = post(cast.daemon, f"/v1beta/models/to-{target}:streamGenerateContent", contents)
        assert answer.headers["content-type"] == "application/json"
        assert gemini_story(answer.json()) == (TEXT, 11, 7)


def test_a_failure_is_the_last_element_of_the_array(stage: Cast) -> None:
    stage.upstreams["anthropic"].script(event_stream(*anthropic_events()[:4], OVERLOADED))
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi!"}]}]}
    said = post(stage.daemon, "/v1beta/models/to-anthropic:streamGenerateContent", contents).json()
    assert said[-1]["error"]["code"] == 503
    assert "Hello" in str(said[:-1])


def test_a_stream_of_messages_begins_with_the_tokens_that_were_asked(cast: Cast) -> None:
    for target in DIALECTS:
        answer = ask(cast.daemon, "anthropic", f"to-{target}", stream=True)
        assert events(answer)[0]["message"]["usage"]["input_tokens"] > 0


# Losses


def test_what_a_target_is_not_told_is_named(cast: Cast) -> None:
    answer = ask(cast.daemon, "openai", "to-anthropic", logit_bias={"50256": -100}, seed=7)
    assert set(answer.headers["x-routerd-dropped"].split(",")) == {"/logit_bias", "/seed"}


def test_a_route_may_refuse_to_lose_anything(cast: Cast) -> None:
    before = len(cast.upstreams["anthropic"].requests)
    answer = ask(cast.daemon, "openai", "strict", seed=7)
    assert (answer.status, answer.error["param"]) == (400, "seed")
    assert "/seed" in answer.error["message"]
    assert len(cast.upstreams["anthropic"].requests) == before


def test_a_target_that_can_be_told_all_is_taken_instead(cast: Cast) -> None:
    assert ask(cast.daemon, "openai", "choosy", seed=7).headers["x-routerd-provider"] == "openai"
    assert ask(cast.daemon, "openai", "choosy").headers["x-routerd-provider"] == "anthropic"


def test_what_one_target_can_not_do_another_may(cast: Cast) -> None:
    answer = ask(cast.daemon, "openai", "several", n=2)
    assert (answer.status, answer.headers["x-routerd-provider"]) == (200, "openai")
    answer = ask(cast.daemon, "openai", "to-anthropic", n=2)
    assert (answer.status, answer.error["param"]) == (400, "n")


# Names of tools

LONG = "mcp__8b383b1d-b46a-4b70-994c-c7c26b866287__check_domain_availability_and_price"
SHORT = "mcp__8b383b1d-b46a-4b70-994c-c7c26b866287__check_d_60b383c2"


def claude_codes(model: str, *, stream: bool) -> dict[str, Any]:
    """What Claude Code asks once a tool with a long name was called."""
    messages = [
        {"role": "user", "content": "Hi!"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": LONG, "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "free"}]},
    ]
    tools = [{"name": LONG, "input_schema": {"type": "object"}}, {"name": "Bash", "input_schema": {"type": "object"}}]
    choice = {"type": "tool", "name": LONG}
    return {
        "model": model, "max_tokens": 99, "messages": messages, "tools": tools, "tool_choice": choice, "stream": stream
    }  # fmt: skip


def openai_call(name: str, *, stream: bool) -> Reply:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [{**call, **({"index": 0} if stream else {})}]}
    choice = {"index": 0, "delta" if stream else "message": said, "finish_reason": "tool_calls"}
    reply = {"id": "r", "created": 1, "model": "m", "choices": [choice]}
    return event_stream(f"data: {json.dumps(reply)}\n\n".encode(), b"data: [DONE]\n\n") if stream else whole(reply)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_told_by_another_name_where_its_own_is_refused(cast: Cast, *, stream: bool) -> None:
    cast.upstreams["openai"].script(openai_call(SHORT, stream=stream))
    answer = post(cast.daemon, "/v1/messages", claude_codes("to-openai", stream=stream))
    blocks = [each["content_block"] for each in events(answer) if "content_block" in each] if stream else None
    assert [block["name"] for block in blocks or answer.json()["content"]] == [LONG]
    asked = cast.last("openai").json()
    assert [tool["function"]["name"] for tool in asked["tools"]] == [SHORT, "Bash"]
    assert asked["tool_choice"]["function"]["name"] == SHORT
    assert asked["messages"][1]["tool_calls"][0]["function"]["name"] == SHORT
    assert "x-routerd-dropped" not in answer.headers


# Errors


@pytest.mark.parametrize("door", DIALECTS)
def test_errors_speak_the_caller_s_dialect(cast: Cast, door: str) -> None:
    answer = ask(cast.daemon, door, "nothing")
    said = answer.json()
    assert answer.status == 404
    if door == "anthropic":
        assert (said["type"], said["error"]["type"]) == ("error", "not_found_error")
    elif door == "gemini":
        assert (said["error"]["code"], said["error"]["status"]) == (404, "NOT_FOUND")
    else:
        assert said["error"]["code"] == "model_not_found"


def test_an_overloaded_provider_is_529_on_messages(stage: Cast) -> None:
    stage.upstreams["openai"].script(*[chat.error(503, "busy")] * 3)
    answer = ask(stage.daemon, "anthropic", "to-openai")
    assert (answer.status, answer.json()["error"]["type"]) == (529, "overloaded_error")


@pytest.mark.parametrize("door", DIALECTS)
def test_an_error_inside_a_stream_fails_over_to_another_dialect(stage: Cast, door: str) -> None:
    stage.upstreams["anthropic"].script(event_stream(anthropic_events()[0], OVERLOADED))
    answer = ask(stage.daemon, door, "both", stream=True)
    assert story(door, answer, stream=True) == (TEXT, 11, 7)
    assert answer.headers["x-routerd-provider"] == "gemini"
    assert answer.headers["x-routerd-attempts"] == "2"


@pytest.mark.parametrize("door", DIALECTS)
@pytest.mark.parametrize(("target", "sent"), [
    ("anthropic", anthropic_events()[:4]),
    ("anthropic", [*anthropic_events()[:4], OVERLOADED]),
    ("gemini", gemini_events()[:2]),
])  # fmt: skip
def test_what_breaks_off_after_the_first_words_is_told_in_band(
    stage: Cast, door: str, target: str, sent: list[bytes]
) -> None:
    stage.upstreams[target].script(event_stream(*sent))
    answer = ask(stage.daemon, door, f"to-{target}", stream=True)
    assert answer.status == 200
    assert answer.complete
    said = events(answer)
    assert "error" in said[-1], said
    assert "Hello" in str(said[:-1])
    assert b"[DONE]" not in answer.body
    assert b"message_stop" not in answer.body
    assert b'"finishReason"' not in answer.body


# Repair


def test_a_provider_with_oddities_is_set_right(cast: Cast) -> None:
    odd = [
        chat.delta(role="assistant"),
        {**chat.delta(content=[{"type": "text", "text": "Hello"}]), "id": "another"},
        chat.delta(content=" there."),
        chat.delta(finish="stop"),
        chat.usage_chunk(),
    ]
    cast.upstreams["openai"].script(event_stream(*chat.events(odd, done=False)))
    answer = ask(cast.daemon, "openai", "to-mended", stream=True)
    assert story("openai", answer, stream=True) == (TEXT, 11, 7)
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert len({each["id"] for each in events(answer)}) == 1


# Counting


def test_a_provider_of_the_dialect_counts_itself(cast: Cast) -> None:
    body = {"model": "to-anthropic", "messages": [{"role": "user", "content": "Hi!"}]}
    answer = post(cast.daemon, "/v1/messages/count_tokens", body)
    assert (answer.status, answer.json()) == (200, {"input_tokens": 4321})
    assert cast.last("anthropic").json()["model"] == MODELS["anthropic"]
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi!"}]}]}
    answer = post(cast.daemon, "/v1beta/models/to-gemini:countTokens", contents)
    assert (answer.status, answer.json()) == (200, {"totalTokens": 4321})
    assert "x-routerd-estimated" not in answer.headers


def test_what_another_family_signed_is_not_counted_by_anthropic(cast: Cast) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "routerd:gemini:c2ln"}
    answer = {"role": "assistant", "content": [thought, {"type": "text", "text": "Ho."}]}
    said = [{"role": "user", "content": "Hi!"}, answer]
    body = {"model": "to-anthropic", "messages": [*said, {"role": "user", "content": "Well?"}]}
    assert post(cast.daemon, "/v1/messages/count_tokens", body).json() == {"input_tokens": 4321}
    asked = cast.last("anthropic").json()
    assert asked["messages"][1]["content"] == [{"type": "text", "text": "Ho."}]
    assert asked.keys() == {"model", "messages"}


def test_elsewhere_the_count_is_a_stated_estimate(cast: Cast) -> None:
    words = "word " * 400
    body = {"model": "to-openai", "messages": [{"role": "user", "content": words}]}
    answer = post(cast.daemon, "/v1/messages/count_tokens", body)
    assert answer.headers["x-routerd-estimated"] == "true"
    assert 300 < answer.json()["input_tokens"] < 700


# Models


def test_gemini_may_be_asked_below_v1_too(cast: Cast) -> None:
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi!"}]}]}
    answer = post(cast.daemon, "/v1/models/to-openai:generateContent", contents)
    assert gemini_story([answer.json()]) == (TEXT, 11, 7)
    answer = post(cast.daemon, "/v1/models/nothing:generateContent", contents)
    assert answer.json()["error"]["status"] == "NOT_FOUND"


def test_models_have_the_shape_of_the_door(cast: Cast) -> None:
    with cast.daemon.caller() as caller:
        answer = caller.exchange("GET", "/v1beta/models")
    assert {"name": "models/to-gemini"}.items() <= answer.json()["models"][2].items()
