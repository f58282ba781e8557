"""A process group on one core: start, stop, and what /proc says of its CPU time and memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """The process ended, or opened no port in time; the text holds the end of its log."""


@dataclass(frozen=True)
class Memory:
    """Megabytes (of 10**6 bytes), summed over the processes: resident, and proportional (shared pages divided)."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Effort:
    """What processes used: CPU-seconds, and system calls that read and write."""

    cpu: float
    reads: int
    writes: int

    def __sub__(self, before: Effort) -> Effort:
        return Effort(self.cpu - before.cpu, self.reads - before.reads, self.writes - before.writes)


class Process:
    """A program in its own process group, pinned to one core. Its output goes to `log`."""

    def __init__(
        self,
        command: list[str],
        core: int,
        log: Path,
        environ: Mapping[str, str] = MappingProxyType({}),
        folder: Path | None = None,
    ) -> None:
        self.log = log
        self._output = log.open("ab")
        self.started_at = time.monotonic()
        self._popen = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
            env={**os.environ, **environ},
            cwd=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_for_port(self, port: int, seconds: float = 10.0) -> None:
        """Until something listens on the port. Raises DidNotStart."""
        deadline = time.monotonic() + seconds
        while not _is_open(port):
            self.check_alive()
            if time.monotonic() > deadline:
                raise DidNotStart(f"no answer on its port within {seconds:.0f} s\n{self.log_end()}")
            time.sleep(0.005)

    def check_alive(self) -> None:
        """Raises DidNotStart when the process has ended."""
        if self._popen.poll() is not None:
            raise DidNotStart(f"ended with {self._popen.returncode}\n{self.log_end()}")

    def log_end(self) -> str:
        """The last lines of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])

    def cpu_seconds(self) -> float:
        """User and system time of the whole group so far, children that have ended included."""
        return sum(_cpu_seconds(pid) for pid in self._members())

    def effort(self) -> Effort:
        """What the whole group used so far."""
        members = list(self._members())
        calls = [_calls(pid) for pid in members]
        reads, writes = (sum(column) for column in zip(*calls, strict=True)) if calls else (0, 0)
        return Effort(sum(map(_cpu_seconds, members)), reads, writes)

    def memory(self) -> Memory:
        """Memory of the whole group now."""
        totals = [_memory(pid) for pid in self._members()]
        return Memory(sum(one.rss for one in totals), sum(one.pss for one in totals))

    def stop(self) -> None:
        """SIGTERM to the group, SIGKILL after five seconds."""
        self._signal(signal.SIGTERM)
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self._popen.wait()
        self._output.close()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def _members(self) -> Iterator[int]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _group(int(entry.name)) == self.pid:
                yield int(entry.name)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _cpu_seconds(pid: int) -> float:
    """The process's CPU clock, all its threads in nanoseconds, and in ticks what its ended children took."""
    try:
        # What clock_getcpuclockid(3) makes of a pid: /proc/PID/stat only counts ticks of 10 ms.
        own = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return own + sum(map(int, fields[13:15])) / _TICKS_PER_SECOND


def _calls(pid: int) -> tuple[int, int]:
    """How often the process called read and write; recv and send, which uvloop does not use, are not counted."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return 0, 0
    counts = dict(line.split(": ") for line in lines)
    return int(counts["syscr"]), int(counts["syscw"])


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Memory(0.0, 0.0)
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return Memory(kilobytes["Rss"] * 1.024e-3, kilobytes["Pss"] * 1.024e-3)
