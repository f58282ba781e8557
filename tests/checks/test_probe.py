"""One look at a provider: every way it may answer, and what is made of it."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from routerd.checks.probe import LONGEST_DETAIL, Probe, Prober
from routerd.checks.unsaved import NotPlain, Unusable, compiled
from routerd.observe import Redactor
from routerd.proxy.pool import Pools
from tests.proxy.test_transport import forward_proxy
from tests.support import chat
from tests.support.certificates import Certificates
from tests.support.gate import PATIENCE
from tests.support.reply import Close, Endless, Reply, Reset, Stall, head, raw, whole
from tests.support.upstream import Refusing, Unreachable, Upstream

KEY = "sk-canary/5b1f+0123456789abcdef"
MODELS = {"object": "list", "data": [{"id": "small", "object": "model"}, {"id": "large"}]}


def probe(
    entry: dict[str, Any],
    *,
    model: str | None = None,
    seconds: float = PATIENCE,
    resolve: Callable[[str], Sequence[str]] | None = None,
) -> Probe:
    """Look at the provider of an entry, or ask it for `model`; names are looked up with `resolve`, if it is given."""

    async def run() -> Probe:
        if resolve is not None:
            asyncio.get_running_loop().getaddrinfo = _resolver(resolve)  # type: ignore[method-assign]
        pools = Pools()
        try:
            prober = Prober(pools, Redactor([KEY]).clean, Random(1))
            provider = compiled(entry)
            return await (prober.look(provider, seconds) if model is None else prober.ask(provider, model, seconds))
        finally:
            pools.close()

    return asyncio.run(run())


def _resolver(resolve: Callable[[str], Sequence[str]]) -> Any:
    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        found = resolve(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return getaddrinfo


def facts(found: Probe) -> tuple[str, int | None, bool, bool]:
    return found.result.status, found.result.status_code, found.has_answered, found.has_failed


REFUSED = whole({"error": {"message": f"Incorrect API key: {KEY}.", "type": "auth", "code": "invalid_api_key"}}, 401)
LIMITED = whole({"error": {"message": "Missing scopes: api.model.read", "type": "auth", "code": None}}, 401)
SLOW = whole({"error": {"message": "Too many requests", "type": "rate_limit", "code": None}}, 429)
ENDLESS = raw(head(200, ("Content-Type", "application/json")), Endless(b" " * 65536))

# what comes, then: status, code, whether it answered, whether that is a failure, and words of the detail
ANSWERS: list[tuple[str, Reply, tuple[str, int | None, bool, bool], str | None]] = [
    ("a list", whole(MODELS), ("online", 200, True, False), None),
    ("a page", whole(b"<html>hi</html>", content_type="text/html"), ("online", 200, True, False), None),
    ("nothing", raw(head(204)), ("online", 204, True, False), None),
    ("a redirect", whole({}, 301), ("degraded", 301, True, False), "never followed"),
    ("no list", whole({"error": {"message": "nope"}}, 404), ("degraded", 404, True, False), "no list of models"),
    ("no GET", whole(b"", 405), ("degraded", 405, True, False), "no list of models"),
    ("a refused key", REFUSED, ("degraded", 401, True, True), "Incorrect API key: [redacted]."),
    ("a key for less", LIMITED, ("degraded", 401, True, False), "Missing scopes"),
    ("forbidden", whole({"error": "no"}, 403), ("degraded", 403, True, False), "HTTP 403: no"),
    ("rate limited", SLOW, ("degraded", 429, True, False), "Too many requests"),
    ("broken", whole(b"<h1>canary of a page</h1>", 502), ("degraded", 502, True, True), "HTTP 502: Bad Gateway"),
    ("an odd status", whole(b"", 599), ("degraded", 599, True, True), "HTTP 599"),
    ("closed", raw(Close()), ("error", None, True, True), "closed the connection"),
    ("cut", raw(head(200, ("Content-Length", "99")), Reset()), ("error", None, True, True), "cut the connection"),
    ("not HTTP", raw(b"SSH-2.0-OpenSSH_9.6\r\n", Close()), ("error", None, True, True), "not HTTP/1.1"),
    ("without end", ENDLESS, ("error", None, True, True), "more than 4 MiB"),
]


@pytest.mark.parametrize(("reply", "found", "words"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answers(reply: Reply, found: tuple[str, int | None, bool, bool], words: str | None) -> None:
    with Upstream() as upstream:
        upstream.script(reply)
        seen = probe({"base_url": upstream.base_url, "api_key": KEY})
    assert facts(seen) == found
    detail = seen.result.detail
    assert detail is None if words is None else detail is not None and words in detail
    assert "canary" not in str(detail)
    assert (seen.result.latency_ms is None) == (found[1] is None)
    [request] = upstream.requests
    assert (request.method, request.target, request.body) == ("GET", "/v1/models", b"")
    assert request.get("authorization") == f"Bearer {KEY}"
    assert request.get("content-type") is None


def test_who_does_not_answer() -> None:
    with Upstream() as silent, Refusing() as refusing, Unreachable() as unreachable:
        silent.script(raw(Stall()))
        assert facts(probe({"base_url": silent.base_url}, seconds=0.3)) == ("timeout", None, False, True)
        assert facts(probe({"base_url": unreachable.base_url}, seconds=0.3)) == ("timeout", None, False, True)
        seen = probe({"base_url": refusing.base_url})
    assert facts(seen) == ("unreachable", None, False, True)
    assert str(seen.result.detail).startswith("unreachable: ")


def test_a_certificate_nobody_signed(certificates: Certificates) -> None:
    with Upstream(tls=certificates.server()) as upstream:
        seen = probe({"base_url": upstream.base_url, "api_key": KEY})
    assert facts(seen) == ("unreachable", None, False, True)
    assert "TLS failed" in str(seen.result.detail)
    assert upstream.requests == []


def test_a_provider_is_looked_at_through_its_proxy() -> None:
    with Upstream(lambda _: whole(MODELS)) as upstream, forward_proxy() as proxy, Refusing() as nobody:
        entry = {"base_url": upstream.base_url, "api_key": KEY, "proxy": f"http://127.0.0.1:{proxy.port}"}
        assert probe(entry).models == ("small", "large")
        assert proxy.seen[0].startswith(b"GET http://127.0.0.1:")
        seen = probe(entry | {"proxy": nobody.base_url.removesuffix("/v1")})
        assert facts(seen) == ("unreachable", None, False, True)


def test_a_redirect_takes_the_key_nowhere() -> None:
    with Upstream() as other, Upstream() as upstream:
        upstream.script(whole({}, 307, [("Location", f"{other.base_url}/models")]))
        assert probe({"base_url": upstream.base_url, "api_key": KEY}).result.status == "degraded"
    assert other.requests == []


def test_a_key_is_cleaned_in_every_form_before_the_text_is_cut() -> None:
    forms = [KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()]
    for form in forms:
        for lead in ("", "x" * (LONGEST_DETAIL - 20)):
            with Upstream() as upstream:
                upstream.script(whole({"error": {"message": f"{lead} {form}\x00\nnew line"}}, 500))
                detail = probe({"base_url": upstream.base_url, "api_key": KEY}).result.detail
            assert detail is not None
            assert len(detail) <= LONGEST_DETAIL
            assert detail.isprintable()
            assert not any(form[:cut] in detail for cut in (9, len(form)))


LISTS: list[tuple[dict[str, Any], str, str, Any, list[str]]] = [
    ({}, "/v1/models", "authorization", MODELS, ["small", "large"]),
    ({}, "/v1/models", "authorization", [{"id": "bare"}, {"id": "bare"}, {"id": " odd"}, {"id": 7}, None], ["bare"]),
    ({"adapter": "anthropic"}, "/v1/models?limit=1000", "x-api-key", {"data": [{"type": "model", "id": "c"}]}, ["c"]),
    (
        {"adapter": "gemini"},
        "/v1/models?pageSize=1000",
        "x-goog-api-key",
        {"models": [
            {"name": "models/g", "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/e", "supportedGenerationMethods": ["embedContent"]},
        ]},
        ["g"],
    ),
    ({}, "/v1/models", "authorization", {"models": [{"name": "llama:8b", "model": "llama:8b"}]}, ["llama:8b"]),
]  # fmt: skip


@pytest.mark.parametrize(("more", "target", "header", "body", "models"), LISTS)
def test_lists(more: dict[str, Any], target: str, header: str, body: Any, models: list[str]) -> None:
    with Upstream() as upstream:
        upstream.script(whole(body))
        seen = probe({"base_url": upstream.base_url, "api_key": KEY, **more})
    assert seen.models == tuple(models)
    assert upstream.requests[0].target == target
    assert KEY in str(upstream.requests[0].get(header))


@pytest.mark.parametrize("body", [{"data": 7}, 7, {"error": "x"}, {}])
def test_what_is_no_list(body: Any) -> None:
    with Upstream() as upstream:
        upstream.script(whole(body))
        assert probe({"base_url": upstream.base_url}).models is None


ANTHROPIC_REPLY = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "max_tokens",
    "content": [{"type": "text", "text": "H"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
GEMINI_REPLY = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "H"}]}, "finishReason": "MAX_TOKENS", "index": 0}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}
DEEP: list[tuple[str, str, Any, Callable[[Any], Any]]] = [
    ("openai", "/v1/chat/completions", chat.completion("H"), lambda body: body["max_tokens"]),
    ("anthropic", "/v1/messages", ANTHROPIC_REPLY, lambda body: body["max_tokens"]),
    ("gemini", "/v1/models/m:generateContent", GEMINI_REPLY, lambda body: body["generationConfig"]["maxOutputTokens"]),
]


@pytest.mark.parametrize(("adapter", "target", "reply", "limit"), DEEP)
def test_a_deep_test_asks_for_one_token(adapter: str, target: str, reply: Any, limit: Callable[[Any], Any]) -> None:
    with Upstream() as upstream:
        upstream.script(whole(reply), whole({"what": "canary"}), REFUSED, whole({"error": {"message": "no"}}, 404))
        entry = {"base_url": upstream.base_url, "api_key": KEY, "adapter": adapter}
        good, garbled, refused, unknown = [probe(entry, model="m") for _ in range(4)]
    assert (facts(good), good.asked, good.result.detail) == (("online", 200, True, False), "m", None)
    assert facts(garbled) == ("error", 200, True, True)
    assert facts(refused) == ("degraded", 401, True, True)
    assert facts(unknown) == ("degraded", 404, True, False)
    assert "canary" not in f"{garbled.result.detail}{refused.result.detail}"
    assert {request.target for request in upstream.requests} == {target}
    assert limit(upstream.requests[0].json()) == 1


ECHOES = [
    ({}, ("online", 200)),
    ({"fail": 500}, ("degraded", 500)),
    ({"fail": 429}, ("degraded", 429)),
    ({"fail": "stall"}, ("timeout", None)),
    ({"fail": "cut"}, ("error", None)),
    ({"fail": "garbage"}, ("error", 200)),
]


@pytest.mark.parametrize(("echo", "found"), ECHOES)
def test_the_echo_provider_needs_no_network(echo: dict[str, Any], found: tuple[str, int | None]) -> None:
    entry = {"adapter": "echo", "models": ["echo"], "echo": echo}
    assert facts(probe(entry)) == ("online", 200, True, False)
    assert facts(probe(entry, model="echo"))[:2] == found


# Where it never goes -------------------------------------------------------------------------------------------------

NEVER = [
    "http://169.254.169.254/latest", "http://169.254.169.254./v1", "http://[fd00:ec2::254]/v1", "http://169.254.1.1/",
    "http://[::ffff:169.254.169.254]/v1", "http://[::ffff:a9fe:a9fe]/v1", "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::]/v1", "http://[fe80::1]/v1", "http://[fe80::1%25eth0]/v1", "http://100.100.100.200/",
    "http://metadata.google.internal/v1", "http://METADATA.google.internal./v1", "http://metadata/v1",
    "http://2852039166/v1", "http://0xa9fea9fe/v1", "http://0251.0376.0251.0376/v1", "http://2130706433/v1",
    "http://127.1/v1", "http://0x7f.1/v1", "http://0.0.0.0/v1", "http://[::]/v1", "http://255.255.255.255/v1",
    "http://user@127.0.0.1/v1", "http://user:canary@127.0.0.1/v1", "http://127.0.0.1#@example.org/v1",
    "http://127.0.0.1\\@example.org/v1", "http://127.0.0.1/v1?x=", "http:///v1", "http://127.0.0.1:/v1",
    "http://127.0.0.1:0/v1", "http://127.0.0.1:99999/v1", "http://１２７.0.0.1/v1", "http://127。0。0。1/v1",
    "http://a b/v1", "http://a\r\nHost: b/v1", "ftp://example.org/v1", "file:///etc/passwd", "gopher://127.0.0.1/v1",
    "//127.0.0.1/v1", "127.0.0.1", "", "http://-a-/v1", "http://a..b/v1",
]  # fmt: skip


@pytest.mark.parametrize("url", NEVER)
def test_addresses_that_are_never_called(url: str) -> None:
    with pytest.raises(Unusable) as told:
        compiled({"base_url": url, "allow_private": True})
    assert "canary" not in str(told.value)


# a name, what it resolves to, whether private addresses are allowed, and whether it is called
NAMES: list[tuple[str, list[str], bool, bool]] = [
    ("llm.example.org", ["127.0.0.1"], False, False),
    ("llm.example.org", ["127.0.0.1"], True, True),
    ("llm.example.org", ["::ffff:127.0.0.1"], False, False),
    ("llm.example.org", ["10.1.2.3"], False, False),
    ("llm.example.org", ["169.254.169.254"], True, False),
    ("llm.example.org", ["::ffff:169.254.169.254"], True, False),
    ("llm.example.org", ["127.0.0.1", "169.254.169.254"], True, False),
    ("llm.example.org", ["8.8.8.8", "127.0.0.1"], False, False),
    ("llm.example.org", ["fe80::1%eth0"], True, False),
    ("llm.example.org", [], True, False),
    ("localhost", ["127.0.0.1"], False, True),
    ("localhost.", ["127.0.0.1"], False, True),
    ("a.localhost", ["127.0.0.1"], False, True),
    ("localhost", ["169.254.169.254"], False, False),
    ("localhost.example.org", ["127.0.0.1"], False, False),
]


@pytest.mark.parametrize(("name", "addresses", "allows", "called"), NAMES)
def test_what_a_name_resolves_to_is_looked_at(name: str, addresses: list[str], allows: bool, called: bool) -> None:
    with Upstream(lambda _: whole(MODELS)) as upstream:
        entry = {"base_url": f"http://{name}:{upstream.port}/v1", "allow_private": allows}
        seen = probe(entry, resolve=lambda _: addresses)
    assert facts(seen) == (("online", 200, True, False) if called else ("unreachable", None, False, True))
    assert len(upstream.requests) == called


REFERENCES = ["env:HOME", "${HOME}", "file:/etc/passwd", "$HOME", "os.environ/HOME", "age:YWJj"]


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_key_is_given_as_it_is(reference: str) -> None:
    with pytest.raises((NotPlain, Unusable)):
        compiled({"base_url": "https://llm.example.org/v1", "api_key": reference})


def test_a_key_never_travels_unencrypted() -> None:
    with pytest.raises(Unusable, match="unencrypted"):
        compiled({"base_url": "http://llm.example.org/v1", "api_key": KEY})
