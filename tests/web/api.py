"""A daemon, and its management API as a table of requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.caller import Response
from tests.support.daemon import Daemon, write_config

NO_BODY = 204


class Api:
    """Requests to `/api` of a daemon, each on a connection of its own; and the file that they edit."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    @property
    def path(self) -> Path:
        return self.daemon.folder / "router.yaml"

    @property
    def text(self) -> str:
        """The file as it is."""
        return self.path.read_text()

    def send(self, method: str, path: str, body: Any = None, if_match: str | None = None) -> Response:
        """One request; `path` begins behind `/api`."""
        headers = {} if if_match is None else {"If-Match": if_match}
        with self.daemon.caller() as caller:
            caller.request(method, f"/api{path}", body, headers)
            response = caller.head()
            return response if response.status == NO_BODY else caller.read(response)

    def get(self, path: str) -> Any:
        """What a GET answers."""
        response = self.send("GET", path)
        assert response.status == 200, response.body
        return response.json()

    def serve(self, text: str) -> None:
        """Have another text as a whole."""
        response = self.send("PUT", "/config", {"text": text}, if_match="*")
        assert response.status == 200, response.body

    def edit_by_hand(self, text: str) -> None:
        """Save another text, and wait until it serves."""
        after = len(self.daemon.log)
        write_config(self.daemon.folder, text)
        self.daemon.wait_adopted(text, after=after)
        self.send("POST", "/config/reload")  # which waits until everyone has been told

    def refused(self, method: str, path: str, body: Any = None, if_match: str | None = None) -> tuple[int, str]:
        """Status and kind of a request that is refused, after checking that nothing was written."""
        before = self.path.read_bytes()
        response = self.send(method, path, body, if_match)
        assert response.headers["content-type"] == "application/problem+json", response.body
        told = response.json()
        assert {"type", "title", "status", "detail", "kind"} <= told.keys()
        assert (told["status"], self.path.read_bytes()) == (response.status, before)
        return response.status, told["kind"]


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went, and those that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]
