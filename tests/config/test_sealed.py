"""Sealed keys as they are written: what is told before anything is opened."""

from __future__ import annotations

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.sealed import ARMOR, MOST_HEADER, MOST_STANZAS, Malformed, parse, parse_header, short_origin

STANZA = f"-> X25519 {'A' * 43}\n{'B' * 43}\n"
MAC = f"--- {'C' * 43}\n"
PAYLOAD = "0123456789abcdef" * 3


def file(*stanzas: str, version: str = "v1") -> bytes:
    return f"age-encryption.org/{version}\n{''.join(stanzas)}{MAC}{PAYLOAD}".encode()


def line(data: bytes) -> str:
    return "age:" + base64.b64encode(data).decode()


def armored(data: bytes, newline: str = "\n") -> str:
    body = textwrap.wrap(base64.b64encode(data).decode(), 64)
    return newline.join([ARMOR, *body, ARMOR.replace("BEGIN", "END"), ""])


@pytest.mark.parametrize(
    ("stanzas", "types", "recipients"),
    [
        ((STANZA,), ("X25519",), 1),
        ((STANZA, STANZA, "-> \\-grease q\n\n"), ("X25519", "X25519", "\\-grease"), 2),
        (("-> ssh-ed25519 AAAAAA x\nBBBB\n", STANZA), ("ssh-ed25519", "X25519"), 2),
        (("-> X25519 A\n" + "B" * 64 + "\n\n",), ("X25519",), 1),
        ((STANZA * MOST_STANZAS,), ("X25519",) * MOST_STANZAS, MOST_STANZAS),
    ],
)
def test_stanzas(stanzas: tuple[str, ...], types: tuple[str, ...], recipients: int) -> None:
    data = file(*stanzas)
    for text in (line(data), armored(data), armored(data, "\r\n"), f"\n {armored(data).strip()} \n".lstrip()):
        found = parse(text)
        assert (found.data, found.stanzas, found.recipients) == (data, types, recipients)
        assert "PAYLOAD" not in repr(found) and PAYLOAD[:8] not in repr(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age:", "no sealed key"),
        ("age:not base64", "no sealed key"),
        (line(b"not age"), "no sealed key"),
        (line(file(STANZA))[:-1], "no sealed key"),
        (line(file(STANZA)) + "\n", "no sealed key"),
        (line(file(STANZA)).replace("age:YWdl", "age:YWdm"), "no sealed key"),
        (line(file(STANZA, version="v2")), "another version"),
        (line(file()), "damaged"),
        (line(file(STANZA).replace(b"--- ", b"---")), "damaged"),
        (line(file(STANZA).replace(b"-> ", b"->  ")), "damaged"),
        (line(file(STANZA).replace(b"\n", b"\r\n")), "another version"),
        (line(file(STANZA)[:60]), "damaged"),
        (line(file("-> X25519\n" + "B" * 65 + "\n")), "damaged"),
        (line(file("-> scrypt AAAA 18\n\n")), "passphrase"),
        (line(file(STANZA, "-> scrypt AAAA 18\n\n")), "passphrase"),
        (line(file(STANZA * (MOST_STANZAS + 1))), "more than 20 recipients"),
        (line(file("-> X25519 A\n" + ("B" * 64 + "\n") * (MOST_HEADER // 65) + "\n")), "longer than 16 KiB"),
        (line(file(STANZA) + b"x" * 200_000), "longer than any"),
        (armored(file(STANZA)).replace("-----END", "----END"), "not the whole"),
        (armored(file(STANZA)).replace("\n", " "), "not the whole"),
        (armored(file(STANZA)).replace("\n", "\n\n", 1), "damaged"),
        (f"{ARMOR}\n{ARMOR.replace('BEGIN', 'END')}", "damaged"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(text)
    assert caught.value.hint or message == "longer than any"


@given(st.binary(max_size=300), st.integers(0, 250))
def test_whatever_is_in_it_the_answer_is_a_header_or_a_refusal(noise: bytes, at: int) -> None:
    data = file(STANZA, STANZA)
    try:
        assert parse_header(data[:at] + noise + data[at:])
    except Malformed as error:
        assert error.message


@pytest.mark.parametrize(
    ("origin", "short"),
    [
        ("https://api.openai.com:443", "https://api.openai.com"),
        ("https://API.OpenAI.com/", "https://api.openai.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://host:80", "https://host:80"),
        ("socks5://host:1080", "socks5://host:1080"),
        ("https://host/path", "https://host/path"),
        ("https://me@host", "https://me@host"),
        ("https://host:port", "https://host:port"),
        ("", ""),
    ],
)
def test_origins(origin: str, short: str) -> None:
    assert short_origin(origin) == short
