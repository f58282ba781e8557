"""routerd for any ASGI server: `hypercorn routerd.asgi:app`. Settings come from the environment and `.env`.

The edge is left out, and with it its speed: that server's parser, limits and timeouts hold instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from routerd.cli.surroundings import load_settings
from routerd.daemon import build
from routerd.web import AsgiApp, load

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Application:
    """The web app, between the startup and the shutdown that the server tells of."""

    def __init__(self) -> None:
        self._app: AsgiApp | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        if self._app is None:
            raise RuntimeError("routerd.asgi needs a server that speaks ASGI's lifespan")
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            daemon = build(load_settings({}), asyncio.get_running_loop())
        except Exception as error:
            return await send({"type": "lifespan.startup.failed", "message": str(error)})
        async with daemon.running():
            self._app = await load(daemon.gateway, management=daemon.management, is_ready=daemon.ready)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        self._app = None
        await send({"type": "lifespan.shutdown.complete"})


app = Application()
