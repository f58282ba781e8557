"""Which base URLs may be called: what can be told from their text alone.

What a name resolves to is looked at again when connecting.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64: an IPv4 address in the last four bytes
_HERE = frozenset({"localhost", "host.docker.internal"})
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_PORTS = {"http": 80, "https": 443}


class BadAddress(ValueError):
    """A URL that is not called: `message` and `hint`, without the URL, which may hold a password."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A base URL that may be called. `path` has no slash at its end; `is_private`: its text says that it is ours."""

    scheme: str
    host: str
    port: int
    path: str
    is_private: bool

    @property
    def origin(self) -> str:
        """`scheme://host:port`, the scope of keys and of connection failures."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@lru_cache(maxsize=256)  # nothing is kept of what is refused, such as a URL with a password in it
def parse_base_url(text: str) -> BaseUrl:
    """Take `text` apart. Raises BadAddress for what is never called."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise BadAddress("a URL has only printable ASCII characters", "write other names in their `xn--` form")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadAddress("this is no URL") from None
    port = _port(parts)
    _refuse_odd_parts(parts, text)
    host = (parts.hostname or "").lower()
    address = _address(host)
    if address is None:
        _refuse_odd_name(host)
    elif (reason := why_forbidden(address)) is not None:
        raise BadAddress(reason)
    is_private = is_here(host) or (address is not None and not is_public(address))
    return BaseUrl(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"), is_private)


def _refuse_odd_parts(parts: SplitResult, text: str) -> None:
    if parts.scheme not in _PORTS:
        raise BadAddress("a base URL begins with https:// or http://")
    if "@" in parts.netloc:
        raise BadAddress("a base URL has no user or password in it", "write the key as `api_key`")
    if "?" in text or "#" in text:
        raise BadAddress("a base URL has no `?` or `#` in it")
    if not parts.hostname:
        raise BadAddress("the URL has no host")
    if parts.netloc.endswith(":"):
        raise BadAddress("the URL's port is missing")


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise BadAddress("the URL's port is not a number from 1 to 65535")
    return port


def _address(host: str) -> Address | None:
    if "%" in host:
        raise BadAddress("an address has no zone (`%…`) in it")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_odd_name(host: str) -> None:
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise BadAddress("the URL's host is not a host's name")
    last = host.rstrip(".").rpartition(".")[2]
    # 127.1, 0x7f.1 and 2130706433 are addresses too for the C library, and would walk around the rules.
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise BadAddress("the URL's host is not an IPv4 address", "write all four parts of it in decimal")
    if host.rstrip(".") in _METADATA_NAMES:
        raise BadAddress("a cloud's metadata service is never called")


def why_forbidden(address: Address) -> str | None:
    """Why `address` is never called, whatever the config says; None when it may be."""
    inner = embedded(address)
    if inner.is_link_local or inner in _METADATA:
        return "link-local and metadata addresses are never called"
    if inner.is_multicast or inner.is_unspecified or inner == ipaddress.IPv4Address("255.255.255.255"):
        return "this is not the address of a host"
    return None


def is_public(address: Address) -> bool:
    """Whether `address` is on the internet, not on this machine or in a network of ours."""
    return embedded(address).is_global


def why_not_connected(text: str, *, private_is_allowed: bool) -> str | None:
    """Why we don't connect to an address that a name resolved to; None when we do."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if (reason := why_forbidden(address)) is not None:
        return f"{address}: {reason}"
    if not private_is_allowed and not is_public(address):
        return f"the name resolves to the private address {address}: set `allow_private: true` if that is meant"
    return None


def is_here(host: str) -> bool:
    """Whether `host` is a name that means this machine, so that writing it is consent."""
    name = host.rstrip(".")
    return name in _HERE or name.endswith(".localhost")


def embedded(address: Address) -> Address:
    """The IPv4 address inside of an IPv6 one that only wraps it, so that no rule is walked around; else `address`."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
