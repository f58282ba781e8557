"""The control plane's door, on any ASGI server: Quart is imported when it is first needed, and in a thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from routerd.proxy.door import Gateway

if TYPE_CHECKING:
    from routerd.web.app import App

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


_SHORT = 0.0005  # seconds: while we import, the event loop gets the interpreter back ten times sooner than usual


async def load(gateway: Gateway, *, is_ready: Callable[[], bool] = lambda: True) -> AsgiApp:
    """The web app, started. Its import takes a third of a second, which no stream should feel."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT)
    try:
        app = await asyncio.to_thread(_create, gateway, is_ready)
    finally:
        sys.setswitchinterval(usual)
    await app.startup()
    return cast("AsgiApp", app)


def _create(gateway: Gateway, is_ready: Callable[[], bool]) -> App:
    from routerd.web.app import create_app

    return create_app(gateway, is_ready=is_ready)
