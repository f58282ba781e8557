"""Compile the modules that pyproject.toml lists under `tool.routerd` to machine code: `scripts/compiled.py [FOLDER]`.

FOLDER (build/compiled) becomes the package as a wheel installs it, each compiled module beside its source, so it can be
put first on PYTHONPATH. What was built for the same sources is not built again. `--header` prints the header that a
compiler needs of this Python; `--possible` exits with 1, and says why, where it or the compiler is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import Any

import mypyc.build
from mypy.version import __version__ as mypy_version
from setuptools import Distribution  # type: ignore[import-untyped]
from setuptools.command.build_ext import build_ext  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
HEADER = Path(sysconfig.get_path("include")) / "Python.h"
NAME = "routerd"  # of the extension that holds all the code: routerd__mypyc
# Only our own code is looked into: what comes out is then the same wherever the other packages are, or are not.
# `make types` is the judge of types; here two errors would be about packages that nobody has looked into.
OPTIONS = (
    "--config-file=", "--no-site-packages", "--ignore-missing-imports", "--explicit-package-bases",
    "--namespace-packages", "--disable-error-code=call-arg", "--disable-error-code=var-annotated",
)  # fmt: skip


class BuildInParallel(build_ext):  # type: ignore[misc]
    """Compiles on all cores what is older than its source; setuptools goes file by file, and takes all of them."""

    def build_extensions(self) -> None:
        compiler: Any = self.compiler
        one, link = compiler._compile, compiler.link
        begun: list[Future[None]] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def compile_one(target: str, source: str, *rest: Any) -> None:
                if is_older(Path(target), [Path(source), *map(Path, self._headers(source))]):
                    begun.append(pool.submit(one, target, source, *rest))

            def link_all(*arguments: Any, **options: Any) -> None:
                while begun:
                    begun.pop().result()
                link(*arguments, **options)

            compiler._compile, compiler.link = compile_one, link_all
            super().build_extensions()

    def _headers(self, source: str) -> list[str]:
        return next((each.depends for each in self.extensions if source in each.sources), [])


def is_older(made: Path, sources: Iterable[Path]) -> bool:
    """Whether `made` is missing, or older than one of its sources."""
    return not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def modules() -> list[str]:
    """The paths of what is compiled."""
    listed: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][NAME]["compiled"]
    return listed


def refuse_narrowed(operations: str) -> None:
    """Exit where an attribute is read as the None that mypy has seen it to be, since a call in between may change it:
    machine code raises TypeError then.
    """
    for function in operations.split("\ndef ")[1:]:
        read = dict(re.findall(r"^ +(\w+) = (?:borrow )?(\w+\.\w+)$", function, re.MULTILINE))
        for register in re.findall(r"= unbox\(None, (\w+)\)", function):
            if register in read:
                sys.exit(f"{function.partition('(')[0]} reads {read[register]} as None: see ARCHITECTURE.md")


def build(work: Path) -> Path:
    """Build in the folder `work` what is not up to date; returns the folder that holds the extensions alone."""
    made, stamp, begun = work / "made", work / "stamp", time()
    if is_older(stamp, [ROOT / "pyproject.toml", *(ROOT / NAME).rglob("*.py")]):
        generated = mypyc.build.mypycify(
            # `make types` may be at work beside it, and mypy's cache is a database.
            [*OPTIONS, f"--cache-dir={work / 'cache'}", *modules()], opt_level="2", debug_level="0", multi_file=True,
            group_name=NAME, target_dir=str(work / "c"),
        )  # fmt: skip
        refuse_narrowed((work / "c" / "ops.txt").read_text())
        command = BuildInParallel(Distribution({"name": NAME, "ext_modules": generated}))
        command.build_lib, command.build_temp = str(made), str(work / "objects")
        command.ensure_finalized()
        command.run()
        for left in set(made.rglob("*.so")) - set(map(Path, command.get_outputs())):
            left.unlink()  # of a module that is listed no more
        stamp.touch()
        os.utime(stamp, (begun, begun))
    return made


def why_not() -> str | None:
    """What is missing here; None when nothing is."""
    if not shutil.which("cc"):
        return "there is no C compiler"
    return None if HEADER.is_file() else f"there is no {HEADER}"


def main() -> None:
    arguments = ArgumentParser(description="Compile the hot path to machine code.")
    arguments.add_argument("folder", nargs="?", type=Path, default=Path("build/compiled"))
    arguments.add_argument("--header", action="store_true", help="print where the header of this Python is to be")
    arguments.add_argument("--possible", action="store_true", help="exit with 1 where it can't be compiled")
    given = arguments.parse_args()
    if given.header:
        print(HEADER)
    elif not given.possible:
        compile_to(given.folder.resolve())
    elif reason := why_not():
        sys.exit(f"nothing is compiled: {reason}")


def compile_to(folder: Path) -> None:
    """Make the package in `folder`."""
    os.chdir(ROOT)  # mypyc takes the names of modules from their paths
    work = folder.with_name(f"{folder.name}-{sysconfig.get_config_var('SOABI')}-mypy-{mypy_version}")
    made = build(work)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / NAME, folder / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(made, folder, dirs_exist_ok=True)
    (folder / "frontend").symlink_to(ROOT / "frontend")  # where the pages are looked for from a source tree


if __name__ == "__main__":
    main()
