"""The tests' own tools: what they compose is what the vendor's types say, and what they judge by is strict."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from tests.support import chat, sse
from tests.support.caller import Caller, Response
from tests.support.chat import ToolCall
from tests.support.reply import Close, Reply, Reset, chunk, event_stream, head, raw, whole
from tests.support.upstream import Refusing, Unreachable, Upstream
from tests.support.wire import RequestReader

CALLS = [ToolCall("weather", {"city": "Paris"}, "call_1"), ToolCall("time", "{}", "call_2")]


@pytest.mark.parametrize("calls", [[], CALLS])
def test_composed_replies_hold_against_the_vendors_types(calls: list[ToolCall]) -> None:
    strict: dict[str, Any] = {"strict": True, "extra": "forbid"}
    TypeAdapter(ChatCompletion).validate_python(chat.completion(calls=calls), **strict)
    for each in chat.chunks(calls=calls, usage=chat.USAGE):
        TypeAdapter(ChatCompletionChunk).validate_python(each, **strict)


MALFORMED = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "two framings": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(RequestReader().feed(data))


def test_requests_are_cut_out_of_any_pieces() -> None:
    one = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    two = b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
    reader = RequestReader()
    found = [request for byte in one + two + one for request in reader.feed(bytes([byte]))]
    assert [(request.target, request.body) for request in found] == [("/a", b"abc"), ("/b", b"def"), ("/a", b"abc")]


CUT = {
    "in a chunk": raw(head(200, ("Transfer-Encoding", "chunked")), chunk(b"hello")[:5], Close()),
    "before the last chunk": raw(head(200, ("Transfer-Encoding", "chunked")), chunk(b"hello"), Close()),
    "by a reset": event_stream(b"hello", Reset(), ended=False),
    "before the declared length": whole(b"hello", length=9).then(Close()),
}


def _ask(reply: Reply) -> Response:
    with Upstream(lambda _: reply) as upstream, Caller("127.0.0.1", upstream.port) as caller:
        return caller.exchange("GET", "/")


@pytest.mark.parametrize("reply", CUT.values(), ids=CUT)
def test_the_caller_sees_that_an_answer_was_cut(reply: Reply) -> None:
    assert not _ask(reply).complete


def test_the_caller_sees_that_an_answer_is_complete() -> None:
    answer = _ask(chat.stream(usage=chat.USAGE))
    assert answer.complete
    story = answer.story
    assert (story.text, story.finish, story.usage, story.done) == ("Hello there.", "stop", chat.USAGE, True)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_events_are_read_by_any_line_end(newline: str) -> None:
    body = sse.comment("hi", newline=newline) + sse.encode({"a": 1}, newline=newline, name="x")
    first, second = sse.decode(body)
    assert (first.comment, second.name, second.json()) == ("hi", "x", {"a": 1})


def test_a_stream_that_ends_inside_an_event_is_told() -> None:
    with pytest.raises(AssertionError):
        sse.decode(b"data: {}\n\ndata: {")


def test_addresses_that_refuse_and_that_are_silent() -> None:
    with Refusing() as refusing, pytest.raises(ConnectionRefusedError):
        Caller("127.0.0.1", _port(refusing))
    with Unreachable() as silent, pytest.raises(TimeoutError):
        Caller("127.0.0.1", _port(silent), timeout=0.3)


def _port(listener: Refusing) -> int:
    return int(listener.base_url.rsplit(":", 1)[1].removesuffix("/v1"))


def test_an_upstream_without_a_reply_makes_its_test_fail() -> None:
    with (
        pytest.raises(AssertionError, match="no reply is left"),
        Upstream() as upstream,
        Caller("127.0.0.1", upstream.port) as caller,
    ):
        assert caller.exchange("GET", "/").status == 500
