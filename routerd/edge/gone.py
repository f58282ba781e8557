"""Callers who have gone unheard: the system knows that they closed, and the event loop does not say so.

Two ways lead there. uvloop's TLS passes on no end that comes without TLS's own goodbye (close_notify): it drops what is
written from then on, as if it were taken, and closes once the caller has taken what is on its way, which a caller who
has gone need never do. And nobody sees an end who has stopped reading.
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
        socket = transport.get_extra_info("socket")
        descriptor = -1 if socket is None else socket.fileno()  # none: the loop has closed it, and is about to say so
        if descriptor >= 0:
            owners[descriptor] = owner
            poll.register(descriptor, _GONE)
    return [owners[descriptor] for descriptor, _ in poll.poll(0)] if owners else []
