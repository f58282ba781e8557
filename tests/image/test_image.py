"""The Dockerfile builds, and its image serves, as the user it names, with what it declares: no engine, no registry."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image.base import write_root
from tests.support.gate import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
WHEELS_ONLY = "[global]\nno-index = true\nfind-links = /wheels\n"
CONFIG = """\
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  llm-auto-route: [demo/echo]
server: {allow_anonymous: true}
"""


def why_not() -> str | None:
    if not shutil.which("buildah"):
        return "buildah is not installed"
    if os.geteuid() != 0:
        return "building without root needs user namespaces set up"
    return None


class Buildah:
    """buildah with a storage of its own, so that nothing of the machine's images is used or left behind."""

    def __init__(self, folder: Path) -> None:
        self._base = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def command(self, verb: str, *arguments: str | Path) -> list[str]:
        return [*self._base, verb, *map(str, arguments)]

    def __call__(self, verb: str, *arguments: str | Path) -> str:
        done = subprocess.run(self.command(verb, *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"buildah {verb} exited with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout.strip()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    if reason := why_not():
        pytest.skip(reason)
    tool = Buildah(tmp_path_factory.mktemp("buildah"))
    probe = subprocess.run(tool.command("from", "scratch"), capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"buildah can't work here: {probe.stderr.strip()[-300:]}")
    yield tool
    tool("rm", "--all")
    tool("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked wheels: the build itself then needs no network."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--retries", "10", "--timeout", str(PATIENCE)]
    locks = [f"--requirement={ROOT}/requirements/{name}.txt" for name in ("run", "build")]
    subprocess.run([*command, "--require-hashes", *locks, "--dest", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def image(buildah: Buildah, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("root")
    write_root(root)
    empty = buildah("from", "scratch")
    buildah("add", "--quiet", empty, root, "/")
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", empty)
    buildah("commit", "--quiet", empty, "localhost/base")
    pip_conf = tmp_path_factory.mktemp("pip") / "pip.conf"
    pip_conf.write_text(WHEELS_ONLY)
    volumes = ["--volume", f"{wheels}:/wheels:ro", "--volume", f"{pip_conf}:/etc/pip.conf:ro"]
    if not (ROOT / "frontend/dist/index.html").is_file():
        pytest.skip("the pages are not built: `make ui`")
    options = ["--isolation", "chroot", "--format", "docker", "--pull=never"]
    options += ["--build-arg", "BASE=localhost/base", "--build-arg", "NODE=localhost/base"]
    buildah("build", "--quiet", *options, *volumes, "--tag", "routerd", ".")
    return "localhost/routerd"


@pytest.fixture(scope="module")
def declared(buildah: Buildah, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_live(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def chat(port: int, text: str) -> str:
    body = json.dumps({"model": "llm-auto-route", "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        content: str = json.load(answer)["choices"][0]["message"]["content"]
        return content


def innermost(process: int) -> int:
    """The last of a chain of only children, whichever thread has them: buildah passes no signal on."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(child) for found in lists for child in found.read_text().split()]
    return innermost(children[0]) if children else process


def test_image_declares_what_a_platform_asks(declared: dict[str, Any]) -> None:
    assert declared["User"] == "10001:10001"
    assert declared["Cmd"] == ["routerd", "serve"]
    assert set(declared["Volumes"]) == {"/config", "/data"}
    assert "8000/tcp" in declared["ExposedPorts"]
    assert {"ROUTERD_HOST=0.0.0.0", "ROUTERD_DATA_DIR=/data"} <= set(declared["Env"])


def test_image_serves_as_its_user_and_stops_when_told(
    buildah: Buildah, image: str, declared: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "router.yaml").write_text(CONFIG)
    tmp_path.chmod(0o755)
    container, port = buildah("from", "--pull=never", image), free_port()
    options = [
        "--isolation",
        "chroot",
        "--volume",
        f"{tmp_path}:/config:ro",
        "--env",
        f"ROUTERD_PORT={port}",
        container,
    ]
    command = buildah.command("run", *options, "--", *declared["Cmd"])
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            eventually(lambda: is_live(port) or process.poll() is not None, "the image serves")
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert chat(port, "Hello from an image") == "Hello from an image"
            buildah("run", *options, "--", *declared["Healthcheck"]["Test"][1:])
            os.kill(innermost(process.pid), signal.SIGTERM)
        except BaseException:
            process.terminate()  # buildah kills what it runs
            raise
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    events = [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]
    assert "admin_token_made" in events, "the data folder is the user's"
    assert "draining" in events, "SIGTERM reaches routerd itself"
