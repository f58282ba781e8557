"""How a vendor is told from a config, and that every row of the table can be used."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.adapters.vendors import GENERIC, QUIRKS, SERVED, VENDORS, Vendor, detect, named
from routerd.config.addresses import parse_base_url


@pytest.mark.parametrize(
    ("name", "base_url", "vendor", "expected"),
    [
        ("openai", None, None, "openai"),
        ("OpenAI", None, None, "openai"),
        ("Google Gemini", None, None, "gemini"),
        ("claude", None, None, "anthropic"),
        ("z.ai", None, None, "zai"),
        ("Kimi", None, None, "moonshot"),
        ("LM_Studio", None, None, "lmstudio"),
        ("office", None, None, ""),
        ("office", None, "mistral", "mistral"),
        ("openai", None, "mistral", "mistral"),
        ("openai", "https://api.mistral.ai/v1", None, "mistral"),
        ("openai", "https://api.mistral.ai/v1", "groq", "groq"),
        ("openai", "https://llm.example.org/v1", None, "openai"),
        ("office", "https://llm.example.org/v1", None, ""),
        ("office", "https://API.Anthropic.com/v1", None, "anthropic"),
        ("office", "https://my-resource.openai.azure.com/openai/v1", None, "azure"),
        ("office", "https://openai.azure.com.evil.example/v1", None, ""),
        ("office", "https://evilapi.openai.com.example/v1", None, ""),
        ("office", "https://us-east-1.api.x.ai/v1", None, "xai"),
        ("office", "http://192.168.1.5:11434/v1", None, "ollama"),
        ("office", "http://[::1]:1234/v1", None, "lmstudio"),
        ("office", "http://[::1", None, ""),
        ("office", "http://host:99999/v1", None, ""),
        ("office", "", None, ""),
        ("office", None, "unheard of", ""),
    ],
)
def test_detection(name: str, base_url: str | None, vendor: str | None, expected: str) -> None:
    assert detect(name, base_url, vendor).name == expected


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_rows(vendor: Vendor) -> None:
    assert VENDORS[vendor.name] is vendor
    assert named(vendor.name) is vendor
    assert set(vendor.quirks) <= set(QUIRKS)
    for name, value in vendor.quirks.items():
        assert value in QUIRKS[name][0]
    for url in filter(None, (vendor.base_url, vendor.compatible_url)):
        parse_base_url(url)
        assert not url.endswith("/")
    if vendor.base_url and vendor.hosts:
        assert detect("anything", vendor.base_url, None) is vendor
    assert (vendor.key_variable is None) == (vendor.key_url == "")


def test_served_adapters_are_those_of_some_vendor() -> None:
    assert {vendor.adapter for vendor in VENDORS.values()} >= SERVED
    assert GENERIC.adapter in SERVED


@pytest.mark.parametrize(
    ("vendor", "adapter", "url", "header", "prefix"),
    [
        ("openai", None, "https://api.openai.com/v1", "Authorization", "Bearer "),
        ("openai", "responses", "https://api.openai.com/v1", "Authorization", "Bearer "),
        ("anthropic", None, "https://api.anthropic.com", "x-api-key", ""),
        ("anthropic", "openai", "https://api.anthropic.com/v1", "Authorization", "Bearer "),
        ("gemini", None, "https://generativelanguage.googleapis.com", "x-goog-api-key", ""),
        ("gemini", "openai", "https://generativelanguage.googleapis.com/v1beta/openai", "Authorization", "Bearer "),
        ("azure", None, "", "api-key", ""),
        ("azure", "responses", "", "api-key", ""),
        ("deepseek", "anthropic", "https://api.deepseek.com", "x-api-key", ""),
        ("openai", "echo", "https://api.openai.com/v1", "", ""),
    ],
)
def test_another_adapter_than_the_vendors_own(
    vendor: str, adapter: str | None, url: str, header: str, prefix: str
) -> None:
    row = detect("any name", None, vendor, adapter)
    assert (row.name, row.base_url, row.auth_header, row.auth_prefix) == (vendor, url, header, prefix)
    assert row.adapter == adapter or VENDORS[vendor] is row


@pytest.mark.parametrize("ending", ["", "/"])
def test_the_address_that_google_documents_for_openais_sdks(ending: str) -> None:
    row = detect("gemini", f"https://generativelanguage.googleapis.com/v1beta/openai{ending}", None)
    assert (row.adapter, row.auth_header) == ("openai", "Authorization")


@pytest.mark.parametrize(
    ("vendor", "quirks"),
    [
        ("mistral", {"repair": True, "stream_options": False, "max_tokens_field": "max_tokens", "fields": "mistral"}),
        ("groq", {"repair": True, "text_parts": False, "developer": False}),
        ("deepseek", {"reasoning": "reasoning_content", "thought_before_call": True}),
        ("openrouter", {"repair": True, "reasoning": "reasoning_details", "cache_control": True}),
        ("openai", {"system": "anywhere"}),
    ],
)
def test_what_is_odd_about_vendors(vendor: str, quirks: dict[str, Any]) -> None:
    assert {name: VENDORS[vendor].quirks.get(name) for name in quirks} == quirks


def test_every_quirk_is_somebodys() -> None:
    used = {name for vendor in VENDORS.values() for name in vendor.quirks}
    assert QUIRKS.keys() - used == {"schema"}  # for Google's older and other addresses
