"""Public keys: those that can be sealed to, and those that can't."""

from __future__ import annotations

import base64

import pytest

from routerd.config.recipients import distinct, normal, refusal

AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"


@pytest.mark.parametrize("recipient", [AGE, SSH, f"{SSH} alice@example.org", f"{SSH} two words"])
def test_good_ones(recipient: str) -> None:
    assert refusal(recipient) is None


@pytest.mark.parametrize("at", range(4, len(AGE)))
def test_one_wrong_letter_of_an_age_key_is_noticed(at: int) -> None:
    wrong = AGE[:at] + ("q" if AGE[at] != "q" else "p") + AGE[at + 1 :]
    assert refusal(wrong) is not None


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        ("", "must be a public key"),
        (AGE.upper(), "must be a public key"),
        (f"{AGE} ", "letter wrong"),
        (AGE[:-1], "not complete"),
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "plugin"),
        ("AGE-SECRET-KEY-1QQQ", "secret"),
        ("age-secret-key-1qqq", "secret"),
        ("ssh-ed25519", "damaged"),
        (SSH[:-4], "damaged"),
        (SSH[:-1] + "!", "damaged"),
        (SSH.replace("ssh-ed25519 ", "ssh-ed25519"), "damaged"),
        ("ssh-rsa AAAAB3NzaC1yc2E", "only those of type ssh-ed25519"),
        ("ecdsa-sha2-nistp256 AAAA", "only those of type ssh-ed25519"),
    ],
)
def test_bad_ones(recipient: str, told: str) -> None:
    refused = refusal(recipient)
    assert refused is not None and told in refused[0]


def ssh_key(number: int) -> str:
    start = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    return "ssh-ed25519 " + base64.b64encode(start + number.to_bytes(32, "little")).decode()


@pytest.mark.parametrize(
    "recipient",
    [
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
        "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
        "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
        "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz8ts72fzt7",
        ssh_key(1),
        ssh_key(1 | 1 << 255),
        ssh_key(0),
        ssh_key(2**255 - 20),
        ssh_key(2**255 - 18),
        ssh_key(
            int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
        ),
        ssh_key(
            int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
        ),
    ],
)
def test_a_point_that_gives_everybody_the_same_secret_is_no_key(recipient: str) -> None:
    refused = refusal(recipient)
    assert refused is not None and "no real key" in refused[0]


def test_the_comment_of_an_ssh_key_does_not_count() -> None:
    assert normal(f"{SSH}  alice") == SSH
    assert distinct([f"{SSH} alice", AGE, SSH, AGE]) == [SSH, AGE]
