"""One provider or route by its name: only the lines of that entry change."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd.config.check import check
from routerd.config.document import parse
from routerd.config.entries import InUse, NameTaken, NoSuchEntry, Section, drop, patch
from routerd.config.splice import splice
from tests.config import samples
from tests.support.caller import Response
from tests.support.daemon import Daemon

TEXT = (
    f"{samples.TEXT}\n"
    + """\
clients:
  me: {key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, routes: [chat, wide]}
"""
)

MODELS = "    models: [echo, more]   # two of them"
METADATA = "    metadata: {team: blue, place: here}"
NODE = "      - {provider: spare, models: [echo], priority: 1}   # if all else fails"
CHAT = "  chat: [demo/echo, spare/echo]"
SPARE = "  spare: {adapter: echo, models: [echo]}"

PATCHES: list[tuple[Section, str, dict[str, Any], list[str], list[str]]] = [
    ("providers", "demo", {"models": ["echo"]}, [MODELS], [MODELS.replace(", more", "")]),
    ("providers", "demo", {"metadata": {"team": "red"}}, [METADATA], [METADATA.replace("blue", "red")]),
    ("providers", "demo", {"metadata": {"team": None}}, [METADATA], [METADATA.replace("team: blue, ", "")]),
    ("providers", "demo", {"metadata": None}, [METADATA], []),
    ("providers", "demo", {"is_active": False}, [], ["    is_active: false"]),
    ("providers", "demo", {"headers": None}, [], []),
    ("routes", "chat", {"nodes": ["demo/echo"]}, [CHAT], ["  chat: [demo/echo]"]),
    ("routes", "wide", {"strategy": "failover"}, ["    strategy: round-robin"], ["    strategy: failover"]),
    (
        "providers", "spare", {"name": "other"}, [SPARE, CHAT, NODE],
        [line.replace("spare", "other") for line in (SPARE, CHAT, NODE)],
    ),
]  # fmt: skip


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(("section", "name", "asked", "gone", "come"), PATCHES)
def test_a_patch_touches_its_lines(
    section: Section, name: str, asked: dict[str, Any], gone: list[str], come: list[str]
) -> None:
    after = splice(TEXT, patch(parse(TEXT).data, section, name, asked))
    assert lines_changed(TEXT, after) == (gone, come)
    assert not check(after).errors


def test_a_short_route_grows() -> None:
    after = splice(TEXT, patch(parse(TEXT).data, "routes", "chat", {"strategy": "round-robin", "affinity": None}))
    route = check(after).config.routes["chat"]  # type: ignore[union-attr]
    assert (route.strategy, [node.provider for node in route.nodes]) == ("round-robin", ["demo", "spare"])


def test_renames_and_their_limits() -> None:
    data = parse(TEXT).data
    after = splice(TEXT, patch(data, "routes", "chat", {"name": "talk", "nodes": ["demo/echo"]}))
    assert parse(after).data["clients"]["me"]["routes"] == ["talk", "wide"]
    assert parse(after).data["routes"]["talk"] == ["demo/echo"]
    with pytest.raises(NameTaken):
        patch(data, "routes", "chat", {"name": "wide"})
    with pytest.raises(NoSuchEntry):
        patch(data, "routes", "nothing", {})
    with pytest.raises(NoSuchEntry):
        drop({}, "providers", "demo")


def test_what_is_used_stays() -> None:
    data = parse(TEXT).data
    with pytest.raises(InUse) as told:
        drop(data, "providers", "spare")
    assert told.value.routes == ("chat", "wide")
    after = parse(splice(TEXT, drop(data, "providers", "spare", force=True))).data
    assert after["routes"]["chat"] == ["demo/echo"]
    assert after["routes"]["wide"]["nodes"] == ["demo/more"]
    assert list(after["providers"]) == ["demo"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, TEXT, environment={"ROUTERD_ADMIN_TOKEN": "secret"}) as daemon:
        yield daemon


def send(daemon: Daemon, method: str, path: str, body: Any = None, **headers: str) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def file(daemon: Daemon) -> str:
    return (daemon.folder / "router.yaml").read_text()


def test_patch(daemon: Daemon) -> None:
    body = {"models": ["echo"]}
    tried = send(daemon, "PATCH", "/api/providers/demo?dry_run=true", body)
    assert (tried.status, file(daemon)) == (200, TEXT)
    answer = send(daemon, "PATCH", "/api/providers/demo", body)
    assert (answer.status, answer.json()["generation"]) == (200, 2)
    assert file(daemon) == TEXT.replace("[echo, more]", "[echo]")
    assert send(daemon, "PATCH", "/api/providers/demo", {"models": []}, If_Match='"stale"').status == 412
    refusals: list[tuple[str, Any, int, str]] = [
        ("/api/providers/nobody", {}, 404, "not_found"),
        ("/api/model-routes/chat", {"name": "wide"}, 409, "name_taken"),
        ("/api/model-routes/chat", {"strateggy": "x"}, 422, "config_invalid"),
        ("/api/model-routes/chat", [], 400, "invalid_request"),
    ]
    for path, wrong, status, kind in refusals:
        refused = send(daemon, "PATCH", path, wrong)
        assert (refused.status, refused.json()["kind"]) == (status, kind)


def test_delete(daemon: Daemon) -> None:
    refused = send(daemon, "DELETE", "/api/providers/spare")
    assert (refused.status, refused.json()["used_by"]) == (409, ["chat", "wide"])
    assert send(daemon, "DELETE", "/api/providers/spare?force=true&dry_run=true").status == 200
    assert file(daemon) == TEXT
    with daemon.caller() as caller:
        caller.request("DELETE", "/api/providers/spare?force=true")
        gone = caller.head()
    assert (gone.status, "content-length" in gone.headers, "content-type" in gone.headers) == (204, False, False)
    assert "spare" not in file(daemon)
    assert send(daemon, "DELETE", "/api/providers/spare").status == 404


def test_git_shows_only_the_lines_that_were_meant(daemon: Daemon) -> None:
    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
        return subprocess.run(command, cwd=daemon.folder, check=True, capture_output=True, text=True).stdout

    try:
        git("init", "-q")
    except OSError:
        pytest.skip("git is not here")
    git("add", "router.yaml")
    git("commit", "-q", "-m", "first")
    send(daemon, "PATCH", "/api/model-routes/wide", {"strategy": "failover"})
    assert git("diff", "--numstat") == "1\t1\trouter.yaml\n"


def test_a_key_is_sealed_where_it_was(daemon: Daemon) -> None:
    key = "sk-canary-7f3a-0123456789abcdef"
    entry = {"adapter": "openai", "base_url": "https://llm.example.org/v1", "api_key": key}
    answer = send(daemon, "PATCH", "/api/providers/spare", entry)
    assert answer.status == 200
    assert key not in file(daemon) + answer.body.decode()
    assert "api_key: age:" in file(daemon)
    moved = send(daemon, "PATCH", "/api/providers/spare", {"base_url": "https://evil.example.org/v1"})
    assert (moved.status, moved.json()["kind"]) == (422, "key_moved")
