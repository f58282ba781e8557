"""Recipients: public keys that stored keys are sealed to, as they are written in router.yaml."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

MOST = 16  # a sealed key has at most 20 stanzas, of which some say nothing

_AGE = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SSH = re.compile(r"(ssh-ed25519) +([A-Za-z0-9+/]+={0,2})(?: +.*)?")
_SSH_START = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

# Points of Curve25519 (as u) that give everybody the same secret: https://cr.yp.to/ecdh.html#validate
_PRIME = 2**255 - 19
_WEAK = frozenset({
    0,
    1,
    _PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
})
_NO_KEY = ("whoever sees what is sealed to this could open it: it is no real key", None)

Told = tuple[str, str | None]


def refusal(recipient: str) -> Told | None:
    """Why nothing can be sealed to `recipient`, and what to do; None when all is well."""
    if recipient.upper().startswith("AGE-SECRET-KEY-"):
        return "this is an age identity, which is secret", "write its public key: age1…"
    if recipient.startswith("age1"):
        if _AGE.fullmatch(recipient) and _checksum("age", recipient[4:]) == 1:
            return _NO_KEY if _montgomery(_age_bytes(recipient)) in _WEAK else None
        if "1" in recipient[4:]:  # a letter that only stands between a plugin's name and its data
            return "this public key needs a plugin of age, and plugins are not run", None
        return "this age public key is not complete, or has a letter wrong", "copy it whole"
    if recipient.startswith("ssh-ed25519"):
        key = _ssh_bytes(recipient)
        if key is None:
            return "this SSH public key is damaged", "copy the line of its .pub file"
        return _NO_KEY if _edwards(key) in _WEAK else None
    if recipient.startswith(("ssh-", "ecdsa-", "sk-")):
        return "of SSH's keys only those of type ssh-ed25519 can be sealed to", None
    return "must be a public key: age1… or ssh-ed25519 …", None


def normal(recipient: str) -> str:
    """The same for everything that means the same: an SSH key without its comment."""
    found = _SSH.fullmatch(recipient)
    return f"{found[1]} {found[2]}" if found else recipient


def distinct(recipients: Iterable[str]) -> list[str]:
    """Each once, in their order, normal."""
    return list(dict.fromkeys(map(normal, recipients)))


def _age_bytes(recipient: str) -> bytes:
    bits = 0
    for letter in recipient[4:56]:
        bits = bits << 5 | _LETTERS.index(letter)
    return (bits >> 4).to_bytes(32, "big")


def _ssh_bytes(recipient: str) -> bytes | None:
    found = _SSH.fullmatch(recipient)
    try:
        blob = base64.b64decode(found[2], validate=True) if found else b""
    except (binascii.Error, ValueError):
        return None
    is_whole = blob.startswith(_SSH_START) and len(blob) == len(_SSH_START) + 32
    return blob[len(_SSH_START) :] if is_whole else None


def _montgomery(key: bytes) -> int:
    """The u of an X25519 key; its highest bit does not count."""
    return (int.from_bytes(key, "little") & (1 << 255) - 1) % _PRIME


def _edwards(key: bytes) -> int:
    """The u that an Ed25519 key has on the other curve; of the neutral point 0, too."""
    y = _montgomery(key)
    return (1 + y) * pow(1 - y, _PRIME - 2, _PRIME) % _PRIME


def _checksum(prefix: str, data: str) -> int:
    """The checksum of Bech32, 1 when it is right: https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki"""
    values = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    values += [_LETTERS.index(letter) for letter in data]
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum
