"""Takes the built pages into the wheel, and the hot path as machine code where that is asked for. Hatchling calls it.

ROUTERD_COMPILE=1 asks for it: the wheel is then for this platform and this Python, and needs a C compiler to be built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """`frontend/dist` becomes `routerd/web/pages`; the extensions go beside the sources that they were made of."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What a build in an environment of its own needs beside hatchling."""
        return ["mypy>=1.15", "setuptools>=75"] if _is_compiled() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is made; an editable one serves `frontend/dist` where it lies."""
        if version == "editable":
            return
        frontend = Path(self.root) / "frontend"
        pages = frontend / "dist"
        if not (pages / "index.html").is_file():
            _build(frontend)
        build_data["force_include"][str(pages)] = "routerd/web/pages"
        if _is_compiled():
            build_data["force_include"] |= _compile(Path(self.root))
            build_data |= {"pure_python": False, "infer_tag": True}


def _build(frontend: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the pages are not built and there is no npm: run `make ui` where Node is, or install Node")
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        subprocess.run([npm, *command], cwd=frontend, check=True)


def _is_compiled() -> bool:
    return os.environ.get("ROUTERD_COMPILE") == "1"


def _compile(root: Path) -> dict[str, str]:
    """The extensions, and where each goes."""
    folder = root / "build" / "compiled"
    subprocess.run([sys.executable, root / "scripts" / "compiled.py", folder], check=True)
    made = folder.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}")
    return {str(file): str(file.relative_to(folder)) for file in made}
