"""One caller's connection: requests in, answers out in the same order, nothing waited for beyond the limits."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any, cast

from routerd.access import is_loopback_address
from routerd.edge import lines
from routerd.edge.answer import NOWHERE, AnswerWriter
from routerd.edge.bridge import Bridge
from routerd.edge.reader import BODY, DONE, HEAD, IDLE, Reader
from routerd.edge.requests import Prepared, Proxied, Request
from routerd.edge.transports import untaken
from routerd.errors import RouterError
from routerd.proxy import heads
from routerd.proxy.door import Admitted, Head

if TYPE_CHECKING:
    from routerd.edge.server import Edge, Listener

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Connection(AnswerWriter, asyncio.BufferedProtocol):
    """An HTTP/1.1 connection, from accept to close. `deadline`: when the sweep calls `overdue`, in loop seconds."""

    __slots__ = (
        "_discarded", "_edge", "_is_held", "_is_leaving", "_is_local", "_is_tls", "_listener", "_preface", "_queue",
        "_reader", "_task", "_untaken", "deadline", "transport",
    )  # fmt: skip

    def __init__(self, edge: Edge, listener: Listener) -> None:
        super().__init__(edge)
        self._edge = edge
        self._listener = listener
        self._reader = Reader(self, edge.limits.head_size)
        self._queue: list[Request] = []
        self._task: asyncio.Task[None] | None = None
        self._preface: bytes | None = b""  # what came, while it may still become HTTP/2's preface
        self._is_local = False
        self._is_tls = False
        self._is_held = False  # we don't read: enough is waiting
        self._is_leaving = False  # nothing more will be answered
        self._discarded = 0  # bytes that came after that
        self._untaken: int | None = None  # bytes that waited for the caller when the deadline was set for taking them
        self.deadline = inf

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if not self._edge.is_accepting:
            return self.transport.abort()  # it was on its way when we closed the port
        peer = transport.get_extra_info("peername")
        self._is_local = not peer or is_loopback_address(peer[0])
        tls = transport.get_extra_info("ssl_object")
        self._is_tls = tls is not None
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            return self._edge.hand_over(self.transport, b"", self._listener)
        self._out = self.transport
        self.transport.set_write_buffer_limits(high=self._edge.limits.write_buffer)
        self._edge.connections.add(self)
        self._wait(self._edge.limits.idle)

    def get_buffer(self, sizehint: int) -> memoryview:
        landing = self._reader.landing
        return self._edge.strip if landing is None else landing.room()

    def buffer_updated(self, nbytes: int) -> None:
        reader = self._reader
        was = reader.phase
        if was == DONE:
            return self._discard(nbytes)
        if reader.landing is not None:
            reader.land(nbytes)
        elif self._preface is None:
            reader.feed(self._edge.strip[:nbytes])
        else:
            self._begin_reading(self._edge.strip[:nbytes])
        if self._queue or reader.request is not None:
            self.regulate()
        self._set_deadline(was)

    def eof_received(self) -> bool:
        """Nobody who still wants an answer closes even half of the connection; so the caller has gone."""
        self.flush()  # answers before the one that nobody wants
        if self.current is not None and not self.has_ended:
            self.transport.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.forget(self)
        self._out = NOWHERE
        self._is_leaving = True
        self._reader.close()
        self._queue.clear()
        self._abandon()

    def _abandon(self) -> None:
        """Nobody will hear the answer. What is to do after its end is still done."""
        if self._task is None or self.current is None:
            return
        self._edge.keep(self._task)
        if not self.has_ended and self.current.lost():
            self._task.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_deadline(HEAD)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._untaken = None
        self._advance()
        self._set_deadline(IDLE)

    # What the reader says

    def received_head(
        self, method: str, version: str, outline: heads.Outline, headers: heads.Headers, keep_alive: bool
    ) -> Request:
        target = outline.target
        head = Head(method, target.path, target.query, headers, self._is_local, self._listener.is_loopback)
        is_old = version == "1.0"
        message = (method == "HEAD", is_old, keep_alive and not is_old)
        if target.is_v1:
            request = self._admit(message, head, outline.length, outline.expects)
        else:
            request = self._find(message, head, outline)
        if outline.expects:
            request.expects = True
            self._invite(request)
        if outline.length != 0 and not isinstance(request, Proxied):
            self._enqueue(request)
        return request

    def received_again(self, request: Proxied, length: int) -> Request:
        return self._admit((request.is_head, request.is_old, request.keep_alive), request.head, length, expects=False)

    def _admit(self, message: tuple[bool, bool, bool], head: Head, length: int | None, expects: bool) -> Request:
        gateway, limits = self._edge.gateway, self._edge.limits
        try:
            admitted = gateway.admit(head)
            if length is not None and length > admitted.max_body:
                raise _about(admitted, heads.body_too_large(admitted.max_body))
        except RouterError as error:
            if length is None or length > limits.drop_body or expects:
                raise
            return Prepared(*message, gateway.refusal(error, head.path))
        return Proxied(*message, gateway, head, admitted)

    def _find(self, message: tuple[bool, bool, bool], head: Head, outline: heads.Outline) -> Request:
        small = self._edge.small_answer(head.method, head.path)
        limit = self._edge.limits.web_body if small is None else self._edge.limits.drop_body
        if outline.length is not None and outline.length > limit:
            raise heads.body_too_large(limit)
        if small is not None:
            return Prepared(*message, small)
        return Bridge(*message, self._edge.web, head, outline, limit)

    def received(self, request: Request) -> None:
        request.expects = False
        request.received()
        if not request.is_queued:
            self._enqueue(request)

    def refuse(self, error: RouterError, path: str) -> None:
        """Answer with `error` when its turn comes, and read nothing more."""
        receiving, self._reader.request = self._reader.request, None
        self._reader.stop()
        if isinstance(receiving, Proxied):
            _about(receiving.admitted, error)
        if receiving is not None and not self._take_back(receiving):
            return self.transport.abort()
        answer = self._edge.gateway.refusal(error, path)
        self._enqueue(Prepared(is_head=False, is_old=False, keep_alive=False, prepared=answer, is_last=True))

    def _take_back(self, request: Request) -> bool:
        """Whether nothing has been answered to `request`, whose body will not come; then nothing will be."""
        if request in self._queue:
            self._queue.remove(request)
        elif request is self.current and not self.has_started:
            self._abandon()
            self.current = None
        else:
            return not request.is_queued
        return True

    def report(self, error: BaseException) -> None:
        self._edge.report(error)

    # Whose turn it is

    def _enqueue(self, request: Request) -> None:
        request.is_queued = True
        self._queue.append(request)
        if self.current is None:
            self._advance()

    def _advance(self) -> None:
        """Begin what waits, unless the caller does not take the answers so far."""
        while self._queue and self.current is None and not self._is_paused and not self._is_leaving:
            self.current = self._queue.pop(0)
            self.has_started = self.has_ended = False
            if self.current.expects:
                self._invite(self.current)
            self.current.begin(self)
        receiving = self._reader.request
        if receiving is not None and receiving.expects:
            self._invite(receiving)
        if self._is_held:
            self.regulate()

    def _invite(self, request: Request) -> None:
        """Say 100 Continue to a `request` that waits for it, once every answer before has been written."""
        if self.current is request or (self.current is None and not self._queue):
            request.expects = False
            self._send(lines.CONTINUE)

    def run(self, request: Request) -> None:
        """Await the request's `answer` in a task, then finish."""
        self._task = self._edge.loop.create_task(self._see_through(request))

    async def _see_through(self, request: Request) -> None:
        try:
            await request.answer(self)
        except Exception as error:
            self.report(error)
        if self.current is not request:
            return
        if not self.has_ended:
            self._fail()
        self._task = None
        self.finish()
        self._advance()
        self._set_deadline(IDLE)

    def _fail(self) -> None:
        """Whoever had to answer did not."""
        if self.has_started:
            self.flush()
            return self.transport.abort()
        self.closes = True
        self.whole(*self._edge.gateway.refusal(RouterError("internal", "Internal error."), self._reader.path()))

    def finish(self) -> None:
        """The answer to the current request is written."""
        request, self.current = self.current, None
        self._source = None
        if self.closes or (self._edge.is_draining and not self._queue):
            is_last = isinstance(request, Prepared) and request.is_last
            self._leave(linger=is_last or self._reader.phase in {HEAD, BODY})

    def _has_more(self) -> bool:
        return bool(self._queue)

    def regulate(self) -> None:
        """Read on, or stop reading while enough is waiting."""
        receiving = self._reader.request
        hold = len(self._queue) > self._edge.limits.pipelined or (receiving is not None and receiving.is_full())
        if hold and not self._is_held:
            self.transport.pause_reading()
        elif self._is_held and not hold:
            self.transport.resume_reading()
        self._is_held = hold

    # Beginning and end

    def _begin_reading(self, data: memoryview) -> None:
        """The first bytes: HTTP/2 with prior knowledge is for others."""
        held = self._preface or b""
        begun = held + bytes(data[: len(H2_PREFACE) - len(held)])
        if begun == H2_PREFACE:
            self._edge.forget(self)
            return self._edge.hand_over(self.transport, held + bytes(data), self._listener)
        if H2_PREFACE.startswith(begun):
            self._preface = begun
            return
        self._preface = None
        if held:
            self._reader.feed(memoryview(held))
        if self._reader.phase != DONE:
            self._reader.feed(data)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing of a next request has come."""
        return self.current is None and not self._queue and self._reader.phase == IDLE

    @property
    def is_unheard(self) -> bool:
        """Whether the transport does not say when a caller who waits for an answer has gone: see `edge.transports`."""
        return (self._is_tls or self._is_held) and self.current is not None and not self.has_ended

    def close_if_idle(self) -> None:
        """Close now if nothing is under way, else with the answer."""
        if self.is_idle:
            self._leave(linger=False)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.transport.abort()

    def extra(self, name: str) -> Any:
        """What the transport says of itself."""
        return self.transport.get_extra_info(name)

    @property
    def listener_is_loopback(self) -> bool:
        """Whether the address we listen on is reached from this machine only."""
        return self._listener.is_loopback

    def overdue(self) -> None:
        """The deadline has passed."""
        if self._is_taking():
            self._wait_for_taking(self._edge.limits.flush if self._is_leaving else self._edge.limits.stall)
        elif self._is_leaving or self._untaken is not None:
            self.transport.abort()
        elif self._reader.phase not in {HEAD, BODY} and not self._preface:
            self._leave(linger=False)
        else:
            error = RouterError("request_timeout", "The request did not come to its end in time.")
            self.refuse(error, self._reader.path())

    def _is_taking(self) -> bool:
        """Whether the caller has taken some of what waited for it when the deadline was set."""
        return self._untaken is not None and untaken(self.transport) < self._untaken

    def _leave(self, *, linger: bool) -> None:
        """Answer nothing more. `linger`: the caller may still be sending, and shall read our answer before a reset."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self.flush()
        self._out = NOWHERE
        self._queue.clear()
        self._reader.stop()
        if not linger or self.transport.is_closing():
            self.transport.close()
            return self._wait_for_taking(self._edge.limits.flush)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self._is_held:
            self.transport.resume_reading()
        self._wait_for_taking(self._edge.limits.linger)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > self._edge.limits.discard:
            self.transport.abort()

    def _set_deadline(self, was: int) -> None:
        """How long we wait for what comes next; nothing limits how long an answer takes whose caller takes it."""
        reader, limits = self._reader, self._edge.limits
        if self._is_leaving:
            return
        is_ours = self._is_held or (self.current is not None and reader.request is not self.current)
        if self._is_paused and (is_ours or reader.phase not in {HEAD, BODY}):
            if self._untaken is None:  # else what the caller sends meanwhile would give it more time
                self._wait_for_taking(limits.stall)
        elif is_ours:
            self.deadline = inf
        elif reader.phase == BODY:
            self._wait(limits.body)
        elif reader.phase == HEAD or self._preface:
            if was != HEAD or reader.ended_one:
                self._wait(limits.head)
        else:
            self._wait(limits.idle)

    def _wait_for_taking(self, seconds: float) -> None:
        self._wait(seconds)
        self._untaken = untaken(self.transport)

    def _wait(self, seconds: float) -> None:
        self.deadline = self._edge.now + self._edge.limits.tick + seconds
        self._untaken = None


def _about(admitted: Admitted, error: RouterError) -> RouterError:
    """The `error`, which is one of this request."""
    error.request_id = admitted.request_id
    return error
