"""`routerd serve` as a process of its own, with a router.yaml in a folder of its own, on a free port."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.caller import Caller, Response
from tests.support.gate import PATIENCE

ROOT = Path(__file__).parents[2]
PACKAGE = os.environ.get("ROUTERD_COMPILED", str(ROOT))  # where the daemons find routerd: see `make compiled`

Line = dict[str, Any]


def write_config(folder: Path, text: str) -> Path:
    """Write `router.yaml` into `folder` the way editors save, by a rename; returns its path."""
    path = folder / "router.yaml"
    draft = folder / ".router.yaml.draft"
    draft.write_text(text)
    draft.replace(path)
    return path


def digest(text: str) -> str:
    """What `x-routerd-config` says once this text is adopted."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Daemon:
    """Runs while it is entered as a context manager; leaving sends SIGTERM and checks that it exits with 0.

    `log` holds every line of standard error: JSON as it is, anything else as `{"text": line}`.
    """

    def __init__(self, folder: Path, text: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log: list[Line] = []
        self.host = "127.0.0.1"
        self.port = 0
        self._path = write_config(folder, text)
        self._environment = dict(environment or {})
        self._grown = threading.Condition()
        self._is_read = False  # the log, to its end

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "routerd", "serve", "--config", str(self._path)]
        self.process = subprocess.Popen(
            [*command, "--host", self.host, "--port", "0", "--data-dir", str(self.folder / "data")],
            cwd=self.folder,
            env=self._clean_environment(),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._reading = threading.Thread(target=self._read_log, daemon=True)
        self._reading.start()
        try:
            self.port = self.wait_log(lambda line: line.get("event") == "listening", "the daemon listens")["port"]
        except BaseException:
            self._end()
            raise
        return self

    def _clean_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(self.folder), "PYTHONPATH": PACKAGE, **self._environment}

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for raw in self.process.stderr:
            with self._grown:
                self.log.append(_parsed(raw.decode(errors="replace").rstrip("\n")))
                self._grown.notify_all()
        self.process.wait()
        with self._grown:
            self._is_read = True
            self._grown.notify_all()

    def wait_log(self, wanted: Callable[[Line], bool], what: str, *, after: int = 0) -> Line:
        """The first line past the first `after` that is wanted. Raises when it does not come or the daemon ends."""
        seen = after  # each line is looked at once: under load there are thousands

        def look() -> Line | None:
            nonlocal seen
            begin, seen = seen, len(self.log)
            return next((line for line in self.log[begin:seen] if wanted(line)), None)

        with self._grown:
            found = self._grown.wait_for(lambda: look() or self._is_read, PATIENCE)
        if not isinstance(found, dict):
            raise AssertionError(f"{'the daemon ended' if found else 'timed out'} before: {what}\n{self.dump()}")
        return found

    def find(self, wanted: Callable[[Line], bool], after: int = 0) -> Line | None:
        """The first line past the first `after` that is wanted, if it has come already."""
        return next((line for line in self.log[after:] if wanted(line)), None)

    def _has_ended(self) -> bool:
        return self.process.poll() is not None

    def dump(self) -> str:
        """The log as text, for a failure's message."""
        return "\n".join(json.dumps(line) for line in self.log)

    def caller(self, *, timeout: float = PATIENCE) -> Caller:
        """A new connection to it."""
        return Caller(self.host, self.port, timeout=timeout)

    def post(self, body: Any, headers: dict[str, str] | None = None, path: str = "/v1/chat/completions") -> Response:
        """One request on a connection of its own."""
        with self.caller() as caller:
            return caller.exchange("POST", path, body, headers)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        """One request on a connection of its own."""
        with self.caller() as caller:
            return caller.exchange("GET", path, None, headers)

    def save(self, text: str) -> None:
        """Save a new config and wait until it is adopted."""
        seen = len(self.log)
        write_config(self.folder, text)
        self.wait_adopted(text, after=seen)

    def wait_adopted(self, text: str, *, after: int = 0) -> None:
        """Wait until the log says that this text is served."""

        def adopts(line: Line) -> bool:
            return line.get("event") == "config_adopted" and line["digest"] == digest(text)

        self.wait_log(adopts, "the new config is adopted", after=after)

    def _end(self) -> None:
        """Leave nothing behind, however it went."""
        self.process.kill()
        self.process.wait()
        self._reading.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def stop(self) -> int:
        """SIGTERM, then wait; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        return code

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            code = self.process.returncode if self._has_ended() else self.stop()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end within {PATIENCE} s of SIGTERM\n{self.dump()}") from error
        finally:
            self._end()
        if kind is None:
            assert code == 0, f"exit code {code}\n{self.dump()}"


def _parsed(text: str) -> Line:
    try:
        line = json.loads(text)
    except ValueError:
        return {"text": text}
    return line if isinstance(line, dict) else {"text": text}
