"""The config over HTTP: what each path answers, and that the file, the log, the metrics and the status agree."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.gate import eventually

TEXT = "# mine\nproviders:\n  demo: {adapter: echo, models: [echo]}\nroutes:\n  chat: [demo/echo]\n"
OTHER = TEXT.replace("chat:", "talk:")
KEY = "sk-canary-7f3a-0123456789abcdef"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path, TEXT, environment={"ROUTERD_ADMIN_TOKEN": "canary-token"}) as daemon:
        yield daemon


def file(daemon: Daemon) -> str:
    return (daemon.folder / "router.yaml").read_text()


def send(daemon: Daemon, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    with daemon.caller() as caller:
        return caller.exchange(method, path, body, headers)


def put(daemon: Daemon, text: str, if_match: str | None = None, query: str = "") -> Response:
    """PUT of a text, over the one that is there if no other condition is given."""
    tag = if_match if if_match is not None else daemon.get("/api/config").headers["etag"]
    return send(daemon, "PUT", f"/api/config{query}", {"text": text}, {"If-Match": tag} if tag else {})


def metrics(daemon: Daemon) -> dict[str, float]:
    lines = daemon.get("/metrics").body.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_get(daemon: Daemon) -> None:
    answer = daemon.get("/api/config")
    found = answer.json()
    assert answer.status == 200
    assert (found["text"], found["generation"], len(found["digest"])) == (TEXT, 1, 64)
    assert answer.headers["etag"] == f'"{found["digest"]}"'
    assert answer.headers["cache-control"] == "no-store"


def test_put(daemon: Daemon) -> None:
    answer = put(daemon, OTHER)
    told = answer.json()
    assert (answer.status, told["generation"], told["problems"]) == (200, 2, [])
    assert told["changes"]
    assert "-  chat: [demo/echo]\n+  talk: [demo/echo]\n" in told["diff"]
    assert answer.headers["etag"] == f'"{told["digest"]}"'
    assert file(daemon) == OTHER
    models = daemon.get("/v1/models")
    assert models.json()["data"][0]["id"] == "talk"
    assert models.headers["x-routerd-config"] == told["digest"][:12]


def test_put_under_conditions(daemon: Daemon) -> None:
    answer = put(daemon, OTHER, "")
    assert (answer.status, answer.json()["kind"]) == (428, "if_match_needed")
    for tag in ('"' + "0" * 64 + '"', "nonsense"):
        answer = put(daemon, OTHER, tag)
        assert (answer.status, answer.json()["kind"]) == (412, "stale")
    assert file(daemon) == TEXT
    digest = daemon.get("/api/config").json()["digest"]
    assert put(daemon, OTHER, f'"abc", W/"{digest}"').status == 200
    assert put(daemon, TEXT, "*").status == 200


def test_a_save_of_a_moment_ago_counts(daemon: Daemon) -> None:
    tag = daemon.get("/api/config").headers["etag"]
    (daemon.folder / "router.yaml").write_text(TEXT + "# saved\n")
    assert put(daemon, OTHER, tag).status == 412
    assert file(daemon) == TEXT + "# saved\n"


def test_put_of_a_broken_text(daemon: Daemon) -> None:
    answer = put(daemon, TEXT + "wrong: 1\n")
    told = answer.json()
    assert (answer.status, told["kind"]) == (422, "config_invalid")
    assert [(problem["severity"], problem["line"], problem["path"]) for problem in told["problems"]] == [
        ("error", 6, "wrong")
    ]
    assert set(told["problems"][0]) == {"severity", "line", "column", "path", "message", "hint"}
    assert file(daemon) == TEXT


def test_a_dry_run(daemon: Daemon) -> None:
    answer = put(daemon, OTHER, query="?dry_run=true")
    assert answer.status == 200
    assert set(answer.json()) == {"diff", "changes", "problems"}
    assert "+  talk: [demo/echo]" in answer.json()["diff"]
    broken = put(daemon, TEXT + "wrong: 1\n", query="?dry_run=true").json()
    assert [problem["path"] for problem in broken["problems"]] == ["wrong"]
    assert put(daemon, OTHER, query="?dry_run=perhaps").status == 400
    assert file(daemon) == TEXT
    assert daemon.get("/api/status").json()["generation"] == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"text": 1}', b'{"txt": ""}', b"{}"])
def test_bodies_that_are_none(daemon: Daemon, body: bytes) -> None:
    answer = send(daemon, "PUT", "/api/config", body, {"If-Match": "*"})
    assert (answer.status, answer.json()["kind"]) == (400, "invalid_request")


def test_check(daemon: Daemon) -> None:
    same = daemon.post({"text": TEXT}, path="/api/config/check").json()
    assert (same["ok"], same["changes"], same["diff"]) == (True, [], "")
    other = daemon.post({"text": OTHER}, path="/api/config/check").json()
    assert other["ok"]
    assert other["changes"]
    broken = daemon.post({"text": "a: 1"}, path="/api/config/check").json()
    assert (broken["ok"], broken["problems"][0]["path"]) == (False, "a")
    assert file(daemon) == TEXT


def test_history_and_rollback(daemon: Daemon) -> None:
    put(daemon, OTHER)
    (daemon.folder / "router.yaml").write_text("a: 1\n")
    daemon.wait_log(lambda line: line["event"] == "config_rejected", "the bad file is reported")
    answer = daemon.post({"generation": 1}, path="/api/config/rollback")
    assert (answer.status, answer.json()["generation"]) == (200, 3)
    assert file(daemon) == TEXT
    found = daemon.get("/api/config/history").json()
    assert [(row["generation"], row["source"], row["actor"], row["outcome"]) for row in found] == [
        (3, "rollback", "local", "accepted"), (None, "file", None, "problems"), (2, "api", "local", "accepted"),
        (1, "file", None, "accepted"),
    ]  # fmt: skip
    assert found[1]["problems"][0]["path"] == "a"
    assert found[0]["digest"] == found[3]["digest"]
    assert len(daemon.get("/api/config/history?limit=2").json()) == 2
    assert daemon.get("/api/config/history?limit=0").status == 400
    for body, status in (({"generation": 99}, 404), ({"generation": "x"}, 400), ({}, 400)):
        assert daemon.post(body, path="/api/config/rollback").status == status
    tried = daemon.post({"generation": 2}, path="/api/config/rollback?dry_run=true")
    assert tried.json()["changes"]
    assert file(daemon) == TEXT


def test_the_text_of_a_generation(daemon: Daemon) -> None:
    put(daemon, OTHER)
    first, second = (daemon.get(f"/api/config/history/{number}").json() for number in (1, 2))
    rows = daemon.get("/api/config/history").json()
    assert [first, second] == [
        {"generation": row["generation"], "at": row["at"], "digest": row["digest"], "text": text}
        for row, text in zip(reversed(rows), (TEXT, OTHER), strict=True)
    ]
    for ident in ("3", "0", "-1", "one", "9" * 30):
        answer = daemon.get(f"/api/config/history/{ident}")
        assert (answer.status, answer.json()["kind"]) == (404, "not_found")


def test_the_text_of_a_generation_that_was_not_kept(daemon: Daemon) -> None:
    put(daemon, OTHER)
    [kept] = [path for path in daemon.folder.rglob("*.yaml") if path.stem == daemon.get("/api/status").json()["digest"]]
    kept.unlink()
    answer = daemon.get("/api/config/history/2")
    assert (answer.status, answer.json()["kind"]) == (409, "text_not_kept")


def test_status_says_whether_calls_need_a_key(daemon: Daemon) -> None:
    for text, is_anonymous in ((TEXT, True), (f"{TEXT}clients: {{}}\n", False)):
        put(daemon, text)
        assert daemon.get("/api/clients").json() == []
        assert daemon.get("/api/status").json()["anonymous"] is is_anonymous


def test_reload(daemon: Daemon) -> None:
    same = send(daemon, "POST", "/api/config/reload")
    assert (same.status, same.json()["result"], same.json()["generation"]) == (200, "unchanged", 1)
    (daemon.folder / "router.yaml").write_text("a: 1\n")
    broken = send(daemon, "POST", "/api/config/reload")
    assert (broken.status, broken.json()["kind"]) == (422, "config_rejected")
    assert (broken.json()["result"], broken.json()["generation"]) == ("rejected", 1)
    assert broken.json()["problems"][0]["path"] == "a"


def test_where_it_is_told_agrees(daemon: Daemon) -> None:
    """The log, the status and the metrics, first of a good file, then of a bad one, then of a good one again."""
    before = metrics(daemon)
    assert before["routerd_config_last_reload_successful"] == 1
    assert before["routerd_config_generation"] == 1
    (daemon.folder / "router.yaml").write_text(TEXT + f"wrong: {KEY}\n")
    line = daemon.wait_log(lambda line: line["event"] == "config_problem", "the problem is reported")
    told = daemon.get("/api/status").json()
    assert (told["config"]["state"], told["config"]["is_served"], told["generation"]) == ("broken", False, 1)
    problem = told["last_reload"]["problems"][0]
    assert line["at"] == f"router.yaml:{problem['line']}:{problem['column']}"
    now = metrics(daemon)
    assert now["routerd_config_last_reload_successful"] == 0
    assert now['routerd_config_reloads_total{result="rejected"}'] == 1
    stamp = "routerd_config_last_reload_success_timestamp_seconds"
    assert now[stamp] == before[stamp]
    daemon.save(OTHER)
    told = daemon.get("/api/status").json()
    assert (told["config"]["state"], told["last_reload"]["result"], told["generation"]) == ("ok", "adopted", 2)
    now = metrics(daemon)
    assert (now["routerd_config_last_reload_successful"], now["routerd_config_generation"]) == (1, 2)
    assert now[stamp] > before[stamp]
    assert KEY not in daemon.dump() + str(told)


def test_status(daemon: Daemon) -> None:
    told = daemon.get("/api/status").json()
    assert {"version", "generation", "digest", "uptime_seconds", "replicas", "last_reload", "config"} <= set(told)
    assert told["uptime_seconds"] > 0
    (daemon.folder / "router.yaml").unlink()
    eventually(lambda: daemon.get("/api/status").json()["config"]["state"] == "missing", "it is missing", interval=0.1)


def test_events(daemon: Daemon) -> None:
    with daemon.caller() as caller:
        caller.request("GET", "/api/events")
        answer = caller.head()
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
        pieces = caller.pieces(answer)
        seen = next(pieces)
        put(daemon, OTHER)
        while b"event: generation" not in seen:
            seen += next(pieces)
        (daemon.folder / "router.yaml").write_text("a: 1\n")
        while b"event: problems" not in seen:
            seen += next(pieces)
        # Who follows the news does not hold up the end: the daemon ends although this stream is open.
        ending = threading.Thread(target=daemon.stop)
        ending.start()
        answer.body = seen + b"".join(pieces)
        ending.join()
    assert [event.name for event in answer.events if event.name] == ["generation", "problems"]


def test_a_posted_key_is_nowhere(daemon: Daemon) -> None:
    provider = f"  openai: {{api_key: {KEY}, models: [m]}}\n"
    text = TEXT.replace("routes:", f"{provider}routes:")
    answers = [
        daemon.post({"text": text}, path="/api/config/check"),
        put(daemon, text + "wrong: 1\n"),
        put(daemon, text, query="?dry_run=true"),
        put(daemon, text),
        *(daemon.get(path) for path in ("/api/config", "/api/config/history", "/api/status", "/metrics")),
    ]
    assert [answer.status for answer in answers] == [200, 422, 200, 200, 200, 200, 200, 200]
    assert daemon.stop() == 0
    assert [answer.body for answer in answers if b"canary" in answer.body] == []
    files = [path for path in daemon.folder.rglob("*") if path.is_file()]
    assert [path for path in files if b"canary" in path.read_bytes()] == []
    assert "canary" not in daemon.dump()


def test_git_shows_only_the_lines_that_were_meant(daemon: Daemon) -> None:
    answer = put(daemon, TEXT.replace("models: [echo]", "models: [echo, more]"))
    lines = [line for line in answer.json()["diff"].splitlines()[2:] if line[:1] in "+-"]
    assert len(lines) == 2
