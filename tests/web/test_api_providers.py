"""`/api/providers`: what is answered, what is written, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.web.api import Api, lines_changed

KEY = "sk-canary-7f3a-0123456789abcdef"
ELSEWHERE = "https://evil.example.org/v1"
TEXT = """\
providers:
  openai: {api_key: env:OPENAI_API_KEY, models: [gpt-4]}   # by its name
  demo:
    adapter: echo
    models: [echo, more]   # two of them
    timeouts: {connect: 2s}
routes:
  chat: [demo/echo, openai/gpt-4]
clients:
  me: {key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, routes: [chat]}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    environment = {"OPENAI_API_KEY": "sk-of-the-environment", "OTHER_KEY": "sk-of-another"}
    with Daemon(tmp_path_factory.mktemp("providers"), TEXT, environment=environment) as daemon:
        yield daemon


@pytest.fixture
def api(daemon: Daemon) -> Api:
    api = Api(daemon)
    api.serve(TEXT)
    return api


def test_a_provider_has_every_key_that_the_file_has(api: Api) -> None:
    openai, demo = api.get("/providers")
    assert (openai["id"], openai["base_url"], openai["adapter"]) == (1, "https://api.openai.com/v1", "openai")
    assert (openai["api_key"]["set"], openai["api_key"]["source"]) == (True, "env")
    assert demo["api_key"] == {"set": False, "source": None, "fingerprint": None}
    assert (demo["base_url"], demo["adapter"], demo["timeouts"]) == (None, "echo", {"connect": "2s"})
    assert "metadata" not in demo
    assert api.get("/providers/2") == api.get("/providers/demo") == demo


def test_a_key_that_cannot_be_had_is_told(api: Api) -> None:
    api.edit_by_hand(TEXT.replace("env:OPENAI_API_KEY", "env:NOT_SET_HERE"))
    openai = api.get("/providers/openai")
    assert openai["api_key"] == {"set": True, "source": "env", "fingerprint": None}
    assert "NOT_SET_HERE" in openai["trouble"]


def test_secrets_stay_here(api: Api) -> None:
    made = {
        "name": "quiet",
        "base_url": "https://llm.example.org/v1",
        "api_key": KEY,
        "headers": {"x-token": f"{KEY}-header", "x-tier": "gold"},
        "proxy": f"http://user:{KEY}-proxy@proxy.example.org:3128",
    }
    tried = api.send("POST", "/providers?dry_run=true", made)
    assert (tried.status, api.text) == (200, TEXT)
    assert tried.json()["diff"].count("age:… (sealed when it is saved)") == 3
    assert ("age:YWdl" in tried.json()["diff"], "plain text" in tried.body.decode()) == (False, False)
    answer = api.send("POST", "/providers", made)
    assert answer.status == 201
    shown = api.send("GET", "/providers/quiet")
    for told in (tried.body.decode(), answer.body.decode(), shown.body.decode(), api.text, api.daemon.dump()):
        assert KEY not in told
    assert shown.json()["headers"]["x-tier"] == "gold"
    sent_back = api.send("PATCH", "/providers/quiet", shown.json())
    assert (sent_back.status, sent_back.json()["diff"]) == (200, ""), "what was answered may be sent back"


def test_plain_secrets_in_the_file_are_not_told(api: Api) -> None:
    provider = (
        f"  quiet: {{base_url: 'https://llm.example.org/v1', api_key: {KEY}, headers: {{x-token: {KEY}, x: y}},"
        f" proxy: 'http://user:{KEY}@proxy.example.org:3128'}}\n"
    )
    api.edit_by_hand(TEXT.replace("routes:\n  chat", f"{provider}routes:\n  chat"))
    shown = api.send("GET", "/providers/quiet")
    assert KEY not in shown.body.decode()
    assert shown.json()["api_key"]["source"] == "plain"
    assert shown.json()["headers"] == {"x-token": "[redacted]", "x": "y"}
    assert shown.json()["proxy"] == "http://user:[redacted]@proxy.example.org:3128"
    wanted = {**shown.json(), "models": ["m"]}
    changed = api.send("PATCH", "/providers/quiet", wanted)
    assert changed.status == 200, changed.body
    assert "redacted" not in api.text
    assert KEY not in api.text, "sealed with the first edit"
    assert changed.json()["api_key"] == {**shown.json()["api_key"], "source": "sealed"}


OPENAI = "  openai: {api_key: env:OPENAI_API_KEY, models: [gpt-4]}   # by its name"
MODELS = "    models: [echo, more]   # two of them"
CHAT = "  chat: [demo/echo, openai/gpt-4]"
WRITES: list[tuple[str, str, dict[str, Any], list[str], list[str]]] = [
    (
        "POST", "/providers", {"name": "new", "adapter": "echo", "models": ["m"], "is_active": True, "metadata": {}},
        [], ["  new: {adapter: echo, models: [m]}"],
    ),
    ("PATCH", "/providers/2", {"models": ["echo"]}, [MODELS], [MODELS.replace(", more", "")]),
    ("PATCH", "/providers/demo", {"is_active": False}, [], ["    is_active: false"]),
    ("PATCH", "/providers/demo", {"timeouts": None, "metadata": {}}, ["    timeouts: {connect: 2s}"], []),
    ("PATCH", "/providers/demo", {"adapter": "echo", "base_url": None, "allow_private": False}, [], []),
    (
        "PATCH", "/providers/openai", {"name": "main"},
        [OPENAI, CHAT],
        [OPENAI.replace("openai:", "main:").replace("]}", "], vendor: openai}"), CHAT.replace("openai", "main")],
    ),
    ("DELETE", "/providers/openai?force=true", {}, [OPENAI, CHAT], ["  chat: [demo/echo]"]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "gone", "come"), WRITES)
def test_only_the_lines_that_are_meant(
    api: Api, method: str, path: str, body: dict[str, Any], gone: list[str], come: list[str]
) -> None:
    answer = api.send(method, path, body or None)
    assert answer.status in {200, 201, 204}, answer.body
    assert lines_changed(TEXT, api.text) == (gone, come)
    assert answer.headers["etag"] == api.send("GET", "/config").headers["etag"]


REFUSED: list[tuple[str, str, Any, tuple[int, str]]] = [
    ("GET", "/providers/99", None, (404, "not_found")),
    ("GET", "/providers/nobody", None, (404, "not_found")),
    ("PATCH", "/providers/99", {"models": []}, (404, "not_found")),
    ("DELETE", "/providers/nobody", None, (404, "not_found")),
    ("POST", "/providers", {"name": "demo", "adapter": "echo"}, (409, "name_taken")),
    ("PATCH", "/providers/openai", {"name": "demo"}, (409, "name_taken")),
    ("DELETE", "/providers/demo", None, (409, "in_use")),
    ("POST", "/providers", {"adapter": "echo"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "123", "adapter": "echo"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "a/b", "adapter": "echo"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "", "adapter": "echo"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "nowhere"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "x", "adapter": "echo", "modles": []}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "x", "adapter": "echo", "models": "m"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": ""}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "x", "base_url": "https://169.254.169.254/"}, (422, "config_invalid")),
    ("PATCH", "/providers/demo", {"name": None}, (422, "config_invalid")),
    ("PATCH", "/providers/demo", {"name": "42"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": 5}, (400, "invalid_request")),
    ("POST", "/providers", [], (400, "invalid_request")),
    ("PATCH", "/providers/demo", b"{", (400, "invalid_request")),
    ("PATCH", "/providers/demo", b'{"metadata": ' + b"[" * 40 + b"]" * 40 + b"}", (400, "invalid_request")),
    ("PATCH", "/providers/demo", b"[" * 100_000, (400, "invalid_request")),
    ("PATCH", "/providers/openai", {"base_url": ELSEWHERE}, (422, "reference_by_hand")),
    ("PATCH", "/providers/openai", {"api_key": "env:OTHER_KEY"}, (422, "reference_by_hand")),
    ("PATCH", "/providers/openai", {"headers": {"x": "env:OTHER_KEY"}}, (422, "reference_by_hand")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": "env:HOME"}, (422, "reference_by_hand")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": "file:secrets/k"},
     (422, "reference_by_hand")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": "${OTHER_KEY}"}, (422, "reference_by_hand")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": "[redacted]"}, (422, "config_invalid")),
    ("POST", "/providers", {"name": "x", "base_url": ELSEWHERE, "api_key": {"set": True}}, (422, "config_invalid")),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "told"), REFUSED)
def test_refusals(api: Api, method: str, path: str, body: Any, told: tuple[int, str]) -> None:
    assert api.refused(method, path, body) == told


def test_all_problems_at_once(api: Api) -> None:
    wrong = {"name": "x", "adapter": "echoes", "models": "m", "max_in_flight": 0, "modles": []}
    problems = api.send("POST", "/providers", wrong).json()["problems"]
    paths = {problem["path"].rpartition(".")[2] for problem in problems if problem["severity"] == "error"}
    assert paths == {"adapter", "models", "max_in_flight", "modles"}


def test_a_key_stays_where_it_was_given(api: Api) -> None:
    first = "https://llm.example.org/v1"
    assert api.send("POST", "/providers", {"name": "x", "base_url": first, "api_key": KEY}).status == 201
    assert api.refused("PATCH", "/providers/x", {"base_url": ELSEWHERE}) == (422, "key_moved")
    assert api.send("PATCH", "/providers/x", {"base_url": f"{first}/more"}).status == 200, "of the same origin"
    moved = api.send("PATCH", "/providers/x", {"base_url": ELSEWHERE, "api_key": f"{KEY}-2"})
    assert (moved.status, moved.json()["base_url"]) == (200, ELSEWHERE)
    none = api.send("PATCH", "/providers/x", {"api_key": None})
    assert none.json()["api_key"] == {"set": False, "source": None, "fingerprint": None}
    vendors_own = {"name": "mistral", "api_key": "env:MISTRAL_API_KEY"}
    assert api.send("POST", "/providers", vendors_own).status == 201


def test_the_same_key_once_more_changes_no_line(api: Api) -> None:
    new = {"name": "sealed", "base_url": "https://api.example.com/v1", "api_key": "sk-the-same-one"}
    assert api.send("POST", "/providers", new).status == 201
    before = api.text
    assert "age:" in before
    assert api.send("PATCH", "/providers/sealed", {"api_key": "sk-the-same-one"}).status == 200
    assert api.text == before
    for key, is_news in (("sk-the-same-one", False), ("sk-another-one", True)):
        tried = api.send("PATCH", "/providers/sealed?dry_run=true", {"api_key": key}).json()
        assert ([*tried["changes"]] != [], "api_key: age:… (sealed when it is saved)" in tried["diff"]) == (
            is_news, is_news,
        ), tried  # fmt: skip
        assert tried["problems"] == []
    assert api.text == before
    assert api.send("PATCH", "/providers/sealed", {"api_key": "sk-another-one"}).status == 200
    assert api.text != before


def test_conditions(api: Api) -> None:
    seen = api.send("GET", "/providers/demo").headers["etag"]
    assert seen == api.send("GET", "/providers").headers["etag"]
    assert api.refused("PATCH", "/providers/demo", {"models": []}, '"stale"') == (412, "stale")
    assert api.refused("POST", "/providers", {"name": "x", "adapter": "echo"}, '"stale"') == (412, "stale")
    assert api.refused("DELETE", "/providers/demo?force=true", None, '"stale"') == (412, "stale")
    changed = api.send("PATCH", "/providers/demo", {"models": ["echo"]}, seen)
    assert (changed.status, changed.headers["etag"] == seen) == (200, False)
    assert api.refused("PATCH", "/providers/demo", {"models": []}, seen) == (412, "stale")


def test_a_rename_keeps_the_number_and_goes_everywhere(api: Api) -> None:
    number = api.get("/providers/demo")["id"]
    tried = api.send("PATCH", "/providers/demo?dry_run=true", {"name": "trial"})
    assert tried.status == 200
    assert api.refused("PATCH", "/providers/demo", {"name": "trial", "modles": []}) == (422, "config_invalid")
    renamed = api.send("PATCH", f"/providers/{number}", {"name": "other"}).json()
    assert (renamed["id"], renamed["name"]) == (number, "other")
    assert "[other/echo, openai/gpt-4]" in api.text
    assert api.get(f"/providers/{number}")["name"] == "other"
    assert api.get("/model-routes/chat")["nodes"][0]["api_id"] == number
    assert api.refused("GET", "/providers/demo") == (404, "not_found")
    again = api.send("POST", "/providers", {"name": "demo", "adapter": "echo"}).json()
    assert again["id"] > number
    assert api.send("PATCH", "/providers/demo", {"name": "trial"}).json()["id"] == again["id"]


def told(api: Api, path: str, body: dict[str, Any]) -> list[str]:
    """What a patch says that it changes; a dry run and the history say the same."""
    tried = api.send("PATCH", f"{path}?dry_run=true", body).json()["changes"]
    made = api.send("PATCH", path, body).json()["changes"]
    assert tried == made
    [last] = api.get("/config/history?limit=1")
    assert all(f"{change['subject']}: " in last["summary"] for change in made)
    return [f"{change['subject']}: {change['words']}" for change in made]


def test_a_rename_is_told_as_one(api: Api) -> None:
    """Also where a key that stands in plain text is sealed with it, or the vendor that the name told is written out."""
    plain = f"  quiet: {{base_url: 'https://llm.example.org/v1', api_key: {KEY}}}\n"
    api.edit_by_hand(TEXT.replace("routes:\n  chat", f"{plain}routes:\n  chat"))
    sealed, *rest = told(api, "/providers/quiet", {"name": "loud", "models": ["m"]})[-3:]
    assert (sealed, rest) == (
        "provider loud: key was in plain text, and is sealed now",
        ["provider loud: renamed, was quiet", "provider loud: models + m"],
    )
    assert told(api, "/providers/openai", {"name": "main"}) == [
        "provider main: renamed, was openai",
        "provider main: vendor none → openai",
    ]
    assert told(api, "/model-routes/chat", {"name": "talk", "strategy": "round-robin"}) == [
        "route talk: renamed, was chat",
        "route talk: strategy failover → round-robin",
    ]


def test_a_broken_file_is_not_said_to_lack_its_entries(api: Api) -> None:
    api.path.write_text(broken := f"{TEXT}bogus: [\n")
    try:
        for method, path in (
            ("PATCH", "/providers/demo"), ("DELETE", "/providers/demo"), ("POST", "/providers"),
            ("PATCH", "/model-routes/chat"), ("DELETE", "/model-routes/chat"),
            ("PATCH", "/clients/me"), ("DELETE", "/clients/me"),
        ):  # fmt: skip
            answer = api.send(method, path, {"name": "other"} if method != "DELETE" else None)
            problem = answer.json()
            assert (answer.status, problem["kind"]) == (422, "edit_by_hand"), (method, path)
            assert [(each["line"], each["message"]) for each in problem["problems"]] == [
                (broken.count("\n") + 1, "the bracket is never closed")
            ]
        assert api.path.read_text() == broken
    finally:
        api.path.write_text(TEXT)
        api.send("POST", "/config/reload")


def test_who_uses_it_is_told(api: Api) -> None:
    told = api.send("DELETE", "/providers/demo").json()
    assert told["used_by"] == ["chat"] and "chat" in told["detail"]


def test_a_restored_text_brings_the_number_back(api: Api) -> None:
    number = api.get("/providers/demo")["id"]
    assert api.send("DELETE", "/providers/demo?force=true").status == 204
    api.serve(TEXT)
    assert api.get("/providers/demo")["id"] == number


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        api = Api(daemon)
        api.path.unlink()
        assert api.send("POST", "/providers", {"name": "x", "adapter": "echo"}).json()["kind"] == "config_missing"
        assert api.get("/providers/demo")["id"] == 2, "it serves on"
