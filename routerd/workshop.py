"""Work on large texts, done by a process of its own: a thread would hold up the event loop for as long as it takes.

The process lives while there is work, and for a while after. Function, arguments and result go through its pipes, as
pickles; nothing else of ours does: neither sockets nor the environment, in which keys may be. Whatever is wrong with
it, the work is done here instead, so that only the time it takes is another.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from subprocess import Popen

SMALL = 16_000  # letters; what is shorter takes a thread a few milliseconds
LARGE = 200_000  # letters; what is longer is worth waiting for the process to start
QUIET = 30.0  # seconds without work after which the process ends, and a burst of work is over
BURST = 3  # texts one after the other that start it, where they are neither short nor long
PATIENCE = 20.0  # seconds that a piece of work may take
MOST_FAILURES = 3  # one after the other, after which the process is not tried again
NICE = 2  # how far requests come first, where the cores are few

_HEAD = 8  # bytes that tell how long a message is
_MOST = 1 << 28  # bytes of a message
_INHERITED = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
_START = "from routerd.workshop import work; work()"

Result = TypeVar("Result")
Warn = Callable[..., None]


class Do(Protocol):
    """Has a pure function of a module done with a text, somewhere. Blocks; raises what the function raises."""

    def __call__(self, function: Callable[..., Result], text: str, *more: Any) -> Result: ...


def here(function: Callable[..., Result], text: str, *more: Any) -> Result:
    """Done at once, by the thread that asks."""
    return function(text, *more)


class _Failed(Exception):
    """The process is of no use. The message holds nothing of the work."""


def _build() -> tuple[str, int]:
    """Which routerd this is: another one may have been installed over it while it runs."""
    return __file__, os.stat(__file__).st_mtime_ns


_OURS = _build()


class Workshop:
    """For any thread but the event loop's. `warn` is told once why there is no process, or no more."""

    def __init__(self, warn: Warn, *, quiet: float = QUIET, patience: float = PATIENCE) -> None:
        self._warn = warn
        self._quiet = quiet
        self.patience = patience  # seconds
        self._lock = threading.Lock()  # held while there is work
        self._process: Popen[bytes] | None = None
        self._ending: threading.Timer | None = None
        self._last = (0, float("-inf"))  # hash of the last text that would have been worth it, and monotonic seconds
        self._burst = 0  # how many there were one after the other
        self._failures = 0
        self._is_warm = False  # the process has done something already
        self._is_closed = False

    def do(self, function: Callable[..., Result], text: str, *more: Any) -> Result:
        """What the function makes of the text, by the process if that is worth it."""
        task = (function, (text, *more))
        if self._is_worth(text, task):
            is_done, result = self._tried(task)
            if is_done:
                return result  # type: ignore[no-any-return]
        return here(function, text, *more)  # what was raised there is raised here, with everything that belongs to it

    def close(self) -> None:
        """End the process, whatever it does."""
        self._is_closed = True
        self._kill()

    @property
    def pid(self) -> int | None:
        """The process that there is."""
        return self._process.pid if self._process is not None else None

    def _is_worth(self, text: str, task: Any) -> bool:
        """Whether it is for the process. A burst of texts of middle size starts it for those that follow."""
        if len(text) < SMALL or self._is_closed or self._failures >= MOST_FAILURES or not sys.executable:
            return False
        (before, at), self._last = self._last, (hash(text), time.monotonic())
        self._burst = 1 if self._last[1] - at > self._quiet else self._burst + (self._last[0] != before)
        if len(text) >= LARGE or self._is_warm:
            return True
        if self._burst >= BURST and not self._lock.locked():
            # does the same, for practice: most of its first time goes into imports
            threading.Thread(target=self._tried, args=(task,), name="workshop", daemon=True).start()
        return False

    def _tried(self, task: Any) -> tuple[bool, Any]:
        with self._lock:
            try:
                return self._done(task)
            except _Failed as failed:
                self._fail(failed)
                return False, None

    def _done(self, task: Any) -> tuple[bool, Any]:
        process = self._started()
        try:
            with self._watched(process):
                _send(process.stdin, task)
                is_done, result = _receive(process.stdout)
        except Exception as error:  # whatever comes out of it
            raise _Failed(f"it gave no answer: {type(error).__name__}") from None
        finally:
            self._rest()
        self._failures, self._is_warm = 0, True
        return is_done, result

    def _started(self) -> Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()  # what is left of one that has gone
        self._process = process = self._spawned()
        try:
            with self._watched(process):
                build = _receive(process.stdout)
        except Exception:  # as above
            raise _Failed("it does not start") from None
        if build != _OURS or self._is_closed:
            raise _Failed("another routerd has been installed meanwhile")
        return process

    def _spawned(self) -> Popen[bytes]:
        from subprocess import DEVNULL, PIPE, Popen

        environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
        # -P: no module is taken from the folder that we are in
        command = [sys.executable, "-P", "-c", _START]
        try:
            return Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ, close_fds=True)
        except OSError as error:
            raise _Failed(f"it can't be started: {error.strerror}") from None

    @contextlib.contextmanager
    def _watched(self, process: Popen[bytes]) -> Iterator[None]:
        """End it when it takes too long: whoever reads from it then reads the end."""
        watch = threading.Timer(self.patience, process.kill)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _rest(self) -> None:
        """End the process after a while, unless there is work again."""
        if self._ending is not None:
            self._ending.cancel()
        self._ending = threading.Timer(self._quiet, self._end)
        self._ending.daemon = True
        self._ending.start()

    def _end(self) -> None:
        if self._lock.acquire(blocking=False):  # else there is work
            try:
                self._kill()
            finally:
                self._lock.release()

    def _fail(self, failed: _Failed) -> None:
        self._kill()
        self._failures += 1
        if self._failures == 1 and not self._is_closed:
            self._warn("workshop_failed", reason=str(failed))

    def _kill(self) -> None:
        process, self._process, self._is_warm = self._process, None, False
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()


def work() -> None:
    """In the process: do what comes, until nothing comes any more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started us
    if hasattr(os, "nice"):
        os.nice(NICE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as badness:
        badness.write("1000")  # where memory is short, we go first
    commands, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody prints between our answers
    _send(answers, _build())
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = _receive(commands)
            if hasattr(signal, "alarm"):
                signal.alarm(int(PATIENCE) + 1)  # nobody is left to end us, perhaps
            _write(answers, _outcome(function, arguments))
            del function, arguments
            if hasattr(signal, "alarm"):
                signal.alarm(0)


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    try:
        return _pickled((True, function(*arguments)))
    except Exception:
        return _pickled((False, None))


def _pickled(message: Any) -> bytes:
    import pickle  # here: most never have a text so large

    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def _send(pipe: IO[bytes] | None, message: Any) -> None:
    assert pipe is not None
    _write(pipe, _pickled(message))


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(len(data).to_bytes(_HEAD, "big") + data)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    """Raises EOFError, and whatever a pickle that is none raises."""
    import pickle

    assert pipe is not None
    size = int.from_bytes(_exactly(pipe, _HEAD), "big")
    if size > _MOST:
        raise EOFError
    return pickle.loads(_exactly(pipe, size))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data
