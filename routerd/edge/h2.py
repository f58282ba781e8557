"""HTTP/2 by Hypercorn; what it lacks is added, so that late data or a broken answer costs one stream and not all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, cast

from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived
from h2.exceptions import ProtocolError
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, RawData
from hypercorn.events import Event as TransportEvent
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h2 import BUFFER_HIGH_WATER, BUFFER_LOW_WATER, BufferCompleteError, H2Protocol, StreamBuffer
from hypercorn.typing import ConnectionState
from hypercorn.typing import Event as IOEvent

from routerd.edge.bridge import App
from routerd.edge.limits import Limits
from routerd.edge.transports import untaken

_UNLIMITED = 10**9


@dataclass(slots=True)
class Shared:
    """What all connections have in common."""

    app: ASGIWrapper
    config: Config
    context: WorkerContext
    discard: int  # bytes of late data, on one connection
    stall: float  # seconds in which a caller takes nothing of a stream
    linger: float  # seconds in which it takes nothing of the rest, or does not answer TLS's goodbye

    async def terminate(self) -> None:
        """Streams may finish, no new ones begin, and idle connections close."""
        await self.context.terminated.set()


def shared(app: App, limits: Limits, report: Callable[[BaseException], None]) -> Shared:
    """For connections that `app` answers."""

    async def reporting(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            report(error)
            raise

    serving, context = ASGIWrapper(reporting), WorkerContext(None)
    return Shared(serving, _config(limits), context, limits.discard, limits.stall, limits.linger)


def _config(limits: Limits) -> Config:
    """What we want of Hypercorn, none of it by default."""
    config = Config()
    config.accesslog = None
    config.errorlog = None  # what goes wrong is reported, not printed
    config.include_server_header = False
    config.keep_alive_timeout = limits.idle
    config.keep_alive_max_requests = _UNLIMITED
    config.read_timeout = None
    config.h2_max_concurrent_streams = 100
    config.h2_max_header_list_size = limits.head_size
    # Hypercorn waits for a place in the queue of one stream while it should read for all; an app that has answered
    # takes nothing from it any more. Quart takes at once, and no more than it is allowed to.
    config.max_app_queue_size = _UNLIMITED
    return config


async def serve(
    common: Shared, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, Any]
) -> None:
    """Serve one connection to its end."""
    try:
        await _Server(common, reader, writer, state).run()
    except* OSError:
        pass  # the caller has gone, however rudely


class _Server(TCPServer):
    """One connection that speaks HTTP/2 from its first byte, so that no other protocol is ever guessed."""

    def __init__(
        self, common: Shared, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, Any]
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(common.app, loop, common.config, common.context, state, reader, writer)
        self._common = common
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            async with TaskGroup(self.loop) as group:
                self._task_group = group
                protocol = self._protocol(group)
                self.protocol = cast("Any", protocol)
                await protocol.initiate()
                await self.idle_task.restart(group, self._idle_timeout)
                await self._read_data()
                await self.idle_task.stop()  # else a caller who has gone would be kept until it has been idle
        finally:
            await self._close()

    async def protocol_send(self, event: TransportEvent) -> None:
        if self._closing is None or not isinstance(event, RawData):  # asyncio's TLS can't be written to once it is cut
            await super().protocol_send(event)

    async def _initiate_server_close(self) -> None:
        await self.protocol.handle(Closed())
        self._begin_to_close()  # not awaited: its end awaits the task that runs this

    async def _close(self) -> None:
        await asyncio.wait([self._begin_to_close()])

    def _begin_to_close(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._closing = self.loop.create_task(self._see_it_close())
        return self._closing

    async def _see_it_close(self) -> None:
        """Close as Hypercorn does; but who takes nothing more, TLS's goodbye included, is not waited for."""
        closing = self.loop.create_task(super()._close())
        transport, before = self.writer.transport, inf
        while not closing.done():
            left = untaken(transport)
            if left >= before:
                transport.abort()
            before = left
            await asyncio.wait([closing], timeout=self._common.linger)
        with contextlib.suppress(OSError):  # the caller has gone, however rudely
            closing.result()

    def _protocol(self, group: TaskGroup) -> _Protocol:
        about = self.writer.get_extra_info
        client, server = about("peername"), about("sockname")
        return _Protocol(
            self._common,
            self.app,
            self.config,
            self.context,
            group,
            ConnectionState(self.state),
            about("ssl_object") is not None,
            client[:2] if client else None,
            server[:2] if server else None,
            self.protocol_send,
        )


class _Buffer(StreamBuffer):
    """What a stream has not sent yet. Hypercorn's own lets the app go on whenever little could be sent, and so holds
    an endless answer to a caller who does not read it; and it waits for ever for one who never reads.

    `push` and `drain` raise TimeoutError when nothing has been taken for `patience` seconds.
    """

    def __init__(self, event_class: type[IOEvent], patience: float) -> None:
        super().__init__(event_class)
        self._patience = patience

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        if len(self.buffer) >= BUFFER_HIGH_WATER:
            await self._paused.clear()
            await self._while_taken(self._paused)

    async def drain(self) -> None:
        await self._while_taken(self._is_empty)

    async def _while_taken(self, event: IOEvent) -> None:
        """Wait for `event` as long as some of what waits is taken now and then."""
        while not event.is_set():
            size = len(self.buffer)
            try:
                async with asyncio.timeout(self._patience):
                    await event.wait()
            except TimeoutError:
                if len(self.buffer) >= size:
                    raise

    async def pop(self, max_length: int) -> bytes:
        data = bytes(self.buffer[:max_length])
        del self.buffer[:max_length]
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data


class _Protocol(H2Protocol):
    """Hypercorn's, but for what would end the connection, leave a stream hanging or hold it all in memory."""

    def __init__(self, common: Shared, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._left_to_discard = common.discard
        self._stall = common.stall

    async def _handle_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                self._drop(event)
            elif isinstance(event, RequestReceived) and not _is_plain(event):
                self.connection.send_headers(event.stream_id, [(b":status", b"400")], end_stream=True)
            else:
                await super()._handle_events([event])
        await self._flush()

    async def _create_stream(self, request: RequestReceived) -> None:
        await super()._create_stream(request)
        if request.stream_id in self.stream_buffers:  # nothing is in it: the app begins in the next turn of the loop
            self.stream_buffers[request.stream_id] = _Buffer(self.context.event_class, self._stall)

    def _drop(self, event: DataReceived) -> None:
        """A body that goes on after its answer; the window is given back for the sake of the other streams."""
        size = event.flow_controlled_length or 0
        self._left_to_discard -= size
        if self._left_to_discard < 0:
            self.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
        else:
            self.connection.acknowledge_received_data(size, event.stream_id)

    async def stream_send(self, event: StreamEvent) -> None:
        try:
            if isinstance(event, StreamClosed) and self._is_broken(event.stream_id):
                await self._reset(event.stream_id, ErrorCodes.INTERNAL_ERROR)
            else:
                await super().stream_send(event)
        except TimeoutError:
            await self._reset(event.stream_id, ErrorCodes.CANCEL)

    async def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        """End a stream without an end; its app hears of it."""
        with contextlib.suppress(ProtocolError):
            self.connection.reset_stream(stream_id, code)
        await self._flush()
        await super().stream_send(StreamClosed(stream_id))
        await self._window_updated(stream_id)  # wakes the sender, which forgets the stream

    def _is_broken(self, stream_id: int) -> bool:
        """Whether the app is done with an answer that has no end: the caller would wait for ever."""
        buffer = self.stream_buffers.get(stream_id)
        return stream_id in self.streams and buffer is not None and not buffer.complete


def _is_plain(event: RequestReceived) -> bool:
    """Whether Hypercorn can take the request apart: no tunnel, and a path of ASCII."""
    headers = dict(event.headers or ())
    path = bytes(headers.get(b":path", b""))
    return headers.get(b":method") != b"CONNECT" and path.startswith(b"/") and path.isascii()
