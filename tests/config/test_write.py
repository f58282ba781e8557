"""Writing the file: all or nothing, over nobody's work, and with everything about the file as it was."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from routerd.config import write
from routerd.config.file import MOST_BYTES, ConfigFileError, read
from routerd.config.write import make_private_folder, recover, write_if

ROOT = Path(__file__).parents[2]
OLD, NEW = "a: old ü\r\n", "\ufeffa: new\n" * 300


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "router.yaml").write_bytes(OLD.encode())
    return folder / "router.yaml"


def nothing_else(path: Path) -> bool:
    """Whether there is no draft left beside the file."""
    return [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_text_is_written(path: Path, data: Path) -> None:
    path.chmod(0o640)
    assert write_if(path, sha(OLD), NEW, data) == sha(NEW)
    assert path.read_bytes() == NEW.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert nothing_else(path) and not data.exists()


def test_the_same_text_is_not_written(path: Path, data: Path) -> None:
    before = path.stat()
    assert write_if(path, sha(OLD), OLD, data) == sha(OLD)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_text_than_expected_stays(path: Path, data: Path) -> None:
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, sha("else"), NEW, data)
    assert caught.value.trouble == "changed"
    assert path.read_bytes() == OLD.encode() and nothing_else(path)


def test_what_must_be_there_first(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes before the text, and only where nothing stands in the text's way."""
    seen: list[str] = []
    before = read(path).digest

    def first() -> None:
        seen.append(read(path).digest)

    with pytest.raises(ConfigFileError):
        write_if(path, sha("another"), "b: 2\n", data, first)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(ConfigFileError):
        write_if(path, before, "b: 2\n", data, first)
    monkeypatch.undo()
    assert seen == []
    write_if(path, before, "b: 2\n", data, first)
    assert seen == [before]


def test_a_missing_file_stays_missing(path: Path, data: Path) -> None:
    path.unlink()
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, sha(OLD), NEW, data)
    assert caught.value.trouble == "missing"
    assert not path.exists()


def test_a_first_file_is_made_but_never_over_another(path: Path, data: Path) -> None:
    other = path.with_name("other.yaml")
    assert write_if(other, None, NEW, data) == sha(NEW)
    assert other.read_bytes() == NEW.encode()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(other.stat().st_mode) == 0o666 & ~mask
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, None, NEW, data)
    assert caught.value.trouble == "changed"
    assert path.read_bytes() == OLD.encode()
    assert sorted(one.name for one in path.parent.iterdir()) == ["other.yaml", "router.yaml"]


def test_a_text_that_could_not_be_read_back_is_refused(path: Path, data: Path) -> None:
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, sha(OLD), "#" * (MOST_BYTES + 1), data)
    assert caught.value.trouble == "too_large"


def test_links_are_followed(path: Path, data: Path, tmp_path: Path) -> None:
    """A link to the file, and a link to its folder, as ConfigMaps and dotfiles have them."""
    (tmp_path / "link.yaml").symlink_to("folder/router.yaml")
    (tmp_path / "folder").symlink_to("config")
    write_if(tmp_path / "link.yaml", sha(OLD), NEW, data)
    assert (tmp_path / "link.yaml").is_symlink() and (tmp_path / "folder").is_symlink()
    assert path.read_bytes() == NEW.encode() and not path.is_symlink()


def test_a_link_in_a_circle_leads_nowhere(path: Path, data: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, sha(OLD), NEW, data)
    assert caught.value.trouble == "unreadable"


def test_a_second_name_of_the_file_goes_on_meaning_the_same(path: Path, data: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "second")
    write_if(path, sha(OLD), NEW, data)
    assert (tmp_path / "second").read_bytes() == NEW.encode()
    assert nothing_else(path) and not list((data / "journal").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(path: Path, data: Path) -> None:
    os.chown(path, 12345, 54321)
    path.chmod(0o604)
    write_if(path, sha(OLD), NEW, data)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 54321, 0o604)


def test_extended_attributes_stay(path: Path, data: Path) -> None:
    try:
        os.setxattr(path, "user.routerd", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    write_if(path, sha(OLD), NEW, data)
    assert os.getxattr(path, "user.routerd") == b"kept"


Editor = Callable[[Path, str], None]


def renames(path: Path, text: str) -> None:
    draft = path.with_name("editor")
    draft.write_text(text)
    draft.replace(path)


def overwrites(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.parametrize("edit", [renames, overwrites])
@pytest.mark.parametrize("has_exchange", [True, False], ids=["exchange", "no-exchange"])
def test_an_editor_that_saves_in_the_very_last_moment_wins(
    path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, edit: Editor, has_exchange: bool
) -> None:
    """The moment is the one after every look at the file, just before the names change places."""
    exchange = write._swap()
    texts = ["first"]

    def swap(one: Path, other: Path) -> None:
        if texts:
            edit(other, texts.pop())
        if not has_exchange:
            raise OSError(errno.EINVAL, "no such exchange here")
        exchange(one, other)

    monkeypatch.setattr(write, "_swap", lambda: swap)
    with pytest.raises(ConfigFileError) as caught:
        write_if(path, sha(OLD), NEW, data)
    assert caught.value.trouble == "changed"
    assert path.read_text() == "first" and nothing_else(path)


@pytest.mark.parametrize("edit", [renames, overwrites])
def test_an_editor_that_saves_again_while_its_text_is_put_back_wins_too(
    path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, edit: Editor
) -> None:
    exchange = write._swap()
    texts = ["first", "second", "third"]

    def swap(one: Path, other: Path) -> None:
        if texts:
            edit(other, texts.pop(0))
        exchange(one, other)

    monkeypatch.setattr(write, "_swap", lambda: swap)
    with pytest.raises(ConfigFileError):
        write_if(path, sha(OLD), NEW, data)
    assert path.read_text() == "third" and nothing_else(path)


def test_writers_at_the_same_time_lose_nothing(path: Path, data: Path) -> None:
    """Each adds a line to what it read, again and again: every line that was taken is there at the end."""
    taken: list[str] = []

    def work(name: str) -> None:
        for turn in range(20):
            line = f"# {name} {turn}\n"
            while True:
                found = read(path)
                try:
                    write_if(path, found.digest, found.text + line, data)
                    break
                except ConfigFileError as error:
                    assert error.trouble == "changed"
            taken.append(line)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines(keepends=True)[1:]) == sorted(taken)
    assert len(taken) == 60 and nothing_else(path)


def in_place(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on names can't change places, as over a file that is mounted by itself."""

    def swap(one: Path, other: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(write, "_swap", lambda: swap)


def test_in_place(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place(data, monkeypatch)
    inode = path.stat().st_ino
    write_if(path, sha(OLD), NEW, data)
    assert path.read_bytes() == NEW.encode() and path.stat().st_ino == inode
    assert nothing_else(path) and not list((data / "journal").iterdir())
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_in_place_over_a_disk_that_is_full(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place(data, monkeypatch)
    pwrite = os.pwrite

    def full(descriptor: int, text: bytes, at: int) -> int:
        if b"new" in text:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(descriptor, text, at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ConfigFileError, match="No space left") as caught:
        write_if(path, sha(OLD), NEW, data)
    assert caught.value.trouble == "unwritable"
    assert path.read_bytes() == OLD.encode() and not list((data / "journal").iterdir())


def test_in_place_needs_a_data_folder(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place(data, monkeypatch)
    data.write_text("in the way")
    with pytest.raises(ConfigFileError, match="the data folder") as caught:
        write_if(path, sha(OLD), NEW, data)
    assert caught.value.trouble == "unwritable"
    assert path.read_bytes() == OLD.encode()


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (b"", NEW.encode()),
        (NEW.encode()[:100], NEW.encode()),
        (NEW.encode()[:100] + b"\0" * 50, NEW.encode()),
        (OLD.encode(), OLD.encode()),
        (NEW.encode(), NEW.encode()),
        (b"an editor's text", b"an editor's text"),
        (None, None),
    ],
)
def test_what_a_crash_left_is_finished_or_left_alone(
    path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, left: bytes | None, expected: bytes | None
) -> None:
    in_place(data, monkeypatch)
    unlink = Path.unlink

    def crash(one: Path, missing_ok: bool = False) -> None:
        if one.suffix == ".json":
            raise KeyboardInterrupt
        unlink(one, missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", crash)
        write_if(path, sha(OLD), NEW, data)
    path.unlink() if left is None else path.write_bytes(left)
    recover(path, data)
    assert (path.read_bytes() if path.exists() else None) == expected
    assert not list((data / "journal").iterdir())


def test_drafts_that_a_crash_left_are_swept_and_nobody_elses_files(path: Path, data: Path) -> None:
    names = [
        ".router.yaml.0123456789abcdef.routerd-draft",
        f".router.yaml.{sha(OLD)[:16]}-{sha(NEW)[:16]}-01234567.routerd-ready",
    ]
    for name in names:
        path.with_name(name).write_bytes(OLD.encode())
    kept = [".router.yaml.swp", f".router.yaml.{sha(OLD)[:16]}-{sha(NEW)[:16]}-aaaaaaaa.routerd-ready"]
    for name in kept:
        path.with_name(name).write_text("an editor's")
    recover(path, data)
    assert sorted(one.name for one in path.parent.iterdir()) == sorted([path.name, *kept])


def test_a_folder_of_ours_is_private_and_not_for_git(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    make_private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert (tmp_path / "a" / "b" / ".gitignore").read_text() == "*\n"


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from routerd.config import write
from routerd.config.file import read
from routerd.config.write import recover, write_if

path, data, way = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
texts = ["a: " + "old " * 5000 + "\\n", "a: " + "new " * 9000 + "\\n"]
path.write_text(texts[0])
if way == "in-place":
    os.link(path, path.with_name("second"))
dice = random.Random(4)
torn = 0
for turn in range(200):
    child = os.fork()
    if child == 0:
        while True:
            found = read(path)
            write_if(path, found.digest, texts[found.text == texts[0]], data)
    time.sleep(dice.uniform(0.0, 0.012))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    torn += path.read_text() not in texts
    recover(path, data)
    assert path.read_text() in texts, turn
print(torn, sorted(one.name for one in path.parent.iterdir()))
"""


@pytest.mark.parametrize("way", ["exchange", "in-place"])
def test_two_hundred_writers_are_killed_and_the_file_is_one_of_the_two_texts(path: Path, data: Path, way: str) -> None:
    command = [sys.executable, "-c", KILLED, str(path), str(data), way]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    torn, _, names = run.stdout.partition(" ")
    assert names.strip() == ("['router.yaml']" if way == "exchange" else "['router.yaml', 'second']")
    assert torn == "0" or way == "in-place"


NAMESPACE = """
set -eu
cd "$1"
mkdir inside
touch inside/router.yaml
mount --bind config/router.yaml inside/router.yaml
case "$2" in
    read-only) mount -o remount,bind,ro inside/router.yaml ;;
    deleted) cp config/router.yaml config/next; mv config/next config/router.yaml ;;
    read-only-folder) mount --bind config config; mount -o remount,bind,ro config ;;
esac
"$3" -c '
import sys
from pathlib import Path
from routerd.config.file import ConfigFileError, read
from routerd.config.write import write_if
path = Path("config/router.yaml" if sys.argv[1] == "read-only-folder" else "inside/router.yaml")
try:
    write_if(path, read(path).digest, "a: new\\n", Path("data"))
except ConfigFileError as error:
    print(error.trouble)
print(path.read_text(), end="")
' "$2"
"""


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("writable", "a: new\n"),
        ("read-only", "read_only\na: old\n"),
        ("read-only-folder", "read_only\na: old\n"),
        ("deleted", "deleted_inode\na: old\n"),
    ],
)
def test_a_file_that_is_mounted_by_itself(path: Path, tmp_path: Path, state: str, told: str) -> None:
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount namespace may be made here")
    path.write_text("a: old\n")
    command = [*unshare, "sh", "-c", NAMESPACE, "sh", str(tmp_path), state, sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (run.stdout, run.stderr) == (told, "")
    if state == "writable":
        assert path.read_text() == "a: new\n"
        assert not list((tmp_path / "data" / "journal").iterdir())


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from routerd.config.file import ConfigFileError, read
from routerd.config.write import write_if
os.setgroups([])
os.setgid(54321)
os.setuid(54321)
path = Path(sys.argv[1])
try:
    write_if(path, read(path).digest, "a: new\\n", Path(sys.argv[2]))
except ConfigFileError as error:
    print(error.trouble, end="")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "owner", "told"),
    [
        (0o755, 0o666, 0, ""),
        (0o777, 0o666, 0, ""),
        (0o755, 0o644, 0, "read_only"),
        (0o777, 0o644, 0, "read_only"),
        (0o777, 0o444, 54321, "read_only"),
        (0o755, 0o644, 54321, ""),
    ],
    ids=["folder-not-ours", "owner-not-ours", "nothing-ours", "file-not-ours", "ours-but-read-only", "file-ours"],
)
def test_modes_and_owners_are_respected_and_kept(
    path: Path, data: Path, tmp_path: Path, folder_mode: int, file_mode: int, owner: int, told: str
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    data.mkdir()
    os.chown(data, 54321, 54321)
    path.parent.chmod(folder_mode)
    path.chmod(file_mode)
    os.chown(path, owner, owner)
    command = [sys.executable, "-c", UNPRIVILEGED, str(path), str(data)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == (told, "")
    assert (path.read_text() == "a: new\n") is (told == "")
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (owner, file_mode)
    assert nothing_else(path)
