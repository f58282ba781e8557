"""An async iterator of "something moved". Owns watchfiles.

Hints only: whether the config has changed is for a digest to say. One thread hears the kernel's events and looks for
itself every two seconds, since network mounts send no events, and a watch can die.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.machinery
import importlib.util
import os
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

_DEBOUNCE = 200  # ms; an editor's save is several events
_STEP = 50  # ms between two looks at what the kernel has told; it is listened for a step without anything new
_LOOK = 2.0  # s between two looks at the file's status
_LOOKS_PER_HASH = 5  # a mount may keep time and size while the content changes
_MOST_LINKS = 40  # as the kernel's own limit

Status = tuple[int, ...] | None


async def changes(path: Path, stirring: Callable[[], None] = lambda: None) -> AsyncGenerator[None, None]:
    """Yield whenever the file at `path` may have changed, for the first time as soon as it is watched.

    `stirring` is called by a thread when the first event of a save has come, and the rest is waited for. Close it
    (`aclosing`) to stop watching.
    """
    loop = asyncio.get_running_loop()
    moved = asyncio.Event()

    def announce() -> None:
        try:
            loop.call_soon_threadsafe(moved.set)
        except RuntimeError:  # the loop has been closed
            watcher.stop()

    watcher = _Watcher(path, announce, stirring)
    watcher.start()
    try:
        while True:
            await moved.wait()
            moved.clear()
            yield
    finally:
        watcher.stop()


class _Watcher:
    """The thread: it watches folders, and looks at the file between events."""

    def __init__(self, path: Path, announce: Callable[[], None], stirring: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._announce = announce
        self._stirring = stirring
        self._stopping = threading.Event()
        self._looks = 0
        self._status: Status = None
        self._digest: bytes | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="routerd-watch", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end, within a fraction of a second."""
        self._stopping.set()

    def _run(self) -> None:
        is_first = True
        while not self._stopping.is_set():
            folders = watched_folders(self._path)
            identities = _identities(folders)  # before the watch begins: what is swapped meanwhile is found out
            with _notifier(folders) or nullcontext() as notifier:
                # What moved before the watch began was not heard.
                if self._look() or is_first:
                    self._announce()
                is_first = False
                self._listen(notifier, identities)

    def _listen(self, notifier: Any, watched: list[tuple[object, ...]]) -> None:
        """Announce what happens, until other folders are to be watched or the notifier fails."""
        if notifier is None:
            self._stopping.wait(_LOOK)
            return
        while not self._stopping.is_set() and _identities(watched_folders(self._path)) == watched:
            try:
                has_heard = self._hears(notifier)
            except (OSError, RuntimeError):
                self._stopping.wait(_LOOK)
                return
            has_changed = self._look()
            if has_changed or has_heard:
                self._announce()

    def _hears(self, notifier: Any) -> bool:
        """Whether the kernel tells of anything; if so, once no more has come for a moment."""
        if not isinstance(notifier.watch(_STEP, _STEP, int(_LOOK * 1000), self._stopping), set):
            return False
        if _status(self._path) != self._status:  # not only its neighbours
            self._stirring()
        notifier.watch(_DEBOUNCE - 2 * _STEP, _STEP, 1, self._stopping)
        return True

    def _look(self) -> bool:
        """Whether the file is another one than at the last look."""
        before = (self._status, self._digest)
        status = _status(self._path)
        self._looks += 1
        if status != self._status or self._looks % _LOOKS_PER_HASH == 0:
            self._digest = _digest(self._path)
        self._status = status
        return (self._status, self._digest) != before


def watched_folders(path: Path) -> list[str]:
    """The folders of the file and of every link on the way to it.

    Never the file itself: a watch on it dies with the first save by rename, and misses a ConfigMap's `..data` swap.
    """
    folders: list[str] = []
    step = Path(os.path.abspath(path))
    for _ in range(_MOST_LINKS):
        folders.extend(str(folder) for folder in _link_folders(step.parent))
        folders.append(str(step.parent))
        try:
            step = step.parent / os.readlink(step)
        except OSError:
            break
    return list(dict.fromkeys(folders))


def _identities(folders: list[str]) -> list[tuple[object, ...]]:
    """The folders that the names stand for now: a link may lead elsewhere later."""
    return [(folder, *(_status(Path(folder)) or ())[:2]) for folder in folders]


def _link_folders(folder: Path) -> list[Path]:
    """Where the links stand that are among the folders above: `..data` in `/config/..data/router.yaml`."""
    return [above.parent for above in (folder, *folder.parents) if above.is_symlink()]


def _status(path: Path) -> Status:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None


def _notifier(folders: list[str]) -> Any:
    """What hears the kernel's events in the folders that exist; None when it can't be had."""
    present = [folder for folder in folders if os.path.isdir(folder)]
    try:
        return _rust_notify()(present, False, False, 0, False, True) if present else None
    except (ImportError, OSError, RuntimeError):  # no watchfiles, a folder just gone, or no watches left
        return None


def _rust_notify() -> Callable[..., Any]:
    """watchfiles' compiled part alone: the package around it loads anyio, 2 MB that nothing here uses."""
    package = importlib.util.find_spec("watchfiles")
    folders = package.submodule_search_locations if package is not None else None
    found = importlib.machinery.PathFinder.find_spec("_rust_notify", folders)
    if found is None or found.loader is None:
        from watchfiles import _rust_notify as module
    else:
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    notify: Callable[..., Any] = module.RustNotify
    return notify
