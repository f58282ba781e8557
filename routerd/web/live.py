"""`/api/events`: what happens, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from quart import Response

from routerd.news import Event, News
from routerd.web.operations import Operation

PAUSE = 15.0  # seconds without an event, then a comment: proxies in between cut silent connections


class Live:
    """The handler; it runs behind the guard."""

    def __init__(self, news: News, pause: float = PAUSE) -> None:
        self._news = news
        self._pause = pause

    def operations(self) -> Sequence[Operation]:
        """Its one row."""
        about = "Everything that happens from now on, as server-sent events."
        return (Operation("GET", "/api/events", self.events, about, gives=str, media="text/event-stream"),)

    async def events(self) -> Response:
        """Every event from now on, until the caller goes or we do."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = Response(self._lines(), 200, headers, content_type="text/event-stream")
        response.timeout = None
        return response

    async def _lines(self) -> AsyncIterator[bytes]:
        with self._news.following(self._pause) as events:
            yield b": routerd\n\n"
            async for event in events:
                yield b": routerd\n\n" if event is None else _line(event)


def _line(event: Event) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.number, event.kind.encode(), msgspec.json.encode(event.data))
