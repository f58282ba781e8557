"""Every place of a config where a secret stands: keys, headers, proxies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from routerd.adapters.vendors import detect
from routerd.config.addresses import BadAddress, parse_base_url
from routerd.config.problem import Path
from routerd.config.references import BadReference, Kind, parse_value
from routerd.config.sealed import short_origin

if TYPE_CHECKING:
    from routerd.config.model import ProviderConfig, RouterConfig

SECRET_HEADER = re.compile(r"authorization|api-?key|token|secret|password|cookie", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """One secret: where it stands, how it is written, and where it may be sent.

    `text` is the value in the file, `secret` the part of it that is the secret or the reference to it: of a proxy's URL
    the password. `origin` is None when there is no telling; of a proxy that is sealed whole it is in what is sealed.
    """

    path: Path
    kind: Kind
    secret: str = field(repr=False)
    text: str = field(repr=False)
    origin: str | None

    @property
    def provider(self) -> str:
        return str(self.path[1])

    def with_secret(self, secret: str) -> str:
        """The value in the file with another secret in it."""
        return secret if self.text == self.secret else with_password(self.text, secret)


def places(config: RouterConfig) -> Iterator[Place]:
    """Every one, in the order of the file's providers. What is not written as the grammar has it is left out."""
    for name, provider in config.providers.items():
        yield from of_provider(name, provider)


def of_provider(name: str, provider: ProviderConfig) -> Iterator[Place]:
    """Those of one provider."""
    path: Path = ("providers", name)
    origin = origin_of(name, provider)
    if provider.api_key is not None:
        yield from _place((*path, "api_key"), provider.api_key, origin)
    for header, value in provider.headers.items():
        for place in _place((*path, "headers", header), value, origin):
            if place.kind != "plain" or SECRET_HEADER.search(header):
                yield place
    if provider.proxy is not None:
        yield from _of_proxy((*path, "proxy"), provider.proxy)


def origin_of(name: str, provider: ProviderConfig) -> str | None:
    """Where the secrets of a provider are sent, such as `https://api.openai.com`."""
    vendor = detect(name, provider.base_url, provider.vendor, provider.adapter)
    if vendor.adapter == "echo":
        return None
    try:
        return short_origin(parse_base_url(provider.base_url or vendor.base_url).origin)
    except BadAddress:
        return None


def proxy_origin(url: str) -> str | None:
    """Where a proxy is, such as `http://proxy.example.org:3128`; None when `url` is no proxy's."""
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        return short_origin(f"{parts.scheme}://{place}") if parts.hostname else None
    except ValueError:
        return None


def password_of(url: str) -> str | None:
    """The password in a URL."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return None if password is None else unquote(password)


def with_password(url: str, password: str) -> str:
    """The URL with another password; of what is in it, only that which is a password's is encoded."""
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe=':')}@{place}"))


def _of_proxy(path: Path, text: str) -> Iterator[Place]:
    whole = next(_place(path, text, None), None)
    if whole is None or whole.kind != "plain":
        if whole is not None:
            yield whole
        return
    password = password_of(text)
    if password is not None:
        yield from _place(path, password, proxy_origin(text), text)


def _place(path: Path, secret: str, origin: str | None, text: str | None = None) -> Iterator[Place]:
    try:
        kind = parse_value(secret).kind
    except BadReference:
        return
    yield Place(path, kind, secret, secret if text is None else text, origin)
