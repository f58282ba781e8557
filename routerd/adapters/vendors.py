"""Vendors: where they are, how they take a key, what is odd about them, and how one is told from a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

SERVED = frozenset({"openai", "anthropic", "gemini", "echo"})
"""The adapters that this version can call. A provider with another one is kept in the config, and not used."""

QUIRKS: Mapping[str, tuple[tuple[Any, ...], str]] = MappingProxyType({
    "cache_control": ((True, False), "Whether the provider reads Anthropic's `cache_control` on parts and tools."),
    "developer": ((True, False), "Whether the provider knows the role `developer`; else it is told `system`."),
    "effort": (
        ("reasoning_effort", "high", "reasoning", "thinking", "none"),
        "How the provider is told how much to think: `reasoning_effort` at any level, or at `high` and `none` only; "
        "OpenRouter's `reasoning`; `thinking` on or off, with a level beside it; or not at all.",
    ),
    "fields": (("mistral", "groq"), "Whose API this is that refuses fields that others take; they are left out."),
    "max_tokens_field": (
        ("max_tokens", "max_completion_tokens"),
        "The only name under which the provider takes the limit of the reply; the other one is renamed.",
    ),
    "reasoning": (
        ("none", "reasoning_content", "reasoning", "reasoning_details", "content"),
        "Under which name an assistant's earlier thinking goes back to the provider; `content`: as parts of it.",
    ),
    "repair": ((True, False), "Whether streams are parsed and set right, not relayed as they are."),
    "schema": (("full", "subset"), "How much of JSON Schema a Gemini API takes: all, or the older subset."),
    "stream_options": ((True, False), "Whether the provider takes `stream_options.include_usage`."),
    "system": (
        ("anywhere", "first"),
        "Where the provider takes system messages; one that stands later is told as the user's.",
    ),
    "text_parts": (
        (True, False),
        "Whether system, assistant and tool messages may hold several texts; else they are joined.",
    ),
    "thought_before_call": (
        (True, False),
        "Whether thoughts are wanted back once a tool was called: the router keeps them, and every assistant message "
        "gets `reasoning_content`, empty where there was none.",
    ),
    "tool_call_ids": (("any", "nine"), "What ids of tool calls may be: any, or nine letters and digits."),
    "top_k": ((True, False), "Whether the provider takes `top_k`."),
    "user_after_tool": (
        (True, False),
        "Whether the user may speak right after a tool; else what they say goes to the end of the result.",
    ),
    "video": ((True, False), "Whether the provider takes films, as `video_url`."),
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
    `key_variable` is the environment variable that the vendor's own tools read; None: no key is needed. `key_prefixes`
    are how its keys begin, as far as it is known; several vendors may share one, and the longest that fits tells most.
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
    key_prefixes: tuple[str, ...] = ()


def _quirks(**quirks: Any) -> Mapping[str, Any]:
    return MappingProxyType(quirks)


_ANYWHERE = _quirks(system="anywhere")
# What runs models with their own chat templates: many of those refuse a system message that is not the first.
_TEMPLATES = _quirks(max_tokens_field="max_tokens", reasoning="reasoning_content", system="first", top_k=True)

_ROWS = (
    Vendor(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("api.openai.com", ".api.openai.com"),
        key_variable="OPENAI_API_KEY",
        key_url="https://platform.openai.com/api-keys",
        key_prefixes=("sk-proj-", "sk-svcacct-", "sk-admin-", "sk-"),
        quirks=_ANYWHERE,
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
        quirks=_ANYWHERE,
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
        key_prefixes=("sk-ant-",),
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
        key_prefixes=("AIza", "AQ."),
        compatible_url="https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    Vendor(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("openrouter.ai",),
        key_variable="OPENROUTER_API_KEY",
        key_url="https://openrouter.ai/settings/keys",
        key_prefixes=("sk-or-",),
        quirks=_quirks(
            cache_control=True,
            effort="reasoning",
            reasoning="reasoning_details",
            repair=True,
            system="anywhere",
            top_k=True,
            video=True,
        ),
    ),
    Vendor(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com",
        ("api.deepseek.com",),
        key_variable="DEEPSEEK_API_KEY",
        key_url="https://platform.deepseek.com/api_keys",
        key_prefixes=("sk-",),
        quirks=_quirks(
            effort="thinking", max_tokens_field="max_tokens", reasoning="reasoning_content", thought_before_call=True
        ),
    ),
    # Mistral answers 422 to whatever it does not know, stream_options too, and ends every stream with usage unasked.
    Vendor(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        ("api.mistral.ai", "codestral.mistral.ai"),
        key_variable="MISTRAL_API_KEY",
        key_url="https://console.mistral.ai/api-keys",
        quirks=_quirks(
            cache_control=False,
            developer=False,
            effort="high",
            fields="mistral",
            max_tokens_field="max_tokens",
            reasoning="content",
            repair=True,
            stream_options=False,
            tool_call_ids="nine",
            user_after_tool=False,
        ),
    ),
    Vendor(
        "moonshot",
        "Moonshot AI",
        "https://api.moonshot.ai/v1",
        ("api.moonshot.ai", "api.moonshot.cn"),
        key_variable="MOONSHOT_API_KEY",
        key_url="https://platform.moonshot.ai/console/api-keys",
        key_prefixes=("sk-",),
        quirks=_quirks(
            effort="thinking", max_tokens_field="max_tokens", reasoning="reasoning_content", thought_before_call=True
        ),
    ),
    Vendor(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("api.groq.com",),
        key_variable="GROQ_API_KEY",
        key_url="https://console.groq.com/keys",
        key_prefixes=("gsk_",),
        quirks=_quirks(
            cache_control=False, developer=False, fields="groq", reasoning="none", repair=True, text_parts=False
        ),
    ),
    Vendor(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        ("api.x.ai", ".api.x.ai"),
        key_variable="XAI_API_KEY",
        key_url="https://console.x.ai",
        key_prefixes=("xai-",),
        quirks=_ANYWHERE,
    ),
    Vendor(
        "together",
        "Together AI",
        "https://api.together.xyz/v1",
        ("api.together.xyz", "api.together.ai"),
        key_variable="TOGETHER_API_KEY",
        key_url="https://api.together.ai/settings/api-keys",
        key_prefixes=("tgp_",),
        quirks=_quirks(max_tokens_field="max_tokens", top_k=True),
    ),
    Vendor(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        ("api.fireworks.ai",),
        key_variable="FIREWORKS_API_KEY",
        key_url="https://app.fireworks.ai/settings/users/api-keys",
        key_prefixes=("fw_",),
        quirks=_quirks(reasoning="reasoning_content", top_k=True),
    ),
    Vendor(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        ("api.cerebras.ai",),
        key_variable="CEREBRAS_API_KEY",
        key_url="https://cloud.cerebras.ai",
        key_prefixes=("csk-",),
        quirks=_quirks(reasoning="reasoning"),
    ),
    Vendor(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        ("router.huggingface.co",),
        key_variable="HF_TOKEN",
        key_url="https://huggingface.co/settings/tokens",
        key_prefixes=("hf_",),
        quirks=_quirks(developer=False, reasoning="none", repair=True),
    ),
    Vendor(
        "zai",
        "Z.ai",
        "https://api.z.ai/api/paas/v4",
        ("api.z.ai", "open.bigmodel.cn"),
        key_variable="ZAI_API_KEY",
        key_url="https://z.ai/manage-apikey/apikey-list",
        quirks=_quirks(effort="thinking", max_tokens_field="max_tokens", reasoning="reasoning_content"),
    ),
    Vendor(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        (":11434",),
        quirks=_quirks(max_tokens_field="max_tokens", reasoning="reasoning"),
    ),
    Vendor("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", (":1234",), quirks=_TEMPLATES),
    Vendor("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1", (), quirks=_TEMPLATES),
    # vLLM's own default is port 8000, which is ours as well: a route would lead back to itself.
    Vendor("vllm", "vLLM", "", (), quirks=_quirks(reasoning="reasoning", system="first", top_k=True)),
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
    "kimi": "moonshot",
    "moonshotai": "moonshot",
    "moonshot-ai": "moonshot",
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
    return _at((parts.hostname or "").rstrip("."), place)


@lru_cache(maxsize=256)  # each provider is asked about several times when a config is taken up
def _at(host: str, port: str) -> Vendor | None:
    return next((row for row in _ROWS if any(_fits(host, port, entry) for entry in row.hosts)), None)


def _fits(host: str, port: str, entry: str) -> bool:
    return port == entry if entry.startswith(":") else host.endswith(entry) if entry.startswith(".") else host == entry


def speaking(vendor: Vendor, adapter: str) -> Vendor:
    """The row of `vendor` for a wire format that is not its first."""
    header, prefix = _AUTHORIZATION[adapter]
    if vendor.name == "azure" and prefix:
        header, prefix = vendor.auth_header, vendor.auth_prefix
    url = vendor.compatible_url if adapter == "openai" and vendor.compatible_url else vendor.base_url
    return replace(vendor, adapter=adapter, base_url=url, auth_header=header, auth_prefix=prefix)
