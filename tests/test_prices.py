"""The price list: made of the pinned library, in agreement with it, and what a model's price is found by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import genai_prices
import pytest

from routerd.pricing import Rate, Tokens, cost, of_config, offered
from routerd.state.prices import PLACE, listed
from scripts import prices

DAY = "2026-11-20"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_file_is_fresh() -> None:
    assert PLACE.read_text() == prices.text(), "make prices"


@pytest.mark.parametrize(
    ("base_url", "vendor", "model"),
    [
        ("https://api.openai.com/v1", "openai", "gpt-4o"),
        ("https://api.openai.com/v1", "openai", "gpt-4o-mini-2024-07-18"),
        ("https://api.anthropic.com/v1", "anthropic", "claude-sonnet-4-5"),
        ("https://api.anthropic.com/v1", "anthropic", "claude-haiku-4-5-20251001"),
        ("https://generativelanguage.googleapis.com/v1beta", "google", "gemini-2.5-pro"),
        ("https://api.deepseek.com/v1", "deepseek", "deepseek-chat"),
        ("https://api.x.ai/v1", "x-ai", "grok-4.20"),
        ("https://api.mistral.ai/v1", "mistral", "ministral-8b-latest"),
        ("https://openrouter.ai/api/v1", "openrouter", "openai/gpt-4o"),
    ],
)
@pytest.mark.parametrize("prompt", [10_000, 250_000])
def test_costs_are_those_of_the_library(base_url: str, vendor: str, model: str, prompt: int) -> None:
    rates = listed(base_url, model)
    assert rates is not None
    usage: Any = genai_prices.Usage(input_tokens=prompt, cache_read_tokens=2_000, output_tokens=500)
    theirs = genai_prices.calc_price(usage, model, provider_id=vendor, genai_request_timestamp=NOON)
    assert cost(rates, Tokens(prompt, 500, 2_000), DAY) == pytest.approx(float(theirs.total_price))


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        ("https://api.openai.com/v1", "no-such-model"),
        ("http://127.0.0.1:11434/v1", "gpt-4o"),
        ("https://api.openai.com.example.org/v1", "gpt-4o"),
    ],
)
def test_what_is_not_known_has_no_price(base_url: str, model: str) -> None:
    assert listed(base_url, model) is None


RATES = [Rate(None, 0, 1.0, 2.0), Rate("2026-06-01", 0, 3.0, 4.0, 0.5), Rate("2026-06-01", 1_000, 6.0, 8.0)]


@pytest.mark.parametrize(
    ("tokens", "day", "millionths"),
    [
        (Tokens(100, 10), "2026-05-31", 120),
        (Tokens(100, 10), "2026-06-01", 340),
        (Tokens(100, 10, cached=40), "2026-06-01", 60 * 3 + 40 * 0.5 + 40),
        (Tokens(100, 10, cache_write=40), "2026-06-01", 340),
        (Tokens(1_000, 10), "2026-06-01", 3_040),
        (Tokens(1_001, 10), "2026-06-01", 6_086),
        (Tokens(0, 0), "2026-06-01", 0),
    ],
)
def test_cost(tokens: Tokens, day: str, millionths: float) -> None:
    assert cost(RATES, tokens, day) == pytest.approx(millionths / 1e6)


def test_a_price_that_is_missing_makes_no_cost() -> None:
    rates = [Rate(None, 0, 1.0)]
    assert cost(rates, Tokens(100, 10), DAY) is None
    assert cost(rates, Tokens(100, 0), DAY) == pytest.approx(0.0001)
    assert cost([Rate("2027-01-01", 0, 1.0, 1.0)], Tokens(1, 1), DAY) is None


CONFIG = {
    "p/m": Rate(input=1),
    "m": Rate(input=2),
    "p/*": Rate(input=3),
    "gpt-*": Rate(input=4),
    "gpt-5*": Rate(input=5),
}


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [("p", "m", 1), ("q", "m", 2), ("p", "x", 3), ("q", "gpt-4", 4), ("q", "gpt-5.2", 5), ("q", "x", None)],
)
def test_prices_of_router_yaml(provider: str, model: str, expected: int | None) -> None:
    found = of_config(CONFIG, provider, model)
    assert (found[0].input if found else None) == expected


def test_names() -> None:
    from routerd.pricing import Offer

    offers = [
        Offer(["=one", "^two-", "$-three"], [Rate(input=1)]),
        Offer([["^a", "~b", "$c"], "/^o[134]$"], [Rate(input=2)]),
    ]
    found = {name: offered(offers, name) for name in ("ONE", "two-x", "x-three", "a-b-c", "a-c", "o3", "o35", "ones")}
    assert [name for name, rates in found.items() if rates and rates[0].input == 1] == ["ONE", "two-x", "x-three"]
    assert [name for name, rates in found.items() if rates and rates[0].input == 2] == ["a-b-c", "o3"]
