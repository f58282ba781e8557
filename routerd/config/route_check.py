"""What can be wrong with a route: its nodes, and the names it answers to."""

from __future__ import annotations

from collections.abc import Mapping

from routerd.adapters.vendors import SERVED, Vendor, detect
from routerd.config.findings import Findings
from routerd.config.model import NodeConfig, ProviderConfig, RouteConfig, RouterConfig
from routerd.config.problem import Path
from routerd.config.provider_check import is_model
from routerd.config.similar import did_you_mean


def check_route(
    findings: Findings, config: RouterConfig, name: str, route: RouteConfig, vendors: Mapping[str, Vendor]
) -> None:
    """Everything about one route but its `match`."""
    path: Path = ("routes", name)
    for index, node in enumerate(route.nodes):
        _check_node(findings, config, (*path, "nodes", index), node)
    _check_repeats(findings, path, route)
    _check_effects(findings, config, path, route)
    if route.is_active and findings.is_whole(path):
        _check_usable(findings, config, path, route, vendors)


def _check_node(findings: Findings, config: RouterConfig, path: Path, node: NodeConfig) -> None:
    provider = config.providers.get(node.provider)
    if provider is None:
        _tell_unknown_provider(findings, config, path, node)
    is_clear = findings.is_clear(("providers", node.provider), "models")
    listed = provider.models if provider is not None and is_clear else []
    for index, model in enumerate(node.models):
        place: Path = (*path, "models", index)
        if not is_model(model):
            findings.error(place, "a model's name has printable characters, and no space at its ends")
        elif model in node.models[:index]:
            findings.warning(place, f"`{model}` stands in this list already", "delete one of them")
        elif listed and model not in listed:
            hint = did_you_mean(model, listed)
            findings.warning(place, f"`{node.provider}` does not list the model `{model}`", hint)


def _tell_unknown_provider(findings: Findings, config: RouterConfig, path: Path, node: NodeConfig) -> None:
    known = findings.names("providers", config.providers)
    if node.provider in known:
        return  # it is there, and what is wrong with it has been said
    place = (*path, "provider")
    if not known:
        findings.error(place, f"there is no provider `{node.provider}`", "declare it under `providers:`")
        return
    hint = did_you_mean(node.provider, known) or f"the providers are {', '.join(known[:5])}"
    findings.error(place, f"there is no provider `{node.provider}`", hint)


def _check_repeats(findings: Findings, path: Path, route: RouteConfig) -> None:
    """A target that stands twice in a route is never more than tried twice."""
    first: dict[tuple[str, str], int] = {}
    for index, node in enumerate(route.nodes):
        for model in node.models if node.provider else ():
            target = (node.provider, model)
            if first.setdefault(target, index) != index:
                message = f"`{node.provider}/{model}` is in this route already, as node {first[target] + 1}"
                findings.warning((*path, "nodes", index), message, "delete one of them")


def _check_effects(findings: Findings, config: RouterConfig, path: Path, route: RouteConfig) -> None:
    """Keys that change nothing where they stand."""
    for index, node in enumerate(route.nodes):
        place: Path = (*path, "nodes", index)
        if node.priority and route.mode != "multi":
            message = f"`priority` has no effect in mode `{route.mode}`"
            findings.warning((*place, "priority"), message, "set `mode: multi`", key=True)
        if node.strategy is not None and len(_models(config, node)) == 1:
            message = "`strategy` has no effect for a single model"
            findings.warning((*place, "strategy"), message, "it is among the models of this node", key=True)


def _models(config: RouterConfig, node: NodeConfig) -> list[str]:
    provider = config.providers.get(node.provider)
    return node.models or (provider.models if provider is not None else [])


def _check_usable(
    findings: Findings, config: RouterConfig, path: Path, route: RouteConfig, vendors: Mapping[str, Vendor]
) -> None:
    """Warn of a route that can't answer, and of nodes that have nothing to offer."""
    usable = 0
    for index, node in enumerate(route.nodes):
        provider = config.providers.get(node.provider)
        if provider is None:
            return  # an error by itself
        if not _models(config, node):
            message = f"neither this node nor `{node.provider}` lists a model, so it is never used"
            findings.warning((*path, "nodes", index), message, "add `models`")
        elif _serves(provider, vendors[node.provider]):
            usable += 1
    if not route.nodes:
        findings.warning(path, "the route has no nodes, so it can't answer", key=True)
    elif not usable:
        findings.warning(path, "none of the route's nodes can be used, so it can't answer", key=True)


def _serves(provider: ProviderConfig, vendor: Vendor) -> bool:
    return provider.is_active and vendor.adapter in SERVED


def hints(config: RouterConfig) -> list[tuple[Path, str]]:
    """What could be better and is no problem: a place in the file, and what one might do there.

    Nobody but a person who asks `routerd check` is told: not the log, not the API, and `--strict` passes.
    """
    return [
        (("routes", name, "strategy"), _AFFINITY) for name, route in config.routes.items() if _scatters(config, route)
    ]


_AFFINITY = (
    "each turn of a conversation goes to another provider, where no prompt is cached; "
    "`affinity: prompt` keeps it in place, `affinity: none` says that this is meant"
)


def _scatters(config: RouterConfig, route: RouteConfig) -> bool:
    """Whether a conversation changes providers, and nobody has said that it should."""
    if route.strategy != "round-robin" or route.mode == "specific" or "affinity" in route.model_fields_set:
        return False
    rings: dict[int, set[str]] = {}
    for node in route.nodes:
        provider = config.providers.get(node.provider)
        if provider is not None and provider.is_active and not _is_echo(node.provider, provider):
            rings.setdefault(node.priority if route.mode == "multi" else 0, set()).add(node.provider)
    return route.is_active and any(len(ring) > 1 for ring in rings.values())


def _is_echo(name: str, provider: ProviderConfig) -> bool:
    return detect(name, provider.base_url, provider.vendor, provider.adapter).adapter == "echo"


def check_matches(findings: Findings, routes: Mapping[str, RouteConfig]) -> None:
    """Patterns that can't be read, that another route has already, or that a route's own name hides."""
    owners: dict[str, str] = {}
    for name, route in routes.items():
        for index, pattern in enumerate(route.match):
            path: Path = ("routes", name, "match", index)
            if not pattern or not pattern.isprintable() or pattern != pattern.strip():
                findings.error(path, "a pattern is a model's name, with or without `*` at its end")
            elif "*" in pattern[:-1]:
                findings.error(path, "`*` stands only at the end of a pattern")
            elif pattern in owners:
                message = f"the route `{owners[pattern]}` has this pattern already, and goes first"
                findings.warning(path, message, "delete one of them")
            elif pattern in routes:
                message = f"the name of the route `{pattern}` goes first, so this never matches"
                findings.warning(path, message, "delete it")
            owners.setdefault(pattern, name)
