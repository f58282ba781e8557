"""References: how they are written, and where they lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from routerd.config.references import BadReference, SecretError, parse_key, parse_value
from routerd.config.secrets import resolve, resolve_proxy

# Sealed to a key that nobody has any more.
AGE = (
    "age:YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBGUkdCYTBVS2ZQK3RvdkFFbDJ3YVdLYmgyYlNKOTJLYVlZc2NmV3NF"
    "Q0ZVCmpET2o0cG11Y01kUVJDYXhzUGY3RExKOGhtRTZRQ011WDlRdjRiS0hia00KLT4gNi1ncmVhc2UKdjZVU1NKVU8vdkkxCi0t"
    "LSArWmY1V1d4V04vUzJvejJXTFBxWmRGai95MXhHSmZaOVBZcE1vTkVTQ0FvCi+MksVtUlSk3W/oK4SEQJ/uMWHK0DtdQ+0QAN+Y"
    "WaXVzOhdAcyy/uTuH/rRKWoq9OKkMQcYa5i8v2fs0Sil8cgvg8LOQXymXFaHq2issUrSy1O8R8JO3ergJHD7"
)
ARMORED = (
    "-----BEGIN AGE ENCRYPTED FILE-----\n"
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhTVd1MzcwV1E4ZitsT2dB\n"
    "SS9rZFNRS2dWOWNlVHQ2NW9TYWNkNU5mUEM0ClZJenBHeTgybXpPdER5UmI1TlZk\n"
    "cVVlNGI2bGRURlVaM2FJSlZaYTlZYXMKLT4gWk81enNVLWdyZWFzZQp5ZwotLS0g\n"
    "SVlucGF4TWx6SkNuRDRrbkxNUHhPSElkdnVpWFg1YUdRU2JGeTFWd0hPNApKpaEb\n"
    "Z4TIZwt6aSuoWrXx/WN7ezu0ODJD7ryXq0zx2ygKbV7K3r8VpRy3aL0j9CmS01jy\n"
    "fWKnBKIQetMN8NPLApK/PDvWq3J5F8bDrrJwi4etI3Q+XZT9m2A0BHM=\n"
    "-----END AGE ENCRYPTED FILE-----\n"
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("env:OPENAI_API_KEY", "env", "OPENAI_API_KEY"),
        ("env:_key2", "env", "_key2"),
        ("${OPENAI_API_KEY}", "env", "OPENAI_API_KEY"),
        ("file:/run/secrets/openai", "file", "/run/secrets/openai"),
        ("file:secrets/openai key", "file", "secrets/openai key"),
        (AGE, "sealed", AGE),
        (ARMORED, "sealed", ARMORED),
        ("sk-proj-abc_123", "plain", "sk-proj-abc_123"),
        ("fal:with:colons", "plain", "fal:with:colons"),
        ("$2b$12$abc", "plain", "$2b$12$abc"),
    ],
)
def test_grammar(text: str, kind: str, value: str) -> None:
    reference = parse_key(text)
    assert (reference.kind, reference.value) == (kind, value)
    assert value not in repr(reference)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "env:",
        "env:1KEY",
        "env:KEY ",
        "env:KEY:-default",
        "env:ROUTERD_ADMIN_TOKEN",
        "env:routerd_identity",
        "${ROUTERD_IDENTITY}",
        "${KEY:-default}",
        "$KEY",
        "$(cat key)",
        "%KEY%",
        "{{ key }}",
        "ENV:KEY",
        "os.environ/KEY",
        "prefix-${KEY}",
        "file:",
        "file:  ",
        "file:../key",
        "file:secrets/../../key",
        "file:a\x00b",
        "age:",
        "age:not base64",
        "age:bm90IGFnZQ==",
        "age:YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOQ==",
        f"{AGE}A",
        f" {AGE}",
        "-----BEGIN AGE ENCRYPTED FILE-----\nabc",
        "Bearer sk-abc",
        "sk abc",
        "sk-abc\n",
        "sk-äbc",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(BadReference) as caught:
        parse_key(text)
    assert "abc" not in str(caught.value)


def test_a_header_may_hold_any_text() -> None:
    assert parse_value("a b; c").kind == "plain"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secrets = tmp_path / "config" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "openai").write_text("sk-from-file\n")
    (secrets / "empty").write_text(" \n")
    (secrets / "binary").write_bytes(b"\xff\xfe")
    (secrets / "lines").write_text("one\ntwo\n")
    (tmp_path / "outside").write_text("sk-outside")
    (secrets / "link-out").symlink_to(tmp_path / "outside")
    (secrets / "..data").mkdir()
    (secrets / "..data" / "mounted").write_text("sk-mounted")
    (secrets / "mounted").symlink_to("..data/mounted")
    os.mkfifo(secrets / "pipe")
    return tmp_path / "config"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("env:KEY", "sk-from-env"),
        ("${KEY}", "sk-from-env"),
        ("file:secrets/openai", "sk-from-file"),
        ("file:secrets/mounted", "sk-mounted"),
        ("sk-plain", "sk-plain"),
        ("text of a header", "text of a header"),
    ],
)
def test_resolve(folder: Path, reference: str, value: str) -> None:
    assert resolve(reference, {"KEY": " sk-from-env\n"}, folder) == value


def test_systemd_credentials(folder: Path) -> None:
    credentials = folder.parent / "credentials"
    credentials.mkdir()
    (credentials / "key").write_text("sk-credential")
    reference = f"file:{credentials}/key"
    assert resolve(reference, {"CREDENTIALS_DIRECTORY": str(credentials)}, folder) == "sk-credential"
    with pytest.raises(SecretError, match="not under"):
        resolve(reference, {}, folder)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:MISSING", "the environment variable MISSING is not set"),
        ("env:EMPTY", "the environment variable EMPTY is empty"),
        ("env:UMLAUT", "the environment variable UMLAUT holds characters that no key has"),
        ("env:ROUTERD_ADMIN_TOKEN", "routerd's own"),
        ("file:secrets/missing", "the file secrets/missing can't be read: No such file or directory"),
        ("file:secrets/empty", "the file secrets/empty is empty"),
        ("file:secrets/binary", "the file secrets/binary is not text"),
        ("file:secrets/lines", "the file secrets/lines holds characters that no key has"),
        ("file:secrets/pipe", "the file secrets/pipe can't be read: it is no plain file"),
        ("file:secrets/link-out", "the file secrets/link-out is not under /run/secrets"),
        ("file:/etc/passwd", "the file /etc/passwd is not under /run/secrets"),
        ("file:router.yaml", "the file router.yaml is not under /run/secrets"),
        (AGE, "a sealed key is only opened for the address it was sealed for, and there is none here"),
    ],
)
def test_trouble_names_the_place_and_not_the_value(folder: Path, reference: str, message: str) -> None:
    environ = {"EMPTY": " ", "UMLAUT": "sk-canäry", "ROUTERD_ADMIN_TOKEN": "sk-canary"}
    with pytest.raises(SecretError) as caught:
        resolve(reference, environ, folder)
    assert message in str(caught.value)
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("proxy", "resolved"),
    [
        ("http://proxy.example.org:3128", "http://proxy.example.org:3128"),
        ("socks5://me:env:PASSWORD@[::1]:1080", "socks5://me:p%40ss%2Fword@[::1]:1080"),
        ("http://me:plain@proxy.example.org", "http://me:plain@proxy.example.org"),
        ("http://me:file:secrets%2Fopenai@proxy.example.org", "http://me:sk-from-file@proxy.example.org"),
        ("env:PROXY", "http://me:word@proxy.example.org"),
    ],
)
def test_proxies(folder: Path, proxy: str, resolved: str) -> None:
    environ = {"PASSWORD": "p@ss/word", "PROXY": "http://me:word@proxy.example.org"}
    assert resolve_proxy(proxy, environ, folder) == resolved
