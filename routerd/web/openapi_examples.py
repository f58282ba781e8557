"""Examples of `/openapi.json`, by the name of the operation."""

from __future__ import annotations

from typing import Any, NamedTuple


class Example(NamedTuple):
    """What is sent, and what is answered."""

    asked: Any = None
    answered: Any = None


_NODE: dict[str, Any] = {"models": [], "strategy": "round-robin", "priority": 0, "metadata": {}}

EXAMPLES = {
    "post_api_providers": Example({
        "name": "Example Provider",
        "base_url": "https://api.example.com/v1",
        "api_key": "sk-example-key",
        "models": ["example-model-1", "example-model-2"],
        "is_active": True,
    }),
    "patch_api_providers_id": Example({"models": ["example-model-1"], "is_active": False}),
    "patch_api_providers_id_health": Example({"is_healthy": False}),
    "post_api_providers_id_test": Example(
        None, {"status": "online", "status_code": 200, "latency_ms": 123.45, "detail": None}
    ),
    "post_api_providers_test_direct": Example(
        {"base_url": "https://api.example.com/v1", "api_key": "sk-example-key"},
        {"status": "online", "status_code": 200, "latency_ms": 123.45, "detail": None},
    ),
    "post_api_model_routes": Example({
        "name": "llm-auto-route",
        "mode": "auto",
        "is_active": True,
        "config": {},
        "nodes": [{"api_id": 1, **_NODE}, {"api_id": 2, **_NODE}],
    }),
    "patch_api_model_routes_id": Example({"strategy": "failover"}),
    "post_api_model_routes_id_select": Example(
        {"model": "gpt-4"}, {"provider_id": 1, "provider_name": "OpenAI", "model": "gpt-4"}
    ),
    "post_api_config_check": Example({
        "text": "providers:\n  openai: {api_key: env:OPENAI_API_KEY}\nroutes:\n  chat: [openai/gpt-4]\n"
    }),
    "post_api_config_rollback": Example({"generation": 1}),
    "post_api_explain": Example({"model": "llm-auto-route"}),
}
