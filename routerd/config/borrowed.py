"""Keys that an edit from outside would send to somewhere new. Pure.

Whoever may edit over the API must not be able to have a key that they don't know sent to a host of theirs: neither by
a reference to a variable or a file of ours, nor by moving a provider that has a key.
"""

from __future__ import annotations

from collections.abc import Iterator

from routerd.adapters.vendors import VENDORS
from routerd.config.addresses import parse_base_url
from routerd.config.model import RouterConfig
from routerd.config.places import Place, places
from routerd.config.problem import Path
from routerd.config.references import parse_value
from routerd.config.sealed import short_origin

BY_HAND = "reference_by_hand"
MOVED = "key_moved"

_Refusal = tuple[str, Path, str]


def refusals(before: RouterConfig, after: RouterConfig) -> Iterator[_Refusal]:
    """What may not come in over the API: kind, place, and what to say. `before` is the file as it is."""
    known = {_pair(place) for place in places(before)}
    secrets = {secret for secret, _ in known}
    for place in places(after):
        secret, origin = _pair(place)
        if (secret, origin) in known:
            continue
        if place.kind in ("env", "file"):
            if not _is_vendors_own(place):
                yield BY_HAND, place.path, "a reference for a new address is written into the file by hand"
        elif secret in secrets:
            yield MOVED, place.path, "the key was given for another address: send the key again"


def _pair(place: Place) -> tuple[str, str | None]:
    """What the secret is called, and where it may be sent; `${NAME}` and `env:NAME` are the same."""
    reference = parse_value(place.secret)
    return (f"{reference.kind}:{reference.value}", place.origin)


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
