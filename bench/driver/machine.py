"""The machine and the versions that figures were taken with; nothing that names the machine itself."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import time
from pathlib import Path

from driver.subjects import find_nginx

# More than this share of the machine used by others makes single figures doubtful.
NOISY = 0.05
_IDLE, _WAITING = 3, 4  # columns of /proc/stat
_PACKAGES = ("httptools", "uvloop", "msgspec", "quart", "hypercorn")


class Neighbours:
    """What else ran on the machine since this object was made."""

    def __init__(self) -> None:
        self._begun = _machine_and_own_cpu()
        self._at = time.monotonic()

    def share(self) -> float:
        """The share of all cores that others used; to be asked when everything that we started has ended."""
        machine, own = (now - then for now, then in zip(_machine_and_own_cpu(), self._begun, strict=True))
        return max(0.0, (machine - own) / ((time.monotonic() - self._at) * (os.cpu_count() or 1)))


def _machine_and_own_cpu() -> tuple[float, float]:
    """CPU-seconds of the whole machine, and of this program with the children that it has seen end."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own = sum(one.ru_utime + one.ru_stime for one in used)
    return (sum(ticks) - ticks[_IDLE] - ticks[_WAITING]) / os.sysconf("SC_CLK_TCK"), own


def describe(python: Path, others: float) -> dict[str, str]:
    """What belongs under a table: processor, kernel, versions of everything that took part, and who else did."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{_distribution()}, Linux {re.sub(r'[^0-9.].*', '', platform.release())}",
        "nginx": _output([find_nginx(), "-v"]).rpartition("/")[2],
        "OpenSSL": _output([str(python), "-c", "import ssl; print(ssl.OPENSSL_VERSION.split()[1])"]),
        **_versions(python),
        "used by others meanwhile": f"{others:.0%} of the machine",
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
