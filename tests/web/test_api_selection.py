"""Selection, state and explanations of one running router, and what of them survives a restart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_management import routerd
from tests.support.caller import Response
from tests.support.daemon import Daemon

VIEWER = hashlib.sha256(b"looks-on").hexdigest()
CLIENT = hashlib.sha256(b"a-key").hexdigest()
TEXT = f"""\
providers:
  OpenAI: {{adapter: echo, models: [gpt-4], health: {{check: false}}}}
  Spare: {{adapter: echo, models: [claude-1, claude-2], health: {{check: false}}}}
  broken:
    adapter: echo
    echo: {{fail: 500}}
    models: [slow]
    health: {{check: false, failure_threshold: 1, cooldown: 300s}}
  off: {{adapter: echo, models: [gone], is_active: false}}
routes:
  llm-auto-route: {{strategy: round-robin, nodes: [{{provider: OpenAI}}, {{provider: Spare}}]}}
  asleep: {{is_active: false, nodes: [OpenAI/gpt-4]}}
  dead: [off/gone]
  tiers: {{mode: multi, match: ["gpt-5*"], nodes: [broken/slow, {{provider: OpenAI, models: [gpt-4], priority: 1}}]}}
  turns: {{strategy: round-robin, nodes: [OpenAI/gpt-4, Spare/claude-1, broken/slow]}}
  sticky: {{affinity: client, nodes: [OpenAI/gpt-4, Spare/claude-1]}}
clients:
  me: {{key_sha256: {CLIENT}, routes: [tiers]}}
admins:
  watcher: {{token_sha256: {VIEWER}, role: viewer}}
"""
EDITOR = {"authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("selection")
    with Daemon(folder, TEXT, environment={"ROUTERD_ADMIN_TOKEN": "secret"}) as daemon:
        yield daemon


def ask(daemon: Daemon, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, headers or EDITOR)


def explain(daemon: Daemon, **asked: Any) -> dict[str, Any]:
    response = ask(daemon, "POST", "/api/explain", asked)
    assert response.status == 200, response.body
    told: dict[str, Any] = response.json()
    return told


def test_as_it_is_documented(daemon: Daemon) -> None:
    fresh = ask(daemon, "GET", "/api/model-routes/1/state").json()
    assert (fresh["route_id"], fresh["route_name"]) == (1, "llm-auto-route")
    assert fresh["state"].pop("nodes")
    assert fresh["state"] == {"round_robin_indices": {}, "model_indices": {}}
    first = ask(daemon, "POST", "/api/model-routes/1/select")
    assert (first.status, first.json()) == (200, {"provider_id": 1, "provider_name": "OpenAI", "model": "gpt-4"})
    state = ask(daemon, "GET", "/api/model-routes/1/state").json()
    del state["state"]["nodes"]
    assert state == {
        "route_id": 1,
        "route_name": "llm-auto-route",
        "state": {"round_robin_indices": {"1": 1}, "model_indices": {"1": 0}},
    }
    following = [ask(daemon, "POST", "/api/model-routes/llm-auto-route/select", {}).json()["model"] for _ in range(4)]
    assert following == ["claude-1", "gpt-4", "claude-2", "gpt-4"]
    hinted = ask(daemon, "POST", "/api/model-routes/1/select", {"model": "claude-2"}).json()
    assert hinted == {"provider_id": 2, "provider_name": "Spare", "model": "claude-2"}


REFUSALS: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/model-routes/99/select", None, 404, "not_found"),
    ("POST", "/api/model-routes/nobody/select", None, 404, "not_found"),
    ("GET", "/api/model-routes/nobody/state", None, 404, "not_found"),
    ("POST", "/api/model-routes/asleep/select", None, 409, "route_inactive"),
    ("POST", "/api/model-routes/dead/select", None, 503, "no_target"),
    ("POST", "/api/model-routes/1/select", {"model": "gpt-9"}, 404, "unknown_model"),
    ("POST", "/api/model-routes/1/select?explain=true", {"model": "gpt-9"}, 404, "unknown_model"),
    ("POST", "/api/model-routes/1/select?explain=perhaps", None, 400, "invalid_request"),
    ("POST", "/api/model-routes/1/select", {"model": 4}, 400, "invalid_request"),
    ("POST", "/api/model-routes/1/select", {"modell": "x"}, 400, "invalid_request"),
    ("POST", "/api/explain", {}, 400, "invalid_request"),
    ("POST", "/api/explain", {"model": "llm-auto-rout"}, 404, "unknown_model"),
    ("POST", "/api/explain", {"model": "tiers", "client": "nobody"}, 404, "not_found"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind"), REFUSALS)
def test_refusals(daemon: Daemon, method: str, path: str, body: Any, status: int, kind: str) -> None:
    answer = ask(daemon, method, path, body)
    assert (answer.status, answer.json()["kind"]) == (status, kind)
    assert answer.headers["content-type"] == "application/problem+json"


def test_who_may(daemon: Daemon) -> None:
    viewer = {"authorization": "Bearer looks-on"}
    assert ask(daemon, "POST", "/api/explain", {"model": "dead"}, viewer).status == 200
    assert ask(daemon, "GET", "/api/model-routes/1/state", None, viewer).status == 200
    assert ask(daemon, "POST", "/api/model-routes/1/select", None, viewer).status == 403
    assert ask(daemon, "POST", "/api/explain", {"model": "dead"}, {"authorization": "Bearer wrong"}).status == 401


def test_explaining_takes_no_turn(daemon: Daemon) -> None:
    path = "/api/model-routes/turns/select?explain=true"
    told = [ask(daemon, "POST", path).json() for _ in range(3)]
    assert [plan["selection"]["provider_name"] for plan in told] == ["OpenAI"] * 3
    assert [(node["provider"], node["standing"]) for node in told[0]["nodes"]] == [
        ("OpenAI", "chosen"), ("Spare", "next"), ("broken", "fallback"),
    ]  # fmt: skip
    assert told[0]["next_turn"] == 2
    ids = [(node["id"], node["provider_id"]) for node in told[0]["nodes"]]
    route = ask(daemon, "GET", "/api/model-routes/turns").json()
    assert ids == [(node["id"], node["api_id"]) for node in route["nodes"]]


EXPLAINED: list[tuple[dict[str, Any], str, str, str | None]] = [
    # what is asked, the rule, the first step, what it would be refused with
    ({"model": "turns"}, "route", "OpenAI/gpt-4", None),
    ({"model": "gpt-5.2"}, "match", "broken/slow", None),
    ({"model": "turns/claude-1"}, "hint", "Spare/claude-1", None),
    ({"model": "Spare/claude-2"}, "provider", "Spare/claude-2", None),
    ({"model": "claude-2"}, "model", "Spare/claude-2", None),
    ({"model": "tiers", "client": "me"}, "route", "broken/slow", None),
    ({"model": "turns", "client": "me"}, "route", "OpenAI/gpt-4", "forbidden"),
    ({"model": "claude-2", "client": "me"}, "model", "Spare/claude-2", "forbidden"),
    ({"model": "turns", "client": "admin"}, "route", "OpenAI/gpt-4", None),
    ({"model": "dead"}, "route", "", "no_target"),
]


@pytest.mark.parametrize(("asked", "rule", "first", "problem"), EXPLAINED)
def test_explain(daemon: Daemon, asked: dict[str, Any], rule: str, first: str, problem: str | None) -> None:
    told = explain(daemon, **asked)
    assert told["rule"] == rule
    assert "".join(step["target"] for step in told["steps"][:1]) == first
    assert (told["problem"]["kind"] if told["problem"] else None) == problem
    assert all(node["reason"] for node in told["nodes"])
    assert (told["selection"] is None) == (not first)


def test_affinity_by_client(daemon: Daemon) -> None:
    told = explain(daemon, model="sticky", client="admin")
    assert told["steps"][0]["reason"] == "affinity"
    served = daemon.post({"model": "sticky", "messages": [{"role": "user", "content": "hi"}]}, EDITOR)
    assert served.headers["x-routerd-provider"] == told["steps"][0]["provider"]


def test_an_inactive_route_can_be_explained(daemon: Daemon) -> None:
    told = ask(daemon, "POST", "/api/model-routes/asleep/select?explain=true").json()
    assert (told["problem"]["kind"], told["problem"]["status"]) == ("route_inactive", 409)
    assert told["steps"][0]["target"] == "OpenAI/gpt-4"


def test_traffic_shows_in_the_state(daemon: Daemon) -> None:
    reply = daemon.post({"model": "gpt-5-anything", "messages": [{"role": "user", "content": "hi"}]}, EDITOR)
    assert (reply.status, reply.headers["x-routerd-provider"]) == (200, "OpenAI")
    broken, fine = ask(daemon, "GET", "/api/model-routes/tiers/state").json()["state"]["nodes"]
    assert (broken["tier"], broken["is_healthy"], broken["consecutive_failures"]) == (1, False, 1)
    assert 0 < broken["cooldown_seconds"] <= 300.0
    assert datetime.fromisoformat(broken["cooldown_until"]) > datetime.now(UTC)
    assert [target["standing"] for target in broken["targets"]] == ["cooling"]
    assert (fine["tier"], fine["is_healthy"], fine["cooldown_seconds"], fine["in_flight"]) == (2, True, None, 0)
    told = explain(daemon, model="tiers")
    assert [node["standing"] for node in told["nodes"]] == ["skipped", "chosen"]
    assert told["nodes"][0]["reason"] == "cooling down after upstream_overloaded"
    assert told["skipped"][0]["cooldown_seconds"] > 0
    (dead,) = ask(daemon, "GET", "/api/model-routes/dead/state").json()["state"]["nodes"]
    assert (dead["targets"][0]["standing"], dead["is_healthy"]) == ("unusable", False)


def test_routerd_plan(daemon: Daemon) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        return routerd(daemon.folder, "plan", *words, port=daemon.port, token="secret")

    assert run("Spare/claude-2") == (
        0, "Spare/claude-2 → route Spare/claude-2 (auto, failover)\n  1. Spare/claude-2  first in file order\n", ""
    )  # fmt: skip
    code, out, err = run("dead")
    assert (code, out) == (1, "dead → route dead (auto, failover)\n  -  off  left out: its provider is not active\n")
    assert err == "routerd: No target of `dead` can be used. `off`: its provider is not active.\n"
    code, _, err = run("turns", "--client", "me")
    assert (code, err) == (1, "routerd: This client may not use `turns`. Its routes: `tiers`.\n")
    code, _, err = run("nothing-like-it")
    assert (code, err) == (1, "routerd: There is no model `nothing-like-it`.\n")
    code, out, _ = run("turns", "--json")
    assert code == 0
    assert '"standing": "chosen"' in out


def test_a_restart_goes_on_where_it_stood(tmp_path: Path) -> None:
    environment = {"ROUTERD_ADMIN_TOKEN": "secret"}
    hello = {"model": "turns", "messages": [{"role": "user", "content": "hi"}]}
    with Daemon(tmp_path, TEXT, environment=environment) as daemon:
        served = [daemon.post(hello, EDITOR).headers["x-routerd-provider"] for _ in range(3)]
        assert served == ["OpenAI", "Spare", "OpenAI"]  # `broken` failed over
        health = ask(daemon, "PATCH", "/api/providers/Spare/health", {"is_healthy": False})
        assert health.status == 200, health.body
        renamed = ask(daemon, "PATCH", "/api/providers/Spare", {"name": "Other"})
        assert renamed.status == 200, renamed.body
        before = ask(daemon, "GET", "/api/model-routes/turns/state").json()["state"]
        assert before["nodes"][1]["override"] is False
    text = (tmp_path / "router.yaml").read_text()
    with Daemon(tmp_path, text, environment=environment) as daemon:
        after = ask(daemon, "GET", "/api/model-routes/turns/state").json()["state"]
        assert after["round_robin_indices"] == before["round_robin_indices"]
        assert after["model_indices"] == before["model_indices"]
        assert [node["targets"][0]["standing"] for node in after["nodes"]] == ["healthy", "overridden", "cooling"]
        assert after["nodes"][2]["cooldown_seconds"] <= before["nodes"][2]["cooldown_seconds"]
        assert daemon.post(hello, EDITOR).headers["x-routerd-provider"] == "OpenAI"
