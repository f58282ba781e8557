"""Work on large texts in a process of its own: the same comes out as in a thread, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from routerd import workshop as module
from routerd.config.changes import Drop, Put, Rename
from routerd.config.check import check
from routerd.config.document import data_of
from routerd.config.splice import Unspliceable, splice
from routerd.workshop import LARGE, Workshop
from tests.support.daemon import Daemon, write_config
from tests.support.gate import eventually

CANARY = "sk-canary-3f1b77c09a5e4d21b6c8"
GOOD = "providers:\n  demo: {adapter: echo, models: [echo, other]}\nroutes:\n  one: [demo/echo]\n  two: [demo/other]\n"
LINUX = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")


def padded(text: str, size: int = LARGE) -> str:
    """The same config in a text of at least so many letters."""
    line = "# " + "x" * 97 + "\n"
    return line * (size // len(line) + 1) + text


LONG = padded(GOOD)
MIDDLE = padded(GOOD, 20_000)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def shop(told: list[str]) -> Iterator[Workshop]:
    shop = Workshop(lambda _, reason: told.append(reason))
    yield shop
    shop.close()


# What the process is asked to do


def whose(text: str) -> int:
    return os.getpid()


def stuck(text: str, ours: int, mark: str) -> str:
    """In the process: never done."""
    if os.getpid() != ours:
        Path(mark).touch()
        threading.Event().wait()
    return "done here"


def garbled(text: str, ours: int, garbage: bytes) -> str:
    """In the process: writes something else to whom it answers."""
    if os.getpid() != ours:
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, garbage)
            except OSError:
                continue
    return "done"


def chatty(text: str) -> str:
    print("this is no answer")
    os.write(1, b"nor is this")
    return "done"


def unpicklable(text: str) -> Any:
    return lambda: None


SAME: list[tuple[str, Callable[..., Any], str, tuple[Any, ...]]] = [
    ("a good text", check, LONG, ()),
    ("one with problems", check, LONG + "rotues: {}\nclients:\n", ()),
    ("one with a warning", check, LONG.replace("  two: [demo/other]\n", ""), ()),
    ("no YAML at all", check, LONG + "\t- ]", ()),
    ("nothing in it", check, padded(""), ()),
    ("too large", check, padded("", 1_100_000), ()),
    ("its data", data_of, LONG, ()),
    ("no data", data_of, LONG + "]", ()),
    ("an edit", splice, LONG, ([Put(("routes", "one"), ["demo/other"]), Drop(("routes", "two"))],)),
    ("a rename", splice, LONG, ([Rename(("routes", "one"), "first")],)),
]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Workshop]:
    shop = Workshop(lambda *_, **__: pytest.fail("the process failed"))
    yield shop
    shop.close()


@pytest.mark.parametrize(("function", "text", "more"), [each[1:] for each in SAME], ids=[each[0] for each in SAME])
def test_the_same_comes_out_as_here(running: Workshop, function: Any, text: str, more: tuple[Any, ...]) -> None:
    assert running.do(whose, LONG) not in (os.getpid(), None)
    assert running.do(function, text, *more) == function(text, *more)


@pytest.mark.parametrize(("text", "raised"), [(LONG, KeyError), (padded("a: [\n"), Unspliceable)])
def test_what_is_raised_there_is_raised_here(running: Workshop, text: str, raised: type[Exception]) -> None:
    changes = [Drop(("routes", "three"))]
    with pytest.raises(raised) as there:
        running.do(splice, text, changes)
    with pytest.raises(raised) as ours:
        splice(text, changes)
    assert str(there.value) == str(ours.value)


def test_what_it_prints_is_no_answer_and_what_is_no_pickle_is_done_here(running: Workshop) -> None:
    assert running.do(chatty, LONG) == "done"
    assert running.do(unpicklable, LONG)() is None
    assert running.do(chatty, LONG) == "done"


# What can happen to it


def test_a_process_that_is_killed_in_its_work(shop: Workshop, told: list[str], tmp_path: Path) -> None:
    mark, results = tmp_path / "begun", []
    asking = threading.Thread(target=lambda: results.append(shop.do(stuck, LONG, os.getpid(), str(mark))))
    asking.start()
    eventually(mark.exists, "the work has begun")
    assert shop.pid is not None
    os.kill(shop.pid, signal.SIGKILL)
    asking.join()
    assert results == ["done here"]
    assert told == ["it gave no answer: EOFError"]
    assert shop.do(whose, LONG) != os.getpid(), "there is another one"


def test_a_process_that_has_gone_meanwhile(shop: Workshop, told: list[str]) -> None:
    first = shop.do(whose, LONG)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: shop._process is None or shop._process.poll() is not None, "it has ended")
    assert shop.do(whose, LONG) not in (first, os.getpid())
    assert told == []


def test_work_that_takes_too_long(shop: Workshop, told: list[str], tmp_path: Path) -> None:
    shop.do(whose, LONG)
    shop.patience = 0.3
    assert shop.do(stuck, LONG, os.getpid(), str(tmp_path / "begun")) == "done here"
    assert told == ["it gave no answer: EOFError"]


GARBAGE: list[tuple[str, bytes]] = [
    ("too long a message", b"\xff" * 64),
    ("no pickle", (9).to_bytes(8, "big") + b"\xffgarbage!"),
    ("a pickle of nothing of ours", (4).to_bytes(8, "big") + b"\x80\x05N."),
    ("less than a message", (1 << 20).to_bytes(8, "big")),
]


@pytest.mark.parametrize("garbage", [each[1] for each in GARBAGE], ids=[each[0] for each in GARBAGE])
def test_garbage_in_the_place_of_an_answer(shop: Workshop, told: list[str], garbage: bytes) -> None:
    shop.do(whose, LONG)
    shop.patience = 2.0
    assert shop.do(garbled, LONG, os.getpid(), garbage) == "done"
    assert len(told) == 1
    assert shop.do(check, LONG).config is not None


def test_one_that_can_not_be_started_is_told_of_once(
    shop: Workshop, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert [shop.do(whose, LONG) for _ in range(5)] == [os.getpid()] * 5
    assert told == ["it can't be started: No such file or directory"]


def test_another_routerd_that_was_installed_meanwhile(
    shop: Workshop, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OURS", ("/old/workshop.py", 1))
    assert shop.do(whose, LONG) == os.getpid()
    assert told == ["another routerd has been installed meanwhile"]


# When there is one


def test_a_small_text_is_done_here_and_one_of_middle_size_once_there_is_a_burst(shop: Workshop) -> None:
    alone = [GOOD, *[MIDDLE] * 5, MIDDLE + "# 1"]  # the same text comes several times in one reload
    assert {shop.do(whose, text) for text in alone} == {os.getpid()}
    assert shop.pid is None
    assert shop.do(whose, MIDDLE + "# 2") == os.getpid(), "it starts behind"
    eventually(lambda: shop.do(whose, MIDDLE) != os.getpid(), "the process does it")
    assert shop.do(whose, GOOD) == os.getpid()


def test_it_ends_when_there_is_nothing_to_do_and_comes_again(told: list[str]) -> None:
    shop = Workshop(lambda _, reason: told.append(reason), quiet=0.1)
    first = shop.do(whose, LONG)
    eventually(lambda: shop.pid is None, "it has ended")
    assert shop.do(whose, LONG) not in (first, os.getpid())
    shop.close()
    assert (shop.do(whose, LONG), shop.pid, told) == (os.getpid(), None, [])


# What it can see, and how long it lives


@LINUX
def test_it_has_neither_our_environment_nor_our_sockets(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", CANARY)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        pid = shop.do(whose, LONG.replace("echo, other", f"echo, other, {CANARY}"))
        place = Path(f"/proc/{pid}")
        assert CANARY.encode() not in (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        held = [os.readlink(each) for each in (place / "fd").iterdir()]
        assert not [each for each in held if each.startswith("socket:")], held


@LINUX
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_none_is_left_when_the_daemon_ends(tmp_path: Path, how: str) -> None:
    key = {"CANARY_KEY": CANARY}
    text = GOOD.replace("routes:", "  keyed: {base_url: 'http://127.0.0.1:9/v1', api_key: 'env:CANARY_KEY'}\nroutes:")
    with Daemon(tmp_path, text, environment=key) as daemon:
        assert _children(daemon.process.pid) == []
        daemon.save(padded(text))
        [child] = _children(daemon.process.pid)
        place = Path(f"/proc/{child}")
        assert CANARY.encode() not in (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        assert daemon.post({"model": "one", "messages": [{"role": "user", "content": "hello"}]}).status == 200
        daemon.process.send_signal(getattr(signal, how))
        daemon.process.wait()
        eventually(lambda: not place.exists(), "the process has gone")
        daemon.process.returncode = 0


@LINUX
def test_a_daemon_whose_process_is_killed_again_and_again_keeps_serving_what_is_saved(tmp_path: Path) -> None:
    with Daemon(tmp_path, GOOD) as daemon:
        for turn in range(3):
            text = padded(GOOD) + f"# {turn}\n"
            seen = len(daemon.log)
            write_config(tmp_path, text)
            while not daemon.find(lambda line: line.get("event") == "config_adopted", after=seen):
                for child in _children(daemon.process.pid):
                    os.kill(child, signal.SIGKILL)
                time.sleep(0.01)
            daemon.wait_adopted(text, after=seen)


def _children(pid: int) -> list[int]:
    """Processes that this one has started, and that run."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]
