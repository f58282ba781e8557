"""The control plane's door, on any ASGI server: Quart is imported when it is first needed, and in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from routerd.gently import gently
from routerd.loading import prepare
from routerd.proxy.door import Gateway

if TYPE_CHECKING:
    from routerd.management import Management
    from routerd.web.app import App

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


async def load(
    gateway: Gateway, *, management: Management | None = None, is_ready: Callable[[], bool] = lambda: True
) -> AsgiApp:
    """The web app, started. Its import takes a third of a second, which no stream should feel."""
    with gently():
        app = await asyncio.to_thread(_create, gateway, management, is_ready)
    await app.startup()
    return cast("AsgiApp", app)


def _create(gateway: Gateway, management: Management | None, is_ready: Callable[[], bool]) -> App:
    prepare()
    from routerd.web.app import create_app

    if management is not None and management.reloader.loaded is not None:
        _ = management.reloader.loaded.config  # had now, the pages need not wait for it
    return create_app(gateway, management=management, is_ready=is_ready)
