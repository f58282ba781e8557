"""What the API is given of a provider or a route, and what of it comes to stand in the file."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.config.payloads import BadPayload, changed_provider, changed_route, new_provider, new_route

NAMES = {"1": "openai", "2": "spare"}
URL = "https://llm.example.org/v1"
NODE: dict[str, Any] = {"models": [], "strategy": "round-robin", "priority": 0, "metadata": {}}

NEW_PROVIDERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "x", "base_url": URL, "is_active": True, "models": []}, {"base_url": URL}),
    ({"models": ["m"], "base_url": URL, "api_key": "k"}, {"base_url": URL, "api_key": "k", "models": ["m"]}),
    ({"base_url": None, "allow_private": False, "timeouts": {}, "metadata": {}, "quirks": {}}, {}),
    ({"is_active": False, "timeouts": {"connect": "1s"}}, {"is_active": False, "timeouts": {"connect": "1s"}}),
    ({"id": 7, "status": "online", "created_at": "now", "adapter": "echo"}, {"adapter": "echo"}),
    ({"is_active": 1, "adaptor": "echo"}, {"is_active": 1, "adaptor": "echo"}),
    ({"api_key": {"set": True}}, {"api_key": {"set": True}}),
]


@pytest.mark.parametrize(("asked", "written"), NEW_PROVIDERS)
def test_a_new_provider(asked: dict[str, Any], written: dict[str, Any]) -> None:
    made = new_provider(asked)
    assert made == written
    assert [*made] == [*written], "in the order of the file"


OLD: dict[str, Any] = {"base_url": URL, "is_active": False, "models": ["m"], "headers": {"x-token": "secret"}}
CHANGED_PROVIDERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a switch goes back", {"is_active": True}, {"is_active": None}),
    ("a switch that is off stays off", {"is_active": False, "allow_private": False}, {"is_active": False}),
    ("what a person wrote stays, though it is the default", {"models": []}, {"models": []}),
    ("the default of what does not stand there", {"metadata": {}, "health": None}, {}),
    ("an empty map changes nothing", {"headers": {}}, {"headers": {}}),
    ("the answer sent back", {"api_key": {"set": False, "source": None, "fingerprint": None}, "id": 1}, {}),
    ("the adapter that was found out", {"adapter": "openai"}, {}),
    ("another adapter", {"adapter": "anthropic"}, {"adapter": "anthropic"}),
    ("a secret that an answer hides", {"headers": {"x-token": "[redacted]", "x": "y"}}, {"headers": {"x": "y"}}),
    ("a key is taken away", {"api_key": None, "base_url": None}, {"base_url": None}),
]


@pytest.mark.parametrize(("what", "asked", "wanted"), CHANGED_PROVIDERS, ids=[each[0] for each in CHANGED_PROVIDERS])
def test_a_changed_provider(what: str, asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert changed_provider("x", OLD, asked) == wanted, what


@pytest.mark.parametrize("key", ["api_key", "proxy"])
def test_our_word_for_a_secret_is_none(key: str) -> None:
    asked = {key: "[redacted]"}
    with pytest.raises(BadPayload) as told:
        new_provider(asked)
    assert told.value.path == (key,)
    with pytest.raises(BadPayload) as told:
        changed_provider("x", OLD, asked)
    assert told.value.path == (key,)


NEW_ROUTES: list[tuple[str, dict[str, Any], Any]] = [
    (
        "the strategy that the nodes agree on",
        {"mode": "auto", "config": {}, "nodes": [{"api_id": 1, **NODE}, {"api_id": 2, **NODE}]},
        {"strategy": "round-robin", "nodes": [{"provider": "openai"}, {"provider": "spare"}]},
    ),
    (
        "the route's own strategy",
        {"strategy": "failover", "nodes": [{"api_id": 1, **NODE}]},
        {"nodes": [{"provider": "openai", "strategy": "round-robin"}]},
    ),
    (
        "targets",
        {"nodes": [{"api_id": 1, "models": ["m"]}, {"provider": "spare", "models": ["a/b"]}]},
        ["openai/m", "spare/a/b"],
    ),
    ("short forms", {"nodes": ["openai/m", "spare/n"], "is_active": True}, ["openai/m", "spare/n"]),
    ("no node", {"nodes": []}, {}),
    (
        "everything",
        {
            "is_active": False,
            "nodes": [{"metadata": {"a": 1}, "priority": 1, "models": ["m"], "api_id": 2}],
            "mode": "multi",
        },
        {
            "mode": "multi",
            "nodes": [{"provider": "spare", "models": ["m"], "priority": 1, "metadata": {"a": 1}}],
            "is_active": False,
        },
    ),
    (
        "an answer, sent again",
        {"id": 3, "created_at": "", "nodes": [{"id": 1, "api_id": 1, "provider_name": "x", "models": ["m"]}]},
        ["openai/m"],
    ),
    ("what is no node", {"nodes": [5, {"provder": "x"}]}, {"nodes": [5, {"provder": "x"}]}),
    ("no nodes at all", {"nodes": "all", "strategy": 5}, {"strategy": 5, "nodes": "all"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "asked", "written"), NEW_ROUTES, ids=[each[0] for each in NEW_ROUTES])
def test_a_new_route(what: str, asked: dict[str, Any], written: Any) -> None:
    assert new_route(asked, NAMES.get) == written, what


BAD_ROUTES: list[tuple[dict[str, Any], tuple[str | int, ...]]] = [
    ({"nodes": [{"api_id": 1, "strategy": "failover"}, {"api_id": 2, "strategy": "round-robin"}]}, ("strategy",)),
    ({"nodes": [{"api_id": 1}, {"api_id": 9}]}, ("nodes", 1, "api_id")),
    ({"nodes": [{"api_id": True}]}, ("nodes", 0, "api_id")),
    ({"nodes": [{"api_id": "1"}]}, ("nodes", 0, "api_id")),
    ({"nodes": [{"api_id": 1, "provider": "spare"}]}, ("nodes", 0, "provider")),
]


@pytest.mark.parametrize(("asked", "path"), BAD_ROUTES)
def test_a_route_that_cannot_be(asked: dict[str, Any], path: tuple[str | int, ...]) -> None:
    with pytest.raises(BadPayload) as told:
        new_route(asked, NAMES.get)
    assert told.value.path == path


OLD_NODES = [
    "openai/m",
    {"provider": "spare", "models": ["n"], "strategy": "failover"},
    {"provider": "spare", "models": ["o"]},
]
CHANGED_ROUTES: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    (
        "the same nodes, as an answer has them",
        OLD_NODES,
        {"nodes": [
            {"id": 1, "api_id": 1, "provider_name": "openai", **NODE, "models": ["m"], "strategy": "failover"},
            {"id": 2, "api_id": 2, "provider_name": "spare", **NODE, "models": ["n"], "strategy": "failover"},
            {"id": 3, "api_id": 2, "provider_name": "spare", **NODE, "models": ["o"], "strategy": "failover"},
        ]},
        {},
    ),
    ("one goes", {"nodes": OLD_NODES}, {"nodes": ["spare/o", "openai/m"]}, {"nodes": [OLD_NODES[2], "openai/m"]}),
    (
        "another strategy for the route alone",
        {"nodes": OLD_NODES},
        {"strategy": "round-robin", "nodes": [{"api_id": 1, "models": ["m"], "strategy": "failover"}]},
        {"strategy": "round-robin", "nodes": [{"provider": "openai", "models": ["m"], "strategy": "failover"}]},
    ),
    ("the default", {"nodes": OLD_NODES}, {"mode": "auto", "match": [], "affinity": "none"}, {}),
    ("no nodes", OLD_NODES, {"nodes": []}, {"nodes": []}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "asked", "wanted"), CHANGED_ROUTES, ids=[each[0] for each in CHANGED_ROUTES])
def test_a_changed_route(what: str, old: Any, asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert changed_route(old, asked, NAMES.get) == wanted, what
