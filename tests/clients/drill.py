"""Six agents work off twenty tasks each while providers of three dialects fail in every way before their first content.

`python -m tests.clients.drill` (or `make drill`) runs them all, some 480 tasks, and says how many came to a good end;
`--quick` gives each task only one kind of trouble.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.clients.agents import AGENTS, Agent
from tests.clients.commands import COMMANDS, Command
from tests.clients.tasks import DRILL, Task
from tests.clients.theatre import DIALECTS, Show, Theatre, Troubles, theatre
from tests.support.reply import whole
from tests.support.script import Trouble
from tests.support.upstream import Upstream

CREW = ("openai", "anthropic", "google-genai", "cline", "claude-code", "gemini-cli")
ENOUGH = 0.99
TIMEOUTS = "{connect: 5s, first_token: 10s, idle: 10s, total: 60s}"

ALWAYS = 40  # more often than any task asks
WELL = None

# What the first, the second and the third provider of a route do before they are well again.
KINDS: Mapping[str, tuple[Sequence[Trouble | None], ...]] = {
    # All are at their limit once, so the caller itself has to wait a second; then the first is again and again.
    "429 storm": ([Trouble.LIMITED] * 4, [Trouble.LIMITED, WELL, Trouble.LIMITED], [Trouble.LIMITED]),
    "overloaded inside": ([Trouble.OVERLOADED_INSIDE, WELL] * 8, [WELL, Trouble.OVERLOADED_INSIDE] * 8, []),
    "cut before content": ([Trouble.CUT, WELL] * 8, [Trouble.CUT, WELL, WELL] * 8, []),
    "provider down": ([Trouble.DOWN] * ALWAYS, [WELL, Trouble.BROKEN, WELL, Trouble.OVERLOADED], []),
}


@dataclass(frozen=True)
class Run:
    """One task of one agent with one kind of trouble; `turn` says which provider is the first."""

    agent: Agent
    task: Task
    kind: str
    turn: int

    @property
    def route(self) -> str:
        return f"{self.agent.name}-{self.task.name}-{self.kind.replace(' ', '-')}"

    @property
    def order(self) -> list[str]:
        """The dialects of the route's providers."""
        return [DIALECTS[(self.turn + place) % len(DIALECTS)] for place in range(len(DIALECTS))]

    @property
    def troubles(self) -> Troubles:
        return dict(zip(self.order, KINDS[self.kind], strict=True))


def runs(agents: Sequence[Agent], kinds: Sequence[str], *, is_quick: bool) -> Iterator[Run]:
    """Every agent with every task and every kind, or with one kind a task."""
    for agent in agents:
        for number, task in enumerate(DRILL):
            chosen = [kinds[number % len(kinds)]] if is_quick else kinds
            for kind in chosen:
                yield Run(agent, task, kind, number + kinds.index(kind))


def perform(runs: Sequence[Run], folder: Path, at_once: int) -> Iterator[tuple[Run, Show]]:
    """Do these runs behind one router, `at_once` at a time; they come in their order."""
    folder.mkdir()
    with (
        theatre(folder, {run.route: run.order for run in runs}, is_alone=False, timeouts=TIMEOUTS) as stage,
        ThreadPoolExecutor(at_once) as pool,
    ):
        yield from zip(runs, pool.map(lambda run: _one(stage, run, folder), runs), strict=True)


def _one(stage: Theatre, run: Run, folder: Path) -> Show:
    return stage.perform(run.agent, run.task, run.route, folder, run.troubles)


def _crew(names: Sequence[str], wall: str) -> Iterator[Agent]:
    for name in names:
        if name in AGENTS:
            yield AGENTS[name]
            continue
        make, pattern = COMMANDS[name]
        found = sorted((Path(__file__).parent / "node_modules").glob(pattern))
        if not found:
            sys.exit(f"{name} is not installed: run `make clients`")
        yield make(Command(found[0], wall))


def _report(done: Sequence[tuple[Run, Show]], seconds: float) -> int:
    ran = Counter((run.agent.name, run.kind) for run, _ in done)
    well = Counter((run.agent.name, run.kind) for run, show in done if not show.faults)
    kinds = [kind for kind in KINDS if any(kind == each for _, each in ran)]
    print(f"\n{'':14}" + "".join(f"{kind:>20}" for kind in kinds))
    for name in dict.fromkeys(name for name, _ in ran):
        print(f"{name:14}" + "".join(f"{well[name, kind]:>15} / {ran[name, kind]:<2}" for kind in kinds))
    share = well.total() / max(ran.total(), 1)
    print(f"\n{well.total()} of {ran.total()} tasks ended well ({share:.1%}, wanted {ENOUGH:.0%}), in {seconds:.0f} s")
    return 0 if share >= ENOUGH else 1


def main() -> int:
    """Run the drill; returns the exit code."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--quick", action="store_true", help="one kind of trouble a task")
    reader.add_argument("--agents", default=",".join(CREW), help="some of them, with commas")
    reader.add_argument("--kinds", default=",".join(KINDS), help="some kinds of trouble, with commas")
    reader.add_argument("--at-once", type=int, default=4, help="tasks at the same time")
    asked = reader.parse_args()
    warnings.filterwarnings("ignore", ".*thinking.type=enabled", UserWarning)
    start = time.monotonic()
    done: list[tuple[Run, Show]] = []
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    with Upstream(lambda _: whole(b"", 403)) as wall:
        crew = list(_crew(asked.agents.split(","), f"http://127.0.0.1:{wall.port}"))
        planned = runs(crew, asked.kinds.split(","), is_quick=asked.quick)
        for name, some in itertools.groupby(planned, key=lambda run: run.agent.name):
            for run, show in perform(list(some), folder / name, asked.at_once):
                done.append((run, show))
                print("." if not show.faults else f"\n{run.route}: {show.faults}\n{show.outcome.detail[-600:]}", end="")
                sys.stdout.flush()
    shutil.rmtree(folder)
    return _report(done, time.monotonic() - start)


if __name__ == "__main__":
    sys.exit(main())
