"""Clients over HTTP: a key is told once, and what stands in the file is its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.caller import Response
from tests.support.daemon import Daemon

TEXT = """\
# mine
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  chat: [demo/echo]   # the usual
  talk: [demo/echo]
"""
CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("clients"), TEXT) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: Daemon) -> Daemon:
    """The one of this module, with the same file at the start of each test."""
    if (running.folder / "router.yaml").read_text() != TEXT:
        running.save(TEXT)
    return running


def send(daemon: Daemon, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        if method == "DELETE" and "dry_run" not in path:
            caller.request(method, path)
            head = caller.head()
            return head if head.status == 204 else caller.read(head)
        return caller.exchange(method, path, body, headers)


def file(daemon: Daemon) -> str:
    return (daemon.folder / "router.yaml").read_text()


def test_the_first_one(daemon: Daemon) -> None:
    assert daemon.post(CHAT).status == 200
    assert send(daemon, "GET", "/api/clients").json() == []
    answer = send(daemon, "POST", "/api/clients", {"name": "my friend", "routes": ["chat"]})
    told = answer.json()
    assert (answer.status, told["name"], told["routes"], told["is_active"]) == (201, "my friend", ["chat"], True)
    assert answer.headers["location"] == "/api/clients/my%20friend"
    assert answer.headers["etag"] == f'"{told["digest"]}"'
    assert "refused from now on" in told["warnings"][0]
    key = told["key"]
    assert told["key_sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert file(daemon) == f"{TEXT}clients:\n  my friend: {{key_sha256: {told['key_sha256']}, routes: [chat]}}\n"
    assert daemon.post(CHAT).status == 401
    assert daemon.post(CHAT, {"Authorization": f"Bearer {key}"}).status == 200
    assert daemon.post({**CHAT, "model": "talk"}, {"Authorization": f"Bearer {key}"}).status == 403
    listed = send(daemon, "GET", "/api/clients")
    assert [client["name"] for client in listed.json()] == ["my friend"]
    assert key.encode() not in listed.body
    for path in daemon.folder.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
    assert key not in daemon.dump()


def test_a_second_one_warns_of_nothing(daemon: Daemon) -> None:
    send(daemon, "POST", "/api/clients", {"name": "one"})
    told = send(daemon, "POST", "/api/clients", {"name": "two", "is_active": False}).json()
    assert (told["warnings"], told["is_active"], told["routes"]) == ([], False, None)
    assert daemon.post(CHAT, {"Authorization": f"Bearer {told['key']}"}).status == 401, "it is not active"


def test_a_key_of_ones_own(daemon: Daemon) -> None:
    digest = hashlib.sha256(b"a key that somebody has").hexdigest()
    told = send(daemon, "POST", "/api/clients", {"name": "one", "key_sha256": digest}).json()
    assert (told["key"], told["key_sha256"]) == (None, digest)
    assert daemon.post(CHAT, {"Authorization": "Bearer a key that somebody has"}).status == 200


def test_a_trial(daemon: Daemon) -> None:
    answer = send(daemon, "POST", "/api/clients?dry_run=true", {"name": "one"})
    told = answer.json()
    assert (answer.status, "key" in told, "+clients:\n" in told["diff"]) == (200, False, True)
    assert file(daemon) == TEXT


def test_changes(daemon: Daemon) -> None:
    key = send(daemon, "POST", "/api/clients", {"name": "one", "routes": ["chat"]}).json()["key"]
    send(daemon, "POST", "/api/clients", {"name": "two"})
    bearer = {"Authorization": f"Bearer {key}"}
    answer = send(daemon, "PATCH", "/api/clients/one", {"routes": None})
    assert (answer.status, answer.json()["routes"], answer.json()["warnings"]) == (200, None, [])
    assert daemon.post({**CHAT, "model": "talk"}, bearer).status == 200
    assert "key" not in answer.json()
    assert send(daemon, "PATCH", "/api/clients/one", {"routes": ["talk"], "name": "uno"}).json()["name"] == "uno"
    assert daemon.post(CHAT, bearer).status == 403
    assert send(daemon, "PATCH", "/api/clients/uno", {"is_active": False}).status == 200
    assert daemon.post({**CHAT, "model": "talk"}, bearer).status == 401
    assert send(daemon, "PATCH", "/api/clients/uno", {"is_active": None}).json()["is_active"] is True
    assert send(daemon, "DELETE", "/api/clients/uno?dry_run=true").status == 200
    gone = send(daemon, "DELETE", "/api/clients/uno")
    assert (gone.status, "etag" in gone.headers) == (204, True)
    assert daemon.post({**CHAT, "model": "talk"}, bearer).status == 401
    assert send(daemon, "DELETE", "/api/clients/two").status == 204
    assert file(daemon) == f"{TEXT}clients: {{}}\n"
    assert daemon.post(CHAT).status == 401, "nobody may"


NOBODY = ["No client is active: nobody may call /v1 now."]


def summary(daemon: Daemon) -> str:
    """What the history says of the last edit."""
    return str(send(daemon, "GET", "/api/config/history?limit=1").json()[0]["summary"])


def test_the_last_active_one(daemon: Daemon) -> None:
    tried = send(daemon, "POST", "/api/clients?dry_run=true", {"name": "one"}).json()
    made = send(daemon, "POST", "/api/clients", {"name": "one"}).json()
    assert tried["warnings"] == made["warnings"] != []
    for path in ("/api/clients/one?dry_run=true", "/api/clients/one"):
        told = send(daemon, "PATCH", path, {"is_active": False}).json()
        assert told["warnings"] == NOBODY
        words = [change["words"] for change in told["changes"]]
        assert words == ["no client is active, so nobody may call any more", "is_active true → false"]
    assert summary(daemon) == "clients: nobody may call; client one: is_active true → false"
    told = send(daemon, "POST", "/api/clients", {"name": "two", "is_active": False}).json()
    assert (told["warnings"], len(told["changes"])) == (NOBODY, 1), "that was so before"


def test_the_last_one_that_goes(daemon: Daemon) -> None:
    send(daemon, "POST", "/api/clients", {"name": "one"})
    send(daemon, "POST", "/api/clients", {"name": "two"})
    assert send(daemon, "DELETE", "/api/clients/two?dry_run=true").json()["warnings"] == []
    assert send(daemon, "DELETE", "/api/clients/two").status == 204
    assert summary(daemon) == "client two: removed"
    tried = send(daemon, "DELETE", "/api/clients/one?dry_run=true").json()
    assert tried["warnings"] == NOBODY
    assert send(daemon, "DELETE", "/api/clients/one").status == 204
    assert summary(daemon) == "clients: nobody may call; client one: removed"
    assert daemon.post(CHAT).status == 401


def test_a_rename(daemon: Daemon) -> None:
    send(daemon, "POST", "/api/clients", {"name": "one"})
    told = send(daemon, "PATCH", "/api/clients/one", {"name": "uno"}).json()
    assert [change["words"] for change in told["changes"]] == ["renamed, was one"]
    assert summary(daemon) == "client uno: renamed, was one"


REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/clients", {}, 400, "invalid_request"),
    ("POST", "/api/clients", {"name": 1}, 400, "invalid_request"),
    ("POST", "/api/clients", {"name": "a", "key": "sk-mine"}, 400, "invalid_request"),
    ("POST", "/api/clients", {"name": "one"}, 409, "name_taken"),
    ("POST", "/api/clients", {"name": "a/b"}, 422, "config_invalid"),
    ("POST", "/api/clients", {"name": "7"}, 422, "config_invalid"),
    ("POST", "/api/clients", {"name": ""}, 422, "edit_by_hand"),
    ("POST", "/api/clients", {"name": "a", "routes": ["absent"]}, 422, "config_invalid"),
    ("POST", "/api/clients", {"name": "a", "key_sha256": "sk-routerd-not-a-digest"}, 422, "config_invalid"),
    ("PATCH", "/api/clients/absent", {"is_active": False}, 404, "not_found"),
    ("PATCH", "/api/clients/one", {"name": "two"}, 409, "name_taken"),
    ("PATCH", "/api/clients/one", {"role": "editor"}, 400, "invalid_request"),
    ("PATCH", "/api/clients/one", {"routes": ["absent"]}, 422, "config_invalid"),
    ("DELETE", "/api/clients/absent", None, 404, "not_found"),
]


def test_what_is_refused_changes_nothing(daemon: Daemon) -> None:
    text = f"{TEXT}clients: {{one: {{key_sha256: {'ab' * 32}}}, two: {{key_sha256: {'cd' * 32}}}}}\n"
    daemon.save(text)
    for method, path, body, status, kind in REFUSED:
        answer = send(daemon, method, path, body)
        assert (answer.status, answer.json()["kind"]) == (status, kind), (method, path, body)
    answer = send(daemon, "PATCH", "/api/clients/one", {"routes": []}, {"If-Match": '"0"'})
    assert (answer.status, answer.json()["kind"]) == (412, "stale")
    assert file(daemon) == text
