"""Who may call. Pure: both doors ask here."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from routerd.config.addresses import embedded
from routerd.errors import RouterError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the client's name, and the routes it may use (None: all)."""

    name: str
    routes: frozenset[str] | None = None


ANONYMOUS = Caller("anonymous")
ADMIN = Caller("admin")


class Asking(Protocol):
    """The part of a request's head that decides."""

    @property
    def peer_is_loopback(self) -> bool: ...

    @property
    def listener_is_loopback(self) -> bool: ...

    @property
    def fields(self) -> Mapping[bytes, bytes]: ...


class Rules(Protocol):
    """The part of a snapshot that decides. `callers` maps SHA-256 digests of keys; None: no clients are declared."""

    @property
    def callers(self) -> Mapping[bytes, Caller] | None: ...

    @property
    def allow_anonymous(self) -> bool: ...


def identify(asking: Asking, rules: Rules, admin_digest: bytes | None) -> Caller:
    """Who calls /v1. Raises RouterError: unauthorized, or forbidden for a foreign web page."""
    key = credential(asking)
    if key is not None:
        digest = hashlib.sha256(key).digest()
        if rules.callers is not None and (caller := rules.callers.get(digest)):
            return caller
        if admin_digest is not None and hmac.compare_digest(digest, admin_digest):
            return ADMIN
    if rules.callers is not None:
        raise RouterError("unauthorized", "Incorrect API key provided." if key else "No API key was sent.")
    return _anonymous(asking, rules)


def _anonymous(asking: Asking, rules: Rules) -> Caller:
    if not (asking.peer_is_loopback and asking.listener_is_loopback) and not rules.allow_anonymous:
        raise RouterError(
            "unauthorized",
            "Anonymous calls are answered over loopback only: declare `clients` in router.yaml and send a key,"
            " or set `server.allow_anonymous: true`.",
        )
    if asking.listener_is_loopback and not is_loopback_host(asking.fields.get(b"host")):
        raise RouterError("forbidden", "Anonymous calls need a loopback Host header.", code="host_not_allowed")
    if (origin := asking.fields.get(b"origin")) is not None and not _is_own_origin(origin, asking.fields.get(b"host")):
        raise RouterError(
            "forbidden", "Web pages of another origin may not call anonymously.", code="origin_not_allowed"
        )
    return ANONYMOUS


def credential(asking: Asking) -> bytes | None:
    """The one credential that counts: Authorization, then x-api-key, then api-key; without `Bearer`."""
    fields = asking.fields
    value = fields.get(b"authorization")
    if value is not None:
        return (value[7:].strip() if value[:7].lower() == b"bearer " else value) or None
    return fields.get(b"x-api-key") or fields.get(b"api-key") or fields.get(b"x-goog-api-key") or None


def is_loopback_host(host: bytes | None) -> bool:
    """Whether a Host header names this machine by a loopback name, with any port."""
    if host is None:
        return False
    name = _without_port(host.decode("latin-1").lower())
    return name in _LOOPBACK_NAMES or (name.startswith("127.") and is_loopback_address(name))


def _without_port(host: str) -> str:
    name, colon, _ = host.rpartition(":")
    return name if colon and not host.endswith("]") else host


def is_loopback_address(address: str) -> bool:
    """Whether a socket address is on the loopback interface."""
    try:
        return embedded(ipaddress.ip_address(address)).is_loopback
    except ValueError:
        return False


def _is_own_origin(origin: bytes, host: bytes | None) -> bool:
    scheme, _, rest = origin.partition(b"://")
    return scheme in (b"http", b"https") and host is not None and rest.lower() == host.lower()
