"""The verbs that speak to the router that runs here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd.cli.status import duration, lines
from tests.support.daemon import ROOT, Daemon

TEXT = "providers:\n  demo: {adapter: echo, models: [echo]}\nroutes:\n  chat: [demo/echo]\n"
OTHER = TEXT.replace("chat:", "talk:")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, TEXT) as daemon:
        yield daemon


def routerd(folder: Path, *words: str, port: int = 1, token: str | None = None) -> tuple[int, str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    settings = {"ROUTERD_PORT": str(port), "ROUTERD_DATA_DIR": str(folder / "data")}
    own = {"ROUTERD_ADMIN_TOKEN": token} if token else {}
    run = subprocess.run(
        [sys.executable, "-m", "routerd", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, **settings, **own, "HOME": str(folder), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return run.returncode, run.stdout, run.stderr


def test_status(daemon: Daemon) -> None:
    code, out, err = routerd(daemon.folder, "status", port=daemon.port)
    assert (code, err) == (0, "")
    assert "serving      generation 1, " in out
    assert out.splitlines()[3].endswith("router.yaml: ok")
    told = json.loads(routerd(daemon.folder, "status", "--json", port=daemon.port)[1])
    assert told["generation"] == 1
    (daemon.folder / "router.yaml").write_text("wrong: 1\n")
    daemon.wait_log(lambda line: line["event"] == "config_rejected", "the bad file is reported")
    code, out, _ = routerd(daemon.folder, "status", port=daemon.port)
    assert code == 1
    assert "router.yaml: broken; `routerd check` says what is wrong\n" in out
    assert "router.yaml:1:1: error: wrong: " in out


WELL: dict[str, Any] = {
    "version": "0.1.0", "generation": 3, "digest": "ab" * 32, "uptime_seconds": 1.0,
    "config": {"file": "router.yaml", "state": "ok", "cure": None}, "last_reload": None,
    "last_good_copy": {"is_kept": True, "reason": None}, "keys": {"standing": "2 recipients"},
    "backup": {"is_kept": True, "reason": None, "left_out": []},
    "database": {"state": "ok", "reason": None, "dropped": 0, "set_aside": None}, "git": None,
}  # fmt: skip
GIT = {"head": "c0ffee" * 7, "is_dirty": False, "reason": None, "last_commit": None}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        (
            {"backup": {"is_kept": False, "reason": "the disk is full", "left_out": []}},
            ["backup       not kept: the disk is full"],
        ),
        (
            {"backup": {"is_kept": True, "left_out": [{"path": "providers.a.api_key", "reason": "it is plain"}]}},
            ["backup       without providers.a.api_key: it is plain"],
        ),
        (
            {"database": {"state": "unusable", "reason": "no space", "dropped": 7, "set_aside": "state.db.broken"}},
            [
                "database     can't be used: no space; requests are answered without it",
                "database     a broken one is kept as state.db.broken",
                "database     7 rows were never written",
            ],
        ),
        ({"git": GIT}, ["git          c0ffeec0ffee"]),
        ({"git": {**GIT, "is_dirty": True}}, ["git          c0ffeec0ffee, and the file differs from it"]),
        ({"git": {**GIT, "reason": "git is not installed here"}},
         ["git          nothing is committed: git is not installed here"]),
        ({"git": {**GIT, "head": None, "last_commit": {"commit": None, "reason": "a hook refused"}}},
         ["git          no commit yet", "git          the last edit was not committed: a hook refused"]),
    ],
)  # fmt: skip
def test_status_tells_what_is_not_well(changed: dict[str, Any], told: list[str]) -> None:
    assert [line for line in lines({**WELL, **changed}) if line not in lines(WELL)] == told


def test_reload_history_and_rollback(daemon: Daemon) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        return routerd(daemon.folder, *words, port=daemon.port)

    assert run("reload")[0] == 0
    daemon.save(OTHER)
    code, out, _ = run("rollback", "1", "--dry-run")
    assert code == 0
    assert "-  talk: [demo/echo]\n+  chat: [demo/echo]\n" in out
    assert (daemon.folder / "router.yaml").read_text() == OTHER
    code, _, err = run("rollback", "1")
    assert code == 0
    assert "generation 3 serves" in err
    assert (daemon.folder / "router.yaml").read_text() == TEXT
    lines = run("history")[1].splitlines()
    assert lines[0].split() == ["GENERATION", "AT", "SOURCE", "WHO", "DIGEST", "WHAT"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    rows = json.loads(run("history", "--json", "--limit", "1")[1])
    assert [(row["source"], row["actor"]) for row in rows] == [("rollback", "admin")]
    code, _, err = run("rollback", "9")
    assert (code, err) == (1, "routerd: There is no generation 9; `routerd history` lists them.\n")
    (daemon.folder / "router.yaml").write_text("wrong: 1\n")
    code, out, err = run("reload")
    assert code == 1
    assert out.startswith("router.yaml:1:1: error: wrong: ")


@pytest.mark.parametrize(("text", "code"), [(TEXT, 0), (f"# a comment\n{TEXT}", 0), (OTHER, 1), ("wrong: 1\n", 2)])
@pytest.mark.parametrize("against", ["running", "file"])
def test_diff(daemon: Daemon, text: str, code: int, against: str) -> None:
    (daemon.folder / "new.yaml").write_text(text)
    (daemon.folder / "old.yaml").write_text(TEXT)
    words = ["diff", "new.yaml", *(["--against", "old.yaml"] if against == "file" else [])]
    found, out, err = routerd(daemon.folder, *words, port=daemon.port)
    assert found == code, out + err
    if code == 1:
        assert "talk" in out
        told = json.loads(routerd(daemon.folder, *words, "--json", port=daemon.port)[1])
        assert (told["same"], bool(told["changes"])) == (False, True)
    if code == 2:
        assert err.startswith("routerd: new.yaml:1:1: error: wrong: ")


def test_what_could_be_meant_badly_is_said_first(daemon: Daemon) -> None:
    text = "recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]\n" + OTHER.replace(
        "routes:", "  mine: {base_url: 'https://evil.example.org/v1', api_key: 'env:HOME'}\nroutes:"
    )
    (daemon.folder / "new.yaml").write_text(text)
    code, out, err = routerd(daemon.folder, "diff", "new.yaml", port=daemon.port)
    assert code == 1, err
    assert next(line for line in out.splitlines() if "warning" not in line).startswith("recipients: + age1ql3")


def test_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(TEXT)
    for verb, code in (("status", 1), ("reload", 1), ("history", 1), ("diff", 2)):
        found, _, err = routerd(tmp_path, verb)
        assert found == code
        assert err.startswith("routerd: no router answers at http://127.0.0.1:1 (")
        assert err.endswith("; start one with `routerd serve`\n")
        assert err.count("\n") == 1


def test_another_token(daemon: Daemon) -> None:
    code, _, err = routerd(daemon.folder, "status", port=daemon.port, token="wrong")
    assert code == 1
    assert "is the data folder that of the router that runs here?" in err


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0s"), (59.9, "59s"), (60, "1m"), (3661, "1h 1m"), (200_000, "2d 7h"), (86_400, "1d")]
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
