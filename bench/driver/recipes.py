"""How each other gateway is installed and started; each in a folder of its own under bench/.peers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from driver.places import PEERS, free_ports
from driver.process import Process
from driver.subjects import AUTHORIZATION, CLIENT_KEY, UPSTREAM_KEY, Door, fill


class CannotInstall(Exception):
    """The package can't be installed here; the text is the last line that the installer said."""


@dataclass(frozen=True)
class Start:
    """What a recipe is told: where it is installed, where it may write, its port and the mock's."""

    home: Path
    folder: Path
    port: int
    upstream: int


@dataclass(frozen=True)
class Launch:
    """What it answers: the command, and variables to add to the environment."""

    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """`registry` is PyPI or npm. `headers` is what a caller says, besides its body, where it goes."""

    name: str
    language: str
    registry: str
    package: str
    launch: Callable[[Start], Launch]
    headers: Callable[[int], tuple[str, ...]] = lambda upstream: (AUTHORIZATION,)

    @property
    def home(self) -> Path:
        return PEERS / self.name

    def install(self) -> None:
        """Install it unless it is there. Raises CannotInstall."""
        done = self.home / "installed"
        if done.exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        for command in self._installers():
            _run(command, self.home)
        done.write_text(self.package + "\n")

    def _installers(self) -> list[list[str]]:
        if self.registry == "npm":
            return [["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ".", self.package]]
        pip = [str(self.home / "bin" / "python"), "-m", "pip", "install", "--quiet", self.package]
        return [[sys.executable, "-m", "venv", str(self.home)], pip]

    def version(self) -> str:
        """The installed version, as its package says it."""
        name = self.package.partition("[")[0]
        if self.registry == "npm":
            ask = ["node", "-p", f"require('./node_modules/{name}/package.json').version"]
        else:
            ask = [str(self.home / "bin" / "python"), "-c",
                   f"from importlib.metadata import version; print(version('{name}'))"]  # fmt: skip
        return subprocess.run(ask, check=False, cwd=self.home, capture_output=True, text=True).stdout.strip()


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=900)
    except (FileNotFoundError, subprocess.TimeoutExpired) as trouble:
        raise CannotInstall(str(trouble)) from trouble
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise CannotInstall(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")


class Peer:
    """A gateway that is running before one port of the mock."""

    def __init__(self, recipe: Recipe, upstream: int, core: int, folder: Path) -> None:
        self.name = recipe.name
        port = free_ports(1)[0]
        place = folder / f"{recipe.name}-{port}"
        place.mkdir()
        launch = recipe.launch(Start(recipe.home, place, port, upstream))
        self._door = Door(port, headers=recipe.headers(upstream))
        self.process = Process(launch.command, core, place / "log", launch.environ, folder=place)

    def door(self, upstream: str, stream: bool = False) -> Door:
        return self._door


def _litellm(start: Start) -> Launch:
    config = start.folder / "config.yaml"
    config.write_text(
        fill("litellm.yaml", {"upstream": start.upstream, "upstream_key": UPSTREAM_KEY, "client_key": CLIENT_KEY})
    )
    command = [str(start.home / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
    # Its price list comes with it; fetching a newer one is no part of a start.
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return Launch([*command, "--port", str(start.port)], offline)


def _portkey(start: Start) -> Launch:
    server = start.home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    return Launch(["node", str(server), f"--port={start.port}", "--headless"], {"NODE_ENV": "production"})


def _portkey_headers(upstream: int) -> tuple[str, ...]:
    return (
        f"Authorization: Bearer {UPSTREAM_KEY}", "x-portkey-provider: openai",
        f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1",
    )  # fmt: skip


def _router_options(start: Start) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(start.port), "--policy", "round_robin"]
    options += ["--worker-urls", f"http://127.0.0.1:{start.upstream}"]
    return [*options, "--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_ports(1)[0])]


def _vllm_router(start: Start) -> Launch:
    return Launch([str(start.home / "bin" / "vllm-router"), *_router_options(start), "--log-level", "warning"])


def _smg(start: Start) -> Launch:
    return Launch([str(start.home / "bin" / "smg"), "launch", *_router_options(start), "--log-level", "warn"])


def _rolter(start: Start) -> Launch:
    config = start.folder / "rolter.toml"
    config.write_text(fill("rolter.toml", {"upstream": start.upstream, "client_key": CLIENT_KEY}))
    command = [str(start.home / "bin" / "rolter"), "gateway", "--config", str(config), "--host", "127.0.0.1"]
    return Launch([*command, "--port", str(start.port)], {"ROLTER_KEY_PEPPER": "bench-bench-bench-bench"})


RECIPES = (
    Recipe("vllm-router", "Rust", "PyPI", "vllm-router", _vllm_router),
    Recipe("rolter", "Rust", "PyPI", "rolter", _rolter),
    Recipe("smg", "Rust", "PyPI", "smg", _smg),
    Recipe("portkey", "Node", "npm", "@portkey-ai/gateway", _portkey, _portkey_headers),
    Recipe("litellm", "Python", "PyPI", "litellm[proxy]", _litellm),
)

# Gateways that one might look for here, and why they are not.
LEFT_OUT = MappingProxyType({
    "bifrost": "its npm package holds only a downloader; the Go binary comes from elsewhere",
    "tensorzero": "the wheel on PyPI is the client, not the gateway's server",
    "sglang-router": "the earlier name of smg",
})  # fmt: skip
