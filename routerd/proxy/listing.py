"""GET /v1/models: what may be asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from routerd.access import Caller
from routerd.proxy.door import Head
from routerd.routing.lookup import allowed, listing, resolve
from routerd.snapshot import Snapshot


def models(snapshot: Snapshot, caller: Caller, head: Head) -> bytes:
    """The list, routes first, in the shape of the dialect that asks."""
    names = listing(snapshot, caller.routes)
    return msgspec.json.encode(_dialect(head).render_list(snapshot, names))


def model(snapshot: Snapshot, caller: Caller, head: Head, name: str) -> bytes:
    """One entry. Raises RouterError: unknown_model, or forbidden."""
    allowed(resolve(name, snapshot), caller.routes)
    return msgspec.json.encode(_dialect(head).render(snapshot, name))


class _OpenAI:
    """https://platform.openai.com/docs/api-reference/models/list"""

    @staticmethod
    def render(snapshot: Snapshot, name: str) -> dict[str, Any]:
        owner = "routerd" if name in snapshot.routes else name.partition("/")[0]
        return {"id": name, "object": "model", "created": 0, "owned_by": owner}

    @classmethod
    def render_list(cls, snapshot: Snapshot, names: list[str]) -> dict[str, Any]:
        return {"object": "list", "data": [cls.render(snapshot, name) for name in names]}


class _Anthropic:
    """https://docs.claude.com/en/api/models-list"""

    @staticmethod
    def render(_: Snapshot, name: str) -> dict[str, Any]:
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}

    @classmethod
    def render_list(cls, snapshot: Snapshot, names: list[str]) -> dict[str, Any]:
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return {"data": [cls.render(snapshot, name) for name in names], "has_more": False, **ends}


class _Gemini:
    """https://ai.google.dev/api/models#method:-models.list"""

    @staticmethod
    def render(_: Snapshot, name: str) -> dict[str, Any]:
        methods = ["generateContent", "streamGenerateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}

    @classmethod
    def render_list(cls, snapshot: Snapshot, names: list[str]) -> dict[str, Any]:
        return {"models": [cls.render(snapshot, name) for name in names]}


def _dialect(head: Head) -> type[_OpenAI | _Anthropic | _Gemini]:
    if head.path.startswith("/v1beta/") or b"x-goog-api-key" in head.fields:
        return _Gemini
    return _Anthropic if b"anthropic-version" in head.fields else _OpenAI
