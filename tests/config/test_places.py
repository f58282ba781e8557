"""Where secrets stand in a config, and where they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.config.check import check
from routerd.config.places import places, proxy_origin, with_password


def found(provider: str) -> list[tuple[Any, ...]]:
    checked = check(f"providers:\n  openai: {provider}\n")
    assert checked.config is not None, checked.problems
    return [(place.path[2:], place.kind, place.secret, place.origin) for place in places(checked.config)]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("{}", []),
        ("{api_key: sk-abc}", [(("api_key",), "plain", "sk-abc", "https://api.openai.com")]),
        ("{api_key: env:KEY}", [(("api_key",), "env", "env:KEY", "https://api.openai.com")]),
        (
            "{api_key: env:KEY, base_url: 'http://[::1]:8080/v1/'}",
            [(("api_key",), "env", "env:KEY", "http://[::1]:8080")],
        ),
        (
            "{headers: {x-team: blue, X-Token: abc, x-other: env:OTHER}}",
            [
                (("headers", "X-Token"), "plain", "abc", "https://api.openai.com"),
                (("headers", "x-other"), "env", "env:OTHER", "https://api.openai.com"),
            ],
        ),
        ("{proxy: 'http://proxy.example.org:3128'}", []),
        ("{proxy: 'http://me@proxy.example.org:3128'}", []),
        (
            "{proxy: 'http://me:p%40ss@proxy.example.org:3128'}",
            [(("proxy",), "plain", "p@ss", "http://proxy.example.org:3128")],
        ),
        (
            "{proxy: 'socks5://me:env:WORD@proxy.example.org'}",
            [(("proxy",), "env", "env:WORD", "socks5://proxy.example.org")],
        ),
        ("{proxy: env:PROXY}", [(("proxy",), "env", "env:PROXY", None)]),
        ("{adapter: echo, api_key: sk-abc}", [(("api_key",), "plain", "sk-abc", None)]),
    ],
)
def test_places(provider: str, expected: list[tuple[Any, ...]]) -> None:
    assert found(provider) == expected


def test_no_secret_shows() -> None:
    config = check("providers:\n  openai: {api_key: sk-canary, proxy: 'http://me:canary@host:1'}\n").config
    assert config is not None
    assert "canary" not in repr(list(places(config)))


def test_a_proxys_password_is_replaced_in_its_url() -> None:
    config = check("providers:\n  openai: {proxy: 'http://me:old@proxy.example.org:3128'}\n").config
    assert config is not None
    (place,) = places(config)
    assert place.with_secret("age:a+b/c==") == "http://me:age:a%2Bb%2Fc%3D%3D@proxy.example.org:3128"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://proxy.example.org:3128", "http://proxy.example.org:3128"),
        ("https://me:word@PROXY.example.org:443", "https://proxy.example.org"),
        ("socks5h://me:word@[::1]:1080", "socks5h://[::1]:1080"),
        ("sk-abc", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_proxy_origins(url: str, origin: str | None) -> None:
    assert proxy_origin(url) == origin


def test_a_password_is_encoded_where_it_must_be() -> None:
    assert with_password("http://me:x@host:1", "p@ss:/w") == "http://me:p%40ss:%2Fw@host:1"
