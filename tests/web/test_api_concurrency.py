"""Many writers at once, and an editor that saves in between: what was accepted is in the file, and nothing else.

`ROUTERD_EDITS=200` lets each writer make two hundred edits; in the usual run it is fewer, which shows the same.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from routerd.config.file import ConfigFileError, digest
from routerd.config.write import write_if
from tests.support.caller import Caller, Response
from tests.support.daemon import Daemon
from tests.support.gate import together
from tests.web.api import Api

WRITERS = 8
EDITS = int(os.environ.get("ROUTERD_EDITS", "25"))
TEXT = "# saved 0 times\nproviders:\n" + "".join(
    f"  w{number}: {{adapter: echo, models: [echo], metadata: {{n: 0}}}}\n" for number in range(WRITERS)
)


class Writer:
    """Counts in the metadata of its own provider, and now and then adds and deletes one that all of them want."""

    def __init__(self, daemon: Daemon, number: int) -> None:
        self.name = f"w{number}"
        self.count = 0  # as the file must have it
        self.statuses: list[int] = []
        self._seen = '"of nothing"'
        self._caller: Caller = daemon.caller()

    def work(self) -> None:
        """Make all edits."""
        with self._caller:
            for turn in range(EDITS):
                (self._plainly, self._on_condition, self._add, self._plainly)[turn % 4](turn)

    def _plainly(self, turn: int) -> None:
        self._count(turn, {})

    def _on_condition(self, turn: int) -> None:
        """If nobody else has written since this one's last edit."""
        self._count(turn, {"If-Match": self._seen})

    def _count(self, turn: int, headers: dict[str, str]) -> None:
        body = {"metadata": {"n": turn + 1}}
        answer = self._send("PATCH", f"/api/providers/{self.name}", body, headers)
        if answer.status == 200:
            told = answer.json()
            lines = [line for line in told["diff"].splitlines() if line[0] in "+-" and line[1:2] == " "]
            assert [line.rpartition("n: ")[2] for line in lines] == [f"{self.count}}}}}", f"{turn + 1}}}}}"], lines
            assert told["metadata"] == body["metadata"]
            self.count = turn + 1
            self._seen = answer.headers["etag"]
        else:
            assert answer.status == 412, answer.body

    def _add(self, turn: int) -> None:
        name = f"shared-{turn % 3}"
        answer = self._send("POST", "/api/providers", {"name": name, "adapter": "echo"}, {})
        if answer.status == 201:
            self._caller.request("DELETE", f"/api/providers/{answer.json()['id']}")
            assert self._caller.head().status == 204, "what was accepted is there"
        else:
            assert answer.status == 409, answer.body

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
        answer = self._caller.exchange(method, path, body, headers)
        self.statuses.append(answer.status)
        return answer


class Editor:
    """Saves the file with another first line until it is told to stop; it looks before, as a careful one does."""

    def __init__(self, path: Path, data: Path) -> None:
        self.saves = 0
        self._path, self._data = path, data
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._save)

    def __enter__(self) -> Editor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _save(self) -> None:
        while not self._is_over.wait(0.05):
            before = self._path.read_bytes()
            first, rest = before.decode().split("\n", 1)
            assert first == f"# saved {self.saves} times", "a save was lost"
            try:
                write_if(self._path, digest(before), f"# saved {self.saves + 1} times\n{rest}", self._data)
                self.saves += 1
            except ConfigFileError as error:
                assert error.trouble == "changed", error  # an edit came in between: it looks again


def test_nothing_is_lost(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        api = Api(daemon)
        writers = [Writer(daemon, number) for number in range(WRITERS)]
        with Editor(api.path, tmp_path / "editor") as editor:
            together([writer.work for writer in writers])
        lines = api.text.splitlines()
        assert lines[0] == f"# saved {editor.saves} times"
        assert [line for line in lines[2:] if "shared" not in line] == [
            f"  {writer.name}: {{adapter: echo, models: [echo], metadata: {{n: {writer.count}}}}}" for writer in writers
        ]
        assert "shared" not in api.text
        statuses = [status for writer in writers for status in writer.statuses]
        assert {200, 201, 409, 412} >= set(statuses) >= {200, 201, 412}
        assert editor.saves > 0
        assert all(writer.count for writer in writers)
