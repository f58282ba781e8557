"""The values behind references. The one place where a secret is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from routerd import sealing
from routerd.config.places import password_of, proxy_origin, with_password
from routerd.config.references import BadReference, Reference, SecretError, is_header_text, parse_value
from routerd.sealing import Identities

__all__ = ["SecretError", "resolve", "resolve_proxy"]

_MOUNTED = "/run/secrets"
_BESIDE = "secrets"
_MOST_BYTES = 64 * 1024

Find = Callable[[], Identities]
"""Looks for identities; asked only where a key is sealed."""


def resolve(
    reference: str, environ: Mapping[str, str], folder: Path, origin: str | None = None, find: Find = Identities
) -> str:
    """The secret that `reference` leads to; `folder` is the config's, `origin` where the secret will be sent.

    Raises SecretError, which names no value.
    """
    parsed = _parsed(reference)
    if parsed.kind == "sealed":
        if origin is None:
            raise SecretError("a sealed key is only opened for the address it was sealed for, and there is none here")
        return _checked(sealing.unseal(parsed.value, origin, find()), "what is sealed")
    if parsed.kind == "env":
        return _checked(_from_environment(parsed.value, environ), f"the environment variable {parsed.value}")
    if parsed.kind == "file":
        return _checked(_from_file(parsed.value, environ, folder), f"the file {parsed.value}")
    return parsed.value


def resolve_proxy(proxy: str, environ: Mapping[str, str], folder: Path, find: Find = Identities) -> str:
    """A proxy's URL with its password filled in; the whole may be a reference, or the password. Raises SecretError."""
    parsed = _parsed(proxy)
    url = _unsealed_proxy(parsed.value, find) if parsed.kind == "sealed" else resolve(proxy, environ, folder)
    origin = proxy_origin(url)
    if origin is None:
        raise SecretError("the proxy is no URL")
    password = password_of(url)
    return url if password is None else with_password(url, resolve(password, environ, folder, origin, find))


def _unsealed_proxy(value: str, find: Find) -> str:
    """A proxy that is sealed with its address: it goes nowhere else, but a key that is sealed is no proxy."""
    opened = sealing.open_sealed(value, find())
    url = _checked(opened.key, "what is sealed")
    return sealing.key_for(opened, proxy_origin(url) or "no proxy")


def _parsed(reference: str) -> Reference:
    try:
        return parse_value(reference)
    except BadReference as error:
        raise SecretError(error.message) from None


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
