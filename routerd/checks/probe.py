"""One look at a provider: the list of its models, or, when that is asked for, the shortest completion there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from time import perf_counter, time
from typing import Any

import msgspec

from routerd.adapters import echo, openai_chat
from routerd.adapters.model_lists import MODEL_LISTS, names_in
from routerd.adapters.trouble import said_in
from routerd.errors import RouterError
from routerd.proxy.fetch import Fetched, fetch
from routerd.proxy.pool import Pools
from routerd.snapshot import Provider
from routerd.state.inventory import Status, TestResult

LONGEST_DETAIL = 300  # characters
LONGEST_COMPLAINT = 64 * 1024  # bytes that are read of an error

_STATUS_OF_KIND: dict[str, Status] = {"upstream_timeout": "timeout", "upstream_unreachable": "unreachable"}
_NO_LIST = "has no list of models here: it is reachable, but neither its address nor its key is proven by that"
_NOT_FOLLOWED = "sends elsewhere, which is never followed: correct the base URL"
# Of keys that may chat and not list: the account works, as far as this tells.
_LIMITED = re.compile(r"scope|permission", re.IGNORECASE)
_WORDS: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found. `models` are those listed (None: there was no list), `asked` is the model of a deep test.

    `has_answered`: whatever it said, the address is alive. `has_failed`: it could not have done its work.
    """

    result: TestResult
    models: tuple[str, ...] | None = None
    asked: str | None = None
    has_answered: bool = True
    has_failed: bool = False

    @property
    def has_passed(self) -> bool:
        """Whether everything was as it should be."""
        return self.result.status == "online"


@dataclass(frozen=True, slots=True)
class Prober:
    """Looks at providers. `clean` takes secrets out of what they say."""

    pools: Pools
    clean: Callable[[str], str]
    rng: Random

    async def look(self, provider: Provider, seconds: float) -> Probe:
        """Ask for the list of models, within so many seconds. Raises nothing."""
        if (known := _without_network(provider)) is not None:
            return known
        return await self._measured(provider, lambda: self._list(provider, seconds), self._judge_list)

    async def ask(self, provider: Provider, model: str, seconds: float) -> Probe:
        """Ask `model` for one token, within so many seconds. Raises nothing."""
        if provider.trouble is not None:
            return _failed("error", provider.trouble, has_answered=False)
        return await self._measured(
            provider,
            lambda: self._complete(provider, model, seconds),
            lambda provider, fetched, took: self._judge_reply(provider, model, fetched, took),
        )

    async def _measured(self, provider: Provider, send: Any, judge: Any) -> Probe:
        began = perf_counter()
        try:
            fetched = await send()
        except RouterError as error:
            status = _STATUS_OF_KIND.get(error.kind, "error")
            return _failed(status, self._said(error.message), has_answered=status == "error")
        found: Probe = judge(provider, fetched, round(1000 * (perf_counter() - began), 2))
        return found

    def _list(self, provider: Provider, seconds: float) -> Any:
        return fetch(self.pools, provider, MODEL_LISTS[provider.adapter].path, seconds)

    async def _complete(self, provider: Provider, model: str, seconds: float) -> Fetched:
        request = openai_chat.parse_request({"model": model, **_WORDS}, model, False)
        if provider.adapter == "echo":
            return _played(provider, model, self.rng)
        call, _ = provider.dialect.render_request(request, model, provider.quirks)
        return await fetch(self.pools, provider, call.path, seconds, msgspec.json.encode(call.body))

    def _judge_list(self, provider: Provider, fetched: Fetched, took: float) -> Probe:
        if 200 <= fetched.status < 300:
            models = names_in(provider.adapter, fetched.body)
            return Probe(_result("online", fetched.status, took), None if models is None else tuple(models))
        if fetched.status in (404, 405):
            detail = f"HTTP {fetched.status}: the provider {_NO_LIST}"
            return Probe(_result("degraded", fetched.status, took, detail))
        detail = self._complaint(provider, fetched)
        has_failed = fetched.status >= 500 or (fetched.status == 401 and not _LIMITED.search(detail))
        return Probe(_result("degraded", fetched.status, took, detail), has_failed=has_failed)

    def _judge_reply(self, provider: Provider, model: str, fetched: Fetched, took: float) -> Probe:
        if not 200 <= fetched.status < 300:
            detail = self._complaint(provider, fetched)
            has_failed = fetched.status >= 500 or fetched.status in (401, 402, 403)
            return Probe(_result("degraded", fetched.status, took, detail), asked=model, has_failed=has_failed)
        try:
            provider.dialect.parse_reply(fetched.body)
        except RouterError as error:
            is_told = error.kind != "upstream_garbled"  # else the message is what stands at that address
            detail = (
                self._said(error.message) if is_told else f"HTTP {fetched.status} with what is no reply of this API"
            )
            return Probe(_result("error", fetched.status, took, detail), asked=model, has_failed=True)
        return Probe(_result("online", fetched.status, took), asked=model)

    def _complaint(self, provider: Provider, fetched: Fetched) -> str:
        """The status, and what an API says with it; what else stands at an address is nobody's business."""
        status = fetched.status
        if 300 <= status < 400:
            return f"HTTP {status}: the provider {_NOT_FOLLOWED}"
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        said = _says_error(fetched.body)
        message = provider.dialect.parse_error(status, fetched.headers, fetched.body).message if said else phrase
        return self._said(f"HTTP {status}: {message}" if message else f"HTTP {status}")

    def _said(self, text: str) -> str:
        """Cleaned before it is cut: a half of a key is no longer known as one."""
        words = " ".join(self.clean(text).split())
        words = "".join(letter for letter in words if letter.isprintable())
        return words if len(words) <= LONGEST_DETAIL else words[: LONGEST_DETAIL - 1] + "…"


def _without_network(provider: Provider) -> Probe | None:
    if provider.trouble is not None:
        return _failed("error", provider.trouble, has_answered=False)
    if provider.adapter == "echo":
        return Probe(_result("online", 200, 0.0), provider.models)
    return None


def _failed(status: Status, detail: str, *, has_answered: bool) -> Probe:
    return Probe(_result(status, None, None, detail), has_answered=has_answered, has_failed=True)


def _result(status: Status, code: int | None, took: float | None, detail: str | None = None) -> TestResult:
    return TestResult(status=status, status_code=code, latency_ms=took, detail=detail, at=time())


def _says_error(body: bytes) -> bool:
    """Whether a body is an API's way to say an error: an object that has one, and no book."""
    if len(body) > LONGEST_COMPLAINT:
        return False
    said = said_in(body)
    return isinstance(said, dict) and bool({"error", "message", "detail"} & said.keys())


def _played(provider: Provider, model: str, rng: Random) -> Fetched:
    """What the echo provider answers, faults included. Raises RouterError as an upstream would have it."""
    status, body = 0, b""
    for step in echo.script({"model": model, **_WORDS}, provider.echo, rng):
        match step:
            case echo.HeadStep(status, _):
                pass
            case echo.DataStep(data):
                body += data
            case echo.EndStep("stall"):
                raise RouterError("upstream_timeout", "timed out, as the echo provider was told to")
            case echo.EndStep("cut"):
                raise RouterError("upstream_garbled", "cut the connection")
    return Fetched(status, [], body)
