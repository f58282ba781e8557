"""Single requests from Python, where one answer is wanted and not a load."""

from __future__ import annotations

import http.client
import json
import re
import time
from pathlib import Path

from driver.load import LoadFailed
from driver.process import DidNotStart, Process
from driver.subjects import Door


def post(door: Door, body: Path) -> int:
    """The status of one POST. Raises OSError when nobody listens."""
    headers = dict(header.split(": ", 1) for header in door.headers)
    return _status(door.port, "POST", door.path, body.read_bytes(), {"Content-Type": "application/json", **headers})


def config_of(door: Door, body: Path) -> str:
    """The config that answered a POST, as its header says. Raises OSError when nobody listens."""
    headers = dict(header.split(": ", 1) for header in door.headers)
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=30)
    try:
        connection.request("POST", door.path, body.read_bytes(), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.headers["x-routerd-config"] or ""
    finally:
        connection.close()


_ADOPTED = re.compile(rb'^routerd_config_reloads_total\{result="adopted"\} (\d+)', re.M)


class Manager:
    """Whoever manages a routerd, over one connection: a program of the same user on the same machine needs no token."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def reload(self) -> str:
        """Have it look at its file; the digest of what serves after that. Raises LoadFailed when it refused."""
        answer = json.loads(self._ask("POST", "/api/config/reload", b"{}"))
        return str(answer["digest"])

    def adopted(self) -> int:
        """How many texts of router.yaml it has adopted since it started."""
        found = _ADOPTED.search(self._ask("GET", "/metrics"))
        return int(found[1]) if found else 0

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise LoadFailed(f"{method} {path} was answered with {answer.status}: {text[:300]!r}")
        return text


def get(port: int, path: str) -> int:
    """The status of one GET. Raises OSError when nobody listens."""
    return _status(port, "GET", path, None, {})


def _status(port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def seconds_to_first_answer(process: Process, door: Door, body: Path, limit: float = 90.0) -> float:
    """From the process's start until a POST is answered with 200. Raises DidNotStart."""
    while time.monotonic() - process.started_at < limit:
        process.check_alive()
        try:
            if post(door, body) == 200:
                return time.monotonic() - process.started_at
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.002)
    raise DidNotStart(f"no 200 within {limit:.0f} s\n{process.log_end()}")
