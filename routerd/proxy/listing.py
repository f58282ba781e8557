"""GET /v1/models: what may be asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from routerd.access import Caller
from routerd.routing.lookup import allowed, listing, resolve
from routerd.snapshot import Snapshot


def models(snapshot: Snapshot, caller: Caller) -> bytes:
    """The list, routes first (https://platform.openai.com/docs/api-reference/models/list)."""
    names = listing(snapshot, caller.routes)
    return msgspec.json.encode({"object": "list", "data": [_entry(snapshot, name) for name in names]})


def model(snapshot: Snapshot, caller: Caller, name: str) -> bytes:
    """One entry. Raises RouterError: unknown_model, or forbidden."""
    allowed(resolve(name, snapshot), caller.routes)
    return msgspec.json.encode(_entry(snapshot, name))


def _entry(snapshot: Snapshot, name: str) -> dict[str, Any]:
    owner = "routerd" if name in snapshot.routes else name.partition("/")[0]
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
