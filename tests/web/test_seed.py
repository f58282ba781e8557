"""The examples of the first description of this router, word for word, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon
from tests.web.api import Api

PROVIDER = {
    "name": "Example Provider",
    "base_url": "https://api.example.com/v1",
    "api_key": "sk-example-key",
    "models": ["example-model-1", "example-model-2"],
    "is_active": True,
}
OPENAI = {"name": "OpenAI", "base_url": "https://api.openai.com/v1", "api_key": "sk-other-key", "models": ["gpt-4"]}
NODE: dict[str, Any] = {"models": [], "strategy": "round-robin", "priority": 0, "metadata": {}}
ROUTE = {
    "name": "llm-auto-route",
    "mode": "auto",
    "is_active": True,
    "config": {},
    "nodes": [{"api_id": 1, **NODE}, {"api_id": 2, **NODE}],
}
SEALED = "AGE"  # stands for what is sealed: other bytes each time

WRITTEN = """\
recipients:
  - AGE
providers:
  Example Provider:
    base_url: https://api.example.com/v1
    api_key: AGE
    models: [example-model-1, example-model-2]
  OpenAI:
    base_url: https://api.openai.com/v1
    api_key: AGE
    models: [gpt-4]
routes:
  llm-auto-route:
    strategy: round-robin
    nodes:
      - {provider: Example Provider}
      - {provider: OpenAI}
"""


def written(api: Api) -> str:
    """The file, but for what is sealed."""
    words = [line.split() for line in api.text.splitlines()]
    sealed = {word for line in words for word in line if word.startswith(("age:", "age1"))}
    text = api.text
    for word in sealed:
        text = text.replace(word, SEALED)
    return text


def create(api: Api) -> None:
    """Out of the box: no recipients, no identity, no database."""
    made = api.send("POST", "/providers", PROVIDER)
    assert (made.status, made.headers["location"]) == (201, "/api/providers/1")
    provider = api.get("/providers/1")
    times = {key: provider[key] for key in ("created_at", "updated_at")}
    assert provider == {
        "id": 1,
        **{key: value for key, value in PROVIDER.items() if key != "api_key"},
        "adapter": "openai",
        "api_key": {"set": True, "source": "sealed", "fingerprint": provider["api_key"]["fingerprint"]},
        "status": "unknown",
        "is_healthy": True,
        "consecutive_failures": 0,
        "override": None,
        "cooling_until": None,
        "latency_ms": None,
        "last_tested_at": None,
        **times,
    }
    assert provider.items() <= made.json().items(), "the answer to POST has all of it"
    assert times["created_at"] == times["updated_at"] and times["created_at"].endswith("+00:00")
    assert len(provider["api_key"]["fingerprint"]) == 8
    assert api.send("POST", "/providers", OPENAI).json()["id"] == 2
    assert [each["name"] for each in api.get("/providers")] == ["Example Provider", "OpenAI"]
    route = api.send("POST", "/model-routes", ROUTE)
    assert (route.status, route.headers["location"]) == (201, "/api/model-routes/1")
    assert written(api) == WRITTEN
    assert b"sk-" not in api.path.read_bytes() + made.body + route.body
    shown = api.get("/model-routes/llm-auto-route")
    assert shown == {
        **ROUTE,
        "id": 1,
        "strategy": "round-robin",
        "nodes": [
            {"id": 1, "api_id": 1, "provider_name": "Example Provider", **NODE},
            {"id": 2, "api_id": 2, "provider_name": "OpenAI", **NODE},
        ],
        **{key: shown[key] for key in ("created_at", "updated_at")},
    }
    assert api.get("/model-routes") == [shown]


def change(api: Api) -> None:
    """After a restart, which changes nothing by itself."""
    before = api.get("/providers"), api.get("/model-routes")
    patched = api.send("PATCH", "/providers/1", {"is_active": False, "models": ["example-model-1"]})
    assert (patched.status, patched.json()["is_active"], patched.json()["id"]) == (200, False, 1)
    assert patched.json()["created_at"] == before[0][0]["created_at"] < patched.json()["updated_at"]
    assert api.send("PATCH", "/providers/1", {"is_active": True, "models": PROVIDER["models"]}).status == 200
    assert api.get("/providers")[1] == before[0][1]
    assert api.get("/model-routes") == before[1]


def look_again(api: Api) -> None:
    """Without state.db all but history and ids comes back; even these are the same, since the file has their order."""
    told = [{key: each[key] for key in ("id", "name", "models")} for each in api.get("/providers")]
    assert told == [
        {"id": 1, "name": "Example Provider", "models": PROVIDER["models"]},
        {"id": 2, "name": "OpenAI", "models": OPENAI["models"]},
    ]
    assert [node["api_id"] for node in api.get("/model-routes/1")["nodes"]] == [1, 2]


def delete(api: Api) -> None:
    """Until nothing is left."""
    assert api.refused("DELETE", "/providers/2") == (409, "in_use")
    assert api.send("DELETE", "/model-routes/1").status == 204
    assert [api.send("DELETE", f"/providers/{number}").status for number in (2, 1, 1)] == [204, 204, 404]
    assert (api.get("/providers"), api.get("/model-routes")) == ([], [])
    assert written(api) == "recipients:\n  - AGE\nproviders: {}\nroutes: {}\n"


def test_the_whole_story(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_text("{}\n")
    for step in (create, change, look_again, delete):
        if step is look_again:
            kept = [*(tmp_path / "data").glob("state.db*")]
            assert kept
            for file in kept:
                file.unlink()
        with Daemon(tmp_path, path.read_text()) as daemon:
            step(Api(daemon))
