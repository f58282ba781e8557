"""Doors for the tests of the edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import LOOPS, EdgeDoor


@pytest.fixture
def gateway() -> StubGateway:
    """A gateway that answers as the path says."""
    return StubGateway()


@pytest.fixture(params=LOOPS)
def door(request: pytest.FixtureRequest, gateway: StubGateway) -> Iterator[EdgeDoor]:
    """The edge on either event loop."""
    with EdgeDoor(gateway, loop=request.param) as door:
        yield door


@pytest.fixture(params=LOOPS)
def tls_door(request: pytest.FixtureRequest, gateway: StubGateway, certificates: Certificates) -> Iterator[EdgeDoor]:
    """The edge on either event loop, on a TLS port too."""
    with EdgeDoor(gateway, loop=request.param, certificates=certificates) as door:
        yield door


@pytest.fixture
def uv_door(gateway: StubGateway) -> Iterator[EdgeDoor]:
    """The edge on uvloop, for what does not depend on the loop."""
    with EdgeDoor(gateway) as door:
        yield door
