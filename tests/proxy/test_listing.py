"""GET /v1/models, in the shape of the dialect that asks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.stage import SERVER

KEY, NARROW = "sk-wide", "sk-narrow"
TEXT = f"""{SERVER}
providers:
  demo: {{adapter: echo, models: [echo, org/deep]}}
  idle: {{adapter: echo, models: [echo], is_active: false}}
routes:
  smart: [demo/echo]
  fast: [demo/org/deep]
  gone: {{is_active: false, nodes: [demo/echo]}}
clients:
  wide: {{key_sha256: {hashlib.sha256(KEY.encode()).hexdigest()}}}
  narrow: {{key_sha256: {hashlib.sha256(NARROW.encode()).hexdigest()}, routes: [smart]}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(Path(tmp_path_factory.mktemp("listing")), TEXT) as daemon:
        yield daemon


def get(daemon: Daemon, path: str, key: str = KEY, **headers: str) -> tuple[int, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with daemon.caller() as caller:
        answer = caller.exchange("GET", path, headers={"Authorization": f"Bearer {key}", **named})
    return answer.status, answer.json()


def test_routes_come_first_then_models_of_active_providers(daemon: Daemon) -> None:
    status, body = get(daemon, "/v1/models")
    assert (status, body["object"]) == (200, "list")
    assert [entry["id"] for entry in body["data"]] == ["smart", "fast", "demo/echo", "demo/org/deep"]
    assert body["data"][0] == {"id": "smart", "object": "model", "created": 0, "owned_by": "routerd"}
    assert body["data"][2]["owned_by"] == "demo"


def test_anthropic_callers_get_their_shape(daemon: Daemon) -> None:
    _, body = get(daemon, "/v1/models", anthropic_version="2023-06-01")
    assert (body["has_more"], body["first_id"], body["last_id"]) == (False, "smart", "demo/org/deep")
    assert {(entry["type"], entry["id"], entry["display_name"]) for entry in body["data"]} >= {
        ("model", "fast", "fast")
    }


def test_a_client_sees_only_its_routes(daemon: Daemon) -> None:
    _, body = get(daemon, "/v1/models", NARROW)
    assert [entry["id"] for entry in body["data"]] == ["smart"]


@pytest.mark.parametrize("name", ["smart", "demo/echo", "demo/org/deep", "demo%2Fecho", "echo"])
def test_one_model(daemon: Daemon, name: str) -> None:
    status, body = get(daemon, f"/v1/models/{name}")
    assert (status, body["id"]) == (200, name.replace("%2F", "/"))


@pytest.mark.parametrize(
    ("name", "key", "status", "code"),
    [
        ("smarty", KEY, 404, "model_not_found"),
        ("gone", KEY, 404, "model_not_found"),
        ("idle/echo", KEY, 404, "model_not_found"),
        ("fast", NARROW, 403, "route_not_allowed"),
        ("smart", "sk-other", 401, "invalid_api_key"),
    ],
)
def test_a_model_that_is_not_to_be_had(daemon: Daemon, name: str, key: str, status: int, code: str) -> None:
    found, body = get(daemon, f"/v1/models/{name}", key)
    assert (found, body["error"]["code"]) == (status, code)
