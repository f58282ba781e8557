"""Vendors: where they are, how they take a key, what is odd about them, and how one is told from a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

SERVED = frozenset({"openai", "echo"})
"""The adapters that this version can call. A provider with another one is kept in the config, and not used."""

QUIRKS: Mapping[str, tuple[tuple[Any, ...], str]] = MappingProxyType({
    "max_tokens_field": (
        ("max_tokens", "max_completion_tokens"),
        "The only name under which the provider takes the limit of the reply; the other one is renamed.",
    ),
    "repair": ((True, False), "Whether streams are parsed and set right, not relayed as they are."),
    "stream_options": ((True, False), "Whether the provider takes `stream_options.include_usage`."),
})
"""Every quirk: the values it may have, and what it is about."""

# How each wire format carries a key: header and prefix.
_AUTHORIZATION = MappingProxyType({
    "openai": ("Authorization", "Bearer "),
    "responses": ("Authorization", "Bearer "),
    "anthropic": ("x-api-key", ""),
    "gemini": ("x-goog-api-key", ""),
    "echo": ("", ""),
})


@dataclass(frozen=True, slots=True)
class Vendor:
    """One row of the table.

    `base_url` is empty when everyone has their own; `compatible_url` is where a vendor with a wire format of its own
    speaks OpenAI's as well. An entry of `hosts` that begins with a dot or a colon stands for every host with that end.
    `key_variable` is the environment variable that the vendor's own tools read; None: no key is needed.
    """

    name: str
    title: str
    base_url: str
    hosts: tuple[str, ...] = ()
    adapter: str = "openai"
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    key_variable: str | None = None
    key_url: str = ""
    quirks: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    compatible_url: str | None = None


_MAX_TOKENS = MappingProxyType({"max_tokens_field": "max_tokens"})
_REPAIR = MappingProxyType({"repair": True})

_ROWS = (
    Vendor(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("api.openai.com", ".api.openai.com"),
        key_variable="OPENAI_API_KEY",
        key_url="https://platform.openai.com/api-keys",
    ),
    Vendor(
        "azure",
        "Azure OpenAI",
        "",
        (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
        auth_header="api-key",
        auth_prefix="",
        key_variable="AZURE_OPENAI_API_KEY",
        key_url="https://ai.azure.com",
    ),
    Vendor(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com",
        ("api.anthropic.com",),
        "anthropic",
        "x-api-key",
        "",
        key_variable="ANTHROPIC_API_KEY",
        key_url="https://platform.claude.com/settings/keys",
        compatible_url="https://api.anthropic.com/v1",
    ),
    Vendor(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com",
        ("generativelanguage.googleapis.com",),
        "gemini",
        "x-goog-api-key",
        "",
        key_variable="GEMINI_API_KEY",
        key_url="https://aistudio.google.com/apikey",
        compatible_url="https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    Vendor(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("openrouter.ai",),
        key_variable="OPENROUTER_API_KEY",
        key_url="https://openrouter.ai/settings/keys",
        quirks=_REPAIR,
    ),
    Vendor(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com",
        ("api.deepseek.com",),
        key_variable="DEEPSEEK_API_KEY",
        key_url="https://platform.deepseek.com/api_keys",
        quirks=_MAX_TOKENS,
    ),
    # Mistral answers 422 to stream_options and max_completion_tokens, and ends every stream with usage unasked.
    Vendor(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        ("api.mistral.ai", "codestral.mistral.ai"),
        key_variable="MISTRAL_API_KEY",
        key_url="https://console.mistral.ai/api-keys",
        quirks=MappingProxyType({"repair": True, "stream_options": False, "max_tokens_field": "max_tokens"}),
    ),
    Vendor(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("api.groq.com",),
        key_variable="GROQ_API_KEY",
        key_url="https://console.groq.com/keys",
        quirks=_REPAIR,
    ),
    Vendor(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        ("api.x.ai", ".api.x.ai"),
        key_variable="XAI_API_KEY",
        key_url="https://console.x.ai",
    ),
    Vendor(
        "together",
        "Together AI",
        "https://api.together.xyz/v1",
        ("api.together.xyz", "api.together.ai"),
        key_variable="TOGETHER_API_KEY",
        key_url="https://api.together.ai/settings/api-keys",
        quirks=_MAX_TOKENS,
    ),
    Vendor(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        ("api.fireworks.ai",),
        key_variable="FIREWORKS_API_KEY",
        key_url="https://app.fireworks.ai/settings/users/api-keys",
    ),
    Vendor(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        ("api.cerebras.ai",),
        key_variable="CEREBRAS_API_KEY",
        key_url="https://cloud.cerebras.ai",
    ),
    Vendor(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        ("router.huggingface.co",),
        key_variable="HF_TOKEN",
        key_url="https://huggingface.co/settings/tokens",
        quirks=_REPAIR,
    ),
    Vendor(
        "zai",
        "Z.ai",
        "https://api.z.ai/api/paas/v4",
        ("api.z.ai", "open.bigmodel.cn"),
        key_variable="ZAI_API_KEY",
        key_url="https://z.ai/manage-apikey/apikey-list",
        quirks=_MAX_TOKENS,
    ),
    Vendor("ollama", "Ollama", "http://127.0.0.1:11434/v1", (":11434",), quirks=_MAX_TOKENS),
    Vendor("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", (":1234",), quirks=_MAX_TOKENS),
    Vendor("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1", (), quirks=_MAX_TOKENS),
    # vLLM's own default is port 8000, which is ours as well: a route would lead back to itself.
    Vendor("vllm", "vLLM", "", ()),
    Vendor("echo", "the built-in echo", "", (), "echo", "", ""),
)

VENDORS: Mapping[str, Vendor] = MappingProxyType({row.name: row for row in _ROWS})

GENERIC = Vendor("", "OpenAI-compatible", "")
"""Everyone else."""

_OTHER_NAMES = MappingProxyType({
    "azure-openai": "azure",
    "claude": "anthropic",
    "google": "gemini",
    "google-gemini": "gemini",
    "grok": "xai",
    "x.ai": "xai",
    "x-ai": "xai",
    "together-ai": "together",
    "togetherai": "together",
    "fireworks-ai": "fireworks",
    "hf": "huggingface",
    "hugging-face": "huggingface",
    "z.ai": "zai",
    "z-ai": "zai",
    "zhipu": "zai",
    "lm-studio": "lmstudio",
    "llama.cpp": "llamacpp",
    "llama-cpp": "llamacpp",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "open-router": "openrouter",
    "deep-seek": "deepseek",
})


def detect(name: str, base_url: str | None, vendor: str | None, adapter: str | None = None) -> Vendor:
    """The vendor of a provider: the one it names, else its base URL's host's, else its own name's, else GENERIC.

    With an `adapter` that is not the vendor's own, the row says how that wire format is spoken there.
    """
    row = VENDORS.get(vendor) if vendor is not None else _by_host(base_url) or named(name)
    row = row or GENERIC
    if base_url is not None and row.adapter == "gemini" and base_url.rstrip("/").endswith("/openai"):
        adapter = adapter or "openai"  # the address that Google documents for OpenAI's SDKs
    return row if adapter in (None, row.adapter) else speaking(row, adapter)


def named(name: str) -> Vendor | None:
    """The vendor that is meant by a name, however it is written."""
    word = name.strip().casefold().replace("_", "-").replace(" ", "-")
    return VENDORS.get(_OTHER_NAMES.get(word, word))


def _by_host(base_url: str | None) -> Vendor | None:
    if base_url is None:
        return None
    try:
        parts = urlsplit(base_url)
        place = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    return next((row for row in _ROWS if any(_fits(host, place, entry) for entry in row.hosts)), None)


def _fits(host: str, port: str, entry: str) -> bool:
    return port == entry if entry.startswith(":") else host.endswith(entry) if entry.startswith(".") else host == entry


def speaking(vendor: Vendor, adapter: str) -> Vendor:
    """The row of `vendor` for a wire format that is not its first."""
    header, prefix = _AUTHORIZATION[adapter]
    if vendor.name == "azure" and prefix:
        header, prefix = vendor.auth_header, vendor.auth_prefix
    url = vendor.compatible_url if adapter == "openai" and vendor.compatible_url else vendor.base_url
    return replace(vendor, adapter=adapter, base_url=url, auth_header=header, auth_prefix=prefix)
