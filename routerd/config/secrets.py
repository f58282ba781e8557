"""The values behind references. The one place where a secret is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from routerd.config.references import BadReference, SecretError, is_header_text, parse_value

__all__ = ["SecretError", "resolve", "resolve_proxy"]

_MOUNTED = "/run/secrets"
_BESIDE = "secrets"
_MOST_BYTES = 64 * 1024


def resolve(reference: str, environ: Mapping[str, str], folder: Path) -> str:
    """The secret that `reference` leads to; `folder` is the config's. Raises SecretError, which names no value."""
    try:
        parsed = parse_value(reference)
    except BadReference as error:
        raise SecretError(error.message) from None
    if parsed.kind == "sealed":
        return _unseal(parsed.value)
    if parsed.kind == "env":
        return _checked(_from_environment(parsed.value, environ), f"the environment variable {parsed.value}")
    if parsed.kind == "file":
        return _checked(_from_file(parsed.value, environ, folder), f"the file {parsed.value}")
    return parsed.value


def resolve_proxy(proxy: str, environ: Mapping[str, str], folder: Path) -> str:
    """A proxy's URL with its password filled in; the whole may be a reference, or the password. Raises SecretError."""
    url = resolve(proxy, environ, folder)
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        raise SecretError("the proxy is no URL") from None
    if password is None:
        return url
    secret = resolve(unquote(password), environ, folder)
    user, _, place = parts.netloc.rpartition("@")
    filled = f"{user.partition(':')[0]}:{quote(secret, safe='')}@{place}"
    return urlunsplit(parts._replace(netloc=filled))


def _unseal(_: str) -> str:
    """Here sealed keys will be opened."""
    raise SecretError("sealed keys can't be read by this version: write `env:NAME` or `file:PATH`")


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set")
    return value


def _from_file(name: str, environ: Mapping[str, str], folder: Path) -> str:
    path = (folder / name).resolve()
    roots = [Path(_MOUNTED), folder / _BESIDE]
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        roots.append(Path(credentials))
    # Resolved on both sides: mounted secrets are links, and a link must not lead out of the folder.
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise SecretError(
            f"the file {name} is not under {_MOUNTED}, $CREDENTIALS_DIRECTORY or {_BESIDE}/ beside the config"
        )
    try:
        return _read(path).decode()
    except UnicodeDecodeError:
        raise SecretError(f"the file {name} is not text") from None
    except OSError as error:
        raise SecretError(f"the file {name} can't be read: {error.strerror}") from None


def _read(path: Path) -> bytes:
    # O_NONBLOCK: a pipe in the place of the file would make us wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no plain file")
        return file.read(_MOST_BYTES)


def _checked(value: str, place: str) -> str:
    secret = value.strip()
    if not secret:
        raise SecretError(f"{place} is empty")
    if not is_header_text(secret):
        raise SecretError(f"{place} holds characters that no key has")
    return secret
