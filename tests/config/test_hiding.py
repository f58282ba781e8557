"""Texts that can't be understood are shown without their keys, however those are written, and with all their lines."""

from __future__ import annotations

import pytest

from routerd.config.hiding import hidden

KEY = "canary-7f3a"  # which looks like nobody's key
HEAD = "providers:\n  a:\n"
BLOCK = f"    api_key: |\n      {KEY}\n      {KEY}\n    models: [m]\n"

BROKEN = ["", "oops: 1\n", "x: [\n", "a: 1\na: 2\n"]  # understood, wrong, no YAML, a key twice


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        f"    api_key: {KEY}\n    models: [m]\n",
        f'    api_key: "{KEY}"  # mine\n',
        f"    api_key: '{KEY}, {KEY}'\n",
        f"    api_key: {KEY}#{KEY},{KEY}\n",
        f"    api_key:\n      {KEY}\n    models: [m]\n",
        f"    api_key: x\n      {KEY}\n    models: [m]\n",
        f'    api_key: "x\n      {KEY}"\n    models: [m]\n',
        BLOCK,
        BLOCK.replace("|", ">-"),
        BLOCK.replace("|", "|2+  # mine"),
        BLOCK.replace("|", "&k |-"),
        f"    api_key: |\n\n\n      {KEY}\n\n      {KEY}\n    models: [m]\n",
        f"    api_key: &k {KEY}\n  b:\n    api_key: *k\n",
        f"    apikey: {KEY}\n",
        f"    key: {KEY}\n",
        f"    api_keys: [{KEY}]\n",
        f"    api_key: {{one: {KEY}}}\n",
        f"    headers: {{x-team: blue, x-my-token: {KEY}}}\n",
        f"    headers:\n      Authorization: Bearer {KEY}\n",
        f"    proxy: http://me:{KEY}@host:1\n",
        f"    metadata: {{password: {KEY}}}\n",
        f'    {{"api_key": "{KEY}"}}\n',
    ],
)
def test_no_key_is_shown(text: str, ending: str, broken: str) -> None:
    whole = (HEAD + text + broken).replace("\n", ending)
    shown = hidden(whole)
    assert KEY not in shown
    assert "[redacted]" in shown
    assert [line.rstrip("\r\n") == "" for line in shown.splitlines(True)] == [
        line.rstrip("\r\n") == "" for line in whole.splitlines(True)
    ]
    assert hidden(shown) == shown


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "    api_key: env:OPENAI_API_KEY  # the usual\n    base_url: https://a.example.org/v1\n",
        "    api_key: ${OPENAI_API_KEY}\n    timeouts: {first_token: 180s}\n",
        "    headers: {x-team: blue}\n    proxy: http://host:1\n",
        "    quirks: {max_tokens_field: max_tokens}\n",
    ],
)
def test_what_is_no_key_is_shown(text: str, broken: str) -> None:
    assert hidden(HEAD + text + broken) == HEAD + text + broken


def test_a_name_of_a_person_is_no_name_of_a_key() -> None:
    text = "clients:\n  token: {key_sha256: ab, is_active: true}\nproviders:\n  key: {models: [m]}\n"
    assert hidden(text) == text


def test_a_byte_order_mark() -> None:
    assert hidden(f"\ufeff{HEAD}    api_key: {KEY}\n") == f"\ufeff{HEAD}    api_key: [redacted]\n"
