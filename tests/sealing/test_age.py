"""The same file for others: Debian's `age`, which is written in Go, and C2SP's test vectors."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zlib
from pathlib import Path
from shutil import which

import msgspec
import pytest

from routerd.config import sealed
from routerd.sealing import Identities, Identity, IdentityError, SealError, decrypt, parse_identities, seal, unseal

KEY = "sk-canary-7f3a"
ORIGIN = "https://api.openai.com"


@pytest.fixture(scope="module")
def age() -> str:
    """Debian's binary."""
    found = which("age")
    if found is None:
        pytest.skip("age is missing: install Debian's package `age`")
    return found


def run(*command: str, text: bytes = b"") -> bytes:
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def test_age_opens_what_we_seal(age: str, alice: Identity, bob: Identity) -> None:
    value = seal(KEY, ORIGIN, [alice.recipient, bob.recipient])
    data = base64.b64decode(value.removeprefix("age:"))
    for identity in (alice, bob):
        text = run(age, "--decrypt", "--identity", identity.place, text=data)
        assert msgspec.json.decode(text)["key"] == KEY


@pytest.mark.parametrize("armored", [False, True])
def test_we_open_what_age_seals(age: str, alice: Identity, bob: Identity, armored: bool) -> None:
    text = msgspec.json.encode({"v": 1, "key": KEY, "origin": ORIGIN})
    to = ["--recipient", alice.recipient, "--recipient", bob.recipient]
    made = run(age, *(["--armor"] if armored else []), *to, text=text)
    value = made.decode() if armored else sealed.render(made)
    for identity in (alice, bob):
        assert unseal(value, ORIGIN, Identities((identity,))) == KEY
    assert sealed.parse(value).recipients == 2


def test_identities_of_age_keygen(tmp_path: Path) -> None:
    if which("age-keygen") is None:
        pytest.skip("age-keygen is missing: install Debian's package `age`")
    run("age-keygen", "-o", str(tmp_path / "key.txt"))
    (identity,) = parse_identities((tmp_path / "key.txt").read_text(), "x")
    assert identity.recipient == run("age-keygen", "-y", str(tmp_path / "key.txt")).decode().strip()


def test_ssh_keys_both_ways(age: str, tmp_path: Path) -> None:
    if which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is missing: install openssh-client")
    path = tmp_path / "id_ed25519"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    ours = Identities(tuple(parse_identities(path.read_text(), "x")))
    value = seal(KEY, ORIGIN, [path.with_suffix(".pub").read_text().strip()])
    text = run(age, "--decrypt", "--identity", str(path), text=sealed.parse(value).data)
    assert msgspec.json.decode(text)["key"] == KEY
    theirs = run(age, "--recipients-file", str(path.with_suffix(".pub")), text=text)
    assert unseal(sealed.render(theirs), ORIGIN, ours) == KEY


VECTORS = os.environ.get("ROUTERD_AGE_VECTORS")

# Vectors whose file should open and does not, and why. None that should not open does.
NO_PASSPHRASES = {"armor_scrypt", "scrypt"}
NO_HYBRIDS = {"armor_hybrid", "hybrid", "hybrid_and_x25519", "hybrid_grease", "hybrid_multiple_recipients"}


@pytest.mark.skipif(VECTORS is None, reason="ROUTERD_AGE_VECTORS names no folder (age/testdata of C2SP/CCTV)")
def test_the_vectors_of_c2sp(alice: Identity) -> None:
    """https://github.com/C2SP/CCTV/tree/main/age"""
    wrong, deviating = [], set()
    paths = sorted(Path(str(VECTORS)).iterdir())
    for path in paths:
        facts, _, data = path.read_bytes().partition(b"\n\n")
        opened = _opened(facts.decode(), data, alice)
        should = b"expect: success" in facts.splitlines()
        if opened and not should:
            wrong.append(path.name)
        elif should and not opened:
            deviating.add(path.name)
    assert wrong == []
    assert deviating == NO_PASSPHRASES | NO_HYBRIDS
    assert len(paths) >= 143


def _opened(facts: str, data: bytes, alice: Identity) -> bool:
    pairs = [line.split(": ", 1) for line in facts.splitlines()]
    if ["compressed", "zlib"] in pairs:
        data = zlib.decompress(data)
    identities = [alice]  # one at least, also of a vector for passphrases: the header is to decide
    for name, value in pairs:
        if name == "identity":
            try:
                identities += parse_identities(value, "a vector")
            except IdentityError:  # a hybrid one
                pass
    try:
        data = sealed.parse(data.decode("latin-1")).data if ["armored", "yes"] in pairs else data
        text = decrypt(data, Identities(tuple(identities)))
    except (sealed.Malformed, SealError):
        return False
    return ["payload", hashlib.sha256(text).hexdigest()] in pairs
