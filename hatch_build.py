"""Takes the built pages into the wheel, and builds them first where npm is there. Hatchling calls it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """`frontend/dist` becomes `routerd/web/pages`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is made; an editable one serves `frontend/dist` where it lies."""
        if version == "editable":
            return
        frontend = Path(self.root) / "frontend"
        pages = frontend / "dist"
        if not (pages / "index.html").is_file():
            _build(frontend)
        build_data["force_include"][str(pages)] = "routerd/web/pages"


def _build(frontend: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the pages are not built and there is no npm: run `make ui` where Node is, or install Node")
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        subprocess.run([npm, *command], cwd=frontend, check=True)
