"""What the API is given of a provider or a route, as it is to stand in router.yaml. Pure.

Values that equal the default are left out; of the keys that stand there already only switches are taken out, since a
person wrote the line of anything else. Providers are named, not numbered. What an answer tells besides the file may be
sent back, and is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from routerd.adapters.vendors import detect
from routerd.config.alignment import key
from routerd.config.hiding import REDACTED
from routerd.config.model import NodeConfig, ProviderConfig, RouteConfig, Shape
from routerd.config.problem import Path

Names = Callable[[str], str | None]  # a provider's name by its id

_KEY_TOLD = {"set", "source", "fingerprint"}
_TOLD_OF_EDITS = {"digest", "generation", "diff", "changes", "problems", "git"}
_TOLD = {"id", "name", "created_at", "updated_at", *_TOLD_OF_EDITS}
_TOLD_OF_PROVIDERS = _TOLD | {
    "status", "status_code", "is_healthy", "consecutive_failures", "latency_ms", "detail", "last_tested_at", "trouble",
}  # fmt: skip
_TOLD_OF_NODES = {"id", "api_id", "provider", "provider_name"}


class BadPayload(Exception):
    """What was sent can't become an entry: the place in it, what is wrong, and perhaps what to do."""

    def __init__(self, path: Path, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


def new_provider(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A provider that was not there. Raises BadPayload for a secret that was left out of an answer."""
    wanted = _written(ProviderConfig, asked, {}, _TOLD_OF_PROVIDERS)
    for path, _ in _redacted(wanted):
        raise BadPayload(path, "this stands for a secret, and is none", "send the secret itself")
    return wanted


def changed_provider(name: str, old: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a merge patch that would change something. Raises BadPayload as `new_provider` does."""
    old = old or {}
    wanted = _written(ProviderConfig, asked, old, _TOLD_OF_PROVIDERS)
    api_key = wanted.get("api_key")
    if isinstance(api_key, dict) and api_key.keys() == _KEY_TOLD:
        del wanted["api_key"]
    for where, value in detected(name, old).items():
        if where in wanted and where not in old and wanted[where] == value:
            del wanted[where]
    for path, holder in list(_redacted(wanted)):
        if not _has(old, path):
            raise BadPayload(path, "this stands for a secret, and is none", "send the secret itself")
        holder.pop(path[-1])
    return wanted


def detected(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Address and adapter of a checked provider, written or not; the built-in echo has no address."""
    base_url = entry.get("base_url")
    vendor = detect(name, base_url, entry.get("vendor"), entry.get("adapter"))
    address = None if vendor.adapter == "echo" else vendor.base_url or None
    return {"base_url": base_url if base_url is not None else address, "adapter": vendor.adapter}


def new_route(asked: Mapping[str, Any], names: Names) -> Any:
    """A route that was not there: a list where its nodes say all of it. Raises BadPayload."""
    wanted = _written(RouteConfig, asked, {}, _TOLD)
    strategy = asked.get("strategy") or _agreed(asked.get("nodes"))
    if strategy is not None and not _is_default(RouteConfig, "strategy", strategy):
        wanted["strategy"] = strategy
    nodes = wanted.get("nodes")
    if isinstance(nodes, list):
        wanted["nodes"] = nodes = [_node(each, at, names, strategy or "failover") for at, each in enumerate(nodes)]
    is_short = wanted.keys() == {"nodes"} and isinstance(nodes, list) and all(isinstance(each, str) for each in nodes)
    return nodes if is_short else _ordered(RouteConfig, wanted)


def changed_route(old: Any, asked: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The part of a merge patch that would change something. Nodes that say the same stay as they stand.

    Raises BadPayload.
    """
    before: Mapping[str, Any] = {"nodes": old} if isinstance(old, list) else old or {}
    wanted = _written(RouteConfig, asked, before, _TOLD)
    nodes = wanted.get("nodes")
    if isinstance(nodes, list):
        strategy = asked.get("strategy", before.get("strategy")) or "failover"
        told = [_node(each, at, names, strategy) for at, each in enumerate(nodes)]
        wanted["nodes"] = _as_they_stood(before.get("nodes") or [], told, strategy)
        if wanted["nodes"] == before.get("nodes"):
            del wanted["nodes"]
    return wanted


def _written(shape: type[Shape], asked: Mapping[str, Any], old: Mapping[str, Any], told: set[str]) -> dict[str, Any]:
    wanted = {
        name: None if name in old and old[name] != value and _is_off(shape, name, value) else value
        for name, value in asked.items()
        if name not in told and (name in old or not _is_default(shape, name, value))
    }
    return _ordered(shape, wanted)


def _ordered(shape: type[Shape], wanted: dict[str, Any]) -> dict[str, Any]:
    """The keys in the order of the model; those that it does not know, for the check to refuse, come last."""
    known = [name for name in shape.model_fields if name in wanted]
    return {name: wanted[name] for name in (*known, *wanted)}


def _is_default(shape: type[Shape], name: str, value: Any) -> bool:
    if value is None:
        return True
    field = shape.model_fields.get(name)
    if field is None:
        return False
    default = field.get_default(call_default_factory=True)
    return value == {} if default is None else type(value) is type(default) and bool(value == default)


def _is_off(shape: type[Shape], name: str, value: Any) -> bool:
    """Whether a switch goes back to its default: then the whole line goes."""
    return isinstance(value, bool) and _is_default(shape, name, value)


def _redacted(wanted: dict[str, Any]) -> Iterable[tuple[tuple[str, ...], dict[str, Any]]]:
    """Where our own word for a secret stands, with the map that it stands in."""
    yield from (((name,), wanted) for name in ("api_key", "proxy") if _is_redacted(wanted.get(name)))
    headers = wanted.get("headers")
    if isinstance(headers, dict):
        yield from ((("headers", name), headers) for name, value in headers.items() if _is_redacted(value))


def _is_redacted(value: Any) -> bool:
    return isinstance(value, str) and REDACTED in value


def _has(entry: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(entry, dict) or step not in entry:
            return False
        entry = entry[step]
    return True


def _agreed(nodes: Any) -> str | None:
    """The strategy that all nodes name which name one."""
    named = [node["strategy"] for node in nodes or () if isinstance(node, dict) and node.get("strategy") is not None]
    if any(each != named[0] for each in named):
        raise BadPayload(("strategy",), "the nodes have different strategies", "send the route's `strategy` as well")
    return named[0] if named and isinstance(named[0], str) else None


def _node(value: Any, at: int, names: Names, strategy: Any) -> Any:
    """A node as it is written into the file; what is none is left to the check."""
    if not isinstance(value, dict):
        return value
    name = _provider_of(value, at, names)
    rest = {
        each: told
        for each, told in value.items()
        if each not in _TOLD_OF_NODES and not _is_default(NodeConfig, each, told)
    }
    if rest.get("strategy") == strategy:
        del rest["strategy"]
    node = _ordered(NodeConfig, rest if name is None else {"provider": name, **rest})
    match node:
        case {"provider": str(provider), "models": [str(model)]} if len(node) == 2 and provider and model:
            return f"{provider}/{model}"
    return node


def _provider_of(node: Mapping[str, Any], at: int, names: Names) -> Any:
    number, name = node.get("api_id"), node.get("provider")
    if number is None:
        return node.get("provider_name") if name is None else name
    found = names(str(number)) if type(number) is int else None
    if found is None:
        raise BadPayload(("nodes", at, "api_id"), "there is no provider of this id", "GET /api/providers lists them")
    if name is not None and name != found:
        raise BadPayload(("nodes", at, "provider"), f"`api_id` is that of `{found}`", "send one of them")
    return found


def _as_they_stood(old: list[Any], new: list[Any], strategy: Any) -> list[Any]:
    """The new nodes, in the words of the old ones where these mean the same now."""
    waiting: dict[Hashable, list[Any]] = {}
    for node in old:
        waiting.setdefault(_meaning(node, strategy), []).append(node)
    result = []
    for node in new:
        same = waiting.get(_meaning(node, strategy))
        result.append(same.pop(0) if same else node)
    return result


def _meaning(node: Any, strategy: Any) -> Hashable:
    """Equal for nodes that say the same in a route of this strategy."""
    if isinstance(node, str):
        provider, _, model = node.partition("/")
        node = {"provider": provider, "models": [model]}
    if not isinstance(node, dict):
        return key(node)
    told = {name: value for name, value in node.items() if not _is_default(NodeConfig, name, value)}
    told.setdefault("strategy", strategy)
    return key(told)
