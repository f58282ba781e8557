"""`/api/model-routes`: what is answered, what is written, what is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.web.api import Api, lines_changed

CHAT = "  chat: [a/m, b/m]   # the usual"
NODE_A = "      - {provider: a, models: [m, n]}   # first"
NODE_B = "      - b/m"
TEXT = f"""\
providers:
  a: {{adapter: echo, models: [m, n]}}
  b: {{adapter: echo, models: [m]}}
routes:
{CHAT}
  wide:
    mode: multi
    strategy: round-robin
    match: ["gpt-*"]
    nodes:
{NODE_A}
{NODE_B}
      - {{provider: b, models: [m], priority: 1, metadata: {{why: spare}}}}
clients:
  me: {{key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, routes: [chat]}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("routes"), TEXT) as daemon:
        yield daemon


@pytest.fixture
def api(daemon: Daemon) -> Api:
    api = Api(daemon)
    api.serve(TEXT)
    return api


def nodes(route: dict[str, Any]) -> list[tuple[Any, ...]]:
    keys = ("api_id", "provider_name", "models", "strategy", "priority")
    return [tuple(node[key] for key in keys) for node in route["nodes"]]


def test_short_and_long_forms_are_told_alike(api: Api) -> None:
    chat, wide = api.get("/model-routes")
    assert (chat["mode"], chat["strategy"], chat["is_active"], chat["config"]) == ("auto", "failover", True, {})
    assert nodes(chat) == [(1, "a", ["m"], "failover", 0), (2, "b", ["m"], "failover", 0)]
    assert (wide["mode"], wide["match"]) == ("multi", ["gpt-*"])
    assert nodes(wide) == [
        (1, "a", ["m", "n"], "round-robin", 0), (2, "b", ["m"], "round-robin", 0), (2, "b", ["m"], "round-robin", 1),
    ]  # fmt: skip
    assert [node["metadata"] for node in wide["nodes"]] == [{}, {}, {"why": "spare"}]
    assert api.get("/model-routes/2") == api.get("/model-routes/wide") == wide
    assert "match" not in chat


def test_nodes_keep_their_numbers(api: Api) -> None:
    first, second = (node["id"] for node in api.get("/model-routes/chat")["nodes"])
    answer = api.send("PATCH", "/model-routes/chat", {"nodes": ["b/m", "a/n", "a/m"]}).json()
    numbers = [node["id"] for node in answer["nodes"]]
    assert (numbers[0], numbers[2]) == (second, first)
    assert numbers[1] > second


WRITES: list[tuple[str, str, dict[str, Any], list[str], list[str]]] = [
    (
        "POST", "/model-routes", {"name": "new", "nodes": [{"api_id": 1, "models": ["n"]}, "b/m"]},
        [], ["  new: [a/n, b/m]"],
    ),
    (
        "POST", "/model-routes", {"name": "new", "strategy": "round-robin", "nodes": ["b/m"]},
        [], ["  new: {strategy: round-robin, nodes: [b/m]}"],
    ),
    ("PATCH", "/model-routes/1", {"is_active": True, "config": {}, "mode": "auto"}, [], []),
    ("PATCH", "/model-routes/chat", {"nodes": ["a/n", "b/m"]}, [CHAT], [CHAT.replace("a/m", "a/n")]),
    (
        "PATCH", "/model-routes/wide",
        {"nodes": [
            {"api_id": 1, "models": ["m", "n"], "strategy": "round-robin", "priority": 0, "metadata": {}},
            {"provider": "b", "models": ["m"]},
            {"provider": "b", "models": ["m"], "priority": 2, "metadata": {"why": "spare"}},
        ]},
        ["      - {provider: b, models: [m], priority: 1, metadata: {why: spare}}"],
        ["      - {provider: b, models: [m], priority: 2, metadata: {why: spare}}"],
    ),
    ("PATCH", "/model-routes/wide", {"nodes": [{"api_id": 1, "models": ["m"]}, "b/m"]},
     [NODE_A, "      - {provider: b, models: [m], priority: 1, metadata: {why: spare}}"], ["      - a/m   # first"]),
    ("PATCH", "/model-routes/wide", {"match": None, "strategy": "failover"},
     ["    strategy: round-robin", '    match: ["gpt-*"]'], ["    strategy: failover"]),
    ("PATCH", "/model-routes/chat", {"name": "talk"}, [CHAT, TEXT.splitlines()[-1]],
     [CHAT.replace("chat", "talk"), TEXT.splitlines()[-1].replace("chat", "talk")]),
    ("DELETE", "/model-routes/chat?force=true", {}, [CHAT, TEXT.splitlines()[-1]],
     [TEXT.splitlines()[-1].replace("[chat]", "[]")]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "gone", "come"), WRITES)
def test_only_the_lines_that_are_meant(
    api: Api, method: str, path: str, body: dict[str, Any], gone: list[str], come: list[str]
) -> None:
    answer = api.send(method, path, body or None)
    assert answer.status in {200, 201, 204}, answer.body
    assert lines_changed(TEXT, api.text) == (gone, come)


REFUSED: list[tuple[str, str, Any, tuple[int, str]]] = [
    ("GET", "/model-routes/99", None, (404, "not_found")),
    ("PATCH", "/model-routes/nobody", {}, (404, "not_found")),
    ("POST", "/model-routes", {"name": "chat", "nodes": []}, (409, "name_taken")),
    ("PATCH", "/model-routes/chat", {"name": "wide"}, (409, "name_taken")),
    ("DELETE", "/model-routes/chat", None, (409, "in_use")),
    ("POST", "/model-routes", {"nodes": []}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "7", "nodes": ["a/m"]}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "x", "nodes": [{"api_id": 9}]}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "x", "nodes": [{"provider": "nobody"}]}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "x", "nodes": [{"models": ["m"]}]}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "x", "nodes": "a/m"}, (422, "config_invalid")),
    ("POST", "/model-routes", {"name": "x", "mode": "any", "nodes": ["a/m"]}, (422, "config_invalid")),
    ("PATCH", "/model-routes/chat", {"strateggy": "x"}, (422, "config_invalid")),
    ("PATCH", "/model-routes/chat", {"nodes": [5]}, (422, "config_invalid")),
    ("PATCH", "/model-routes/chat", [], (400, "invalid_request")),
    ("PATCH", "/model-routes/chat", {"nodes": []}, (412, "stale")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "told"), REFUSED)
def test_refusals(api: Api, method: str, path: str, body: Any, told: tuple[int, str]) -> None:
    assert api.refused(method, path, body, '"stale"' if told[0] == 412 else None) == told


def test_nodes_that_disagree(api: Api) -> None:
    two = [{"api_id": 1, "strategy": "failover"}, {"api_id": 2, "strategy": "round-robin"}]
    refused = api.send("POST", "/model-routes", {"name": "x", "nodes": two})
    assert (refused.status, [problem["path"] for problem in refused.json()["problems"]]) == (422, ["strategy"])
    made = api.send("POST", "/model-routes", {"name": "x", "strategy": "failover", "nodes": two})
    assert (made.status, [node["strategy"] for node in made.json()["nodes"]]) == (201, ["failover", "round-robin"])
    assert "- {provider: b, strategy: round-robin}" in api.text


def test_a_rename_keeps_the_number_and_the_clients(api: Api) -> None:
    number = api.get("/model-routes/chat")["id"]
    renamed = api.send("PATCH", f"/model-routes/{number}", {"name": "talk"}).json()
    assert (renamed["id"], renamed["name"]) == (number, "talk")
    assert "routes: [talk]" in api.text
    assert renamed["updated_at"] > renamed["created_at"]


def test_an_answer_may_be_sent_back(api: Api) -> None:
    for name in ("chat", "wide"):
        answer = api.send("PATCH", f"/model-routes/{name}", api.get(f"/model-routes/{name}"))
        assert (answer.status, answer.json()["diff"], api.text) == (200, "", TEXT)


def test_git_shows_only_the_lines_that_were_meant(api: Api) -> None:
    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", *words]
        return subprocess.run(command, cwd=api.daemon.folder, check=True, capture_output=True, text=True).stdout

    try:
        git("init", "-q")
    except OSError:
        pytest.skip("git is not here")
    git("add", "router.yaml")
    git("commit", "-q", "-m", "first")
    api.send("PATCH", "/model-routes/wide", {"match": ["gpt-*", "o1"]})
    assert git("diff", "--numstat") == "1\t1\trouter.yaml\n"
    api.send("POST", "/model-routes", {"name": "one", "nodes": [{"api_id": 1, "models": ["m"]}]})
    assert git("diff", "--numstat") == "2\t1\trouter.yaml\n"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        api = Api(daemon)
        if not protect(api.path):
            pytest.skip("nothing here keeps this user from writing")
        try:
            refused = api.send("PATCH", "/model-routes/wide", {"strategy": "failover"})
            assert (refused.status, refused.json()["kind"]) == (409, "config_read_only")
            assert "-    strategy: round-robin\n+    strategy: failover\n" in refused.json()["diff"]
            assert api.text == TEXT
        finally:
            api.path.chmod(0o600)


def protect(path: Path) -> bool:
    """Make the file one that we may not write; False where we may write everything."""
    path.chmod(0o400)
    return not os.access(path, os.W_OK)
