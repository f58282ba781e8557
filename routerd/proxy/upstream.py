"""How a request reaches its provider: over a kept connection, through a proxy, or to the built-in echo."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from routerd.adapters import echo
from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.answer import STALE, Answer
from routerd.proxy.playback import Playback
from routerd.proxy.pool import Origin, Pool, Pools
from routerd.snapshot import Provider, Target


@dataclass(slots=True)
class Call:
    """One request to a provider, ready to be sent. `extra` are the headers that this caller's request adds."""

    target: Target
    body: bytes
    is_stream: bool
    extra: Headers = field(default_factory=list)


class Attempt:
    """One request really sent, and the reply it gets. What the sweep watches and a caller's leaving closes."""

    __slots__ = ("answer", "call", "started")

    def __init__(self, call: Call, started: float) -> None:
        self.call = call
        self.started = started
        self.answer: Answer | None = None

    def close(self) -> None:
        """Give the connection up at once."""
        if self.answer is not None and self.answer.connection is not None:
            self.answer.connection.abort()


class Upstreams:
    """Every way out there is. `open` is the only place that awaits an upstream."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: random.Random) -> None:
        self._loop = loop
        self._rng = rng
        self.pools = Pools()
        self._pool_of: dict[Provider, Pool] = {}

    async def open(self, attempt: Attempt) -> Answer:
        """Send the call; return when its answer can be judged. Raises RouterError when it never will be."""
        provider = attempt.call.target.provider
        if provider.adapter == "echo":
            return await self._play(attempt)
        if provider.proxy is not None:
            return await self._through_proxy(attempt)
        pool = self._pool_of.get(provider) or self._pool(provider)
        while True:
            connection = pool.take() or await pool.connect(provider.timeouts.connect)
            answer = self._answer(attempt)
            answer.connection = connection
            connection.send(_head(attempt.call), attempt.call.body, answer)
            error = await answer.ready
            if error is None:
                return answer
            if error is not STALE:
                raise error

    def forget(self) -> None:
        """A new snapshot serves: its providers find their pools anew, by origin."""
        self._pool_of.clear()

    def _answer(self, attempt: Attempt) -> Answer:
        answer = Answer(self._loop.create_future(), attempt.call.is_stream, attempt.started)
        attempt.answer = answer
        return answer

    def _pool(self, provider: Provider) -> Pool:
        url = urlsplit(provider.url)
        is_tls = url.scheme == "https"
        origin = Origin(is_tls, url.hostname or "", url.port or (443 if is_tls else 80), provider.allow_private)
        pool = self._pool_of[provider] = self.pools.at(origin)
        return pool

    async def _play(self, attempt: Attempt) -> Answer:
        request = msgspec.json.decode(attempt.call.body)
        answer = self._answer(attempt)
        steps = echo.script(request, attempt.call.target.provider.echo, self._rng)
        answer.connection = Playback(self._loop, steps, answer)
        return await _ready(answer)

    async def _through_proxy(self, attempt: Attempt) -> Answer:
        from routerd.proxy.proxied import Proxied  # httpx is loaded only where a provider needs it

        answer = self._answer(attempt)
        try:
            answer.connection = Proxied(self._loop, attempt.call, answer)
        except ValueError as error:
            raise RouterError("upstream_unreachable", f"unreachable: {error}") from None
        return await _ready(answer)


async def _ready(answer: Answer) -> Answer:
    error = await answer.ready
    if error is not None:
        raise error
    return answer


def _head(call: Call) -> bytes:
    """The provider's prebuilt head, ended by this request's length and headers."""
    if not call.extra:
        return b"%b%d\r\n\r\n" % (call.target.provider.head, len(call.body))
    extra = b"".join([b"%b: %b\r\n" % pair for pair in call.extra])
    return b"%b%d\r\n%b\r\n" % (call.target.provider.head, len(call.body), extra)
