"""What can be wrong with a provider beyond the types of its values."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from routerd.adapters.vendors import GENERIC, QUIRKS, SERVED, VENDORS, Vendor
from routerd.config.addresses import BadAddress, BaseUrl, parse_base_url
from routerd.config.findings import Findings
from routerd.config.model import ProviderConfig, RouterConfig
from routerd.config.places import SECRET_HEADER
from routerd.config.problem import Path
from routerd.config.references import BadReference, Reference, is_header_text, parse_key, parse_value
from routerd.config.similar import did_you_mean

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FRAMING_HEADERS = re.compile(
    r"accept-encoding|connection|content-(?:length|type)|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade",
    re.IGNORECASE,
)
_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
_LONGEST_MODEL = 256
_SEALING = "seal it with `routerd key seal`, or write `env:NAME`"
_IGNORED_BY_ECHO = ("vendor", "base_url", "api_key", "allow_private", "headers", "proxy", "quirks")
_KEY_OR_VENDOR = ("api_key", "headers", "vendor", "base_url", "adapter")
_ENDPOINTS = ("/chat/completions", "/completions", "/messages", "/responses", "/models")


def check_provider(
    findings: Findings, config: RouterConfig, name: str, provider: ProviderConfig, vendor: Vendor
) -> None:
    """Everything about one provider."""
    path: Path = ("providers", name)
    _check_models(findings, config, path, provider)
    if vendor.adapter == "echo":
        _check_echo(findings, path, provider)
        return
    if provider.echo is not None:
        findings.warning((*path, "echo"), "`echo` has no effect without `adapter: echo`", key=True)
    if provider.vendor is not None and provider.vendor not in VENDORS:
        hint = did_you_mean(provider.vendor, VENDORS) or f"the vendors are {', '.join(VENDORS)}"
        findings.error((*path, "vendor"), "this vendor is not known", hint)
    elif vendor.adapter not in SERVED:
        _tell_not_served(findings, path, provider, vendor)
    url = _check_base_url(findings, path, provider, vendor)
    _check_key(findings, path, provider, vendor)
    _check_headers(findings, path, provider)
    _check_plain_http(findings, path, provider, url)
    _check_proxy(findings, path, provider)
    _check_quirks(findings, path, provider)


def _check_models(findings: Findings, config: RouterConfig, path: Path, provider: ProviderConfig) -> None:
    for index, model in enumerate(provider.models):
        place: Path = (*path, "models", index)
        head, slash, rest = model.partition("/")
        if not is_model(model):
            findings.error(
                place, f"a model's name has 1 to {_LONGEST_MODEL} printable characters, and no space at its ends"
            )
        elif model in provider.models[:index]:
            findings.warning(place, f"`{model}` stands in this list already", "delete one of them")
        elif slash and rest and head in config.providers:
            findings.warning(
                place, f"`{model}` also reads as the model `{rest}` of the provider `{head}`, which goes first"
            )


def is_model(name: str) -> bool:
    """Whether `name` can be a model's."""
    return 0 < len(name) <= _LONGEST_MODEL and name.isprintable() and name == name.strip()


def _check_echo(findings: Findings, path: Path, provider: ProviderConfig) -> None:
    for key in _IGNORED_BY_ECHO:
        if key in provider.model_fields_set:
            findings.warning((*path, key), f"`{key}` has no effect with `adapter: echo`", key=True)
    echo = provider.echo
    if echo is None or echo.fail is not None:
        if echo is not None and echo.fail in (429, 500) and echo.after_chunks:
            findings.warning((*path, "echo", "after_chunks"), f"a {echo.fail} comes before any chunk", key=True)
        return
    for key in ("fail_rate", "after_chunks"):
        if key in echo.model_fields_set:
            findings.warning((*path, "echo", key), f"`{key}` has no effect without `fail`", key=True)


def _tell_not_served(findings: Findings, path: Path, provider: ProviderConfig, vendor: Vendor) -> None:
    explicit = provider.adapter is not None
    message = f"this version has no `{vendor.adapter}` adapter yet, so the provider is not used"
    findings.warning((*path, "adapter") if explicit else path, message, key=not explicit)


def _check_base_url(findings: Findings, path: Path, provider: ProviderConfig, vendor: Vendor) -> BaseUrl | None:
    if provider.base_url is None:
        is_known = provider.vendor is None or provider.vendor in VENDORS
        if not vendor.base_url and is_known and findings.is_clear(path, "base_url", "vendor", "adapter"):
            findings.error(path, "`base_url` is missing", _missing_hint(path, vendor), key=True)
        return parse_base_url(vendor.base_url) if vendor.base_url else None
    place = (*path, "base_url")
    try:
        url = parse_base_url(provider.base_url)
    except BadAddress as error:
        findings.error(place, error.message, error.hint)
        return None
    ending = next((ending for ending in _ENDPOINTS if url.path.endswith(ending)), None)
    if ending is not None:
        findings.warning(place, f"a base URL ends before `{ending}`", "routerd adds the rest")
    elif not url.path and urlsplit(vendor.base_url).path and vendor.adapter == "openai":
        findings.warning(place, "the URL has no path", f"{vendor.title} is at {vendor.base_url}")
    return url


def _missing_hint(path: Path, vendor: Vendor) -> str | None:
    if vendor.name == "azure":
        return "write https://RESOURCE.openai.azure.com/openai/v1"
    if vendor is not GENERIC:
        return f"every {vendor.title} has its own, such as http://127.0.0.1:8001/v1"
    hint = did_you_mean(str(path[-1]), VENDORS)
    return f"{hint.removesuffix('?')}, whose address is known?" if hint else "only known vendors can do without"


def _check_key(findings: Findings, path: Path, provider: ProviderConfig, vendor: Vendor) -> None:
    place = (*path, "api_key")
    if provider.api_key is not None:
        reference = _read(findings, place, provider.api_key, is_key=True)
        if reference is not None and reference.kind == "plain":
            findings.warning(place, "the key stands here in plain text", _SEALING)
        return
    has_other = any(SECRET_HEADER.search(name) for name in provider.headers)
    if vendor.key_variable is not None and not has_other and findings.is_clear(path, *_KEY_OR_VENDOR):
        hint = f"write `api_key: env:{vendor.key_variable}`"
        findings.warning(path, f"{vendor.title} asks for a key, and none is here", hint, key=True)


def _read(findings: Findings, place: Path, text: str, *, is_key: bool = False) -> Reference | None:
    try:
        return parse_key(text) if is_key else parse_value(text)
    except BadReference as error:
        findings.error(place, error.message, error.hint)
        return None


def _check_headers(findings: Findings, path: Path, provider: ProviderConfig) -> None:
    for name, value in provider.headers.items():
        place = (*path, "headers", name)
        if not _HEADER_NAME.fullmatch(name):
            findings.error((*path, "headers"), "a header's name has only letters, digits and dashes")
        elif _FRAMING_HEADERS.fullmatch(name):
            findings.error(place, f"`{name}` is set by routerd itself", key=True)
        elif (reference := _read(findings, place, value)) is not None and reference.kind == "plain":
            if not is_header_text(value):
                findings.error(place, "a header's value has only printable ASCII characters")
            elif SECRET_HEADER.search(name):
                findings.warning(place, "this secret stands here in plain text", _SEALING)


def _check_plain_http(findings: Findings, path: Path, provider: ProviderConfig, url: BaseUrl | None) -> None:
    has_secret = provider.api_key is not None or any(SECRET_HEADER.search(name) for name in provider.headers)
    if url is None or url.scheme != "http" or not has_secret:
        return
    if url.is_private or provider.allow_private:
        if provider.proxy is not None:
            findings.warning((*path, "proxy"), "this proxy can read the key, which goes over plain http", key=True)
        return
    hint = "write https://, or `allow_private: true` if the host is in a network of yours"
    findings.error((*path, "base_url"), "the key would travel unencrypted", hint)


def _check_proxy(findings: Findings, path: Path, provider: ProviderConfig) -> None:
    if provider.proxy is None:
        return
    place = (*path, "proxy")
    reference = _read(findings, place, provider.proxy)
    if reference is None or reference.kind != "plain":
        return
    try:
        parts = urlsplit(provider.proxy)
        is_url = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        findings.error(place, "must be the URL of an http, https, socks5 or socks5h proxy")
    elif parts.password is not None:
        password = _read(findings, place, unquote(parts.password))
        if password is not None and password.kind == "plain":
            findings.warning(place, "the proxy's password stands here in plain text", _SEALING)


def _check_quirks(findings: Findings, path: Path, provider: ProviderConfig) -> None:
    for name, value in provider.quirks.items():
        place = (*path, "quirks", name)
        if name not in QUIRKS:
            hint = did_you_mean(name, QUIRKS) or f"the quirks are {', '.join(QUIRKS)}"
            findings.error(place, "this quirk is not known", hint, key=True)
            continue
        values = QUIRKS[name][0]
        if not any(value is allowed or (isinstance(value, str) and value == allowed) for allowed in values):
            words = " or ".join(str(allowed).lower() for allowed in values)
            findings.error(place, f"must be {words}")
