"""New connections: which of a name's addresses is tried, for how long, and which one first the next time."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from routerd.errors import RouterError
from routerd.proxy.pool import Origin, Pool
from tests.support.upstream import Unreachable


class Names(asyncio.SelectorEventLoop):
    """An event loop that knows one name, and remembers which of its addresses were connected to."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self.addresses = addresses
        self.tried: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        assert host == "provider.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.tried.append(address[0])
        await super().sock_connect(sock, address)


SILENT, REFUSING, GOOD = "127.0.0.1", "127.0.0.9", "127.0.0.8"


def pool(port: int) -> Pool:
    return Pool(Origin(False, "provider.test", port, True))


def port_of(silent: Unreachable) -> int:
    return urlsplit(silent.base_url).port or 0


def reach(asked: Pool, names: Names, seconds: float) -> None:
    async def once() -> None:
        (await asked.connect(seconds)).discard()

    names.run_until_complete(once())


def test_a_silent_address_takes_only_its_share_and_comes_last_the_next_time() -> None:
    with Unreachable() as silent, socket.create_server((GOOD, port := port_of(silent))):
        names, asked = Names(SILENT, GOOD), pool(port)
        try:
            reach(asked, names, 2.0)
            reach(asked, names, 2.0)
        finally:
            names.close()
    assert names.tried == [SILENT, GOOD, GOOD]


def test_the_address_that_answered_last_is_forgotten_with_the_name_that_had_it() -> None:
    with socket.create_server((GOOD, 0)) as good:
        names, asked = Names(GOOD), pool(good.getsockname()[1])
        try:
            reach(asked, names, 60.0)
            names.addresses = (REFUSING,)
            with pytest.raises(RouterError, match="unreachable: ") as caught:
                reach(asked, names, 60.0)
        finally:
            names.close()
    assert (caught.value.kind, names.tried) == ("upstream_unreachable", [GOOD, REFUSING])


def test_addresses_that_are_all_silent_time_out_as_one() -> None:
    with Unreachable() as silent:
        names = Names(SILENT, SILENT)
        try:
            with pytest.raises(RouterError) as caught:
                reach(pool(port_of(silent)), names, 1.0)
        finally:
            names.close()
    assert (caught.value.kind, caught.value.message) == ("upstream_timeout", "timed out: `connect` (1 s)")
