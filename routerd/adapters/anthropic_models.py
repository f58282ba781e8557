"""What each of Anthropic's models takes and refuses.

https://platform.claude.com/docs/en/models/overview (limits), https://platform.claude.com/docs/en/build-with-claude/thinking
and its troubleshooting page (thinking, sampling, forced tools), https://platform.claude.com/docs/en/build-with-claude/effort,
https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages,
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from routerd.adapters.anthropic_words import NAME
from routerd.chat.request import EFFORTS

_MOST_EFFORTS = ("low", "medium", "high", "max")
_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Abilities(Struct, frozen=True, kw_only=True):
    """One row of the table.

    `most` and `default` are `max_tokens`: the limit, and what is asked for a caller who named none. `thinks` are the
    types of thinking that can be turned on, `off` the type that turns it off (None: nothing does); `calm_off`: off
    only at effort high and below. `hides_thoughts`: unasked, their text stays away. `samples`: takes temperature,
    top_p and top_k; `samples_both`: temperature beside top_p. `forces`: takes a forced tool. `formats`: takes
    `output_config.format` and strict tools. `system_turns`: takes system messages between the others. `prefills`: the
    last message may be the assistant's.
    """

    most: int
    default: int
    thinks: frozenset[str] = frozenset()
    off: str | None = "disabled"
    calm_off: bool = False
    hides_thoughts: bool = False
    efforts: tuple[str, ...] = ()
    samples: bool = True
    samples_both: bool = False
    forces: bool = True
    formats: bool = True
    system_turns: bool = False
    prefills: bool = False

    def effort(self, wanted: str) -> str | None:
        """The weakest effort that is no weaker than the wanted one, or else the strongest; None where there is none."""
        strength = EFFORTS.index(wanted)
        fitting = [effort for effort in self.efforts if EFFORTS.index(effort) >= strength]
        return next(iter(fitting or self.efforts[-1:]), None)


_BUDGETED, _ADAPTIVE = frozenset({"enabled"}), frozenset({"adaptive"})

_THIRD = Abilities(most=4096, default=4096, samples_both=True, formats=False, prefills=True)
_THIRD_HALF = replace(_THIRD, most=8192, default=8192)
_SONNET_37 = replace(_THIRD, most=64000, default=32000, thinks=_BUDGETED)
_SONNET_40 = Abilities(most=64000, default=32000, thinks=_BUDGETED, formats=False, prefills=True)
_OPUS_40 = replace(_SONNET_40, most=32000)
_OPUS_41 = replace(_OPUS_40, formats=True)
_FOURTH_HALF = replace(_OPUS_41, most=64000, default=64000)
_OPUS_45 = replace(_FOURTH_HALF, efforts=("low", "medium", "high"))
_FOURTH_SIX = Abilities(most=128000, default=64000, thinks=_ADAPTIVE | _BUDGETED, efforts=_MOST_EFFORTS)
_OPUS_47 = replace(_FOURTH_SIX, thinks=_ADAPTIVE, efforts=_ALL_EFFORTS, samples=False, hides_thoughts=True)
_OPUS_48 = replace(_OPUS_47, system_turns=True)
_OPUS_5 = replace(_OPUS_48, calm_off=True)
_SONNET_55 = replace(_OPUS_5, off="between_tools", forces=False)
_ALWAYS_THINKING = replace(_OPUS_48, off=None, forces=False)

_TABLE: Mapping[str, Abilities] = MappingProxyType({
    "claude-fable": _ALWAYS_THINKING,
    "claude-mythos": _ALWAYS_THINKING,
    "claude-mythos-preview": replace(_ALWAYS_THINKING, efforts=_MOST_EFFORTS, system_turns=False),
    "claude-opus-5-5": _ALWAYS_THINKING,
    "claude-opus-5": _OPUS_5,
    "claude-sonnet-5-5": _SONNET_55,
    "claude-sonnet-5": _OPUS_47,
    "claude-haiku-5": _OPUS_5,
    "claude-opus-4-8": _OPUS_48,
    "claude-opus-4-7": _OPUS_47,
    "claude-opus-4-6": _FOURTH_SIX,
    "claude-sonnet-4-6": _FOURTH_SIX,
    "claude-opus-4-5": _OPUS_45,
    "claude-sonnet-4-5": _FOURTH_HALF,
    "claude-haiku-4": _FOURTH_HALF,
    "claude-opus-4-1": _OPUS_41,
    "claude-opus-4": _OPUS_40,
    "claude-sonnet-4": _SONNET_40,
    "claude-4-opus": _OPUS_40,
    "claude-4-sonnet": _SONNET_40,
    "claude-3-7": _SONNET_37,
    "claude-3-5": _THIRD_HALF,
    "claude-3": _THIRD,
    "claude-2": _THIRD,
    "claude-instant": _THIRD,
    "claude-": _ALWAYS_THINKING,  # unheard of, so newer: no younger model has taken back what an older one refuses
})
"""By the beginning of a model's name; the longest that fits counts."""

_NO_LIMIT = 1 << 31
_COMPATIBLE = Abilities(most=_NO_LIMIT, default=8192, thinks=_BUDGETED, samples_both=True, formats=False, prefills=True)
_ALL = Abilities(
    most=_NO_LIMIT, default=8192, thinks=_ADAPTIVE | _BUDGETED, efforts=_ALL_EFFORTS, samples_both=True,
    system_turns=True, prefills=True,
)  # fmt: skip

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.@](?=\d)")


@lru_cache(maxsize=256)
def abilities(model: str, dialect: str) -> Abilities:
    """What a model takes, however its platform spells it: `us.anthropic.claude-…-v1:0`, `anthropic/claude-opus-4.8`.

    A model of somebody else's that speaks this dialect gets what an old model takes, unless the caller speaks it too
    (`dialect`): then it knows what it asks for.
    """
    name = _BETWEEN_DIGITS.sub("-", model.lower())
    start = name.find("claude-")
    if start < 0:
        return _ALL if dialect == NAME else _COMPATIBLE
    fitting = [row for row in _TABLE if name.startswith(row, start)]
    return _TABLE[max(fitting, key=len)]
