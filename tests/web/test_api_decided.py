"""What people decided of a provider, over renames, restarts and cooldowns of its origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.upstream import Refusing, Upstream

TOKEN = {"authorization": "Bearer the-admin-token"}
ENVIRONMENT = {"ROUTERD_ADMIN_TOKEN": "the-admin-token"}


def send(daemon: Daemon, method: str, path: str, body: Any = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, TOKEN)


def serves(daemon: Daemon, model: str = "route") -> str | None:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return send(daemon, "POST", "/v1/chat/completions", body).headers.get("x-routerd-provider")


def standing(daemon: Daemon, provider: str) -> tuple[bool, int]:
    told = send(daemon, "GET", f"/api/providers/{provider}").json()
    return told["is_healthy"], told["consecutive_failures"]


@pytest.fixture(scope="module")
def dead() -> Iterator[str]:
    with Refusing() as refusing:
        yield refusing.base_url


def text(good: str, dead: str) -> str:
    return f"""\
defaults: {{health: {{check: false, failure_threshold: 1, cooldown: 5m}}}}
providers:
  good: {{base_url: {good}}}
  dead: {{base_url: {dead}}}
  twin: {{base_url: {dead}}}
  demo: {{adapter: echo, models: [echo]}}
routes:
  route: [good/gpt-4, demo/echo]
  broken: [dead/gpt-4, demo/echo]
  twins: [twin/gpt-4, demo/echo]
"""


def test_a_rename_loses_no_decision(tmp_path: Path, dead: str) -> None:
    with Upstream(chat.good) as good:
        with Daemon(tmp_path, text(good.base_url, dead), environment=ENVIRONMENT) as daemon:
            assert send(daemon, "PATCH", "/api/providers/good/health", {"is_healthy": False}).status == 200
            assert send(daemon, "PATCH", "/api/providers/good", {"name": "better"}).json()["is_healthy"] is False
            assert (standing(daemon, "better"), serves(daemon)) == ((False, 0), "demo")
            assert send(daemon, "PATCH", "/api/providers/better", {"name": "best", "models": ["gpt-4"]}).status == 200
            assert (standing(daemon, "best"), serves(daemon)) == ((False, 0), "demo")
            saved = (tmp_path / "router.yaml").read_text()
        with Daemon(tmp_path, saved, environment=ENVIRONMENT) as daemon:
            assert (standing(daemon, "best"), serves(daemon)) == ((False, 0), "demo")
            assert send(daemon, "PATCH", "/api/providers/best", {"name": "good"}).status == 200
            assert serves(daemon) == "demo", "also right after a start"
            assert send(daemon, "PATCH", "/api/providers/good/health", {"is_healthy": True}).status == 200
            assert serves(daemon) == "good"


def test_whoever_says_that_it_is_well_is_believed_of_its_address_too(tmp_path: Path, dead: str) -> None:
    """Else the provider would stand there as healthy, and no request go to it until the cooldown is over."""

    def plan(model: str) -> list[str]:
        return [step["target"] for step in send(daemon, "POST", "/api/explain", {"model": model}).json()["steps"]]

    with Upstream(chat.good) as good, Daemon(tmp_path, text(good.base_url, dead), environment=ENVIRONMENT) as daemon:
        assert serves(daemon, "broken") == "demo"
        assert (plan("broken"), plan("twins")) == (["demo/echo"], ["demo/echo"]), "the address cools down"
        assert send(daemon, "PATCH", "/api/providers/dead/health", {"is_healthy": False}).status == 200
        assert plan("twins") == ["demo/echo"], "this says nothing of the other provider there"
        lifted = send(daemon, "PATCH", "/api/providers/dead/health", {"is_healthy": True}).json()
        assert (lifted["is_healthy"], lifted["consecutive_failures"]) == (True, 0)
        assert (plan("broken"), plan("twins")) == (["dead/gpt-4", "demo/echo"], ["twin/gpt-4", "demo/echo"])
        assert serves(daemon, "broken") == "demo", "and it is found out again"
        assert plan("broken") == ["demo/echo"]
