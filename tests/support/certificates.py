"""A certificate authority of our own and a certificate for loopback, made with the `openssl` command line."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_AUTHORITY = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: the authority to trust, and the chain and key of a server at 127.0.0.1 and localhost."""

    authority: Path
    chain: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What a TLS server at 127.0.0.1 or localhost needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def caller(self) -> ssl.SSLContext:
        """What a TLS client that trusts the authority needs."""
        return ssl.create_default_context(cafile=str(self.authority))


def make(folder: Path) -> Certificates:
    """Write a new authority and a server certificate signed by it into `folder`, valid for two days."""
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    signer = folder / "authority.key"
    _openssl("-subj", "/CN=Test Authority", *_AUTHORITY, "-keyout", signer, "-out", made.authority)
    _openssl(
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
        "-CA", made.authority, "-CAkey", signer, "-keyout", made.key, "-out", made.chain,
    )  # fmt: skip
    return made


def _openssl(*arguments: str | Path) -> None:
    command = ["openssl", "req", "-x509", "-days", "2", *_KEY, *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
