"""Two texts line by line, with no key in what is shown."""

from __future__ import annotations

import pytest

from routerd.config.text_diff import redacted, text_diff

SEALED = "age:" + "YWdl" * 40
ARMORED = "-----BEGIN AGE ENCRYPTED FILE-----\n      YWdlLWVuY3J5cHRpb24\n      -----END AGE ENCRYPTED FILE-----"
KEY = "canary" + "0123456789abcdef"


def fingerprint(key: str) -> str:
    return f"#{len(key)}"


@pytest.mark.parametrize(
    "text",
    [
        "providers: {a: {api_key: env:A, models: [x]}}\n",
        "providers:\n  a:\n    api_key: file:/run/secrets/a\n",
        "providers: {a: {api_key: '${A}', headers: {x-api-key: env:B, x-team: blue}}}\n",
        "#  api_key: env:A\na: 1\n",
        "#  api_key: ${A}\na: 1\n",
        "server: {require_token: true}\ndefaults: {timeouts: {first_token: 5s}}\n",
        "providers: {a: {quirks: {max_tokens_field: max_tokens}}}\n",
        "routes: {token-route: [a/b]}\nclients: {c: {key_sha256: ab}}\n",
        "a: [\napi_key: env:A\nproxy: http://u:env:P@p:1\n",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert redacted(text, fingerprint) == text


@pytest.mark.parametrize(
    "text",
    [
        f"providers:\n  a:\n    api_key: {KEY}   # why\n",
        f"providers:\n  a:\n    api_key: '{KEY}'\n",
        f"providers: {{a: {{api_key: &k {KEY}}}, b: {{api_key: *k}}}}\n",
        f"providers: {{a: {{headers: {{x-api-key: {KEY}, x-team: blue}}}}}}\n",
        f"providers: {{a: {{api-key: {KEY}, apiKey: {KEY}, token: {KEY}}}}}\n",
        f"providers: {{api_key: {KEY}}}\n",
        f"api_key: {KEY}\n",
        f"#  api_key: {KEY}\na: 1\n",
        f"a: 1   # x-token: {KEY}\n",
        f"providers: {{a: {{api_key: {KEY}\n",
        f"a: [\nheaders: {{authorization: {KEY}, x: 1}}\n",
        f"a: [\nproxy: http://u:{KEY}@p:1\n",
        f"# http://u:{KEY}@p:1\na: 1\n",
    ],
)
def test_a_key_is_not_shown(text: str) -> None:
    assert redacted(text, fingerprint) == text.replace(f"'{KEY}'", KEY).replace(KEY, f"‹key #{len(KEY)}›")


def test_what_looks_like_a_key_is_not_shown_anywhere() -> None:
    text = "# was sk-0123456789012345678901, now gsk_0123456789012345678901\na: 1\n"
    assert redacted(text, fingerprint) == "# was ‹key #25›, now ‹key #26›\na: 1\n"


def test_of_a_proxy_its_place_is_shown() -> None:
    text = f"providers: {{a: {{proxy: 'http://u:{KEY}@p:1'}}, b: {{proxy: 'http://u:env:P@p:1'}}}}\n"
    shown = f"providers: {{a: {{proxy: http://p:1 ‹key #{len(KEY)}›}}, b: {{proxy: http://p:1 env:P}}}}\n"
    assert redacted(text, fingerprint) == shown


@pytest.mark.parametrize(
    "text", [f"providers: {{a: {{api_key: {SEALED}}}}}\n", f"# {SEALED}\na: 1\n", f"a: [\n{SEALED}\n"]
)
def test_a_sealed_key_is_folded(text: str) -> None:
    shown = redacted(text, fingerprint)
    assert "YWdl" not in shown and "age:‹" in shown and len(shown) < 60


def test_an_armored_key_is_folded_into_one_line() -> None:
    text = f"providers:\n  a:\n    api_key: |\n      {ARMORED}\n\n    models: [x]\n"
    shown = redacted(text, fingerprint)
    assert "YWdl" not in shown
    lines = shown.splitlines()
    assert lines[2].startswith("    api_key: age:‹") and lines[-1] == "    models: [x]"


def test_a_diff() -> None:
    old = f"version: 1\nproviders:\n  a: {{api_key: {SEALED}}}\n  b: {{api_key: {KEY}}}\n  c: {{}}\n"
    new = old.replace("WdlY", "XdlY").replace(KEY, KEY + "0").replace("c: {}", "c: {models: [x]}")
    shown = text_diff(old, new, fingerprint)
    assert KEY not in shown and "YWdl" not in shown
    lines = shown.splitlines()
    assert lines[:3] == ["--- a/router.yaml", "+++ b/router.yaml", "@@ -1,5 +1,5 @@"]
    assert [line[:4] for line in lines[5:]] == ["-  a", "-  b", "-  c", "+  a", "+  b", "+  c"]
    assert lines[6] == "-  b: {api_key: ‹key #22›}" and lines[9] == "+  b: {api_key: ‹key #23›}"


def test_nothing_is_different() -> None:
    assert text_diff("a: 1\n", "a: 1\n", fingerprint) == ""
    assert text_diff("a: 1\n", "\ufeffa: 1\r\n", fingerprint) == ""
