"""Every way to the same answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from routerd.web.app import create_app
from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import Door, EdgeDoor, HypercornDoor
from tests.support.gate import PATIENCE

WAYS = ["the edge", "the edge, TLS", "HTTP/2", "HTTP/2, prior knowledge", "Hypercorn alone"]


class Way:
    """A door, and a client that goes through it."""

    def __init__(self, name: str, door: Door, certificates: Certificates) -> None:
        self.name = name
        self.door = door
        self._certificates = certificates
        self.client = self.another()

    def another(self) -> httpx.Client:
        """A client with connections of its own."""
        tls = self.name in {"the edge, TLS", "HTTP/2"}
        url = f"https://127.0.0.1:{self.door.tls_port}" if tls else f"http://127.0.0.1:{self.door.port}"
        two = self.name.startswith("HTTP/2")
        trusted = self._certificates.caller()
        # Hypercorn closes a connection whose request it has not read to its end, and does not say so in its answer.
        kept = httpx.Limits(max_keepalive_connections=0 if self.name == "Hypercorn alone" else None)
        return httpx.Client(
            base_url=url, verify=trusted, http1=not two, http2=two, timeout=PATIENCE, trust_env=False, limits=kept
        )

    def cut(self) -> None:
        """Close every connection of the client, as its end would, while it waits in another thread."""
        for connection in self.client._transport._pool.connections:  # type: ignore[attr-defined]
            stream = connection._connection._network_stream
            # Not SSLSocket's own, which first lets the waiting thread read what is encrypted, and close it.
            socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


@pytest.fixture
def gateway() -> StubGateway:
    """A gateway that answers as the path says."""
    return StubGateway(max_body=1024 * 1024)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, gateway: StubGateway, certificates: Certificates) -> Iterator[Way]:
    """One of the ways."""
    name: str = request.param
    door = (
        HypercornDoor(create_app(gateway))
        if name == "Hypercorn alone"
        else EdgeDoor(gateway, certificates=certificates)
    )
    with door:
        way = Way(name, door, certificates)
        with way.client:
            yield way
