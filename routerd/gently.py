"""Work in a thread that the event loop should hardly feel."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SHORT = 0.0001  # seconds after which whoever waits for the interpreter gets it; 50 times sooner than usual

_lock = threading.Lock()
_under_way = 0
_usual = (sys.getswitchinterval(), True)


@contextmanager
def gently() -> Iterator[None]:
    """While something large is parsed or imported in a thread, the event loop gets the interpreter back sooner.

    Nor is the garbage collected: of a megabyte of YAML come 200,000 objects, and to look through them all holds up
    everybody for a quarter of a second. What is left of them in the end lives long, and is not looked at again; none
    of it is in a cycle, so it goes when nobody refers to it.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _under_way, _usual  # noqa: PLW0603 - the interpreter has one of each, too
    with _lock:
        if _under_way == 0:
            _usual = (sys.getswitchinterval(), gc.isenabled())
            sys.setswitchinterval(_SHORT)
            gc.disable()
        _under_way += 1


def _leave() -> None:
    global _under_way  # noqa: PLW0603
    with _lock:
        _under_way -= 1
        if _under_way == 0:
            interval, is_collected = _usual
            sys.setswitchinterval(interval)
            gc.freeze()
            if is_collected:
                gc.enable()
