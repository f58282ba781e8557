"""Backups over HTTP: what is kept, what comes back, and what is refused without a change."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Response
from tests.support.daemon import Daemon

TEXT = """\
# mine
providers:
  demo: {adapter: echo, models: [echo]}   # the built-in one
  spare: {adapter: echo, models: [echo, more]}
  away:
    base_url: https://models.example.org/v1
    api_key: env:SOME_KEY
    models: [far]
routes:
  # the usual
  chat: [demo/echo, spare/echo]
  wide: {strategy: round-robin, nodes: [demo/echo, {provider: spare, models: [more], priority: 1}]}
"""
CANARY = "sk-canary-5c1d-0123456789abcdefgh"
RESTORE = "/api/admin/providers/restore"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("backups")
    environment = {"SOME_KEY": CANARY, "ROUTERD_ADMIN_TOKEN": "canary-token-of-the-admin"}
    with Daemon(folder, TEXT, environment=environment) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: Daemon) -> Daemon:
    """The one of this module, with the same file at the start of each test."""
    if (running.folder / "router.yaml").read_text() != TEXT:
        running.save(TEXT)
    assert send(running, "POST", "/api/admin/providers/backup").status == 200
    return running


def send(daemon: Daemon, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, headers)


def file(daemon: Daemon) -> str:
    return (daemon.folder / "router.yaml").read_text()


def folder(daemon: Daemon) -> Path:
    return daemon.folder / "data" / "backups"


def stored(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder(daemon) / "config_backup.json").read_text())
    return found


def rows(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = send(daemon, "GET", "/api/admin/backups").json()
    return found


def test_what_is_in_it(daemon: Daemon) -> None:
    found = stored(daemon)
    demo, spare, away = found["providers"]
    assert (demo["name"], demo["adapter"], demo["models"], demo["status"]) == ("demo", "echo", ["echo"], "unknown")
    assert away["api_key"] == "env:SOME_KEY"
    assert len({demo["id"], spare["id"], away["id"]}) == 3
    chat, wide = found["routes"]
    assert chat["nodes"] == [
        {"api_id": demo["id"], "provider": "demo", "models": ["echo"]},
        {"api_id": spare["id"], "provider": "spare", "models": ["echo"]},
    ]
    assert (wide["strategy"], wide["nodes"][1]["priority"]) == ("round-robin", 1)
    assert found["digest"] == daemon.get("/api/config").json()["digest"]
    path = folder(daemon) / "config_backup.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert daemon.get("/api/status").json()["backup"]["is_kept"] is True


def test_it_follows_every_change(daemon: Daemon) -> None:
    daemon.save(TEXT.replace("  spare: {adapter: echo, models: [echo, more]}", "  spare: {adapter: echo}"))
    assert send(daemon, "POST", "/api/config/reload", {}).status == 200
    assert "models" not in stored(daemon)["providers"][1]


def test_write_says_what_was_written(daemon: Daemon) -> None:
    told = send(daemon, "POST", "/api/admin/providers/backup").json()
    assert (told["name"], told["providers"], told["routes"], told["left_out"]) == ("config_backup.json", 3, 2, [])
    assert told["size"] == (folder(daemon) / "config_backup.json").stat().st_size
    first = rows(daemon)[0]
    assert (first["name"], first["is_configured"], first["providers"]) == ("config_backup.json", True, 3)


def test_nothing_to_restore(daemon: Daemon) -> None:
    answer = send(daemon, "POST", RESTORE)
    told = answer.json()
    assert (answer.status, told["restored"], told["diff"], told["snapshot"]) == (
        200,
        {"providers": 3, "routes": 2},
        "",
        None,
    )
    assert file(daemon) == TEXT


def test_wholly_back_from_the_body(daemon: Daemon) -> None:
    backup = stored(daemon)
    ids = {entry["name"]: entry["id"] for entry in backup["providers"]}
    now = (
        "# mine\nproviders:\n  other: {adapter: echo}\n  demo: {adapter: echo, models: [echo]}   # the built-in one\n"
        "  away: {base_url: 'https://models.example.org/v1', api_key: 'env:SOME_KEY', models: [far]}\n"
        "routes: {talk: [other/echo]}\n"
    )
    daemon.save(now)
    dry = send(daemon, "POST", f"{RESTORE}?dry_run=true", backup)
    assert (dry.status, dry.json()["restored"], file(daemon)) == (200, {"providers": 3, "routes": 2}, now)
    assert "-  other: {adapter: echo}\n" in dry.json()["diff"]
    answer = send(daemon, "POST", RESTORE, backup)
    told = answer.json()
    assert (answer.status, told["restored"]) == (200, {"providers": 3, "routes": 2})
    text = file(daemon)
    assert "other" not in text
    assert "  demo: {adapter: echo, models: [echo]}   # the built-in one\n" in text, "what is equal keeps its line"
    assert answer.headers["etag"] == f'"{told["digest"]}"'
    assert {entry["name"]: entry["id"] for entry in stored(daemon)["providers"]} == ids, "ids return by name"
    kept = json.loads((folder(daemon) / told["snapshot"]).read_text())
    assert {entry["name"] for entry in kept["providers"]} == {"other", "demo", "away"}
    row = send(daemon, "GET", "/api/config/history?limit=1").json()[0]
    assert (row["source"], row["actor"]) == ("restore", "local")
    again = send(daemon, "POST", f"{RESTORE}?backup={told['snapshot']}")
    assert (again.status, again.json()["restored"]) == (200, {"providers": 3, "routes": 1})
    assert "talk: [other/echo]" in file(daemon)


def test_what_a_change_takes_away_is_kept(daemon: Daemon) -> None:
    text = "providers: {demo: {adapter: echo, models: [echo]}}\nroutes: {}\n"
    daemon.save(text)
    send(daemon, "POST", "/api/admin/providers/backup")
    newest = rows(daemon)[1]
    assert (newest["providers"], newest["routes"]) == (3, 2)
    answer = send(daemon, "POST", f"{RESTORE}?backup={newest['name']}")
    assert answer.status == 200, answer.body
    assert "api_key: env:SOME_KEY" in file(daemon), "a reference of ours comes back from a file of ours"


def test_the_configured_file_as_somebody_brought_it(daemon: Daemon) -> None:
    path = folder(daemon) / "config_backup.json"
    path.write_text(json.dumps({"providers": [{"name": "demo", "adapter": "echo"}], "routes": []}))
    answer = send(daemon, "POST", RESTORE, {})
    assert (answer.status, answer.json()["restored"]) == (200, {"providers": 1, "routes": 0})


def test_a_file_that_others_can_write_is_no_better_than_a_body(daemon: Daemon) -> None:
    entry = {"name": "a", "base_url": "https://evil.example.org/v1", "api_key": "env:SOME_KEY"}
    path = folder(daemon) / "config_backup.json"
    path.write_text(json.dumps({"providers": [entry], "routes": []}))
    path.chmod(0o666)
    answer = send(daemon, "POST", RESTORE)
    assert (answer.status, answer.json()["kind"], file(daemon)) == (422, "reference_by_hand", TEXT)


def test_a_condition(daemon: Daemon) -> None:
    empty: dict[str, Any] = {"providers": [], "routes": []}
    answer = send(daemon, "POST", RESTORE, empty, {"If-Match": '"' + "0" * 64 + '"'})
    assert (answer.status, answer.json()["kind"]) == (412, "stale")
    assert file(daemon) == TEXT


DEEP = b'{"providers": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b'], "routes": []}'
MANY = json.dumps({
    "providers": [{"name": f"p{at}", "adapter": "echo", "models": ["m"] * 50} for at in range(1000)],
    "routes": [],
}).encode()
SLOT = {"name": "a", "adapter": "echo"}
REFUSED: dict[str, tuple[bytes | Any, int, str]] = {
    "no JSON": (b"providers: {}", 400, "invalid_request"),
    "cut short": (b'{"providers": [', 400, "invalid_request"),
    "no UTF-8": (b'{"providers": ["\xff"], "routes": []}', 400, "invalid_request"),
    "a list": (b"[]", 400, "invalid_request"),
    "no routes, which would all go": ({"providers": []}, 400, "invalid_request"),
    "another program's": ({"version": "5", "panels": []}, 400, "invalid_request"),
    "another format": ({"format": "other", "providers": [], "routes": []}, 400, "invalid_request"),
    "a later version": ({"version": 2, "providers": [], "routes": []}, 400, "invalid_request"),
    "a path": ({"file": "/etc/passwd"}, 400, "invalid_request"),
    "a path beside": ({"providers": [], "routes": [], "path": "../x"}, 400, "invalid_request"),
    "deep": (DEEP, 400, "invalid_request"),
    "many nodes": (MANY, 422, "config_invalid"),
    "huge": (b'{"providers": [' + b" " * 5 * 1024 * 1024 + b'], "routes": []}', 413, "too_large"),
    "a path as a name": ({"providers": [{**SLOT, "name": "../../x"}], "routes": []}, 422, "config_invalid"),
    "twice": ({"providers": [SLOT, SLOT], "routes": []}, 400, "invalid_request"),
    "an unknown key": ({"providers": [{**SLOT, "file": "/etc/passwd"}], "routes": []}, 422, "config_invalid"),
    "no such provider": (
        {"providers": [], "routes": [{"name": "r", "nodes": [{"provider": "b", "models": ["m"]}]}]},
        422,
        "config_invalid",
    ),
    "a file of ours to somewhere": (
        {
            "providers": [{"name": "a", "base_url": "https://evil.example.org/v1", "api_key": "file:identity.txt"}],
            "routes": [],
        },
        422,
        "reference_by_hand",
    ),
    "a variable of ours to somewhere": (
        {
            "providers": [{"name": "a", "base_url": "https://evil.example.org/v1", "api_key": "env:SOME_KEY"}],
            "routes": [],
        },
        422,
        "reference_by_hand",
    ),
    "a foreign seal": (
        {
            "providers": [{"name": "a", "base_url": "https://api.openai.com/v1", "api_key": "age:YWdlLWVuY3J5cHRpb24"}],
            "routes": [],
        },
        422,
        "config_invalid",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_nothing_changed(daemon: Daemon, name: str) -> None:
    body, status, kind = REFUSED[name]
    kept = len(rows(daemon))
    headers = {"Content-Type": "application/json"}
    answer = send(daemon, "POST", RESTORE, body, headers if isinstance(body, bytes) else None)
    assert (answer.status, answer.json()["kind"]) == (status, kind), answer.body
    assert CANARY.encode() not in answer.body
    assert file(daemon) == TEXT
    assert len(rows(daemon)) == kept, "no backup is made for what is refused"


@pytest.mark.parametrize(
    "name", ["../identity.txt", "%2e%2e%2fidentity.txt", "/etc/passwd", "identity.txt", "config_backup.json.x", ""]
)
def test_other_names_are_no_backups(daemon: Daemon, name: str) -> None:
    answer = send(daemon, "POST", f"{RESTORE}?backup={name}")
    assert (answer.status, answer.json()["kind"]) == (404, "not_found")


@pytest.mark.parametrize(
    "content", [b"[]", b"\x00" * 100, DEEP, b'{"providers": 1, "routes": []}', b"x" * 5 * 1024 * 1024]
)
def test_a_damaged_file(daemon: Daemon, content: bytes) -> None:
    path = folder(daemon) / "config_backup.json"
    path.write_bytes(content)
    try:
        answer = send(daemon, "POST", RESTORE)
        assert answer.status in (400, 413), answer.body
        assert rows(daemon)[0]["trouble"]
        assert file(daemon) == TEXT
        answer = send(daemon, "POST", "/api/admin/providers/backup")
        assert (answer.status, answer.json()["kind"]) == (503, "backup_unwritable")
        assert path.read_bytes() == content, "what is no backup of ours is left alone"
        told = daemon.get("/api/status").json()["backup"]
        assert told["is_kept"] is False
        assert "is left alone" in told["reason"]
    finally:
        path.unlink()


def test_a_pipe_in_its_place(daemon: Daemon) -> None:
    path = folder(daemon) / "config_backup.json"
    path.unlink()
    os.mkfifo(path)
    try:
        assert send(daemon, "POST", RESTORE).status == 400
    finally:
        path.unlink()


def test_a_missing_file(daemon: Daemon) -> None:
    (folder(daemon) / "config_backup.json").unlink()
    answer = send(daemon, "POST", RESTORE)
    assert (answer.status, answer.json()["kind"]) == (404, "not_found")


def test_a_client_that_needs_a_route_which_would_go(daemon: Daemon) -> None:
    text = f"{TEXT}clients: {{me: {{key_sha256: {'ab' * 32}, routes: [wide]}}}}\n"
    daemon.save(text)
    backup = stored(daemon)
    backup["routes"] = backup["routes"][:1]
    answer = send(daemon, "POST", RESTORE, backup)
    assert (answer.status, answer.json()["problems"][0]["path"]) == (422, "clients.me.routes[0]")
    dry = send(daemon, "POST", f"{RESTORE}?dry_run=true", backup)
    assert (dry.status, dry.json()["problems"][0]["path"]) == (200, "clients.me.routes[0]")
    assert file(daemon) == text


def test_a_backup_that_was_brought_before_the_start_is_not_lost(tmp_path: Path) -> None:
    kept = tmp_path / "data" / "backups"
    kept.mkdir(parents=True, mode=0o700)
    brought = {"providers": [{"name": "old", "adapter": "echo", "models": ["echo"]}], "routes": []}
    (kept / "config_backup.json").write_text(json.dumps(brought))
    with Daemon(tmp_path, "providers: {}\n") as daemon:
        assert send(daemon, "POST", "/api/admin/providers/backup").status == 200
        name = rows(daemon)[1]["name"]
        assert send(daemon, "POST", f"{RESTORE}?backup={name}").json()["restored"] == {"providers": 1, "routes": 0}


def test_keys_in_a_backup(tmp_path: Path) -> None:
    """A key in plain text is left out until it can be sealed, and never stands there as it is."""
    text = f"providers:\n  one: {{base_url: 'https://models.example.org/v1', api_key: {CANARY}, models: [m]}}\n"
    with Daemon(tmp_path, text) as daemon:
        told = send(daemon, "POST", "/api/admin/providers/backup").json()
        assert [left["path"] for left in told["left_out"]] == ["providers.one.api_key"]
        assert "api_key" not in stored(daemon)["providers"][0]
        assert CANARY not in (folder(daemon) / "config_backup.json").read_text()
        unsealed = stored(daemon)
        answer = send(daemon, "POST", RESTORE, unsealed)
        assert answer.status == 200
        assert "api_key: age:" in file(daemon), "what it could not hold stays, sealed as by any write"
        posted = {
            "providers": [{"name": "two", "base_url": "https://other.example.org/v1", "api_key": CANARY[::-1]}],
            "routes": [],
        }
        assert send(daemon, "POST", RESTORE, posted).status == 200
        sealed = stored(daemon)["providers"][0]["api_key"]
        assert sealed.startswith("age:")
        assert sealed in file(daemon)
        taken = stored(daemon)
        daemon.save(file(daemon).replace(sealed, "env:NOTHING"))
        answer = send(daemon, "POST", RESTORE, taken)
        assert answer.status == 200, "it opens here, for that address"
        assert sealed in file(daemon)
        taken["providers"][0]["base_url"] = "https://evil.example.org/v1"
        answer = send(daemon, "POST", RESTORE, taken)
        assert (answer.status, answer.json()["kind"]) == (422, "key_unreadable")
        for path in tmp_path.rglob("*"):
            if path.is_file() and path.name != "identity.txt":
                assert CANARY[::-1].encode() not in path.read_bytes(), path


def test_on_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "backups").write_text("a file in the place of the folder")
    with Daemon(tmp_path, "providers: {demo: {adapter: echo, models: [echo]}}\n") as daemon:
        answer = send(daemon, "POST", "/api/admin/providers/backup")
        assert (answer.status, answer.json()["kind"]) == (503, "backup_unwritable")
        answer = send(daemon, "POST", RESTORE, {"providers": [], "routes": []})
        assert (answer.status, answer.json()["kind"]) == (503, "backup_unwritable")
        assert "demo" in file(daemon), "without a copy of what is there nothing is restored"
        assert send(daemon, "POST", "/api/clients", {"name": "me"}).status == 201, "edits go on"
