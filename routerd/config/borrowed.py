"""Keys that an edit from outside would send to somewhere new. Pure.

Whoever may edit over the API must not be able to have a key that they don't know sent to a host of theirs: neither by
a reference to a variable or a file of ours, nor by moving a provider that has a key, nor by a proxy of theirs that
could read it on its way. Over https a proxy sees nothing; over plain http it sees everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from routerd.adapters.vendors import VENDORS
from routerd.config.addresses import parse_base_url
from routerd.config.model import RouterConfig
from routerd.config.places import Place, places, proxy_origin
from routerd.config.problem import Path
from routerd.config.references import parse_value
from routerd.config.sealed import short_origin

BY_HAND = "reference_by_hand"
MOVED = "key_moved"

_Refusal = tuple[str, Path, str]


class _Sent(NamedTuple):
    """A secret, where it may be sent, and the proxy that can read it on its way there."""

    secret: str
    origin: str | None
    reader: str | None


def refusals(before: RouterConfig, after: RouterConfig) -> Iterator[_Refusal]:
    """What may not come in over the API: kind, place, and what to say. `before` is the file as it is."""
    known = {_sent(place, before) for place in places(before)}
    arriving = {(sent.secret, sent.origin) for sent in known}
    secrets = {sent.secret for sent in known}
    for place in places(after):
        sent = _sent(place, after)
        is_known = (sent.secret, sent.origin) in arriving
        if sent in known or (is_known and sent.reader is None):
            continue
        if place.kind in ("env", "file"):
            if not _is_vendors_own(place):
                yield BY_HAND, place.path, _READER if is_known else _REFERENCE
        elif sent.secret in secrets:
            yield MOVED, place.path, _READER_OF_KEY if is_known else _MOVED


_REFERENCE = "a reference for a new address is written into the file by hand"
_READER = "over plain http this proxy could read what the reference stands for: it is written into the file by hand"
_MOVED = "the key was given for another address: send the key again"
_READER_OF_KEY = "over plain http this proxy could read the key, which was given without it: send the key again"


def _sent(place: Place, config: RouterConfig) -> _Sent:
    """What the secret is called, and who gets it; `${NAME}` and `env:NAME` are the same."""
    reference = parse_value(place.secret)
    proxy = config.providers[place.provider].proxy
    is_readable = proxy is not None and place.path[-1] != "proxy" and (place.origin or "").startswith("http://")
    reader = (proxy_origin(proxy) or proxy) if proxy is not None and is_readable else None
    return _Sent(f"{reference.kind}:{reference.value}", place.origin, reader)


def _is_vendors_own(place: Place) -> bool:
    """Whether it is the variable that a vendor's own tools read, for that vendor's own address."""
    reference = parse_value(place.secret)
    return reference.kind == "env" and any(
        vendor.key_variable == reference.value and vendor.base_url and _origin(vendor.base_url) == place.origin
        for vendor in VENDORS.values()
    )


def _origin(base_url: str) -> str | None:
    try:
        return short_origin(parse_base_url(base_url).origin)
    except ValueError:
        return None
