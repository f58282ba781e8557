"""`routerd backup`, `restore` and `login`, with a router and without one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from routerd.login import link, page
from tests.cli.test_management import routerd
from tests.support.daemon import ROOT, Daemon

TEXT = "# mine\nproviders:\n  demo: {adapter: echo, models: [echo]}   # one\nroutes:\n  chat: [demo/echo]\n"
OTHER = "# mine\nproviders:\n  demo: {adapter: echo, models: [echo]}   # one\n  more: {adapter: echo}\nroutes: {}\n"
KEY = "sk-canary-2b7e-0123456789abcdef"


@pytest.fixture(params=["running", "alone"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder with a router.yaml, and the port of the router that serves it, or of none."""
    if request.param == "alone":
        (tmp_path / "router.yaml").write_text(TEXT)
        yield tmp_path, 1
        return
    with Daemon(tmp_path, TEXT) as daemon:
        yield tmp_path, daemon.port


def save(folder: Path, port: int, text: str) -> None:
    (folder / "router.yaml").write_text(text)
    if port != 1:
        assert routerd(folder, "reload", port=port)[0] == 0


def test_there_and_back(place: tuple[Path, int]) -> None:
    folder, port = place

    def run(*words: str) -> tuple[int, str, str]:
        return routerd(folder, *words, port=port)

    assert run("backup") == (0, "config_backup.json: 1 provider, 1 route\n", "")
    copy = folder / "copy.json"
    copy.write_bytes((folder / "data" / "backups" / "config_backup.json").read_bytes())
    assert json.loads(run("backup", "--json")[1])["routes"] == 1
    save(folder, port, OTHER)
    code, out, err = run("restore", str(copy), "--dry-run")
    assert (code, "+  chat: [demo/echo]\n" in out, "-  more: {adapter: echo}\n" in out) == (0, True, True), err
    assert "1 provider and 1 route would be there\n" in err
    assert (folder / "router.yaml").read_text() == OTHER
    code, out, err = run("restore", "copy.json")
    assert (code, "1 provider and 1 route are there\n" in err) == (0, True), err
    assert "demo: {adapter: echo, models: [echo]}   # one" in (folder / "router.yaml").read_text()
    assert "more" not in (folder / "router.yaml").read_text()
    listed = json.loads(run("backup", "--list", "--json")[1])
    before = next(row for row in listed if not row["is_configured"] and row["providers"] == 2)
    told = json.loads(run("restore", before["name"], "--json")[1])
    assert told["restored"] == {"providers": 2, "routes": 0}
    assert "more: {adapter: echo}" in (folder / "router.yaml").read_text()
    assert run("backup", "--list")[1].splitlines()[0].split() == ["NAME", "AT", "PROVIDERS", "ROUTES", "TROUBLE"]


def test_what_is_no_backup(place: tuple[Path, int]) -> None:
    folder, port = place
    for name, content in (("a.json", "[]"), ("b.json", "{"), ("c.json", '{"providers": [], "routes": [], "x": 1}')):
        (folder / name).write_text(content)
        code, out, err = routerd(folder, "restore", name, port=port)
        assert (code, out, err.startswith("routerd: This is no backup")) == (1, "", True), err
    (folder / "d.json").write_text('{"providers": [{"name": "a/b", "adapter": "echo"}], "routes": []}')
    code, out, err = routerd(folder, "restore", "d.json", port=port)
    assert (code, out, "a name has no `/`" in err) == (1, "", True), err
    code, _, err = routerd(folder, "restore", "absent.json", port=port)
    assert (code, "absent.json can't be read" in err) == (1, True)
    assert (folder / "router.yaml").read_text() == TEXT


def test_as_the_system_before_this_one(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(TEXT)
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "ROUTERD_PORT": "1"}
    environment["ROUTERD_BACKUP_FILE"] = str(tmp_path / "kept" / "mine.json")
    for flag in ("--export", "--restore"):
        command = [sys.executable, "-m", "routerd.cli", flag]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "kept" / "mine.json").read_text())["routes"][0]["name"] == "chat"


def test_a_plain_key_is_sealed_on_the_way_in_without_a_router(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(TEXT)
    entry = {"name": "away", "base_url": "https://models.example.org/v1", "api_key": KEY}
    (tmp_path / "posted.json").write_text(json.dumps({"providers": [entry], "routes": []}))
    code, out, err = routerd(tmp_path, "restore", "posted.json")
    assert code == 0, err
    assert "api_key: age:" in (tmp_path / "router.yaml").read_text()
    assert KEY not in (tmp_path / "router.yaml").read_text() + out + err


@pytest.mark.parametrize("written", ['"{}"'.format(KEY.replace("-", "\\x2d")), f"|-\n      {KEY}"])
def test_no_plain_key_is_shown(place: tuple[Path, int], written: str) -> None:
    folder, port = place
    entry = f"providers:\n  away:\n    base_url: https://models.example.org/v1\n    api_key: {written}\nroutes: {{}}"
    save(folder, port, entry)
    (folder / "empty.json").write_text('{"providers": [], "routes": []}')
    code, out, err = routerd(folder, "restore", "empty.json", "--dry-run", port=port)
    assert (code, "-    api_key:" in out, "[redacted]" in out) == (0, True, True), err
    assert all(part not in out + err for part in ("canary", "2b7e", "abcdef"))


def test_another_routers_port(tmp_path: Path) -> None:
    """Who has never served from here does not change what happens to answer at the usual port."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    with Daemon(theirs, TEXT) as daemon:
        (ours / "router.yaml").write_text(OTHER)
        (ours / "empty.json").write_text('{"providers": [], "routes": []}')
        assert routerd(ours, "restore", "empty.json", port=daemon.port)[0] == 0
        assert (theirs / "router.yaml").read_text() == TEXT
        assert "more" not in (ours / "router.yaml").read_text()


def test_login(tmp_path: Path) -> None:
    code, _, err = routerd(tmp_path, "login")
    assert (code, "the first `routerd serve` makes one" in err) == (1, True)
    with Daemon(tmp_path, TEXT) as daemon:
        token = (tmp_path / "data" / "admin-token").read_text().strip()
        found = f"{daemon.url}/#token={token}"
        assert routerd(tmp_path, "login", port=daemon.port) == (0, f"{found}\n", "")
        assert json.loads(routerd(tmp_path, "login", "--json", port=daemon.port)[1]) == {"url": found}
        out = routerd(tmp_path, "login", "--url", "https://router.example.org/", token="a/b")[1]
        assert out == "https://router.example.org/#token=a%2Fb\n"
        assert token not in daemon.dump(), "a log that is no terminal names no token"


@pytest.mark.parametrize(
    ("host", "is_tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:80"),
        ("0.0.0.0", True, "https://127.0.0.1:80"),
        ("::", False, "http://[::1]:80"),
        ("fd00::1", False, "http://[fd00::1]:80"),
        ("router.example.org", False, "http://router.example.org:80"),
    ],
)
def test_pages(host: str, is_tls: bool, url: str) -> None:
    assert page(host, 80, is_tls=is_tls) == url
    assert link(url, "x y") == f"{url}/#token=x%20y"


def test_serve_says_it_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(TEXT)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "routerd", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    shown = b""
    try:
        while b"#token=" not in shown or not shown.endswith(b"\n"):
            shown += os.read(ours, 4096)
    finally:
        process.terminate()
        assert process.wait(30) == 0
        os.close(ours)
    token = (tmp_path / "data" / "admin-token").read_text().strip()
    line = next(line for line in shown.decode().splitlines() if "#token=" in line)
    assert line.startswith("routerd: http://127.0.0.1:")
    assert line.endswith(f"/#token={token} logs a browser in")
