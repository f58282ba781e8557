"""Who may manage: the table of what is let in without a token, and what never is."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd import daemon, settings
from routerd.access import LOCAL, MANAGER, Admin, Local, Role, administer
from routerd.errors import RouterError
from routerd.proxy.door import Head
from routerd.web.app import create_app
from routerd.web.guard import is_below, needed, owner_of
from routerd.web.operations import Operation
from tests.support.daemon import Daemon
from tests.support.doors import HypercornDoor

TEXT = "providers: {demo: {adapter: echo, models: [echo]}}\nroutes: {chat: [demo/echo]}\n"
TOKEN = hashlib.sha256(b"secret").digest()


class Rules:
    """As a snapshot has them."""

    def __init__(self, *, require_token: bool = False) -> None:
        self.require_token = require_token
        self.admins = {
            hashlib.sha256(b"edits").digest(): Admin("alice", "editor"),
            hashlib.sha256(b"looks").digest(): Admin("bob", "viewer"),
        }


def asked(
    *headers: tuple[str, str],
    host: str = "localhost:8000",
    writes: bool = False,
    peer: bool = True,
    listener: bool = True,
    ours: bool = True,
    port: int | None = 8000,
    require_token: bool = False,
) -> str:
    """Who it is, or the kind of the refusal."""
    pairs = [(name.encode(), value.encode()) for name, value in (("host", host), *headers)]
    head = Head("GET", "/api/status", b"", pairs, peer, listener)
    rules = Rules(require_token=require_token)
    try:
        role: Role = "editor" if writes else "viewer"
        return administer(head, rules, TOKEN, Local(port, ours), writes=writes, needs=role).name
    except RouterError as error:
        return error.kind


BEARER = "authorization"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:8000", "127.1.2.3:8000"])
@pytest.mark.parametrize("writes", [False, True])
def test_this_machine_alone(host: str, writes: bool) -> None:
    assert asked(host=host, writes=writes) == LOCAL.name


def test_a_port_that_need_not_be_named() -> None:
    assert asked(host="localhost", port=80) == LOCAL.name
    assert asked(host="localhost", port=443) == LOCAL.name
    assert asked(host="localhost") == "forbidden"


@pytest.mark.parametrize(
    "host", ["localhost:9000", "router.example.org:8000", "localhost.evil.org:8000", "10.0.0.1:8000"]
)
def test_a_name_that_is_bound_elsewhere(host: str) -> None:
    assert asked(host=host) == "forbidden"


HEADERS = [
    ("forwarded", "for=1.2.3.4", "unauthorized"),
    ("x-forwarded-for", "127.0.0.1", "unauthorized"),
    ("x-forwarded-host", "localhost", "unauthorized"),
    ("x-forwarded-anything", "1", "unauthorized"),
    ("x-real-ip", "127.0.0.1", "unauthorized"),
    ("via", "1.1 nginx", "unauthorized"),
    ("origin", "http://evil.example.org", "forbidden"),
    ("origin", "http://localhost:9000", "forbidden"),
    ("origin", "null", "forbidden"),
    ("sec-fetch-site", "cross-site", "forbidden"),
    ("sec-fetch-site", "same-site", "forbidden"),
    ("sec-fetch-site", "same-origin", "local"),
    ("sec-fetch-site", "none", "local"),
    ("origin", "http://localhost:8000", "local"),
    (BEARER, "Bearer wrong", "unauthorized"),
    (BEARER, "Bearer ", "unauthorized"),
    (BEARER, "", "unauthorized"),
    (BEARER, "Basic c2VjcmV0", "unauthorized"),
    (BEARER, "secret", "unauthorized"),
]


@pytest.mark.parametrize(("name", "value", "kind"), HEADERS)
def test_headers(name: str, value: str, kind: str) -> None:
    assert asked((name, value)) == kind


def test_who_needs_a_token() -> None:
    for one in ({"peer": False}, {"listener": False}, {"ours": False}, {"require_token": True}):
        assert asked(**one) == "unauthorized"  # type: ignore[arg-type]
        assert asked((BEARER, "Bearer secret"), **one) == MANAGER.name  # type: ignore[arg-type]
    assert asked(port=None) == "forbidden"


def test_tokens() -> None:
    far = {"host": "router.example.org", "peer": False, "listener": False, "ours": False}
    assert asked((BEARER, "bearer secret"), **far) == "admin"  # type: ignore[arg-type]
    assert asked((BEARER, "Bearer edits"), writes=True, **far) == "alice"  # type: ignore[arg-type]
    assert asked((BEARER, "Bearer looks"), **far) == "bob"  # type: ignore[arg-type]
    assert asked((BEARER, "Bearer looks"), writes=True, **far) == "forbidden"  # type: ignore[arg-type]
    page = ("origin", "https://evil.example.org")
    assert asked((BEARER, "Bearer edits"), page, writes=True, **far) == "forbidden"  # type: ignore[arg-type]
    own = ("origin", "https://router.example.org")
    assert asked((BEARER, "Bearer edits"), own, writes=True, **far) == "alice"  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/status", "/api/nothing", "/metrics", "/docs", "/openapi.json"])
def test_below(path: str) -> None:
    assert is_below(path)


@pytest.mark.parametrize("path", ["/", "/ping", "/health/ready", "/apis", "/metricsx", "/v1/models"])
def test_not_below(path: str) -> None:
    assert not is_below(path)


async def nothing() -> Any:
    """A handler that is never called."""


NEEDED = [
    # what answers, the method and the path that were asked for, whether a rule was found
    (Operation("GET", "/api/status", nothing, ""), "GET", "/api/status", True, "viewer"),
    (Operation("GET", "/api/status", nothing, ""), "HEAD", "/api/status", True, "viewer"),
    (Operation("GET", "/api/status", nothing, ""), "OPTIONS", "/api/status", True, "viewer"),
    (Operation("PUT", "/api/config", nothing, ""), "PUT", "/api/config", True, "editor"),
    (Operation("POST", "/api/config/check", nothing, "", asks="viewer"), "POST", "/api/config/check", True, "viewer"),
    (Operation("GET", "/ping", nothing, "", asks="nobody"), "GET", "/ping", True, "nobody"),
    (Operation("GET", "/{path}", nothing, "", asks="nobody"), "GET", "/style.css", True, "nobody"),
    (Operation("GET", "/{path}", nothing, "", asks="nobody"), "GET", "/api/style.css", True, "viewer"),
    (Operation("GET", "/{path}", nothing, "", asks="nobody"), "GET", "/metrics", True, "viewer"),
    (None, "GET", "/forgotten", True, "viewer"),
    (None, "POST", "/forgotten", True, "editor"),
    (None, "GET", "/api/nothing", False, "viewer"),
    (None, "POST", "/api/nothing", False, "editor"),
    (None, "GET", "/nothing", False, "nobody"),
]


@pytest.mark.parametrize(("row", "method", "path", "is_found", "needs"), NEEDED)
def test_what_an_endpoint_needs(row: Operation | None, method: str, path: str, is_found: bool, needs: str) -> None:
    assert needed(row, method, path, is_found=is_found) == needs


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_whose_a_socket_is(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as listening:
        try:
            listening.bind((host, 0))
        except OSError:
            pytest.skip("there is no such address here")
        listening.listen()
        with socket.create_connection(listening.getsockname()[:2]) as caller:
            here, there = caller.getsockname()[:2], caller.getpeername()[:2]
            accepted, _ = listening.accept()
            assert owner_of(here, there) == os.getuid()
            assert owner_of(here, (there[0], 1)) is None
            assert owner_of(here, there, {4: "/nowhere", 6: "/nowhere"}) is None
        assert owner_of(here, there) is None, "of a closed one the kernel says root"
        accepted.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_another_user_of_this_machine(tmp_path: Path) -> None:
    script = (
        "import encodings.idna, os, socket, sys\n"
        "os.setgid(54321); os.setuid(54321)\n"
        "caller = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "caller.sendall(b'GET /api/status HTTP/1.1\\r\\nhost: 127.0.0.1:%s\\r\\n\\r\\n' % sys.argv[1].encode())\n"
        "print(caller.recv(100).split()[1].decode())\n"
    )
    with Daemon(tmp_path, TEXT) as running:
        command = [sys.executable, "-c", script, str(running.port)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "401\n"
        assert running.get("/api/status").status == 200


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, TEXT, environment={"ROUTERD_ADMIN_TOKEN": "secret"}) as running:
        yield running


def test_through_the_edge(running: Daemon) -> None:
    assert running.get("/api/status").status == 200
    refused = running.get("/api/status", {"X-Forwarded-For": "1.2.3.4"})
    assert (refused.status, refused.json()["kind"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["content-type"] == "application/problem+json"
    assert running.get("/metrics", {"Authorization": "Bearer wrong"}).status == 401
    assert running.get("/api/nothing", {"Host": "evil.example.org"}).status == 403
    assert running.get("/api/nothing").status == 404
    assert running.get("/api/status", {"Host": "evil.example.org", "Authorization": "Bearer secret"}).status == 200
    with running.caller() as caller:
        answer = caller.exchange("OPTIONS", "/api/config", headers={"Origin": "http://evil.example.org"})
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
        answer = caller.exchange("POST", "/api/config/reload", b"a=b", {"Content-Type": "text/plain"})
        assert (answer.status, answer.json()["kind"]) == (415, "unsupported_media")


def test_rules_of_the_file_hold_at_once(running: Daemon) -> None:
    looks = hashlib.sha256(b"looks").hexdigest()
    running.save(f"{TEXT}server: {{require_token: true}}\nadmins: {{bob: {{token_sha256: {looks}, role: viewer}}}}\n")
    assert running.get("/api/status").status == 401
    bob = {"Authorization": "Bearer looks"}
    assert running.get("/api/status", bob).status == 200
    assert running.post({}, bob, "/api/config/reload").status == 403
    assert running.post({"text": TEXT}, bob, "/api/config/check").status == 200


def test_on_another_server_the_token_is_always_needed(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(TEXT)
    flags = {"config": tmp_path / "router.yaml", "data_dir": tmp_path / "data"}
    door = HypercornDoor(None)
    built = daemon.build(settings.load(flags, {"ROUTERD_ADMIN_TOKEN": "secret"}), door.loop)
    door._app = create_app(built.gateway, management=built.management)
    try:
        with door, door.caller() as caller:
            assert caller.exchange("GET", "/api/status").status == 401
            assert caller.exchange("GET", "/api/status", headers={"Authorization": "Bearer secret"}).status == 200
    finally:
        built.database.close()
        built.log.close()
