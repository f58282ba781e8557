"""Good files have no problem at all, and say what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config.check import check
from routerd.config.model import RouterConfig

FOLDER = Path(__file__).parent / "good"


def load(name: str) -> RouterConfig:
    config = check((FOLDER / name).read_bytes().decode()).config
    assert config is not None
    return config


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_there_is_no_problem(path: Path) -> None:
    checked = check(path.read_bytes().decode())
    assert list(map(str, checked.problems)) == []
    assert checked.config is not None


def test_everything_is_understood() -> None:
    config = load("everything.yaml")
    assert config.server.max_body == 32 * 2**20
    assert config.server.drain == 600.0
    assert config.server.request_log.retention == 30 * 86400.0
    assert config.defaults.retry_on[:3] == ["408", "429", "5xx"]
    openai = config.providers["openai"]
    assert openai.timeouts is not None and openai.timeouts.first_token == 30.0 and openai.timeouts.idle is None
    assert openai.health is not None and openai.health.cooldown == 90.0 and openai.health.check is False
    assert config.providers["behind-a-proxy"].metadata["nothing"] is None
    echo = config.providers["demo"].echo
    assert echo is not None and (echo.fail, echo.delay, echo.chunk) == ("cut", 0.05, 5)
    route = config.routes["long route"]
    assert route.retry_on == ["429"] and route.nodes[0].strategy == "failover"
    assert config.clients is not None
    assert config.clients["cline"].key_sha256.startswith("9f86d0")


def test_short_forms() -> None:
    nodes = load("everything.yaml").routes["short"].nodes
    assert [(node.provider, node.models) for node in nodes] == [
        ("openai", ["gpt-5.2"]),
        ("ollama", ["qwen3-coder"]),
        ("inside", ["org/model-with/slashes"]),
    ]
    route = load("shortest.yaml").routes["smart"]
    assert (route.mode, route.strategy, route.affinity, len(route.nodes)) == ("auto", "failover", "none", 2)


def test_clients_left_out_are_not_clients_of_none() -> None:
    assert load("shortest.yaml").clients is None
    assert load("empty-sections.yaml").clients == {}


def test_aliases_stand_for_whole_values() -> None:
    providers = load("aliases.yaml").providers
    assert providers["one"].timeouts == providers["two"].timeouts
    assert providers["two"].models == ["a", "b"]


def test_names_in_any_script() -> None:
    config = load("bom-crlf-unicode.yaml")
    assert config.providers["büro ☕"].models == ["écho"]
    assert config.routes["main"].nodes[0].provider == "büro ☕"
