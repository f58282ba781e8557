"""What is wrong with a provider, as far as it can be told from here, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import time
from types import MappingProxyType
from typing import Any, Literal

from routerd.adapters.vendors import VENDORS, Vendor
from routerd.config.addresses import BaseUrl, parse_base_url, why_not_connected
from routerd.config.similar import did_you_mean
from routerd.keyring import Row
from routerd.proxy.pool import tls_context
from routerd.snapshot import Provider

State = Literal["ok", "note", "warning", "trouble"]

PATIENCE = 5.0  # seconds for one connection
SOON = 14  # days before a certificate's end

_DAY = 86_400.0
_KEY_CURES: Mapping[str, str] = MappingProxyType({
    "env": "set it in the `.env` file beside router.yaml, then `routerd reload`; or where the router is started",
    "file": "put it there, readable for the router, then `routerd reload`",
})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: of whom, what, how it stands, and what to do. Never holds a secret."""

    subject: str
    what: str
    state: State
    message: str
    cure: str | None = None

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.message}; {self.cure}" if self.cure else self.message


def keys(rows: Iterable[Row]) -> Iterator[Finding]:
    """How the secrets of a provider stand."""
    for row in rows:
        what = str(row.path[-1]) if len(row.path) > 2 else "key"
        what = "key" if what == "api_key" else what
        if row.source == "none":
            yield Finding(row.provider, what, "ok", "it has none")
        elif row.trouble is not None:
            yield Finding(row.provider, what, "trouble", row.trouble, _KEY_CURES.get(row.source))
        else:
            yield _readable(row, what)


def _readable(row: Row, what: str) -> Finding:
    found = Finding(row.provider, what, "ok", f"{row.source}, {row.fingerprint}")
    if row.source == "plain":
        return replace(found, state="warning", message="it stands in plain text", cure="`routerd key seal` seals it")
    if row.is_current is False:
        message = "it is sealed to others than `recipients`"
        return replace(found, state="warning", message=message, cure="`routerd key rotate` seals it anew")
    return found


def address(provider: Provider, context: ssl.SSLContext | None = None, patience: float = PATIENCE) -> Finding:
    """Whether its address resolves, may be called, answers, and is who it says. Blocks for `patience` seconds."""
    if provider.proxy is not None:
        return Finding(provider.name, "address", "note", f"{provider.origin} is reached through a proxy, not from here")
    found = Finding(provider.name, "address", "ok", provider.origin)
    url = parse_base_url(provider.base_url)
    try:
        resolved = _resolved(url)
        reasons = [why_not_connected(each, private_is_allowed=provider.allow_private) for each in resolved]
        if (reason := next(filter(None, reasons), None)) is not None and all(reasons):
            return replace(found, state="trouble", message=reason)
        with socket.create_connection((resolved[reasons.index(None)], url.port), timeout=patience) as plain:
            return _connected(found, url, plain, context or tls_context())
    except socket.gaierror as error:
        message = f"{url.host} can't be resolved: {error.strerror}"
        return replace(
            found, state="trouble", message=message, cure="correct `base_url`, or the name servers of this machine"
        )
    except ssl.SSLCertVerificationError as error:
        return replace(found, state="trouble", message=_said(url, error), cure=_certificate_cure(error))
    except ssl.SSLError:
        message = f"{url.host}:{url.port} speaks no TLS"
        return replace(found, state="trouble", message=message, cure="write http:// or another port in `base_url`")
    except OSError as error:
        message = f"{url.host}:{url.port} does not answer: {error.strerror or error}"
        cure = (
            "start it, or correct `base_url`" if provider.allow_private else "correct `base_url`, or look at firewalls"
        )
        return replace(found, state="trouble", message=message, cure=cure)


def _resolved(url: BaseUrl) -> list[str]:
    infos = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


def _connected(found: Finding, url: BaseUrl, plain: socket.socket, context: ssl.SSLContext) -> Finding:
    peer = plain.getpeername()[0]
    where = f"{found.message} is at {peer}" if peer != url.host else f"{found.message} answers"
    if url.scheme == "http":
        return replace(found, message=where)
    with _secured(plain, url, context) as secured:
        certificate, version = secured.getpeercert() or {}, secured.version()
    days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time()) / _DAY)
    found = replace(found, message=f"{where}, {version}, its certificate is good for {days} days")
    return replace(found, state="warning", cure="its owner should renew it") if days < SOON else found


def _secured(plain: socket.socket, url: BaseUrl, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain, server_hostname=url.host)
    except ssl.SSLError:
        raise
    except OSError:  # others hang up, or wait for a line of HTTP
        raise ssl.SSLError from None


def _said(url: BaseUrl, error: ssl.SSLCertVerificationError) -> str:
    return f"the certificate of {url.host} is not trusted: {error.verify_message.rstrip('.')}"


def _certificate_cure(error: ssl.SSLCertVerificationError) -> str:
    if "mismatch" in error.verify_message.lower():
        return "correct the host in `base_url`"
    if "expired" in error.verify_message:
        return "its owner has to renew it, or the clock of this machine is wrong"
    return "name a file with its authority in SSL_CERT_FILE, where the router runs"


_OF_STATUS: Mapping[int, tuple[State, str]] = MappingProxyType({
    401: ("trouble", "give it a valid key: `routerd key set {name}`{page}"),
    402: ("trouble", "the account has no credit left{page}"),
    403: ("trouble", "the key lacks a right, or the account is barred from this place{page}"),
    404: ("note", "`--deep` asks a model, which proves address and key"),
    405: ("note", "`--deep` asks a model, which proves address and key"),
    429: ("warning", "wait, or ask for a higher limit{page}"),
})


def unusable(name: str, reason: str, *, is_usable_here: bool) -> Finding:
    """Why the router can't use it, and what to do where its key can be had meanwhile."""
    cure = "it can be had here: `routerd reload` has the router look again, at `.env` and at files"
    return Finding(name, "test", "trouble", reason, cure if is_usable_here else None)


def asked(name: str, what: str, told: Mapping[str, Any], vendor: str | None) -> Finding:
    """What the provider answered: the router's own test of it, or its list of models, as `/api` has them."""
    status, code, detail = told["status"], told["status_code"], told["detail"]
    if status == "online" and detail is None:
        took = "" if told["latency_ms"] is None else f", {told['latency_ms']:.0f} ms"
        return Finding(name, what, "ok", f"online, HTTP {code}{took}")
    message = str(detail or status)
    if code is None:
        cure = "try again, or raise ROUTERD_REQUEST_TIMEOUT_SECONDS" if status == "timeout" else None
        return Finding(name, what, "trouble", message, cure)
    if code >= 500:
        return Finding(name, what, "warning", message, "it is the provider's own trouble: try again later")
    state, cure = _OF_STATUS.get(code, ("trouble" if 300 <= code < 400 else "warning", ""))
    row: Vendor | None = VENDORS.get(vendor or "")
    page = f", see {row.key_url}" if row is not None and row.key_url else ""
    return Finding(name, what, state, message, cure.format(name=name, page=page) or None)


def models(name: str, wanted: Iterable[str], listed: Iterable[str]) -> Iterator[Finding]:
    """Which of the models that the file names the provider does not list."""
    there = list(listed)
    lacking = [model for model in dict.fromkeys(wanted) if model not in there]
    if there and not lacking:
        yield Finding(name, "models", "ok", f"it lists {len(there)}, and all that the file names")
    for model in lacking if there else ():
        hint = did_you_mean(model, there) or f"`routerd ask '{name}/{model}' hello` tells whether it is there"
        yield Finding(name, "models", "warning", f"it does not list `{model}`", hint)
