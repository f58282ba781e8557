"""The command line as transcripts: each file sets up a folder and then is what a person would see in a terminal.

`-- NAME --` begins a file of the folder; a line that begins with `$ ` is a command, perhaps with variables before it;
what follows is its output, both streams together; `[exit N]` its exit code, where that is not 0. `…` stands for any
text within a line. `$ cat FILE`, `$ rm FILE` and `$ add FILE BEGINNING LINE`, after the line with that beginning, are
done by the test; `<<< TEXT` gives a line on standard input. The folder is also the home folder.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from routerd import __version__
from routerd.cli.main import main

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def split(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Files by name, and commands with their expected output."""
    setup, _, session = text.partition("$ ")
    names_and_texts = re.split(r"^-- (.+) --\n", setup, flags=re.MULTILINE)[1:]
    files = dict(zip(names_and_texts[::2], names_and_texts[1::2], strict=True))
    steps = [step.partition("\n") for step in re.split(r"^\$ ", session, flags=re.MULTILINE)]
    return files, [(command, output) for command, _, output in steps]


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(("ROUTERD_", "BACKEND_", "CREDENTIALS_"))
    }
    environment["HOME"] = str(folder)
    typed = f"{words[words.index('<<<') + 1]}\n" if "<<<" in words else None
    words = words[: words.index("<<<")] if "<<<" in words else words
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    if words[0] == "cat":
        return (folder / words[1]).read_text()
    if words[0] == "rm":
        (folder / words[1]).unlink()
        return ""
    if words[0] == "add":
        lines = (folder / words[1]).read_text().splitlines(keepends=True)
        at = next(at for at, line in enumerate(lines) if line.startswith(words[2]))
        (folder / words[1]).write_text("".join([*lines[: at + 1], f"{words[3]}\n", *lines[at + 1 :]]))
        return ""
    assert words[0] == "routerd"
    result = CliRunner().invoke(main, words[1:], input=typed, env=environment, prog_name="routerd")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output + (f"[exit {result.exit_code}]\n" if result.exit_code else "")


def as_pattern(text: str) -> str:
    return re.escape(text).replace("…", "[^\n]*")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, steps = split(path.read_text())
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    try:
        for command, expected in steps:
            output = run(command, tmp_path)
            if not re.fullmatch(as_pattern(expected.rstrip("\n")), output.rstrip("\n")):
                assert output == expected, f"$ {command}"
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 8


def test_python_dash_m() -> None:
    command = [sys.executable, "-m", "routerd", "--version"]
    assert __version__ in subprocess.run(command, capture_output=True, text=True, check=True).stdout
