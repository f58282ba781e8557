"""What is said of a file that is not as it should be, and that nothing of it ever serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from routerd.config.condition import condition
from routerd.outcome import Outcome
from tests.reload.saves import rename_over
from tests.reload.watched import Watched, text
from tests.support.daemon import ROOT
from tests.support.gate import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "router.yaml"
    path.write_text(text("first"))
    return path


CASES = {
    "broken": b"providers: [",
    "broken ": b"",
    "not_utf8": b"providers: {\xff}",
    "too_large": b"#" * (1024 * 1024 + 1),
}


@pytest.mark.parametrize("word", CASES)
def test_a_bad_file(path: Path, tmp_path: Path, word: str) -> None:
    with Watched(path, tmp_path / "data") as watched:
        path.write_bytes(CASES[word])
        watched.wait_state(word.strip())
        assert watched.serving == ["first"]
        outcome = watched.reloader.outcome
        assert outcome is not None
        assert (outcome.result, outcome.generation) == ("rejected", 1)
        rename_over(path, text("second"))
        watched.wait_state("ok")
        assert watched.numbers == [1, 2]
        assert dict(watched.reloader.counts) == {"adopted": 2, "rejected": 1}
        history = watched.call(watched.generations.history(9))
        assert [(record.generation, record.outcome) for record in history] == [
            (2, "accepted"), (None, "problems"), (1, "accepted"),
        ]  # fmt: skip
        assert history[1].problems


def test_deleted_and_put_back(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        path.unlink()
        watched.wait_state("missing")
        eventually(lambda: watched.reloader.counts["rejected"] == 1, "it is reported")
        assert watched.serving == ["first"]
        path.write_text(text("first"))
        watched.wait_state("ok")
        eventually(
            lambda: watched.reloader.outcome is not None and watched.reloader.outcome.result == "unchanged", "back"
        )
        assert watched.numbers == [1]


def test_empty_for_less_than_a_second(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        path.write_text("")
        eventually(watched.reloader.alone.locked, "it is being looked at")
        path.write_text(text("second"))
        watched.wait_for("second")
        assert watched.reloader.counts["rejected"] == 0


def test_asked_to_look(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:

        def look() -> Outcome:
            return watched.call(watched.reloader.reload(watched.adopted.append, "api", "me"))

        assert look().result == "unchanged"
        path.write_text("a: 1\n")
        refused = look()
        assert (refused.result, refused.generation) == ("rejected", 1)
        assert [problem.path for problem in refused.problems if problem.severity == "error"] == ["a"]
        path.write_text(text("second"))
        adopted = look()
        assert adopted.generation == 2
        assert [change.subject for change in adopted.changes] == [
            "route second",
            "route first",
        ] or adopted.result == "unchanged"


@pytest.mark.parametrize(("mode", "word"), [(0o644, "ok"), (0o444, "read_only")])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_modes(path: Path, mode: int, word: str) -> None:
    path.chmod(mode)
    assert condition(path) == word


MOUNTED = """
set -e
cd "$1"
mkdir -p mounted && touch mounted/router.yaml
mount --bind router.yaml mounted/router.yaml
case "$2" in
    read_only) mount -o remount,bind,ro mounted/router.yaml ;;
    deleted_inode) cp router.yaml draft && mv draft router.yaml ;;
esac
exec "$3" -c '
from pathlib import Path
from routerd.editing import Asked, Refused
from tests.reload.watched import Watched, text
with Watched(Path("mounted/router.yaml"), Path("data")) as watched:
    print(watched.call(watched.reloader.state()).word)
    try:
        print(watched.call(watched.editor.replace(text("second"), Asked("me", "api"))).generation)
    except Refused as refused:
        print(refused.kind, "+  second: [demo/echo]" in refused.diff, watched.serving)
'
"""


@pytest.mark.parametrize(
    ("word", "edit"),
    [
        ("ok", "2"),
        ("read_only", "config_read_only True ['first']"),
        ("deleted_inode", "config_deleted_inode True ['first']"),
    ],
)
def test_a_file_that_is_mounted_by_itself(path: Path, tmp_path: Path, word: str, edit: str) -> None:
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount namespace may be made here")
    command = [*unshare, "sh", "-c", MOUNTED, "sh", str(tmp_path), word, sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (told.stdout, told.stderr) == (f"{word}\n{edit}\n", "")
