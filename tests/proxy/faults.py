"""The table of what a provider can do to a request before its first content, and what a caller must get then."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Any

from tests.support import chat, sse
from tests.support.reply import (
    Close,
    Every,
    Reply,
    Reset,
    Stall,
    chunk,
    event_stream,
    head,
    raw,
    whole,
)
from tests.support.stage import Act, Addressed
from tests.support.upstream import Refusing, Unreachable, Upstream


class Missing(Enum):
    """Upstreams that can't even be connected to."""

    REFUSED = "nobody listens"
    SILENT = "no answer to a SYN"


BOTH, WHOLE, STREAM = ("whole", "stream"), ("whole",), ("stream",)

# type and code of the kinds of http-api.md's error table
UNREACHABLE = (502, "server_error", "unreachable")
GARBLED = (502, "server_error", "bad_reply")
TIMEOUT = (504, "server_error", "timeout")
OVERLOADED = (503, "server_error", "overloaded")
LIMITED = (429, "rate_limit_error", "upstream_rate_limited")
EXHAUSTED = (429, "rate_limit_error", "insufficient_quota")
CREDENTIALS = (502, "server_error", "provider_auth")


@dataclass(frozen=True)
class Fault:
    """`alone`: status, type and code when there is no other target. `fails_over`: whether a second one is asked.

    `says` is text that the message must hold. `timeouts` are the provider's own, where it is one of them that strikes.
    """

    does: Reply | Missing
    alone: tuple[int, str, str | None]
    fails_over: bool = True
    modes: tuple[str, ...] = BOTH
    retry_after: int | None = None
    says: str = ""
    timeouts: str = ""


def refused(status: int, message: str, code: str | None = None, **expected: Any) -> Fault:
    """The request's own fault: the upstream's status, type, code and words, and nobody else is asked."""
    kind = "invalid_request_error"
    reply = chat.error(status, message, type=kind, code=code)
    return Fault(reply, (status, kind, expected.get("code", code)), fails_over=False, says=message)


HTML = b"<!doctype html><html><body><h1>Bad gateway</h1></body></html>"
TOO_LONG = "This model's maximum context length is 8192 tokens."
WHOLE_TEXT = json.dumps(chat.completion()).encode()
EVENTS = "text/event-stream"
COMPRESSED = [("Content-Encoding", "gzip")]
CHUNKED = (("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))
ROLE = chat.events([chat.delta(role="assistant", content="")], done=False)[0]
DONE = sse.encode(sse.DONE)
COMMENT = sse.comment("PROCESSING")

FAULTS: dict[str, Fault] = {
    # the connection
    "refused": Fault(Missing.REFUSED, UNREACHABLE),
    "connect-timeout": Fault(Missing.SILENT, TIMEOUT, says="connect", timeouts="{connect: 1s}"),
    "reset": Fault(raw(Reset()), GARBLED),
    "closed": Fault(raw(Close()), GARBLED),
    "no-http": Fault(raw(b"220 mail.example.com ESMTP\r\n", Close()), GARBLED),
    "half-a-head": Fault(raw(b"HTTP/1.1 200 OK\r\nContent-Ty", Close()), GARBLED),
    "interim-only": Fault(raw(head(103), Close()), GARBLED),
    "huge-head": Fault(raw(head(200, ("X-Padding", "x" * 200_000))), GARBLED),
    "silent": Fault(raw(Stall()), TIMEOUT, modes=STREAM, says="first_token", timeouts="{first_token: 1s}"),
    "silent-whole": Fault(raw(Stall()), TIMEOUT, modes=WHOLE, says="total", timeouts="{total: 1s}"),
    # 200 and yet no reply
    "error-in-200-with-key": Fault(whole(chat.error_body("What is sk-test-1?")), OVERLOADED, says="What is "),
    "html": Fault(whole(HTML, content_type="text/html"), GARBLED),
    "html-as-json": Fault(whole(HTML), GARBLED),
    "empty-body": Fault(whole(b""), GARBLED),
    "half-json": Fault(whole(WHOLE_TEXT[:100]), GARBLED),
    "other-json": Fault(whole({"ok": True}), GARBLED),
    "json-list": Fault(whole([]), GARBLED),
    "bad-utf8": Fault(whole(WHOLE_TEXT.replace(b"Hello", b"H\xe9llo")), GARBLED),
    "error-in-200": Fault(whole(chat.error_body("Overloaded.")), OVERLOADED, says="Overloaded."),
    "limited-in-200": Fault(whole(chat.error_body("Slow down.", code="429")), LIMITED, says="Slow down."),
    "too-short": Fault(whole(WHOLE_TEXT, length=len(WHOLE_TEXT) + 50).then(Close()), GARBLED, modes=WHOLE),
    "too-long": Fault(whole(WHOLE_TEXT, length=len(WHOLE_TEXT) - 50), GARBLED, modes=WHOLE),
    "half-a-chunk": Fault(raw(head(200, *CHUNKED), chunk(WHOLE_TEXT)[:60], Close()), GARBLED, modes=WHOLE),
    "chunk-then-reset": Fault(raw(head(200, *CHUNKED), chunk(WHOLE_TEXT), Reset()), GARBLED, modes=WHOLE),
    "bad-chunk-size": Fault(raw(head(200, *CHUNKED), b"zz\r\n", Stall()), GARBLED),
    "cut-gzip": Fault(whole(gzip.compress(WHOLE_TEXT)[:-20], headers=COMPRESSED), GARBLED, modes=WHOLE),
    # statuses
    "bad-request": refused(400, "The temperature is too high.", "too_hot"),
    "not-found": refused(404, "There is no such path."),
    "unprocessable": refused(422, "Not with this response_format."),
    "context-overflow": Fault(
        whole(chat.error_body(TOO_LONG, "invalid_request_error", "context_length_exceeded"), 400),
        (400, "invalid_request_error", "context_length_exceeded"), fails_over=False, says="8192 tokens",
    ),
    "prompt-too-long": Fault(
        chat.error(400, "prompt is too long: 210000 tokens > 200000 maximum", type="invalid_request_error"),
        (400, "invalid_request_error", "context_length_exceeded"), fails_over=False, says="prompt is too long",
    ),
    "numeric-code": Fault(
        whole({"error": {"message": "Wrong.", "code": 400}}, 400), (400, "invalid_request_error", None),
        fails_over=False, says="Wrong.",
    ),
    "bad-key": Fault(chat.error(401, "Incorrect API key provided: sk-test-1."), CREDENTIALS, fails_over=False),
    "forbidden": Fault(chat.error(403, "Not from your country."), CREDENTIALS, fails_over=False),
    "no-money": Fault(chat.error(402, "Payment required."), EXHAUSTED),
    "quota": Fault(chat.error(429, "You exceeded your current quota.", code="insufficient_quota"), EXHAUSTED),
    "no-credit": Fault(chat.error(400, "Your credit balance is too low to access the API."), EXHAUSTED),
    "unknown-model": Fault(
        chat.error(404, "The model `model-1` does not exist.", code="model_not_found"), EXHAUSTED, says="model-1"
    ),
    "request-timeout": Fault(chat.error(408, "Too slow."), TIMEOUT),
    "limited": Fault(chat.error(429, "Slow down.", headers=[("Retry-After", "17")]), LIMITED, retry_after=17),
    "limited-in-ms": Fault(chat.error(429, "Slow.", headers=[("retry-after-ms", "15500")]), LIMITED, retry_after=16),
    "internal": Fault(chat.error(500, "Oops."), OVERLOADED, says="Oops."),
    "bad-gateway-html": Fault(whole(HTML, 502, content_type="text/html"), OVERLOADED),
    "unavailable-empty": Fault(whole(b"", 503), OVERLOADED),
    "loading": Fault(chat.error(503, "Loading model", code="503"), OVERLOADED, says="Loading model"),
    "gateway-timeout": Fault(chat.error(504, "Late."), OVERLOADED),
    "overloaded-529": Fault(chat.error(529, "Overloaded."), OVERLOADED, says="Overloaded."),
    "redirect": Fault(whole(b"", 302, [("Location", "http://127.0.0.1:1/v1/chat/completions")]), GARBLED),
    # streams that fail before their first content
    "error-event": Fault(event_stream(chat.error_event("Overloaded.")), OVERLOADED, modes=STREAM, says="Overloaded."),
    "error-event-429": Fault(event_stream(chat.error_event("Slow down.", 429)), LIMITED, modes=STREAM),
    "error-after-role": Fault(event_stream(ROLE, chat.error_event("Oops.")), OVERLOADED, modes=STREAM, says="Oops."),
    "error-after-comment": Fault(event_stream(COMMENT, chat.error_event("Oops.")), OVERLOADED, modes=STREAM),
    "cut-after-role": Fault(event_stream(ROLE, Reset(), ended=False), GARBLED, modes=STREAM),
    "closed-after-role": Fault(event_stream(ROLE, Close(), ended=False), GARBLED, modes=STREAM),
    "ended-after-role": Fault(event_stream(ROLE), GARBLED, modes=STREAM),
    "done-after-role": Fault(event_stream(ROLE, DONE), GARBLED, modes=STREAM),
    "empty-stream": Fault(event_stream(), GARBLED, modes=STREAM),
    "only-done": Fault(event_stream(DONE), GARBLED, modes=STREAM),
    "only-comments": Fault(event_stream(COMMENT, COMMENT), GARBLED, modes=STREAM),
    "no-json": Fault(event_stream(b"data: <html>\n\n", Stall(), ended=False), GARBLED, modes=STREAM),
    "half-an-event": Fault(event_stream(b'data: {"id":"chatcm', Close(), ended=False), GARBLED, modes=STREAM),
    "bad-utf8-event": Fault(event_stream(b'data: {"id":"\xff\xfe"}\n\n', Stall(), ended=False), GARBLED, modes=STREAM),
    "html-stream": Fault(event_stream(HTML), GARBLED, modes=STREAM),
    "half-json-as-stream": Fault(whole(WHOLE_TEXT[:100], content_type=EVENTS), GARBLED, modes=STREAM),
    "error-as-stream": Fault(
        whole(chat.error_body("Overloaded."), content_type=EVENTS), OVERLOADED, modes=STREAM, says="Overloaded."
    ),
    "silent-after-role": Fault(
        event_stream(ROLE, Stall(), ended=False), TIMEOUT, modes=STREAM, says="idle", timeouts="{idle: 1s}"
    ),
    "comments-for-ever": Fault(
        event_stream(Every(0.1, chunk(COMMENT))), TIMEOUT, modes=STREAM, says="first_token",
        timeouts="{first_token: 1s}",
    ),
    "roles-for-ever": Fault(event_stream(*[ROLE] * 2000), GARBLED, modes=STREAM),
}  # fmt: skip

CASES = [(name, mode) for name, fault in FAULTS.items() for mode in fault.modes]


def route(name: str, mode: str, company: str) -> str:
    """The route of one case; `company` is "alone" or "pair"."""
    return f"{name}-{mode}-{company}"


@contextmanager
def upstreams() -> Iterator[list[Act]]:
    """One route for each case, alone with the fault, and one with a well-behaved provider behind it."""
    with ExitStack() as stack:
        acts = []
        for (name, mode), company in product(CASES, ("alone", "pair")):
            group: list[Addressed] = [stack.enter_context(_upstream(FAULTS[name].does))]
            if company == "pair":
                group.append(stack.enter_context(Upstream(chat.good)))
            options = "max_attempts: 1" if company == "alone" else "max_attempts: 3"
            timeouts = FAULTS[name].timeouts
            first = f"timeouts: {timeouts}" if timeouts else ""
            acts.append(Act(route(name, mode, company), tuple(group), options, first_options=first))
        yield acts


def _upstream(does: Reply | Missing) -> AbstractContextManager[Addressed]:
    if isinstance(does, Missing):
        return Refusing() if does is Missing.REFUSED else Unreachable()
    return Upstream(lambda _: does)
