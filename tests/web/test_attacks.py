"""What somebody who should not might try at the management API: one table for each way in, on a real server."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Caller, Response
from tests.support.daemon import Daemon
from tests.support.gate import eventually

TOKEN = "canary-token-" + "0123456789abcdef" * 2
VIEWER = "viewer-token-" + "fedcba9876543210" * 2
OF_VENDOR = "sk-canary-vendor-0123456789abcdef"
OF_OURS = "canary-of-the-environment-0123456789"
POSTED = "sk-canary-posted-0123456789abcdef"
RESTORE = "/api/admin/providers/restore"
TEXT = f"""\
providers:
  demo: {{adapter: echo, models: [echo]}}
  openai: {{api_key: env:OPENAI_API_KEY, models: [m]}}
routes:
  chat: [demo/echo]
admins:
  viewer: {{token_sha256: {hashlib.sha256(VIEWER.encode()).hexdigest()}, role: viewer}}
"""
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "other").write_text(OF_OURS)
    environment = {"ROUTERD_ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": OF_VENDOR, "OURS": OF_OURS}
    with Daemon(folder, TEXT, environment=environment) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that always asks for the token."""
    text = f"{TEXT}server: {{require_token: true}}\n"
    with Daemon(
        tmp_path_factory.mktemp("strict"), text, environment={"ROUTERD_ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": OF_VENDOR}
    ) as daemon:
        yield daemon


def send(daemon: Daemon, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, headers)


def file(daemon: Daemon) -> str:
    return (daemon.folder / "router.yaml").read_text()


# Without the token

GUARDED = [
    ("GET", "/api"), ("GET", "/api/"), ("GET", "/api/status"), ("GET", "/api/config"), ("GET", "/api/providers"),
    ("GET", "/api/clients"), ("GET", "/api/admin/backups"), ("POST", RESTORE), ("POST", "/api/clients"),
    ("PUT", "/api/config"), ("GET", "/api/events"), ("GET", "/api/nothing"), ("DELETE", "/api/status"),
    ("GET", "/api%2fstatus"), ("GET", "/%61pi/status"), ("GET", "/api/%73tatus"), ("GET", "/api/status?x=/ping"),
    ("GET", "/metrics"), ("GET", "/docs"), ("GET", "/docs/"), ("GET", "/openapi.json"),
]  # fmt: skip

CARRIERS: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN}0"},
    {"Authorization": f"Bearer {TOKEN} {TOKEN}"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": f"Bearer {hashlib.sha256(TOKEN.encode()).hexdigest()}"},
    {"Authorization": f"Bearer {hashlib.sha256(VIEWER.encode()).hexdigest()}"},
    {"x-api-key": TOKEN},
    {"api-key": TOKEN},
    {"x-goog-api-key": TOKEN},
    {"Cookie": f"token={TOKEN}"},
    {"Proxy-Authorization": f"Bearer {TOKEN}"},
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nothing_opens_without_the_token(strict: Daemon, method: str, path: str) -> None:
    body: Any = {} if method in ("POST", "PUT") else None
    answer = send(strict, method, path, body)
    assert (answer.status, answer.json()["kind"]) == (401, "unauthorized")
    if path != "/api/events":  # whose answer has no end
        assert send(strict, method, path, body, BEARER).status not in (401, 403), "and with it, it does"


@pytest.mark.parametrize("headers", CARRIERS)
def test_the_token_has_one_carrier_and_is_whole(strict: Daemon, headers: dict[str, str]) -> None:
    for path in ("/api/status", f"/api/status?token={TOKEN}", f"/api/status?key={TOKEN}"):
        assert send(strict, "GET", path, headers=headers).status == 401


OTHER_SPELLINGS = ["//api/status", "/api//status", "/API/status", "/./api/status", "/x/../api/status", "/api/status/"]


@pytest.mark.parametrize("path", OTHER_SPELLINGS)
def test_another_spelling_is_another_path(strict: Daemon, path: str) -> None:
    answer = send(strict, "GET", path)
    assert answer.status in (400, 401, 404), answer.body
    assert b"uptime" not in answer.body


def test_what_is_open(strict: Daemon) -> None:
    for path in ("/", "/ping", "/health/live", "/health/ready", "/schemas/router.schema.json"):
        answer = send(strict, "GET", path)
        assert answer.status == 200
        assert b"demo" not in answer.body, "nothing of the config is"


# A page of the browser

PAGES: list[tuple[dict[str, str], int]] = [
    ({"Origin": "http://evil.example.org"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
    ({"Host": "evil.example.org"}, 403),
    ({"Host": "127.0.0.1.evil.example.org"}, 403),
    ({"Host": "localhost:1"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"X-Forwarded-For": "127.0.0.1"}, 401),
    ({"Forwarded": "for=127.0.0.1"}, 401),
    ({"Via": "1.1 proxy"}, 401),
    ({"X-Real-IP": "127.0.0.1"}, 401),
]


@pytest.mark.parametrize(("headers", "status"), PAGES)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/config"), ("POST", "/api/clients"), ("OPTIONS", RESTORE)])
def test_a_page_elsewhere(daemon: Daemon, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = send(daemon, method, path, {"name": "evil"} if method == "POST" else None, headers)
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers
    assert "evil" not in file(daemon)


def test_a_page_elsewhere_that_has_the_token(daemon: Daemon) -> None:
    headers = {**BEARER, "Origin": "http://evil.example.org"}
    assert send(daemon, "POST", "/api/clients", {"name": "evil"}, headers).status == 403


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
def test_what_a_form_can_send(daemon: Daemon, media: str) -> None:
    answer = send(daemon, "POST", "/api/clients", b'{"name": "evil"}', {"Content-Type": media})
    assert (answer.status, answer.json()["kind"]) == (415, "unsupported_media")
    assert "evil" not in file(daemon)


# Somebody with too small a role

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/api/clients", {"name": "evil"}),
    ("PATCH", "/api/clients/x", {"is_active": False}),
    ("DELETE", "/api/clients/x", None),
    ("POST", "/api/providers", {"name": "evil", "base_url": "https://evil.example.org/v1"}),
    ("PATCH", "/api/providers/demo", {"is_active": False}),
    ("DELETE", "/api/providers/demo?force=true", None),
    ("PATCH", "/api/model-routes/chat", {"is_active": False}),
    ("DELETE", "/api/model-routes/chat", None),
    ("PUT", "/api/config", {"text": "{}"}),
    ("POST", "/api/config/rollback", {"generation": 1}),
    ("POST", "/api/config/reload", {}),
    ("POST", RESTORE, {"providers": [], "routes": []}),
    ("POST", f"{RESTORE}?dry_run=true", {"providers": [], "routes": []}),
    ("POST", "/api/admin/providers/backup", {}),
    ("POST", "/api/nothing", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_viewer_changes_nothing(daemon: Daemon, method: str, path: str, body: Any) -> None:
    answer = send(daemon, method, path, body, {"Authorization": f"Bearer {VIEWER}"})
    assert (answer.status, answer.json()["kind"]) == (403, "forbidden")
    assert file(daemon) == TEXT


def test_a_viewer_looks(daemon: Daemon) -> None:
    viewer = {"Authorization": f"Bearer {VIEWER}"}
    for path in ("/api/status", "/api/config", "/api/clients", "/api/admin/backups", "/metrics"):
        assert send(daemon, "GET", path, headers=viewer).status == 200
    assert send(daemon, "POST", "/api/config/check", {"text": TEXT}, viewer).status == 200


# Keys of ours, sent to a host of theirs

EVIL = "https://evil.example.org/v1"
STOLEN: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "api_key": "env:OURS"}),
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "api_key": "env:OPENAI_API_KEY"}),
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "api_key": "file:secrets/other"}),
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "api_key": "file:data/identity.txt"}),
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "headers": {"X-Token": "env:OURS"}}),
    ("POST", "/api/providers", {"name": "evil", "base_url": EVIL, "api_key": "${OURS}"}),
    ("PATCH", "/api/providers/openai", {"base_url": EVIL}),
    ("PATCH", "/api/providers/openai", {"api_key": "env:OURS"}),
    ("POST", RESTORE, {"providers": [{"name": "evil", "base_url": EVIL, "api_key": "env:OURS"}], "routes": []}),
    ("POST", RESTORE, {"providers": [{"name": "o", "base_url": EVIL, "api_key": "env:OPENAI_API_KEY"}], "routes": []}),
    ("POST", RESTORE, {"providers": [{"name": "e", "base_url": EVIL, "api_key": "file:secrets/other"}], "routes": []}),
    ("PUT", "/api/config", {"text": f"providers: {{evil: {{base_url: '{EVIL}', api_key: 'env:OURS'}}}}\n"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), STOLEN)
def test_a_key_of_ours_goes_nowhere_new(daemon: Daemon, method: str, path: str, body: dict[str, Any]) -> None:
    tag = send(daemon, "GET", "/api/config").headers["etag"]
    answer = send(daemon, method, path, body, {**BEARER, "If-Match": tag})
    assert (answer.status, answer.json()["kind"]) in [
        (422, "reference_by_hand"),
        (422, "key_moved"),
        (422, "config_invalid"),
    ], answer.body
    assert OF_OURS.encode() not in answer.body
    assert OF_VENDOR.encode() not in answer.body
    assert file(daemon) == TEXT


@pytest.mark.parametrize(
    "reference", ["env:OURS", "${OURS}", "file:secrets/other", "file:data/identity.txt", "age:YWdl"]
)
@pytest.mark.parametrize("path", ["/api/providers/test-direct", "/api/providers/discover"])
def test_a_trial_takes_no_reference(daemon: Daemon, path: str, reference: str) -> None:
    answer = send(daemon, "POST", path, {"base_url": "https://evil.example.org/v1", "api_key": reference}, BEARER)
    assert answer.status in (400, 422), answer.body
    assert OF_OURS.encode() not in answer.body


INSIDE = [
    "http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/v1", "http://[::ffff:169.254.169.254]/v1",
    "http://169.254.1.1/v1", "http://[fe80::1]/v1", "file:///etc/passwd", "gopher://127.0.0.1/v1",
    "http://user:password@127.0.0.1/v1",
]  # fmt: skip


@pytest.mark.parametrize("target", INSIDE)
def test_a_trial_reaches_no_metadata(daemon: Daemon, target: str) -> None:
    answer = send(daemon, "POST", "/api/providers/test-direct", {"base_url": target, "api_key": "sk-x"}, BEARER)
    told = answer.json()
    assert answer.status in (400, 422) or (answer.status == 200 and told["status"] in ("error", "unreachable")), told
    assert told.get("status_code") is None


# Through others of this machine


PASSED: dict[str, str] = {
    # what an nginx says to us when nobody says anything to it: HTTP/1.0, and our own address as the Host
    "as it comes": "",
    "with the usual headers": "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;",
    "with the caller's Host": "proxy_set_header Host $http_host; proxy_http_version 1.1;",
    # told apart by whose the socket is, so not where nginx runs as the same user
    "by another user": "proxy_http_version 1.1;",
}


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed: apt install nginx-light")
def test_behind_nginx(daemon: Daemon, tmp_path: Path) -> None:
    """An nginx on the same machine is a local peer; whom it lets in is not."""
    process, ports = started(tmp_path, daemon.port)
    try:
        for way, port in ports.items():
            if way == "by another user" and os.geteuid() != 0:
                continue
            for method, body in (("GET", None), ("POST", {"name": "evil"})):
                with Caller("127.0.0.1", port, timeout=20) as caller:
                    answer = caller.exchange(method, "/api/clients", body, {"Host": "router.example.org"})
                    assert answer.status in (401, 403), way
                    assert answer.headers["content-type"] == "application/problem+json", "it is our answer"
            with Caller("127.0.0.1", port, timeout=20) as caller:
                named = {"Host": "router.example.org", **BEARER}
                assert caller.exchange("GET", "/api/status", None, named).status == 200, "the token works there"
    finally:
        process.terminate()
        process.wait(20)
    assert "evil" not in file(daemon)


def started(folder: Path, port: int) -> tuple[subprocess.Popen[bytes], dict[str, int]]:
    """An nginx that passes on to `port` in every way, each on a port of its own."""
    ports = dict(zip(PASSED, _free_ports(len(PASSED)), strict=True))
    servers = [
        f"server {{ listen 127.0.0.1:{ports[way]}; location / {{ proxy_pass http://127.0.0.1:{port}; {more} }} }}"
        for way, more in PASSED.items()
    ]
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user nobody nogroup;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; {temporary}\n" + "\n".join(servers) + "\n}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    eventually(lambda: all(map(_listens, ports.values())) or process.poll() is not None, "nginx listens")
    assert process.poll() is None, (folder / "error.log").read_text()
    return process, ports


def test_an_old_protocol_is_a_proxys(daemon: Daemon) -> None:
    """An nginx of the same user, which says nothing of whom it lets in, speaks HTTP/1.0."""
    for version, status in (("1.1", b"200"), ("1.0", b"401")):
        with socket.create_connection(("127.0.0.1", daemon.port), 20) as caller:
            head = f"GET /api/status HTTP/{version}\r\nHost: 127.0.0.1:{daemon.port}\r\nConnection: close\r\n\r\n"
            caller.sendall(head.encode())
            assert caller.recv(100).split()[1] == status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_user_of_this_machine(daemon: Daemon, method: str) -> None:
    script = (
        "import encodings.idna, os, socket, sys\n"
        "os.setgroups([]); os.setgid(54321); os.setuid(54321)\n"
        "port, method = sys.argv[1:]\n"
        "caller = socket.create_connection(('127.0.0.1', int(port)))\n"
        'body = b\'{"name": "evil"}\'\n'
        "head = f'{method} /api/clients HTTP/1.1\\r\\nhost: 127.0.0.1:{port}\\r\\n'\n"
        "head += f'content-type: application/json\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n'\n"
        "caller.sendall(head.encode() + body)\n"
        "print(caller.recv(100).split()[1].decode())\n"
    )
    command = [sys.executable, "-c", script, str(daemon.port), method]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "401\n"
    assert "evil" not in file(daemon)


# Where keys could stay

SECRET_ROWS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/providers", {"name": "kept", "base_url": "https://models.example.org/v1", "api_key": POSTED}),
    ("POST", "/api/providers", {"name": "kept", "base_url": "https://models.example.org/v1", "api_key": POSTED}),
    ("POST", "/api/providers", {"name": "b", "base_url": 7, "api_key": POSTED}),
    ("POST", "/api/providers", {"name": "b", "api_key": [POSTED], "base_url": "https://models.example.org/v1"}),
    ("POST", "/api/providers", {"name": "b", "api_kee": POSTED, "base_url": "https://models.example.org/v1"}),
    ("PATCH", "/api/providers/kept", {"api_key": POSTED, "models": 1}),
    ("PATCH", "/api/providers/kept", {"headers": {"X-Api-Key": POSTED}}),
    ("POST", "/api/clients", {"name": "c", "key_sha256": POSTED}),
    ("POST", "/api/config/check", {"text": f"providers: {{a: {{base_url: 'https://x.org/v1', api_key: {POSTED}}}}}"}),
    ("POST", "/api/config/check", {"text": f"providers: {{a: {{api_key: [{POSTED}"}),
    ("POST", f"{RESTORE}?dry_run=true",
     {"providers": [{"name": "a", "base_url": "https://x.example.org/v1", "api_key": POSTED}], "routes": []}),
    ("POST", RESTORE, {"providers": [{"name": "a", "adapter": "echo", "api_kee": POSTED}], "routes": []}),
    ("POST", "/api/providers/test-direct", {"base_url": "http://169.254.169.254/", "api_key": POSTED}),
]  # fmt: skip


def test_a_posted_key_stays_nowhere(tmp_path: Path) -> None:
    """In plain text it is in no file of ours, no log line and no answer, whether it was taken or not."""
    environment = {"ROUTERD_ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": OF_VENDOR}
    with Daemon(tmp_path, TEXT, environment=environment) as daemon:
        statuses = []
        for method, path, body in SECRET_ROWS:
            answer = send(daemon, method, path, body, BEARER)
            statuses.append(answer.status)
            assert POSTED.encode() not in answer.body, (method, path, answer.body)
        assert 201 in statuses, "the first one is taken"
        for path in (
            "/api/config", "/api/status", "/api/providers", "/api/clients", "/api/admin/backups", "/api/config/history",
            "/api/admin/logs", "/api/requests", "/metrics",
        ):  # fmt: skip
            answer = send(daemon, "GET", path, headers=BEARER)
            for secret in (POSTED, TOKEN, OF_VENDOR):
                assert secret.encode() not in answer.body, path
        assert send(daemon, "POST", "/api/admin/providers/backup", {}, BEARER).status == 200
    found = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "identity.txt"]
    assert {"router.yaml", "config_backup.json", "state.db"} <= {path.name for path in found}
    for kept in found:
        data = kept.read_bytes()
        for secret in (POSTED, TOKEN, OF_VENDOR):
            assert secret.encode() not in data, kept
    for secret in (POSTED, TOKEN, OF_VENDOR):
        assert secret not in daemon.dump()


def _free_ports(count: int) -> list[int]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
