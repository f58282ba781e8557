"""What a provider says in a reply of its own work, which no caller of another dialect could miss.

It is left out for those callers without a word: else every reply would name the same losses, and nobody would read them
any more. All else that has no place is named (`unsaid`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Diagnostic(NamedTuple):
    """Some fields of one dialect's replies, by pointer; `*` is any number. `tells` says of a value whether it tells
    more than that, in which case it is named after all; `when` says so in words.
    """

    dialect: str
    fields: tuple[str, ...]
    about: str
    tells: Callable[[Any], bool] | None = None
    when: str = ""


def _has_filtered(found: Any) -> bool:
    """Whether one of Azure's filters found something, however deep it stands."""
    if isinstance(found, list):
        return any(map(_has_filtered, found))
    if not isinstance(found, dict):
        return False
    return bool(found.get("filtered") or found.get("detected")) or any(map(_has_filtered, found.values()))


def _has_blocked(ratings: Any) -> bool:
    return not isinstance(ratings, list) or any(isinstance(each, dict) and each.get("blocked") for each in ratings)


def _has_sound(counts: Any) -> bool:
    return not isinstance(counts, list) or any(
        isinstance(each, dict) and each.get("modality") == "AUDIO" for each in counts
    )


def _is_sequence(stop: Any) -> bool:
    return isinstance(stop, str)


DIAGNOSTICS: tuple[Diagnostic, ...] = (
    Diagnostic(
        "openai",
        ("/system_fingerprint", "/service_tier", "/provider", "/request_id", "/choices/*/seed", "/x_groq/seed"),
        "which machine, tier or vendor answered, and with which seed",
    ),
    Diagnostic(
        "openai",
        (
            "/time_info", "/timings", "/usage_breakdown", "/usage/queue_time", "/usage/prompt_time",
            "/usage/completion_time", "/usage/total_time",
        ),
        "how long the provider's steps took",
    ),
    Diagnostic(
        "openai",
        ("/usage/cost", "/usage/cost_details", "/usage/cost_in_usd_ticks", "/usage/is_byok"),
        "the vendor's own account",
    ),
    Diagnostic(
        "openai",
        tuple(
            f"/usage/{side}_tokens_details/{kind}_tokens"
            for side in ("prompt", "completion")
            for kind in ("text", "image")
        ),
        "how the tokens are divided; their sum is told",
    ),
    Diagnostic("openai", ("/choices/*/native_finish_reason",), "the finish in the words of the vendor behind it"),
    Diagnostic(
        "openai",
        ("/choices/*/matched_stop",),
        "the token at which it ended",
        _is_sequence,
        "it is a stop sequence",
    ),
    Diagnostic(
        "openai",
        ("/prompt_filter_results", "/choices/*/content_filter_results", "/choices/*/content_filter_offsets"),
        "what Azure's filters looked for",
        _has_filtered,
        "one of them found something",
    ),
    Diagnostic(
        "anthropic",
        ("/usage/service_tier", "/usage/inference_geo", "/usage/speed"),
        "where and how fast it was made",
    ),
    Diagnostic(
        "anthropic", ("/usage/cache_creation",), "how the tokens written to the cache are divided; their sum is told"
    ),
    Diagnostic(
        "gemini",
        ("/createTime", "/usageMetadata/trafficType", "/usageMetadata/serviceTier"),
        "when and on which tier it was made",
    ),
    Diagnostic(
        "gemini",
        ("/candidates/*/avgLogprobs", "/candidates/*/tokenCount"),
        "how sure the model was on the whole, and how much one answer took",
    ),
    Diagnostic(
        "gemini",
        ("/candidates/*/finishMessage",),
        "the finish in a sentence; where a filter stopped the reply it is what the caller reads",
    ),
    Diagnostic(
        "gemini",
        ("/candidates/*/safetyRatings", "/promptFeedback/safetyRatings"),
        "what Google's filters looked for",
        _has_blocked,
        "one of them blocked",
    ),
    Diagnostic(
        "gemini",
        tuple(
            f"/usageMetadata/{kind}TokensDetails" for kind in ("prompt", "candidates", "cache", "toolUsePrompt")
        ),
        "how the tokens are divided; their sum is told",
        _has_sound,
        "there is sound among them",
    ),
)  # fmt: skip
"""Every such field."""

_BY_PLACE: Mapping[tuple[str, str], Diagnostic] = MappingProxyType({
    (row.dialect, place): row for row in DIAGNOSTICS for place in row.fields
})
_NUMBER = re.compile(r"/\d+(?=/|$)")


def is_diagnostic(dialect: str, pointer: str, value: Any) -> bool:
    """Whether what stands at a pointer into a reply of `dialect` is left out without a word."""
    row = _BY_PLACE.get((dialect, _NUMBER.sub("/*", pointer)))
    return row is not None and not (row.tells is not None and row.tells(value))
