"""How a request reaches its provider: over a kept connection, through a proxy, or to the built-in echo."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from urllib.parse import urlsplit

import msgspec

from routerd.adapters import echo
from routerd.adapters.base import UNREADABLE
from routerd.errors import RouterError
from routerd.proxy.attempt import STALE, Attempt
from routerd.proxy.cork import Cork
from routerd.proxy.playback import Playback
from routerd.proxy.pool import Origin, Pool, Pools
from routerd.snapshot import Provider


class Upstreams:
    """Every way out there is. `open` is the only place that awaits an upstream."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: random.Random, cork: Cork) -> None:
        self._loop = loop
        self._rng = rng
        self._pool_of: dict[Provider, Pool] = {}
        self.pools = Pools(cork)

    async def open(self, attempt: Attempt) -> None:
        """Send the attempt; return when its answer can be judged. Raises RouterError when it never will be."""
        provider = attempt.target.provider
        if provider.adapter == "echo" or provider.proxy is not None:
            return await self._apart(attempt, provider)
        pool = self._pool_of.get(provider) or self._pool(provider)
        while True:
            connection = pool.take() or await pool.connect(provider.timeouts.connect)
            attempt.line = connection
            attempt.ready = self._loop.create_future()
            connection.send(_head(attempt, provider), attempt.body, attempt)
            error = await attempt.ready
            if error is None:
                return
            if error is not STALE:
                raise error

    def forget(self) -> None:
        """A new snapshot serves: its providers find their pools anew, by origin."""
        self._pool_of.clear()

    def _pool(self, provider: Provider) -> Pool:
        url = urlsplit(provider.url)
        is_tls = url.scheme == "https"
        origin = Origin(is_tls, url.hostname or "", url.port or (443 if is_tls else 80), provider.allow_private)
        pool = self._pool_of[provider] = self.pools.at(origin)
        return pool

    async def _apart(self, attempt: Attempt, provider: Provider) -> None:
        """What needs no connection of ours."""
        attempt.ready = self._loop.create_future()
        if provider.adapter == "echo":
            attempt.line = Playback(self._loop, echo.script(_request(attempt), provider.echo, self._rng), attempt)
        else:
            from routerd.proxy.proxied import Proxied  # httpx is loaded only where a provider needs it

            attempt.line = Proxied(self._loop, attempt)
        error = await attempt.ready
        if error is not None:
            raise error


def _request(attempt: Attempt) -> dict[str, Any]:
    try:
        request: dict[str, Any] = msgspec.json.decode(attempt.body)
    except UNREADABLE as error:
        raise RouterError("upstream_rejected", f"The request can't be read: {error}.") from None
    return request


def _head(attempt: Attempt, provider: Provider) -> bytes:
    """The provider's prebuilt head, ended by this request's length and headers."""
    head = provider.head if attempt.path is None else provider.head_at(attempt.path)
    if not attempt.extra:
        return b"%b%d\r\n\r\n" % (head, len(attempt.body))
    extra = b"".join([b"%b: %b\r\n" % pair for pair in attempt.extra])
    return b"%b%d\r\n%b\r\n" % (head, len(attempt.body), extra)
