"""Keys in router.yaml: set, sealed, rotated; and every other character stays where it was."""

from __future__ import annotations

import difflib
import time
from pathlib import Path

import pytest

from routerd.config.check import check
from routerd.config.edit_scalar import CantEdit, replace_scalar
from routerd.config.places import Place, places
from routerd.config.problem import Path as Steps
from routerd.keyring import Edited, Keyring, KeyringError, rotate, rows, seal_plain, set_key, standing
from routerd.sealing import Identities, Identity, Sources, fingerprint, make_identity, seal, unseal

KEY = "sk-canary-7f3a-1234567890"
ORIGIN = "https://api.openai.com"
TEXT = """\
# The file of a team.
version: 1

providers:
  openai:            # the usual
    models: [gpt-5.2]   # one
  groq: {api_key: 'sk-canary-plain', headers: {x-team: blue, x-token: canary-token}}
  work:
    base_url: https://llm.example.org/v1
    api_key: env:WORK_KEY   # by hand

    proxy: "http://me:canary-word@proxy.example.org:3128"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ring(home: Path) -> Keyring:
    return ring_at(home)


def ring_at(home: Path, **environ: str) -> Keyring:
    return Keyring(Sources({"HOME": str(home), **environ}, home / "data", mounted=home / "run"))


def of(*identities: Identity, home: Path) -> Keyring:
    ring = ring_at(home, ROUTERD_IDENTITY="\n".join(Path(one.place).read_text() for one in identities))
    assert len(ring.identities.found) == len(identities)
    return ring


def changed(before: str, after: str) -> list[str]:
    """The lines that went and came, as `-4: …` and `+4: …` without the values."""
    diff = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in diff if line[0] in "+-"]


def by_path(text: str) -> dict[Steps, Place]:
    config = check(text).config
    assert config is not None, check(text).problems
    return {place.path: place for place in places(config)}


def test_the_first_key_makes_an_identity_and_names_its_recipient(ring: Keyring, home: Path) -> None:
    edited = set_key(TEXT, "openai", KEY, ring)
    assert edited.made is not None and edited.recipients_added
    assert edited.made.place == str(home / ".config" / "routerd" / "identity.txt")
    assert edited.recipients == (edited.made.recipient,)
    assert edited.changed == (("providers", "openai", "api_key"),)
    value = by_path(edited.text)["providers", "openai", "api_key"].secret
    assert changed(TEXT, edited.text) == [
        "+ recipients:",
        f"+   - {edited.made.recipient}",
        f"+     api_key: {value}",
    ]
    assert unseal(value, ORIGIN, ring.identities) == KEY
    assert KEY not in edited.text and "canary" not in repr(edited)
    again = set_key(edited.text, "openai", KEY, ring_at(home))
    assert (again.text, again.changed, again.made) == (edited.text, (), None)


def test_an_identity_that_is_there_is_taken(alice: Identity, home: Path) -> None:
    edited = set_key(TEXT, "openai", KEY, of(alice, home=home))
    assert edited.made is None and edited.recipients == (alice.recipient,)
    assert not (home / ".config").exists()


def test_the_recipients_of_the_file_are_taken_even_if_that_is_not_us(bob: Identity, ring: Keyring, home: Path) -> None:
    text = f"recipients: [{bob.recipient}]\n{TEXT}"
    edited = set_key(text, "openai", KEY, ring)
    assert (edited.made, edited.recipients_added, edited.recipients) == (None, False, (bob.recipient,))
    assert unseal(by_path(edited.text)["providers", "openai", "api_key"].secret, ORIGIN, of(bob, home=home).identities)


@pytest.mark.parametrize(
    ("provider", "header", "lines"),
    [
        ("groq", None, ["groq: {api_key: 'age:…', headers: {x-team: blue, x-token: canary-token}}"]),
        ("groq", "X-Token", ["groq: {api_key: 'sk-canary-plain', headers: {x-team: blue, x-token: age:…}}"]),
        (
            "groq",
            "x-new",
            ["groq: {api_key: 'sk-canary-plain', headers: {x-new: age:…, x-team: blue, x-token: canary-token}}"],
        ),
        ("work", None, ["api_key: age:…   # by hand"]),
        ("work", "authorization", ["headers: {authorization: age:…}"]),
    ],
)
def test_where_a_key_goes(alice: Identity, home: Path, provider: str, header: str | None, lines: list[str]) -> None:
    text = f"recipients: [{alice.recipient}]\n{TEXT}"
    edited = set_key(text, provider, KEY, of(alice, home=home), header)
    (path,) = edited.changed
    sealed = by_path(edited.text)[path].secret
    came = [line[2:].strip().replace(sealed, "age:…") for line in changed(text, edited.text) if line[0] == "+"]
    assert came == lines


@pytest.mark.parametrize(
    ("text", "provider", "key", "told"),
    [
        (TEXT, "opnai", KEY, "there is no provider `opnai`; did you mean `openai`?"),
        ("{}", "openai", KEY, "there is no provider `openai`"),
        ("providers: {demo: {adapter: echo, models: [a]}}", "demo", KEY, "the built-in echo"),
        ("providers: {x: {}}", "x", KEY, "`base_url` is missing"),
        ("providers: {openai: {}}\noops: 1", "openai", KEY, "`oops` is no key"),
        (TEXT, "openai", "env:KEY", "this is no key to be sealed"),
        (TEXT, "openai", "", "the key is empty"),
        (TEXT, "openai", "Bearer canary", "without `Bearer`"),
        (TEXT, "openai", "two canaries", "no key has spaces"),
        (TEXT, "openai", "${canary:-x}", "no reference that is known here"),
        ("providers: {openai: {api_key: age:YWdl}}", "openai", "age:YWdl", "no sealed key"),
    ],
)
def test_what_can_not_be_set(ring: Keyring, home: Path, text: str, provider: str, key: str, told: str) -> None:
    with pytest.raises(KeyringError) as caught:
        set_key(text, provider, key, ring)
    assert told in str(caught.value) and "canar" not in str(caught.value)
    assert not (home / ".config").exists(), "an identity was made for nothing"


def test_a_broken_key_is_replaced(ring: Keyring) -> None:
    """What is wrong with the file is just what is being set right."""
    for value in ("age:YWdl", '""', "$(cat key)"):
        text = f"providers:\n  openai: {{api_key: {value}}}\n"
        assert check(set_key(text, "openai", KEY, ring).text).problems == ()


def test_an_alias_is_left_to_people(ring: Keyring) -> None:
    text = "providers:\n  openai: {api_key: &k sk-old}\n  groq: {api_key: *k}\n"
    with pytest.raises(CantEdit, match="line 2"):
        set_key(text, "groq", KEY, ring)
    edited = seal_plain(text, ring)
    assert edited.text == text and [left.path[1] for left in edited.left] == ["openai", "groq"]


def test_everything_in_plain_text_is_sealed(ring: Keyring) -> None:
    edited = seal_plain(TEXT, ring)
    assert len(changed(TEXT, edited.text)) == 2 + 4, "recipients, and two lines that became others"
    assert "canary" not in edited.text and edited.left == ()
    found = by_path(edited.text)
    secrets = {
        path[2:]: unseal(place.secret, place.origin or "", ring.identities)
        for path, place in found.items()
        if place.kind == "sealed"
    }
    assert secrets == {
        ("api_key",): "sk-canary-plain",
        ("headers", "x-token"): "canary-token",
        ("proxy",): "canary-word",
    }
    assert [path[2:] for path in edited.changed] == list(secrets)
    assert seal_plain(edited.text, ring) == Edited(edited.text)


def test_a_key_that_is_sent_once_more_keeps_its_ciphertext(ring: Keyring) -> None:
    sealed = seal_plain(TEXT, ring).text
    before = check(sealed).config
    again = sealed
    for path, place in by_path(sealed).items():
        if place.kind == "sealed":
            key = unseal(place.secret, place.origin or "", ring.identities)
            again = replace_scalar(again, path, place.with_secret(key))
    assert again != sealed
    assert seal_plain(again, ring, before).text == sealed
    other = seal_plain(again.replace("sk-canary-plain", "sk-canary-other"), ring, before)
    assert len(changed(sealed, other.text)) == 2, "one line that became another"


def test_a_key_that_goes_nowhere_is_left(ring: Keyring) -> None:
    text = "providers:\n  demo: {adapter: echo, api_key: sk-canary, models: [a]}\n"
    edited = seal_plain(text, ring)
    assert edited.text == text and "nothing says where" in edited.left[0].reason


def test_rotating_seals_anew_what_is_sealed_to_others(alice: Identity, bob: Identity, home: Path) -> None:
    both = [alice.recipient, bob.recipient]
    current, old = seal(KEY, ORIGIN, both), seal("sk-old", "https://api.groq.com", [alice.recipient])
    providers = f"providers:\n  openai: {{api_key: {current}}}\n  groq: {{api_key: {old}}} # x\n"
    text = f"recipients: [{', '.join(both)}]\n{providers}"
    edited = rotate(text, of(alice, home=home))
    assert edited.changed == (("providers", "groq", "api_key"),)
    assert current in edited.text and edited.text.endswith("} # x\n")
    value = by_path(edited.text)["providers", "groq", "api_key"].secret
    assert unseal(value, "https://api.groq.com", of(bob, home=home).identities) == "sk-old"
    assert rotate(edited.text, of(bob, home=home)).changed == ()


def test_rotating_leaves_what_can_not_be_opened(alice: Identity, bob: Identity, home: Path) -> None:
    theirs, moved = seal(KEY, ORIGIN, [bob.recipient]), seal(KEY, "https://else.example", [alice.recipient])
    text = (
        f"recipients: [{alice.recipient}]\nproviders:\n  openai: {{api_key: {theirs}}}\n  groq: {{api_key: {moved}}}\n"
    )
    edited = rotate(text, of(alice, home=home))
    assert edited.text == text and edited.changed == ()
    told = {left.path[1]: left.reason for left in edited.left}
    assert "not sealed to this machine" in told["openai"] and "key_origin_mismatch" in told["groq"]


def test_a_proxy_that_is_sealed_whole_rotates(alice: Identity, bob: Identity, home: Path) -> None:
    old = seal("http://me:word@proxy.example.org:3128", "http://proxy.example.org:3128", [alice.recipient])
    text = f"recipients: [{alice.recipient}, {bob.recipient}]\nproviders:\n  openai: {{api_key: env:K, proxy: {old}}}\n"
    edited = rotate(text, of(alice, home=home))
    assert edited.changed == (("providers", "openai", "proxy"),)
    assert rotate(edited.text, of(bob, home=home)).left == ()


def test_no_identity_is_made_beside_keys_of_others(bob: Identity, ring: Keyring, home: Path) -> None:
    text = f"providers:\n  openai: {{api_key: {seal(KEY, ORIGIN, [bob.recipient])}}}\n  groq: {{api_key: sk-canary}}\n"
    for change in (seal_plain, rotate):
        with pytest.raises(KeyringError, match="whose they are"):
            change(text, ring)
    assert not (home / ".config").exists()


def test_no_identity_is_made_beside_one_that_can_not_be_read(home: Path) -> None:
    with pytest.raises(KeyringError, match="/nowhere does not exist; nothing is sealed"):
        set_key(TEXT, "openai", KEY, ring_at(home, ROUTERD_IDENTITY_FILE="/nowhere"))
    assert not (home / ".config").exists()


def test_rows(alice: Identity, bob: Identity, home: Path) -> None:
    ours, theirs = (
        seal(KEY, ORIGIN, [alice.recipient, bob.recipient]),
        seal(KEY, "https://api.groq.com", [bob.recipient]),
    )
    text = f"""\
recipients: [{alice.recipient}]
providers:
  openai: {{api_key: {ours}}}
  groq: {{api_key: {theirs}, headers: {{x-token: canary}}}}
  xai: {{api_key: env:SET, proxy: "http://me:env:UNSET@host:1"}}
  ollama: {{}}
"""
    found = [row.as_json() for row in rows(text, of(alice, home=home), {"SET": KEY}, home)]
    assert [(row["path"], row["source"], row["recipients"], row["current"], row["readable"]) for row in found] == [
        ("providers.openai.api_key", "sealed", 2, False, True),
        ("providers.groq.api_key", "sealed", 1, None, False),
        ("providers.groq.headers.x-token", "plain", None, None, True),
        ("providers.xai.api_key", "env", None, None, True),
        ("providers.xai.proxy", "env", None, None, False),
        ("providers.ollama", "none", None, None, False),
    ]
    assert [row["fingerprint"] for row in found] == [
        fingerprint(KEY), None, fingerprint("canary"), fingerprint(KEY), None, None,
    ]  # fmt: skip
    assert "canary" not in repr(found)
    assert "UNSET is not set" in found[4]["trouble"]


def test_standing() -> None:
    assert [standing(count) for count in (1, 2)] == ["1 recipient, not backed up", "2 recipients"]


def test_two_hundred_keys_are_rotated_in_less_than_a_second(ring: Keyring, home: Path) -> None:
    providers = (f"  p{at}: {{base_url: https://p{at}.example.org/v1, api_key: sk-{at}}}\n" for at in range(200))
    once = seal_plain("providers:\n" + "".join(providers), ring)
    more = make_identity(home / "more.txt")
    began = time.process_time()
    edited = rotate(once.text.replace("recipients:\n", f"recipients:\n  - {more.recipient}\n"), ring)
    assert time.process_time() - began < 1
    assert (len(edited.changed), edited.left) == (200, ())
    found = by_path(edited.text)
    assert unseal(found["providers", "p7", "api_key"].secret, "https://p7.example.org", Identities((more,))) == "sk-7"


def test_what_can_not_be_edited_keeps_the_others_from_nothing(ring: Keyring) -> None:
    text = "providers:\n  openai: {api_key: &k sk-a}\n  groq: {api_key: *k}\n  mistral: {api_key: sk-b}\n"
    edited = seal_plain(text, ring)
    assert edited.changed == (("providers", "mistral", "api_key"),)
    assert [left.path[1] for left in edited.left] == ["openai", "groq"]
