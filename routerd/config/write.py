"""Writing router.yaml: all of the new text or all of the old, and nothing over what somebody else has written since.

The usual way is a draft beside the file that takes its place by exchanging the two names: what stood there is looked
at afterwards, and put back when it is not what was expected. Where a name can't be exchanged (a single file that is
mounted into a container, a folder that is not ours) the file itself is written, under a journal in the data folder. All
of it blocks: not for the event loop.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from routerd.config.file import MOST_BYTES, ConfigFileError, digest, read_bytes

DRAFT = ".routerd-draft"
_READY = ".routerd-ready"
_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
_NO_RENAME = frozenset({errno.EBUSY, errno.EXDEV})  # a file that is mounted by itself
_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE

_Swap = Callable[[Path, Path], None]


class _NotHere(Exception):
    """The file can't be replaced in its folder, so it has to be written in place."""


def write_if(path: Path, expected: str | None, text: str, data_dir: Path, first: Callable[[], object] = dict) -> str:
    """Give the file at `path` a new text if its digest is still `expected`; None: if it is not there. The new digest.

    Links are followed; mode, owner and extended attributes stay. Raises ConfigFileError, and then nothing has changed:
    `changed` when the file is another than expected, `read_only`, `deleted_inode`, `too_large`, `unwritable`.
    What must be on the disk before the text is, `first` puts there; it is called when the file can be written.
    """
    data = text.encode()
    if len(data) > MOST_BYTES:
        raise ConfigFileError("too_large", f"{path} would be larger than 1 MiB")
    target = _target(path)
    try:
        with alone_in(target.parent):
            _recover(target, data_dir)
            if expected is None:
                first()
                _create(target, data)
            else:
                _replace(target, expected, data, data_dir, first)
    except OSError as error:
        raise _refusal(target, error) from None
    return digest(data)


def recover(path: Path, data_dir: Path) -> None:
    """Finish or undo a write that was cut off, and sweep its drafts: at boot. Raises ConfigFileError."""
    target = _target(path)
    try:
        with alone_in(target.parent):
            _recover(target, data_dir)
    except OSError as error:
        raise _refusal(target, error) from None


def make_private_folder(folder: Path) -> None:
    """A folder of ours, which others can't look into and git does not see."""
    if not folder.is_dir():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        (folder / ".gitignore").write_text("*\n")


def _target(path: Path) -> Path:
    """The file itself, where `path` is a link to it."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        raise ConfigFileError("unreadable", f"{path} is a link that leads nowhere") from None


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """While no other routerd writes in `folder`. Where folders can't be locked, the comparing has to do."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _create(target: Path, data: bytes) -> None:
    try:
        make_file(target, data, 0o666)
    except FileExistsError:
        raise ConfigFileError("changed", f"{target} has been made meanwhile: look at it, and try again") from None


def make_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """A new file with all of the data, for good; whoever looks meanwhile sees none. Raises OSError, then there is none.

    FileExistsError: there is a file already, and it stays as it is.
    """
    draft = _draft(path, data, mode)
    try:
        _give_name(draft, path)
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def put_file(path: Path, data: bytes) -> None:
    """All of the data or nothing in the place of a file of ours, for its owner alone, and for good. Raises OSError."""
    draft = _draft(path, data)
    try:
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _give_name(draft: Path, target: Path) -> None:
    """As a rename, but never over a file that came in between. Raises FileExistsError."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        draft.replace(target)


def _replace(target: Path, expected: str, data: bytes, data_dir: Path, first: Callable[[], object]) -> None:
    if _digest_of(target) != expected:
        raise _changed(target)
    if digest(data) == expected:
        return
    status = target.stat()
    if status.st_nlink == 0:
        raise ConfigFileError(
            "deleted_inode", f"{target} has been replaced outside of this mount: mount its folder, not the file"
        )
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _refusal(target, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))  # also where a rename could
    first()
    try:
        _replace_by_name(target, status, expected, data)
    except _NotHere:
        _write_in_place(target, expected, data, data_dir)


def _replace_by_name(target: Path, status: os.stat_result, expected: str, data: bytes) -> None:
    if status.st_nlink > 1:
        raise _NotHere  # its other names would go on meaning the old text
    try:
        draft = _draft(target, data)
    except OSError as error:
        if error.errno in _READ_ONLY:
            raise _NotHere from None
        raise
    # Once the names change places, somebody else's text may be behind this one: it is deleted only if it is known.
    ready = target.with_name(f".{target.name}.{expected[:16]}-{digest(data)[:16]}-{secrets.token_hex(4)}{_READY}")
    try:
        _keep_attributes(target, status, draft)
        draft.rename(ready)
        _put_in_its_place(ready, target, expected)
    finally:
        draft.unlink(missing_ok=True)
        if _is_known(ready):
            ready.unlink()


def _draft(target: Path, data: bytes, mode: int = 0o600) -> Path:
    """A file beside the target that holds the data for good."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}{DRAFT}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        draft.unlink()
        raise
    return draft


def _keep_attributes(target: Path, status: os.stat_result, draft: Path) -> None:
    """Owner, mode, and extended attributes, such as access lists and labels. Raises _NotHere if the owner can't be."""
    made = draft.stat()
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(draft, status.st_uid, status.st_gid)
        except OSError:
            raise _NotHere from None
    os.chmod(draft, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(target) if hasattr(os, "listxattr") else ():
        with contextlib.suppress(OSError):
            os.setxattr(draft, name, os.getxattr(target, name))


def _put_in_its_place(ready: Path, target: Path, expected: str) -> None:
    """The names change places; changed back when what stood there was not what was expected."""
    ours = _mark(ready)
    try:
        _swap()(ready, target)
    except FileNotFoundError:
        raise _changed(target) from None
    except OSError as error:
        if error.errno in _NO_RENAME:
            raise _NotHere from None
        if error.errno not in _NO_EXCHANGE:
            raise
        _put_without_exchange(ready, target, expected)
        return
    _sync_folder(target.parent)  # takes long enough for an editor that was in the middle of writing to the old one
    if not _holds(ready, expected):
        _put_back(ready, target, ours)
        ready.unlink()
        raise _changed(target)


_Mark = tuple[int, str]


def _mark(path: Path) -> _Mark:
    """What tells whether a file is still the same, and nobody has written into it."""
    return path.stat().st_ino, digest(path.read_bytes())


def _put_back(taken: Path, target: Path, placed: _Mark) -> None:
    """Undo an exchange; and when somebody has written meanwhile again, that text is the one to stay."""
    while True:
        placing = _mark(taken)
        _swap()(taken, target)
        if _mark(taken) == placed:
            return
        placed = placing


def _put_without_exchange(ready: Path, target: Path, expected: str) -> None:
    """A file system that knows no exchange: compared as late as can be."""
    if not _holds(target, expected):
        raise _changed(target)
    try:
        ready.replace(target)
    except OSError as error:
        if error.errno in _NO_RENAME:
            raise _NotHere from None
        raise
    _sync_folder(target.parent)


@cache
def _swap() -> _Swap:
    """renameat2 of the C library, which Python does not offer."""
    import ctypes  # here: who only serves does without

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)

    def swap(one: Path, other: Path) -> None:
        if rename is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return swap


class _Journal(msgspec.Struct):
    """What is to be finished when a write in place is cut off."""

    path: str
    before: str
    after: str
    text: str


def _journal_path(target: Path, data_dir: Path) -> Path:
    return data_dir / "journal" / f"{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}.json"


def _write_in_place(target: Path, expected: str, data: bytes, data_dir: Path) -> None:
    journal = _journal_path(target, data_dir)
    with target.open("r+b", buffering=0) as file:
        before = file.read(MOST_BYTES + 1)
        if digest(before) != expected:
            raise _changed(target)
        _keep_journal(journal, _Journal(str(target), expected, digest(data), data.decode()))
        try:
            _overwrite(file.fileno(), data)
        except OSError:  # the disk is full, most likely; what stood there fits
            _overwrite(file.fileno(), before)
            journal.unlink()
            raise
    journal.unlink()


def _overwrite(descriptor: int, data: bytes) -> None:
    os.ftruncate(descriptor, 0)
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)
    os.fsync(descriptor)


def _keep_journal(path: Path, journal: _Journal) -> None:
    try:
        make_private_folder(path.parent.parent)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        put_file(path, msgspec.json.encode(journal))
    except OSError as error:
        message = f"the data folder {path.parent.parent} can't be written ({error.strerror}), and without it nothing is"
        raise ConfigFileError("unwritable", message) from None


def _recover(target: Path, data_dir: Path) -> None:
    path = _journal_path(target, data_dir)
    try:
        journal = msgspec.json.decode(path.read_bytes(), type=_Journal)
    except (OSError, msgspec.MsgspecError):
        journal = None
    if journal is not None:
        _finish(target, journal)
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        _sweep(target)


def _finish(target: Path, journal: _Journal) -> None:
    """A beginning of the new text becomes all of it. Anything else was not us: it stays."""
    data = journal.text.encode()
    try:
        with target.open("r+b", buffering=0) as file:
            current = file.read(MOST_BYTES + 1).rstrip(b"\0")  # a crash may leave a length without its content
            if len(current) < len(data) and data.startswith(current):
                _overwrite(file.fileno(), data)
    except FileNotFoundError:
        pass


def _sweep(target: Path) -> None:
    for path in target.parent.iterdir():
        if path.name.startswith(f".{target.name}.") and (path.name.endswith(DRAFT) or _is_known(path)):
            path.unlink(missing_ok=True)


def _is_known(path: Path) -> bool:
    """Whether a file that is ready holds one of the two texts that its name tells of."""
    if not path.name.endswith(_READY):
        return False
    digests = path.name.removesuffix(_READY).rpartition(".")[2].split("-")[:2]
    try:
        return digest(path.read_bytes())[:16] in digests
    except OSError:
        return False


def _holds(path: Path, expected: str) -> bool:
    with contextlib.suppress(ConfigFileError):
        return _digest_of(path) == expected
    return False


def _digest_of(path: Path) -> str:
    return digest(read_bytes(path))


def _changed(target: Path) -> ConfigFileError:
    return ConfigFileError("changed", f"{target} has changed meanwhile: look at it, and try again")


def _refusal(target: Path, error: OSError) -> ConfigFileError:
    if error.errno in _READ_ONLY:
        return ConfigFileError("read_only", f"{target} is read-only here: {error.strerror}")
    return ConfigFileError("unwritable", f"{target} can't be written: {error.strerror}")


def _sync_folder(folder: Path) -> None:
    """So that the new name is on the disk as well."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
