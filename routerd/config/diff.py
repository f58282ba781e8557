"""What a new config changes for traffic, what could be meant badly first. No secret is in any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from routerd.adapters.vendors import detect
from routerd.config.changes import Rename
from routerd.config.difference import (
    ORDER,
    Difference,
    Kind,
    change,
    gained_and_lost,
    of_fields,
    of_list,
    said,
    summary,
)
from routerd.config.model import AdminConfig, ClientConfig, PriceConfig, ProviderConfig, RouteConfig, RouterConfig
from routerd.config.places import Place, of_provider, origin_of, places, proxy_origin
from routerd.config.problem import Path
from routerd.config.recipients import normal
from routerd.config.references import parse_value

__all__ = ["Difference", "Fingerprint", "differences", "is_open", "summary"]

_Names = Mapping[Path, str]  # what an entry at a path is called from now on

Fingerprint = Callable[[Place], str | None]
"""Tells keys apart without telling them; None when the key can't be had here."""

_SEALED = "was in plain text, and is sealed now"
_OF_PROVIDER = (
    "vendor", "adapter", "is_active", "allow_private", "max_in_flight", "quirks", "timeouts", "health", "echo",
    "metadata",
)  # fmt: skip
_OF_ROUTE = (
    "mode", "strategy", "is_active", "match", "affinity", "max_attempts", "retry_on", "on_loss", "config",
)  # fmt: skip


def differences(
    old: RouterConfig, new: RouterConfig, fingerprint: Fingerprint, renames: Sequence[Rename] = ()
) -> list[Difference]:
    """Every change from one checked config to another: first who can read keys and where they go.

    `renames` are those that were asked for: what went and what came is one entry then, whatever else is new about it.
    """
    found = list(_all(old, new, fingerprint, {rename.path: rename.name for rename in renames}))
    return sorted(found, key=lambda each: ORDER.index(each.kind))


def _all(old: RouterConfig, new: RouterConfig, fingerprint: Fingerprint, names: _Names) -> Iterator[Difference]:
    renamed = _renamed_providers(old, new, names)
    routes = _renamed("routes", old.routes, new.routes, names)
    yield from _of_recipients(old, new)
    yield from _of_references(old, new)
    for name, provider in new.providers.items():
        was = renamed.get(name, name)
        if was in old.providers:
            yield from _of_provider(was, old.providers[was], name, provider, fingerprint)
        else:
            yield change("provider", ("providers", name), f"added, {_about(name, provider)}", "added")
    for name in old.providers:
        if name not in new.providers and name not in renamed.values():
            yield change("provider", ("providers", name), "removed")
    yield from _of_routes(old, new, renamed, routes)
    yield from _of_people(old, new, routes, names)
    yield from _of_settings(old, new)


def _renamed(section: str, old: Mapping[str, object], new: Mapping[str, object], names: _Names) -> dict[str, str]:
    """New names of entries with the old ones, as far as `names` tells of them."""
    told = {name: str(was) for (of, was), name in names.items() if of == section}
    return {name: was for name, was in told.items() if was in old and name in new and not (was in new or name in old)}


def _renamed_providers(old: RouterConfig, new: RouterConfig, names: _Names) -> dict[str, str]:
    """As `_renamed`, and those that are the same but for their names."""
    found = _renamed("providers", old.providers, new.providers, names)
    stay = {*new.providers, *found.values()}
    gone = {name: provider for name, provider in old.providers.items() if name not in stay}
    for name, provider in new.providers.items():
        was = next((each for each, other in gone.items() if other == provider), None)
        is_new = name not in old.providers and name not in found
        if is_new and was is not None and origin_of(was, provider) == origin_of(name, provider):
            found[name] = was
            del gone[was]
    return found


# Who can read keys, and where they go


def _of_recipients(old: RouterConfig, new: RouterConfig) -> Iterator[Difference]:
    before, after = [normal(each) for each in old.recipients], [normal(each) for each in new.recipients]
    for index, recipient in enumerate(new.recipients):
        if after[index] not in before:
            words = f"+ {recipient}, who can read all keys sealed from now on"
            yield change("recipient", ("recipients", index), words, f"+ {_short(recipient)}")
    for index, recipient in enumerate(old.recipients):
        if before[index] not in after:
            words = f"- {recipient}, who can read the keys sealed until now"
            yield change("recipient", ("recipients",), words, f"- {_short(recipient)}")


def _short(recipient: str) -> str:
    """Enough of a public key to tell it, with its comment."""
    kind, _, rest = recipient.partition(" ")
    key, _, comment = rest.partition(" ")
    return f"{kind} …{key[-8:]} {comment}".strip() if rest else f"{recipient[:12]}…"


def _of_references(old: RouterConfig, new: RouterConfig) -> Iterator[Difference]:
    """References that were in the file before, and now go somewhere else, or there as well."""
    others = {name: provider for name, provider in new.providers.items() if provider != old.providers.get(name)}
    known: dict[str, set[str | None]] = {}
    for place in places(old) if others else ():
        known.setdefault(_written(place), set()).add(place.origin)
    for place in (place for name, provider in others.items() for place in of_provider(name, provider)):
        before = known.get(_written(place))
        was, now = old.providers.get(place.provider), new.providers[place.provider]
        if was is not None and place.origin == origin_of(place.provider, now) != origin_of(place.provider, was):
            continue  # the whole provider goes there, which is told of it
        if place.kind in ("env", "file") and before is not None and place.origin not in before:
            went = ", ".join(sorted(origin or "nowhere" for origin in before))
            words = f"{_written(place)} goes to {place.origin or 'nowhere'}; it went to {went}"
            yield change("reference", place.path, words, f"{_written(place)} to {place.origin or 'nowhere'}")


def _written(place: Place) -> str:
    reference = parse_value(place.secret)
    return f"{reference.kind}:{reference.value}"


# Providers


def _about(name: str, provider: ProviderConfig) -> str:
    """A new provider in words."""
    origin = origin_of(name, provider) or "built in"
    keys = [_key_words(place, None) for place in of_provider(name, provider)]
    parts = [origin, *keys, *([] if provider.is_active else ["not active"])]
    return ", ".join([*parts, *([f"models {said(provider.models)}"] if provider.models else [])])


def _of_provider(
    was: str, old: ProviderConfig, name: str, new: ProviderConfig, fingerprint: Fingerprint
) -> Iterator[Difference]:
    path: Path = ("providers", name)
    if was == name and old == new:
        return
    if was != name:
        yield change("provider", path, f"renamed, was {was}")
    before, after = origin_of(was, old), origin_of(name, new)
    if before != after:
        keys = [_key_words(place, None) for place in of_provider(name, new) if place.origin == after]
        words = f"{before or 'nowhere'} → {after or 'nowhere'}"
        where = f", where this goes from now on: {said(keys)}" if keys else ""
        yield change("origin", (*path, "base_url"), words + where, words)
    elif _url(was, old) != _url(name, new):
        yield change("provider", (*path, "base_url"), f"base_url {_url(was, old)} → {_url(name, new)}", "base_url")
    yield from _of_keys(was, old, name, new, fingerprint)
    if (models := of_list("models", old.models, new.models)) is not None:
        yield change("provider", (*path, "models"), models)
    for field, text in of_fields(old, new, _OF_PROVIDER):
        yield change("provider", (*path, *field.split(".")), text, field)


def _url(name: str, provider: ProviderConfig) -> str:
    return provider.base_url or detect(name, None, provider.vendor, provider.adapter).base_url


def _of_keys(
    was: str, old: ProviderConfig, name: str, new: ProviderConfig, fingerprint: Fingerprint
) -> Iterator[Difference]:
    """Keys, headers and the proxy."""
    before = {place.path[2:]: place for place in of_provider(was, old)}
    after = {place.path[2:]: place for place in of_provider(name, new)}
    for path in {**before, **after}:
        words = _of_key(before.get(path), after.get(path), fingerprint)
        if words is not None:
            label = "key" if path == ("api_key",) else " ".join(map(str, path)).replace("headers", "header")
            brief = f"{label} sealed" if words == _SEALED else label
            yield change("key", ("providers", name, *path), f"{label} {words}", brief)
    for header in {**old.headers, **new.headers}:
        is_secret = ("headers", header) in {**before, **after}
        if not is_secret and old.headers.get(header) != new.headers.get(header):
            yield change("provider", ("providers", name, "headers", header), f"header {header}")
    here, there = proxy_origin(old.proxy or ""), proxy_origin(new.proxy or "")
    if here != there:
        yield change("origin", ("providers", name, "proxy"), f"proxy {here or 'none'} → {there or 'none'}", "proxy")


def _of_key(old: Place | None, new: Place | None, fingerprint: Fingerprint) -> str | None:
    if old is None or new is None:
        return "removed" if new is None else f"set: {_key_words(new, fingerprint)}"
    if old.secret == new.secret:
        return None
    before, after = _key_words(old, fingerprint), _key_words(new, fingerprint)
    if before != after:
        return f"{before} → {after}"
    if not (fingerprint(old) and fingerprint(new)):
        return "is another, or sealed anew"
    return _SEALED if (old.kind, new.kind) == ("plain", "sealed") else "is the same, written anew"


def _key_words(place: Place, fingerprint: Fingerprint | None) -> str:
    """A reference as it is, and of a key its fingerprint."""
    if place.kind in ("env", "file"):
        return _written(place)
    found = fingerprint(place) if fingerprint is not None else None
    return found or ("a sealed key" if place.kind == "sealed" else "a key in plain text")


# Routes


def _of_routes(
    old: RouterConfig, new: RouterConfig, renamed: Mapping[str, str], routes: Mapping[str, str]
) -> Iterator[Difference]:
    now = {was: name for name, was in renamed.items()}
    is_other = old.providers != new.providers  # the same nodes may be other targets then
    for name, route in new.routes.items():
        path: Path = ("routes", name)
        was = routes.get(name, name)
        before = old.routes.get(was)
        if before is None:
            targets = [target for target, _ in _targets(new, route, {})]
            yield change("route", path, f"added: {said(targets)}", "added")
            continue
        if was != name:
            yield change("route", path, f"renamed, was {was}")
        if before == route and not is_other:
            continue
        yield from _of_targets(path, _targets(old, before, now), _targets(new, route, {}))
        for field, words in of_fields(before, route, _OF_ROUTE):
            yield change("route", (*path, *field.split(".")), words)
    for name in old.routes:
        if name not in new.routes and name not in routes.values():
            yield change("route", ("routes", name), "removed")


_Target = tuple[str, tuple[object, ...]]


def _targets(config: RouterConfig, route: RouteConfig, now: Mapping[str, str]) -> list[_Target]:
    """What can be tried, in order, each with how; a provider that is not active has none."""
    found: list[_Target] = []
    for node in route.nodes:
        provider = config.providers.get(node.provider)
        if provider is None or not provider.is_active:
            continue
        name = now.get(node.provider, node.provider)
        how = (node.priority, node.strategy)
        found += [(f"{name}/{model}", how) for model in node.models or provider.models or ["*"]]
    return found


def _of_targets(path: Path, old: list[_Target], new: list[_Target]) -> Iterator[Difference]:
    before, after = [target for target, _ in old], [target for target, _ in new]
    words = gained_and_lost(before, after)
    if words is not None:
        yield change("targets", (*path, "nodes"), words)
    elif before != after:
        yield change("targets", (*path, "nodes"), f"order {said(after)}", "order")
    hows = dict(old)
    for target, how in dict(new).items():
        was = hows.get(target, how)
        for label, one, other in zip(("priority", "strategy"), was, how, strict=True):
            if one != other:
                yield change("targets", (*path, "nodes"), f"{target}: {label} {said(one)} → {said(other)}", label)


# People, and the rest


def _of_people(old: RouterConfig, new: RouterConfig, routes: Mapping[str, str], names: _Names) -> Iterator[Difference]:
    if (old.clients is None) != (new.clients is None):
        words = "whoever can connect may call" if new.clients is None else "callers need a key"
        yield change("access", ("clients",), words)
    if is_open(old.clients) and not is_open(new.clients):
        yield change("access", ("clients",), "no client is active, so nobody may call any more", "nobody may call")
    now = {was: name for name, was in routes.items()}
    before, after = {name: _with_routes(client, now) for name, client in (old.clients or {}).items()}, new.clients or {}
    renamed = _renamed("clients", before, after, names)
    for name in (name for name in {**before, **after} if name not in renamed.values()):
        was = renamed.get(name, name)
        if was != name:
            yield change("client", ("clients", name), f"renamed, was {was}")
        yield from _of_person("client", ("clients", name), before.get(was), after.get(name))
    for name in {**old.admins, **new.admins}:
        yield from _of_person("admin", ("admins", name), old.admins.get(name), new.admins.get(name))


def _with_routes(client: ClientConfig, now: Mapping[str, str]) -> ClientConfig:
    """The client as it is, with its routes as they are called now."""
    if not client.routes or now.keys().isdisjoint(client.routes):
        return client
    return client.model_copy(update={"routes": [now.get(route, route) for route in client.routes]})


def is_open(clients: Mapping[str, ClientConfig] | None) -> bool:
    """Whether anybody may call with these clients."""
    return clients is None or any(client.is_active for client in clients.values())


def _of_person(
    kind: Kind, path: Path, old: ClientConfig | AdminConfig | None, new: ClientConfig | AdminConfig | None
) -> Iterator[Difference]:
    if old is None or new is None:
        role = f", {new.role}" if isinstance(new, AdminConfig) else ""
        yield change(kind, path, "removed" if new is None else f"added{role}")
        return
    for field in type(new).model_fields:
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        if field == "routes":
            words = "all routes" if after is None else of_list("routes", before or [], after)
        else:
            words = "another key" if field.endswith("_sha256") else f"{field} {said(before)} → {said(after)}"
        yield change(kind, (*path, field), words or f"routes {said(after)}")


def _of_settings(old: RouterConfig, new: RouterConfig) -> Iterator[Difference]:
    for name, words in of_fields(old.server, new.server, type(new.server).model_fields):
        kind: Kind = "access" if name in ("allow_anonymous", "require_token") else "server"
        yield change(kind, ("server", *name.split(".")), words)
    for name, words in of_fields(old.defaults, new.defaults, type(new.defaults).model_fields):
        yield change("defaults", ("defaults", *name.split(".")), words)
    for name in {**old.prices, **new.prices}:
        before, after = old.prices.get(name), new.prices.get(name)
        if before != after:
            yield change("price", ("prices", name), _of_price(before, after))


def _of_price(old: PriceConfig | None, new: PriceConfig | None) -> str:
    if old is None or new is None:
        return "removed" if new is None else "added"
    return ", ".join(words for _, words in of_fields(old, new, PriceConfig.model_fields))
