"""What each of Google's models takes: how its thinking is set, and what changed with Gemini 3.

https://ai.google.dev/gemini-api/docs/generate-content/thinking, https://ai.google.dev/gemini-api/docs/thinking
"""

from __future__ import annotations

import re
from typing import Any

from routerd.adapters.thinking import BUDGET_OF, effort_of
from routerd.chat.request import EFFORTS, Reasoning

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_NEWEST = (99, 0)  # `gemini-flash-latest` and tuned models: what Google renames from time to time is new

_ALL = ("minimal", "low", "medium", "high")
_NOT_MINIMAL = ("low", "medium", "high")
_LEVELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gemini-3-pro", ("low", "high")),
    ("gemini-3.1-flash-image", ("minimal", "high")),
    ("gemini-3.1-flash-lite-image", ("minimal", "high")),
    ("gemini-3-flash", _ALL),
    ("gemini-3.1-flash", _ALL),
    ("gemini-3.5-flash", _ALL),
    ("gemini-3.6-flash", _ALL),
)
"""Levels by the beginning of a model's name, the first that fits; all others take low, medium and high."""

_BUDGETS: tuple[tuple[str, tuple[int, int, bool]], ...] = (
    ("gemini-2.5-pro", (128, 32768, False)),
    ("gemini-2.5-flash-lite", (512, 24576, True)),
    ("gemini-2.5", (1, 24576, True)),
)
"""Budgets likewise: the least, the most, and whether thinking can be forbidden with 0."""

_THOUGHTLESS = re.compile(r"image|tts|audio|live")  # variants of 2.5 that refuse a thinkingConfig


def version(model: str) -> tuple[int, int]:
    """The version that a model's name tells, as (major, minor)."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def is_third(model: str) -> bool:
    """Whether it is Gemini 3 or later: wants signatures back, takes files in tool results, and JSON beside tools."""
    return version(model) >= (3, 0)


def thinks(model: str) -> bool:
    """Whether it takes a `thinkingConfig` at all."""
    return is_third(model) or (version(model) >= (2, 5) and not _THOUGHTLESS.search(model))


def thinking_config(reasoning: Reasoning, model: str) -> tuple[dict[str, Any], bool]:
    """`thinkingConfig` without `includeThoughts`, and whether the wish to forbid thinking, or any wish, is lost."""
    if is_third(model):
        return _level(reasoning, model)
    if not thinks(model):
        return {}, wishes(reasoning)
    return _budget(reasoning, model)


def is_off(reasoning: Reasoning) -> bool:
    """Whether thinking is forbidden."""
    return reasoning.is_on is False or reasoning.effort == "none" or reasoning.budget == 0


def wishes(reasoning: Reasoning) -> bool:
    """Whether thinking is asked for, much or little."""
    said = reasoning.effort or reasoning.budget or reasoning.is_on or reasoning.is_adaptive
    return bool(said) and not is_off(reasoning)


def _level(reasoning: Reasoning, model: str) -> tuple[dict[str, Any], bool]:
    levels = _of(model, _LEVELS, _NOT_MINIMAL)
    if is_off(reasoning):
        return {"thinkingLevel": levels[0].upper()}, True
    effort = reasoning.effort
    if effort is None and reasoning.budget is not None and reasoning.budget > 0:
        effort = effort_of(reasoning.budget)
    if effort is None:
        return {}, False
    strength = EFFORTS.index(effort)
    fitting = [level for level in levels if EFFORTS.index(level) >= strength]
    return {"thinkingLevel": (fitting or levels[-1:])[0].upper()}, False


def _budget(reasoning: Reasoning, model: str) -> tuple[dict[str, Any], bool]:
    least, most, may_be_off = _of(model, _BUDGETS, _BUDGETS[-1][1])
    if is_off(reasoning):
        return {"thinkingBudget": 0 if may_be_off else least}, not may_be_off
    budget = reasoning.budget
    if budget is None and reasoning.effort is not None:
        budget = BUDGET_OF[reasoning.effort]
    if budget is None:
        return ({"thinkingBudget": -1} if reasoning.is_adaptive else {}), False
    return {"thinkingBudget": -1 if budget < 0 else min(max(budget, least), most)}, False


def _of(model: str, table: tuple[tuple[str, Any], ...], otherwise: Any) -> Any:
    name = model.rpartition("/")[2]
    return next((value for start, value in table if name.startswith(start)), otherwise)
