"""What anyone may ask: whether routerd is alive and ready, what it is, and how router.yaml is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from quart import Response

from routerd import __version__
from routerd.config.schema import render
from routerd.web.answers import answer
from routerd.web.operations import Operation

_DAY = {"Cache-Control": "public, max-age=86400"}


class Alive(msgspec.Struct):
    """It answers."""

    status: Literal["ok"] = "ok"


class Live(msgspec.Struct):
    """The process runs."""

    status: Literal["live"] = "live"


class Ready(msgspec.Struct):
    """New requests are welcome."""

    status: Literal["ready"] = "ready"


class NotReady(msgspec.Struct):
    """It starts, or is about to end."""

    status: Literal["not_ready"] = "not_ready"


class About(msgspec.Struct):
    """What answers here."""

    name: Literal["routerd"] = "routerd"
    version: str = __version__
    api: str = "/v1"


class Open:
    """The handlers; nobody is kept from them. `is_ready` decides what `/health/ready` says.

    `has_pages`: somebody else answers `/`.
    """

    def __init__(self, is_ready: Callable[[], bool], *, has_pages: bool = False) -> None:
        self._is_ready = is_ready
        self._has_pages = has_pages
        self._schema: str | None = None

    def operations(self) -> Sequence[Operation]:
        """One row for each path."""
        about = Operation("GET", "/", self.about, "What answers here.", gives=About, asks="nobody", is_hidden=True)
        return (
            *(() if self._has_pages else (about,)),
            Operation("GET", "/ping", self.ping, "Whether it answers.", gives=Alive, asks="nobody"),
            Operation("GET", "/health/live", self.live, "Whether the process runs.", gives=Live, asks="nobody"),
            Operation(
                "GET", "/health/ready", self.ready, "Whether new requests are welcome.",
                gives=Ready, also={503: NotReady}, asks="nobody",
            ),
            Operation(
                "GET", "/schemas/router.schema.json", self.schema, "The JSON schema of router.yaml, for editors.",
                gives=dict, media="application/schema+json", asks="nobody",
            ),
        )  # fmt: skip

    async def about(self) -> Response:
        """Name and version."""
        return answer(About())

    async def ping(self) -> Response:
        """Ok."""
        return answer(Alive())

    async def live(self) -> Response:
        """Live."""
        return answer(Live())

    async def ready(self) -> Response:
        """Ready or not."""
        return answer(Ready()) if self._is_ready() else answer(NotReady(), 503)

    async def schema(self) -> Response:
        """The text of `schemas/router.schema.json`."""
        if self._schema is None:
            self._schema = await asyncio.to_thread(render)
        return Response(self._schema, 200, _DAY, content_type="application/schema+json")
