"""How much a model may think: effort levels and token budgets, each in terms of the other.

The numbers are those that Google documents for its OpenAI-compatible endpoint
(https://ai.google.dev/gemini-api/docs/openai#thinking); Anthropic accepts 1,024 and more.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BUDGET_OF: Mapping[str, int] = MappingProxyType({
    "none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536,
})  # fmt: skip
"""Tokens for each effort."""

LEAST = 1024
"""The smallest budget that Anthropic accepts."""


def effort_of(budget: int) -> str:
    """The effort that a budget comes nearest to, rounded down; -1 (as the model likes) is medium."""
    if budget < 0:
        return "medium"
    fitting = [effort for effort, tokens in BUDGET_OF.items() if tokens <= budget and effort != "minimal"]
    return fitting[-1] if budget == 0 or fitting[-1] != "none" else "minimal"
