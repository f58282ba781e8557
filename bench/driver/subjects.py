"""What is measured: routerd, nginx beside it, and the mock itself without anything in between."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Protocol

from driver.build import MissingTool, Tools
from driver.places import TEMPLATES, free_ports
from driver.process import Process

CLIENT_KEY = "sk-bench-0123456789abcdef0123456789abcdef"
UPSTREAM_KEY = "sk-upstream-0123456789abcdef0123456789ab"
AUTHORIZATION = f"Authorization: Bearer {CLIENT_KEY}"
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
# The mock's ports that carry traffic through a proxy in the main rows.
UPSTREAMS = ("fast", "slow", "steady", "tls")


@dataclass(frozen=True)
class Door:
    """Where a request goes and what it must say: the port, the model in its body, its path and more headers."""

    port: int
    model: str = "mock-model"
    path: str = CHAT
    headers: tuple[str, ...] = (AUTHORIZATION,)


class Passage(Protocol):
    """A way to the mock."""

    @property
    def name(self) -> str: ...

    def door(self, upstream: str, stream: bool = False) -> Door:
        """The way to that port of the mock."""


class Subject(Passage, Protocol):
    """A proxy that is running."""

    @property
    def process(self) -> Process: ...


def fill(template: str, values: Mapping[str, object]) -> str:
    """The text of a file of templates/, its `$names` replaced."""
    return Template((TEMPLATES / template).read_text()).substitute(values)


class Direct:
    """No proxy at all."""

    name = "direct"

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    def door(self, upstream: str, stream: bool = False) -> Door:
        return Door(self._ports[upstream])


class Nginx:
    """nginx as a plain proxy, one listening port for each upstream, buffered and not."""

    name = "nginx"

    def __init__(self, ports: Mapping[str, int], tools: Tools, core: int, folder: Path) -> None:
        program = find_nginx()
        routes = [(name, stream) for name in UPSTREAMS if name in ports for stream in (False, True)]
        self._ports = dict(zip(routes, free_ports(len(routes)), strict=True))
        servers = [self._server(name, stream, ports[name], tools) for name, stream in routes]
        config = folder / "nginx.conf"
        config.write_text(fill("nginx.conf", {"folder": folder, "servers": "".join(servers)}))
        self.process = Process([program, "-p", str(folder), "-c", str(config)], core, folder / "nginx.log")
        self.process.wait_for_port(self._ports["fast", False])

    def _server(self, name: str, stream: bool, upstream: int, tools: Tools) -> str:
        is_tls = name == "tls"
        return fill("nginx-server.conf", {
            "name": f"{name}_{'stream' if stream else 'whole'}", "upstream": upstream,
            "port": self._ports[name, stream], "scheme": "https" if is_tls else "http",
            "buffering": "off" if stream else "on",
            "more": fill("nginx-tls.conf", {"certificate": tools.certificate}) if is_tls else "",
        })  # fmt: skip

    def door(self, upstream: str, stream: bool = False) -> Door:
        return Door(self._ports[upstream, stream])


def find_nginx() -> str:
    """Raises MissingTool."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise MissingTool("no nginx to compare with: apt-get install nginx-light")
    return program


def key_sha256() -> str:
    return hashlib.sha256(CLIENT_KEY.encode()).hexdigest()


def router_config(ports: Mapping[str, int]) -> str:
    """router.yaml of the main rows: for each upstream a route over two providers."""
    routes = [
        {"route": name, "port": ports[name], "scheme": "https" if name == "tls" else "http"}
        for name in UPSTREAMS
        if name in ports
    ]
    return fill("router.yaml", {
        "providers": "".join(fill("provider.yaml", route) for route in routes),
        "routes": "".join(fill("route.yaml", route) for route in routes),
        "key_sha256": key_sha256(),
    })  # fmt: skip


@dataclass(frozen=True)
class Installation:
    """A routerd to run: its interpreter with options, and the folder that `-m routerd` is taken from."""

    name: str
    python: Path
    tree: Path
    options: tuple[str, ...] = ()


class Routerd:
    """routerd with everything switched on; its log lines go to a file."""

    def __init__(self, installed: Installation, config: str, tools: Tools, core: int, folder: Path) -> None:
        self.name = installed.name
        self.port = free_ports(1)[0]
        place = folder / f"{installed.name}-{self.port}"
        place.mkdir()
        self.config = place / "router.yaml"
        self.config.write_text(config)
        command = [str(installed.python), *installed.options, "-m", "routerd", "serve"]
        command += ["--config", str(self.config), "--data-dir", str(place / "data")]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        environ = {"BENCH_UPSTREAM_KEY": UPSTREAM_KEY, "PYTHONPATH": str(installed.tree)}
        if tools.certificate:
            environ["SSL_CERT_FILE"] = str(tools.certificate)
        self.process = Process(command, core, place / "log", environ, folder=installed.tree)

    def door(self, upstream: str, stream: bool = False) -> Door:
        return Door(self.port, model=upstream)
