"""Identities for the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.sealing import Identities, Identity, make_identity


@pytest.fixture
def alice(tmp_path: Path) -> Identity:
    """Somebody with an identity of her own."""
    return make_identity(tmp_path / "alice" / "identity.txt")


@pytest.fixture
def bob(tmp_path: Path) -> Identity:
    """Somebody else."""
    return make_identity(tmp_path / "bob" / "identity.txt")


@pytest.fixture
def ours(alice: Identity) -> Identities:
    """What is found where Alice is."""
    return Identities((alice,))
