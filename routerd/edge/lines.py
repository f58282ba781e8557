"""Bytes of an answer that are always the same, made once: status lines, small answers, today's date."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
LAST_CHUNK = b"0\r\n\r\n"
JSON = b"content-type: application/json\r\n"

STATUS: Mapping[int, bytes] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}

WITHOUT_BODY = frozenset({204, 304})

Small = tuple[int, bytes, bytes]  # status, head lines, body

PING: Small = (200, JSON, b'{"status": "ok"}')
LIVE: Small = (200, JSON, b'{"status": "live"}')
READY: Small = (200, JSON, b'{"status": "ready"}')
NOT_READY: Small = (503, JSON, b'{"status": "not_ready"}')
SMALL: Mapping[str, Small] = {"/ping": PING, "/health/live": LIVE}
ROOT: Small = (200, JSON, b"")
OPTIONS: Small = (204, b"allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n", b"")


def status_line(status: int) -> bytes:
    """`HTTP/1.1 200 OK` with its line end, also for a status that nobody has named."""
    return STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status


def date_line(now: float) -> bytes:
    """The Date header of `now`, in seconds since the epoch."""
    return b"date: %b\r\n" % formatdate(now, usegmt=True).encode()
