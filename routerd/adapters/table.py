"""The one table of adapters: a new wire format is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from routerd.adapters import anthropic, gemini, openai_chat
from routerd.adapters.base import Adapter

ADAPTERS: Mapping[str, Adapter] = MappingProxyType({
    "openai": openai_chat,
    "anthropic": anthropic,
    "gemini": gemini,
})
"""By name, as in router.yaml and in `ChatRequest.dialect`."""


def load() -> None:
    """Import what translation needs, some 50 ms of work: not on the event loop."""
    for adapter in ADAPTERS.values():
        adapter.load()
