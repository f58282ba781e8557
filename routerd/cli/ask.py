"""`routerd ask`: one message to the router that runs here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import click

from routerd.cli.api import connect
from routerd.cli.trouble import Trouble


@click.command
@click.argument("model")
@click.argument("text", nargs=-1, required=True)
@click.option("--config", metavar="FILE", help="The configuration whose router is asked.  [router.yaml]")
@click.option("--url", metavar="URL", help="Where it is.  [http://127.0.0.1:8000]")
@click.option("--key", metavar="KEY", help="A client key.  [ROUTERD_API_KEY, else the admin token]")
@click.option("--json", "as_json", is_flag=True, help="Print the whole reply as JSON.")
def ask(model: str, text: tuple[str, ...], config: str | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Send TEXT to MODEL through the router that runs here, and print the answer as it comes."""
    import httpx

    api = connect(config, url)
    api.meet("/v1/models")
    address = f"{api.url}/v1/chat/completions"
    key = key or os.environ.get("ROUTERD_API_KEY") or api.token
    request: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": " ".join(text)}]}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    patience = httpx.Timeout(5.0, read=None)
    try:
        with httpx.Client(trust_env=False, timeout=patience, headers=headers, verify=not api.is_here) as client:
            if as_json:
                response = client.post(address, json=request)
                click.echo(response.text)
                raise SystemExit(0 if response.is_success else 1)
            with client.stream("POST", address, json={**request, "stream": True}) as response:
                _print(response)
    except httpx.ConnectError as error:
        raise Trouble(f"no router answers at {api.url} ({error})", "start one with `routerd serve`") from None
    except httpx.HTTPError as error:
        raise Trouble(f"the answer of {api.url} broke off ({error})", "ask again") from None


def _print(response: Any) -> None:
    if not response.is_success:
        raise Trouble(_message(response.status_code, response.read()))
    for chunk in _chunks(response.iter_lines()):
        if "error" in chunk:
            click.echo()
            raise Trouble(_said(chunk))
        for choice in chunk.get("choices", ()):
            click.echo(choice.get("delta", {}).get("content") or "", nl=False)
    click.echo()
    names = ("route", "provider", "model", "attempts")
    facts = ", ".join(f"{name} {response.headers.get(f'x-routerd-{name}', '-')}" for name in names)
    click.echo(f"({facts})", err=True)


def _chunks(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data:") and line != "data: [DONE]":
            yield json.loads(line[5:])


def _message(status: int, body: bytes) -> str:
    """What went wrong; whatever it is that answers at that port."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return _said(found) if isinstance(found, dict) else f"HTTP {status}, and no answer of a router"


def _said(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("message", body) if isinstance(error, dict) else body)
