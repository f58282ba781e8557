"""Kept connections to one origin. Pools outlive snapshots: editing a route drops no warm connection."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from functools import cache

from routerd.config.addresses import why_not_connected
from routerd.errors import RouterError
from routerd.proxy.connection import Connection
from routerd.proxy.cork import NO_CORK, Cork

MAX_IDLE_TICKS = 180  # sweeps, two a second: servers keep idle connections for a minute or more
LEAST_SHARE = 1.0  # seconds for an address, with many to try: a TLS handshake across the world takes most of one


@dataclass(frozen=True, slots=True)
class Origin:
    """What connections are kept by: two providers with the same origin share them."""

    is_tls: bool
    host: str
    port: int
    allow_private: bool


@cache
def tls_context() -> ssl.SSLContext:
    """Verified TLS 1.2 or newer with the system's authorities (SSL_CERT_FILE is read)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Pool:
    """Last in, first out: the warmest connection is taken, the others may go cold."""

    def __init__(self, origin: Origin, cork: Cork = NO_CORK) -> None:
        self._origin = origin
        self._cork = cork
        self._idle: deque[Connection] = deque()
        self._answered = ""  # the address that did so last

    def take(self) -> Connection | None:
        """A kept connection, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closing:
                return connection
        return None

    async def connect(self, timeout: float) -> Connection:  # noqa: ASYNC109 - it says which timeout it was
        """A new connection. Raises RouterError: upstream_unreachable, or upstream_timeout after `timeout` seconds."""
        until = asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(until):
                return await self._connect(until)
        except TimeoutError:
            raise RouterError("upstream_timeout", f"timed out: `connect` ({timeout:g} s)") from None
        except ssl.SSLError as error:
            raise _unreachable(
                f"TLS failed ({getattr(error, 'verify_message', '') or error.reason or error})"
            ) from None
        except OSError as error:
            raise _unreachable(error.strerror or str(error) or type(error).__name__) from None

    def sweep(self) -> None:
        """Close what has been idle for too long."""
        for connection in self._idle:
            connection.idle_ticks += 1
        while self._idle and self._idle[0].idle_ticks > MAX_IDLE_TICKS:
            self._idle.popleft().discard()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().discard()

    def _release(self, connection: Connection) -> None:
        connection.idle_ticks = 0
        self._idle.append(connection)

    async def _connect(self, until: float) -> Connection:
        """Try one address after the other. Each has its share of what is left: one that is silent must not take all."""
        failure: OSError | None = None
        addresses = await self._addresses()
        addresses.sort(key=lambda address: address != self._answered)
        for number, address in enumerate(addresses):
            share = (until - asyncio.get_running_loop().time()) / (len(addresses) - number)
            try:
                async with asyncio.timeout(max(share, LEAST_SHARE)):
                    connection = await self._connect_to(address)
            except OSError as error:  # as a timeout is
                failure = error
            else:
                self._answered = address
                return connection
        raise failure or OSError("the name has no address")

    async def _connect_to(self, address: str) -> Connection:
        origin = self._origin
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._release, self._cork),
            address,
            origin.port,
            ssl=tls_context() if origin.is_tls else None,
            server_hostname=origin.host if origin.is_tls else None,
        )
        return connection

    async def _addresses(self) -> list[str]:
        """The origin's addresses that we may call: the very ones that were checked are connected to."""
        origin = self._origin
        try:
            ipaddress.ip_address(origin.host)
            found = [origin.host]
        except ValueError:
            infos = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        for address in found:
            if problem := why_not_connected(address, private_is_allowed=origin.allow_private):
                raise _unreachable(problem)
        return found


class Pools:
    """All of them, by origin."""

    def __init__(self, cork: Cork = NO_CORK) -> None:
        self._cork = cork
        self._pools: dict[Origin, Pool] = {}

    def at(self, origin: Origin) -> Pool:
        """The pool of an origin, made at first use."""
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(origin, self._cork)
        return pool

    def sweep(self) -> None:
        """Idle connections that have aged are closed."""
        for pool in self._pools.values():
            pool.sweep()

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


def _unreachable(reason: str) -> RouterError:
    return RouterError("upstream_unreachable", f"unreachable: {reason}")
