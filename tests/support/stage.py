"""A daemon whose routes each have upstreams of their own, so that no test sees another's health or rotation."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.support import chat
from tests.support.caller import Response
from tests.support.daemon import Daemon
from tests.support.upstream import Upstream

# Small enough to wait for. For upstreams that are to be too slow, and for no others: a busy machine is slower still.
TIMEOUTS = "{connect: 1s, first_token: 2s, idle: 2s, total: 6s}"
# For all others: no timeout of ours may hide what happens.
PATIENT = "{connect: 100s, first_token: 100s, idle: 100s, total: 200s}"

SERVER = "server: {drain: 2s}\n"


def defaults(timeouts: str = PATIENT) -> str:
    """The `defaults` of a test's config: long timeouts, and no probes that would show up as requests."""
    return f"defaults: {{timeouts: {timeouts}, health: {{check: false}}}}\n"


class Addressed(Protocol):
    """Anything with an address that a provider may point at."""

    @property
    def base_url(self) -> str: ...


@dataclass(frozen=True)
class Act:
    """A route and the upstreams behind it, in failover order. `options` is further YAML of the route (flow style),
    `provider_options` of each of its providers, `first_options` of the first."""

    name: str
    upstreams: tuple[Addressed, ...]
    options: str = "max_attempts: 3"
    provider_options: str = ""
    first_options: str = ""

    def providers(self) -> Iterator[str]:
        """Its lines under `providers`."""
        for number, upstream in enumerate(self.upstreams, 1):
            options = (self.provider_options, self.first_options if number == 1 else "")
            extra = "".join(f", {option}" for option in options if option)
            base_url = f"base_url: {upstream.base_url}"
            yield f"  {self.name}-{number}: {{{base_url}, api_key: sk-test-{number}, models: [model-{number}]{extra}}}"

    def route(self) -> str:
        """Its line under `routes`."""
        numbers = range(1, len(self.upstreams) + 1)
        nodes = ", ".join(f"{self.name}-{number}/model-{number}" for number in numbers)
        return f"  {self.name}: {{strategy: failover, {self.options}, nodes: [{nodes}]}}"


def config(acts: list[Act], *, timeouts: str = PATIENT, extra: str = "") -> str:
    """The router.yaml of these acts; `extra` is further YAML at its end."""
    providers = [line for act in acts for line in act.providers()]
    routes = [act.route() for act in acts]
    return "\n".join([SERVER + defaults(timeouts) + "providers:", *providers, "routes:", *routes, extra])


@dataclass(frozen=True)
class Stage:
    """A running daemon and its acts by name."""

    daemon: Daemon
    acts: Mapping[str, Act]

    def upstream(self, route: str, number: int = 1) -> Upstream:
        """The upstream in position `number` of a route, counted from 1."""
        upstream = self.acts[route].upstreams[number - 1]
        assert isinstance(upstream, Upstream)
        return upstream

    def ask(self, route: str, *, stream: bool = False, **fields: Any) -> Response:
        """One chat request."""
        return self.daemon.post(prompt(route, stream=stream, **fields))


def prompt(model: str, *, stream: bool = False, text: str = "Hi!", **fields: Any) -> dict[str, Any]:
    """The smallest chat request, with further `fields`."""
    asked = {"stream": True} if stream else {}
    return {"model": model, "messages": [{"role": "user", "content": text}], **asked, **fields}


@contextmanager
def staged(
    folder: Path, routes: Mapping[str, int], *, timeouts: str = TIMEOUTS, slow: Container[str] | None = None
) -> Iterator[Stage]:
    """A stage with this many well-behaved upstreams for each route; all are checked in the end.

    `timeouts` are those of the first upstream of each route in `slow` (None: of all); the others are waited for.
    """
    upstreams = {name: tuple(Upstream(chat.good) for _ in range(count)) for name, count in routes.items()}
    first = f"timeouts: {timeouts}"
    acts = [
        Act(name, group, first_options=first if slow is None or name in slow else "")
        for name, group in upstreams.items()
    ]
    with ExitStack() as stack:
        for upstream in itertools.chain.from_iterable(upstreams.values()):
            stack.enter_context(upstream)
        yield Stage(stack.enter_context(Daemon(folder, config(acts))), {act.name: act for act in acts})
