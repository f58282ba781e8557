"""A stream as an upstream sends it → as the caller gets it, however the network cuts it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest

from routerd.errors import RouterError
from routerd.proxy.attempt import Attempt
from routerd.proxy.connection import Sink
from routerd.proxy.relay import StreamRelay
from routerd.snapshot import Provider, Target
from tests.support import chat
from tests.support.outlet import RecordingOutlet

TARGET = Target(Provider("demo", "openai", "http://127.0.0.1:1/v1", "http://127.0.0.1:1"), "model", "demo/model")
SSE_HEAD = [(b"content-type", b"text/event-stream")]
ROLE = chat.delta(role="assistant", content="")
FINISH = chat.delta(finish="stop")
USAGE = chat.usage_chunk()
LONG_FINISH = [*(chat.delta(content=str(number)) for number in range(40)), FINISH]


def said(*payloads: object, done: bool = True, newline: str = "\n") -> bytes:
    return b"".join(chat.events(payloads, done=done, newline=newline))


def spaced(*payloads: object) -> bytes:
    """The same as Python's json.dumps writes it."""
    events = [f"data: {json.dumps(payload)}\n\n".encode() for payload in payloads]
    return b"".join([*events, b"data: [DONE]\n\n"])


@dataclass(frozen=True)
class Case:
    """`failure`: the kind of what broke the stream off, after which no `[DONE]` may come."""

    upstream: bytes
    caller: bytes | None = None  # None: just as the upstream sent it
    failure: str | None = None
    wants_usage: bool = False


HELLO = chat.delta(content="Hello")
TOLD = said(ROLE, HELLO, FINISH)
BROKEN = (
    b'data: {"error":{"message":"the stream ended without a finish",'
    b'"type":"server_error","param":null,"code":"bad_reply"}}\n\n'
)
IN_BAND = (
    b'data: {"error":{"message":"It broke in the middle.","type":"server_error","param":null,"code":"overloaded"}}\n\n'
)

CASES = {
    "as it came": Case(TOLD),
    "json with spaces": Case(spaced(ROLE, HELLO, FINISH)),
    "usage asked for": Case(said(ROLE, HELLO, FINISH, USAGE), wants_usage=True),
    "usage hidden": Case(said(ROLE, HELLO, FINISH, USAGE), TOLD),
    "usage null everywhere": Case(said(*({**part, "usage": None} for part in (ROLE, HELLO, FINISH)))),
    "usage in the last chunk with choices stays": Case(said(ROLE, HELLO, {**FINISH, "usage": chat.USAGE})),
    "done added": Case(said(ROLE, HELLO, FINISH, done=False), TOLD),
    "comments pass": Case(b": hello\n\n" + said(ROLE, HELLO) [:-14] + b": OPENROUTER PROCESSING\n\n" + said(FINISH)),
    "carriage returns and line feeds": Case(said(ROLE, HELLO, FINISH, newline="\r\n")),
    "carriage returns": Case(said(ROLE, HELLO, FINISH, newline="\r")),
    "data after done is dropped": Case(TOLD + said(HELLO), TOLD),
    "no finish": Case(said(ROLE, HELLO, done=False), said(ROLE, HELLO, done=False) + BROKEN, "upstream_garbled"),
    "done without a finish": Case(said(ROLE, HELLO), said(ROLE, HELLO, done=False) + BROKEN, "upstream_garbled"),
    "an error in the middle": Case(
        said(ROLE, HELLO, done=False) + chat.error_event() + said(FINISH),
        said(ROLE, HELLO, done=False) + IN_BAND,
        "upstream_overloaded",
    ),
    "words that only look like marks": Case(
        said(ROLE, chat.delta(content='"error" "usage" [DONE] "finish_reason":"'), FINISH),
    ),
    "JSON in the content, spaced as models write it": Case(said(ROLE, chat.delta(content='{"name": "x"}'), FINISH)),
    "an empty finish is none": Case(
        said(ROLE, HELLO, chat.delta(finish=""), done=False),
        said(ROLE, HELLO, chat.delta(finish=""), done=False) + BROKEN,
        "upstream_garbled",
    ),
    "a value that is called error": Case(said(ROLE, HELLO, {**FINISH, "note": "error"})),
    "the last blank line is missing": Case(TOLD[:-1], TOLD),
    "every character of UTF-8": Case(said(ROLE, chat.delta(content="äß€😀"), FINISH)),
}  # fmt: skip


def carry(case: Case, pieces: list[bytes]) -> tuple[RecordingOutlet, RouterError | None, StreamRelay]:
    """Play the pieces through an answer and its relay, as one network read each."""
    loop = asyncio.new_event_loop()
    try:
        outlet = RecordingOutlet()
        attempt = Attempt(TARGET, b"", [], True, 0.0)
        attempt.ready = loop.create_future()
        relay = StreamRelay(outlet, loop.create_future(), hide_usage=not case.wants_usage, clean=str)
        attempt.on_head(200, SSE_HEAD)
        begun = False
        for piece in pieces:
            if relay.done.done():
                break
            (relay if begun else attempt).on_data(piece)
            if not begun and attempt.has_content:
                begun = True
                attempt.line = _Line()
                relay.start(attempt, lambda data: outlet.start(200, b"", data))
        if not relay.done.done():
            relay.on_end()
        return outlet, relay.done.result(), relay
    finally:
        loop.close()


class _Line:
    sink: Sink | None = None

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    is_paused = False

    def abort(self, owner: Sink) -> None: ...


@pytest.mark.parametrize("name", CASES)
def test_stream_is_the_same_however_it_is_cut(name: str) -> None:
    case = CASES[name]
    wanted = case.caller if case.caller is not None else case.upstream
    for at in range(1, len(case.upstream)):
        outlet, failure, _ = carry(case, [case.upstream[:at], case.upstream[at:]])
        assert outlet.body == wanted, f"cut at {at}"
        assert (failure.kind if failure else None) == case.failure
        assert outlet.closed is (case.failure is not None)


@pytest.mark.parametrize("name", CASES)
def test_stream_arrives_byte_by_byte(name: str) -> None:
    case = CASES[name]
    wanted = case.caller if case.caller is not None else case.upstream
    outlet, _, _ = carry(case, [case.upstream[at : at + 1] for at in range(len(case.upstream))])
    assert outlet.body == wanted


def test_only_whole_events_leave() -> None:
    stream = said(ROLE, HELLO, FINISH)
    outlet, _, _ = carry(Case(stream), [stream[at : at + 7] for at in range(0, len(stream), 7)])
    assert all(write.endswith(b"\n\n") for write in outlet.writes)


@pytest.mark.parametrize("wants_usage", [True, False])
def test_usage_is_known_whether_it_was_asked_for_or_not(wants_usage: bool) -> None:
    stream = said(ROLE, HELLO, FINISH, USAGE)
    _, _, relay = carry(Case(stream, wants_usage=wants_usage), [stream])
    assert relay.usage is not None
    assert (relay.usage.prompt, relay.usage.completion, relay.usage.cached, relay.usage.reasoning) == (11, 7, 3, 2)


def test_one_read_is_one_write() -> None:
    parts = chat.events(LONG_FINISH)
    outlet, _, _ = carry(Case(b""), [b"".join(chat.events([ROLE, HELLO], done=False)), *parts])
    assert len(outlet.writes) == 1 + len(parts)


def test_secrets_in_an_error_event_are_cleaned() -> None:
    loop = asyncio.new_event_loop()
    outlet = RecordingOutlet()
    relay = StreamRelay(
        outlet, loop.create_future(), hide_usage=True, clean=lambda text: text.replace("sk-live", "[redacted]")
    )
    outlet.start(200, b"")
    relay.on_data(chat.error_event("bad key sk-live"))
    loop.close()
    assert b"sk-live" not in outlet.body
    assert b"[redacted]" in outlet.body


def started(loop: asyncio.AbstractEventLoop, held: bytes) -> tuple[StreamRelay, RecordingOutlet, _Line]:
    """A relay that has taken over a stream of which `held` has come."""
    outlet, line = RecordingOutlet(), _Line()
    attempt = Attempt(TARGET, b"", [], True, 0.0)
    attempt.ready = loop.create_future()
    attempt.on_head(200, SSE_HEAD)
    attempt.on_data(held)
    attempt.line = line
    relay = StreamRelay(outlet, loop.create_future(), hide_usage=True, clean=str)
    relay.start(attempt, lambda data: outlet.start(200, b"", data))
    return relay, outlet, line


def test_a_caller_who_reads_slowly_is_not_the_targets_fault() -> None:
    loop = asyncio.new_event_loop()
    try:
        relay, _, line = started(loop, said(ROLE, HELLO, done=False))
        line.is_paused = True
        relay.tick(0.0, idle=5.0)
        relay.tick(100.0, idle=5.0)
        assert not relay.done.done()
        line.is_paused = False
        relay.tick(106.0, idle=5.0)
        failure = relay.done.result()
        assert failure is not None
        assert failure.kind == "upstream_timeout"
    finally:
        loop.close()


def test_an_upstream_that_does_not_end_after_done_is_left_after_a_tick() -> None:
    loop = asyncio.new_event_loop()
    try:
        relay, outlet, _ = started(loop, TOLD)
        relay.tick(10.0, idle=60.0)
        assert not relay.done.done(), "the end may be on its way"
        relay.tick(10.5, idle=60.0)
        assert relay.done.result() is None
        assert (outlet.body, outlet.closed) == (TOLD, False)
    finally:
        loop.close()
