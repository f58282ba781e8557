"""The log: every line can be read, whatever its fields say."""

from __future__ import annotations

import io
import json

import pytest

from routerd.observe import Log

ODD = ["two\u2028lines", "two\u2029lines", "next\x85line", "form\x0cfeed", "tab\t and \x1b[2J", "half \udcff", "plain"]


@pytest.mark.parametrize("said", ODD)
def test_what_was_said_last_can_be_asked_for(said: str) -> None:
    stream = io.BytesIO()
    log = Log(stream)
    log.info("before")
    log.info("refused", message=said, many=[said])
    log.info("after")
    told = said.replace("\udcff", "\\udcff")
    latest = log.latest(10)
    assert [line["event"] for line in latest] == ["after", "refused", "before"]
    assert latest[1]["message"] == told
    log.close()
    written = [json.loads(line) for line in stream.getvalue().decode().split("\n")[:-1]]
    assert [line["event"] for line in written] == ["before", "refused", "after"]
    assert (written[1]["message"], log.dropped) == (told, 0)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("مزود", "مزود"),
        ("two words", '"two words"'),
        ("two\nlines", r'"two\nlines"'),
        ("\x1b]0;title\x07", r'"\u001b]0;title\u0007"'),
        ("a\u202eb\x9b", r'"a\u202eb\u009b"'),
        ("half \udcff", r'"half \\udcff"'),
        ("", '""'),
    ],
)
def test_a_line_for_people_has_nothing_that_a_terminal_obeys(said: str, shown: str) -> None:
    stream = io.BytesIO()
    log = Log(stream, as_text=True)
    log.info("refused", model=said)
    log.close()
    assert stream.getvalue().decode().split("refused  ")[1] == f"model={shown}\n"
