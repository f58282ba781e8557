"""Which base URLs may be called."""

from __future__ import annotations

import ipaddress

import pytest

from routerd.config.addresses import BadAddress, embedded, is_public, parse_base_url, why_forbidden


@pytest.mark.parametrize(
    ("text", "origin", "path", "is_private"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com:443", "/v1", False),
        ("https://API.OpenAI.com/v1/", "https://api.openai.com:443", "/v1", False),
        ("HTTPS://llm.example.org:8443", "https://llm.example.org:8443", "", False),
        ("http://localhost:11434/v1", "http://localhost:11434", "/v1", True),
        ("http://models.localhost/v1", "http://models.localhost:80", "/v1", True),
        ("http://host.docker.internal:1234/v1", "http://host.docker.internal:1234", "/v1", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "", True),
        ("http://10.1.2.3/v1", "http://10.1.2.3:80", "/v1", True),
        ("http://100.64.0.1/v1", "http://100.64.0.1:80", "/v1", True),
        ("http://[::1]:8080/v1", "http://[::1]:8080", "/v1", True),
        ("http://[fd00::1]/v1", "http://[fd00::1]:80", "/v1", True),
        ("http://ollama:11434/v1", "http://ollama:11434", "/v1", False),
        ("https://8.8.8.8/v1", "https://8.8.8.8:443", "/v1", False),
        ("https://1-2.example.org/v1", "https://1-2.example.org:443", "/v1", False),
        ("https://xn--bro-hoa.example/v1", "https://xn--bro-hoa.example:443", "/v1", False),
    ],
)
def test_taken_apart(text: str, origin: str, path: str, is_private: bool) -> None:
    url = parse_base_url(text)
    assert (url.origin, url.path, url.is_private) == (origin, path, is_private)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.openai.com/v1",
        "ftp://api.openai.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://:443/v1",
        "https://me@api.openai.com/v1",
        "https://me:pass@api.openai.com/v1",
        "https://api.openai.com/v1?key=1",
        "https://api.openai.com/v1?",
        "https://api.openai.com/v1#x",
        "https://api.openai.com:0/v1",
        "https://api.openai.com:/v1",
        "https://api.openai.com:port/v1",
        "https://api.openai.com:99999/v1",
        "https://api openai.com/v1",
        "https://api.openai.com\\@evil.example/v1",
        "https://api.openai.com/v1\n",
        "https://büro.example/v1",
        "https://api..openai.com",
        "https://-api.openai.com",
        "https://[::1",
        "https://[fe80::1%25eth0]/v1",
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://1.2.3.4.5/",
    ],
)
def test_what_is_never_called(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse_base_url(text)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "is_forbidden", "public"),
    [
        ("8.8.8.8", False, True),
        ("2606:4700::1111", False, True),
        ("192.168.1.1", False, False),
        ("::ffff:192.168.1.1", False, False),
        ("169.254.1.1", True, False),
        ("::ffff:169.254.1.1", True, False),
        ("127.0.0.1", False, False),
    ],
)
def test_addresses(text: str, is_forbidden: bool, public: bool) -> None:
    address = ipaddress.ip_address(text)
    assert (why_forbidden(address) is not None) == is_forbidden
    assert is_public(address) == public


def test_wrapped_addresses_are_unwrapped() -> None:
    assert embedded(ipaddress.ip_address("64:ff9b::808:808")) == ipaddress.ip_address("8.8.8.8")
