"""How the entries of a ring are ordered: one function each, one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Protocol, TypeVar

Entry = TypeVar("Entry")


class Arrange(Protocol):
    """Orders the entries of a ring whose turn stands at `start`."""

    def __call__(self, ring: tuple[Entry, ...], start: int) -> tuple[Entry, ...]: ...


def round_robin(ring: tuple[Entry, ...], start: int) -> tuple[Entry, ...]:
    """The entry whose turn it is, then the rest of the ring."""
    return ring[start:] + ring[:start] if start else ring


def failover(ring: tuple[Entry, ...], start: int) -> tuple[Entry, ...]:
    """Always in file order."""
    return ring


def affinity(names: Sequence[str], key: bytes) -> int:
    """The index of the name that `key` belongs to, by rendezvous hashing.

    When a name goes only its own keys move, and when it comes back they return: provider prompt caches stay warm.
    """
    keyed = blake2b(key, digest_size=8)

    def weight(index: int) -> bytes:
        hashed = keyed.copy()
        hashed.update(names[index].encode())
        return hashed.digest()

    return max(range(len(names)), key=weight)


@dataclass(frozen=True, slots=True)
class Order:
    """A strategy. `turns`: it remembers whose turn is next. `reason`: why its first entry comes first."""

    arrange: Arrange
    turns: bool
    reason: str


ORDERS: Mapping[str, Order] = MappingProxyType({
    "round-robin": Order(round_robin, True, "next in rotation"),
    "failover": Order(failover, False, "first in file order"),
})
