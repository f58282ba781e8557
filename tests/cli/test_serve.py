"""`routerd serve` where it can't: which file, which address, and what to do about it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from routerd.cli.serve import not_listening
from tests.support.certificates import Certificates, make
from tests.support.daemon import ROOT, Daemon

TEXT = "providers:\n  demo: {adapter: echo}\n"
CERTIFICATE = "name another with --tls-cert or ROUTERD_TLS_CERT"
KEY = "name another with --tls-key or ROUTERD_TLS_KEY"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate that serves, and with what can't be used."""
    folder = tmp_path_factory.mktemp("files")
    made = make(folder)
    (folder / "text").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    openssl("pkey", "-in", made.key, "-aes256", "-passout", "pass:secret", "-out", folder / "locked.key")
    for name, bits in (("rsa", 2048), ("weak", 512)):
        target = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", "-nodes", "-newkey", f"rsa:{bits}", "-subj", "/CN=localhost", *target)
    return folder


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


def refused(folder: Path, *flags: str) -> str:
    """The last line of what it says before it ends with 1."""
    (folder / "router.yaml").write_text(TEXT)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    run = subprocess.run(
        [sys.executable, "-m", "routerd", "serve", "--data-dir", str(folder / "data"), *flags],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    return run.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("certificate", "key", "message"),
    [
        ("absent", "absent", f"the certificate absent can't be read: No such file or directory; {CERTIFICATE}"),
        ("server.pem", "absent", f"the key absent can't be read: No such file or directory; {KEY}"),
        ("..", "server.key", f"the certificate .. can't be read: Is a directory; {CERTIFICATE}"),
        ("server.pem", "authority.key", f"authority.key is not the key of the certificate server.pem; {KEY}"),
        ("server.pem", "rsa.key", f"rsa.key is not the key of the certificate server.pem; {KEY}"),
        ("server.key", "server.key", f"server.key holds no certificate in PEM form, or a broken one; {CERTIFICATE}"),
        ("text", "server.key", f"text holds no certificate in PEM form, or a broken one; {CERTIFICATE}"),
        ("server.pem", "text", f"text holds no private key in PEM form, or a broken one; {KEY}"),
        ("server.pem", "locked.key", f"the key locked.key has a passphrase that nobody typed; {KEY}"),
        ("weak.pem", "weak.key",
         f"the certificate weak.pem and its key can't be used: ee key too small; {CERTIFICATE}"),
    ],
)  # fmt: skip
def test_a_certificate_that_is_none(files: Path, tmp_path: Path, certificate: str, key: str, message: str) -> None:
    told = refused(tmp_path, "--tls-cert", str(files / certificate), "--tls-key", str(files / key))
    assert told.replace(f"{files}/", "") == f"routerd: {message}"


def test_a_certificate_that_serves(certificates: Certificates, tmp_path: Path) -> None:
    named = {"ROUTERD_TLS_CERT": str(certificates.chain), "ROUTERD_TLS_KEY": str(certificates.key)}
    with Daemon(tmp_path, TEXT, environment=named) as daemon:
        url = f"https://127.0.0.1:{daemon.port}/ping"
        with urllib.request.urlopen(url, context=certificates.caller()) as answer:
            assert answer.read() == b'{"status": "ok"}'


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(tmp_path, "--port", str(port))
    assert told == f"routerd: can't listen on 127.0.0.1:{port}: Address already in use; choose another --port"


def test_an_address_of_nobody(tmp_path: Path) -> None:
    told = refused(tmp_path, "--port", "0", "--host", "192.0.2.1")
    reason = os.strerror(errno.EADDRNOTAVAIL)
    assert told == f"routerd: can't listen on 192.0.2.1:0: {reason}; name an address of this machine with --host"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EADDRINUSE, "error while binding"), "Address already in use; choose another --port"),
        (OSError(errno.EACCES, "error while binding"), "Permission denied; choose another --port"),
        (socket.gaierror(-2, "Name or service not known"),
         "Name or service not known; name an address of this machine with --host"),
        (socket.gaierror(errno.EACCES, "of another table"),
         "of another table; name an address of this machine with --host"),
        (OSError("something else"), "something else; name an address of this machine with --host"),
    ],
)  # fmt: skip
def test_what_to_do_about_an_address(error: OSError, told: str) -> None:
    assert not_listening("there", 80, error).format_message() == f"can't listen on there:80: {told}"
