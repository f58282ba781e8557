"""What an upstream is asked: the caller's own bytes but for the model, and nothing of the caller's credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.daemon import Daemon
from tests.support.stage import Act, Stage, config, defaults, prompt, staged
from tests.support.upstream import Upstream

ROUTES = ["bytes", "nulls", "large", "usage", "headers", "names"]

MESSAGES = r'[ {"role": "user", "content": "Gr\u00fc\u00dfe, \"model\": \"x\" \ud83e\udda9 世界"} ]'

# The caller's text → the upstream's text. Spaces, order, escapes, number spellings and unknown fields are the caller's.
BODIES: dict[str, tuple[str, str]] = {
    "compact": (f'{{"model":"bytes","messages":{MESSAGES}}}', f'{{"model":"model-1","messages":{MESSAGES}}}'),
    "model-last": (f'{{"messages":{MESSAGES},"model":"bytes"}}', f'{{"messages":{MESSAGES},"model":"model-1"}}'),
    "numbers": (
        f'{{"model":"bytes","messages":{MESSAGES},"temperature":1.0,"seed":123456789012345678901234567890,"x":1e2}}',
        f'{{"model":"model-1","messages":{MESSAGES},"temperature":1.0,"seed":123456789012345678901234567890,"x":1e2}}',
    ),
    "inner-model": (
        f'{{"model":"bytes","messages":{MESSAGES},"metadata":{{"model":"bytes","stream":null,"a":[{{"model":"b"}}]}}}}',
        f'{{"model":"model-1","messages":{MESSAGES},"metadata":{{"model":"bytes","stream":null,"a":[{{"model":"b"}}]}}}}',
    ),
    "unknown-fields": (
        f'{{"model":"bytes","messages":{MESSAGES},"vendor_extra":{{"a":[1,2]}},"Ω":true}}',
        f'{{"model":"model-1","messages":{MESSAGES},"vendor_extra":{{"a":[1,2]}},"Ω":true}}',
    ),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("requests"), dict.fromkeys(ROUTES, 1), slow=()) as stage:
        yield stage


@pytest.mark.parametrize("name", BODIES)
def test_the_body_is_the_callers_but_for_the_model(stage: Stage, name: str) -> None:
    sent, wanted = BODIES[name]
    answer = stage.daemon.post(sent.encode())
    assert answer.status == 200, answer.body
    assert stage.upstream("bytes").requests[-1].body.decode() == wanted


def test_spaces_between_the_fields_change_nothing_that_matters(stage: Stage) -> None:
    sent = f'\n {{ "model" : "bytes" ,\n\t"messages" : {MESSAGES} , "n" : 1 }}\r\n'
    assert stage.daemon.post(sent.encode()).status == 200
    body = stage.upstream("bytes").requests[-1].body
    assert body.count(MESSAGES.encode()) == 1
    assert json.loads(body) == {"model": "model-1", "messages": json.loads(MESSAGES), "n": 1}


def test_null_options_are_left_out(stage: Stage) -> None:
    body = prompt("nulls", temperature=None, tools=None, stop=None, stream_options=None, n=1, user=None)
    body["messages"].append({"role": "assistant", "content": None})
    body["stream"] = None
    assert stage.daemon.post(body).status == 200
    assert stage.upstream("nulls").requests[0].json() == {
        "model": "model-1", "messages": body["messages"], "n": 1,
    }  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_a_large_prompt_arrives_byte_for_byte(stage: Stage, size: int, stream: bool) -> None:
    text = ('0123456789 äöü 世界 \\ " \n' * (size // 20))[:size]
    messages = json.dumps([{"role": "user", "content": text}])
    tail = ',"stream":true' if stream else ""
    answer = stage.daemon.post(f'{{"model":"large","messages":{messages}{tail}}}'.encode())
    assert answer.status == 200
    got = stage.upstream("large").requests[-1]
    expected = f'{{"model":"model-1","messages":{messages}{tail}'
    assert got.body.decode().startswith(expected)
    assert got.json()["messages"][0]["content"] == text


def test_the_same_bytes_go_to_the_second_target(tmp_path_factory: pytest.TempPathFactory) -> None:
    failing = chat.error(503, "Overloaded.")
    with Upstream(lambda _: failing) as first, Upstream(chat.good) as second:
        text = config([Act("pair", (first, second))])
        with Daemon(tmp_path_factory.mktemp("same"), text) as daemon:
            assert daemon.post(prompt("pair", temperature=0.25, text="Hi, 世界")).status == 200
    bodies = [upstream.requests[0].body for upstream in (first, second)]
    assert bodies[0].replace(b"model-1", b"model-2") == bodies[1]
    assert [upstream.requests[0].get("authorization") for upstream in (first, second)] == [
        "Bearer sk-test-1", "Bearer sk-test-2",
    ]  # fmt: skip


USAGE_OPTIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "not-asked": ({}, None),
    "null": ({"stream_options": None}, None),
    "empty": ({"stream_options": {}}, None),
    "refused": ({"stream_options": {"include_usage": False}}, None),
    "asked": ({"stream_options": {"include_usage": True}}, chat.USAGE),
}


@pytest.mark.parametrize("case", USAGE_OPTIONS)
def test_usage_is_always_asked_for_and_shown_to_those_who_asked(stage: Stage, case: str) -> None:
    options, shown = USAGE_OPTIONS[case]
    answer = stage.ask("usage", stream=True, **options)
    story = answer.story
    assert story.usage == shown
    assert (story.text, story.finish, story.done) == ("Hello there.", "stop", True)
    assert any(chunk["choices"] == [] for chunk in story.chunks) == (shown is not None)
    assert stage.upstream("usage").requests[-1].json()["stream_options"]["include_usage"] is True
    request_id = answer.headers["x-routerd-request-id"]
    line = stage.daemon.wait_log(lambda line: line.get("request_id") == request_id, "the attempt")
    assert (line["prompt_tokens"], line["completion_tokens"]) == (chat.USAGE_PROMPT, chat.USAGE_COMPLETION)


def test_other_stream_options_stay(stage: Stage) -> None:
    stage.ask("usage", stream=True, stream_options={"include_obfuscation": False})
    asked = stage.upstream("usage").requests[-1].json()["stream_options"]
    assert asked == {"include_obfuscation": False, "include_usage": True}


def test_a_whole_request_says_nothing_of_streams(stage: Stage) -> None:
    answer = stage.ask("usage")
    assert answer.json()["usage"] == chat.USAGE
    assert set(stage.upstream("usage").requests[-1].json()) == {"model", "messages"}


def test_of_the_callers_headers_only_the_harmless_pass(stage: Stage) -> None:
    secret = {
        "Authorization": "Bearer callers-own", "x-api-key": "callers-own", "api-key": "callers-own", "Cookie": "a=b",
        "X-Forwarded-For": "10.0.0.1", "X-Custom": "callers-own", "OpenAI-Organization": "callers-own",
        "User-Agent": "callers-own",
    }  # fmt: skip
    passed = {"openai-beta": "assistants=v2", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = stage.daemon.post(prompt("headers"), {**secret, **passed})
    assert answer.status == 200
    asked = stage.upstream("headers").requests[-1]
    assert {name: asked.get(name) for name in passed} == passed
    assert asked.get("authorization") == "Bearer sk-test-1"
    assert asked.get("accept-encoding") == "identity"
    assert asked.get("content-type") == "application/json"
    assert asked.get("host") == f"127.0.0.1:{stage.upstream('headers').port}"
    assert "callers-own" not in asked.raw_head.decode()
    assert not {"cookie", "x-forwarded-for", "x-custom"} & {name.lower() for name, _ in asked.headers}


def test_the_callers_request_id_comes_back(stage: Stage) -> None:
    own = stage.daemon.post(prompt("headers"), {"x-request-id": "my-Request_1.2"})
    assert own.headers["x-routerd-request-id"] == "my-Request_1.2"
    bad = stage.daemon.post(prompt("headers"), {"x-request-id": "no spaces, please"})
    assert bad.headers["x-routerd-request-id"] != "no spaces, please"


def test_what_a_target_is_not_told_is_named(tmp_path: Path) -> None:
    account = "{base_url: %s, models: [m], quirks: {stream_options: false}}"
    with Upstream(chat.good) as upstream:
        text = f"{defaults()}providers:\n  plain: {account % upstream.base_url}\nroutes:\n  plain-route: [plain/m]\n"
        with Daemon(tmp_path, text) as daemon:
            wanted = daemon.post({**prompt("plain-route", stream=True), "stream_options": {"include_usage": True}})
            silent = daemon.post(prompt("plain-route", stream=True))
    assert "stream_options" not in upstream.requests[0].json()
    assert wanted.headers["x-routerd-dropped"] == "/stream_options"
    assert "x-routerd-dropped" not in silent.headers
