"""The table of verbs: each leads to a command, and none is imported before it is called."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from routerd.cli.client import word
from routerd.cli.main import VERBS, WITHOUT_VERB, Verbs, main
from routerd.config.check import check
from routerd.config.document import parse


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_and_says_what_it_does(verb: str) -> None:
    command = Verbs(VERBS, name="routerd").get_command(click.Context(click.Command("x")), verb)
    assert command is not None
    assert command.help


def test_verbs_are_imported_when_they_are_called() -> None:
    script = "import sys, routerd.cli.main; print([name for name in sys.modules if name.startswith('routerd.')])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['routerd.cli', 'routerd.cli.trouble', 'routerd.cli.groups', 'routerd.cli.main']"


@click.command
@click.option("--port")
@click.pass_context
def serving(context: click.Context, port: str | None) -> None:
    click.echo(f"serving on {port}, without verb: {context.meta.get(WITHOUT_VERB, False)}")


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ([], "serving on None, without verb: True"),
        (["--port", "9"], "serving on 9, without verb: True"),
        (["--port=9"], "serving on 9, without verb: True"),
        (["serve"], "serving on None, without verb: False"),
        (["serve", "--port", "9"], "serving on 9, without verb: False"),
    ],
)
def test_without_a_verb_it_serves(arguments: list[str], output: str) -> None:
    group = Verbs({"serve": f"{__name__}:serving"}, name="routerd")
    result = CliRunner().invoke(group, arguments)
    assert (result.exit_code, result.output.strip()) == (0, output)


def test_a_clients_key_is_random_and_goes_with_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [json.loads(CliRunner().invoke(main, ["client", "add", "cline", "--json"]).output) for _ in range(2)]
    assert made[0]["key"] != made[1]["key"]
    for one in made:
        assert len(base64.urlsafe_b64decode(one["key"].removeprefix("sk-routerd-") + "=")) == 32
        assert hashlib.sha256(one["key"].encode()).hexdigest() == one["key_sha256"]
        config = check(one["yaml"]).config
        assert config is not None and config.clients is not None
        assert config.clients["cline"].key_sha256 == one["key_sha256"]


@pytest.mark.parametrize(
    "text", ["cline", "my friend", "büro", "null", "True", "a.b-c", "5a", 'a"b', "a: b", "#a", "~"]
)
def test_words_of_yaml(text: str) -> None:
    assert parse(f"{word(text)}: 1").data == {text: 1}
    assert parse(f"[{word(text)}]").data == [text]
