"""How verbs speak to the router that runs here: `/api`, with the admin token of its data folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from routerd import __version__
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.settings import Settings

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
_PATIENCE = 30.0  # seconds; a file that is in the middle of a save is waited for


@dataclass(frozen=True, slots=True)
class Answer:
    """What `/api` answered; `digest` is its ETag."""

    body: Any
    digest: str | None


@dataclass(frozen=True, slots=True)
class Api:
    """The router that runs here."""

    url: str
    token: str | None = field(repr=False)
    is_here: bool = True  # on this machine, where its certificate is in the name of the host that others know it by

    def get(self, path: str) -> Answer:
        """Ask. Raises Trouble."""
        return self.send("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        """Have something done. Raises Trouble."""
        return self.send("POST", path, {} if body is None else body)

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """One request. Raises Refusal for a problem that it answers, Trouble where nobody does."""
        import httpx

        headers = {"user-agent": f"routerd-cli/{__version__}"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        try:
            verify = not self.is_here
            with httpx.Client(trust_env=False, timeout=_PATIENCE, headers=headers, verify=verify) as client:
                response = client.request(method, self.url + path, json=body)
        except httpx.ConnectError as error:
            raise NobodyThere(f"no router answers at {self.url} ({error})", "start one with `routerd serve`") from None
        except httpx.HTTPError as error:
            raise Trouble(f"no router answers at {self.url} ({error})", "start one with `routerd serve`") from None
        if not response.is_success:
            raise Refusal(_problem(response))
        try:
            return Answer(response.json(), response.headers.get("etag", "").strip('"') or None)
        except ValueError:
            raise Trouble(f"what answers at {self.url} is no router", "name its address with --url") from None


class NobodyThere(Trouble):
    """Nothing listens where the router should."""


class Refusal(Trouble):
    """A problem that the router answered. `body` is all of it."""

    def __init__(self, body: dict[str, Any]) -> None:
        cures = {401: "is the data folder that of the router that runs here?"}
        super().__init__(str(body.get("detail", body)), cures.get(body.get("status", 0)))
        self.body = body


def _problem(response: Any) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    return (
        body if isinstance(body, dict) else {"status": response.status_code, "detail": f"HTTP {response.status_code}"}
    )


def api_options(function: _Function) -> _Function:
    """Give a verb the options `--config`, `--url` and `--json`."""
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
    function = click.option("--url", metavar="URL", help="Where it is.  [http://127.0.0.1:8000]")(function)
    return click.option("--config", metavar="FILE", help="The configuration whose router is asked.  [router.yaml]")(
        function
    )


def connect(config: str | None, url: str | None) -> Api:
    """The router that the settings name, or the one at `url`."""
    settings = load_settings({"config": config})
    return router_of(settings, url) or Api(address_of(settings), None)


def router_of(settings: Settings, url: str | None) -> Api | None:
    """The router at `url`, or that of the settings; None when none has ever been started from here."""
    token = token_of(settings)
    if url is not None:
        return Api(url.rstrip("/"), token, is_here=False)
    # Without a token of ours, whoever answers at that port may be another one's router.
    return Api(address_of(settings), token) if token is not None else None


def ask_if_there(settings: Settings, url: str | None, path: str, body: Any = None) -> Any:
    """What the router that is meant answers to a POST; None where none runs: then the verb does it itself.

    Raises Trouble, also when nobody answers at a `url`.
    """
    api = router_of(settings, url)
    try:
        return api.post(path, body).body if api is not None else None
    except NobodyThere:
        if url is not None:
            raise
        return None


def address_of(settings: Settings) -> str:
    """Where the router of these settings answers on this machine."""
    scheme = "https" if settings.tls_cert else "http"
    host = _ANY.get(settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host)
    return f"{scheme}://{host}:{settings.port}"


def token_of(settings: Settings) -> str | None:
    """The admin token: that of the settings, else the one in the data folder."""
    try:
        kept = (settings.data_dir / "admin-token").read_text().strip()
    except OSError:
        kept = None
    return settings.admin_token or kept or None


def print_json(told: Any) -> None:
    """As `--json` asks for it."""
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them; the last one as long as it is."""
    lines = [headings, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headings) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]]).rstrip())


def counted(count: int, word: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def problem_lines(name: str, problems: Sequence[dict[str, Any]]) -> list[str]:
    """Problems as `routerd check` prints them."""
    return [f"{name}:{_problem_line(problem)}" for problem in problems]


def change_lines(changes: Sequence[dict[str, Any]]) -> list[str]:
    """What traffic notices, one line for each change."""
    return [f"{change['subject']}: {change['words']}" for change in changes]


def _problem_line(problem: dict[str, Any]) -> str:
    place = "".join(f"{problem[key]}:" for key in ("line", "column") if problem.get(key))
    where = f"{problem['path']}: " if problem.get("path") else ""
    text = f"{problem['message']}; {problem['hint']}" if problem.get("hint") else problem["message"]
    return f"{place} {problem['severity']}: {where}{text}"
