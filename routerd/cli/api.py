"""How verbs speak to the router that runs here: `/api`, with the admin token of its data folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from routerd import __version__
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.settings import Settings

if TYPE_CHECKING:
    import httpx

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
_PATIENCE = 30.0  # seconds; a file that is in the middle of a save is waited for
_OF_GATEWAYS = frozenset({502, 503, 504})
_START = "start one with `routerd serve`"
_NAME = "name its address with --url"


@dataclass(frozen=True, slots=True)
class Answer:
    """What `/api` answered; `digest` is its ETag."""

    body: Any
    digest: str | None


@dataclass(slots=True)
class Api:
    """The router that runs here. Whoever answers there gets a token only after it has shown that it is one."""

    url: str
    token: str | None = field(repr=False)
    is_here: bool = True  # on this machine, where its certificate is in the name of the host that others know it by
    _is_met: bool = field(default=False, init=False, repr=False)

    def get(self, path: str) -> Answer:
        """Ask. Raises Trouble."""
        return self.send("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        """Have something done. Raises Trouble."""
        return self.send("POST", path, {} if body is None else body)

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """One request. Raises Refusal for a problem that it answers, NobodyThere where no router is."""
        self.meet("/api/status")
        response = self._exchange(method, path, body, self.token)
        problem = _problem(response)
        if problem is not None:
            raise Refusal(problem)
        told = _json(response)
        if not response.is_success or told is None:
            # not NobodyThere: it was a router a moment ago, and may have done what it was asked for
            raise Trouble(f"{self.url} answered HTTP {response.status_code}, and not as a router does", _NAME)
        return Answer(told, response.headers.get("etag", "").strip('"') or None)

    def meet(self, path: str) -> None:
        """Make sure that a router answers at `path`, without a token. Raises Trouble."""
        if self._is_met:
            return
        response = self._exchange("GET", path)
        if not _is_router(response):
            raise self._stranger(response)
        self._is_met = True

    def _exchange(self, method: str, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        import httpx

        headers = {"user-agent": f"routerd-cli/{__version__}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            verify = not self.is_here
            with httpx.Client(trust_env=False, timeout=_PATIENCE, headers=headers, verify=verify) as client:
                return client.request(method, self.url + path, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Trouble(f"{self.url} is no URL of a router", "write it as http://HOST:PORT") from None
        except httpx.ConnectError as error:
            raise NobodyThere(f"no router answers at {self.url} ({error})", _START) from None
        except httpx.HTTPError as error:
            raise Trouble(f"no router answers at {self.url} ({error})", _START) from None

    def _stranger(self, response: httpx.Response) -> NobodyThere:
        if response.status_code in _OF_GATEWAYS:
            return NobodyThere(f"no router answers at {self.url} (HTTP {response.status_code})", _START)
        return Stranger(f"what answers at {self.url} is no router", _NAME)


class NobodyThere(Trouble):
    """No router is where it should be."""


class Stranger(NobodyThere):
    """Something else is where the router should be."""


class Refusal(Trouble):
    """A problem that the router answered. `body` is all of it."""

    def __init__(self, body: dict[str, Any]) -> None:
        cures = {401: "is the data folder that of the router that runs here?"}
        super().__init__(str(body.get("detail", body)), cures.get(body.get("status", 0)))
        self.body = body


def _is_router(response: httpx.Response) -> bool:
    """Whether only a router answers so.

    On `/v1` it names each request. On `/api` the shape has to tell: a problem of its, or its status where no token is
    needed; of both only what every version says.
    """
    if "x-routerd-request-id" in response.headers or _problem(response) is not None:
        return True
    told = _json(response)
    return response.is_success and isinstance(told, dict) and {"generation", "digest"} <= told.keys()


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    """The problem that a router answered, or None: those of other programs have no kind."""
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = _json(response) if media == "application/problem+json" else None
    return body if isinstance(body, dict) and "kind" in body else None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


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
