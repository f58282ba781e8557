"""`/v1` through Quart: the same gateway as at the edge, for HTTP/2 and for other ASGI servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from quart import Response, request

from routerd.access import is_loopback_address
from routerd.errors import RouterError
from routerd.proxy import heads
from routerd.proxy.door import Admitted, Gateway, Head
from routerd.web.outlet import QueueOutlet, Unfinished


class V1:
    """Answers before Quart looks for a route, so that every path and method is the gateway's to refuse."""

    def __init__(self, gateway: Gateway, body_timeout: float) -> None:
        self._gateway = gateway
        self._body_timeout = body_timeout  # seconds without a byte

    async def intercept(self) -> Response | None:
        """The answer, or None: the request is well-formed and not of /v1."""
        scope = cast("dict[str, Any]", request.scope)
        head = _head(scope)
        try:
            heads.check_parsed(head.path, scope.get("raw_path") or b"", head.headers, scope["http_version"])
            return await self._answer(head) if heads.is_v1(head.path) else None
        except RouterError as error:
            return _response(*self._gateway.refusal(error, head.path))

    async def _answer(self, head: Head) -> Response:
        admitted = self._gateway.admit(head)
        try:
            return await self._through(admitted, await self._read(head, admitted.max_body))
        except RouterError as error:
            error.request_id = admitted.request_id
            raise

    async def _through(self, admitted: Admitted, body: bytearray) -> Response:
        outlet = QueueOutlet()
        answering = asyncio.get_running_loop().create_task(self._gateway.answer(admitted, body, outlet))
        answering.add_done_callback(outlet.abandon)
        _cancel_with_request(answering)
        try:
            await outlet.opened()
        except Unfinished:
            raise RouterError("internal", "Internal error.") from None
        if outlet.is_whole:
            return _response(outlet.status, outlet.head, outlet.take())
        return _response(outlet.status, outlet.head, outlet.pieces())

    async def _read(self, head: Head, limit: int) -> bytearray:
        declared = head.get(b"content-length") or b"0"
        if declared.isdigit() and int(declared) > limit:
            raise heads.body_too_large(limit)
        body = bytearray()
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._body_timeout) as clock:
                async for piece in request.body:
                    clock.reschedule(now() + self._body_timeout)
                    body += piece
                    if len(body) > limit:
                        raise heads.body_too_large(limit)
        except TimeoutError:
            raise RouterError("request_timeout", "The request did not come to its end in time.") from None
        return body


def _head(scope: dict[str, Any]) -> Head:
    client, server = scope.get("client"), scope.get("server")
    # Behind the edge its own word counts: a socket's local address is loopback too when we listen on all of them.
    state = scope.get("state") or {}
    listener = state.get("listener_is_loopback", server is not None and is_loopback_address(server[0]))
    return Head(
        scope["method"],
        scope["path"],
        scope["query_string"],
        [(bytes(name), bytes(value)) for name, value in scope["headers"]],
        peer_is_loopback=client is not None and is_loopback_address(client[0]),
        listener_is_loopback=listener,
    )


def _cancel_with_request(answering: asyncio.Task[None]) -> None:
    """However this request ends, its answer does too: Quart cancels a request whose caller has gone."""
    current = asyncio.current_task()
    assert current is not None
    current.add_done_callback(lambda _: answering.cancel())


def _response(status: int, head: bytes, body: bytes | AsyncIterator[bytes]) -> Response:
    response = Response(body, status)
    length = response.headers.get("Content-Length")
    response.headers.clear()
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            response.headers.add(name, value.strip())
    if length is not None:
        response.headers["Content-Length"] = length
    return response
