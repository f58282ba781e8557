"""What a request borrows: the compiled, immutable form of router.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from routerd import __version__
from routerd.access import Admin, Caller
from routerd.adapters import openai_chat
from routerd.adapters.base import Adapter
from routerd.adapters.table import ADAPTERS, load
from routerd.adapters.vendors import SERVED, Vendor, detect
from routerd.config.addresses import parse_base_url
from routerd.config.references import SecretError
from routerd.pricing import Rate

if TYPE_CHECKING:
    from routerd.config.model import Defaults, NodeConfig, ProviderConfig, RouteConfig, RouterConfig

_MOST_REMEMBERED = 4096
_Kept = TypeVar("_Kept")

Mode = Literal["auto", "specific", "multi"]
Strategy = Literal["round-robin", "failover"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `first_token` and `idle` are for streams; `total` bounds whole replies and the time before commit."""

    connect: float = 5.0
    first_token: float = 180.0
    idle: float = 180.0
    total: float = 900.0


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When a target stops being tried: `failure_threshold` failures in a row, for `cooldown` seconds, doubling."""

    check: bool = True
    interval: float = 60.0
    timeout: float = 5.0
    failure_threshold: int = 3
    cooldown: float = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """An upstream account, ready to be called.

    `trouble` says why it can't be used at all (None: it can). `origin` is the scope of connection failures. What holds
    a secret never shows in a repr.
    """

    name: str
    adapter: str
    url: str  # where most requests are posted
    origin: str  # scheme://host:port
    dialect: Adapter = openai_chat
    base_url: str = ""  # with the version, without a slash at its end
    models: tuple[str, ...] = ()
    is_active: bool = True
    trouble: str | None = None
    allow_private: bool = False
    max_in_flight: int | None = None
    request_headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    head: bytes = field(default=b"", repr=False)  # the request's head up to the value of its last line, content-length
    proxy: str | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()
    health: HealthPolicy = HealthPolicy()
    quirks: Mapping[str, Any] = field(default_factory=dict)
    is_relayed: bool = True  # callers of the same dialect get its bytes as they are
    echo: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        return self.is_active and self.trouble is None

    def head_at(self, path: str) -> bytes:
        """As `head`, for requests to another path below the base URL."""
        return _head(self.base_url + path, self.request_headers)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One (provider, model). `name` is `provider/model`: the key of its health, and how people write it."""

    provider: Provider
    model: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One entry of a route. `position` counts from 1 in file order; `name` is what rotation remembers it by."""

    position: int
    name: str
    provider: Provider
    targets: tuple[Target, ...]
    strategy: Strategy
    priority: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The name callers put in `model`, with its nodes in file order (also those whose provider is unusable)."""

    name: str
    mode: Mode
    strategy: Strategy
    nodes: tuple[Node, ...]
    affinity: str = "none"  # none | prompt | client | header:NAME
    is_active: bool = True
    max_attempts: int = 3
    retry_on: frozenset[str] = frozenset({"408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled"})
    on_loss: str = "warn"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a request needs of router.yaml; it finishes on the one it borrowed, whatever is adopted meanwhile.

    `matches` are the patterns that routes also answer to, in file order. `callers` maps SHA-256 digests of client keys
    to callers; None: `clients` was left out. `template` is what routes made on the spot (`PROVIDER/MODEL`) inherit.
    `memo` keeps what was derived from the snapshot, such as look-ups, for as long as it lives.
    """

    digest: str
    generation: int
    providers: Mapping[str, Provider]
    routes: Mapping[str, Route]
    matches: tuple[tuple[str, Route], ...]
    callers: Mapping[bytes, Caller] | None
    template: Route
    allow_anonymous: bool
    max_body: int
    drain: float
    admins: Mapping[bytes, Admin] = field(default_factory=dict)  # by SHA-256 digests of their tokens
    require_token: bool = False
    prices: Mapping[str, Rate] = field(default_factory=dict)  # by `PROVIDER/MODEL`, or model; `*` at the end
    retention: float = 30 * 86400.0  # seconds that requests are remembered
    memo: dict[Any, Any] = field(default_factory=dict)

    def remember(self, key: Any, value: _Kept) -> _Kept:
        """Keep a derived value, and return it; what callers make up must not fill the memory."""
        if len(self.memo) >= _MOST_REMEMBERED:
            self.memo.clear()
        self.memo[key] = value
        return value


def changed_accounts(before: Snapshot, after: Snapshot) -> list[str]:
    """The providers whose key or address is another than before: what is known of their health is void."""
    pairs = ((before.providers.get(name), provider) for name, provider in after.providers.items())
    return [new.name for old, new in pairs if old is not None and old.head != new.head]


def changed_secrets(before: Snapshot, after: Snapshot) -> Iterator[tuple[Provider, Provider]]:
    """Providers that are in both, and send other secrets than before, or can't be used for another reason."""
    for name, new in after.providers.items():
        old = before.providers.get(name)
        if old is not None and _secrets_of(old) != _secrets_of(new):
            yield old, new


def _secrets_of(provider: Provider) -> tuple[object, ...]:
    return provider.request_headers, provider.proxy, provider.trouble


class Resolver(Protocol):
    """From what stands in the file to the secret that it means, for where it will be sent. Raises SecretError."""

    def value(self, reference: str, origin: str) -> str: ...

    def proxy(self, url: str) -> str: ...


def compile(config: RouterConfig, digest: str, generation: int, secrets: Resolver) -> Snapshot:
    """The snapshot of a checked config. A key that can't be resolved makes its provider unusable, nothing else.

    Only the values of the config are looked at: it need not be here with its types and methods.
    """
    providers = {name: _provider(name, entry, config.defaults, secrets) for name, entry in config.providers.items()}
    if any(provider.dialect is not openai_chat or not provider.is_relayed for provider in providers.values()):
        load()
    template = _template(config.defaults)
    routes = {name: _route(name, entry, providers, template) for name, entry in config.routes.items()}
    return Snapshot(
        digest=digest,
        generation=generation,
        providers=MappingProxyType(providers),
        routes=MappingProxyType(routes),
        matches=tuple((pattern, routes[name]) for name, entry in config.routes.items() for pattern in entry.match),
        callers=_callers(config),
        template=template,
        allow_anonymous=config.server.allow_anonymous,
        max_body=config.server.max_body,
        drain=config.server.drain,
        admins=_admins(config),
        require_token=config.server.require_token,
        prices={name: Rate(None, 0, **vars(entry)) for name, entry in config.prices.items()},
        retention=config.server.request_log.retention,
    )


def _callers(config: RouterConfig) -> Mapping[bytes, Caller] | None:
    if config.clients is None:
        return None
    active = ((name, client) for name, client in config.clients.items() if client.is_active)
    return {
        bytes.fromhex(client.key_sha256): Caller(name, None if client.routes is None else frozenset(client.routes))
        for name, client in active
    }


def _admins(config: RouterConfig) -> Mapping[bytes, Admin]:
    return {bytes.fromhex(entry.token_sha256): Admin(name, entry.role) for name, entry in config.admins.items()}


def _template(defaults: Defaults) -> Route:
    return Route(
        name="",
        mode="auto",
        strategy="failover",
        nodes=(),
        max_attempts=defaults.max_attempts,
        retry_on=frozenset(defaults.retry_on),
        on_loss=defaults.on_loss,
    )


def _route(name: str, entry: RouteConfig, providers: Mapping[str, Provider], template: Route) -> Route:
    names = _node_names(entry.nodes)
    nodes = (
        _node(position, name, node, providers[node.provider], entry)
        for position, (name, node) in enumerate(zip(names, entry.nodes, strict=True), 1)
    )
    return Route(
        name=name,
        mode=entry.mode,
        strategy=entry.strategy,
        nodes=tuple(nodes),
        affinity=entry.affinity,
        is_active=entry.is_active,
        max_attempts=template.max_attempts if entry.max_attempts is None else entry.max_attempts,
        retry_on=template.retry_on if entry.retry_on is None else frozenset(entry.retry_on),
        on_loss=entry.on_loss or template.on_loss,
    )


def _node_names(entries: Sequence[NodeConfig]) -> list[str]:
    """What rotation remembers nodes by: unique, and the same when others come or go."""
    names = [f"{entry.provider}/{','.join(entry.models)}" for entry in entries]
    return [f"{name}#{names[:at].count(name)}" if name in names[:at] else name for at, name in enumerate(names)]


def _node(position: int, name: str, entry: NodeConfig, provider: Provider, route: RouteConfig) -> Node:
    models = tuple(entry.models) or provider.models
    return Node(
        position=position,
        name=name,
        provider=provider,
        targets=tuple(Target(provider, model, f"{provider.name}/{model}") for model in models),
        strategy=entry.strategy or route.strategy,
        priority=entry.priority,
    )


def _provider(name: str, entry: ProviderConfig, defaults: Defaults, secrets: Resolver) -> Provider:
    vendor = detect(name, entry.base_url, entry.vendor, entry.adapter)
    dialect = ADAPTERS.get(vendor.adapter, openai_chat)
    text = (entry.base_url or vendor.base_url).rstrip("/")
    base = parse_base_url(text) if vendor.adapter != "echo" else None
    base_url = text.removesuffix(base.path) + dialect.base_path(base.path) if base else ""
    url = base_url + dialect.call_path("", is_stream=False)
    quirks = MappingProxyType({**vendor.quirks, **entry.quirks})
    origin = base.origin if base else name
    headers, proxy, trouble = _outgoing(entry, vendor, dialect, origin, secrets)
    return Provider(
        name=name,
        adapter=vendor.adapter,
        dialect=dialect,
        base_url=base_url,
        url=url,
        origin=origin,
        models=tuple(entry.models),
        is_active=entry.is_active,
        trouble=trouble,
        allow_private=entry.allow_private or (base is not None and base.is_private),
        max_in_flight=entry.max_in_flight,
        request_headers=headers,
        head=_head(url, headers),
        proxy=proxy,
        timeouts=_override(Timeouts, defaults.timeouts, entry.timeouts),
        health=_override(HealthPolicy, defaults.health, entry.health),
        quirks=quirks,
        is_relayed=not (quirks.get("repair") or quirks.get("thought_before_call")),
        echo=MappingProxyType(dict(vars(entry.echo)) if entry.echo else {}),
    )


_Outgoing = tuple[tuple[tuple[bytes, bytes], ...], str | None, str | None]


def _outgoing(entry: ProviderConfig, vendor: Vendor, dialect: Adapter, origin: str, secrets: Resolver) -> _Outgoing:
    """The headers of every request to the provider, its proxy, and why it can't be used, if so."""
    if vendor.adapter not in SERVED:
        return (), None, f"this version has no `{vendor.adapter}` adapter yet"
    headers = {**_COMMON_HEADERS, **dialect.HEADERS}
    try:
        if entry.api_key is not None:
            headers[vendor.auth_header.lower()] = vendor.auth_prefix + secrets.value(entry.api_key, origin)
        headers |= {name.lower(): secrets.value(value, origin) for name, value in entry.headers.items()}
        proxy = secrets.proxy(entry.proxy) if entry.proxy else None
    except SecretError as error:
        return (), None, str(error)
    return tuple((name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()), proxy, None


# identity encoding: a compressed stream is held back by whoever compresses it until there is enough to flush
_COMMON_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "accept-encoding": "identity",
    "user-agent": f"routerd/{__version__}",
}


def _head(url: str, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return b"POST %b HTTP/1.1\r\nhost: %b\r\n%bcontent-length: " % (target.encode(), parts.netloc.encode(), lines)


_Row = TypeVar("_Row", Timeouts, HealthPolicy)


def _override(row: type[_Row], defaults: Any, own: Any) -> _Row:
    """A provider's own values where it has them, else the defaults, field by field."""
    values: dict[str, Any] = {}
    for name in (each.name for each in fields(row)):
        mine = getattr(own, name, None)
        values[name] = getattr(defaults, name) if mine is None else mine
    return row(**values)
