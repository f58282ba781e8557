"""Tests of providers over the API: transcripts, and what must never come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from routerd.adapters.vendors import VENDORS
from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.reply import Reply, Stall, raw, whole
from tests.support.stage import defaults
from tests.support.upstream import Refusing, Upstream
from tests.support.wire import Request

KEY = "sk-canary-9d2e4c6a8b0f1e3d5c7b"
TYPED = "sk-canary-typed-1f3e5d7c9b0a2846"
TOKEN = {"authorization": "Bearer the-admin-token"}

LIST = {"object": "list", "data": [{"id": "gpt-4"}, {"id": "gpt-4-mini"}]}


def answer(request: Request) -> Reply:
    """A provider that knows both keys, and repeats any other in its complaint."""
    key = str(request.get("authorization")).removeprefix("Bearer ")
    if key not in (KEY, TYPED):
        return whole({"error": {"message": f"I don't know {key}", "type": "auth", "code": None}}, 401)
    return whole(LIST) if request.method == "GET" else chat.good(request)


@dataclass
class Stage:
    """A daemon with four providers: `good`, `dead`, `slow` and `demo`, and what is behind the first."""

    daemon: Daemon
    upstream: Upstream

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        with self.daemon.caller() as caller:
            return caller.exchange(method, path, body, TOKEN | headers)

    def provider(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.send("GET", f"/api/providers/{name}").json()
        return found


def config(good: Upstream, slow: Upstream, dead: str) -> str:
    return f"""\
{defaults()}
providers:
  good: {{base_url: {good.base_url}, api_key: env:KEY, models: [gpt-4]}}
  dead: {{base_url: {dead}}}
  slow: {{base_url: {slow.base_url}}}
  demo: {{adapter: echo, models: [echo]}}
  unset: {{base_url: {good.base_url}, api_key: env:NOT_SET}}
routes:
  route: [good/gpt-4, demo/echo]
"""


ENVIRONMENT = {"KEY": KEY, "ROUTERD_ADMIN_TOKEN": "the-admin-token", "ROUTERD_REQUEST_TIMEOUT_SECONDS": "2"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("checks")
    with Upstream(answer) as good, Upstream(lambda _: raw(Stall())) as slow, Refusing() as dead:
        with Daemon(folder, config(good, slow, dead.base_url), environment=ENVIRONMENT) as daemon:
            yield Stage(daemon, good)
        kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        for canary in (KEY, TYPED):
            assert canary not in daemon.dump()
            assert not any(canary.encode() in content for content in kept)


TESTS = [
    ("good", {"status": "online", "status_code": 200}, True),
    ("dead", {"status": "unreachable", "status_code": None}, False),
    ("slow", {"status": "timeout", "status_code": None}, False),
    ("demo", {"status": "online", "status_code": 200}, True),
    ("unset", {"status": "error", "status_code": None}, False),
]


@pytest.mark.parametrize("query", ["", "?deep=true"])
@pytest.mark.parametrize(("name", "found", "is_well"), TESTS)
def test_a_test_answers_and_is_recorded(
    stage: Stage, name: str, found: dict[str, Any], is_well: bool, query: str
) -> None:
    ident = stage.provider(name)["id"]
    before = stage.provider(name)["consecutive_failures"]
    told = stage.send("POST", f"/api/providers/{ident}/test{query}")
    assert told.status == 200
    body = told.json()
    assert list(body) == ["status", "status_code", "latency_ms", "detail"]
    assert {key: body[key] for key in found} == found
    assert (body["detail"] is None) == is_well
    assert (body["latency_ms"] is not None) == is_well
    row = stage.provider(name)
    assert (row["status"], row["latency_ms"]) == (body["status"], body["latency_ms"])
    assert row["last_tested_at"].endswith("+00:00")
    assert row["consecutive_failures"] == (0 if is_well else before + 1)


def test_a_deep_test_asks_the_model_that_is_listed(stage: Stage) -> None:
    stage.send("POST", "/api/providers/good/test?deep=true")
    asked = stage.upstream.requests[-1]
    assert (asked.method, asked.target, asked.json()["model"]) == ("POST", "/v1/chat/completions", "gpt-4")
    assert asked.json()["max_tokens"] == 1


def test_the_backup_is_refreshed(stage: Stage) -> None:
    path = stage.daemon.folder / "data" / "backups" / "config_backup.json"
    stage.send("POST", "/api/providers/demo/test")
    [kept] = [entry for entry in json.loads(path.read_text())["providers"] if entry["name"] == "demo"]
    assert kept["status"] == "online"


def test_a_test_without_saving(stage: Stage) -> None:
    before = stage.send("GET", "/api/providers").json()
    body = {"base_url": stage.upstream.base_url, "api_key": TYPED}
    for path in ("test-direct", "test-direct?deep=true"):
        told = stage.send("POST", f"/api/providers/{path}", body)
        assert told.status == 200
        assert list(told.json()) == ["status", "status_code", "latency_ms", "detail"]
        assert told.json()["status"] == "online"
    assert stage.upstream.requests[-1].json()["model"] == "gpt-4"
    wrong = stage.send("POST", "/api/providers/test-direct", body | {"api_key": "sk-canary-unknown-key"}).json()
    assert (wrong["status"], wrong["status_code"]) == ("degraded", 401)
    assert wrong["detail"] == "HTTP 401: I don't know [redacted]"
    assert stage.send("GET", "/api/providers").json() == before


def test_what_an_unsaved_provider_lists(stage: Stage) -> None:
    body = {"base_url": stage.upstream.base_url, "api_key": TYPED, "vendor": "vllm"}
    told = stage.send("POST", "/api/providers/discover", body).json()
    assert told["models"] == ["gpt-4", "gpt-4-mini"]
    assert (told["adapter"], told["vendor"], told["status"], told["detail"]) == ("openai", "vllm", "online", None)
    refused = stage.send("POST", "/api/providers/discover", body | {"api_key": "sk-canary-unknown"}).json()
    assert (refused["models"], refused["status"], refused["status_code"]) == ([], "degraded", 401)


def test_what_a_provider_lists(stage: Stage) -> None:
    told = stage.send("GET", "/api/providers/good/models").json()
    assert (told["models"], told["vendor"], told["status"]) == (["gpt-4", "gpt-4-mini"], None, "online")
    assert stage.send("GET", "/api/providers/demo/models").json()["models"] == ["echo"]
    assert stage.send("GET", "/api/providers/dead/models").json()["status"] == "unreachable"


UNSAVED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"api_key": "env:KEY"}, 422, "reference_by_hand", ""),
    ({"api_key": "${KEY}"}, 422, "reference_by_hand", ""),
    ({"api_key": "file:/run/secrets/canary"}, 422, "reference_by_hand", ""),
    ({"api_key": "age:YWdl"}, 422, "config_invalid", "api_key"),
    ({"api_key": "Bearer canary"}, 422, "config_invalid", "api_key"),
    ({"base_url": "http://169.254.169.254/v1"}, 422, "config_invalid", "base_url"),
    ({"base_url": "http://[::ffff:169.254.169.254]/v1"}, 422, "config_invalid", "base_url"),
    ({"base_url": "http://user:canary@127.0.0.1/v1"}, 422, "config_invalid", "base_url"),
    ({"base_url": "http://llm.example.org/v1", "api_key": TYPED}, 422, "config_invalid", "base_url"),
    ({"base_url": None}, 422, "config_invalid", ""),
    ({"adapter": "canary"}, 422, "config_invalid", "adapter"),
    ({"vendor": "canary"}, 422, "config_invalid", "vendor"),
    ({"models": "gpt-4"}, 400, "invalid_request", ""),
    ({"allow_private": "canary"}, 400, "invalid_request", ""),
]


@pytest.mark.parametrize(("more", "status", "kind", "path"), UNSAVED)
@pytest.mark.parametrize("endpoint", ["test-direct", "discover"])
def test_what_is_not_even_tried(
    stage: Stage, endpoint: str, more: dict[str, Any], status: int, kind: str, path: str
) -> None:
    asked = len(stage.upstream.requests)
    told = stage.send("POST", f"/api/providers/{endpoint}", {"base_url": stage.upstream.base_url} | more)
    body = told.json()
    assert (told.status, body["kind"]) == (status, kind)
    assert "canary" not in told.body.decode()
    assert [problem["path"] for problem in body.get("problems", [])] == ([path] if kind == "config_invalid" else [])
    assert len(stage.upstream.requests) == asked


def test_vendors(stage: Stage) -> None:
    rows = {row["name"]: row for row in stage.send("GET", "/api/vendors").json()}
    assert list(rows) == list(VENDORS)
    assert rows["anthropic"] == {
        "name": "anthropic",
        "title": "Anthropic",
        "base_url": "https://api.anthropic.com",
        "adapter": "anthropic",
        "needs_key": True,
        "key_url": "https://platform.claude.com/settings/keys",
        "key_variable": "ANTHROPIC_API_KEY",
        "key_prefixes": ["sk-ant-"],
    }
    assert (rows["ollama"]["needs_key"], rows["vllm"]["base_url"], rows["echo"]["key_url"]) == (False, None, None)


PASTED = [
    ("sk-ant-api03-x", {"anthropic"}),
    ("sk-or-v1-x", {"openrouter"}),
    ("sk-proj-x", {"openai"}),
    ("sk-x", {"openai", "deepseek", "moonshot"}),
    ("AIzaSyX", {"gemini"}),
    ("gsk_x", {"groq"}),
    ("x", set()),
]


@pytest.mark.parametrize(("key", "vendors"), PASTED)
def test_a_pasted_key_tells_the_vendor(key: str, vendors: set[str]) -> None:
    fits = [
        (len(prefix), row.name) for row in VENDORS.values() for prefix in row.key_prefixes if key.startswith(prefix)
    ]
    longest = max(fits, default=(0, ""))[0]
    assert {name for length, name in fits if length == longest} == vendors


def served_by(stage: Stage) -> str:
    body = {"model": "route", "messages": [{"role": "user", "content": "hi"}]}
    return stage.send("POST", "/v1/chat/completions", body).headers["x-routerd-provider"]


def test_an_override_is_seen_by_v1_until_it_is_lifted(stage: Stage) -> None:
    assert served_by(stage) == "good"
    told = stage.send("PATCH", "/api/providers/good/health", {"is_healthy": False})
    assert (told.status, told.json()["is_healthy"], told.json()["name"]) == (200, False, "good")
    assert (told.json()["override"], told.json()["cooling_until"]) == (False, None)
    assert told.json() == stage.provider("good")
    assert served_by(stage) == "demo"
    assert stage.send("POST", "/api/providers/good/test").json()["status"] == "online"
    assert served_by(stage) == "demo"
    lifted = stage.send("PATCH", f"/api/providers/{told.json()['id']}/health", {"is_healthy": True}).json()
    assert (lifted["is_healthy"], lifted["consecutive_failures"], lifted["override"]) == (True, 0, None)
    assert served_by(stage) == "good"


REFUSALS: list[tuple[str, str, Any, int]] = [
    ("POST", "/api/providers/nobody/test", None, 404),
    ("POST", "/api/providers/99/test", None, 404),
    ("POST", "/api/providers/good/test?deep=perhaps", None, 400),
    ("GET", "/api/providers/nobody/models", None, 404),
    ("PATCH", "/api/providers/nobody/health", {"is_healthy": True}, 404),
    ("PATCH", "/api/providers/good/health", {}, 400),
    ("PATCH", "/api/providers/good/health", {"is_healthy": None}, 400),
    ("PATCH", "/api/providers/good/health", {"is_healthy": "false"}, 400),
    ("PATCH", "/api/providers/good/health", {"is_healthy": False, "until": "tomorrow"}, 400),
    ("PUT", "/api/providers/good/health", {"is_healthy": True}, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSALS)
def test_refusals(stage: Stage, method: str, path: str, body: Any, status: int) -> None:
    told = stage.send(method, path, body)
    assert (told.status, told.json()["status"]) == (status, status)


def test_nobody_tests_without_a_token(stage: Stage) -> None:
    body = {"base_url": stage.upstream.base_url, "api_key": TYPED}
    asked = len(stage.upstream.requests)
    for path in ("/api/providers/test-direct", "/api/providers/discover", "/api/providers/good/test"):
        with stage.daemon.caller() as caller:
            told = caller.exchange("POST", path, body, {"authorization": "Bearer wrong"})
        assert told.status == 401
    assert len(stage.upstream.requests) == asked


def test_status_and_override_survive_a_restart(tmp_path: Path) -> None:
    with Upstream(answer) as good, Upstream() as slow, Refusing() as dead:
        text = config(good, slow, dead.base_url)
        with Daemon(tmp_path, text, environment=ENVIRONMENT) as daemon:
            stage = Stage(daemon, good)
            stage.send("POST", "/api/providers/dead/test")
            tested = stage.provider("dead")
            stage.send("PATCH", "/api/providers/good/health", {"is_healthy": False})
        with Daemon(tmp_path, text, environment=ENVIRONMENT) as daemon:
            stage = Stage(daemon, good)
            assert {**stage.provider("dead"), "consecutive_failures": 1} == tested
            assert stage.provider("good")["is_healthy"] is False
            assert served_by(stage) == "demo"
