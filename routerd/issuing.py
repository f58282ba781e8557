"""Keys that we give out ourselves: random, shown once, and kept as a digest alone."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

_PREFIX = "sk-routerd-"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key of 256 random bits, and its SHA-256 in hexadecimal, which is what router.yaml has."""

    key: str = field(repr=False)
    digest: str


def issue_key() -> Issued:
    """A key for a client."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return Issued(key, hashlib.sha256(key.encode()).hexdigest())
