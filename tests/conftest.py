"""Fixtures for every test."""

from __future__ import annotations

import pytest

from tests.support.certificates import Certificates, make


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own and a certificate for loopback."""
    return make(tmp_path_factory.mktemp("certificates"))
