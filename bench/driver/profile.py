"""bench/profile: routerd under one kind of load, looked at with perf, py-spy, cProfile or strace."""

from __future__ import annotations

import argparse
import pstats
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from driver.bench import QUICK, Bench
from driver.build import MissingTool
from driver.cli import add_common_options, prepared
from driver.load import Plan
from driver.mock import STREAM_EVENTS
from driver.places import TOOLS
from driver.process import Process
from driver.rows import translate
from driver.subjects import Routerd


@dataclass(frozen=True)
class Relayed:
    """A kind of load whose dialect is the provider's; `size` is that of the request in bytes."""

    size: int
    is_stream: bool
    connections: int


LOADS: Mapping[str, Relayed | translate.Way] = MappingProxyType({
    "whole": Relayed(1000, False, 32),
    "single": Relayed(1000, False, 1),
    "50k": Relayed(50_000, False, 32),
    "200k": Relayed(200_000, False, 32),
    "stream": Relayed(1000, True, 32),
    **translate.WAYS,
})
_LINES = 45


@dataclass(frozen=True)
class Work:
    """What was done while somebody looked: requests (or events, for streams) and CPU-seconds."""

    unit: str
    count: int
    cpu: float

    def line(self) -> str:
        return f"{self.count:,} {self.unit}s, {self.cpu / self.count * 1e6:.1f} µs of CPU each"


@dataclass(frozen=True)
class Session:
    """One load on one routerd."""

    bench: Bench
    what: str
    upstream: str
    seconds: float

    def start(self, *options: str) -> Routerd:
        """routerd, its interpreter started with these options, warmed up."""
        installed = replace(self.bench.installations[0], options=options)
        is_translated = isinstance(LOADS[self.what], translate.Way)
        routerd = self.bench.spawn_routerd(installed, translate.config(self.bench) if is_translated else None)
        routerd.process.wait_for_port(routerd.port, 90)
        self._end(routerd.process, self._begin(routerd, 0.5), 0.0)
        return routerd

    def load(self, routerd: Routerd, look: Callable[[], None] = lambda: None) -> Work:
        """Load it; `look` is called meanwhile."""
        before = routerd.process.cpu_seconds()
        running = self._begin(routerd, self.seconds)
        look()
        return self._end(routerd.process, running, before)

    def requests(self) -> int:
        """How many the mock was asked so far."""
        load = LOADS[self.what]
        return self.bench.mock.requests(load.port if isinstance(load, translate.Way) else self.upstream)

    def _begin(self, routerd: Routerd, seconds: float) -> subprocess.Popen[str]:
        load = LOADS[self.what]
        if isinstance(load, translate.Way):
            return self.bench.load.begin(load.door(routerd), replace(load.plan(self.bench), seconds=seconds))
        door = routerd.door(self.upstream)
        body = self.bench.bodies.chat(door.model, load.size, load.is_stream)
        return self.bench.load.begin(door, Plan(body, load.connections, seconds))

    def _end(self, process: Process, running: subprocess.Popen[str], before: float) -> Work:
        outcome = self.bench.load.end(running).must_be_clean()
        load = LOADS[self.what]
        is_stream = isinstance(load, translate.Way) or load.is_stream
        count = outcome.events if is_stream else outcome.ok
        return Work("event" if is_stream else "request", count, process.cpu_seconds() - before)


def _need(program: str, how: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise MissingTool(f"no {program}: {how}")
    return found


def with_perf(session: Session) -> None:
    """Functions of the interpreter, its C extensions and the kernel, by their own time."""
    perf = _need("perf", "apt-get install linux-perf")
    routerd, data = session.start(), session.bench.folder / "perf.data"
    with routerd.process as process:
        record = [perf, "record", "--quiet", "--freq", "1999", "--output", str(data), "--pid", str(process.pid)]
        work = session.load(routerd, lambda: _look([*record, "--", "sleep", str(session.seconds * 0.9)]))
    print(f"perf, by own time: {work.line()}\n")
    for fields in (["dso"], ["dso", "symbol"]):
        report = _run([perf, "report", "--stdio", "--quiet", "--sort", ",".join(fields), "--input", str(data)])
        lines = [line.rstrip(" -") for line in report.splitlines() if line.strip()]
        print("\n".join(lines[:_LINES]), "\n")


def with_py_spy(session: Session) -> None:
    """Python functions by own and by inclusive time, sampled from outside: routerd runs at full speed."""
    spy, routerd, output = _py_spy(), session.start(), session.bench.folder / "stacks"
    with routerd.process as process:
        record = [spy, "record", "--pid", str(process.pid), "--duration", str(max(1, int(session.seconds * 0.9)))]
        record += ["--rate", "500", "--format", "raw", "--nonblocking", "--output", str(output)]
        work = session.load(routerd, lambda: _look(record))
    stacks = _parse_stacks(output.read_text())
    total = sum(count for _, count in stacks)
    print(f"py-spy, {total} samples: {work.line()}\n")
    for title, names in _TABLES.items():
        counts: Counter[str] = Counter()
        for frames, count in stacks:
            counts.update(dict.fromkeys(names(frames), count))
        print(f"   share    µs  {title}")
        for name, count in counts.most_common(_LINES):
            print(f"{count / total:8.1%} {count / total * work.cpu / work.count * 1e6:5.1f}  {name}")
        print()


def _parse_stacks(text: str) -> list[tuple[list[str], int]]:
    """(frames from the outermost in, samples) of py-spy's raw format: `function (file:line);… count`."""
    rows = (line.rpartition(" ") for line in text.splitlines())
    stacks = (([frame for frame in stack.split(";") if frame], int(count)) for stack, _, count in rows)
    return [(frames, count) for frames, count in stacks if frames]


def _function(frame: str) -> str:
    return re.sub(r":\d+\)$", ")", frame)


def _file(frame: str) -> str:
    return _function(frame).rpartition("(")[2].rstrip(")")


# What a sample counts for, by the title of the table.
_TABLES: Mapping[str, Callable[[list[str]], Iterable[str]]] = MappingProxyType({
    "files, own time": lambda frames: [_file(frames[-1])],
    "functions, own time": lambda frames: [_function(frames[-1])],
    "functions, with what they call": lambda frames: map(_function, frames),
    "lines, own time": lambda frames: [frames[-1]],
})  # fmt: skip


def _py_spy() -> str:
    """Installed into a venv of its own when it is not there."""
    program = TOOLS / "bin" / "py-spy"
    if not program.exists():
        _run([sys.executable, "-m", "venv", str(TOOLS)])
        _run([str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", "py-spy"])
    return str(program)


def with_cprofile(session: Session) -> None:
    """Calls of Python functions per request. Times are inflated by the profiler; the counts are exact."""
    output = session.bench.folder / "profile.out"
    asked_before = session.requests()
    routerd = session.start("-m", "cProfile", "-o", str(output))
    with routerd.process:
        work = session.load(routerd)
        count = session.requests() - asked_before  # the profile holds the warm-up too
    count = count * STREAM_EVENTS if work.unit == "event" else count
    stats = pstats.Stats(str(output)).stats  # type: ignore[attr-defined]
    every_call = sum(calls for _, calls, _, _, _ in stats.values())
    print(
        f"cProfile: {work.line()} under the profiler; {every_call / count:.0f} calls, from the start of the process on"
    )
    print(f"    calls  own µs   all µs  function, per {work.unit}")
    rows = sorted(((own, calls, every, name) for name, (_, calls, own, every, _) in stats.items()), reverse=True)
    for own, calls, every, (file, line, function) in rows[:_LINES]:
        place = f"{'/'.join(Path(file).parts[-2:])}:{line} " if line else ""
        print(f"{calls / count:9.2f} {own / count * 1e6:7.2f} {every / count * 1e6:8.2f}  {place}{function}")


def with_strace(session: Session) -> None:
    """System calls per request. strace slows routerd down, so that more comes in with one wake-up than usual."""
    strace = _need("strace", "apt-get install strace")
    routerd, output = session.start(), session.bench.folder / "strace"
    with routerd.process as process:
        tracer = subprocess.Popen([strace, "-c", "-f", "-q", "-o", str(output), "-p", str(process.pid)])
        work = session.load(routerd)
        tracer.terminate()
        tracer.wait()
    print(f"strace: {work.line()} under strace\n{'per ' + work.unit:>12}  call")
    for name, calls in _syscalls(output.read_text()):
        print(f"{calls / work.count:12.3f}  {name}")


def _syscalls(table: str) -> list[tuple[str, int]]:
    """(name, calls) of strace's summary, the most frequent first."""
    rows = [line.split() for line in table.splitlines()]
    found = [(row[-1], int(row[3])) for row in rows if len(row) in {5, 6} and row[3].isdigit() and row[-1] != "total"]
    return sorted(found, key=lambda row: -row[1])


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _look(command: Sequence[str]) -> None:
    _run(command)


VIEWS: Mapping[str, Callable[[Session], None]] = MappingProxyType({
    "py-spy": with_py_spy,
    "perf": with_perf,
    "calls": with_cprofile,
    "syscalls": with_strace,
})  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """0: looked. 2: a tool is missing."""
    parser = argparse.ArgumentParser(prog="bench/profile", description="Where routerd's CPU time goes under load.")
    parser.add_argument("views", nargs="*", metavar="VIEW", help=f"{', '.join(VIEWS)} (py-spy)")
    parser.add_argument("--load", default="whole", choices=list(LOADS), help="what to send (whole)")
    parser.add_argument("--upstream", default="fast", choices=["fast", "tls"], help="plain or TLS to the mock (fast)")
    parser.add_argument("--seconds", type=float, default=4.0)
    add_common_options(parser)
    options = parser.parse_args(arguments)
    try:
        with prepared(options, QUICK) as bench:
            for view in options.views or ["py-spy"]:
                VIEWS[view](Session(bench, options.load, options.upstream, options.seconds))
    except MissingTool as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2
    return 0
