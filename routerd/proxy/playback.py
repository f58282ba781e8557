"""Plays an echo script as if it came from a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from routerd.adapters.echo import DataStep, EndStep, HeadStep, Step
from routerd.errors import RouterError
from routerd.proxy.connection import Sink


class Playback:
    """The same face to the proxy as a Connection: pausable, abortable, telling a sink."""

    def __init__(self, loop: asyncio.AbstractEventLoop, steps: Iterator[Step], sink: Sink) -> None:
        self._loop = loop
        self._steps = steps
        self._paused = False
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = loop.call_soon(self._advance)
        self.sink: Sink | None = sink

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._timer is None:
                self._timer = self._loop.call_soon(self._advance)

    @property
    def is_paused(self) -> bool:
        return self._paused

    def abort(self, owner: Sink) -> None:
        if self.sink is not owner:
            return
        self.sink = None
        if self._timer is not None:
            self._timer.cancel()

    def _advance(self) -> None:
        self._timer = None
        while self.sink is not None and not self._paused:
            step = next(self._steps, None)
            if step is None:
                return
            if isinstance(step, DataStep) and step.delay:
                self._timer = self._loop.call_later(step.delay, self._late, step)
                return
            self._play(step)

    def _late(self, step: Step) -> None:
        self._play(step)
        self._advance()

    def _play(self, step: Step) -> None:
        if self.sink is None:
            return
        match step:
            case HeadStep(status, headers):
                self.sink.on_head(status, headers)
            case DataStep(data):
                self.sink.on_data(data)
            case EndStep("end"):
                sink, self.sink = self.sink, None
                sink.on_end()
            case EndStep("cut"):
                sink, self.sink = self.sink, None
                sink.on_failure(RouterError("upstream_garbled", "cut the connection"))
