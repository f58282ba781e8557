"""`/api/providers`: the upstream accounts of router.yaml, with what tests and traffic say of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routerd import sealing
from routerd.config.document import parse
from routerd.config.hiding import REDACTED
from routerd.config.model import ProviderConfig
from routerd.config.payloads import changed_provider, detected, new_provider
from routerd.config.places import Place, of_provider
from routerd.config.references import SecretError
from routerd.loading import Loaded, Secrets
from routerd.management import Management
from routerd.state.generations import stamp
from routerd.state.inventory import Row
from routerd.web.entries import Body, Entries, TextFacts, tell_each, told_times
from routerd.web.entry_shapes import EditedProvider, Provider
from routerd.web.operations import DRY_RUN, Operation, Query

FORCE = Query("force", "Take it out of whatever uses it.", bool)

_ALWAYS = frozenset({"base_url", "adapter", "models", "is_active", "api_key"})
_NO_KEY = {"set": False, "source": None, "fingerprint": None}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the file says of a provider; of its secrets only what may be told."""

    told: Body
    api_key: Body


class ProvidersApi(Entries):
    """The handlers; every one runs behind the guard."""

    section = "providers"
    path = "/api/providers"

    def __init__(self, management: Management) -> None:
        super().__init__(management)
        self._texts = TextFacts(self._read)

    def operations(self) -> Sequence[Operation]:
        """One row for each path and method."""
        one = f"{self.path}/{{id}}"
        return (
            Operation(
                "GET", self.path, self.list, "All providers, in the order of the file.",
                gives=list[Provider], is_tagged=True,
            ),
            Operation(
                "POST", self.path, self.create, "Add a provider; a plain key is sealed before it touches the file.",
                body=dict, gives=EditedProvider, status=201, query=(DRY_RUN,), problems=("name_taken",),
            ),
            Operation(
                "GET", one, self.get, "One provider, by its id or its name.",
                gives=Provider, problems=("not_found",), is_tagged=True,
            ),
            Operation(
                "PATCH", one, self.patch, "Change a provider by a JSON merge patch; `name` renames it everywhere.",
                body=dict, gives=EditedProvider, query=(DRY_RUN,), problems=("not_found", "name_taken"),
            ),
            Operation(
                "DELETE", one, self.drop, "Remove a provider that no route uses, or with `force` from those, too.",
                status=204, query=(DRY_RUN, FORCE), problems=("not_found", "in_use"),
            ),
        )  # fmt: skip

    async def shown(self, loaded: Loaded, rows: Mapping[str, Row]) -> list[Body]:
        """See the base."""
        entries = await self._texts.of(loaded)
        return await tell_each(rows, lambda name, row: self._one(loaded, name, row, entries[name]))

    def made(self, asked: Body) -> Any:
        """See the base."""
        return new_provider(asked)

    def changed(self, name: str, old: Any, asked: Body) -> Body:
        """See the base."""
        return changed_provider(name, old, asked)

    def _one(self, loaded: Loaded, name: str, row: Row, entry: _Entry) -> Body:
        is_healthy, failures = self._management.checks.standing(name)
        override, cooling_until = self._management.checks.held_back(name)
        trouble = loaded.snapshot.providers[name].trouble
        return {
            "id": row.id,
            "name": name,
            **entry.told,
            "api_key": entry.api_key,
            "status": row.status,
            "is_healthy": is_healthy,
            "consecutive_failures": failures,
            "override": override,
            "cooling_until": None if cooling_until is None else stamp(cooling_until),
            "latency_ms": row.latency_ms,
            "last_tested_at": None if row.last_tested_at is None else stamp(row.last_tested_at),
            **told_times(row),
            **({} if trouble is None else {"trouble": trouble}),
        }

    # In a thread

    def _read(self, loaded: Loaded) -> dict[str, _Entry]:
        folder = self._management.reloader.path.parent
        sources = self._management.reloader.sources or sealing.usual_sources(folder, os.environ)
        secrets = Secrets(folder, sources)
        data = parse(loaded.text).data["providers"] if loaded.config.providers else {}
        return {
            name: _entry(name, data[name] or {}, config, secrets) for name, config in loaded.config.providers.items()
        }


def _entry(name: str, written: Body, config: ProviderConfig, secrets: Secrets) -> _Entry:
    places = {place.path[2:]: place for place in of_provider(name, config)}
    rest = {key: _without_secrets(key, value, places) for key, value in written.items() if key not in _ALWAYS}
    told = {**detected(name, written), "models": config.models, "is_active": config.is_active, **rest}
    place = places.get(("api_key",))
    return _Entry(told, dict(_NO_KEY) if place is None else _key(place, secrets))


def _key(place: Place, secrets: Secrets) -> Body:
    try:
        fingerprint = sealing.fingerprint(secrets.value(place.secret, place.origin))
    except SecretError:
        fingerprint = None
    return {"set": True, "source": place.kind, "fingerprint": fingerprint}


def _without_secrets(key: str, value: Any, places: Mapping[tuple[str | int, ...], Place]) -> Any:
    if key == "headers" and isinstance(value, dict):
        return {name: _hidden(text, places.get((key, name))) for name, text in value.items()}
    return _hidden(value, places.get((key,))) if key == "proxy" else value


def _hidden(text: Any, place: Place | None) -> Any:
    """A value without what is secret in it; references and what is sealed may be told."""
    if place is None or place.kind != "plain" or not place.secret or not isinstance(text, str):
        return text
    return REDACTED if place.text == place.secret else place.with_secret("secret").replace(":secret@", f":{REDACTED}@")
