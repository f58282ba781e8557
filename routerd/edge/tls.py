"""TLS for callers."""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """For a chain and its key as PEM files; `key` may be in the chain's file. Raises OSError, ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    # RFC 9113 9.2.1: HTTP/2 forbids both.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context
