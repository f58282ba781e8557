"""Who may call, and which addresses may be called: tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from routerd.access import (
    ADMIN,
    ANONYMOUS,
    Caller,
    credential,
    identify,
    is_loopback_host,
)
from routerd.config.addresses import why_not_connected
from routerd.errors import RouterError
from tests.support.daemon import Daemon
from tests.support.stage import SERVER

ALICE = Caller("alice", frozenset({"smart"}))
ADMIN_DIGEST = hashlib.sha256(b"the-admin-token").digest()
CLIENTS = {hashlib.sha256(b"sk-alice").digest(): ALICE}


@dataclass(frozen=True)
class Asking:
    fields: dict[bytes, bytes] = field(default_factory=dict)
    peer_is_loopback: bool = True
    listener_is_loopback: bool = True


@dataclass(frozen=True)
class Rules:
    callers: dict[bytes, Caller] | None = None
    allow_anonymous: bool = False


HOST = {b"host": b"localhost:8000"}
LOCAL = Asking(HOST)
AWAY = Asking({b"host": b"llm.example.org"}, peer_is_loopback=False, listener_is_loopback=False)
BEHIND_PROXY = Asking({b"host": b"llm.example.org"}, peer_is_loopback=True, listener_is_loopback=False)
DECLARED, OPEN = Rules(CLIENTS), Rules(allow_anonymous=True)


def asking(**headers: str) -> Asking:
    return Asking(HOST | {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()})


MAY = {
    "a client by bearer": (asking(authorization="Bearer sk-alice"), DECLARED, ALICE),
    "bearer in any case": (asking(authorization="bearer sk-alice"), DECLARED, ALICE),
    "a client by x-api-key": (asking(x_api_key="sk-alice"), DECLARED, ALICE),
    "a client by api-key": (asking(api_key="sk-alice"), DECLARED, ALICE),
    "the admin token": (asking(authorization="Bearer the-admin-token"), DECLARED, ADMIN),
    "the admin token from away": (
        Asking(AWAY.fields | {b"authorization": b"Bearer the-admin-token"}, False, False), Rules(), ADMIN,
    ),
    "a client from away": (Asking(AWAY.fields | {b"x-api-key": b"sk-alice"}, False, False), DECLARED, ALICE),
    "a client from a foreign page": (
        asking(authorization="Bearer sk-alice", origin="https://evil.example"), DECLARED, ALICE,
    ),
    "anyone on this machine": (LOCAL, Rules(), ANONYMOUS),
    "any bearer, when no clients are declared": (asking(authorization="Bearer sk-dummy"), Rules(), ANONYMOUS),
    "our own page": (asking(origin="http://localhost:8000"), Rules(), ANONYMOUS),
    "anyone from away, if allowed": (AWAY, OPEN, ANONYMOUS),
}  # fmt: skip


@pytest.mark.parametrize("name", MAY)
def test_may(name: str) -> None:
    request, rules, caller = MAY[name]
    assert identify(request, rules, ADMIN_DIGEST) == caller


MAY_NOT = {
    "a wrong key": (asking(authorization="Bearer sk-bob"), DECLARED, "unauthorized"),
    "a key's beginning": (asking(authorization="Bearer sk-alic"), DECLARED, "unauthorized"),
    "a key and more": (asking(authorization="Bearer sk-alicea"), DECLARED, "unauthorized"),
    "an empty key": (asking(authorization="Bearer "), DECLARED, "unauthorized"),
    "no key": (LOCAL, DECLARED, "unauthorized"),
    "authorization counts first": (asking(authorization="Bearer x", x_api_key="sk-alice"), DECLARED, "unauthorized"),
    "nobody at all, with no clients": (asking(authorization="Bearer sk-alice"), Rules({}), "unauthorized"),
    "anyone from away": (AWAY, Rules(), "unauthorized"),
    "a proxy on this machine before an open listener": (BEHIND_PROXY, Rules(), "unauthorized"),
    "a rebound name": (Asking({b"host": b"evil.example:8000"}), Rules(), "forbidden"),
    "no host": (Asking({}), Rules(), "forbidden"),
    "a foreign page": (asking(origin="https://evil.example"), Rules(), "forbidden"),
    "a page without an origin": (asking(origin="null"), Rules(), "forbidden"),
    "a page of another port": (asking(origin="http://localhost:3000"), Rules(), "forbidden"),
    "a foreign page, though anyone is allowed": (
        Asking(AWAY.fields | {b"origin": b"https://evil.example"}, False, False), OPEN, "forbidden",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAY_NOT)
def test_may_not(name: str) -> None:
    request, rules, kind = MAY_NOT[name]
    with pytest.raises(RouterError) as caught:
        identify(request, rules, ADMIN_DIGEST)
    assert caught.value.kind == kind
    assert "sk-" not in caught.value.message


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({b"authorization": b"Bearer  sk-1 "}, b"sk-1"),
        ({b"authorization": b"sk-1"}, b"sk-1"),
        ({b"authorization": b""}, None),
        ({b"x-api-key": b"a", b"api-key": b"b"}, b"a"),
        ({b"x-goog-api-key": b"g"}, b"g"),
    ],
)
def test_credential(headers: dict[bytes, bytes], key: bytes | None) -> None:
    assert credential(Asking(headers)) == key


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        (b"localhost", True), (b"LOCALHOST:8000", True), (b"127.0.0.1:1", True), (b"127.9.9.9", True),
        (b"[::1]:80", True), (b"[::1]", True), (b"localhost.evil.example", False), (b"127.evil.example", False),
        (b"10.0.0.1", False), (b"", False), (None, False),
    ],
)  # fmt: skip
def test_loopback_host(host: bytes | None, is_loopback: bool) -> None:
    assert is_loopback_host(host) is is_loopback


ADDRESSES = {  # address: (may be called, may be called with allow_private)
    "93.184.216.34": (True, True),
    "2606:2800:220:1::": (True, True),
    "10.1.2.3": (False, True),
    "192.168.1.1": (False, True),
    "127.0.0.1": (False, True),
    "::1": (False, True),
    "fd12::1": (False, True),
    "::ffff:10.0.0.1": (False, True),
    "169.254.169.254": (False, False),
    "169.254.1.1": (False, False),
    "fe80::1%eth0": (False, False),
    "fd00:ec2::254": (False, False),
    "::ffff:169.254.169.254": (False, False),
    "100.100.100.200": (False, False),
    "0.0.0.0": (False, False),
    "224.0.0.1": (False, False),
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_that_may_be_called(address: str) -> None:
    assert (
        tuple(why_not_connected(address, private_is_allowed=private) is None for private in (False, True))
        == ADDRESSES[address]
    )


ECHO = f"{SERVER}providers:\n  demo: {{adapter: echo, models: [echo]}}\nroutes:\n  demo-route: [demo/echo]\n"
CHAT = {"model": "demo-route", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 200, None),
        ({"Authorization": "Bearer whatever"}, 200, None),
        ({"Content-Type": "text/plain"}, 415, "unsupported_media"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media"),
        ({"Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"Host": "evil.example"}, 403, "host_not_allowed"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported_media"),
    ],
)
def test_a_foreign_page_can_spend_nothing(
    tmp_path: Path, headers: dict[str, str], status: int, code: str | None
) -> None:
    with Daemon(tmp_path, ECHO) as daemon, daemon.caller() as caller:
        answer = caller.exchange("POST", "/v1/chat/completions", CHAT, headers)
    assert answer.status == status
    assert (answer.error["code"] if status != 200 else None) == code
