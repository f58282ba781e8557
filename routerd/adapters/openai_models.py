"""What OpenAI's models, and those that others serve under its API, take of how much to think.

https://platform.openai.com/docs/guides/reasoning and each model's own page
"""

from __future__ import annotations

import re

from routerd.chat.request import EFFORTS

_THINKS = re.compile(r"(^|/)(o\d(-|$)|codex-|gpt-[5-9](?!.*-chat))")
_NEVER_THINKS = re.compile(r"(^|/)(gpt-[34]|chatgpt|gpt-5.*-chat)")
_WITHOUT_EFFORT = re.compile(
    r"(^|/)(gpt-[34]|chatgpt|o1-(mini|preview)|llama|meta-llama|codellama|gemma|qwen|qwq|mixtral|open-mi"
    r"|mistral(?!-(small|medium))|codestral|ministral|devstral|pixtral|grok-[24](?!\.)|grok-3(?!-mini)|phi|command"
    r"|kimi-k2-instruct)",
    re.I,
)

# "Function tools with reasoning_effort are not supported for gpt-5.5 in /v1/chat/completions." Where a slash stands in
# the name, somebody else serves it, who may ask OpenAI in another way.
_THINKS_ALONE = re.compile(r"gpt-(5\.([4-9]|\d\d)|[6-9])")
_CALM = re.compile(r"gpt-5\.4")  # thinks only when asked to; the later ones have to be told not to
_WITHOUT_STOP = re.compile(r"(^|/)(o\d|codex-|gpt-5(?!\.([5-9]|\d\d)))")

_COMMON = ("low", "medium", "high")
_TO_XHIGH = (*_COMMON, "xhigh")
_LEVELS = tuple(
    (re.compile(f"(^|/)({name})"), levels)
    for name, levels in (
        (r"o\d|codex-", _COMMON),
        (r"gpt-5-pro", ("high",)),
        (r"gpt-5-codex", _COMMON),
        (r"gpt-5(-|$)", ("minimal", *_COMMON)),
        (r"gpt-5\.1-codex-max", _TO_XHIGH),
        (r"gpt-5\.1.*-codex", _COMMON),
        (r"gpt-5\.1(-|$)", ("none", *_COMMON)),
        (r"gpt-5\.\d+.*-codex", _TO_XHIGH),
        (r"gpt-5\.\d+.*-pro", ("medium", "high", "xhigh")),
        (r"gpt-5\.[2-5](-|$)", ("none", *_TO_XHIGH)),
        (r"gpt-", ("none", *_TO_XHIGH, "max")),
    )
)
"""Levels of `reasoning_effort` by the beginning of a model's name, the first that fits; other vendors' have _COMMON."""


def thinks(model: str) -> bool:
    """Whether it is one of OpenAI's that reason: those take `max_completion_tokens` only, and their own sampling."""
    return _THINKS.search(model) is not None


def never_thinks(model: str) -> bool:
    """Whether it is one of OpenAI's that can't reason."""
    return _NEVER_THINKS.search(model) is not None


def refuses_effort(model: str) -> bool:
    """Whether one provider or another refuses `reasoning_effort` for it."""
    return _WITHOUT_EFFORT.search(model) is not None


def thinks_alone(model: str) -> bool:
    """Whether it is one of OpenAI's that think in chat completions only where they are given no tools."""
    return thinks(model) and _THINKS_ALONE.match(model) is not None


def thinks_unasked(model: str) -> bool:
    """Whether one of those thinks unless it is told not to."""
    return _CALM.match(model) is None


def refuses_stop(model: str) -> bool:
    """Whether it is one of OpenAI's that take no stop sequences."""
    return thinks(model) and _WITHOUT_STOP.search(model) is not None


def levels(model: str) -> tuple[str, ...]:
    """The levels that it takes, weakest first."""
    return next((found for name, found in _LEVELS if name.search(model)), _COMMON) if thinks(model) else _COMMON


def nearest(effort: str, model: str) -> str:
    """The weakest level that is no weaker than the effort, or else the strongest."""
    known = levels(model)
    return next((level for level in known if EFFORTS.index(level) >= EFFORTS.index(effort)), known[-1])
