"""Fixtures for every test."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.support.certificates import Certificates, make

# The same examples in every run, and no clock. `--hypothesis-profile=default` goes looking for others.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The thousands of quick tests come last, so that no worker is left alone with a file that takes long."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/adapters/"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own and a certificate for loopback."""
    return make(tmp_path_factory.mktemp("certificates"))
