"""`routerd doctor`: what is wrong, from the file to the providers, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from routerd.cli.api import Api, NobodyThere, Stranger, api_options, connect, counted, print_json, print_table
from routerd.cli.reading import cure_of
from routerd.cli.surroundings import load_settings
from routerd.cli.trouble import Trouble
from routerd.config.similar import did_you_mean
from routerd.settings import Settings

if TYPE_CHECKING:
    from routerd.checks.doctor import Finding
    from routerd.keyring import Row
    from routerd.loading import Loaded
    from routerd.snapshot import Provider, Route

_AT_ONCE = 8


@click.command
@click.argument("name", metavar="[PROVIDER|ROUTE]", required=False)
@click.option("--deep", is_flag=True, help="Ask a model of each provider for one token, too: it costs next to nothing.")
@api_options
@click.pass_context
def doctor(
    context: click.Context, name: str | None, deep: bool, config: str | None, url: str | None, as_json: bool
) -> None:
    """Look at the file, its keys, and the providers: their addresses, certificates and models; say what to do.

    Providers are asked by the router that runs here; without one, all the rest is looked at. Exits with 1 when
    something has to be mended.
    """
    findings = list(_examined(name, deep, config, url))
    troubles = sum(finding.state == "trouble" for finding in findings)
    if as_json:
        print_json({"ok": not troubles, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [(finding.subject, finding.what, finding.state, finding.words) for finding in findings]
        print_table(("WHO", "WHAT", "STANDING", "FOUND"), rows)
        click.echo(_summary(findings), err=True)
    context.exit(1 if troubles else 0)


@dataclass(frozen=True, slots=True)
class _Patients:
    """The providers to look at, and the models that the file names of each."""

    providers: tuple[Provider, ...]
    models: dict[str, list[str]]


def _examined(name: str | None, deep: bool, config: str | None, url: str | None) -> Iterator[Finding]:
    from routerd.keyring import Keyring
    from routerd.keyring import rows as rows_of_keys
    from routerd.loading import Rejected, load, read_file
    from routerd.sealing import sources

    settings = load_settings({"config": config})
    try:
        found = read_file(settings.config)
        loaded = load(found.text, found.digest, 1, settings.folder, sources(settings, os.environ))
    except Rejected as rejected:
        yield from _broken(settings, rejected)
        return
    yield _file(settings, loaded)
    patients = _patients(loaded, name)
    ring = Keyring(sources(settings, os.environ))
    yield from _recipients(loaded)
    keys = list(rows_of_keys(loaded.text, ring, os.environ, settings.folder))
    api, standing = _router(connect(config, url))
    yield standing
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = pool.map(lambda provider: _provider(provider, patients, keys, api, deep), patients.providers)
        yield from (finding for findings in told for finding in findings)
    yield from _routes(loaded, name, api)


def _broken(settings: Settings, rejected: Any) -> Iterator[Finding]:
    from routerd.checks.doctor import Finding

    for problem in rejected.problems:
        if problem.severity == "error":
            yield Finding("file", settings.config.name, "trouble", str(problem))
    if not rejected.problems:
        reason, cure = str(rejected.reason), cure_of(rejected.trouble)
        yield Finding("file", settings.config.name, "trouble", reason, cure)


def _file(settings: Settings, loaded: Loaded) -> Finding:
    from routerd.checks.doctor import Finding

    count = len(loaded.warnings)
    if not count:
        return Finding("file", settings.config.name, "ok", "no problems")
    return Finding("file", settings.config.name, "warning", counted(count, "warning"), "`routerd check` says more")


def _patients(loaded: Loaded, name: str | None) -> _Patients:
    """Whom to look at: one provider, those of a route, or all that are active. Raises Trouble."""
    providers, routes = loaded.snapshot.providers, loaded.snapshot.routes
    if name is not None and name not in providers and name not in routes:
        known = [*providers, *routes]
        raise Trouble(f"there is no provider and no route `{name}`", did_you_mean(name, known))
    named = [target for route in routes.values() for node in route.nodes for target in node.targets]
    models = {each.name: list(each.models) for each in providers.values()}
    for target in named:
        models.setdefault(target.provider.name, []).append(target.model)
    if name is None:
        chosen = [provider for provider in providers.values() if provider.is_active]
    elif name in routes:
        chosen = [providers[each] for each in dict.fromkeys(node.provider.name for node in routes[name].nodes)]
    else:
        chosen = [providers[name]]
    return _Patients(tuple(chosen), models)


def _recipients(loaded: Loaded) -> Iterator[Finding]:
    from routerd.checks.doctor import Finding
    from routerd.keyring import standing

    count = len(loaded.config.recipients or ())
    if count:
        cure = "add a second one and run `routerd key rotate`" if count == 1 else None
        yield Finding("file", "recipients", "ok" if count > 1 else "warning", standing(count), cure)


def _router(api: Api) -> tuple[Api | None, Finding]:
    """The router that answers there, if there is one that can be asked."""
    from routerd.checks.doctor import Finding

    try:
        told = api.get("/api/status").body
    except Stranger:
        message = f"what answers at {api.url} is no router, so no provider is asked for anything"
        return None, Finding("router", "status", "warning", message, "name its address with --url")
    except NobodyThere:
        message = f"none answers at {api.url}, so no provider is asked for anything"
        return None, Finding("router", "status", "note", message, "start one with `routerd serve`")
    except Trouble as trouble:
        return None, Finding("router", "status", "trouble", trouble.format_message())
    if not told["config"]["is_served"]:
        message = f"the file is not what serves: {told['config']['state']}"
        return api, Finding("router", "status", "trouble", message, told["config"]["cure"])
    return api, Finding("router", "status", "ok", f"generation {told['generation']} serves at {api.url}")


def _provider(
    provider: Provider, patients: _Patients, keys: Sequence[Row], api: Api | None, deep: bool
) -> list[Finding]:
    from routerd.checks import doctor as checks

    of_keys = list(checks.keys(row for row in keys if row.provider == provider.name))
    is_echo = provider.adapter == "echo"
    of_address = [] if is_echo or not provider.base_url else [checks.address(provider)]
    asked = list(_asked(provider, patients.models[provider.name], api, deep)) if api is not None else []
    told = {finding.message for finding in of_keys}
    asked = [finding for finding in asked if finding.message not in told]  # that the key can't be had
    if any(finding.what in ("test", "deep test") and finding.state == "ok" for finding in asked):
        of_keys = [_known_elsewhere(finding) for finding in of_keys]
    return [*([] if is_echo else of_keys), *of_address, *asked]


def _known_elsewhere(finding: Finding) -> Finding:
    """A key that can't be had here, while the router has it: its environment is another."""
    if finding.state != "trouble":
        return finding
    return replace(finding, state="note", message=f"{finding.message} here, but the router has it", cure=None)


def _asked(provider: Provider, wanted: Iterable[str], api: Api, deep: bool) -> Iterator[Finding]:
    from routerd.checks.doctor import Finding, asked, models, unusable

    path = f"/api/providers/{quote(provider.name, safe='')}"
    try:
        if (reason := api.get(path).body.get("trouble")) is not None:
            yield unusable(provider.name, reason, is_usable_here=provider.trouble is None)
            return
        told = api.get(f"{path}/models").body
        yield asked(provider.name, "test", told, told["vendor"])
        yield from models(provider.name, wanted, told["models"])
        if deep and told["status_code"] is not None:
            tested = api.post(f"{path}/test?deep=true").body
            yield asked(provider.name, "deep test", tested, told["vendor"])
    except Trouble as trouble:
        yield Finding(provider.name, "test", "trouble", trouble.format_message())


def _routes(loaded: Loaded, name: str | None, api: Api | None) -> Iterator[Finding]:
    """Routes that nobody can be served by, as the router has it, or else the file."""
    from routerd.checks.doctor import Finding

    for route in loaded.snapshot.routes.values():
        if not route.is_active or name not in (None, route.name):
            continue
        left_out = _left_out(route, api)
        targets = sum(len(node.targets) for node in route.nodes)
        if not targets:
            yield Finding(route.name, "route", "warning", "it has no target")
        elif left_out is None or left_out >= targets:
            yield Finding(route.name, "route", "trouble", "none of its targets can be used", "see its providers above")
        elif left_out:
            message = f"{left_out} of its {targets} targets can't be used"
            yield Finding(route.name, "route", "warning", message, "see its providers above")
        else:
            yield Finding(route.name, "route", "ok", f"{counted(targets, 'target')} can be used")


def _left_out(route: Route, api: Api | None) -> int | None:
    """How many targets are never tried; None: all."""
    if api is None:
        return sum(not target.provider.is_usable for node in route.nodes for target in node.targets)
    try:
        told = api.post("/api/explain", {"model": route.name}).body
    except Trouble:
        return None
    unusable = {row["node"] for row in told["skipped"] if row["kind"] == "unusable"}
    return sum(len(node.targets) for node in route.nodes if node.position in unusable)


def _summary(findings: Sequence[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in findings) for state in ("trouble", "warning")}
    told = [counted(count, word) for word, count in counts.items() if count]
    return ", ".join(told) or "all is well"
