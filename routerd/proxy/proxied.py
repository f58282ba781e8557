"""Providers behind a proxy (`proxy:`): stock httpx carries them, with the same face as a Connection."""

from __future__ import annotations

import asyncio

import httpx

from routerd.errors import RouterError
from routerd.proxy.attempt import Attempt
from routerd.proxy.connection import Sink
from routerd.proxy.pool import tls_context


def client_through(proxy: str, timeout: httpx.Timeout | None) -> httpx.AsyncClient:
    """A client that goes through `proxy`. It trusts whom the pools trust, a proxy over TLS included."""
    way = httpx.Proxy(proxy)
    # httpx has authorities of its own, and reads them anew for each client, which takes 50 ms of the event loop
    context = tls_context()
    if way.url.scheme == "https":
        way.ssl_context = context  # proxies of the other kinds refuse one
    return httpx.AsyncClient(proxy=way, verify=context, trust_env=False, timeout=timeout, follow_redirects=False)


class Proxied:
    """One request through the provider's proxy; `attempt` is told as it would be by a Connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, attempt: Attempt) -> None:
        self.sink: Sink | None = attempt
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._task = loop.create_task(self._run(attempt))

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    @property
    def is_paused(self) -> bool:
        return not self._may_read.is_set()

    def abort(self, owner: Sink) -> None:
        if self.sink is owner:
            self.sink = None
            self._task.cancel()

    async def _run(self, attempt: Attempt) -> None:
        try:
            await self._carry(attempt)
        except httpx.TimeoutException as error:
            self._fail("upstream_timeout", f"timed out through its proxy ({type(error).__name__})")
        except (httpx.ConnectError, httpx.ProxyError) as error:
            self._fail("upstream_unreachable", f"unreachable through its proxy: {error}")
        except httpx.HTTPError as error:
            self._fail("upstream_garbled", f"broke off ({type(error).__name__})")
        except Exception as error:  # whatever a proxy's library raises, the caller must hear of it
            self._fail("upstream_unreachable", f"unreachable: the proxy can't be used ({type(error).__name__})")

    async def _carry(self, attempt: Attempt) -> None:
        provider = attempt.target.provider
        assert provider.proxy is not None, "it would be reached over a pool"
        url = provider.url if attempt.path is None else provider.base_url + attempt.path
        timeout = httpx.Timeout(None, connect=provider.timeouts.connect)  # the others are the sweep's
        async with (
            client_through(provider.proxy, timeout) as client,
            client.stream(
                "POST", url, content=attempt.body, headers=[*provider.request_headers, *attempt.extra]
            ) as response,
        ):
            if self.sink is not None:
                self.sink.on_head(response.status_code, [(name.lower(), value) for name, value in response.headers.raw])
            async for data in response.aiter_bytes():
                await self._may_read.wait()
                if self.sink is not None and data:
                    self.sink.on_data(data)
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.on_end()

    def _fail(self, kind: str, message: str) -> None:
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.on_failure(RouterError(kind, message))
