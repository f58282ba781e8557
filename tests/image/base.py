"""A root file system that can stand in for python:slim: this machine's Python, a shell and the libraries they need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

TOOLS = ("sh", "mkdir")
# Wheels expect these from the system, beside what Python itself links to: the compiler's, and all of glibc's.
LIBRARIES = ("gcc_s", "stdc++", "pthread", "dl", "m", "rt", "util", "resolv", "nss_dns", "nss_files")
LEFT_OUT = ("site-packages", "dist-packages", "test", "__pycache__", "idlelib", "lib2to3", "tkinter", "config-*", "*.a")


def write_root(root: Path) -> None:
    """Fill the empty folder `root`. Every file keeps its absolute path, so that Python finds itself."""
    for folder in ("etc", "proc", "sys", "dev", "run", "var", "usr/local/bin"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").mkdir(mode=0o777)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    python = Path(sys.executable).resolve()
    standard_library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    shutil.copytree(
        standard_library, inside(root, standard_library), ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True
    )
    copy_pip_wheels(root)
    tools = [Path(shutil.which(tool) or tool) for tool in TOOLS]
    for file in {python, *tools, *libraries([python, *tools, *standard_library.glob("lib-dynload/*.so")])}:
        copy(root, file)
    if not (root / "bin").exists():
        (root / "bin").symlink_to("usr/bin")
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to(python)


def copy_pip_wheels(root: Path) -> None:
    """Debian keeps ensurepip's wheel outside the standard library."""
    folder = Path("/usr/share/python-wheels")
    if folder.is_dir():
        shutil.copytree(folder, inside(root, folder))


def libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    command = ["ldd", *map(str, binaries)]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    yield from (Path(path) for path in re.findall(r"(/\S+) \(0x", found))
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for name in LIBRARIES:
        yield from (Path(path) for path in re.findall(rf"lib{re.escape(name)}\.so\.\d .*=> (/\S+)", known))


def copy(root: Path, file: Path) -> None:
    """Copy what `file` resolves to, under the name it was asked for."""
    target = inside(root, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(os.path.realpath(file), target)


def inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")
