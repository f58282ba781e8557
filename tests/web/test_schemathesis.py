"""Everything that `/openapi.json` promises, asked with what it allows and with what it forbids.

`ROUTERD_EXAMPLES=200` asks more of each operation than the usual few.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, Config
from schemathesis.specs.openapi.checks import negative_data_rejection

from routerd.web.app import operations
from routerd.web.documentation import render
from tests.support.daemon import ROOT, Daemon

OFFLINE = str(ROOT / "tests" / "support" / "offline")
TOKEN = "canary-token-0123456789"
TEXT = f"""
defaults: {{health: {{check: false}}}}
providers:
  demo: {{adapter: echo, models: [echo], timeouts: {{idle: 60s}}}}
  patched: {{base_url: "https://a.invalid/v1", vendor: openai, quirks: {{repair: true}}, headers: {{x-a: b}}}}
  gone: {{adapter: echo, echo: {{delay: 1ms}}}}
routes:
  chat: {{nodes: [demo/echo, {{provider: demo, priority: 1}}], strategy: round-robin, affinity: client}}
  patched: {{nodes: [demo/echo], mode: multi, match: ["gpt-*"], retry_on: [429], max_attempts: 2}}
  gone: [demo/echo]
clients:
  demo: {{key_sha256: {"ab" * 32}, routes: [chat]}}
  patched: {{key_sha256: {"cd" * 32}}}
  gone: {{key_sha256: {"ef" * 32}, is_active: false}}
"""
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ASKED = "asked-once"
# What stands in a path, by where and for what it stands.
NAMES = {
    "/api/model-routes/{id}": {"get": "chat"},
    "/api/model-routes/{id}/select": {"post": "chat"},
    "/api/model-routes/{id}/state": {"get": "chat"},
    "/api/requests/{id}": {"get": ASKED},
}
USUAL_NAMES = {"get": "demo", "post": "demo", "patch": "patched", "delete": "gone"}
USUAL = 8
EXAMPLES = int(os.environ.get("ROUTERD_EXAMPLES", USUAL))
# One wrong value for each of their many keys would be two thousand edits of the file.
LARGE = ["/api/providers", "/api/providers/{id}", "/api/model-routes", "/api/model-routes/{id}"]
ENDLESS = "/api/events"
REFUSALS = ("400", "404", "405", "409", "412", "413", "415", "422", "428")
CONFIG = Config.from_dict({
    "seed": 1,
    "generation": {"mode": "all", "max-examples": EXAMPLES, "deterministic": True, "database": "none"},
    "operations": [{"include-path": LARGE, "phases": {"coverage": {"enabled": EXAMPLES > USUAL}}}],
    "checks": {
        "positive_data_acceptance": {"enabled": False},  # what is well-formed may still be no router.yaml
        "negative_data_rejection": {"expected-statuses": [*REFUSALS]},
        "missing_required_header": {"expected-statuses": ["400", "415", "428"]},
        "allow_header_conformance": {"enabled": False},  # a provider may be named `discover`
    },
})


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The same document, in which answers may have no field that it does not name."""
    shapes = document["components"]["schemas"]
    sent = references([each.get("requestBody") for methods in document["paths"].values() for each in methods.values()])
    shapes |= {name: closed(shape) for name, shape in shapes.items() if name not in sent}
    return document


def references(value: Any) -> set[str]:
    """The names of the components that it refers to, and keeps no second copy of a body under another type."""
    if isinstance(value, list):
        return {name for item in value for name in references(item)}
    if not isinstance(value, dict):
        return set()
    value.pop("application/merge-patch+json", None)
    own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
    return own | references(list(value.values()))


def closed(value: Any) -> Any:
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: closed(item) for key, item in value.items()}
    is_shape = made.get("type") == "object" and "properties" in made
    return {"additionalProperties": False, **made} if is_shape else made


def with_names(document: dict[str, Any]) -> dict[str, Any]:
    """The same document, in which what stands in a path is there."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    name = "chat" if path.startswith("/v1") else USUAL_NAMES[method]
                    parameter["example"] = NAMES.get(path, {}).get(method, name)
    return document


DOCUMENT = with_names(strict(json.loads(render(operations()))))
schema = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG).exclude(path=ENDLESS)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that reaches nothing but this machine, and has answered once."""
    environment = {"PYTHONPATH": f"{OFFLINE}{os.pathsep}{ROOT}", "ROUTERD_ADMIN_TOKEN": TOKEN}
    with Daemon(tmp_path_factory.mktemp("schemathesis"), TEXT, environment=environment) as daemon:
        asked = {"model": "chat", "messages": [{"role": "user", "content": "Hi!"}]}
        assert daemon.post(asked, {**BEARER, "x-request-id": ASKED}).status == 200
        yield daemon
        assert not [line for line in daemon.log if line.get("event") == "internal"]


@pytest.mark.parametrize("call", ["create_connection(('192.0.2.1', 9))", "getaddrinfo('example.com', 443)"])
def test_nothing_leaves_this_machine(call: str) -> None:
    code = f"import socket\ntry: socket.{call}\nexcept OSError as error: print(error.strerror)"
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": OFFLINE}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stdout == "no network in this test\n", run.stderr


@schema.parametrize()
def test_answers_conform(case: Case[Any], daemon: Daemon) -> None:
    # what a dry run says of a text that is none is an answer, too
    is_dry = "dry_run" in (case.query or {})
    excluded: list[Any] = [negative_data_rejection] if is_dry else []
    case.call_and_validate(base_url=daemon.url, headers=BEARER, excluded_checks=excluded)
