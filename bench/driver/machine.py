"""The machine and the versions that figures were taken with; nothing that names the machine itself."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import time
from dataclasses import astuple, dataclass
from pathlib import Path

from driver.subjects import find_nginx

# More than this share of the machine used by others makes single figures doubtful.
NOISY = 0.05
_IDLE, _WAITING, _STOLEN = 3, 4, 7  # columns of /proc/stat
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_CORES = os.cpu_count() or 1
_PACKAGES = ("httptools", "uvloop", "msgspec", "quart", "hypercorn")


class Neighbours:
    """What else was done with the machine since this object was made, as shares of all its cores."""

    def __init__(self) -> None:
        self._begun = _Spent.now()

    def others(self) -> float:
        """What other processes used; to be asked when everything that we started has ended."""
        spent = _Spent.now() - self._begun
        return max(0.0, spent.busy - spent.own) / (spent.seconds * _CORES)

    def stolen(self) -> float:
        """What the hypervisor gave to others while something here wanted to run."""
        spent = _Spent.now() - self._begun
        return spent.stolen / (spent.seconds * _CORES)


@dataclass(frozen=True)
class _Spent:
    """In seconds: time, the machine's CPU time and the stolen one; of this program with the children it saw end."""

    seconds: float
    busy: float
    stolen: float
    own: float

    @classmethod
    def now(cls) -> _Spent:
        ticks = [int(word) / _TICKS_PER_SECOND for word in Path("/proc/stat").read_text().split()[1:9]]
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        own = sum(one.ru_utime + one.ru_stime for one in used)
        busy = sum(ticks) - sum(ticks[column] for column in (_IDLE, _WAITING, _STOLEN))
        return cls(time.monotonic(), busy, ticks[_STOLEN], own)

    def __sub__(self, before: _Spent) -> _Spent:
        pairs = zip(astuple(self), astuple(before), strict=True)
        return _Spent(*(now - then for now, then in pairs))


def describe(python: Path) -> dict[str, str]:
    """What belongs under a table: processor, kernel, versions of everything that took part."""
    return {
        "processor": f"{_CORES} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{_distribution()}, Linux {re.sub(r'[^0-9.].*', '', platform.release())}",
        "nginx": _output([find_nginx(), "-v"]).rpartition("/")[2],
        "OpenSSL": _output([str(python), "-c", "import ssl; print(ssl.OPENSSL_VERSION.split()[1])"]),
        **_versions(python),
    }


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _versions(python: Path) -> dict[str, str]:
    lines = ["import platform; from importlib.metadata import version", "print('Python', platform.python_version())"]
    lines += [f"print('{name}', version('{name}'))" for name in _PACKAGES]
    return dict(line.split(" ", 1) for line in _output([str(python), "-c", "\n".join(lines)]).splitlines())


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).strip()
