"""On the path of a Python process this is a machine without a network: only loopback can be reached."""

from __future__ import annotations

import errno
import ipaddress
import sys
from typing import Any

sys.modules["uvloop"] = None  # type: ignore[assignment]  # it asks libuv, which no audit hook hears of


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_loopback(host):
        raise OSError(errno.ENETUNREACH, "no network in this test")


def _is_loopback(host: Any) -> bool:
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse)
