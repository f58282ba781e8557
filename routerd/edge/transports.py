"""What the event loops' transports do not say of themselves.

Callers may go unheard: the system knows that they closed, and the loop does not say so. Two ways lead there. uvloop's
TLS passes on no end that comes without TLS's own goodbye (close_notify): it drops what is written from then on, as if
it were taken, and closes once the caller has taken what is on its way, which a caller who has gone need never do. And
nobody sees an end who has stopped reading.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterable
from typing import TypeVar

_GONE = getattr(select, "POLLRDHUP", 0)  # the peer has closed its sending half; Linux. Resets are told without asking

Owner = TypeVar("Owner")


def gone(watched: Iterable[tuple[asyncio.BaseTransport, Owner]]) -> list[Owner]:
    """Whose transport's peer has closed the connection or half of it; one system call for all of them."""
    poll = select.poll()
    owners: dict[int, Owner] = {}
    for transport, owner in watched:
        descriptor = _descriptor(transport)
        if descriptor >= 0:
            owners[descriptor] = owner
            poll.register(descriptor, _GONE)
    return [owners[descriptor] for descriptor, _ in poll.poll(0)] if owners else []


def untaken(transport: asyncio.WriteTransport) -> int:
    """How many bytes wait for the caller to take them."""
    try:
        return transport.get_write_buffer_size()
    except AttributeError:  # as below
        return 0


def _descriptor(transport: asyncio.BaseTransport) -> int:
    """What the system knows the socket by; -1: the loop has closed it, and is about to say so."""
    try:
        socket = transport.get_extra_info("socket")
    except AttributeError:  # asyncio's TLS forgets what it wraps when it is closed twice, as Hypercorn may do
        return -1
    return -1 if socket is None else int(socket.fileno())
