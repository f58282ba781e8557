"""One small request to a provider apart from the traffic: for tests of it, and for the list of its models.

It goes over the same pools as requests do, so that the same rules hold for where it may go: one reading of the address,
looked at again when connecting, TLS verified, redirects never followed, nothing taken from the environment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from importlib import import_module
from urllib.parse import urlsplit

from routerd.adapters.base import Headers
from routerd.errors import RouterError
from routerd.proxy.connection import Connection
from routerd.proxy.pool import Origin, Pool, Pools
from routerd.snapshot import Provider

MOST = 4 * 1024 * 1024  # bytes of an answer: long lists of models take one

_TOO_MUCH = "sent an answer of more than 4 MiB"
_UNSENT = frozenset({b"content-type", b"content-length"})  # of what every request to a provider carries


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, read to its end."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


async def fetch(pools: Pools, provider: Provider, path: str, seconds: float, content: bytes | None = None) -> Fetched:
    """GET what is at `path` below the provider's base URL, or POST `content`, JSON, to it.

    Raises RouterError: upstream_timeout after so many `seconds`, upstream_unreachable, upstream_garbled.
    """
    try:
        async with asyncio.timeout(seconds):
            if provider.proxy is not None:
                return await _through_proxy(provider.proxy, provider, path, content)
            return await _over_pool(_pool(pools, provider), provider, path, seconds, content)
    except TimeoutError:
        raise RouterError("upstream_timeout", f"timed out after {seconds:g} s") from None


def _pool(pools: Pools, provider: Provider) -> Pool:
    url = urlsplit(provider.base_url)
    is_tls = url.scheme == "https"
    return pools.at(Origin(is_tls, url.hostname or "", url.port or (443 if is_tls else 80), provider.allow_private))


async def _over_pool(pool: Pool, provider: Provider, path: str, seconds: float, content: bytes | None) -> Fetched:
    while True:
        connection = pool.take() or await pool.connect(seconds)
        answer = _Answer(connection)
        connection.send(_head(provider, path, content), content or b"", answer)
        try:
            fetched = await answer.done
        finally:
            connection.abort(answer)  # when it is not at its end
        if fetched is not None:
            return fetched


class _Answer:
    """The sink of one answer. `done` is what came; None: the kept connection was gone, and a fresh one may do."""

    def __init__(self, connection: Connection) -> None:
        self.done: asyncio.Future[Fetched | None] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._status = 0
        self._headers: Headers = []
        self._pieces: list[bytes] = []
        self._size = 0

    def on_head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers

    def on_data(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MOST:
            self._connection.abort(self)
            self.on_failure(RouterError("upstream_garbled", _TOO_MUCH))

    def on_end(self) -> None:
        if not self.done.done():
            self.done.set_result(Fetched(self._status, self._headers, b"".join(self._pieces)))

    def on_failure(self, error: RouterError | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


def _head(provider: Provider, path: str, content: bytes | None) -> bytes:
    if content is not None:
        return b"%b%d\r\n\r\n" % (provider.head_at(path), len(content))
    url = urlsplit(provider.base_url + path)
    target = url.path + (f"?{url.query}" if url.query else "")
    lines = b"".join(b"%b: %b\r\n" % pair for pair in provider.request_headers if pair[0] not in _UNSENT)
    return b"GET %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target.encode(), url.netloc.encode(), lines)


async def _through_proxy(proxy: str, provider: Provider, path: str, content: bytes | None) -> Fetched:
    await asyncio.to_thread(import_module, "httpx")  # 100 ms and 10 MB, only where a provider needs it
    import httpx

    from routerd.proxy.proxied import client_through

    method, url = ("GET" if content is None else "POST"), provider.base_url + path
    lines = [pair for pair in provider.request_headers if content is not None or pair[0] not in _UNSENT]
    pieces: list[bytes] = []
    try:
        async with (
            client_through(proxy, None) as client,
            client.stream(method, url, content=content, headers=lines) as response,
        ):
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                if sum(map(len, pieces)) > MOST:
                    raise RouterError("upstream_garbled", _TOO_MUCH)
            headers = [(name.lower(), value) for name, value in response.headers.raw]
            return Fetched(response.status_code, headers, b"".join(pieces))
    except (httpx.ConnectError, httpx.ProxyError) as error:
        raise RouterError("upstream_unreachable", f"unreachable through its proxy: {error}") from None
    except httpx.HTTPError as error:
        raise RouterError("upstream_garbled", f"broke off ({type(error).__name__})") from None
    except (OSError, ValueError, ImportError) as error:  # ImportError: httpx wants a package for socks
        raise RouterError("upstream_unreachable", f"the proxy can't be used ({type(error).__name__})") from None
