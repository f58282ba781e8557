"""Tests of providers, what they list, the vendors that are known, and what a person says of a provider's health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from quart import Response, g

from routerd.adapters.vendors import GENERIC, VENDORS, Vendor, detect
from routerd.checks.probe import Probe
from routerd.checks.unsaved import NotPlain, Unusable, compiled
from routerd.management import Management
from routerd.snapshot import Provider
from routerd.state.inventory import Status
from routerd.web.answers import answer, flag, read_body
from routerd.web.entry_shapes import Provider as Shown
from routerd.web.operations import Operation, Query
from routerd.web.problems import ApiError

DEEP = Query("deep", "Ask a model for one token, beyond the list of models: this costs next to nothing.", bool)

_UNSAVED = ("config_invalid", "reference_by_hand")


class Unsaved(msgspec.Struct):
    """A provider that stands in no file. Its address, or a known vendor's; its key as it is, no reference."""

    base_url: str | None = None
    api_key: str | None = None
    adapter: str | None = None
    vendor: str | None = None
    models: list[str] = []
    allow_private: bool = False


class Tested(msgspec.Struct):
    """What a test found."""

    status: Annotated[Status, Meta(description="`online` is a 2xx, `degraded` any other answer.")]
    status_code: int | None
    latency_ms: float | None
    detail: Annotated[str | None, Meta(description="What is wrong, without any key; null: nothing.")]


class Listed(msgspec.Struct):
    """The models that a provider lists itself, and how the question went; none where it did not answer with a list."""

    models: list[str]
    adapter: str
    vendor: Annotated[str | None, Meta(description="The known vendor that it is.")]
    status: Status
    status_code: int | None
    latency_ms: float | None
    detail: str | None


class Preset(msgspec.Struct):
    """A vendor that needs no more than a key."""

    name: Annotated[str, Meta(description="What `vendor` in router.yaml takes.")]
    title: str
    base_url: Annotated[str | None, Meta(description="null: everybody has their own.")]
    adapter: str
    needs_key: bool
    key_url: Annotated[str | None, Meta(description="The page where keys come from.")]
    key_variable: Annotated[str | None, Meta(description="The variable that the vendor's own tools read.")]
    key_prefixes: Annotated[list[str], Meta(description="How its keys begin. The longest that fits tells most.")]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """False: the provider is not used until that is lifted with true."""

    is_healthy: bool


class ChecksApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management, show: Callable[[str], Awaitable[Response]]) -> None:
        self._management = management
        self._show = show  # one provider, as GET has it
        self._checks = management.checks

    def operations(self) -> Sequence[Operation]:
        """One row for each method of a path."""
        base = "/api/providers"
        return (
            Operation(
                "POST", f"{base}/{{id}}/test", self.test, "Test a provider now, and record the result.",
                gives=Tested, query=(DEEP,), problems=("not_found",),
            ),
            Operation(
                "POST", f"{base}/test-direct", self.test_direct, "Test a provider without saving it.",
                body=Unsaved, gives=Tested, query=(DEEP,), problems=_UNSAVED,
            ),
            Operation(
                "POST", f"{base}/discover", self.discover, "What a provider that is not saved lists.",
                body=Unsaved, gives=Listed, problems=_UNSAVED,
            ),
            Operation(
                "GET", f"{base}/{{id}}/models", self.models, "What the provider itself lists now.",
                gives=Listed, problems=("not_found",),
            ),
            Operation(
                "PATCH", f"{base}/{{id}}/health", self.override,
                "Say that a provider is not to be used, or is well again; its failures are counted anew.",
                body=Wanted, gives=Shown, problems=("not_found",),
            ),
            Operation("GET", "/api/vendors", self.vendors, "The vendors that are known.", gives=list[Preset]),
        )  # fmt: skip

    async def test(self, id: str) -> Response:
        """Look at the provider now."""
        provider = await self._provider(id)
        known = (provider.models, self._management.inventory.row("providers", provider.name).discovered)
        probe = await _look(partial(self._checks.test, provider), flag("deep"), *known)
        await self._management.backups.refresh()  # it says how providers are, too
        return answer(_tested(probe))

    async def test_direct(self) -> Response:
        """Look at what was typed."""
        is_deep = flag("deep")
        body, provider = await _unsaved()
        probe = await _look(partial(self._checks.try_out, provider, body.api_key), is_deep, provider.models)
        return answer(_tested(probe))

    async def discover(self) -> Response:
        """List what was typed."""
        body, provider = await _unsaved()
        probe = await self._checks.try_out(provider, body.api_key)
        return answer(_listed(probe, provider, detect("", body.base_url, body.vendor, body.adapter)))

    async def models(self, id: str) -> Response:
        """List a provider's own models; that is a test of it, too."""
        provider = await self._provider(id)
        probe = await self._checks.test(provider)
        loaded = self._management.reloader.loaded
        entry = loaded.config.providers.get(provider.name) if loaded is not None else None
        vendor = detect(provider.name, entry.base_url, entry.vendor, entry.adapter) if entry is not None else GENERIC
        return answer(_listed(probe, provider, vendor))

    async def override(self, id: str) -> Response:
        """What a person decided."""
        wanted, provider = await read_body(Wanted), await self._provider(id)
        self._checks.override(provider, wanted.is_healthy)
        decided = {"provider": provider.name, "is_healthy": wanted.is_healthy, "actor": g.admin.name}
        self._management.reloader.log.info("provider_overridden", **decided)
        return await self._show(id)

    async def vendors(self) -> Response:
        """The table."""
        return answer([_preset(row) for row in VENDORS.values()])

    async def _provider(self, ident: str) -> Provider:
        """The provider that is meant. Raises ApiError: not_found."""
        await self._management.inventory.settled()
        name = self._management.inventory.name_of("providers", ident)
        provider = self._management.snapshot().providers.get(name) if name is not None else None
        if provider is None:
            raise ApiError("not_found", f"There is no provider `{ident}`.")
        return provider


async def _look(look: Callable[[str | None], Awaitable[Probe]], is_deep: bool, *known: Sequence[str]) -> Probe:
    """A test; a deep one asks the first model that is known here, else the first that the provider lists."""
    model = next((names[0] for names in known if names), None) if is_deep else None
    probe = await look(model)
    if is_deep and model is None and probe.models:
        probe = await look(probe.models[0])
    return probe


async def _unsaved() -> tuple[Unsaved, Provider]:
    """What was typed, and the provider that it makes. Raises ApiError."""
    body = await read_body(Unsaved)
    entry: dict[str, Any] = {name: value for name, value in msgspec.to_builtins(body).items() if value}
    try:
        return body, await asyncio.to_thread(compiled, entry)
    except NotPlain:
        raise ApiError(
            "reference_by_hand", "The key must be given as it is: a reference could send a secret of ours elsewhere."
        ) from None
    except Unusable as error:
        told = [problem.as_json() for problem in error.problems]
        raise ApiError("config_invalid", f"This can't be called: {error}.", problems=told) from None


def _tested(probe: Probe) -> Tested:
    result = probe.result
    return Tested(result.status, result.status_code, result.latency_ms, result.detail)


def _listed(probe: Probe, provider: Provider, vendor: Vendor) -> Listed:
    result, detail = probe.result, probe.result.detail
    if probe.has_passed and probe.models is None:
        detail = "It answered with something other than a list of models."
    models = list(probe.models or ())
    how = (result.status, result.status_code, result.latency_ms, detail)
    return Listed(models, provider.adapter, vendor.name or None, *how)


def _preset(vendor: Vendor) -> Preset:
    return Preset(
        name=vendor.name,
        title=vendor.title,
        base_url=vendor.base_url or None,
        adapter=vendor.adapter,
        needs_key=vendor.key_variable is not None,
        key_url=vendor.key_url or None,
        key_variable=vendor.key_variable,
        key_prefixes=list(vendor.key_prefixes),
    )
