"""Keys that are beside router.yaml, in `.env` and in files: when they are read, and what is said of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import ROOT, Daemon
from tests.support.reply import Reply
from tests.support.upstream import Upstream
from tests.support.wire import Request

KEY, OTHER = "sk-canary-1f2e3d4c5b6a7988", "sk-canary-90817263544536271"
TEXT = """\
providers:
  four: {base_url: UPSTREAM, api_key: env:FOURS_KEY, models: [m]}
  two: {base_url: UPSTREAM, api_key: file:secrets/two, models: [m]}
routes:
  chat: [four/m]
  talk: [two/m]
"""
NOW = "its key can be had now"
ANOTHER = "what its key refers to is another now"


class Place:
    """A folder with router.yaml and what it refers to; its provider remembers the keys that it was sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[str] = []
        self.upstream = Upstream(self._answer)
        (folder / "secrets").mkdir()

    def _answer(self, request: Request) -> Reply:
        self.sent.append((request.get("authorization") or "").removeprefix("Bearer "))
        return chat.good(request)

    @property
    def text(self) -> str:
        return TEXT.replace("UPSTREAM", self.upstream.base_url)

    def env(self, text: str) -> None:
        (self.folder / ".env").write_text(text)

    def daemon(self, **environment: str) -> Daemon:
        return Daemon(self.folder, self.text, environment=environment)

    def used(self, daemon: Daemon, route: str = "chat") -> str | None:
        """The key that a call of the route is made with; None: it can't be made."""
        self.sent.clear()
        daemon.post({"model": route, "messages": [{"role": "user", "content": "hello"}]})
        return self.sent[0] if self.sent else None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    with place.upstream:
        yield place
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert kept == []


def reload(daemon: Daemon) -> dict[str, Any]:
    """What a reload answers: the generation, what came of it, and what is said of whom."""
    answer = daemon.post({}, path="/api/config/reload")
    assert b"canary" not in answer.body
    told = answer.json()
    said = {change["subject"]: change["words"] for change in told["changes"]}
    return {"status": answer.status, "result": told["result"], "generation": told["generation"], **said}


def put(daemon: Daemon, text: str) -> Response:
    with daemon.caller() as caller:
        return caller.exchange("PUT", "/api/config", {"text": text}, {"If-Match": "*"})


def test_a_key_that_comes_into_env_while_it_serves(place: Place) -> None:
    with place.daemon() as daemon:
        assert place.used(daemon) is None
        place.env(f"FOURS_KEY={KEY}\n")
        assert reload(daemon) == {"status": 200, "result": "adopted", "generation": 2, "provider four": NOW}
        assert place.used(daemon) == KEY
        assert reload(daemon) == {"status": 200, "result": "unchanged", "generation": 2}
        history = daemon.get("/api/config/history").json()
        assert [(row["generation"], row["summary"]) for row in history] == [(2, f"provider four: {NOW}"), (1, "")]
        assert history[0]["digest"] == history[1]["digest"]
        assert "canary" not in daemon.dump()


@pytest.mark.parametrize("name", ["four", "two"])
def test_a_key_that_is_changed(place: Place, name: str) -> None:
    route = {"four": "chat", "two": "talk"}[name]

    def write(key: str) -> None:
        if name == "four":
            place.env(f"FOURS_KEY={key}\n")
        else:
            (place.folder / "secrets" / "two").write_text(f"{key}\n")

    write(KEY)
    with place.daemon() as daemon:
        assert place.used(daemon, route) == KEY
        write(OTHER)
        assert place.used(daemon, route) == KEY
        assert reload(daemon) == {"status": 200, "result": "adopted", "generation": 2, f"provider {name}": ANOTHER}
        assert place.used(daemon, route) == OTHER
        assert "canary" not in daemon.dump()
    with place.daemon() as daemon:
        assert daemon.get("/api/status").json()["generation"] == 2, "it is the same text"


def test_a_key_that_goes(place: Place) -> None:
    place.env(f"FOURS_KEY={KEY}\n")
    with place.daemon() as daemon:
        (place.folder / ".env").unlink()
        words = "it can't be used: the environment variable FOURS_KEY is not set"
        assert reload(daemon) == {"status": 200, "result": "adopted", "generation": 2, "provider four": words}
        assert place.used(daemon) is None


def test_the_process_s_own_variables_go_before(place: Place) -> None:
    place.env(f"FOURS_KEY={OTHER}\n")
    with place.daemon(FOURS_KEY=KEY) as daemon:
        assert place.used(daemon) == KEY
        place.env(f"FOURS_KEY={OTHER}-2\n")
        assert reload(daemon) == {"status": 200, "result": "unchanged", "generation": 1}
        assert place.used(daemon) == KEY


def test_a_save_reads_them_as_well(place: Place) -> None:
    with place.daemon() as daemon:
        place.env(f"FOURS_KEY={KEY}\n")
        daemon.save(f"# saved\n{place.text}")
        assert place.used(daemon) == KEY
        place.env(f"FOURS_KEY={OTHER}\n")
        assert put(daemon, f"# put\n{place.text}").status == 200
        assert place.used(daemon) == OTHER
        told = daemon.get("/api/config/history").json()
        assert [row["summary"] for row in told][1] == f"provider four: {NOW}"


def test_an_env_file_that_is_broken_changes_nothing(place: Place) -> None:
    place.env(f"FOURS_KEY={KEY}\n")
    with place.daemon() as daemon:
        place.env(f"{OTHER}\n")
        told = daemon.post({}, path="/api/config/reload").json()
        assert (told["kind"], told["result"], told["generation"]) == ("config_rejected", "rejected", 1)
        assert told["reason"] == ".env:1 is not NAME=value: correct the line, or begin it with #"
        assert daemon.get("/api/status").json()["last_reload"]["reason"] == told["reason"]
        refused = put(daemon, f"# put\n{place.text}")
        assert (refused.status, refused.json()["kind"]) == (422, "config_invalid")
        assert refused.json()["detail"] == f"{told['reason']}, so nothing was written."
        assert place.used(daemon) == KEY
        place.env(f"FOURS_KEY={KEY}\n# {OTHER}\n")
        assert reload(daemon) == {"status": 200, "result": "unchanged", "generation": 1}
        assert daemon.get("/api/status").json()["config"]["is_served"]
        assert "canary" not in daemon.dump()


def test_the_verb_says_what_happened(place: Place) -> None:
    with place.daemon() as daemon:

        def run(*words: str) -> tuple[int, str, str]:
            kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
            own = {"ROUTERD_DATA_DIR": str(place.folder / "data"), "HOME": str(place.folder), "PYTHONPATH": str(ROOT)}
            told = subprocess.run(
                [sys.executable, "-m", "routerd", *words], cwd=place.folder, capture_output=True, text=True,
                check=False, timeout=60, env={**kept, **own, "ROUTERD_PORT": str(daemon.port)},
            )  # fmt: skip
            return told.returncode, told.stdout, told.stderr

        place.env(f"FOURS_KEY={KEY}\n")
        code, out, err = run("reload")
        assert (code, out) == (0, f"provider four: {NOW}\n")
        assert err.startswith("adopted as generation 2, ")
        assert run("reload")[2].startswith("no change: still generation 2, ")
