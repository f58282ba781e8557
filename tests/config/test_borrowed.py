"""Who may have a key sent where: what an edit over the API may not bring in."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config.borrowed import refusals
from routerd.config.check import check
from routerd.config.model import RouterConfig
from routerd.sealing import make_identity, seal

KEY = "sk-canary-0123456789abcdef"
PLAIN_HTTP = "http://10.1.2.3:8000/v1"
HTTPS = "https://llm.example.org/v1"
THEIRS = "http://proxy.evil.example.org:3128"
OURS = "http://proxy.example.org:3128"


def config(entry: str, name: str = "x") -> RouterConfig:
    checked = check(f"providers:\n  {name}: {{{entry}}}\n")
    assert checked.config is not None, checked.problems
    return checked.config


def kinds(before: str, after: str, name: str = "x") -> list[str]:
    return [kind for kind, _, _ in refusals(config(before), config(after, name))]


def entry(base_url: str, secret: str, proxy: str | None = None) -> str:
    return f'base_url: "{base_url}", {secret}' + (f', proxy: "{proxy}"' if proxy else "")


SECRETS = [
    (f"api_key: {KEY}", "key_moved"),
    ("api_key: env:MINE", "reference_by_hand"),
    ("api_key: file:/run/secrets/mine", "reference_by_hand"),
    (f"headers: {{x-team-token: {KEY}}}", "key_moved"),
    ("headers: {x-team: env:MINE}", "reference_by_hand"),
]


@pytest.mark.parametrize(("secret", "kind"), SECRETS)
@pytest.mark.parametrize("proxy", [None, OURS])
@pytest.mark.parametrize("name", ["x", "renamed"])
def test_a_proxy_that_could_read_a_key_comes_in_by_hand(secret: str, kind: str, proxy: str | None, name: str) -> None:
    before = entry(PLAIN_HTTP, secret, proxy)
    assert kinds(before, entry(PLAIN_HTTP, secret, THEIRS), name) == [kind]
    assert kinds(before, entry(PLAIN_HTTP, secret, "socks5://evil.example.org:1080"), name) == [kind]
    assert kinds(before, before, name) == []
    assert kinds(before, entry(PLAIN_HTTP, secret), name) == [], "straight to where it belongs"


@pytest.mark.parametrize(("secret", "kind"), SECRETS)
def test_over_https_a_proxy_sees_nothing(secret: str, kind: str) -> None:
    assert kinds(entry(HTTPS, secret), entry(HTTPS, secret, THEIRS)) == []
    assert kinds(entry(HTTPS, secret), entry(PLAIN_HTTP, secret, THEIRS)) == [kind]


def test_a_sealed_key_is_no_exception(tmp_path: Path) -> None:
    recipient = make_identity(tmp_path / "identity.txt").recipient
    secret = f"api_key: {seal(KEY, 'http://10.1.2.3:8000', [recipient])}"
    assert kinds(entry(PLAIN_HTTP, secret), entry(PLAIN_HTTP, secret, THEIRS)) == ["key_moved"]


def test_what_is_sent_again_may_go_through_it() -> None:
    before = entry(PLAIN_HTTP, f"api_key: {KEY}")
    assert kinds(before, entry(PLAIN_HTTP, f"api_key: {KEY}-another", THEIRS)) == []
    assert kinds(entry(PLAIN_HTTP, "models: [m]"), entry(PLAIN_HTTP, "models: [m]", THEIRS)) == [], "there is no key"


def test_another_user_of_the_same_proxy_is_no_other_proxy() -> None:
    with_user = "http://me:secret@proxy.example.org:3128"
    secret = f"api_key: {KEY}"
    assert kinds(entry(PLAIN_HTTP, secret, OURS), entry(PLAIN_HTTP, secret, with_user)) == []


def test_a_second_provider_at_the_same_address_is_no_way_around() -> None:
    before = check(f"providers:\n  x: {{{entry(PLAIN_HTTP, 'api_key: env:MINE')}}}\n").config
    assert before is not None
    x, y = entry(PLAIN_HTTP, "api_key: env:MINE"), entry(PLAIN_HTTP, "api_key: env:MINE", THEIRS)
    after = check(f"providers:\n  x: {{{x}}}\n  y: {{{y}}}\n").config
    assert after is not None
    assert [(kind, path) for kind, path, _ in refusals(before, after)] == [
        ("reference_by_hand", ("providers", "y", "api_key"))
    ]
