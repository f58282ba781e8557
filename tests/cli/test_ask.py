"""`routerd ask`: a conversation of one message, and whatever else may answer at that port."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_management import routerd
from tests.support.daemon import Daemon
from tests.support.reply import raw
from tests.support.upstream import Upstream

TEXT = """\
providers:
  demo: {adapter: echo, models: [echo]}
  broken: {adapter: echo, models: [echo], echo: {fail: error-event, after_chunks: 1}}
routes: {chat: [demo/echo], bad: [broken/echo]}
"""


def test_an_answer_and_which_way_it_went(tmp_path: Path) -> None:
    with Daemon(tmp_path, TEXT) as daemon:
        code, out, err = routerd(tmp_path, "ask", "chat", "good", "morning", port=daemon.port)
        assert (code, out, err) == (0, "good morning\n", "(route chat, provider demo, model echo, attempts 1)\n")
        code, out, _ = routerd(tmp_path, "ask", "chat", "hi", "--json", port=daemon.port)
        assert (code, '"content":"hi"' in out) == (0, True)
        code, out, err = routerd(tmp_path, "ask", "chatt", "hi", port=daemon.port)
        assert (code, out, err.startswith("routerd: There is no model `chatt`")) == (1, "", True)
        code, _, err = routerd(tmp_path, "ask", "bad", "one two three four five six", port=daemon.port)
        assert (code, err.startswith("routerd: "), err.count("\n")) == (1, True, 1)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"[]", b'{"error": "no"}', b"\xff"])
def test_something_else_at_that_port(tmp_path: Path, body: bytes) -> None:
    head = f"HTTP/1.1 502 Bad Gateway\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with Upstream(lambda _: raw(head + body)) as other:
        code, out, err = routerd(tmp_path, "ask", "chat", "hi", port=other.port)
        other.faults.clear()
    assert (code, out, err.startswith("routerd: "), err.count("\n")) == (1, "", True, 1)


def test_the_verbs_that_manage_know_a_stranger_too(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>"
    with Upstream(lambda _: raw(head)) as other:
        code, out, err = routerd(tmp_path, "status", port=other.port)
        other.faults.clear()
    told = f"routerd: what answers at http://127.0.0.1:{other.port} is no router; name its address with --url\n"
    assert (code, out, err) == (1, "", told)


def test_nobody_is_there(tmp_path: Path) -> None:
    code, _, err = routerd(tmp_path, "ask", "chat", "hi")
    assert (code, err.startswith("routerd: no router answers at http://127.0.0.1:1 (")) == (1, True)
    assert err.endswith("; start one with `routerd serve`\n")
