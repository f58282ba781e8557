"""Streams whose callers speak another dialect than the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from driver.bench import Bench
from driver.figures import Figure
from driver.load import Plan
from driver.mock import STREAM_EVENTS
from driver.rows.capacity import core_busy, work_per_cpu_second
from driver.subjects import AUTHORIZATION, CHAT, CLIENT_KEY, MESSAGES, Door, Subject, fill, key_sha256

_STREAMS = 160


@dataclass(frozen=True)
class _Dialect:
    """How its callers ask, how many events of a text they are given, and what the last one holds."""

    name: str
    title: str
    path: str
    headers: tuple[str, ...]
    events: int
    ends: str


_OPENAI = _Dialect("openai", "OpenAI", CHAT, (AUTHORIZATION,), STREAM_EVENTS, "data: [DONE]")
_ANTHROPIC = _Dialect(
    "anthropic", "Anthropic", MESSAGES, (f"x-api-key: {CLIENT_KEY}", "anthropic-version: 2023-06-01"),
    STREAM_EVENTS + 1, '"message_stop"',
)  # fmt: skip
# Beside a text: the first write and the last but two hold a piece of the tool call.
_MORE_EVENTS = {"text": 0, "tools": 2}


@dataclass(frozen=True)
class Way:
    """From a provider of one dialect to callers of another; `content` is text or tools."""

    provider: _Dialect
    caller: _Dialect
    content: str

    @property
    def model(self) -> str:
        return f"{self.provider.name}-{self.content}"

    @property
    def port(self) -> str:
        """The mock's, by its name."""
        return f"{self.provider.name}_{self.content}"

    def door(self, subject: Subject) -> Door:
        return replace(subject.door(self.model), path=self.caller.path, headers=self.caller.headers)

    def plan(self, bench: Bench) -> Plan:
        events = self.caller.events + _MORE_EVENTS[self.content]
        return Plan(bench.bodies.agent(self.caller.name, self.model), _STREAMS, events=events, ends=self.caller.ends)


WAYS: Mapping[str, Way] = MappingProxyType({
    f"translate-{caller.name}-{content}": Way(provider, caller, content)
    for provider, caller in ((_ANTHROPIC, _OPENAI), (_OPENAI, _ANTHROPIC))
    for content in _MORE_EVENTS
})
"""By the caller's dialect and the content."""


def config(bench: Bench) -> str:
    """router.yaml with a route for each way."""
    return fill("translate.yaml", {**bench.mock.ports, "key_sha256": key_sha256()})


def streams(bench: Bench) -> list[Figure]:
    """160 streams of text and of a tool call, an event every 4 ms, for callers of the other dialect."""
    with bench.routerds(config(bench)) as routerds:
        return [_figure(bench, routerds, key, way) for key, way in WAYS.items()]


def _figure(bench: Bench, routerds: list[Subject], key: str, way: Way) -> Figure:
    samples = work_per_cpu_second(bench, routerds, lambda subject: (way.door(subject), way.plan(bench)))
    medians = samples.medians()
    what = f"translated events/CPU-s, {way.provider.title} to {way.caller.title} callers, {way.content}"
    events, writes = samples.work_per_read["routerd"], samples.writes_per_read["routerd"]
    note = f"{core_busy(samples)}; {events:.2f} events and {writes:.2f} writes a read"
    return Figure(key, what, medians, medians["routerd"], samples.rounds, note)
