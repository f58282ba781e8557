"""The load generator as a function."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from driver.subjects import Door


class LoadFailed(Exception):
    """The load generator ended badly, or what it measured is no measurement (errors, refusals)."""


@dataclass(frozen=True)
class Plan:
    """What to send; see load.c for the meaning. `seconds` bounds the run, `requests` may end it earlier."""

    body: Path
    connections: int = 32
    seconds: float = 2.0
    requests: int | None = None
    rate: float | None = None
    events: int | None = None
    ends: str | None = None
    late_ms: int | None = None
    retry: str | None = None
    sum_header: str | None = None

    def options(self) -> list[str]:
        named = {
            "body": self.body,
            "connections": self.connections,
            "seconds": self.seconds,
            "requests": self.requests,
            "rate": self.rate,
            "events": self.events,
            "ends": self.ends,
            "late": self.late_ms,
            "retry": self.retry,
            "sum-header": self.sum_header,
        }
        return [word for name, value in named.items() if value is not None for word in (f"--{name}", str(value))]


@dataclass(frozen=True)
class Outcome:
    """What load.c printed. Times are in microseconds, `seconds` and `own_cpu` in seconds."""

    seconds: float
    sent: int
    ok: int
    refused: int
    errors: int
    reconnects: int
    incomplete: int
    unfinished: int
    events: int
    bytes: int
    late: int
    gap_max: int
    header_sum: int
    p50: int
    p90: int
    p99: int
    max: int
    first_byte_p50: int
    first_byte_p99: int
    own_cpu: float
    statuses: dict[str, int]
    sample: str

    def must_be_clean(self) -> Self:
        """Raises LoadFailed unless every request was answered, whole, with 2xx."""
        if self.ok and not (self.refused or self.errors or self.incomplete or self.unfinished):
            return self
        raise LoadFailed(
            f"{self.ok} of {self.sent} answered, {self.refused} refused {self.statuses}, {self.errors} errors, "
            f"{self.incomplete} incomplete, {self.unfinished} unfinished; first refusal: {self.sample or 'none'}"
        )


class Load:
    """Runs the load generator, pinned to `core`."""

    def __init__(self, program: Path, core: int) -> None:
        self._program = program
        self._core = core

    def begin(self, door: Door, plan: Plan) -> subprocess.Popen[str]:
        """Start it and return at once; `end` waits."""
        command = ["taskset", "-c", str(self._core), str(self._program), "--port", str(door.port), "--path", door.path]
        for header in door.headers:
            command += ["--header", header]
        return subprocess.Popen(command + plan.options(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, running: subprocess.Popen[str]) -> Outcome:
        """Wait for it. Raises LoadFailed when it printed no result."""
        output, errors = running.communicate()
        if running.returncode:
            raise LoadFailed(errors.strip() or f"load ended with {running.returncode}")
        return Outcome(**json.loads(output))

    def stop(self, running: subprocess.Popen[str]) -> Outcome:
        """End it now. Raises LoadFailed when it printed no result."""
        running.terminate()
        return self.end(running)

    def run(self, door: Door, plan: Plan) -> Outcome:
        """From start to end."""
        return self.end(self.begin(door, plan))
