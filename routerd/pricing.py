"""What tokens cost: how a model's price is found in a table, and what a reply's usage comes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

Clause: TypeAlias = str | list[str]
"""How a model's name must look: `=name`, `^beginning`, `$end`, `~part`, `/regular expression`; a list: all of them."""


class Rate(Struct, frozen=True, array_like=True, omit_defaults=True):
    """US dollars for a million tokens, since a day (ISO, None: ever) and for prompts of more than `above` tokens.

    `input` and `output` may be None: not known. Where `cached` or `cache_write` is None such tokens cost as input does.
    """

    since: str | None = None
    above: int = 0
    input: float | None = None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None


class Offer(Struct, frozen=True, array_like=True):
    """A model of a vendor: any of `names` fits, the last of `rates` that applies counts."""

    names: list[Clause]
    rates: list[Rate]


class Vendor(Struct, frozen=True):
    """A vendor's offers, for base URLs that begin as `at` says; what it lacks may be `like` that of others."""

    at: str
    models: list[Offer]
    like: list[str] = []


class Tokens(Struct, frozen=True):
    """What one reply used. `prompt` includes `cached` and `cache_write`; `completion` includes what was thought."""

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0


def offered(models: Sequence[Offer], model: str) -> Sequence[Rate] | None:
    """The rates of the first offer that fits a model's name."""
    name = model.lower()
    return next((offer.rates for offer in models if any(_fits(clause, name) for clause in offer.names)), None)


def of_config(prices: Mapping[str, Rate], provider: str, model: str) -> Sequence[Rate] | None:
    """What router.yaml says of `PROVIDER/MODEL`, else of the model; `*` at the end of a name stands for any rest."""
    names = (f"{provider}/{model}", model)
    for name in names:
        if name in prices:
            return (prices[name],)
    fitting = [entry for entry in prices if entry.endswith("*") and any(name.startswith(entry[:-1]) for name in names)]
    return (prices[max(fitting, key=len)],) if fitting else None


def cost(rates: Sequence[Rate], tokens: Tokens, day: str) -> float | None:
    """US dollars, on a day (ISO); None where a price that is needed is not known."""
    rate = _usual(rates, tokens.prompt, day)
    if rate is None:
        return None
    cached = rate.input if rate.cached is None else rate.cached
    written = rate.input if rate.cache_write is None else rate.cache_write
    plain = max(0, tokens.prompt - tokens.cached - tokens.cache_write)
    if (plain and rate.input is None) or (tokens.completion and rate.output is None):
        return None
    if (tokens.cached and cached is None) or (tokens.cache_write and written is None):
        return None
    of_prompt = plain * (rate.input or 0.0) + tokens.cached * (cached or 0.0) + tokens.cache_write * (written or 0.0)
    return (of_prompt + tokens.completion * (rate.output or 0.0)) / 1e6


def _usual(rates: Sequence[Rate], prompt: int, day: str) -> Rate | None:
    """The last that applies."""
    for rate in reversed(rates):
        if (rate.since is None or rate.since <= day) and (not rate.above or prompt > rate.above):
            return rate
    return None


def _fits(clause: Clause, name: str) -> bool:
    if isinstance(clause, list):
        return all(_fits(part, name) for part in clause)
    kind, text = clause[:1], clause[1:]
    if kind == "/":
        return re.search(text, name) is not None
    return _TESTS[kind](name, text)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "=": str.__eq__,
    "^": str.startswith,
    "$": str.endswith,
    "~": str.__contains__,
}
