"""Who may call. Pure: both doors ask here."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from routerd.config.addresses import embedded
from routerd.errors import RouterError

Role = Literal["editor", "viewer"]

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the client's name, and the routes it may use (None: all)."""

    name: str
    routes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Admin:
    """Who manages: the name that the history tells, and whether they may change anything."""

    name: str
    role: Role


ANONYMOUS = Caller("anonymous")
ADMIN = Caller("admin")
MANAGER = Admin("admin", "editor")
LOCAL = Admin("local", "editor")


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


class AdminRules(Protocol):
    """The part of a snapshot that decides about /api. `admins` maps SHA-256 digests of tokens."""

    @property
    def admins(self) -> Mapping[bytes, Admin]: ...

    @property
    def require_token(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Local:
    """What makes a request one of this machine. `peer_is_ours`: its socket is our own user's, or root's."""

    port: int | None
    peer_is_ours: bool


_FORWARDED = frozenset({b"forwarded", b"x-real-ip", b"via"})


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


def administer(
    asking: Asking, rules: AdminRules, admin_digest: bytes, local: Local, *, writes: bool, needs: Role
) -> Admin:
    """Who asks /api, for something that `needs` a role. `writes`: by a method that may change something.

    Raises RouterError: unauthorized, or forbidden for a page elsewhere, and for a viewer who wants to edit.
    """
    if writes:
        _refuse_foreign_page(asking)
    token = asking.fields.get(b"authorization")
    admin = _local_admin(asking, rules, local) if token is None else _by_token(token, rules, admin_digest)
    if needs == "editor" and admin.role == "viewer":
        raise RouterError("forbidden", f"`{admin.name}` is a viewer, and may not change anything.")
    return admin


def _by_token(value: bytes, rules: AdminRules, admin_digest: bytes) -> Admin:
    token = value[7:].strip() if value[:7].lower() == b"bearer " else b""
    digest = hashlib.sha256(token).digest()
    if hmac.compare_digest(digest, admin_digest):
        return MANAGER
    admin = rules.admins.get(digest)
    if admin is None:
        raise RouterError("unauthorized", "This token is not the admin token, nor that of one of `admins`.")
    return admin


def _local_admin(asking: Asking, rules: AdminRules, local: Local) -> Admin:
    """The ease of this machine, for its own user alone. What is refused here may come again with a token."""
    if rules.require_token:
        raise _token_needed("`server.require_token` is set")
    if not (asking.peer_is_loopback and asking.listener_is_loopback):
        raise _token_needed("the request does not come over loopback alone")
    fields = asking.fields
    if any(name in _FORWARDED or name.startswith(b"x-forwarded-") for name in fields):
        raise _token_needed("the request was forwarded")
    host = fields.get(b"host")
    if not is_loopback_host(host) or local.port is None or local.port not in _ports(host):
        raise RouterError("forbidden", "Without a token the Host header must be a loopback name with our port.")
    _refuse_foreign_page(asking)
    if not local.peer_is_ours:
        raise _token_needed("the caller's socket is another user's, or whose it is can't be told")
    return LOCAL


def _refuse_foreign_page(asking: Asking) -> None:
    fields = asking.fields
    origin = fields.get(b"origin")
    if origin is not None and not _is_own_origin(origin, fields.get(b"host")):
        raise RouterError("forbidden", "Web pages of another origin may not ask here.")
    if fields.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
        raise RouterError("forbidden", "Web pages of another site may not ask here.")


def _token_needed(reason: str) -> RouterError:
    return RouterError("unauthorized", f"The admin token is needed: {reason}. Send `Authorization: Bearer TOKEN`.")


def _ports(host: bytes | None) -> tuple[int, ...]:
    """The port that a Host header names, or those that it means without one."""
    _, colon, port = (host or b"").rpartition(b":")
    return (int(port),) if colon and port.isdigit() else (80, 443)


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
