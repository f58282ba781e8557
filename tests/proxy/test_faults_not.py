"""What looks like a fault and is none: oddly framed, cut and spelt replies that a caller must get in good order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support import chat, sse
from tests.support.chat import ToolCall
from tests.support.gate import Gate
from tests.support.reply import Close, Reply, Until, chunk, event_stream, gzipped, head, raw, whole
from tests.support.stage import Stage, prompt, staged

TEXT = "Grüße, 世界! 🦩"
PIECES = ["Grüße", ", ", "世界", "! ", "🦩"]
TYPE = ("Content-Type", "text/event-stream")
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")
CLOSE = ("Connection", "close")

BODY = json.dumps(chat.completion(TEXT)).encode()
EVENTS = chat.events(chat.chunks(PIECES))
STREAM = b"".join(EVENTS)
# What a relay that only looks for words could take for the real thing.
LURES = [
    "data: [DONE]\n\n",
    '{"error": {"message": "no"}}',
    '"finish_reason":"stop"',
    '"usage": {}',
    ": routerd\r\n\r\n",
]
NO_DONE = chat.events(chat.chunks(PIECES), done=False)
INTERIM = head(103, ("Link", "</x>; rel=preload")) + head(102)

WHOLE: dict[str, Reply] = {
    "plain": whole(BODY),
    "chunked": raw(head(200, JSON, CHUNKED), chunk(BODY[:50]), chunk(BODY[50:]), b"0\r\n\r\n"),
    "chunked-trailers": raw(head(200, JSON, CHUNKED), chunk(BODY), b"0\r\nX-Sum: 1\r\n\r\n"),
    "chunk-extensions": raw(head(200, JSON, CHUNKED), b'%x;a="b"\r\n%b\r\n0\r\n\r\n' % (len(BODY), BODY)),
    "until-close": raw(head(200, JSON), BODY, Close()),
    "connection-close": raw(head(200, JSON, CLOSE, ("Content-Length", str(len(BODY)))), BODY, Close()),
    "http-1.0": raw(head(200, JSON).replace(b"HTTP/1.1", b"HTTP/1.0"), BODY, Close()),
    "interim-first": whole(BODY).after(INTERIM),
    "byte-by-byte": whole(BODY).in_pieces(1),
    "spaces-around": whole(b"\n \n" + BODY + b"\n\n"),  # some providers send blank lines to keep a connection alive
    "pretty": whole(json.dumps(chat.completion(TEXT), indent=4).encode()),
    "odd-type": whole(BODY, content_type="text/plain; charset=utf-8"),
    "no-type": raw(head(200, ("Content-Length", str(len(BODY)))), BODY),
}

STREAMS: dict[str, Reply] = {
    "plain": event_stream(*EVENTS),
    "crlf": event_stream(*chat.events(chat.chunks(PIECES), newline="\r\n")),
    "cr": event_stream(*chat.events(chat.chunks(PIECES), newline="\r")),
    "no-space": event_stream(*[event.replace(b"data: ", b"data:", 1) for event in EVENTS]),
    "named-events": event_stream(*[b"event: message\nid: 7\nretry: 10\n" + event for event in EVENTS]),
    "comments-between": event_stream(*[sse.comment("PROCESSING") + event for event in EVENTS]),
    "blank-lines-between": event_stream(*[b"\n\n" + event for event in EVENTS]),
    "spaced-json": event_stream(*[sse.encode(json.dumps(each)) for each in chat.chunks(PIECES)], sse.encode(sse.DONE)),
    "escaped-json": event_stream(*[sse.encode(json.dumps(each)) for each in chat.chunks(PIECES)]),
    "byte-by-byte": event_stream(*EVENTS).in_pieces(1),
    "chunk-a-byte": event_stream(*[STREAM[at : at + 1] for at in range(len(STREAM))]),
    "crlf-chunk-a-byte": event_stream(*[bytes([each]) for each in STREAM.replace(b"\n", b"\r\n")]),
    "all-in-one-write": raw(head(200, TYPE, CHUNKED) + chunk(STREAM) + b"0\r\n\r\n"),
    "with-a-length": raw(head(200, TYPE, ("Content-Length", str(len(STREAM)))), *EVENTS),
    "until-close": raw(head(200, TYPE, CLOSE), *EVENTS, Close()),
    "http-1.0": raw(head(200, TYPE).replace(b"HTTP/1.1", b"HTTP/1.0"), *EVENTS, Close()),
    "interim-first": event_stream(*EVENTS).after(INTERIM),
    "no-done": event_stream(*NO_DONE),
    "no-done-no-last-blank-line": event_stream(*NO_DONE[:-1], NO_DONE[-1].rstrip(b"\n")),
    "no-done-until-close": raw(head(200, TYPE), *NO_DONE, Close()),
    "plain-json": whole(BODY),
    "plain-json-in-chunks": raw(head(200, JSON, CHUNKED), chunk(BODY[:50]), chunk(BODY[50:]), b"0\r\n\r\n"),
    "no-role": event_stream(*[EVENTS[0].replace(b'"role":"assistant",', b""), *EVENTS[1:]]),
    "odd-type": raw(head(200, ("Content-Type", "text/plain"), CHUNKED), chunk(STREAM), b"0\r\n\r\n"),
    "data-after-finish": event_stream(*NO_DONE, *chat.events([chat.delta(content="")])),
    "error-null": event_stream(*chat.events([{**each, "error": None} for each in chat.chunks(PIECES)])),
    "prompt-filter-first": event_stream(sse.encode({"choices": [], "prompt_filter_results": []}), *EVENTS),
}  # fmt: skip


MORE = ["gzip", "utf8", "lures", "large", "long", "tools", "flow", "headers"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    routes = [*(f"whole-{name}" for name in WHOLE), *(f"stream-{name}" for name in STREAMS), *MORE]
    with staged(tmp_path_factory.mktemp("odd"), dict.fromkeys(routes, 1), slow=()) as stage:
        yield stage


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_reply_arrives(stage: Stage, name: str) -> None:
    stage.upstream(f"whole-{name}").script(WHOLE[name])
    answer = stage.ask(f"whole-{name}")
    assert (answer.status, answer.complete) == (200, True), answer.body
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == chat.completion(TEXT)
    assert answer.headers["x-routerd-attempts"] == "1"


def test_a_whole_reply_that_is_compressed_unasked_is_readable(stage: Stage) -> None:
    stage.upstream("gzip").script(gzipped(chat.completion(TEXT)))
    answer = stage.ask("gzip")
    assert "content-encoding" not in answer.headers
    assert answer.json() == chat.completion(TEXT)
    assert stage.upstream("gzip").requests[0].get("accept-encoding") == "identity"


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_arrives(stage: Stage, name: str) -> None:
    stage.upstream(f"stream-{name}").script(STREAMS[name])
    answer = stage.ask(f"stream-{name}", stream=True)
    assert (answer.status, answer.complete) == (200, True), answer.body
    story = answer.story
    assert (story.text, story.finish, story.error, story.done) == (TEXT, "stop", None, True)
    assert answer.headers["x-routerd-attempts"] == "1"


def test_words_that_only_look_like_events(stage: Stage) -> None:
    stage.upstream("lures").script(chat.stream(LURES), chat.stream(LURES).in_pieces(1))
    for _ in range(2):
        story = stage.ask("lures", stream=True).story
        assert (story.text, story.finish, story.error, story.done) == ("".join(LURES), "stop", None, True)


def test_invalid_utf8_after_the_first_words_passes_as_it_is(stage: Stage) -> None:
    odd = b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xe4\xb8"}}]}\n\n'
    stage.upstream("utf8").script(event_stream(*EVENTS[:2], odd, *EVENTS[2:]))
    answer = stage.ask("utf8", stream=True)
    assert (answer.status, answer.complete) == (200, True)
    assert answer.body == b"".join([*EVENTS[:2], odd, *EVENTS[2:]])


def test_an_event_of_a_megabyte(stage: Stage) -> None:
    text = "Ж" * 500_000
    stage.upstream("large").script(chat.stream(["first", text]))
    assert stage.ask("large", stream=True).story.text == f"first{text}"


def test_a_first_event_of_a_megabyte(stage: Stage) -> None:
    text = "x" * 1_000_000
    stage.upstream("large").script(chat.stream([text]))
    assert stage.ask("large", stream=True).story.text == text


def test_ten_thousand_events_in_order(stage: Stage) -> None:
    pieces = [f"{number} " for number in range(10_000)]
    stage.upstream("long").script(chat.stream(pieces))
    assert stage.ask("long", stream=True).story.text == "".join(pieces)


def test_tool_calls_pass_untouched(stage: Stage) -> None:
    calls = [ToolCall("weather", {"city": city}, f"call_{city}") for city in ("Paris", "Köln")]
    sent = chat.chunks(["Let me see."], calls=calls)
    stage.upstream("tools").script(event_stream(*chat.events(sent)), whole(chat.completion(None, calls=calls)))
    assert list(stage.ask("tools", stream=True).story.chunks) == sent
    assert stage.ask("tools").json() == chat.completion(None, calls=calls)


@pytest.mark.parametrize("encoding", ["identity", "gzip, br"])
def test_each_event_leaves_at_once(stage: Stage, encoding: str) -> None:
    gates = [Gate() for _ in EVENTS]
    held = [step for event, gate in zip(EVENTS, gates, strict=True) for step in (Until(gate), event)]
    stage.upstream("flow").script(event_stream(*held))
    body, headers = prompt("flow", stream=True), {"Accept-Encoding": encoding}
    with stage.daemon.caller() as caller:
        for gate in gates[:2]:  # the role alone commits nothing: it leaves together with the first word
            gate.open()
        caller.request("POST", "/v1/chat/completions", body, headers)
        response = caller.head()
        assert "content-encoding" not in response.headers
        pieces = caller.pieces(response)
        response.body = next(pieces)
        for gate in gates[2:]:
            gate.open()
            response.body += next(pieces)  # raises TimeoutError if anything held the event back
        assert list(pieces) == []
    assert response.body == STREAM


def test_of_the_upstreams_headers_only_the_useful_pass(stage: Stage) -> None:
    passed = {
        "request-id": "req-77", "retry-after": "3", "x-ratelimit-remaining-tokens": "12", "openai-processing-ms": "5",
        "anthropic-ratelimit-requests-limit": "9",
    }  # fmt: skip
    kept = {"Set-Cookie": "a=b", "Server": "cloud", "X-Internal": "10.0.0.7", "Alt-Svc": "h3", "x-routerd-route": "no"}
    headers = [*passed.items(), *kept.items()]
    stage.upstream("headers").script(whole(BODY, headers=headers), event_stream(*EVENTS, headers=headers))
    for stream in (False, True):
        answer = stage.ask("headers", stream=stream)
        assert passed.items() <= answer.headers.items()
        assert not {"set-cookie", "server", "x-internal", "alt-svc"} & set(answer.headers)
        assert answer.headers["x-routerd-route"] == "headers"
