"""Another program where the router should be: the verbs know it before they show it our token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_management import TEXT, WELL, routerd
from tests.support.reply import Reply, whole
from tests.support.upstream import Upstream
from tests.support.wire import Request

TOKEN = "canary-7d1f"
PROBLEM = "application/problem+json"


def problem(status: int, **members: str) -> Reply:
    return whole({"title": "No.", "status": status, **members}, status, content_type=PROBLEM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "router.yaml").write_text(TEXT)
    return tmp_path


@pytest.fixture
def stranger() -> Iterator[Upstream]:
    """It answers everything with JSON, and is never shown a token."""
    with Upstream(lambda _: whole({"ok": True})) as stranger:
        yield stranger
    assert stranger.requests
    assert not any(request.get("authorization") for request in stranger.requests)


def told(stranger: Upstream) -> str:
    return f"routerd: what answers at http://127.0.0.1:{stranger.port} is no router; name its address with --url\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("status", 1), ("status --json", 1), ("plan chat", 1), ("history", 1), ("history --json", 1), ("reload", 1),
        ("rollback 1", 1), ("diff", 2), ("ask chat hi", 1), ("ask chat hi --json", 1),
    ],
)  # fmt: skip
def test_verbs_that_ask_the_router(folder: Path, stranger: Upstream, line: str, code: int) -> None:
    found = routerd(folder, *line.split(), port=stranger.port, token=TOKEN)
    assert found == (code, "", told(stranger))


@pytest.mark.parametrize(
    "reply",
    [
        whole([]),
        whole({"generation": 1}),
        whole("<html>", 404, content_type="text/html"),
        whole({"detail": "Not Found"}, 404),
        whole({"kind": "forbidden", "detail": "No."}, 403),
        problem(401, detail="No."),
        problem(404, type="about:blank"),
    ],
)
def test_what_no_router_says(folder: Path, reply: Reply) -> None:
    with Upstream(lambda _: reply) as stranger:
        url = f"http://127.0.0.1:{stranger.port}"
        assert routerd(folder, "status", "--url", url, token=TOKEN) == (1, "", told(stranger))
        assert [request.get("authorization") for request in stranger.requests] == [None]


def test_where_nobody_answers_behind_a_gateway(folder: Path) -> None:
    with Upstream(lambda _: whole("<html>", 502, content_type="text/html")) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        message = f"routerd: no router answers at {url} (HTTP 502); start one with `routerd serve`\n"
        assert routerd(folder, "status", "--url", url, token=TOKEN) == (1, "", message)


def test_an_answer_that_is_none(folder: Path) -> None:
    """What was a router when it was asked may have done the work: nobody does it once more."""
    with Upstream() as gateway:
        gateway.script(problem(401, kind="unauthorized"), whole("<html>", 502, content_type="text/html"))
        message = f"routerd: http://127.0.0.1:{gateway.port} answered HTTP 502, and not as a router does; name its"
        code, out, err = routerd(folder, "backup", port=gateway.port, token=TOKEN)
        assert (code, out, err) == (1, "", f"{message} address with --url\n")
        assert not (folder / "data" / "backups").exists()


def test_verbs_that_do_without_a_router(folder: Path, stranger: Upstream) -> None:
    """As when nothing listens there: they act on the file, unless a router was named."""
    code, out, err = routerd(folder, "backup", port=stranger.port, token=TOKEN)
    assert (code, out, err) == (0, "config_backup.json: 1 provider, 1 route\n", "")
    url = f"http://127.0.0.1:{stranger.port}"
    for words in (["backup"], ["restore", "config_backup.json"]):
        assert routerd(folder, *words, "--url", url, token=TOKEN) == (1, "", told(stranger))


def test_doctor_looks_at_the_rest(folder: Path, stranger: Upstream) -> None:
    code, out, err = routerd(folder, "doctor", "--json", port=stranger.port, token=TOKEN)
    row = next(row for row in json.loads(out)["findings"] if row["subject"] == "router")
    url = f"http://127.0.0.1:{stranger.port}"
    assert (code, err, row["state"], row["cure"]) == (0, "", "warning", "name its address with --url")
    assert row["message"] == f"what answers at {url} is no router, so no provider is asked for anything"
    assert len(stranger.requests) == 1


@pytest.mark.parametrize("is_open", [True, False])
def test_another_version_of_routerd_is_known(folder: Path, is_open: bool) -> None:
    status = {**WELL, "config": {**WELL["config"], "is_served": True}, "unheard_of": 1}
    refusal = {"kind": "unauthorized", "status": 401, "detail": "A token is needed.", "unheard_of": 1}

    def answer(request: Request) -> Reply:
        is_let_in = is_open or request.get("authorization") == f"Bearer {TOKEN}"
        return whole(status) if is_let_in else whole(refusal, 401, content_type=f"{PROBLEM}; charset=utf-8")

    with Upstream(answer) as other:
        code, out, err = routerd(folder, "status", port=other.port, token=TOKEN)
        assert (code, err, "serving      generation 3, " in out) == (0, "", True)
        assert [request.target for request in other.requests] == ["/api/status"] * 2


@pytest.mark.parametrize("url", ["http://[::1", "127.0.0.1:8000", "router.example.org"])
def test_an_address_that_is_none(folder: Path, url: str) -> None:
    told = f"routerd: {url} is no URL of a router; write it as http://HOST:PORT\n"
    assert routerd(folder, "status", "--url", url) == (1, "", told)
