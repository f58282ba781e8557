"""Which lines a restore touches: only those of what is different."""

from __future__ import annotations

from typing import Any

import pytest

from routerd.config.check import check
from routerd.config.document import parse
from routerd.config.longhand import written_out
from routerd.config.restoring import Unfit, plan, wanted
from routerd.config.splice import splice
from tests.config.samples import TEXT


def backed_up(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    data = parse(text).data
    providers, routes = (
        [{"name": name, **entry} for name, entry in written_out(data, section)] for section in ("providers", "routes")
    )
    return providers, routes


def restored(before: str, after: str) -> str:
    """What becomes of a text when the backup of another is restored into it."""
    return splice(before, plan(parse(before).data, wanted(*backed_up(after))))


EDITS = [
    # what was changed since the backup: the text that was there, the one that stands there now
    ("", ""),
    ("[echo, more]", "[echo]"),
    ("team: blue, ", ""),
    ("team: blue", "team: red, floor: 2"),
    ("    metadata: {team: blue, place: here}\n", ""),
    ("    adapter: echo\n", "    adapter: echo\n    is_active: false\n"),
    ("[demo/echo, spare/echo]", "[spare/echo]"),
    ("[demo/echo, spare/echo]", "{strategy: round-robin, nodes: [demo/echo, spare/echo]}"),
    ("    strategy: round-robin\n", "    affinity: prompt\n"),
    ("      - demo/more\n", ""),
    ("priority: 1", "priority: 2"),
    ("  spare: {adapter: echo, models: [echo]}", "  spare: {adapter: echo, models: [echo]}\n  new: {adapter: echo}"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_what_was_changed_comes_back(old: str, new: str) -> None:
    now = TEXT.replace(old, new)
    after = restored(now, TEXT)
    assert parse(after).data == parse(TEXT).data or check(after).config == check(TEXT).config
    kept = set(now.splitlines()) & set(TEXT.splitlines())
    assert kept <= set(after.splitlines()), "the lines of what is equal stay, and so do their comments"


def test_nothing_is_done_where_nothing_is_different() -> None:
    assert plan(parse(TEXT).data, wanted(*backed_up(TEXT))) == []


def test_what_is_gone_comes_back_and_what_is_new_goes() -> None:
    now = "providers: {other: {adapter: echo}}\nroutes: {talk: [other/echo]}\nserver: {drain: 1m}   # short\n"
    after = restored(now, TEXT)
    assert check(after).config is not None
    assert set(parse(after).data["providers"]) == {"demo", "spare"}
    assert set(parse(after).data["routes"]) == {"chat", "wide"}
    assert "chat: [demo/echo, spare/echo]" in after, "in the short form"
    assert "server: {drain: 1m}   # short" in after


def test_into_an_empty_file() -> None:
    assert check(restored("# nothing yet\n{}\n", TEXT)).config == check(TEXT).config


def test_numbers_and_what_was_known_are_no_config() -> None:
    providers, routes = backed_up(TEXT)
    providers = [{"id": at, **entry, "status": "online", "latency_ms": 1.5} for at, entry in enumerate(providers, 7)]
    numbered = [
        {"id": 1, **route, "nodes": [{"api_id": 7, **node} for node in route["nodes"]], "created_at": "…"}
        for route in routes
    ]
    assert plan(parse(TEXT).data, wanted(providers, numbered)) == []
    by_number = [{**route, "nodes": [{**node, "provider": "demo"} for node in route["nodes"]]} for route in numbered]
    for route in by_number:
        for node in route["nodes"]:
            del node["provider"]
    found = wanted(providers, by_number)
    assert [node.provider for node in found.config.routes["wide"].nodes] == ["demo", "demo"]


KEYED = "providers: {one: {base_url: 'https://a.example.org/v1', api_key: age:YQ}}\n"


@pytest.mark.parametrize(
    ("there", "is_kept"),
    [("https://a.example.org/v1", True), ("https://b.example.org/v1", False)],
)
def test_a_key_that_the_backup_could_not_hold(there: str, is_kept: bool) -> None:
    entry = {"name": "one", "base_url": "https://a.example.org/v1"}
    data = {"providers": {"one": {"base_url": there, "api_key": "age:YQ", "models": []}}}
    path = ("providers", "one", "api_key")
    changes = plan(data, wanted([entry], [], [path]))
    assert all(change.path != path for change in changes) == is_kept


UNFIT: list[tuple[list[Any], list[Any], str]] = [
    ([1], [], "providers[0] is no entry with a name."),
    ([{"adapter": "echo"}], [], "providers[0] is no entry with a name."),
    ([{"name": "a", "adapter": "echo"}] * 2, [], "providers[1] has a name that another one has already."),
    ([{"name": "../../etc/passwd", "adapter": "echo"}], [], "a name has no `/`"),
    ([{"name": "a", "adaptor": "echo"}], [], "adapter"),
    ([{"name": "7", "adapter": "echo"}], [], "a name is not all digits"),
    ([], [{"name": "r", "nodes": [{"provider": "absent", "models": ["x"]}]}], "absent"),
    ([], [{"name": "r", "nodes": [{"api_id": 9}]}], "provider"),
    ([], [{"name": "r", "nodes": 1}], "nodes"),
    ([], [{"name": "r", "mode": "all", "nodes": []}], "mode"),
]


@pytest.mark.parametrize(("providers", "routes", "told"), UNFIT)
def test_what_can_not_be(providers: list[Any], routes: list[Any], told: str) -> None:
    with pytest.raises(Unfit) as raised:
        wanted(providers, routes)
    assert told in "\n".join([str(raised.value), *map(str, raised.value.problems)])
