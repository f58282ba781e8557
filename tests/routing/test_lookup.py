"""The look-up order of `model`, one rule after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from routerd.errors import RouterError
from routerd.routing import lookup
from routerd.snapshot import Provider, Route
from tests.routing.samples import provider, route


@dataclass
class Names:
    """As much of a snapshot as a look-up sees."""

    routes: Mapping[str, Route]
    providers: Mapping[str, Provider]
    matches: Sequence[tuple[str, Route]] = ()
    template: Route = replace(route(""), max_attempts=7)  # noqa: RUF009


def names(routes: list[Route], providers: list[Provider], matches: Sequence[tuple[str, str]] = ()) -> Names:
    by_name = {entry.name: entry for entry in routes}
    return Names(
        by_name, {entry.name: entry for entry in providers}, [(pattern, by_name[name]) for pattern, name in matches]
    )


EVERYTHING = names(
    [
        route("openai/gpt-5,mini", name="smart"),
        route("openai/gpt-5 claude/sonnet-4-5", name="exact", mode="specific"),
        route("openai/gpt-5", name="asleep", is_active=False),
        route("openai/org/gpt", name="openai"),
        route("a/m", name="gpt-exact"),
        route("a/m", name="wide"),
        route("a/m", name="narrow"),
    ],
    [
        provider("openai", "gpt-5 mini shared"),
        provider("claude", "sonnet-4-5 shared org/model smart"),
        provider("free"),
        provider("off", "gone shared", is_active=False),
        provider("keyless", "locked", trouble="no key"),
    ],
    [
        ("gpt*", "wide"), ("gpt-5*", "narrow"), ("gpt-*-x", "wide"), ("gpt-5*", "wide"), ("gpt-5-turbo", "gpt-exact"),
        ("*-any", "wide"), ("asleep-too", "asleep"), ("exact", "wide"), ("a.c", "wide"),
    ],
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "found", "hint", "nodes"),
    [
        # a route's name, before its match and before a listed model
        ("smart", "smart", None, None),
        ("exact", "exact", None, None),
        # match: exact, then the longest prefix, then file order
        ("gpt-5-turbo", "gpt-exact", None, None),
        ("gpt-5-turbo-2", "narrow", None, None),
        ("gpt-4", "wide", None, None),
        ("gpt-4-x", "wide", None, None),
        ("claude-any", "wide", None, None),
        ("a.c", "wide", None, None),
        # ROUTE/HINT, if the route has it
        ("smart/mini", "smart", "mini", None),
        ("smart/openai/mini", "smart", "openai/mini", None),
        ("exact/SONNET", "exact", "SONNET", None),
        ("openai/org/gpt", "openai", "org/gpt", None),
        # PROVIDER/MODEL: listed, or nothing is
        ("openai/mini", "openai/mini", None, "openai/mini"),
        ("free/any/model", "free/any/model", None, "free/any/model"),
        ("keyless/locked", "keyless/locked", None, "keyless/locked"),
        ("claude/org/model", "claude/org/model", None, "claude/org/model"),
        # a bare model that active providers list, in file order
        ("shared", "shared", None, "openai/shared claude/shared"),
        ("org/model", "org/model", None, "claude/org/model"),
    ],
)
def test_found(model: str, found: str, hint: str | None, nodes: str | None) -> None:
    resolution = lookup.resolve(model, EVERYTHING)
    assert (resolution.route.name, resolution.hint) == (found, hint)
    assert resolution.is_configured is (nodes is None)
    if nodes is not None:
        assert " ".join(node.targets[0].name for node in resolution.route.nodes) == nodes


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("asleep", "There is no model `asleep`: route `asleep` is not active."),
        ("asleep/gpt-5", "route `asleep` is not active"),
        ("asleep-too", "There is no model `asleep-too`"),
        ("off/gone", "There is no model `off/gone`: provider `off` is not active."),
        ("gone", "There is no model `gone`."),
        ("smart/", "There is no model `smart/`"),
        ("free/", "There is no model `free/`"),
        ("smart/other", "There is no model `smart/other`"),
        ("claude/mini", "There is no model `claude/mini`"),
        ("abc", "There is no model `abc`."),
        ("", "There is no model ``."),
        ("smrat", "Did you mean `smart`"),
        ("sonnet-4.5", "Did you mean `claude/sonnet-4-5`?"),
        ("Smart", "Did you mean `smart`"),
        ("x" * 5000, f"There is no model `{'x' * 100}…`."),
    ],
)
def test_not_found(model: str, told: str) -> None:
    assert lookup.find(model, EVERYTHING) is None
    with pytest.raises(RouterError) as caught:
        lookup.resolve(model, EVERYTHING)
    assert (caught.value.kind, caught.value.status, caught.value.param) == ("unknown_model", 404, "model")
    assert told in caught.value.message


def test_a_route_made_on_the_spot_inherits_the_defaults() -> None:
    made = lookup.resolve("shared", EVERYTHING).route
    assert (made.mode, made.strategy, made.affinity, made.is_active, made.max_attempts) == (
        "auto", "failover", "none", True, 7,
    )  # fmt: skip
    assert [node.position for node in made.nodes] == [1, 2]


def test_listing_has_active_routes_first_and_then_what_active_providers_list() -> None:
    some = names(
        [route("a/m", name="one"), route("a/m", name="two", is_active=False), route("a/m", name="three")],
        [
            provider("a", "m n"),
            provider("b", "m", is_active=False),
            provider("c", "m", trouble="no key"),
            provider("d"),
        ],
    )
    assert lookup.listing(some, None) == ["one", "three", "a/m", "a/n", "c/m"]
    assert lookup.listing(some, frozenset({"three", "two", "gone"})) == ["three"]
    assert lookup.listing(some, frozenset()) == []


@pytest.mark.parametrize(
    ("model", "routes", "may"),
    [
        ("smart", None, True),
        ("openai/mini", None, True),
        ("smart", {"smart"}, True),
        ("smart/mini", {"smart"}, True),
        ("gpt-4", {"wide"}, True),
        ("exact", {"smart"}, False),
        ("gpt-4", {"smart"}, False),
        ("openai/mini", {"smart", "openai/mini"}, False),
        ("shared", {"shared"}, False),
        ("smart", set(), False),
    ],
)
def test_allowed(model: str, routes: set[str] | None, may: bool) -> None:
    resolution = lookup.resolve(model, EVERYTHING)
    wanted = None if routes is None else frozenset(routes)
    if may:
        lookup.allowed(resolution, wanted)
        return
    with pytest.raises(RouterError) as caught:
        lookup.allowed(resolution, wanted)
    assert (caught.value.kind, caught.value.status) == ("forbidden", 403)


def test_a_client_is_not_told_of_routes_that_it_may_not_use() -> None:
    error = lookup.unknown("smrat", EVERYTHING, frozenset({"wide"}))
    assert error.message == "There is no model `smrat`."
    assert "asleep" not in lookup.unknown("asleep/", EVERYTHING, frozenset({"wide"})).message.replace("`asleep/`", "")


def test_of_a_huge_config_only_the_first_few_hundred_names_are_compared() -> None:
    many = provider("p", " ".join(str(number) for number in range(20_000)))
    huge = names([route("a/m", name="first")], [many, provider("last", "zebra")])
    small = names([route("a/m", name="first")], [provider("last", "zebra")])
    assert "`last/zebra`" in lookup.unknown("last/zebre", small).message
    assert "`last/zebra`" not in lookup.unknown("last/zebre", huge).message
    assert "`first`" in lookup.unknown("frist", huge).message
