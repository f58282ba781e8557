"""A router before scripted providers of the three dialects, and agents that work off tasks through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.clients.agents import Agent, Outcome
from tests.clients.tasks import Task
from tests.support.daemon import Daemon
from tests.support.dialects.anthropic import Anthropic
from tests.support.dialects.gemini import Gemini
from tests.support.dialects.openai import OpenAI
from tests.support.script import Trouble
from tests.support.scripted import Script, Scripted
from tests.support.stage import PATIENT, SERVER, defaults

DIALECTS = ("openai", "anthropic", "gemini")

Troubles = Mapping[str, Sequence[Trouble | None]]  # by the dialect of the provider that has them


@dataclass(frozen=True)
class Theatre:
    """`providers` by dialect. Every route has entries of its own for them, so health is not shared."""

    daemon: Daemon
    providers: Mapping[str, Scripted]

    def perform(self, agent: Agent, task: Task, route: str, folder: Path, troubles: Troubles | None = None) -> Show:
        """Have the agent work off the task in a new folder below `folder`, with `route` as its model."""
        task = replace(task, name=f"{task.name}.{agent.name}.{route}")
        project = folder / task.name / "project"
        task.lay_out(project)
        self.rehearse(task, task.script(agent.kit, project), troubles or {})
        try:
            outcome = agent.work(self.daemon.url, route, task.prompt, project)
        except Exception as error:  # what its user would see
            outcome = Outcome(False, "", repr(error))
        return Show(task, outcome, self._faults(task, outcome, project))

    def rehearse(self, task: Task, script: Script, troubles: Troubles) -> None:
        """Tell all providers the script of a task, and some their troubles."""
        for dialect, provider in self.providers.items():
            provider.scripts[task.key] = script
            provider.troubles[task.key].extend(troubles.get(dialect, ()))

    def asked(self, task: Task) -> dict[str, int]:
        """How often each provider was asked to go on with the task."""
        return {dialect: len(provider.asked[task.key]) for dialect, provider in self.providers.items()}

    def _faults(self, task: Task, outcome: Outcome, project: Path) -> list[str]:
        complaints = [
            f"{name} refused: {complaint}"
            for name, provider in self.providers.items()
            for complaint in provider.complaints.pop(task.key, [])
        ]
        ended = [] if outcome.is_done else [f"it ended with {outcome.text or outcome.detail}"]
        said = [] if outcome.text == task.answer else [f"the answer was {outcome.text!r}, not {task.answer!r}"]
        return [*complaints, *ended, *said, *task.faults(project)]


@dataclass(frozen=True)
class Show:
    """How it went. `faults`: everything that should not have happened; empty when all is well."""

    task: Task
    outcome: Outcome
    faults: list[str]


def config(providers: Mapping[str, Scripted], routes: Mapping[str, Sequence[str]], *, timeouts: str = PATIENT) -> str:
    """The router.yaml in which each route tries the providers of these dialects in turn."""
    entries = [
        f"  {route}-{name}: {{adapter: {name}, base_url: {providers[name].base_url}, api_key: sk-test,"
        f" models: [{providers[name].dialect.MODEL}]}}"
        for route, names in routes.items()
        for name in names
    ]
    told = [
        f"  {route}: {{strategy: failover, max_attempts: {len(names) + 1}, nodes: [{_nodes(providers, route, names)}]}}"
        for route, names in routes.items()
    ]
    return "\n".join([SERVER + defaults(timeouts) + "providers:", *entries, "routes:", *told, ""])


def _nodes(providers: Mapping[str, Scripted], route: str, names: Sequence[str]) -> str:
    return ", ".join(f"{route}-{name}/{providers[name].dialect.MODEL}" for name in names)


@contextmanager
def theatre(
    folder: Path, routes: Mapping[str, Sequence[str]], *, is_alone: bool = True, timeouts: str = PATIENT
) -> Iterator[Theatre]:
    """A theatre with these routes; the providers' complaints are checked in the end."""
    providers = {each.NAME: Scripted(each, is_alone=is_alone) for each in (OpenAI(), Anthropic(), Gemini())}
    with ExitStack() as stack:
        for provider in providers.values():
            stack.enter_context(provider)
        daemon = stack.enter_context(Daemon(folder, config(providers, routes, timeouts=timeouts)))
        yield Theatre(daemon, providers)
