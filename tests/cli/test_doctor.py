"""`routerd doctor`: with and without a router, over providers with every kind of trouble."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd.adapters.vendors import VENDORS
from routerd.checks.doctor import address, asked, models
from routerd.snapshot import Provider
from tests.support import certificates, chat
from tests.support.daemon import ROOT, Daemon
from tests.support.reply import Reply, whole
from tests.support.upstream import Refusing, Upstream
from tests.support.wire import Request

KEY = "sk-canary-3c5e7a9b1d2f4e6a"
LIST = {"object": "list", "data": [{"id": "gpt-4"}, {"id": "gpt-4-mini"}]}
TEXT = """\
providers:
  good: {base_url: GOOD, api_key: env:DAEMONS_KEY, models: [gpt-4, gpt-4-mini]}
  choosy: {base_url: GOOD, api_key: KEY-wrong, models: [gpt-4]}
  dead: {base_url: DEAD, models: [m]}
  unset: {base_url: GOOD, api_key: env:NOT_SET, models: [m]}
  demo: {adapter: echo, models: [echo]}
  off: {base_url: DEAD, is_active: false}
routes:
  smart: [good/gpt-4, good/gpt-5, demo/echo]
  lost: [unset/m]
"""


def answer(request: Request) -> Reply:
    if request.get("authorization") != f"Bearer {KEY}":
        return whole({"error": {"message": "no such key", "type": "auth", "code": None}}, 401)
    return whole(LIST) if request.method == "GET" else chat.good(request)


def routerd(folder: Path, *words: str, port: int = 1, **environment: str) -> tuple[int, str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"ROUTERD_PORT": str(port), "ROUTERD_DATA_DIR": str(folder / "data"), "HOME": str(folder)}
    run = subprocess.run(
        [sys.executable, "-m", "routerd", "doctor", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, **own, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert KEY not in run.stdout + run.stderr
    return run.returncode, run.stdout, run.stderr


Rows = dict[tuple[str, str], tuple[str, str]]


def told(text: str) -> Rows:
    """Subject and what → standing and what was found."""
    found = json.loads(text)["findings"]
    return {
        (row["subject"], row["what"]): (row["state"], "; ".join(filter(None, (row["message"], row["cure"]))))
        for row in found
    }


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Upstream(answer) as good, Refusing() as dead:
        text = TEXT.replace("GOOD", good.base_url).replace("DEAD", dead.base_url).replace("KEY-wrong", f"{KEY}-wrong")
        folder = tmp_path_factory.mktemp("doctor")
        with Daemon(folder, text, environment={"DAEMONS_KEY": KEY}) as daemon:
            yield daemon


def test_what_it_finds_with_a_router(daemon: Daemon) -> None:
    code, out, _ = routerd(daemon.folder, "--deep", "--json", port=daemon.port)
    rows = told(out)
    assert code == 1
    assert rows["router", "status"] == ("ok", f"generation 1 serves at {daemon.url}")
    assert rows["good", "key"] == (
        "note", "the environment variable DAEMONS_KEY is not set here, but the router has it"
    )  # fmt: skip
    assert rows["good", "address"][0] == rows["good", "test"][0] == rows["good", "deep test"][0] == "ok"
    assert rows["good", "models"] == ("warning", "it does not list `gpt-5`; did you mean `gpt-4`?")
    assert rows["choosy", "key"][0] == "warning"
    assert rows["choosy", "test"] == (
        "trouble", "HTTP 401: no such key; give it a valid key: `routerd key set choosy`"
    )  # fmt: skip
    assert rows["dead", "address"][1].endswith("does not answer: Connection refused; start it, or correct `base_url`")
    assert ("dead", "deep test") not in rows, "nobody is there to be asked"
    assert rows["unset", "key"][0] == "trouble"
    assert ("unset", "test") not in rows, "it was said already"
    assert rows["lost", "route"] == ("trouble", "none of its targets can be used; see its providers above")
    assert not any(subject == "off" for subject, _ in rows)


def test_one_provider_or_those_of_a_route(daemon: Daemon) -> None:
    def subjects(name: str) -> tuple[int, set[str]]:
        code, out, _ = routerd(daemon.folder, name, "--json", port=daemon.port)
        return code, {subject for subject, _ in told(out)} - {"file", "router"}

    assert subjects("demo") == (0, {"demo"})
    assert subjects("smart") == (0, {"good", "demo", "smart"})
    assert subjects("lost") == (1, {"unset", "lost"})
    assert subjects("off") == (1, {"off"}), "whoever asks for it is told"
    code, _, err = routerd(daemon.folder, "smrt", port=daemon.port)
    assert (code, err) == (1, "routerd: there is no provider and no route `smrt`; did you mean `smart`?\n")


def test_without_a_router_the_rest_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "router.yaml").write_text(
        "providers:\n  demo: {adapter: echo}\n  it: {base_url: 'http://127.0.0.1:1', api_key: env:NOT_SET}\n"
        "routes:\n  chat: [demo/echo, it/m]\n"
    )
    code, out, err = routerd(tmp_path)
    lines = [line.split(maxsplit=3) for line in out.splitlines()]
    assert (code, err) == (1, "2 troubles, 1 warning\n")
    assert lines[0] == ["WHO", "WHAT", "STANDING", "FOUND"]
    assert [line[:3] for line in lines[1:]] == [
        ["file", "router.yaml", "ok"], ["router", "status", "note"],
        ["it", "key", "trouble"], ["it", "address", "trouble"], ["chat", "route", "warning"],
    ]  # fmt: skip
    code, out, err = routerd(tmp_path, "demo")
    assert (code, err) == (0, "all is well\n")


def test_a_key_that_the_router_has_not_read_yet(tmp_path: Path) -> None:
    with Upstream(answer) as good:
        text = f"providers:\n  it: {{base_url: '{good.base_url}', api_key: env:ITS_KEY}}\nroutes:\n  chat: [it/gpt-4]\n"
        with Daemon(tmp_path, text) as daemon:
            rows = told(routerd(tmp_path, "--json", port=daemon.port)[1])
            assert rows["it", "key"] == (
                "trouble", "the environment variable ITS_KEY is not set; set it in the `.env` file beside router.yaml, "
                "then `routerd reload`; or where the router is started",
            )  # fmt: skip
            (tmp_path / ".env").write_text(f"ITS_KEY={KEY}\n")
            code, out, _ = routerd(tmp_path, "--json", port=daemon.port)
            rows = told(out)
            assert (code, rows["it", "key"][0]) == (1, "ok")
            assert rows["it", "test"] == (
                "trouble", "the environment variable ITS_KEY is not set; it can be had here: `routerd reload` has the "
                "router look again, at `.env` and at files",
            )  # fmt: skip
            assert daemon.post({}, path="/api/config/reload").json()["result"] == "adopted"
            code, _, err = routerd(tmp_path, port=daemon.port)
            assert (code, err) == (0, "all is well\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "router.yaml does not exist; `routerd init` writes a first one"),
        ("wrong: 1\n", "1:1: error: wrong: `wrong` is no key of "),
    ],
)
def test_a_file_that_can_not_be_served(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "router.yaml").write_text(text)
    code, out, err = routerd(tmp_path, "--json")
    rows = told(out)
    assert (code, err, list(rows)) == (1, "", [("file", "router.yaml")])
    state, found = rows["file", "router.yaml"]
    assert (state, found[: len(message)]) == ("trouble", message)


class TestAddresses:
    def test_certificates(self, tmp_path: Path) -> None:
        made = certificates.make(tmp_path)
        with Upstream(answer, tls=made.server()) as upstream:
            here = Provider("it", "openai", "", "", base_url=upstream.base_url, allow_private=True)
            trusted = address(here, made.caller())
            assert (trusted.state, "its certificate is good for" in trusted.message) == ("warning", True), "two days"
            stranger = address(here)
            assert stranger.state == "trouble"
            assert stranger.message.startswith("the certificate of 127.0.0.1 is not trusted: ")
            assert stranger.cure == "name a file with its authority in SSL_CERT_FILE, where the router runs"
            other = here.base_url.replace("127.0.0.1", "127.0.0.2")
            assert address(Provider("it", "openai", "", "", base_url=other, allow_private=True)).state == "trouble"

    def test_no_tls_at_that_port(self) -> None:
        with Upstream(answer) as upstream:
            base_url = upstream.base_url.replace("http://", "https://")
            found = address(Provider("it", "openai", "", "", base_url=base_url, allow_private=True), patience=0.3)
            upstream.faults.clear()
        assert (found.state, found.cure) == ("trouble", "write http:// or another port in `base_url`")

    def test_a_private_address_wants_consent(self) -> None:
        with Upstream(answer) as upstream:
            found = address(Provider("it", "openai", "", "", base_url=upstream.base_url, allow_private=False))
        assert (found.state, "set `allow_private: true`" in found.message) == ("trouble", True)

    def test_what_goes_through_a_proxy_is_not_looked_up(self) -> None:
        proxied = Provider(
            "it", "openai", "", "https://a.test", base_url="https://a.test", proxy="http://p:s3cret@b.test"
        )
        found = address(proxied)
        assert (found.state, "s3cret" in found.words) == ("note", False)


@pytest.mark.parametrize(
    ("status", "code", "vendor", "state", "cure"),
    [
        ("online", 200, None, "ok", None),
        ("degraded", 401, None, "trouble", "give it a valid key: `routerd key set it`"),
        ("degraded", 401, "openai", "trouble",
         f"give it a valid key: `routerd key set it`, see {VENDORS['openai'].key_url}"),
        ("degraded", 404, None, "note", "`--deep` asks a model, which proves address and key"),
        ("degraded", 429, None, "warning", "wait, or ask for a higher limit"),
        ("degraded", 503, None, "warning", "it is the provider's own trouble: try again later"),
        ("degraded", 301, None, "trouble", None),
        ("timeout", None, None, "trouble", "try again, or raise ROUTERD_REQUEST_TIMEOUT_SECONDS"),
        ("unreachable", None, None, "trouble", None),
    ],
)  # fmt: skip
def test_what_an_answer_means(status: str, code: int | None, vendor: str | None, state: str, cure: str | None) -> None:
    answered: dict[str, Any] = {"status": status, "status_code": code, "latency_ms": 1.0}
    found = asked("it", "test", {**answered, "detail": None if status == "online" else "said"}, vendor)
    assert (found.state, found.cure) == (state, cure)


def test_a_list_that_is_none_says_nothing_of_models() -> None:
    assert list(models("it", ["a"], [])) == []
    assert [row.state for row in models("it", ["a"], ["a", "b"])] == ["ok"]
    assert [row.cure for row in models("it", ["zzz"], ["a"])] == [
        "`routerd ask 'it/zzz' hello` tells whether it is there"
    ]
