"""`routerd key set`, `seal` and `rotate`: what changes router.yaml."""

from __future__ import annotations

import sys

import click

from routerd.cli.api import counted, print_json
from routerd.cli.key_file import key_options, opened, report
from routerd.cli.trouble import Trouble

_MOST = 64 * 1024


@click.command("set")
@click.argument("provider")
@click.option("--header", metavar="NAME", help="Set this header, not `api_key`.")
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def set_key(provider: str, header: str | None, config: str | None, identity: str | None, as_json: bool) -> None:
    """Seal a key for PROVIDER into router.yaml. It is asked for, or read from standard input."""
    from routerd import keyring
    from routerd.sealing import fingerprint

    file = opened(config, identity)
    try:
        keyring.path_of(file.text, provider)  # before anybody types a key for nothing
    except keyring.KeyringError as error:
        raise Trouble(error.message, error.cure) from None
    key = _asked(provider)
    edited = file.edit(lambda text, ring: keyring.set_key(text, provider, key, ring, header))
    if as_json:
        told = {
            "file": str(file.path),
            "provider": provider,
            "changed": bool(edited.changed),
            "fingerprint": fingerprint(key),
            "recipients": list(edited.recipients),
        }
        print_json(told)
    elif edited.changed:
        sealed_to = counted(len(edited.recipients), "recipient")
        click.echo(f"{file.path}: {provider} has the key {fingerprint(key)}, sealed to {sealed_to}")
    else:
        click.echo(f"{file.path}: {provider} has the key {fingerprint(key)} already")


def _asked(provider: str) -> str:
    """The key: typed unseen, or the whole of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(f"The key of {provider}", hide_input=True, err=True)).strip()
    text = sys.stdin.read(_MOST + 1).strip()
    if not text:
        raise Trouble("no key came on standard input", "pipe it in, or run this on a terminal to be asked")
    if len(text) > _MOST:
        raise Trouble("what came on standard input is longer than any key")
    return text


@click.command
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def seal(config: str | None, identity: str | None, as_json: bool) -> None:
    """Seal every key that stands in router.yaml in plain text: of `api_key`, of headers, of proxies."""
    from routerd import keyring

    file = opened(config, identity)
    edited = file.edit(keyring.seal_plain)
    report(file, edited, "sealed", "no key stands here in plain text", as_json=as_json)


@click.command
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(config: str | None, identity: str | None, as_json: bool) -> None:
    """Seal every sealed key again that is not sealed to just those whom `recipients` names."""
    from routerd import keyring

    file = opened(config, identity)
    edited = file.edit(keyring.rotate)
    report(file, edited, "sealed anew", "every key is sealed to just the recipients", as_json=as_json)
