"""What is known of a transport beyond what it says: whose caller has gone, in whatever state it is."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from routerd.edge.transports import gone, untaken
from tests.support.certificates import Certificates
from tests.support.doors import LOOPS
from tests.support.gate import PATIENCE


@asynccontextmanager
async def accepted(
    ask: Callable[[int], socket.socket], context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamWriter, socket.socket]]:
    """A server's end of a connection, and the end of the peer who did `ask` for it at a port."""
    writers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: writers.put_nowait(writer), "127.0.0.1", 0, ssl=context)
    async with server:
        peer = await asyncio.to_thread(ask, server.sockets[0].getsockname()[1])
        with peer:
            writer = await writers.get()
            yield writer, peer
            writer.transport.abort()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


LEAVING: dict[str, tuple[Callable[[socket.socket], object], bool]] = {
    "not at all": (lambda peer: None, False),
    "with bytes before": (lambda peer: peer.send(b"more"), False),
    "done reading": (lambda peer: peer.shutdown(socket.SHUT_RD), False),
    "done writing": (lambda peer: peer.shutdown(socket.SHUT_WR), True),
    "closed": (socket.socket.close, True),
    "reset": (reset, True),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", LEAVING)
def test_how_a_peer_leaves(name: str, loop: str) -> None:
    leave, has_gone = LEAVING[name]

    async def run() -> None:
        async with accepted(connect) as (writer, peer):
            leave(peer)  # on loopback the other end knows at once
            assert gone([(writer.transport, name)]) == ([name] if has_gone else [])
            writer.close()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
            assert gone([(writer.transport, name)]) == [], "it is closed"

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_that_is_closed_twice(certificates: Certificates, loop: str) -> None:
    """asyncio's forgets then what it wraps."""

    def shake_hands(port: int) -> ssl.SSLSocket:
        return certificates.caller().wrap_socket(connect(port), server_hostname="localhost")

    async def run() -> None:
        async with accepted(shake_hands, certificates.server()) as (writer, _):
            assert gone([(writer.transport, 1)]) == []
            writer.transport.close()
            writer.transport.close()
            assert gone([(writer.transport, 1)]) == []
            assert untaken(writer.transport) == 0

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())
