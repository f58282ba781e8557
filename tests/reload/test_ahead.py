"""The first look at the file is taken by a process of its own, so that who only serves does without what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from routerd.config.check import check
from routerd.config.document import data_of
from routerd.config.examined import examined, message
from routerd.config.marks import mark
from tests.reload.saves import rename_over
from tests.reload.watched import text
from tests.support.daemon import ROOT, Daemon
from tests.support.gate import eventually

GOOD = sorted((ROOT / "tests" / "config" / "good").glob("*.yaml"))
CHECKER = "pydantic_core"
HELLO = {"role": "user", "content": "hello"}

LOOK = """
import os, sys
from pathlib import Path
from routerd.ahead import Ahead
ahead = Ahead(Path(sys.argv[1]))
found = ahead.examine(sys.argv[2])
print([str(problem) for problem in found.problems], "pydantic" in sys.modules)
print(found.meaning and list(found.meaning.values.routes))
ahead.end()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("alone")
"""


def plain(value: Any) -> Any:
    """A config, or what has its values, as maps."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    has_parts = isinstance(value, SimpleNamespace) or hasattr(type(value), "model_fields")
    return plain(vars(value)) if has_parts else value


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_sent_says_what_the_text_says(path: Path) -> None:
    found = path.read_bytes().decode()
    config = check(found).config
    meaning = examined(message(found)).meaning
    assert meaning is not None and config is not None
    assert plain(meaning.values) == plain(config)
    assert meaning.marks == mark(config)
    assert meaning.data() == data_of(found)
    assert meaning.config == config
    assert meaning.values is meaning.config


def test_what_is_wrong_is_sent_as_well() -> None:
    broken = "providers:\n  a: {adapter: nobody}\nroutes: {r: [b/m]}\n"
    found = examined(message(broken))
    assert found.meaning is None
    assert found.problems == check(broken).problems != ()


def look(path: Path, found: str) -> list[str]:
    """What a process prints that has a file looked at ahead, and then finds this text in it."""
    command = [sys.executable, "-c", LOOK, str(path), found]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_look_is_taken_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_text(text("one"))
    assert look(path, text("one")) == ["[] False", "['one']", "alone"]


def test_another_text_is_looked_at_here(tmp_path: Path) -> None:
    path = tmp_path / "router.yaml"
    path.write_text(text("one"))
    assert look(path, text("two")) == ["[] True", "['two']", "alone"]


def test_where_there_was_nothing_to_look_at_it_is_done_here(tmp_path: Path) -> None:
    assert look(tmp_path / "router.yaml", text("late")) == ["[] True", "['late']", "alone"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what is loaded")
def test_who_only_serves_has_not_loaded_what_checks_the_file(tmp_path: Path) -> None:
    with Daemon(tmp_path, text("first")) as daemon:
        libraries = Path(f"/proc/{daemon.process.pid}/maps")
        assert daemon.post({"model": "first", "messages": [HELLO]}).status == 200
        eventually((tmp_path / "data" / "backups" / "config_backup.json").exists, "the start is kept")
        assert CHECKER not in libraries.read_text()
        rename_over(tmp_path / "router.yaml", text("second"))
        eventually(lambda: daemon.post({"model": "second", "messages": [HELLO]}).status == 200, "the save serves")
        assert CHECKER in libraries.read_text()
