"""A slice of the drill that is fast enough for every day: the agents that are packages. `make drill` runs it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import drill
from tests.clients.agents import AGENTS

pytestmark = pytest.mark.filterwarnings("ignore:.*thinking.type=enabled:UserWarning")


def test_tasks_come_to_a_good_end_whatever_fails_before_the_first_content(tmp_path: Path) -> None:
    packages = [AGENTS[name] for name in drill.CREW if name in AGENTS]
    planned = list(drill.runs(packages, list(drill.KINDS), is_quick=True))
    faults = {run.route: show.faults for run, show in drill.perform(planned, tmp_path / "drill", at_once=8)}
    assert len(faults) == 3 * 20
    assert {route: each for route, each in faults.items() if each} == {}
