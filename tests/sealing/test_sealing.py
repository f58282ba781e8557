"""Sealing and opening: for one origin, for several people, and never anew without need."""

from __future__ import annotations

import base64
import itertools
import traceback
from typing import Any

import msgspec
import pyrage  # type: ignore[import-untyped]
import pytest

from routerd.config import sealed
from routerd.config.references import SecretError
from routerd.sealing import (
    Identities,
    Identity,
    SealError,
    audience,
    decrypt,
    fingerprint,
    is_current,
    open_sealed,
    reseal_if_needed,
    seal,
    unseal,
)

KEY = "sk-canary-7f3a-1234567890"
ORIGIN = "https://api.openai.com"


def of(*identities: Identity) -> Identities:
    return Identities(identities)


def sealed_by_hand(text: Any, *identities: Identity, armored: bool = False) -> str:
    """What somebody made with age alone."""
    data = text if isinstance(text, bytes) else msgspec.json.encode(text)
    recipients = [pyrage.x25519.Recipient.from_str(identity.recipient) for identity in identities]
    made = bytes(pyrage.encrypt(data, recipients, armored=armored))
    return made.decode() if armored else "age:" + base64.b64encode(made).decode()


def test_what_is_sealed_is_opened_by_each_recipient(alice: Identity, bob: Identity) -> None:
    value = seal(KEY, ORIGIN, [alice.recipient, bob.recipient])
    assert value.startswith("age:") and "\n" not in value and KEY not in value
    assert sealed.parse(value).recipients == 2
    assert unseal(value, ORIGIN, of(alice)) == KEY
    assert unseal(value, ORIGIN, of(bob)) == KEY
    assert unseal(seal(KEY, ORIGIN, [bob.recipient]), ORIGIN, of(alice, bob)) == KEY


def test_what_is_inside(alice: Identity) -> None:
    value = seal(KEY, "https://api.openai.com:443", [alice.recipient])
    assert msgspec.json.decode(decrypt(sealed.parse(value).data, of(alice))) == {
        "v": 1,
        "key": KEY,
        "origin": ORIGIN,
        "to": audience([alice.recipient]),
    }


@pytest.mark.parametrize("armored", [False, True])
@pytest.mark.parametrize("origin", [ORIGIN, f"{ORIGIN}:443", f"{ORIGIN}/", "https://API.openai.com"])
def test_what_others_sealed_is_read(alice: Identity, armored: bool, origin: str) -> None:
    value = sealed_by_hand({"v": 1, "key": KEY, "origin": origin}, alice, armored=armored)
    assert unseal(value, "https://api.openai.com:443", of(alice)) == KEY
    assert open_sealed(value, of(alice)).to is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.openai.com",
        "https://api.openai.com:8443",
        "https://api.openai.com.evil.example",
        "https://evil.example",
        "",
    ],
)
def test_a_key_is_for_its_origin_alone(alice: Identity, origin: str) -> None:
    with pytest.raises(SealError, match=r"key_origin_mismatch: .*api\.openai\.com.* `routerd key set`") as caught:
        unseal(seal(KEY, ORIGIN, [alice.recipient]), origin, of(alice))
    assert caught.value.fault == "key_origin_mismatch"


def test_an_origin_that_is_no_text_for_a_line_is_not_repeated(alice: Identity) -> None:
    value = sealed_by_hand({"v": 1, "key": KEY, "origin": "https://a\n\x1b[31mred"}, alice)
    with pytest.raises(SealError) as caught:
        unseal(value, ORIGIN, of(alice))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        KEY.encode(),
        b"\xff\xfe",
        b"",
        [KEY],
        {"key": KEY, "origin": ORIGIN},
        {"v": 2, "key": KEY, "origin": ORIGIN},
        {"v": 1, "key": [KEY], "origin": ORIGIN},
        {"v": 1, "key": KEY},
        {"v": 1, "key": KEY, "origin": ORIGIN, "to": [KEY]},
    ],
    ids=str,
)
def test_what_opens_but_is_not_ours(alice: Identity, text: Any) -> None:
    with pytest.raises(SealError, match="routerd did not seal it") as caught:
        unseal(sealed_by_hand(text, alice), ORIGIN, of(alice))
    assert caught.value.fault == "malformed"
    assert no_secret(caught.value, alice)


def no_secret(error: BaseException, *identities: Identity) -> bool:
    told = "".join(traceback.format_exception(error)) + repr(error) + "".join(map(repr, identities))
    return "canary" not in told and "SECRET-KEY-1" not in told


def test_who_is_no_recipient_is_told_what_to_do(alice: Identity, bob: Identity) -> None:
    value = seal(KEY, ORIGIN, [bob.recipient])
    with pytest.raises(
        SealError, match=f"add {alice.recipient} to `recipients` and run `routerd key rotate`"
    ) as caught:
        unseal(value, ORIGIN, of(alice))
    assert caught.value.fault == "not_for_us"
    with pytest.raises(SealError, match="ROUTERD_IDENTITY_FILE") as caught:
        unseal(value, ORIGIN, of())
    assert caught.value.fault == "no_identity"
    with pytest.raises(SealError, match="/x can't be read: Permission denied"):
        unseal(value, ORIGIN, Identities((), ("the identity /x can't be read: Permission denied",)))
    assert no_secret(caught.value, alice, bob)


def test_every_byte_counts(alice: Identity) -> None:
    """Whichever byte is another: no key comes out, and nothing but a SealError."""
    data = sealed.parse(seal(KEY, ORIGIN, [alice.recipient])).data
    faults = set()
    for at in range(len(data)):
        wrong = "age:" + base64.b64encode(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]).decode()
        with pytest.raises(SealError) as caught:
            unseal(wrong, ORIGIN, of(alice))
        faults.add(caught.value.fault)
        assert no_secret(caught.value, alice)
    assert faults == {"malformed", "damaged", "not_for_us"}


def test_cut_anywhere(alice: Identity) -> None:
    data = sealed.parse(seal(KEY, ORIGIN, [alice.recipient])).data
    for end in range(len(data)):
        with pytest.raises(SealError):
            unseal("age:" + base64.b64encode(data[:end]).decode(), ORIGIN, of(alice))


def test_a_passphrase_is_refused_before_any_work(alice: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    stanza, mac = b"-> scrypt bG9uZyBlbm91Z2ggc2FsdA 30\n" + b"A" * 43, b"--- " + b"A" * 43
    data = b"\n".join([b"age-encryption.org/v1", stanza, mac, b"x" * 40])
    monkeypatch.setattr(pyrage, "decrypt", lambda *_: pytest.fail("it was tried"))
    with pytest.raises(SealError, match="passphrase") as caught:
        decrypt(data, of(alice))
    assert caught.value.fault == "malformed"


def test_the_old_text_stays_while_nothing_changes(alice: Identity, bob: Identity) -> None:
    recipients = [alice.recipient, bob.recipient]
    old = seal(KEY, ORIGIN, recipients)
    for order in (recipients, recipients[::-1], [*recipients, recipients[0]]):
        assert reseal_if_needed(old, KEY, f"{ORIGIN}:443", order, of(bob)) == old


def test_it_is_sealed_anew_when_anything_changes(alice: Identity, bob: Identity) -> None:
    both, ours = [alice.recipient, bob.recipient], of(alice)
    old = seal(KEY, ORIGIN, both)
    armored = sealed_by_hand({"v": 1, "key": KEY, "origin": ORIGIN, "to": audience(both)}, alice, bob, armored=True)
    by_hand = sealed_by_hand({"v": 1, "key": KEY, "origin": ORIGIN}, alice, bob)
    cases: list[tuple[str | None, str, str, list[str], Identities]] = [
        (None, KEY, ORIGIN, both, ours),
        ("env:KEY", KEY, ORIGIN, both, ours),
        (old, KEY + "x", ORIGIN, both, ours),
        (old, KEY, "https://else.example", both, ours),
        (old, KEY, ORIGIN, [alice.recipient], ours),
        (old, KEY, ORIGIN, both, of()),
        (armored, KEY, ORIGIN, both, ours),
        (by_hand, KEY, ORIGIN, both, ours),
    ]
    for value, key, origin, recipients, identities in cases:
        made = reseal_if_needed(value, key, origin, recipients, identities)
        assert made != value
        assert unseal(made, origin, of(alice)) == key
        assert is_current(made, key, origin, recipients, of(alice))


def test_the_audience_is_who_and_not_in_which_order(alice: Identity, bob: Identity) -> None:
    ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"
    names = [alice.recipient, bob.recipient, ssh]
    assert len({audience(order) for order in itertools.permutations(names)}) == 1
    assert audience([*names, f"{ssh} alice@example.org"]) == audience(names)
    assert len({audience(names[:count]) for count in range(4)}) == 4


def test_fingerprints_tell_keys_apart_and_nothing_else() -> None:
    assert fingerprint(KEY) == fingerprint(KEY)
    assert len({fingerprint(f"sk-{number}") for number in range(100)}) == 100
    assert len(fingerprint(KEY)) == 8 and not set(fingerprint(KEY)) - set("0123456789abcdef")


@pytest.mark.parametrize("recipient", ["age1nobody", "AGE-SECRET-KEY-1CANARY", "ssh-rsa AAAA", ""])
def test_who_is_nobody_can_not_be_sealed_to(alice: Identity, recipient: str) -> None:
    with pytest.raises(SealError, match="recipient") as caught:
        seal(KEY, ORIGIN, [alice.recipient, recipient])
    assert "CANARY" not in str(caught.value) and no_secret(caught.value)


def test_nobody_at_all_can_not_be_sealed_to() -> None:
    with pytest.raises(SecretError, match="recipients"):
        seal(KEY, ORIGIN, [])
