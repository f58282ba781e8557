"""`routerd serve`: the router itself."""

from __future__ import annotations

import errno
import gc
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from routerd.ahead import Ahead
from routerd.cli.main import WITHOUT_VERB
from routerd.cli.reading import cure_of
from routerd.cli.surroundings import load_settings, settings_options
from routerd.cli.trouble import Trouble
from routerd.config import example
from routerd.settings import SOURCES, Settings

if TYPE_CHECKING:
    import ssl

UNUSABLE_CONFIG = 78  # EX_CONFIG of sysexits.h
_OF_THE_PORT = frozenset({errno.EADDRINUSE, errno.EACCES})
_OF_ANOTHER = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})  # OpenSSL's reasons
_NAME_CERTIFICATE = f"name another with {SOURCES['tls_cert']}"
_NAME_KEY = f"name another with {SOURCES['tls_key']}"


class Unservable(Trouble):
    """There is nothing to serve. Exit code 78."""

    exit_code = UNUSABLE_CONFIG


@click.command
@settings_options
@click.pass_context
def serve(context: click.Context, /, **flags: Any) -> None:
    """Answer on /v1 with what router.yaml declares. Saving the file is enough to change it."""
    settings = load_settings(flags)
    for warning in settings.warnings:
        click.echo(f"routerd: {warning}", err=True)
    if not settings.config.exists() and not _has_last_good(settings):
        settings = _without_file(context, settings)
    tls = _tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    gc.disable()  # until all is built: what comes until then stays
    ahead = Ahead(settings.config)
    from routerd import daemon  # not before: meanwhile the file is looked at
    from routerd.loading import Rejected

    try:
        daemon.run(settings, ahead, tls)
    except Rejected as rejected:
        raise Unservable(_told(settings.config, rejected)) from None
    except OSError as error:
        raise not_listening(settings.host, settings.port, error) from None


def _has_last_good(settings: Settings) -> bool:
    """Whether this file served before, and may serve again."""
    from routerd.state.generations import has_last_good

    folder = settings.data_dir / "generations"
    return settings.on_boot_error == "last-good" and has_last_good(folder, settings.config)


def _without_file(context: click.Context, settings: Settings) -> Settings:
    """`routerd` alone shows what it does; a file that was asked for has to be there."""
    if not (context.meta.get(WITHOUT_VERB) and settings.config_is_default):
        raise Unservable(f"{settings.config} does not exist", cure_of("missing"))
    click.echo("routerd: no router.yaml here, so the built-in example serves; `routerd init` writes a file", err=True)
    return replace(settings, config=example.path())


def not_listening(host: str, port: int, error: OSError) -> Trouble:
    """What to say of an address that can't be had."""
    is_of_name = isinstance(error, socket.gaierror)  # its numbers mean other things
    # uvloop's own text repeats the address
    reason = error.strerror if is_of_name or error.errno is None else os.strerror(error.errno)
    is_of_port = not is_of_name and error.errno in _OF_THE_PORT
    cure = "choose another --port" if is_of_port else "name an address of this machine with --host"
    return Trouble(f"can't listen on {host}:{port}: {reason or error}", cure)


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """What TLS needs. Raises Trouble, which names the file that can't be used."""
    import ssl

    from routerd.edge.tls import server_context

    for what, path, cure in (("certificate", certificate, _NAME_CERTIFICATE), ("key", key, _NAME_KEY)):
        try:
            path.open("rb").close()  # ssl does not say which of the two it is
        except OSError as error:
            raise Trouble(f"the {what} {path} can't be read: {error.strerror}", cure) from None
    try:
        return server_context(certificate, key)
    except ssl.SSLError as error:
        raise _unfit(certificate, key, error.reason) from None
    except OSError:  # what OpenSSL asked for on the terminal
        raise Trouble(f"the key {key} has a passphrase that nobody typed", _NAME_KEY) from None


def _unfit(certificate: Path, key: Path, reason: str | None) -> Trouble:
    """What is wrong with two files that can be read, where OpenSSL gives this reason."""
    if reason in _OF_ANOTHER:
        return Trouble(f"{key} is not the key of the certificate {certificate}", _NAME_KEY)
    if not _has_certificates(certificate):
        return Trouble(f"{certificate} holds no certificate in PEM form, or a broken one", _NAME_CERTIFICATE)
    if reason is None:
        return Trouble(f"{key} holds no private key in PEM form, or a broken one", _NAME_KEY)
    words = reason.lower().replace("_", " ")
    return Trouble(f"the certificate {certificate} and its key can't be used: {words}", _NAME_CERTIFICATE)


def _has_certificates(path: Path) -> bool:
    """Whether a file holds certificates, and none that is broken."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _told(path: Path, rejected: Any) -> str:
    lines = [f"{path.name}:{problem}" for problem in rejected.problems]
    return "\n".join([f"{path} can't be served: {rejected.reason or ''}".rstrip(": "), *lines])
