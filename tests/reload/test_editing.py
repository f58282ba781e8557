"""Edits by programs: the file is another afterwards, one generation more serves, and no key shows anywhere."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from routerd import editing
from routerd.config.entries import create, drop, patch
from routerd.config.file import ConfigFileError, digest
from routerd.config.splice import Change, Drop, Put, Rename
from routerd.editing import Asked, Edited, Refused
from routerd.sealing import Sources, find, make_identity, seal
from tests.reload.saves import rename_over
from tests.reload.watched import Watched, text
from tests.support.gate import eventually

KEY = "sk-canary-7f3a-0123456789abcdef"
ME = Asked("me", "api")
DRY = Asked("me", "api", dry_run=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "router.yaml"
    path.write_text(text("first"))
    return path


def of(seen: str) -> Callable[[str], bool]:
    return lambda now: now == digest(seen.encode())


def refused(watched: Watched, wanted: str, asked: Asked = ME) -> Refused:
    before = watched.path.read_bytes()
    with pytest.raises(Refused) as told:
        watched.call(watched.editor.replace(wanted, asked))
    assert watched.path.read_bytes() == before
    return told.value


def test_an_edit_is_one_generation(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        for number in range(2, 6):
            edited = watched.call(watched.editor.replace(text(f"edit-{number}"), ME))
            assert edited.generation == number
            assert edited.digest == digest(path.read_bytes())
        rename_over(path, text("last"))  # the watcher has come this far: it had nothing to say of the edits
        watched.wait_for("last")
        assert watched.numbers == [1, 2, 3, 4, 5, 6]
        history = watched.call(watched.generations.history(9))
        assert [(record.source, record.actor) for record in history] == [
            ("file", None), *[("api", "me")] * 4, ("file", None),
        ]  # fmt: skip


def test_an_edit_right_after_the_start_loses_no_text(path: Path, tmp_path: Path) -> None:
    """What the start served is kept before the first edit, whether or not the watch has come to it."""
    watched = Watched(path, tmp_path / "data")
    watched.adopted.append(watched.reloader.first("refuse", watched.data))
    asyncio.run(watched.editor.replace(text("second"), ME))
    watched.database.close()
    watched.log.close()
    assert watched.generations.text(digest(text("first").encode())) == text("first")


def test_entries(path: Path, tmp_path: Path) -> None:
    changes: list[Change] = [
        Put(("routes", "second"), ["demo/echo"]),
        Rename(("routes", "first"), "other"),
        Put(("providers", "demo", "models"), ["echo", "more"]),
    ]
    with Watched(path, tmp_path / "data") as watched:
        tried = watched.call(watched.editor.edit(changes, "me", "api", dry_run=True))
        assert path.read_text() == text("first")
        edited = watched.call(watched.editor.edit(changes, "me", "api"))
        assert (tried.diff, tried.changes) == (edited.diff, edited.changes)
        assert watched.serving == ["other", "second"]
        watched.call(watched.editor.edit([Drop(("routes", "second"))], "me", "api"))
        assert watched.serving == ["other"]
        with pytest.raises(Refused) as told:
            watched.call(watched.editor.edit([Drop(("routes", "second"))], "me", "api"))
        assert told.value.kind == "not_found"
        with pytest.raises(Refused) as told:
            watched.call(watched.editor.edit([Put(("routes", "x"), ["nobody/m"])], "me", "api"))
        assert (told.value.kind, len(told.value.problems)) == ("config_invalid", 1)
    assert path.read_text().startswith("# first\n")


def test_edits_at_the_same_time_are_all_made(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:

        async def together() -> Sequence[Edited]:
            edits = [
                watched.editor.edit([Put(("routes", f"r{number}"), ["demo/echo"])], "me", "api") for number in range(8)
            ]
            return await asyncio.gather(*edits)

        made = watched.call(together())
        assert sorted(edited.generation for edited in made) == list(range(2, 10))
        assert set(watched.serving) == {"first", *(f"r{number}" for number in range(8))}


def test_whoever_saved_first(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        stale = Asked("me", "api", of("something else"))
        assert refused(watched, text("mine"), stale).kind == "stale"
        edited = watched.call(watched.editor.replace(text("mine"), Asked("me", "api", of(text("first")))))
        assert edited.generation == 2


def test_a_caller_who_goes_does_not_leave_half_an_edit(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:

        async def given_up() -> None:
            edit = asyncio.ensure_future(watched.editor.replace(text("second"), ME))
            await asyncio.sleep(0)
            edit.cancel()

        watched.call(given_up())
        watched.wait_for("second")
        assert path.read_text() == text("second")


def test_nothing_to_do(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        edited = watched.call(watched.editor.replace(text("first"), ME))
        assert (edited.generation, edited.diff, edited.changes) == (1, "", ())


def test_a_broken_text(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        told = refused(watched, text("first", "wrong: 1\n"))
        assert told.kind == "config_invalid"
        assert [problem.path for problem in told.problems] == ["wrong"]


def test_a_missing_file(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        watched.call(watched.editor.replace(text("second"), ME))
        path.unlink()
        with pytest.raises(Refused) as told:
            watched.call(watched.editor.edit([Drop(("routes", "second"))], "me", "api"))
        assert told.value.kind == "config_missing"
        watched.call(watched.editor.rollback(1, ME))
        assert path.read_text() == text("first")


def test_rollback(path: Path, tmp_path: Path) -> None:
    with Watched(path, tmp_path / "data") as watched:
        watched.call(watched.editor.replace(text("second"), ME))
        tried = watched.call(watched.editor.rollback(1, Asked("me", "rollback", dry_run=True)))
        assert [str(change) for change in tried.changes] == ["route first: added: demo/echo", "route second: removed"]
        back = watched.call(watched.editor.rollback(1, Asked("me", "rollback")))
        assert (back.generation, watched.serving) == (3, ["first"])
        with pytest.raises(Refused) as told:
            watched.call(watched.editor.rollback(9, ME))
        assert told.value.kind == "not_found"
        (tmp_path / "data" / "generations" / f"{tried.digest}.yaml").unlink()
        with pytest.raises(Refused) as told:
            watched.call(watched.editor.rollback(1, ME))
        assert told.value.kind == "text_not_kept"


def with_key(key: str, base_url: str = "https://api.openai.com/v1") -> str:
    provider = f"  openai: {{base_url: '{base_url}', api_key: '{key}', models: [m]}}\n"
    return text("first").replace("routes:", f"{provider}routes:")


@pytest.mark.parametrize("has_identity", [False, True])
def test_a_posted_key_is_nowhere(path: Path, tmp_path: Path, has_identity: bool) -> None:
    data = tmp_path / "data"
    if has_identity:
        make_identity(data / "identity.txt")
    with Watched(path, data) as watched:
        seen = [watched.call(watched.editor.replace(with_key(KEY), DRY))]
        assert has_identity == (data / "identity.txt").exists(), "a trial makes no identity"
        seen.append(watched.call(watched.editor.replace(with_key(KEY), ME)))
        answers = [repr(refused(watched, with_key(f"{KEY}x", "https://evil.example.org") + f"{KEY}: 1\n").problems)]
        answers += [repr(edited) for edited in seen] + [watched.call(watched.editor.shown())[0]]
        provider = watched.adopted[-1].providers["openai"]
        assert f"Bearer {KEY}".encode() in provider.head
        assert "openai" in watched.reloader.loaded.config.providers  # type: ignore[union-attr]
        history = watched.call(watched.generations.history(9))
        assert KEY not in repr(history)
    assert KEY not in "".join(answers)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"state.db", "newest", "router.yaml"} <= {file.name for file in files}
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    assert KEY.encode() not in watched.stream.getvalue()


def test_a_key_that_somebody_saved_in_plain_text(path: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Watched(path, data) as watched:
        rename_over(path, with_key(KEY))
        eventually_openai(watched)
        assert not kept(watched)
        assert KEY not in watched.call(watched.editor.shown())[0]
        assert "[redacted]" in watched.call(watched.editor.shown())[0]
        assert refused(watched, watched.call(watched.editor.shown())[0]).kind in {"config_invalid", "key_redacted"}
        edited = watched.call(watched.editor.edit([Put(("routes", "more"), ["demo/echo"])], "me", "api"))
        assert KEY not in repr(edited)
        assert KEY not in path.read_text()
        assert kept(watched)
        rename_over(path, with_key(KEY) + "wrong: 1\n")
        watched.wait_state("broken")
        assert KEY not in watched.call(watched.editor.shown())[0]
    assert [file for file in data.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()] == []


@pytest.mark.parametrize("style", ["|-\n      {}", ">-\n      {}\n", '"{}"', "\n      {}"])
def test_a_key_is_in_no_diff_however_it_is_written(path: Path, tmp_path: Path, style: str) -> None:
    """Its letters may be written in any way that YAML has: it is known by where it stands."""
    odd = style.format(KEY if style != '"{}"' else f"\\x73{KEY[1:]}")
    provider = f"  openai:\n    base_url: https://api.openai.com/v1\n    api_key: {odd}\n    models: [m]\n"
    path.write_text(text("first").replace("routes:", f"{provider}routes:"))
    with Watched(path, tmp_path / "data") as watched:
        seen = [watched.call(watched.editor.replace(text("second"), DRY)), watched.call(watched.editor.shown())]
        path.write_text(path.read_text() + "oops: 1\n")
        watched.wait_state("broken")
        seen.append(watched.call(watched.editor.shown()))
        seen.append(watched.call(watched.editor.replace(text("second"), ME)))
    assert KEY[1:] not in repr(seen)
    assert "[redacted]" in repr(seen[0])


def kept(watched: Watched) -> bool:
    return watched.reloader.copy.is_kept


def eventually_openai(watched: Watched) -> None:
    eventually(lambda: "openai" in watched.adopted[-1].providers, "the provider serves")
    eventually(lambda: not watched.reloader.alone.locked(), "all is said")


@pytest.mark.parametrize(
    ("base_url", "key", "kind"),
    [
        ("https://api.openai.com/v1", "env:OPENAI_API_KEY", None),
        ("https://api.openai.com/v1", "env:OTHER", "reference_by_hand"),
        ("https://evil.example.org/v1", "env:OPENAI_API_KEY", "reference_by_hand"),
        ("https://evil.example.org/v1", "env:HOME", "reference_by_hand"),
        ("https://evil.example.org/v1", "file:/run/secrets/x", "reference_by_hand"),
        ("https://evil.example.org/v1", KEY, None),
    ],
)
def test_references_come_in_by_hand(path: Path, tmp_path: Path, base_url: str, key: str, kind: str | None) -> None:
    with Watched(path, tmp_path / "data") as watched:
        if kind is not None:
            assert refused(watched, with_key(key, base_url)).kind == kind
        else:
            watched.call(watched.editor.replace(with_key(key, base_url), ME))


@pytest.mark.parametrize("key", [KEY, "env:MINE", "sealed"])
def test_a_key_stays_at_its_address(path: Path, tmp_path: Path, key: str) -> None:
    data = tmp_path / "data"
    if key == "sealed":
        recipient = make_identity(data / "identity.txt").recipient
        key = seal(KEY, "https://api.openai.com", [recipient])
    path.write_text(with_key(key))
    move = [Put(("providers", "openai", "base_url"), "https://evil.example.org/v1")]
    with Watched(path, data) as watched:
        for dry_run in (True, False):
            with pytest.raises(Refused) as told:
                watched.call(watched.editor.edit(move, "me", "api", dry_run=dry_run))
            assert told.value.kind == ("reference_by_hand" if key.startswith("env:") else "key_moved")
        again = [*move, Put(("providers", "openai", "api_key"), f"{KEY}-another")]
        watched.call(watched.editor.edit(again, "me", "api"))
        assert find(Sources({}, data)).found


def test_a_read_only_file(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ConfigFileError("read_only", "it is read-only here")

    with Watched(path, tmp_path / "data") as watched:
        monkeypatch.setattr(editing, "write_if", refuse)
        told = refused(watched, text("second"))
        assert told.kind == "config_read_only"
        assert told.diff is not None
        assert "+  second: [demo/echo]" in told.diff
        assert watched.numbers == [1]


IDENTITY = re.compile(r"age1[0-9a-z]{58}")
AGE = re.compile(r"age:[A-Za-z0-9+/=]+")


@pytest.mark.parametrize(
    ("provider", "line"),
    [
        (f"api_key: '{KEY}'", "api_key: 'age:… (sealed when it is saved)'"),
        (f"headers: {{x-token: {KEY}}}", "x-token: age:… (sealed when it is saved)"),
        (f"proxy: 'http://me:{KEY}@proxy.example.org:3128'", "proxy: [redacted]"),
    ],
)
def test_a_trial_tells_of_every_key_that_comes_to_be_sealed(
    path: Path, tmp_path: Path, provider: str, line: str
) -> None:
    """Whatever an edit is about, it seals what stands in plain text; and the first sealed key makes an identity."""
    old = with_key("env:KEY").replace("api_key: 'env:KEY'", provider)
    path.write_text(old)
    identity = tmp_path / "data" / "identity.txt"
    edit: list[Change] = [Put(("routes", "more"), ["demo/echo"])]
    with Watched(path, tmp_path / "data") as watched:
        tried = watched.call(watched.editor.edit(edit, "me", "api", dry_run=True))
        assert (path.read_text(), identity.exists()) == (old, False)
        made = watched.call(watched.editor.edit(edit, "me", "api"))
        serves = watched.adopted[-1].providers["openai"]
    assert (tried.problems, serves.trouble) == (made.problems, None)
    assert "plain text" not in repr(tried.problems)
    assert line in tried.diff
    assert "age1… (made when it is saved)" in tried.diff
    assert [each.path for each in tried.changes] == [each.path for each in made.changes]
    assert [str(each) for each in tried.changes[1:]] == [str(each) for each in made.changes[1:]]
    words = [each.words for each in tried.changes]
    assert words[0].startswith(f"+ the public key of an identity that is then made in {identity}")
    assert words[1].endswith("was in plain text, and is sealed now")
    written = IDENTITY.sub("age1… (made when it is saved)", unquote(made.diff))
    assert unquote(tried.diff) == AGE.sub("age:… (sealed when it is saved)", written)
    assert IDENTITY.findall(identity.read_text()) == IDENTITY.findall(path.read_text())
    for told in (repr(tried), repr(made)):
        assert KEY not in told


def test_a_refused_edit_makes_no_identity(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = tmp_path / "data" / "identity.txt"
    with Watched(path, tmp_path / "data") as watched:
        stale = Asked("me", "api", of("something else"))
        assert refused(watched, with_key(KEY), stale).kind == "stale"
        assert refused(watched, with_key(KEY) + "wrong: 1\n").kind == "config_invalid"
        monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may write where others may not
        told = refused(watched, with_key(KEY))
        assert (told.kind, identity.exists()) == ("config_read_only", False)
        assert "age1… (made when it is saved)" in f"{told.diff}"
        assert "age:… (sealed when it is saved)" in f"{told.diff}"
        assert KEY not in f"{told.diff}"
        monkeypatch.undo()
        watched.call(watched.editor.replace(with_key(KEY), ME))
        assert identity.exists()


def test_an_identity_that_cannot_be_kept(path: Path, tmp_path: Path) -> None:
    nowhere = Sources({"HOME": str(path)}, tmp_path / "none", mounted=tmp_path / "none")  # below a file
    with Watched(path, tmp_path / "data") as watched:
        adopt, generations = watched.adopted.append, watched.generations
        editor = editing.Editor(watched.reloader, adopt, nowhere, tmp_path / "data", generations)
        with pytest.raises(Refused) as told:
            watched.call(editor.replace(with_key(KEY), ME))
        assert (told.value.kind, path.read_text()) == ("not_sealed", text("first"))
        assert KEY not in f"{told.value}"


BROKEN = [
    ("routes:", "  bogus: [\nroutes:", "edit_by_hand"),
    ("routes:", "routes:\nroutes:", "edit_by_hand"),
    ("  first: [demo/echo]", "  first: {nodes: 5}", "config_invalid"),
    ("  demo: {adapter: echo, models: [echo]}", "  demi: {adapter: echo}", "config_invalid"),
    ("routes:\n  first: [demo/echo]", "routes: 5", "config_invalid"),
]


@pytest.mark.parametrize(("line", "wrong", "kind"), BROKEN)
@pytest.mark.parametrize("what", ["create", "patch", "drop"])
def test_a_broken_file_is_not_said_to_lack_its_entries(
    path: Path, tmp_path: Path, line: str, wrong: str, kind: str, what: str
) -> None:
    plans: dict[str, Callable[[Any], Sequence[Change]]] = {
        "create": lambda data: create(data, "routes", "second", ["demo/echo"]),
        "patch": lambda data: patch(data, "providers", "demo", {"name": "other"}),
        "drop": lambda data: drop(data, "providers", "demo", force=True),
    }
    with Watched(path, tmp_path / "data") as watched:
        path.write_text(broken := path.read_text().replace(line, wrong))
        for dry_run in (True, False):
            with pytest.raises(Refused) as told:
                watched.call(watched.editor.edit_by(plans[what], replace(ME, dry_run=dry_run)))
            assert (told.value.kind, path.read_text()) == (kind, broken)
            assert [problem.line for problem in told.value.problems if problem.severity == "error"]
