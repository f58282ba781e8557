"""Where identities are looked for, and what is said of those that can't be taken."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path
from shutil import which

import pytest

from routerd import settings
from routerd.sealing import (
    Identities,
    Identity,
    IdentityError,
    Sources,
    find,
    make_identity,
    parse_identities,
    seal,
    sources,
    unseal,
    usual_sources,
)

ORIGIN = "https://api.openai.com"


def text_of(identity: Identity) -> str:
    return Path(identity.place).read_text()


@pytest.fixture
def many(tmp_path: Path) -> list[Identity]:
    return [make_identity(tmp_path / f"made-{number}" / "identity.txt") for number in range(7)]


def test_all_that_are_found_are_tried_in_their_order(tmp_path: Path, many: list[Identity]) -> None:
    texts = [text_of(identity) for identity in many]
    files = {
        "flag": texts[0],
        "variable": texts[1],
        "credentials/routerd-identity": texts[2],
        "mounted/routerd_identity": texts[3],
        "data/identity.txt": texts[5],
        "home/.config/routerd/identity.txt": texts[6],
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    environ = {
        "ROUTERD_IDENTITY_FILE": str(tmp_path / "variable"),
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "ROUTERD_IDENTITY": texts[4],
        "HOME": str(tmp_path / "home"),
    }
    places = Sources(environ, tmp_path / "data", identity_file=tmp_path / "flag", mounted=tmp_path / "mounted")
    found = find(places)
    assert [identity.recipient for identity in found.found] == [identity.recipient for identity in many]
    assert found.troubles == ()
    for identity in many:
        assert unseal(seal("sk-key", ORIGIN, [identity.recipient]), ORIGIN, found) == "sk-key"
    assert not [text for text in texts if text.splitlines()[-1] in repr((places, found))]


def test_nothing_is_found_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert find(Sources({"HOME": str(tmp_path)}, tmp_path / "data", mounted=tmp_path)) == Identities()
    assert find(Sources({}, tmp_path / "data", mounted=tmp_path)) == Identities()


def test_the_same_one_counts_once(tmp_path: Path, alice: Identity) -> None:
    found = find(Sources({"ROUTERD_IDENTITY": text_of(alice)}, tmp_path / "alice", mounted=tmp_path))
    assert [identity.place for identity in found.found] == ["ROUTERD_IDENTITY"]


def test_a_file_with_comments_and_several(alice: Identity, bob: Identity) -> None:
    text = f"# me\n\n  {text_of(alice).splitlines()[-1]}  \r\n# you\n{text_of(bob)}"
    assert [one.recipient for one in parse_identities(text, "x")] == [alice.recipient, bob.recipient]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no identity in PLACE"),
        ("# nothing\n", "there is no identity in PLACE"),
        ("AGE-SECRET-KEY-1CANARY", "PLACE holds a line that is no identity"),
        ("sk-CANARY", "PLACE holds a line that is no identity"),
        ("age1canary", "PLACE holds a line that is no identity"),
        ("AGE-PLUGIN-YUBIKEY-1CANARY", "needs a plugin"),
        ("age-encryption.org/v1\n-> scrypt", "is itself encrypted"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", "is itself encrypted"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----\n", "PLACE is damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "PLACE is damaged"),
        ("-----BEGIN RSA PRIVATE KEY-----\nCANARY\n", "PLACE holds a line that is no identity"),
    ],
)
def test_what_is_no_identity(text: str, told: str) -> None:
    with pytest.raises(IdentityError) as caught:
        parse_identities(text, "PLACE")
    assert told in str(caught.value) and "canary" not in str(caught.value).lower()


def test_troubles_name_the_file(tmp_path: Path) -> None:
    for folder in ("data", "home/.config/routerd"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data" / "identity.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "home" / ".config" / "routerd" / "identity.txt").mkdir()
    environ = {
        "HOME": str(tmp_path / "home"),
        "ROUTERD_IDENTITY_FILE": str(tmp_path / "missing"),
        "ROUTERD_IDENTITY": "sk-canary",
    }
    found = find(Sources(environ, tmp_path / "data", mounted=tmp_path))
    assert found == Identities(
        (),
        (
            f"the identity {tmp_path}/missing does not exist",
            "ROUTERD_IDENTITY holds a line that is no identity: AGE-SECRET-KEY-1… is one",
            f"the identity {tmp_path}/data/identity.txt is not text",
            f"the identity {tmp_path}/home/.config/routerd/identity.txt can't be read: Is a directory",
        ),
    )


def test_a_new_one_is_private_and_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "a" / "routerd" / "identity.txt"
    made = make_identity(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert f"# public key: {made.recipient}\n" in path.read_text()
    assert [one.recipient for one in parse_identities(path.read_text(), "x")] == [made.recipient]
    before = path.read_bytes()
    with pytest.raises(IdentityError, match="never overwritten"):
        make_identity(path)
    assert path.read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(IdentityError, match="can't be written: Not a directory; set ROUTERD_DATA_DIR"):
        make_identity(tmp_path / "file" / "identity.txt")


def test_a_disk_that_is_full_leaves_no_half_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "routerd" / "identity.txt"
    with monkeypatch.context() as while_full:
        while_full.setattr(os, "fsync", full)
        with pytest.raises(IdentityError, match="No space left on device"):
            make_identity(path)
    assert [one.name for one in path.parent.iterdir()] == [".gitignore"]
    assert make_identity(path).recipient, "the next time it is made"


@pytest.mark.parametrize(
    ("flags", "environ", "new"),
    [
        ({"config": "/etc/r/router.yaml"}, {"HOME": "/home/a"}, "/home/a/.config/routerd/identity.txt"),
        ({"config": "/etc/r/router.yaml"}, {}, "/etc/r/.routerd/identity.txt"),
        ({"config": "/etc/r/router.yaml"}, {"HOME": "/", "ROUTERD_DATA_DIR": "/data"}, "/data/identity.txt"),
        ({"config": "/etc/r/router.yaml", "data_dir": "/data"}, {"HOME": "/home/a"}, "/data/identity.txt"),
    ],
)
def test_where_a_new_one_goes(flags: dict[str, str], environ: dict[str, str], new: str) -> None:
    assert str(sources(settings.load(flags, environ), environ).new) == new
    if "data_dir" not in flags:
        assert str(usual_sources(Path("/etc/r"), environ).new) == new


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    if which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is missing: install openssh-client")
    return tmp_path / "id_ed25519"


def keygen(path: Path, *options: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-C", "me@here", "-f", str(path), *options], check=True)


def test_ssh_keys_are_recipients_and_identities(ssh: Path, alice: Identity) -> None:
    keygen(ssh, "-t", "ed25519", "-N", "")
    public = ssh.with_suffix(".pub").read_text().strip()
    found = find(Sources({"ROUTERD_IDENTITY_FILE": str(ssh)}, ssh.parent / "none", mounted=ssh))
    assert [one.recipient for one in found.found] == [public.removesuffix(" me@here")]
    value = seal("sk-key", ORIGIN, [alice.recipient, public])
    assert unseal(value, ORIGIN, found) == "sk-key"
    assert unseal(value, ORIGIN, Identities((alice,))) == "sk-key"
    assert unseal(value, ORIGIN, find(Sources({"ROUTERD_IDENTITY": ssh.read_text()}, ssh, mounted=ssh))) == "sk-key"


@pytest.mark.parametrize(
    ("options", "told"),
    [(["-t", "ed25519", "-N", "secret word"], "passphrase"), (["-t", "ecdsa", "-N", ""], "not of type ssh-ed25519")],
)
def test_ssh_keys_that_can_not_be_used(ssh: Path, options: list[str], told: str) -> None:
    keygen(ssh, *options)
    with pytest.raises(IdentityError, match=told):
        parse_identities(ssh.read_text(), "x")


def test_an_ssh_key_that_is_cut_or_changed_is_told_as_damaged(ssh: Path) -> None:
    keygen(ssh, "-t", "ed25519", "-N", "")
    text = ssh.read_text()
    for end in range(40, len(text), 7):
        cut = text[:end] + "\n-----END OPENSSH PRIVATE KEY-----\n"
        try:
            parse_identities(cut, "x")
        except IdentityError:
            continue
        assert end >= len(text) - 40


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, alice: Identity) -> None:
    Path(alice.place).chmod(0)
    found = find(Sources({}, tmp_path / "alice", mounted=tmp_path))
    assert "Permission denied" in found.troubles[0]
