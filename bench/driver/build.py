"""Builds with the C compiler: mock, load, routerd's hot path. And the certificate that the mock's TLS port shows."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from driver.places import BENCH, BUILD

_FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]


class MissingTool(Exception):
    """Something that the benchmark needs is not installed; the text says what and how to get it."""


@dataclass(frozen=True)
class Tools:
    """Paths of what was built; `certificate` and `key` are None where OpenSSL's headers are missing."""

    mock: Path
    load: Path
    certificate: Path | None
    key: Path | None


def build() -> Tools:
    """Compile what is older than its source. Raises MissingTool."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingTool("no C compiler: apt-get install gcc libc6-dev")
    BUILD.mkdir(exist_ok=True)
    mock, load = BUILD / "mock", BUILD / "load"
    _compile(compiler, load, [])
    has_tls = _has_openssl(compiler)
    _compile(compiler, mock, ["-DWITH_TLS", "-lssl", "-lcrypto"] if has_tls else [])
    if not has_tls or shutil.which("openssl") is None:
        return Tools(mock, load, None, None)
    certificate, key = BUILD / "certificate.pem", BUILD / "key.pem"
    if not certificate.exists():
        _make_certificate(certificate, key)
    return Tools(mock, load, certificate, key)


def compiled(tree: Path, python: Path) -> Path | None:
    """The package of a source tree with its hot path as machine code; None: the tree has no such form.

    Raises MissingTool.
    """
    script = tree / "scripts" / "compiled.py"
    if not script.is_file():
        return None
    folder = BUILD / f"routerd-{hashlib.sha256(bytes(tree)).hexdigest()[:8]}"
    if subprocess.run([python, script, folder], check=False).returncode:
        raise MissingTool("the hot path can't be compiled (see above)")
    return folder


def _compile(compiler: str, program: Path, extra: list[str]) -> None:
    sources = [BENCH / f"{program.name}.c", BENCH / "wire.c"]
    newest = max(path.stat().st_mtime for path in [*sources, BENCH / "wire.h"])
    if program.exists() and program.stat().st_mtime >= newest:
        return
    subprocess.run([compiler, *_FLAGS, "-o", str(program), *map(str, sources), *extra], check=True)


def _has_openssl(compiler: str) -> bool:
    probe = [compiler, "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(probe, check=False, input=b"#include <openssl/ssl.h>\n", capture_output=True).returncode == 0


def _make_certificate(certificate: Path, key: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
