"""The price list that comes with routerd, read at first need: 170 kB that a router of free models never looks at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from re import match

import msgspec

from routerd.pricing import Offer, Rate, Vendor, of_config, offered
from routerd.snapshot import Snapshot

PLACE = Path(__file__).parent.parent / "prices.json"  # scripts/prices.py writes it
_MOST_REMEMBERED = 4_096


class _File(msgspec.Struct):
    vendors: dict[str, msgspec.Raw]


class _Place(msgspec.Struct):
    at: str


class PriceList:
    """What models cost. Blocks, at first need for 5 ms; for one thread at a time."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._found: dict[tuple[str, str], Sequence[Rate] | None] = {}

    def rates(self, snapshot: Snapshot, provider: str, model: str) -> Sequence[Rate] | None:
        """What a model costs; None: it has no known price."""
        if snapshot is not self._snapshot or len(self._found) > _MOST_REMEMBERED:
            self._snapshot, self._found = snapshot, {}
        key = (provider, model)
        if key not in self._found:
            self._found[key] = self._look_up(snapshot, provider, model)
        return self._found[key]

    def _look_up(self, snapshot: Snapshot, provider: str, model: str) -> Sequence[Rate] | None:
        own = of_config(snapshot.prices, provider, model)
        account = snapshot.providers.get(provider)
        if own is not None or account is None or not account.base_url:
            return own
        return listed(account.base_url, model)


def listed(base_url: str, model: str) -> Sequence[Rate] | None:
    """What the list says of a model at an address; None for an address or a model that it does not have. Blocks."""
    try:
        vendors = msgspec.json.decode(PLACE.read_bytes(), type=_File).vendors
    except (OSError, msgspec.MsgspecError):  # a broken installation costs the prices only
        return None
    for raw in vendors.values():
        if _is_at(msgspec.json.decode(raw, type=_Place).at, base_url):
            vendor = msgspec.json.decode(raw, type=Vendor)
            return offered(vendor.models, model) or _like(vendors, vendor.like, model)
    return None


def _is_at(pattern: str, base_url: str) -> bool:
    """Whether an address is a vendor's, and not that of somebody whose name begins in the same way."""
    found = match(pattern, base_url)
    return found is not None and (found[0].endswith((".", "/")) or base_url[found.end() :][:1] in {"", "/", ":"})


def _like(vendors: dict[str, msgspec.Raw], names: list[str], model: str) -> Sequence[Rate] | None:
    others: list[list[Offer]] = [msgspec.json.decode(vendors[name], type=Vendor).models for name in names]
    return next((rates for models in others if (rates := offered(models, model))), None)
