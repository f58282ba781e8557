"""What each of Google's models takes."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters.gemini_models import is_third, thinking_config, version
from routerd.chat.request import EFFORTS, Reasoning


@pytest.mark.parametrize(
    ("model", "expected", "third"),
    [
        ("gemini-1.5-pro-002", (1, 5), False),
        ("models/gemini-2.5-flash-lite", (2, 5), False),
        ("gemini-3-pro-preview", (3, 0), True),
        ("gemini-3.8-flash", (3, 8), True),
        ("gemini-4-argon", (4, 0), True),
        ("gemini-flash-latest", (99, 0), True),
        ("tunedModels/mine", (99, 0), True),
    ],
)
def test_versions(model: str, expected: tuple[int, int], third: bool) -> None:
    assert version(model) == expected
    assert is_third(model) is third


LEVELS: dict[str, str] = {
    #                        none     minimal low    medium   high   xhigh  max
    "gemini-3-flash-preview": "MINIMAL MINIMAL LOW MEDIUM HIGH HIGH HIGH",
    "models/gemini-3.1-flash-lite": "MINIMAL MINIMAL LOW MEDIUM HIGH HIGH HIGH",
    "gemini-3.5-flash": "MINIMAL MINIMAL LOW MEDIUM HIGH HIGH HIGH",
    "gemini-3.6-flash": "MINIMAL MINIMAL LOW MEDIUM HIGH HIGH HIGH",
    "gemini-3.8-flash": "LOW LOW LOW MEDIUM HIGH HIGH HIGH",
    "gemini-3.1-pro-preview": "LOW LOW LOW MEDIUM HIGH HIGH HIGH",
    "gemini-3-pro-preview": "LOW LOW LOW HIGH HIGH HIGH HIGH",
    "gemini-3.1-flash-lite-image": "MINIMAL MINIMAL HIGH HIGH HIGH HIGH HIGH",
    "gemini-4-argon": "LOW LOW LOW MEDIUM HIGH HIGH HIGH",
}


@pytest.mark.parametrize("model", LEVELS)
def test_levels(model: str) -> None:
    """The nearest level that the model has, not less than asked for; forbidding thinking can't be said."""
    found = [thinking_config(Reasoning(effort=effort), model) for effort in EFFORTS]
    assert [config["thinkingLevel"] for config, _ in found] == LEVELS[model].split()
    assert [is_lost for _, is_lost in found] == [True, *[False] * (len(EFFORTS) - 1)]


@pytest.mark.parametrize(
    ("model", "reasoning", "expected"),
    [
        ("gemini-2.5-pro", Reasoning(effort="none"), ({"thinkingBudget": 128}, True)),
        ("gemini-2.5-pro", Reasoning(is_on=False), ({"thinkingBudget": 128}, True)),
        ("gemini-2.5-pro", Reasoning(effort="max"), ({"thinkingBudget": 32768}, False)),
        ("gemini-2.5-pro", Reasoning(budget=-1, is_adaptive=True), ({"thinkingBudget": -1}, False)),
        ("gemini-2.5-flash", Reasoning(effort="none"), ({"thinkingBudget": 0}, False)),
        ("gemini-2.5-flash", Reasoning(budget=0), ({"thinkingBudget": 0}, False)),
        ("gemini-2.5-flash", Reasoning(effort="medium"), ({"thinkingBudget": 8192}, False)),
        ("gemini-2.5-flash", Reasoning(budget=100_000), ({"thinkingBudget": 24576}, False)),
        ("gemini-2.5-flash", Reasoning(is_adaptive=True), ({"thinkingBudget": -1}, False)),
        ("gemini-2.5-flash", Reasoning(is_on=True), ({}, False)),
        ("gemini-2.5-flash-lite", Reasoning(budget=100), ({"thinkingBudget": 512}, False)),
        ("gemini-2.5-flash-image", Reasoning(effort="low"), ({}, True)),
        ("gemini-2.0-flash", Reasoning(budget=2000), ({}, True)),
        ("gemini-2.0-flash", Reasoning(is_on=False), ({}, False)),
        ("gemini-3-flash", Reasoning(budget=2000), ({"thinkingLevel": "LOW"}, False)),
        ("gemini-3-flash", Reasoning(budget=32768), ({"thinkingLevel": "HIGH"}, False)),
        ("gemini-3-flash", Reasoning(budget=-1), ({}, False)),
        ("gemini-3-flash", Reasoning(is_on=True), ({}, False)),
        ("gemini-3-flash", Reasoning(), ({}, False)),
    ],
)
def test_thinking(model: str, reasoning: Reasoning, expected: tuple[dict[str, Any], bool]) -> None:
    assert thinking_config(reasoning, model) == expected
