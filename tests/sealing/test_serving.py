"""A sealed key from the file to the provider that it is for, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.config.secrets import SecretError, resolve, resolve_proxy
from routerd.loading import Loaded, load
from routerd.observe import Redactor
from routerd.sealing import Identities, Identity, Sources, seal
from tests.support.daemon import Daemon
from tests.support.reply import whole
from tests.support.upstream import Upstream

KEY = "sk-canary-7f3a-1234567890"
PROXY = "http://proxy.example.org:3128"


def loaded(text: str, folder: Path, identity: Identity) -> Loaded:
    return load(text, "digest", 1, folder, Sources({}, Path(identity.place).parent, mounted=folder))


def test_one_key_that_can_not_be_read_disables_its_provider_alone(
    tmp_path: Path, alice: Identity, bob: Identity
) -> None:
    origins = {"openai": "https://api.openai.com", "groq": "https://api.groq.com", "xai": "https://api.openai.com"}
    people = {"openai": alice, "groq": bob, "xai": alice}
    sealed = {name: seal(KEY, origin, [people[name].recipient]) for name, origin in origins.items()}
    lines = [f"  {name}: {{api_key: {value}, models: [m]}}\n" for name, value in sealed.items()]
    made = loaded(f"providers:\n{''.join(lines)}", tmp_path, alice)
    providers = made.snapshot.providers
    assert f"authorization: Bearer {KEY}".encode() in providers["openai"].head
    troubles = {name: provider.trouble or "" for name, provider in providers.items()}
    assert troubles["openai"] == ""
    assert f"add {alice.recipient} to `recipients` and run `routerd key rotate`" in troubles["groq"]
    assert troubles["xai"].startswith("key_origin_mismatch: the key was sealed for https://api.openai.com")
    assert KEY.encode() not in providers["groq"].head + providers["xai"].head
    assert "canary" not in repr(made.snapshot) + repr(troubles)
    assert Redactor(made.secrets).clean(f"said {KEY}") == "said [redacted]"


def test_headers_and_proxies(tmp_path: Path, alice: Identity) -> None:
    origin, to = "https://llm.example.org", [alice.recipient]
    text = f"""\
providers:
  inside:
    base_url: {origin}/v1
    headers: {{x-team: {seal("team blue", origin, to)}}}
    proxy: {seal("http://me:p%40ss@proxy.example.org:3128", PROXY, to)}
"""
    made = loaded(text, tmp_path, alice)
    provider = made.snapshot.providers["inside"]
    assert provider.trouble is None
    assert b"x-team: team blue\r\n" in provider.head
    assert provider.proxy == "http://me:p%40ss@proxy.example.org:3128"
    assert {"team blue", "p@ss"} <= set(made.secrets)


@pytest.mark.parametrize(
    ("inside", "origin", "told"),
    [
        ("http://me:word@proxy.example.org:3128", "https://api.openai.com", "key_origin_mismatch"),
        (KEY, "https://api.openai.com", "key_origin_mismatch"),
        (f"{KEY}\r\nx: y", PROXY, "what is sealed holds characters that no key has"),
        ("", PROXY, "what is sealed is empty"),
    ],
)
def test_what_is_sealed_as_a_proxy_and_is_none(
    tmp_path: Path, alice: Identity, inside: str, origin: str, told: str
) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        resolve_proxy(seal(inside, origin, [alice.recipient]), {}, tmp_path, lambda: Identities((alice,)))
    assert "canary" not in str(caught.value)


def test_a_key_as_the_password_of_a_proxy_elsewhere_stays_shut(tmp_path: Path, alice: Identity) -> None:
    sealed = seal(KEY, "https://api.openai.com", [alice.recipient]).replace("/", "%2F").replace("+", "%2B")
    with pytest.raises(SecretError, match="key_origin_mismatch"):
        resolve_proxy(f"http://me:{sealed}@proxy.example.org:3128", {}, tmp_path, lambda: Identities((alice,)))


def test_what_is_sealed_is_a_key_and_no_reference(tmp_path: Path, alice: Identity) -> None:
    value = seal("env:CANARY", "https://a.example", [alice.recipient])
    found = resolve(value, {"CANARY": KEY}, tmp_path, "https://a.example", lambda: Identities((alice,)))
    assert found == "env:CANARY"


def test_identities_are_looked_for_only_when_they_are_needed(tmp_path: Path) -> None:
    def find() -> Identities:
        raise AssertionError("nothing is sealed")

    assert resolve("env:KEY", {"KEY": KEY}, tmp_path, "https://a.example", find) == KEY
    assert resolve_proxy("http://me:env:KEY@host:1", {"KEY": "word"}, tmp_path, find) == "http://me:word@host:1"


def test_from_the_file_to_the_provider(tmp_path: Path, alice: Identity) -> None:
    """Through the whole of routerd, with the identity in the data folder; the key is in no line of the log."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "identity.txt").write_text(Path(alice.place).read_text())
    with Upstream(lambda _: whole({"choices": []})) as upstream, Upstream() as elsewhere:
        value = seal(KEY, upstream.base_url.removesuffix("/v1"), [alice.recipient])
        text = f"""\
recipients: [{alice.recipient}]
providers:
  good: {{base_url: {upstream.base_url}, api_key: {value}, models: [m]}}
  moved: {{base_url: {elsewhere.base_url}, api_key: {value}, models: [m]}}
routes:
  good: [good/m]
  moved: [moved/m]
"""
        with Daemon(tmp_path, text) as daemon:
            body = {"model": "good", "messages": [{"role": "user", "content": "hi"}]}
            assert daemon.post(body).status == 200
            refused = daemon.post({**body, "model": "moved"})
            assert refused.status == 503
            assert "key_origin_mismatch" in refused.body.decode()
            unusable = daemon.find(lambda line: line.get("event") == "provider_unusable")
            assert unusable is not None and unusable["provider"] == "moved"
        assert upstream.wait_for(1).get("authorization") == f"Bearer {KEY}"
        assert elsewhere.requests == []
        assert "canary" not in daemon.dump() + refused.body.decode()
