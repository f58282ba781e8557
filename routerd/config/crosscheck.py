"""What the parts of a config mean for each other. One function for each part; all of them find, none decides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from routerd.adapters.vendors import Vendor, detect
from routerd.config import recipients as public_keys
from routerd.config.findings import Findings
from routerd.config.model import AdminConfig, ClientConfig, RouterConfig
from routerd.config.problem import Path
from routerd.config.provider_check import check_provider
from routerd.config.route_check import check_matches, check_route
from routerd.config.similar import did_you_mean

_LONGEST_NAME = 64
_EMPTY = hashlib.sha256(b"").hexdigest()


def crosscheck(findings: Findings, config: RouterConfig) -> None:
    """Find everything that no single value shows."""
    for section in ("providers", "routes", "clients", "admins"):
        for name in findings.names(section, ()):
            _check_name(findings, (section, name))
    _check_recipients(findings, config.recipients)
    vendors = {
        name: detect(name, provider.base_url, provider.vendor, provider.adapter)
        for name, provider in config.providers.items()
    }
    for name, provider in config.providers.items():
        check_provider(findings, config, name, provider, vendors[name])
    _check_routes(findings, config, vendors)
    _check_people(findings, "clients", "key_sha256", config.clients or {})
    _check_people(findings, "admins", "token_sha256", config.admins)
    _check_clients(findings, config)


def _check_name(findings: Findings, path: Path) -> None:
    name = str(path[-1])
    if len(name) > _LONGEST_NAME:
        findings.error(path, f"a name has at most {_LONGEST_NAME} characters", key=True)
    elif "/" in name:
        findings.error(path, "a name has no `/`", "it parts provider and model in `PROVIDER/MODEL`", key=True)
    elif name.isdigit():
        findings.error(path, "a name is not all digits", "numbers are taken for ids", key=True)
    elif not name.isprintable() or name != name.strip():
        findings.error(path, "a name has printable characters, and spaces only inside", key=True)


def _check_recipients(findings: Findings, recipients: list[str]) -> None:
    seen: set[str] = set()
    for index, recipient in enumerate(recipients):
        path: Path = ("recipients", index)
        if (refusal := public_keys.refusal(recipient)) is not None:
            findings.error(path, *refusal)
        elif public_keys.normal(recipient) in seen:
            findings.warning(path, "this recipient stands above already", "delete one of them")
        seen.add(public_keys.normal(recipient))
    if len(seen) > public_keys.MOST:
        findings.error(("recipients",), f"there are more than {public_keys.MOST} recipients", key=True)


def _check_routes(findings: Findings, config: RouterConfig, vendors: Mapping[str, Vendor]) -> None:
    for name, route in config.routes.items():
        check_route(findings, config, name, route, vendors)
    check_matches(findings, config.routes)


def _check_people(
    findings: Findings, section: str, key: str, people: Mapping[str, ClientConfig] | Mapping[str, AdminConfig]
) -> None:
    """Each digest is one person's, and no empty key's."""
    owners: dict[str, str] = {}
    for name, person in people.items():
        digest = getattr(person, key)
        if digest == _EMPTY:
            findings.error((section, name, key), "this is the SHA-256 of nothing at all")
        elif digest in owners:
            findings.error((section, name, key), f"`{owners[digest]}` has the same key", "give each their own")
        owners.setdefault(digest, name)


def _check_clients(findings: Findings, config: RouterConfig) -> None:
    routes = findings.names("routes", config.routes)
    for name, client in (config.clients or {}).items():
        if client.routes == []:
            findings.warning(("clients", name, "routes"), "this client may use no route at all")
        for index, route in enumerate(client.routes or []):
            path: Path = ("clients", name, "routes", index)
            if route not in routes:
                findings.error(path, f"there is no route `{route}`", did_you_mean(route, routes))
            elif route in (client.routes or [])[:index]:
                findings.warning(path, f"`{route}` stands in this list already", "delete one of them")
    if config.clients is not None and config.server.allow_anonymous:
        message = "`allow_anonymous` has no effect where there are `clients`"
        findings.warning(("server", "allow_anonymous"), message, key=True)
